"""Who runs which job: in this process, one job of a project at a time, so many projects at once.

It claims, runs and ends jobs; it must never cut a paid message short except when told to stop at once. What a job does is
`pipeline`; what a trouble means is `parking`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import sqlalchemy as sa

from nemo_watch.errors import Cause, Trouble, advice, sentence
from nemo_watch.jobs import pipeline, queue, tables
from nemo_watch.jobs.journal import Journal
from nemo_watch.jobs.parking import growing_s, parked, tries_before
from nemo_watch.jobs.pipeline import Made
from nemo_watch.jobs.store import Asked
from nemo_watch.jobs.turns import startable
from nemo_watch.logs import logger
from nemo_watch.masking import masked
from nemo_watch.model import JobState

if TYPE_CHECKING:
    from nemo_watch.clock import Clock
    from nemo_watch.config import Pace
    from nemo_watch.jobs.queue import JobRecord
    from nemo_watch.jobs.run import Run
    from nemo_watch.jobs.store import Store

log = logger("jobs")

REST_S: Final = 5.0
"""What a stop leaves to everything but a paid stream: half of the 10 s that are promised, the rest is the journal's to close.
Source: README "Promises", 6."""

Report = Callable[[float, str], None]


class Crew(Protocol):
    """What the dispatcher asks of the daemon: the run for a job, and to be told what became of it."""

    async def prepare(self, job: JobRecord, journal: Journal, report: Report) -> Run:
        """A run with its ports."""
        ...

    async def made(self, job: JobRecord, made: Made) -> None:
        """The version is there (or nothing had to be rendered): write the receipts. Repeated after a crash."""
        ...

    async def ended(self, job: JobRecord, state: JobState, trouble: Trouble | None) -> None:
        """The run is over; tell people."""
        ...


@dataclass(frozen=True, slots=True)
class AtWork:
    """What is being done for a job, as people are told; `has_told` once it is more than a look whether there are credits."""

    progress: float
    detail: str
    has_told: bool = True
    cancelled: bool = False


class Workers(Protocol):
    """Who carries jobs out: this process, or all hosts of the site."""

    async def start(self, jobs: Sequence[JobRecord], held: frozenset[int]) -> None:
        """Have started what may start."""
        ...

    def work(self, number: int) -> AtWork | None:
        """What is being done for a job just now, None when nothing is."""
        ...

    def works_on(self, job: JobRecord) -> bool:
        """Whether the job is at work."""
        ...

    async def cancel(self, number: int) -> bool:
        """Stop a job before its next step, keeping every receipt; whether it was at work, and stops."""
        ...


@dataclass(slots=True)
class Running:
    """A job at work in this process, with the journal as it asks it."""

    job: JobRecord
    fence: int
    asked: Asked
    task: asyncio.Task[None] | None = None
    run: Run | None = None
    progress: float = 0.0
    detail: str = "starting"
    has_told: bool = False  # what it does; before, a film without credits is only looking whether there are some
    cancelled: bool = False
    ending: bool = False  # what became of it is being written down
    cut: bool = False  # a stop waits for it no longer

    @property
    def hears(self) -> bool:
        """Whether a paid message is being heard, and not the journal waited for before or after it."""
        return self.run is not None and self.run.paying and not self.asked.waiting


@dataclass(frozen=True, slots=True)
class End:
    """How a run ended, for the journal and for people; a job that was stopped to be taken up again tells nobody."""

    state: JobState
    trouble: Trouble | None = None
    detail: str = ""
    silent: bool = False


class Dispatcher:
    """The jobs at work in this process."""

    def __init__(self, store: Store, clock: Clock, owner: str, projects_at_once: int, pace: Pace, crew: Crew) -> None:
        self._store = store
        self._clock = clock
        self._owner = owner
        self._limit = projects_at_once
        self._pace = pace
        self._crew = crew
        self._stopping = False
        self.running: dict[int, Running] = {}
        self.changed = asyncio.Event()  # a job has something new to show
        self.ended = asyncio.Event()  # a job is over: look what may start now

    def adopt(self, projects_at_once: int, pace: Pace) -> None:
        """Go on under new settings; what is at work keeps its own to the end."""
        self._limit, self._pace = projects_at_once, pace

    async def start(self, jobs: Sequence[JobRecord], held: frozenset[int]) -> None:
        """Start what may start: due, in order, not held back, one of a project, not more than the limit."""
        busy = [running.job for running in self.running.values()]
        for job in startable(jobs, busy, held, self._clock.now().timestamp(), self._limit):
            if self._stopping:
                return
            now = self._clock.now().timestamp()
            fence = await self._store.do(lambda c, job=job, now=now: queue.claim(c, job.id, self._owner, now))  # type: ignore[misc]
            if fence is not None:
                self.begin(job, fence)

    def begin(self, job: JobRecord, fence: int) -> Running:
        """Set to work on a job that is ours under this fence."""
        running = Running(job, fence, Asked(self._store))
        self.running[job.id] = running
        running.task = asyncio.create_task(self._work(running), name=f"job-{job.id}")
        return running

    @property
    def stopping(self) -> bool:
        """Whether no new work is taken."""
        return self._stopping

    def work(self, number: int) -> AtWork | None:
        """What is being done for a job just now, None when nothing is."""
        running = self.running.get(number)
        return (
            None if running is None else AtWork(running.progress, running.detail, running.has_told, running.cancelled)
        )

    def works_on(self, job: JobRecord) -> bool:
        """Whether the job is at work."""
        return job.id in self.running

    async def cancel(self, number: int) -> bool:
        """Stop a job before its next step, keeping every receipt; whether it was at work, and stops."""
        running = self.running.get(number)
        if running is None:
            return False
        if not running.cancelled:
            running.cancelled = True
            self._halt(running)
        return True

    async def stop(self, wait_s: float) -> None:
        """Take no new work; a paid stream may finish for `wait_s`; everything else ends within REST_S and is resumed later."""
        self._stopping = True
        for running in self.running.values():
            self._halt(running)
        until_s = self._clock.monotonic() + wait_s
        resting: set[int] = set()
        while tasks := [r.task for r in self.running.values() if r.task is not None and not r.cut]:
            left_s = until_s - self._clock.monotonic()
            await asyncio.wait(tasks, timeout=max(0.0, min(REST_S / 2, left_s)))
            is_late = self._clock.monotonic() >= until_s
            rested, resting = resting, {number for number, r in self.running.items() if not r.hears}
            self._cut(set(self.running) if is_late else resting & rested)
        if tasks := [r.task for r in self.running.values() if r.task is not None]:
            await asyncio.wait(tasks, timeout=REST_S / 5)

    def _halt(self, running: Running) -> None:
        if running.run is not None and running.run.paying:
            running.run.halting = True
        elif running.task is not None and not running.ending:
            running.task.cancel()

    def _cut(self, numbers: set[int]) -> None:
        """Leave these jobs as they stand: the next start takes them up from what the journal has."""
        for running in map(self.running.__getitem__, numbers):
            running.cut = True
            if running.task is not None:
                running.task.cancel()

    async def _work(self, running: Running) -> None:
        try:
            end = await self._ended(running)
            running.ending = True
            if end is not None and await self._write(running, end) and not end.silent:
                await self._tell(running.job, end)
        finally:
            self.running.pop(running.job.id, None)
            self.ended.set()

    async def _ended(self, running: Running) -> End | None:
        """Carry the job out, and how that ended; None where nothing is to be written."""
        try:
            made = await self._run(running)
        except Trouble as trouble:
            return None if trouble.cause is Cause.LOST_TO_ANOTHER else _stopped(running.job, trouble, self._pace)
        except asyncio.CancelledError:
            return None if running.cut else _halted(running)
        except Exception as error:  # noqa: BLE001  whatever it is, it must not end the daemon
            return _stopped(running.job, _surprise(error), self._pace)
        return End(JobState.DONE, detail=made.detail)

    async def _run(self, running: Running) -> Made:
        def report(progress: float, detail: str) -> None:
            if (running.progress, running.detail) == (progress, detail):
                return  # a look that found nothing new is no news: telling costs as much as there are films
            running.progress, running.detail, running.has_told = progress, detail, True
            self.changed.set()

        asked = cast("Store", running.asked)
        journal = Journal(asked, self._clock, running.job.id, self._owner, running.fence)
        running.run = await self._crew.prepare(running.job, journal, report)
        made = await pipeline.make_version(running.run)
        if made.video is not None:
            await journal.write(video=made.video, video_sha256=made.sha256)
        await self._crew.made(running.job, made)
        return made

    async def _write(self, running: Running, end: End) -> bool:
        """Write how the run ended; whether the job was still ours.

        A journal that refuses is tried again, later and later: a job that nobody works on must not stay at work.
        """
        tries = 0
        while True:
            try:
                return await self._written(running, end)
            except Exception:
                if self._stopping:
                    return False  # the next start takes it up
                if tries == 0:
                    log.exception("job.end_unwritten", film=running.job.film_name, state=end.state.value)
                    running.detail = "waiting for the journal, which refuses to note how it ended"
                    self.changed.set()
            await self._clock.sleep(growing_s(self._pace.retry_wait_s, tries, self._pace))
            tries += 1

    async def _written(self, running: Running, end: End) -> bool:
        job, trouble = running.job, end.trouble
        now = self._clock.now().timestamp()
        values: dict[str, Any] = {}
        if trouble is not None:
            receipts = await self._store.read(lambda c: receipts_of(c, job.id))
            got_on = receipts > int((job.data or {}).get("receipts", -1))
            tries = tries_before(trouble.cause, job.cause, job.tries, got_on=got_on)
            wait_s = None if end.state is JobState.CANCELLED else parked(trouble, tries, self._pace).wait_s
            due_at = None if wait_s is None else now + wait_s
            if due_at is not None:
                trouble.data["again_at"] = time_of_day(due_at, now)  # for the story
            data = _json_safe(trouble.data) | {"receipts": receipts}
            values = {"cause": trouble.cause.value, "data": data, "due_at": due_at, "tries": tries}
        elif not end.silent:
            values = {"cause": None, "data": {"detail": end.detail}, "due_at": None, "tries": 0}
        return await self._store.do(
            lambda c: queue.end(c, job.id, running.fence, self._owner, now, end.state, **values)
        )

    async def _tell(self, job: JobRecord, end: End) -> None:
        """Have people told. How the job stands is in the journal all the same."""
        try:
            await self._crew.ended(job, end.state, end.trouble)
        except Trouble as refused:  # the story cannot be written (a full disk)
            log.warning("story.unwritten", film=job.film_name, reason=str(refused))
        except Exception:
            log.exception("story.unwritten", film=job.film_name)


def time_of_day(moment: float, now: float) -> str:
    """A unix time as people read it where this machine stands; with the date where it is another day's."""
    then, today = (datetime.fromtimestamp(at).astimezone() for at in (moment, now))
    return then.strftime("%H:%M:%S" if then.date() == today.date() else "%Y-%m-%d %H:%M")


def receipts_of(connection: sa.Connection, number: int) -> int:
    """How many receipts a job has, those of its session included: when there are more than before, it got on."""
    job, step = tables.job, tables.step
    session = connection.scalar(sa.select(job.c.session).where(job.c.id == number))
    scopes = [f"job/{number}", f"session/{session}"]
    counted = sa.select(sa.func.count()).where(step.c.scope.in_(scopes), step.c.state == "done")
    return int(connection.scalar(counted) or 0)


def _stopped(job: JobRecord, trouble: Trouble, pace: Pace) -> End:
    """The end of a run that met a trouble, with what the sentences of the table need."""
    trouble.data.setdefault("film", job.film_name)
    trouble.data.setdefault("prompt_file", job.prompt_file)
    trouble.data.setdefault("messages", len(job.order.wish))
    return End(parked(trouble, 0, pace).state, trouble)


def _halted(running: Running) -> End:
    """Stopped: the job is taken up at the next start. Cancelled by a person: it rests until `retry`."""
    if running.cancelled:
        return End(JobState.CANCELLED, Trouble(Cause.CANCELLED, film=running.job.film_name))
    return End(JobState.QUEUED, silent=True)


def _surprise(error: Exception) -> Trouble:
    """Something that is not in the table. Its text is foreign: the type must do for people, the log has the rest."""
    log.error("job.surprised", exc_info=error)
    return Trouble(Cause.SURPRISE, reason=type(error).__name__)


def _json_safe(data: dict[str, object]) -> dict[str, object]:
    return {
        key: value if isinstance(value, int | float | bool) or value is None else masked(str(value))
        for key, value in data.items()
    }


def told(cause: Cause, data: dict[str, Any] | None) -> tuple[str, str]:
    """What happened and what to do, as the journal remembers it."""
    return sentence(cause, dict(data or {})), advice(cause, dict(data or {}))
