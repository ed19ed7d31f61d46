"""Who runs which job: in this process, one job of a project at a time, so many projects at once.

It claims, runs and ends jobs; it must never cut a paid message short except when told to stop at once. What a job does is
`pipeline`; what a trouble means is `parking`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from nemo_watch.errors import Cause, Trouble, advice, sentence
from nemo_watch.jobs import pipeline, queue
from nemo_watch.jobs.journal import Journal
from nemo_watch.jobs.parking import parked
from nemo_watch.jobs.pipeline import Made
from nemo_watch.jobs.planning import is_paid
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


@dataclass(slots=True)
class Running:
    """A job at work in this process."""

    job: JobRecord
    task: asyncio.Task[None] | None = None
    run: Run | None = None
    progress: float = 0.0
    detail: str = "starting"
    has_told: bool = False  # what it does; before, a film without credits is only looking whether there are some
    cancelled: bool = False


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
        for job in startable(jobs, list(self.running.values()), held, self._clock.now().timestamp(), self._limit):
            if self._stopping:
                return
            now = self._clock.now().timestamp()
            fence = await self._store.do(lambda c, job=job, now=now: queue.claim(c, job.id, self._owner, now))  # type: ignore[misc]
            if fence is None:
                continue
            running = Running(job)
            self.running[job.id] = running
            running.task = asyncio.create_task(self._work(running, fence), name=f"job-{job.id}")

    async def cancel(self, job_id: int) -> bool:
        """Stop a job before its next step, keeping every receipt; whether it was running here."""
        running = self.running.get(job_id)
        if running is None:
            return False
        if not running.cancelled:
            running.cancelled = True
            self._halt(running)
        return True

    async def stop(self, wait_s: float) -> None:
        """Take no new work; a paid message may finish for `wait_s`; everything else ends now and is resumed later."""
        self._stopping = True
        for running in list(self.running.values()):
            self._halt(running)
        tasks = [running.task for running in self.running.values() if running.task is not None]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=wait_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _halt(self, running: Running) -> None:
        if running.run is not None and running.run.paying:
            running.run.halting = True
        elif running.task is not None:
            running.task.cancel()

    async def _work(self, running: Running, fence: int) -> None:
        journal = Journal(self._store, self._clock, running.job.id, self._owner, fence)
        try:
            made = await self._run(running, journal)
        except Trouble as trouble:
            await self._park(running.job, fence, trouble)
        except asyncio.CancelledError:
            await self._halted(running, fence)
        except Exception as error:  # noqa: BLE001  whatever it is, it must not end the daemon
            await self._park(running.job, fence, _surprise(error))
        else:
            await self._end(running.job, fence, JobState.DONE, None, detail=made.detail)
        finally:
            self.running.pop(running.job.id, None)
            self.ended.set()

    async def _run(self, running: Running, journal: Journal) -> Made:
        def report(progress: float, detail: str) -> None:
            if (running.progress, running.detail) == (progress, detail):
                return  # a look that found nothing new is no news: telling costs as much as there are films
            running.progress, running.detail, running.has_told = progress, detail, True
            self.changed.set()

        running.run = await self._crew.prepare(running.job, journal, report)
        made = await pipeline.make_version(running.run)
        if made.video is not None:
            await journal.write(video=made.video, video_sha256=made.sha256)
        await self._crew.made(running.job, made)
        return made

    async def _halted(self, running: Running, fence: int) -> None:
        """Stopped: the job is taken up at the next start. Cancelled by a person: it rests until `retry`."""
        if running.cancelled:
            await self._end(
                running.job, fence, JobState.CANCELLED, Trouble(Cause.CANCELLED, film=running.job.film_name)
            )
        else:
            now = self._clock.now().timestamp()
            await self._store.do(lambda c: queue.end(c, running.job.id, fence, self._owner, now, JobState.QUEUED))

    async def _park(self, job: JobRecord, fence: int, trouble: Trouble) -> None:
        if trouble.cause is Cause.LOST_TO_ANOTHER:
            return
        trouble.data.setdefault("film", job.film_name)
        trouble.data.setdefault("prompt_file", job.prompt_file)
        trouble.data.setdefault("messages", len(job.order.wish))
        tries = job.tries + 1 if job.cause is trouble.cause else 0
        verdict = parked(trouble, tries, self._pace)
        now = self._clock.now().timestamp()
        due_at = None if verdict.wait_s is None else now + verdict.wait_s
        if due_at is not None:
            trouble.data["again_at"] = time_of_day(due_at, now)  # for the story
        await self._end(job, fence, verdict.state, trouble, due_at=due_at, tries=tries)

    async def _end(
        self,
        job: JobRecord,
        fence: int,
        state: JobState,
        trouble: Trouble | None,
        *,
        detail: str = "",
        due_at: float | None = None,
        tries: int = 0,
    ) -> None:
        now = self._clock.now().timestamp()
        data: dict[str, Any] | None = {"detail": detail} if trouble is None else _json_safe(trouble.data)
        cause = None if trouble is None else trouble.cause.value
        held = await self._store.do(
            lambda c: queue.end(
                c,
                job.id,
                fence,
                self._owner,
                now,
                state,
                cause=cause,
                data=data,
                due_at=due_at,
                tries=tries,
            )
        )
        if not held:
            return
        try:
            await self._crew.ended(job, state, trouble)
        except (
            Trouble
        ) as refused:  # the story cannot be written (a full disk): how the job stands is in the journal all the same
            log.warning("story.unwritten", film=job.film_name, reason=str(refused))


def startable(
    jobs: Sequence[JobRecord], running: Sequence[Running], held: frozenset[int], now: float, limit: int
) -> list[JobRecord]:
    """The jobs to start now: due, oldest first, one of a project, within the limit.

    After credits return one film is tried first: of those that wait for credits only one is at work at a time.
    """
    busy = {r.job.project for r in running}
    scouting = any(r.job.cause is Cause.OUT_OF_CREDITS for r in running)
    chosen: list[JobRecord] = []
    for job in jobs:
        due = job.state is JobState.QUEUED or (job.state is JobState.PARKED and _is_due(job, now))
        for_credits = job.cause is Cause.OUT_OF_CREDITS
        if not due or job.project in busy or is_held(job, held) or (for_credits and scouting):
            continue
        if len(running) + len(chosen) >= limit:
            break
        chosen.append(job)
        busy.add(job.project)
        scouting = scouting or for_credits
    return chosen


def _is_due(job: JobRecord, now: float) -> bool:
    """Whether a parked job's wait is over; so it is, too, when the date was put back before the moment it was parked."""
    return job.due_at is not None and (job.due_at <= now or now < job.updated_at)


def waiting_for_another(jobs: Sequence[JobRecord], doubted: Mapping[int, tuple[int, str]]) -> dict[int, str]:
    """The jobs that must not begin because what lies in their session is another film's and in doubt, with that film's name."""
    found = {job.id: doubted[job.session] for job in jobs if job.session is not None and job.session in doubted}
    films = {job.id: job.film for job in jobs}
    return {number: name for number, (film, name) in found.items() if film != films[number]}


def time_of_day(moment: float, now: float) -> str:
    """A unix time as people read it where this machine stands; with the date where it is another day's."""
    then, today = (datetime.fromtimestamp(at).astimezone() for at in (moment, now))
    return then.strftime("%H:%M:%S" if then.date() == today.date() else "%Y-%m-%d %H:%M")


def is_held(job: JobRecord, held: frozenset[int]) -> bool:
    """Whether the brake of a first start holds the job: what is free is never held."""
    return job.film in held and is_paid(job.order)


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
