"""What people ask for by `retry`, `again` and `cancel`: rows in the journal, carried out here, by whichever daemon runs next.

A request stays open until it can be carried out: `again` needs the film's files at rest, and nothing at work for it. It must never
pay for anything that may have been taken, except that `again` says so.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from nemo_watch.errors import Cause, Trouble
from nemo_watch.jobs import pipeline, planning, queue, records, tables
from nemo_watch.jobs.decisions import Keep, Place, Routed, Rules, Wish
from nemo_watch.jobs.tables import FIRST_SITE
from nemo_watch.logs import logger
from nemo_watch.model import Backend, JobState, Order, OrderKind

if TYPE_CHECKING:
    from pathlib import Path

    from nemo_watch.clock import Clock
    from nemo_watch.daemon.rounds import Seen
    from nemo_watch.jobs.dispatch import Workers
    from nemo_watch.jobs.queue import JobRecord
    from nemo_watch.jobs.store import Store

log = logger("requests")

Placing = Callable[["Seen", Place, "records.Request | None"], Awaitable[bool]]


@dataclass(slots=True)
class Requests:
    """Carries out what is asked for the films of its site: only who sees their outbox knows what they lack.

    `rules` are the round's; `woken` asks for another look afterwards.
    """

    store: Store
    clock: Clock
    workers: Workers
    outbox: Path
    rules: Callable[[], Rules]
    routed: Callable[[Wish], Routed | None]
    woken: Callable[[], None]
    site: int = FIRST_SITE

    async def carry_out(self, seen: Sequence[Seen], place: Placing) -> frozenset[int]:
        """Carry out what can be; the films for which something was done, so that this round does nothing else for them."""
        by_film = {s.film: s for s in seen}
        settled: set[int] = set()
        for request in await self.store.read(lambda c: records.open_requests(c, self.site)):
            try:
                done = await self._carry_out(request, by_film.get(request.film), place)
            except Trouble as trouble:  # a folder that refuses: the request stays open, and the others go on
                log.warning("request.refused", verb=request.verb, film=request.film, reason=str(trouble))
                continue
            if not done:
                continue
            settled.add(request.film)
            now = self.clock.now().timestamp()
            await self.store.do(lambda c, number=request.id, now=now: records.close_request(c, number, now))  # type: ignore[misc]
            log.info("request.handled", verb=request.verb, film=request.film)
            self.woken()
        for number in settled & by_film.keys():
            by_film[number].decision = Keep()
        return frozenset(settled)

    async def _carry_out(self, request: records.Request, seen: Seen | None, place: Placing) -> bool:
        job = await self.store.read(lambda c: queue.newest_job(c, request.film))
        match request.verb:
            case "cancel":
                return await self._cancel(request.film, job)
            case "again":
                return await self._again(request, seen, job, place)
            case _:
                return await self._retry(request.film, job)

    async def _cancel(self, film: int, job: JobRecord | None) -> bool:
        if job is not None and (await self.workers.cancel(job.id) or self.workers.works_on(job)):
            return False  # until it has stopped: a kill in between must not forget the wish
        now = self.clock.now().timestamp()
        backend = self.rules().backend
        await self.store.do(lambda c: _cancelled(c, film, job, backend, now))
        return True

    async def _again(self, request: records.Request, seen: Seen | None, job: JobRecord | None, place: Placing) -> bool:
        """Buy on purpose, once the files are at rest; what is at work is finished first. Placed and carried out are one commit."""
        if seen is None or not seen.wish.ready or (job is not None and self.workers.works_on(job)):
            return False
        wish = replace(seen.wish, words=None) if self.routed(seen.wish) is not None else seen.wish
        placed = planning.again(wish, seen.past, self.rules())
        if placed is None:
            return False
        await self.store.do(lambda c: records.write_film(c, seen.film, released=True, held=False))
        return await place(seen, placed, request)

    async def _retry(self, film: int, job: JobRecord | None) -> bool:
        work = None if job is None else self.workers.work(job.id)
        if work is not None and work.cancelled:
            return False  # it is being stopped: taken up again when it has
        await self.store.do(lambda c: records.write_film(c, film, released=True, held=False))
        if job is None or self.workers.works_on(job) or await self._has_video(job):
            return True
        now = self.clock.now().timestamp()
        await self.store.do(lambda c: _retried(c, job, now))
        return True

    async def _has_video(self, job: JobRecord) -> bool:
        """Whether the version is done and its video still lies in the outbox: then there is nothing to try again."""
        if job.state is not JobState.DONE or job.video is None:
            return False
        return await asyncio.to_thread(os.path.isfile, self.outbox / job.video)


def _cancelled(connection: sa.Connection, film: int, job: JobRecord | None, backend: Backend, now: float) -> None:
    """The film rests until `retry`. One that had not begun gets a job that never begins, so that nothing begins for it."""
    number = None if job is None else job.id
    if job is None or job.state is JobState.DONE:
        if job is not None:
            return  # there is nothing left to stop
        nothing = Order(OrderKind.MESSAGES, backend, (), (), (), ())
        number = queue.place(connection, film, nothing, 1, None, pipeline.VERSION, now)
    table = tables.job
    was = None if job is None or job.cause is None else job.cause.value  # what a retry goes on from
    connection.execute(
        table.update()
        .where(table.c.id == number, table.c.state.in_([*queue.OPEN_STATES, JobState.FAILED.value]))
        .values(
            state=JobState.CANCELLED.value,
            cause=Cause.CANCELLED.value,
            data={"was": was},
            due_at=None,
            updated_at=now,
            fence=table.c.fence + 1,  # a host that had it and slept writes no more of it
        )
    )


def _has_sent(connection: sa.Connection, job: JobRecord) -> bool:
    """Whether a message of the job was, or may have been, taken; what sends none has nothing to lose either."""
    step = tables.step
    messages = step.c.name.startswith("message/")
    return job.order.kind is not OrderKind.MESSAGES or bool(
        connection.scalar(
            sa.select(step.c.id).where(step.c.scope == f"job/{job.id}", messages, step.c.state != "void").limit(1)
        )
    )


def _retried(connection: sa.Connection, job: JobRecord, now: float) -> None:
    """Take a job up again without paying for anything possibly taken."""
    if job.state in {JobState.QUEUED, JobState.WORKING}:
        return
    table, step = tables.job, tables.step
    if job.state is JobState.CANCELLED and not job.order.bought_again and not _has_sent(connection, job):
        # Nothing was sent for it: what the film asks for now is decided anew.
        connection.execute(
            table.update().where(table.c.id == job.id).values(state=JobState.REPLACED.value, updated_at=now)
        )
        return
    if job.state is JobState.DONE and job.video is None:
        return
    values: dict[str, Any] = {
        "state": JobState.QUEUED.value, "cause": None, "data": None, "due_at": None, "updated_at": now, "tries": 0,
    }  # fmt: skip
    void = ["render/1", "render/2"] if job.state in {JobState.FAILED, JobState.DONE} else []
    if job.state is JobState.DONE:
        void += ["video"]
    was = (job.data or {}).get("was") if job.cause is Cause.CANCELLED else job.cause
    if was in queue.UNSURE_CAUSES:
        values["as_it_stands"] = True
        void += ["timeline"]
    connection.execute(
        step.update()
        .where(step.c.scope == f"job/{job.id}", step.c.name.in_(void), step.c.state != "void")
        .values(state="void")
    )
    connection.execute(table.update().where(table.c.id == job.id).values(values))
