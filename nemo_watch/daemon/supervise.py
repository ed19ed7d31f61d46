"""The daemon in the foreground: everything started, kept going, and stopped in order.

The loop is one sentence: whenever something may have changed, run a round and tell. Whatever goes wrong in a round is logged and the
next one tries again; only wrong usage ends the daemon.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

from nemo_watch.clock import SystemClock
from nemo_watch.config import Config, Pace
from nemo_watch.daemon import systemd
from nemo_watch.daemon.adapters import SpokenLanguage
from nemo_watch.daemon.answers import Answers
from nemo_watch.daemon.crew import RealCrew
from nemo_watch.daemon.receipts import Receipts
from nemo_watch.daemon.requests import Requests
from nemo_watch.daemon.rounds import Round, Rounds
from nemo_watch.daemon.telling import Telling
from nemo_watch.daemon.ticks import Chores, started_ticks
from nemo_watch.daemon.wiring import only_daemon, open_journal, running_service, take_token
from nemo_watch.daemon.wishes import READING, Wishes
from nemo_watch.errors import FilmState, Trouble, UsageError
from nemo_watch.inbox.listing import InboxFolder
from nemo_watch.inbox.looking import Lookout
from nemo_watch.inbox.watching import Watch
from nemo_watch.jobs import records
from nemo_watch.jobs.dispatch import Dispatcher
from nemo_watch.logs import logger
from nemo_watch.outbox.notify import Notifier
from nemo_watch.outbox.publish import OutboxFolder
from nemo_watch.outbox.receipt import read_receipts

if TYPE_CHECKING:
    from nemo_watch.clock import Clock
    from nemo_watch.daemon.wiring import RealService
    from nemo_watch.jobs.store import Store
    from nemo_watch.model import Overview

log = logger("daemon")

_TELL_EVERY_S = 0.5  # progress comes in bursts; people and the disk need no more than this
_AFTER_A_SURPRISE_S = 5.0
_HARD_STOP = 130  # what a shell shows for a second SIGINT

OnChange = Callable[["Overview"], None]


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
            raise UsageError(
                f"The inbox {config.folders.inbox} does not exist. Make it (mkdir -p '{config.folders.inbox}'), or run: nemo-watch init"
            )
        config = await stack.enter_async_context(_with_studio(config))
        service = await stack.enter_async_context(
            running_service(config, token=None if config.service.backend == "studio" else token, clock=clock)
        )
        daemon = await stack.enter_async_context(started(config, clock, store, service, once=once))
        code = await daemon.serve(on_change, reload)
        _heed_signals_at_the_edges(_HARD_STOP)  # what may not be cut is being finished; a second signal cuts it
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


@asynccontextmanager
async def _with_studio(config: Config) -> AsyncIterator[Config]:
    """The config with a studio of our own behind it, when that is the backend; looked at often, because it is near."""
    if config.service.backend != "studio":
        yield config
        return
    try:
        from nemo_watch.studio.server import running_studio
    except ImportError as error:
        raise UsageError(
            f"The studio is not installed ({error.name} is missing). Install it: pip install 'nemo-watch[studio]'"
        ) from error
    async with running_studio(config.folders.state / "studio") as url:
        near = _near(config)
        yield replace(config, service=replace(config.service, url=url, pace=near))


def _near(config: Config) -> Pace:
    """Waits for a service on this very machine, where the person has not set them."""
    pace = config.service.pace
    if "service.pace.render_poll" not in config.sources:
        pace = replace(pace, render_poll_s=0.5)
    if "service.pace.render_polls" not in config.sources:
        pace = replace(pace, render_polls=2**31)
    return pace


@asynccontextmanager
async def started(
    config: Config, clock: Clock, store: Store, service: RealService, *, once: bool
) -> AsyncIterator[Daemon]:
    """The daemon with all its parts joined; stopped in order at the end."""
    owner = uuid4().hex
    outbox = OutboxFolder(config.folders.outbox)
    folder = InboxFolder(config.folders.inbox)
    receipts = Receipts(store)
    words = SpokenLanguage(config.inbox.language)
    wake = asyncio.Event()
    service.metrics.resumed += await _take_over(config, clock, store, outbox, receipts, owner)
    crew = RealCrew(config, clock, store, folder, outbox, service, words, receipts, service.metrics)
    dispatcher = Dispatcher(store, clock, owner, config.service.projects_at_once, config.service.pace, crew)
    wishes = Wishes(folder, config.inbox, store, clock, wake.set)
    await wishes.remember()
    watch = Watch(config.folders.inbox, _wake_from_thread(wake), config.inbox.watch)
    rounds: Rounds = Rounds(
        config, clock, store, Lookout(config.folders.inbox, config.inbox), folder, outbox, dispatcher,
        Answers(store, service, words), wishes, watch, crew,
        Requests(store, clock, dispatcher, config.folders.outbox, lambda: rounds.rules, wishes.routed, wake.set), once,
    )  # fmt: skip
    notifier = Notifier(config.notify, config.folders.state / "notified.json")
    telling = Telling(
        config, clock, store, outbox, dispatcher, notifier, lambda: rounds.watching, lambda: service.last_credits
    )
    try:
        yield Daemon(
            config,
            clock,
            rounds,
            telling,
            dispatcher,
            wake,
            Chores(config, clock, store, service, wake, lambda: telling.overview),
        )
    finally:
        await dispatcher.stop(config.service.pace.stop_wait_s)
        await wishes.close()
        await asyncio.to_thread(watch.stop)


async def _take_over(
    config: Config, clock: Clock, store: Store, outbox: OutboxFolder, receipts: Receipts, owner: str
) -> int:
    """What the last daemon left: its jobs (how many), its temporary files, and, where the journal was lost, its receipts."""
    now = clock.now()
    restored = await receipts.restore(await asyncio.to_thread(read_receipts, config.folders.outbox), now.timestamp())
    if restored:
        log.info("receipts.restored", projects=restored)
    orphans = await store.do(lambda c: records.requeue_orphans(c, owner, now.timestamp()))
    if orphans:
        log.info("jobs.resumed", jobs=orphans)
    await store.do(lambda c: records.release_parked(c, now.timestamp()))
    open_parts = {
        outbox.part_path(job.folder, job.outbox_stem, job.version) for job in await store.do(records.open_jobs)
    }
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


class Daemon:
    """The loop: woken, it runs a round and tells."""

    def __init__(
        self,
        config: Config,
        clock: Clock,
        rounds: Rounds,
        telling: Telling,
        dispatcher: Dispatcher,
        wake: asyncio.Event,
        chores: Chores,
    ) -> None:
        self._config = config
        self._clock = clock
        self._rounds = rounds
        self._telling = telling
        self._dispatcher = dispatcher
        self._wake = wake
        self._chores = chores
        self._stopping = asyncio.Event()
        self._stood_since: tuple[object, float] = (None, 0.0)

    @property
    def hangs(self) -> bool:
        """Whether a look at the inbox has not come back."""
        return self._rounds.is_looking

    async def serve(self, on_change: OnChange | None, reload: Callable[[], Config] | None = None) -> int:
        """Serve until stopped (0), or until nothing can move (`once`)."""
        with _signals(self._stop, lambda: self._reload(reload)):
            ticks = started_ticks(self._chores.ticks())
            systemd.notify("READY=1", "STATUS=watching the inbox")
            alive = asyncio.create_task(systemd.keep_alive(self._clock))
            try:
                return await self._loop(on_change)
            finally:
                systemd.notify("STOPPING=1", "STATUS=finishing what may not be cut")
                alive.cancel()
                ticks.shutdown(wait=False)

    def _reload(self, reload: Callable[[], Config] | None) -> None:
        """Read the configuration anew, and look again. A bad one is refused and the old one stays."""
        self._wake.set()
        if reload is None:
            return
        systemd.notify("RELOADING=1", f"MONOTONIC_USEC={int(self._clock.monotonic() * 1e6)}")
        try:
            self._adopt(reload())
        except UsageError as error:
            log.warning("config.refused", problems=str(error))
        finally:
            systemd.notify("READY=1")

    def _adopt(self, config: Config) -> None:
        """Take over what can change while we run. Raises: UsageError for what cannot."""
        old = self._config
        fixed = [
            name
            for name, before, after in (
                ("[folders]", old.folders, config.folders),
                ("service.backend", old.service.backend, config.service.backend),
                ("service.url", old.service.url, config.service.url),
                ("service.skill_version", old.service.skill_version, config.service.skill_version),
                ("journal.url", old.journal_url, config.journal_url),
            )
            if before != after and not (name == "service.url" and old.service.backend == "studio")
        ]
        if fixed:
            raise UsageError(f"{', '.join(fixed)}: cannot change while nemo-watch runs; restart it")
        if old.service.backend == "studio":
            config = replace(config, service=replace(config.service, url=old.service.url, pace=_near(config)))
        self._config = config
        self._rounds.adopt(config)
        self._telling.config = config
        self._dispatcher.adopt(config.service.projects_at_once, config.service.pace)
        log.info("config.reloaded", path=str(config.path))

    def _stop(self) -> None:
        if self._stopping.is_set():
            os._exit(_HARD_STOP)  # a second signal stops at once; everything that matters is in the journal
        self._stopping.set()
        self._wake.set()

    async def _loop(self, on_change: OnChange | None) -> int:
        shown: Overview | None = None
        last: Round | None = None
        while not self._stopping.is_set():
            woken = self._wake.is_set() or self._dispatcher.ended.is_set() or last is None
            self._wake.clear()
            self._dispatcher.ended.clear()
            self._dispatcher.changed.clear()
            try:
                if woken or last is None:
                    last = await self._rounds.round()
                overview = await self._telling.tell(last)
            except Trouble as trouble:  # the outbox or the inbox refuses: told, and tried again
                log.warning("round.stopped", cause=trouble.cause.value, reason=str(trouble))
                await self._sleep(_AFTER_A_SURPRISE_S)
                self._wake.set()
                continue
            except Exception:
                log.exception("round.surprised")
                await self._sleep(_AFTER_A_SURPRISE_S)
                self._wake.set()
                continue
            if overview != shown:
                shown = overview
                systemd.notify(f"STATUS={_status(overview)}")
                if on_change is not None:
                    on_change(overview)
            if self._rounds.once and not self._may_move(last, overview):
                return 0 if all(row.state in {FilmState.DONE, FilmState.CANCELLED} for row in overview.films) else 1
            await self._wait(last.next_s)
        return 0

    async def _wait(self, next_s: float | None) -> None:
        """Until something wakes us, a job has something to tell, or the next round is due."""
        timeout_s = self._config.inbox.rescan_s if next_s is None else min(next_s, self._config.inbox.rescan_s)
        waits = [
            asyncio.ensure_future(event.wait())
            for event in (self._wake, self._dispatcher.ended, self._dispatcher.changed)
        ]
        done, pending = await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        for wait in pending:
            wait.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        if not done:
            self._wake.set()
        elif not self._wake.is_set() and not self._dispatcher.ended.is_set():
            await self._sleep(_TELL_EVERY_S)

    async def _sleep(self, seconds: float) -> None:
        """`seconds`, or less when we are to stop."""
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    def _may_move(self, last: Round, overview: Overview) -> bool:
        """Whether anything can still happen without a person, a growing wait, or a file that is still being written."""
        now = self._clock.monotonic()
        standing = (
            [p.folder for p in last.look.projects if p.ready],
            [(row.name, row.state) for row in overview.films],
        )
        if self._dispatcher.running or last.startable or last.look.gathers or standing != self._stood_since[0]:
            self._stood_since = (standing, now)
            return True
        if (
            self._wake.is_set()
            or self._dispatcher.ended.is_set()
            or any(seen.wish.busy_with == READING for seen in last.seen)
        ):
            return True
        inbox = self._config.inbox
        patience_s = 1.5 * (inbox.settle_s + inbox.project_settle_s) + 3.0
        return last.look.next_look_s is not None and now - self._stood_since[1] < patience_s


def _status(overview: Overview) -> str:
    states = [row.state for row in overview.films]
    parts = [f"{states.count(state)} {state.value.replace('_', ' ')}" for state in FilmState if state in states]
    return ", ".join(parts) or "watching the inbox"


class _signals:  # noqa: N801  reads as the block it is
    """SIGTERM and SIGINT stop, SIGHUP looks again, while the block runs."""

    def __init__(self, stop: Callable[[], None], look: Callable[[], None]) -> None:
        self._handlers = {signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: look}

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        for number, handler in self._handlers.items():
            loop.add_signal_handler(number, handler)

    def __exit__(self, *_exc: object) -> None:
        loop = asyncio.get_running_loop()
        for number in self._handlers:
            loop.remove_signal_handler(number)
