"""Several hosts on one PostgreSQL: PgQueuer says who does a job and who leads a site, the journal says what is done.

Every host beats, takes what it is handed, and gives back nothing by halves: whatever PgQueuer hands out twice (a restart of the
server, a host that was frozen), `hosts.adopt` gives to one, and the fence keeps the other from writing. A lost connection cuts no
job that is at work here: the queue is joined anew. It must never decide what is to be done; that is the leader's round.
Source: pgqueuer.readthedocs.io, "Heartbeat", "Entrypoints"; README "Several hosts".
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, cast

import sqlalchemy as sa

from nemo_watch.errors import Trouble, UsageError
from nemo_watch.jobs import hosts, queue
from nemo_watch.jobs.dispatch import AtWork
from nemo_watch.jobs.hosts import Host, Lead
from nemo_watch.jobs.joining import database_errors, joined_queue
from nemo_watch.jobs.leading import Led, SharedPace
from nemo_watch.jobs.turns import startable
from nemo_watch.logs import logger
from nemo_watch.model import JobState

if TYPE_CHECKING:
    from pgqueuer import PgQueuer
    from pgqueuer.models import Job

    from nemo_watch.clock import Clock
    from nemo_watch.jobs.dispatch import Dispatcher, Running
    from nemo_watch.jobs.queue import JobRecord
    from nemo_watch.jobs.store import Store

log = logger("cluster")

_JOIN_AGAIN_S: Final = (0.5, 1.0, 2.0, 5.0)
_ASK_S: Final = 1.0  # a lead or a job that its dead host still seems to have is asked for again
_LOOK_S: Final = 0.2  # a place that has become free is filled by then
_LEAVE_S: Final = 2.0
_OFFERED_S: Final = 10.0  # what was offered and not taken by then is offered again
_HANDED_OVER_S: Final = 60.0
_WAITS_FOR_A_HOST: Final = frozenset({JobState.QUEUED, JobState.WORKING})


@dataclass(slots=True)
class Cluster:
    """What this host does in it. `limit` is how many jobs may be at work on all hosts, `own_limit` on this one.

    `able` tells whether this host, which leads or not, can carry a job out. `lead` is set while this host leads its site; `elsewhere`
    is what the other hosts have at work. `woken` asks for a round.
    """

    url: str
    store: Store
    clock: Clock
    host: Host
    site: int
    dispatcher: Dispatcher
    limit: int
    own_limit: int
    woken: Callable[[], None]
    pace: SharedPace
    able: Callable[[JobRecord, bool], Awaitable[bool]]
    lead: Lead | None = None
    elsewhere: dict[int, tuple[str, float, str]] = field(default_factory=dict)  # job → host, progress, words
    leader: str | None = None  # the name of the host that leads, None where it is dead
    news: int = -1  # as of the last beat
    _beating_since_s: float = 0.0
    _beaten_s: float = float("-inf")  # when the last beat began that arrived
    _asks_for_no_lead_until_s: float = float("-inf")
    _was_away: bool = False  # the database, for us, at least once
    _unled: asyncio.Event = field(default_factory=asyncio.Event)
    _offered: dict[int, tuple[float, int]] = field(default_factory=dict)  # job → when, and its fence
    _taking: set[int] = field(default_factory=set)  # jobs that this host is about to have
    _left: frozenset[int] = frozenset()  # jobs that a dead host had at work, as of the last round
    _queue: PgQueuer | None = None
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    # -- from the first beat to the last -----------------------------------------------------------------------------------

    async def open(self) -> None:
        """Take part from now on."""
        await self._beat()
        self._tasks = [asyncio.create_task(self._beats()), asyncio.create_task(self._serve())]

    async def close(self) -> None:
        """Take no part any more. What was at work here is free for the others at once; where the database is away, after a while."""
        beats, serving = self._tasks
        beats.cancel()
        self.lead = None
        with contextlib.suppress(TimeoutError, Trouble):
            async with asyncio.timeout(_LEAVE_S):
                await self.store.do(lambda c: hosts.leave(c, self.host.owner))
                self._unled.set()
                if self._queue is not None:  # what it handed to us goes back to it
                    self._queue.shutdown.set()
                    await asyncio.wait([serving])
        serving.cancel()
        await asyncio.gather(beats, serving, return_exceptions=True)

    def led(self) -> Store:
        """The store as this host may write to it while it leads the site."""
        return cast("Store", Led(self.store, lambda: self.lead))

    # -- the leader's offers -------------------------------------------------------------------------------------------------

    async def start(self, jobs: Sequence[JobRecord], held: frozenset[int]) -> None:
        """Offer to all hosts of the site what may start, and what a dead host left."""
        if self.lead is None or self._queue is None:
            return
        now_s = self.clock.monotonic()
        fences = {job.id: job.fence for job in jobs}
        self._offered = {
            number: (at_s, fence)
            for number, (at_s, fence) in self._offered.items()
            if now_s - at_s < _OFFERED_S and fences.get(number) == fence
        }
        left = self._left = frozenset(await self.store.read(lambda c: hosts.orphans(c, self.site)))
        busy = [j for j in jobs if (j.state is JobState.WORKING and j.id not in left) or j.id in self._offered]
        free = [j for j in jobs if j.id not in self._offered]
        chosen = startable(free, busy, held, self.clock.now().timestamp(), self.limit)
        numbers = [*left - self._offered.keys(), *(job.id for job in chosen)]
        if numbers and await self._offer(numbers):
            self._offered |= {number: (now_s, fences.get(number, 0)) for number in numbers}

    async def _offer(self, numbers: Sequence[int]) -> bool:
        """Put jobs into the queue, each once; whether that went well. What did not is offered by the next round."""
        assert self._queue is not None  # noqa: S101  looked at by the caller
        try:
            await self._queue.qm.queries.enqueue(
                [f"film/{self.site}"] * len(numbers),
                [str(number).encode() for number in numbers],
                [0] * len(numbers),
                dedupe_key=[f"film/{number}" for number in numbers],
                on_conflict="skip",
            )
        except database_errors() as error:
            log.debug("jobs.unoffered", reason=type(error).__name__)
            return False
        return True

    def work(self, number: int) -> AtWork | None:
        """What is being done for a job just now, and where; None when nothing is."""
        here = self.dispatcher.work(number)
        if here is not None:
            return replace(here, detail=f"{here.detail} (on {self.host.name})")
        if number not in self.elsewhere:
            return None
        name, progress, detail = self.elsewhere[number]
        return AtWork(progress, f"{detail} (on {name})")

    def works_on(self, job: JobRecord) -> bool:
        """Whether the job is at work here, or on another host that lives."""
        return job.id in self.dispatcher.running or (job.state is JobState.WORKING and job.id not in self._left)

    async def cancel(self, number: int) -> bool:
        """Stop a job that is at work; on another host that host does it at its next beat, for it hears of the wish by itself."""
        return await self.dispatcher.cancel(number) or number in self.elsewhere

    # -- what PgQueuer hands out ---------------------------------------------------------------------------------------------

    async def _film(self, handed: Job) -> None:
        """Carry the job out, if it is to be had; to the end, even when the queue is lost meanwhile."""
        number = int(handed.payload or b"0")
        running = self.dispatcher.running.get(number)
        if running is None:
            at_work = self.dispatcher.running.keys() | self._taking
            if self.dispatcher.stopping or not self._may_take_over() or len(at_work) >= self.own_limit:
                raise self._again()
            self._taking.add(number)
            running = await asyncio.shield(asyncio.ensure_future(self._taken(number)))
        if running is None:
            return
        assert running.task is not None  # noqa: S101  begun
        await asyncio.shield(asyncio.wait([running.task]))
        self._offered.pop(number, None)
        if self.dispatcher.stopping:
            raise self._again(0.0)  # where it is not over, another host goes on with it at once

    async def _taken(self, number: int) -> Running | None:
        """The job, at work here from now on; None when it is not to be had. To be cut nowhere: what is ours must be worked on.

        Raises: RetryRequested while it may be had soon, or elsewhere: its dead host still seems to live, or this one cannot carry it out.
        """
        try:
            wanted = await self.store.read(lambda c: queue.job_numbered(c, number))
            if wanted is not None and not await self.able(wanted, self.lead is not None):
                raise self._again()
            job, fence = await self.store.do(lambda c: self._adopted(c, number))
        finally:
            self._taking.discard(number)
        if job is None or self.dispatcher.stopping:  # a host that leaves gives it back
            return None
        if fence is None and job.state in _WAITS_FOR_A_HOST:
            raise self._again()
        return None if fence is None else self.dispatcher.begin(job, fence)

    def _adopted(self, connection: sa.Connection, number: int) -> tuple[JobRecord | None, int | None]:
        """The job as it stood before, and the fence under which it is ours now."""
        job = queue.job_numbered(connection, number)
        now = self.clock.now().timestamp()
        return job, hosts.adopt(connection, number, self.host.owner, self.limit, now)

    async def hand_over(self) -> None:
        """Let another host of the site lead, where one lives, for this one does not see the inbox; for a while it asks for no lead."""
        now_s, lead = self.clock.monotonic(), self.lead
        if lead is None or now_s < self._asks_for_no_lead_until_s:
            return
        self._asks_for_no_lead_until_s = now_s + max(_HANDED_OVER_S, 2 * self.host.silent_s)
        if await self.store.do(lambda c: hosts.hand_over(c, lead)):
            log.warning("site.handed_over", host=self.host.name)
            self.lead = None
            self._unled.set()

    async def _leading(self, _handed: Job) -> None:
        """Lead the site until another does, or the queue is lost."""
        blind = self.clock.monotonic() < self._asks_for_no_lead_until_s
        if blind or self.dispatcher.stopping or not self._may_take_over():
            raise self._again()
        lead = await self.store.do(lambda c: hosts.take_lead(c, self.site, self.host.owner))
        if lead is None:
            raise self._again()
        if self.lead is None:
            log.info("site.led", host=self.host.name)
        self.lead = lead
        self._unled.clear()
        self.woken()
        await self._unled.wait()
        if self.dispatcher.stopping:
            raise self._again(0.0)

    @property
    def surely_leads(self) -> bool:
        """Whether nobody else can lead the site yet, though the database may be away."""
        left_s = self._beaten_s + self.host.silent_s - self.clock.monotonic()
        return self.lead is not None and left_s > self.host.beat_s

    def _may_take_over(self) -> bool:
        """Whether the database has been there long enough for the beats of all who live: after a restart everybody looks dead."""
        return not self._was_away or self.clock.monotonic() - self._beating_since_s > self.host.silent_s

    def _again(self, in_s: float = _ASK_S) -> Exception:
        from pgqueuer.errors import RetryRequested

        return RetryRequested(delay=timedelta(seconds=in_s))

    # -- the queue, joined again whenever it was lost ------------------------------------------------------------------------

    async def _serve(self) -> None:
        tries = 0
        while True:
            try:
                await self._serve_once()
            except database_errors() as error:
                if tries == 0:  # once, not at every try
                    log.warning("queue.lost", reason=type(error).__name__)
            finally:
                self._queue = None
            if self.dispatcher.stopping:
                return
            await self.clock.sleep(_JOIN_AGAIN_S[min(tries, len(_JOIN_AGAIN_S) - 1)])
            tries = tries + 1 if self.store.trouble else 0

    async def _serve_once(self) -> None:
        """Serve until the connection is lost. Raises: what the driver raises then; TimeoutError."""
        async with joined_queue(self.url) as engine:
            engine.entrypoint(f"film/{self.site}", concurrency_limit=self.limit)(self._film)
            engine.entrypoint(f"lead/{self.site}", concurrency_limit=1)(self._leading)
            engine.qm.min_dequeue_poll_interval = timedelta(seconds=_LOOK_S)
            serving = asyncio.create_task(
                engine.run(
                    dequeue_timeout=timedelta(seconds=_ASK_S),
                    batch_size=max(1, self.own_limit // 2),
                    max_concurrent_tasks=self.own_limit + 1,  # the lead is a task as well
                    heartbeat_timeout=timedelta(seconds=self.host.silent_s),
                )
            )
            self._queue = engine
            self.woken()
            try:
                await self._until_lost(serving, engine)
            finally:
                self._queue = None
                self._unled.set()
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)

    async def _until_lost(self, serving: asyncio.Task[None], engine: PgQueuer) -> None:
        """Wait until the queue is served no more. The lead is offered again and again: whoever had it may have died with its row.

        A network that swallows everything says nothing by itself, so that is a question, too. Raises: as `_serve_once`.
        """
        lead = f"lead/{self.site}"
        while not serving.done():
            async with asyncio.timeout(self.host.silent_s):
                await engine.qm.queries.enqueue(lead, None, 10, dedupe_key=lead, on_conflict="skip")
            await asyncio.wait([serving], timeout=self.host.beat_s)
        await serving

    # -- beats ---------------------------------------------------------------------------------------------------------------

    async def _beats(self) -> None:
        while True:
            await self.clock.sleep(self.host.beat_s)
            began_s = self.clock.monotonic()
            await self._beat()
            took_s = self.clock.monotonic() - began_s
            if took_s > self.host.silent_s - self.host.beat_s:  # the database was away, or we were
                self._beating_since_s, self._was_away = self.clock.monotonic(), True

    async def _beat(self) -> None:
        """Tell that we live and what we do; hear what the others do, who leads, and what people want of our jobs."""
        began_s = self.clock.monotonic()
        mine = {number: (r.progress, r.detail) for number, r in self.dispatcher.running.items()}
        noted_s = max(0.0, self.pace.untold_until_s - self.clock.monotonic())
        self.pace.untold_until_s = 0.0
        lead = self.lead  # one that is taken while we ask is not what we ask after
        try:
            quiet_s, moved, living, leads, leader, cancels = await self.store.read(
                lambda c: (hosts.quiet_left_s(c, noted_s), *hosts.exchanged(c, self.host, self.site, mine, lead))
            )
        except UsageError as refused:
            self.lead = None
            self.store.bar(str(refused))
            raise
        self._beaten_s = began_s
        if noted_s <= 0:  # who was told waits by itself
            self.pace.until_s = self.clock.monotonic() + quiet_s
        if lead is not None and self.lead is lead and not leads:
            log.warning("site.lost", to=leader)
            self.lead = None
            self._unled.set()
        others = {
            job: (name, *said)
            for owner, (name, doing) in living.items()
            if owner != self.host.owner
            for job, said in doing.items()
        }
        if others != self.elsewhere:
            self.dispatcher.changed.set()
        self.elsewhere = others
        self.leader = leader if leader in {name for name, _ in living.values()} else None
        for number in cancels:
            await self.dispatcher.cancel(number)
        if moved != self.news:
            self.news = moved
            self.woken()
