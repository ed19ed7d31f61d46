"""The daemon in the foreground: everything started in order, and stopped in order. Its loop is `serving`."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

from nemo_watch import __version__
from nemo_watch.clock import SystemClock
from nemo_watch.daemon.adapters import SpokenLanguage
from nemo_watch.daemon.answers import Answers
from nemo_watch.daemon.crew import RealCrew
from nemo_watch.daemon.local import with_local_studio
from nemo_watch.daemon.looks import Looks
from nemo_watch.daemon.membership import Leading, able, joined
from nemo_watch.daemon.recall import Recall
from nemo_watch.daemon.receipts import Receipts
from nemo_watch.daemon.requests import Requests
from nemo_watch.daemon.rounds import Rounds
from nemo_watch.daemon.serving import HARD_STOP, Daemon, OnChange
from nemo_watch.daemon.telling import Telling
from nemo_watch.daemon.ticks import Chores
from nemo_watch.daemon.wiring import only_daemon, open_journal, running_service, take_token
from nemo_watch.daemon.wishes import Wishes
from nemo_watch.errors import Trouble, UsageError
from nemo_watch.inbox.listing import InboxFolder
from nemo_watch.inbox.looking import Lookout
from nemo_watch.inbox.watching import Watch
from nemo_watch.jobs import queue, records
from nemo_watch.jobs.dispatch import Dispatcher
from nemo_watch.jobs.hosts import Host
from nemo_watch.jobs.tables import FIRST_SITE
from nemo_watch.logs import logger
from nemo_watch.model import Backend
from nemo_watch.outbox.notify import Notifier
from nemo_watch.outbox.publish import OutboxFolder
from nemo_watch.outbox.receipt import read_receipts

if TYPE_CHECKING:
    from pathlib import Path

    from nemo_watch.clock import Clock
    from nemo_watch.config import Config
    from nemo_watch.daemon.wiring import RealService
    from nemo_watch.jobs.cluster import Cluster
    from nemo_watch.jobs.dispatch import Workers
    from nemo_watch.jobs.store import Store

log = logger("daemon")


async def run(
    config: Config,
    *,
    once: bool = False,
    on_change: OnChange | None = None,
    reload: Callable[[], Config] | None = None,
) -> int:
    """The daemon until a signal (exit code 0), or until nothing can move (`once`: 0 when every film is done, else 1).

    `reload` reads the configuration anew at SIGHUP. An inbox that is away is a pause; one that never was is a mistake.
    Raises: UsageError for what only a person can put right before it can start.
    """
    token = take_token(os.environ)
    clock = SystemClock()
    _heed_signals_at_the_edges(0)  # nothing is at work yet: a stop is a stop
    async with AsyncExitStack() as stack:
        stack.enter_context(only_daemon(config))
        _check_outbox(config)
        store = open_journal(config)
        stack.callback(store.close)
        if not config.folders.inbox.is_dir() and not await store.read(records.known_before):
            raise _no_inbox(config.folders.inbox)
        config, let_go = await stack.enter_async_context(with_local_studio(config))
        service = await stack.enter_async_context(
            running_service(
                config,
                token=None if config.service.backend == "studio" else token,
                clock=clock,
                store=store if config.journal.url else None,
                let_go=let_go,
            )
        )
        daemon = await stack.enter_async_context(started(config, clock, store, service, once=once))
        code = await daemon.serve(on_change, reload)
        _heed_signals_at_the_edges(HARD_STOP)  # what may not be cut is being finished; a second signal cuts it
    if daemon.hangs:
        os._exit(code)  # a mount that does not answer holds a thread for ever; everything that matters is closed
    return code


def _heed_signals_at_the_edges(code: int) -> None:
    """Before and after the loop has its own handlers: SIGTERM and SIGINT end at once with `code`, SIGHUP must not kill."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: os._exit(code))


def _check_outbox(config: Config) -> None:
    """The outbox is there or can be made, and can be written. Raises: UsageError."""
    outbox = config.folders.outbox
    try:
        outbox.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"The outbox {outbox} cannot be made ({error.strerror}). Make it, or choose another with --outbox."
        ) from error
    if not os.access(outbox, os.W_OK | os.X_OK):
        raise UsageError(
            f"The outbox {outbox} cannot be written by this user. Change its owner, or choose another with --outbox."
        )


def _no_inbox(inbox: Path) -> UsageError:
    """What to say of an inbox that never was."""
    if inbox.exists():
        return UsageError(f"The inbox {inbox} is a file and no folder. Choose another with --inbox.")
    return UsageError(f"The inbox {inbox} does not exist. Make it (mkdir -p '{inbox}'), or run: nemo-watch init")


@asynccontextmanager
async def started(
    config: Config, clock: Clock, store: Store, service: RealService, *, once: bool
) -> AsyncIterator[Daemon]:
    """The daemon with all its parts joined; stopped in order at the end."""
    host, site = (
        await joined(config, store, service.account_key)
        if config.journal.url
        else (Host(uuid4().hex, "", __version__), FIRST_SITE)
    )
    outbox = OutboxFolder(config.folders.outbox)
    folder = InboxFolder(config.folders.inbox)
    receipts = Receipts(store, site)
    words = SpokenLanguage(config.inbox.language)
    wake = asyncio.Event()
    crew = RealCrew(config, clock, store, folder, outbox, service, words, receipts, service.metrics)
    dispatcher = Dispatcher(store, clock, host.owner, config.service.projects_at_once, config.service.pace, crew)
    cluster = _cluster(config, clock, store, host, site, dispatcher, wake) if config.journal.url else None
    if cluster is not None:
        service.client.share_pace(cluster.pace)
    workers: Workers = dispatcher if cluster is None else cluster
    led = store if cluster is None else cluster.led()
    recall = Recall(led, outbox, clock, Backend(config.service.backend), site)
    root = await recall.root(config.folders.inbox)
    lookout = Lookout(config.folders.inbox, config.inbox, root_known=root)
    watch = Watch(config.folders.inbox, _wake_from_thread(wake), config.inbox.watch)
    looks = Looks(config, clock, lookout, watch, service.metrics, wake.set)
    wishes = Wishes(folder, config.inbox, led, clock, wake.set, looks.unread)
    await wishes.remember()
    rounds: Rounds = Rounds(
        config, clock, led, looks, recall, folder, outbox, workers, Answers(led, service, words), wishes, crew,
        Requests(led, clock, workers, config.folders.outbox, lambda: rounds.rules, wishes.routed, wake.set, site), once,
    )  # fmt: skip
    notifier = Notifier(config.notify, config.folders.state / "notified.json", clock.monotonic)
    telling = Telling(
        config,
        clock,
        led,
        outbox,
        workers,
        notifier,
        lambda: looks.watching,
        lambda: service.last_credits,
        site,
        cluster is not None,
    )

    store.on_trouble = _wake_from_thread(telling.held_up)

    async def begin() -> None:
        telling.begin_anew()
        service.metrics.resumed += await _take_over(
            config, clock, led, outbox, receipts, host.owner, alone=cluster is None
        )

    leading = Leading(cluster, Backend(config.service.backend), begin, lambda: looks.blind)
    if cluster is None:
        await leading.leads()
    else:
        await cluster.open()
    try:
        yield Daemon(
            config,
            clock,
            leading,
            rounds,
            telling,
            dispatcher,
            wake,
            Chores(config, clock, store, service, wake, lambda: telling.overview),
        )
    finally:
        await dispatcher.stop(config.service.pace.stop_wait_s)
        if cluster is not None:
            await cluster.close()
        await wishes.close()
        await asyncio.to_thread(looks.watch.stop)


def _cluster(
    config: Config, clock: Clock, store: Store, host: Host, site: int, dispatcher: Dispatcher, wake: asyncio.Event
) -> Cluster:
    """What this host does among the others."""
    from nemo_watch.jobs.cluster import Cluster
    from nemo_watch.jobs.leading import SharedPace

    at_once = config.service.projects_at_once
    here = config.journal.projects_here or at_once
    return Cluster(
        config.journal.url,
        store,
        clock,
        host,
        site,
        dispatcher,
        at_once,
        here,
        wake.set,
        SharedPace(clock),
        able(config),
    )


async def _take_over(
    config: Config, clock: Clock, store: Store, outbox: OutboxFolder, receipts: Receipts, owner: str, *, alone: bool
) -> int:
    """What the last daemon left: its jobs (how many), its temporary files, and, where the journal was lost, its receipts."""
    now = clock.now()
    restored = await receipts.restore(await asyncio.to_thread(read_receipts, config.folders.outbox), now.timestamp())
    if restored:
        log.info("receipts.restored", projects=restored)
    orphans = await store.do(lambda c: queue.requeue_orphans(c, owner, now.timestamp())) if alone else 0
    if orphans:
        log.info("jobs.resumed", jobs=orphans)
    await store.do(lambda c: queue.release_parked(c, queue.PUT_RIGHT_MEANWHILE, now.timestamp()))
    open_parts = {outbox.part_path(job.folder, job.outbox_stem, job.version) for job in await store.do(queue.open_jobs)}
    try:
        await asyncio.to_thread(outbox.clear_leftovers, now, open_parts)
    except Trouble as trouble:
        log.warning("leftovers.kept", reason=str(trouble))
    return orphans


def _wake_from_thread(wake: asyncio.Event) -> Callable[[], None]:
    """A function for another thread that sets the loop's event."""
    loop = asyncio.get_running_loop()

    def call() -> None:
        loop.call_soon_threadsafe(wake.set)

    return call
