"""One film's life from its order to its video, through any number of kills and restarts, in simulated time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from nemo_watch.config import Pace
from nemo_watch.errors import Trouble
from nemo_watch.jobs import pipeline, queue, records, tables
from nemo_watch.jobs.dispatch import Dispatcher
from nemo_watch.jobs.journal import Journal
from nemo_watch.jobs.queue import JobRecord
from nemo_watch.jobs.run import Run
from nemo_watch.model import Backend, FolderIdentity, JobState, MediaKind, Medium, Order, OrderKind
from tests.sim.simstore import SimStore
from tests.sim.world import Fuse, Killed, SimLanguage, SimMedia, SimOutbox, SimService, World

PACE = Pace()


def order(*messages: str, media: int = 2, **changes: Any) -> Order:
    """An order for so many photos."""
    photos = tuple(Medium(f"f/{n}.jpg", f"{n}.jpg", MediaKind.IMAGE, 3, f"sha{n}") for n in range(media))
    values: dict[str, Any] = {
        "kind": OrderKind.MESSAGES, "backend": Backend.CLOUD, "media": photos, "urls": (), "wish": messages, "send": messages,
    }  # fmt: skip
    return Order(**(values | changes))


@dataclass
class Crew:
    """The dispatcher's crew over the simulated world."""

    store: Any
    clock: Any
    service: SimService
    outbox: SimOutbox
    pace: Pace = PACE
    paid_a_day: int = 20
    troubles: list[Trouble] = field(default_factory=list)

    async def prepare(self, job: JobRecord, journal: Journal, report: Any) -> Run:
        available = (job.data or {}).get("available") if job.cause is not None else None
        return Run(
            order=job.order, film=job.film_name, version=job.version, first_version=job.first_version, batch=False,
            project=job.project, prompt_file="prompt.txt", as_it_stands=job.as_it_stands, refused_at=available,
            language="en", journal=journal, service=self.service, words=SimLanguage(), media=SimMedia(),
            outbox=self.outbox, clock=self.clock, pace=self.pace, uploads=asyncio.Semaphore(3),
            paid_a_day=self.paid_a_day, report=report,
        )  # fmt: skip

    async def made(self, job: JobRecord, made: pipeline.Made) -> None:
        if made.video is not None:
            await self.outbox.write_receipt()

    async def ended(self, job: JobRecord, state: JobState, trouble: Trouble | None) -> None:
        if trouble is not None:
            self.troubles.append(trouble)


@dataclass
class Life:
    """The film, its journal file and its world. `live` runs a daemon on them until it can do no more, or is killed."""

    file: Path
    clock: Any
    world: World
    outbox: SimOutbox
    fuse: Fuse
    boots: int = 0
    kills: int = 0

    async def place(self, placed: Order, version: int = 1) -> int:
        """A film with one order; its number."""
        store = SimStore(self.file)
        try:

            def work(connection: sa.Connection) -> int:
                films = records.films(connection)
                if films:
                    film = films[0].id
                else:
                    project = records.add_project(connection, "f", FolderIdentity(1, 2, 3), "f", 0.0)
                    film = records.add_film(connection, project, "", "f", 0.0, name="f")
                queue.place(connection, film, placed, version, None, pipeline.VERSION, 0.0)
                return film

            return await store.do(work)
        finally:
            store.close()

    async def live(self, *, limit_s: float = 4 * 3600.0, crew: Any = None, asked: Any = None) -> list[Trouble]:
        """One daemon's life. Raises: Killed when the fuse burnt."""
        self.boots += 1
        store = SimStore(self.file)
        service = SimService(self.world, self.fuse)
        crew = crew or Crew(store, self.clock, service, self.outbox)
        crew.store = store
        dispatcher = Dispatcher(store, self.clock, f"boot-{self.boots}", 8, PACE, crew)
        try:
            now = self.clock.now().timestamp()
            await store.do(lambda c: queue.requeue_orphans(c, f"boot-{self.boots}", now))
            if asked is not None:
                await store.do(asked)
            await asyncio.wait_for(self._until_still(store, dispatcher), limit_s)
        finally:
            store.close()
        return crew.troubles

    async def _until_still(self, store: Any, dispatcher: Dispatcher) -> None:
        while True:
            jobs = await store.do(queue.open_jobs)
            await dispatcher.start(jobs, frozenset())
            tasks = [r.task for r in dispatcher.running.values() if r.task is not None]
            if tasks:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
                continue
            due = [job.due_at for job in await store.do(queue.open_jobs) if job.due_at is not None]
            if not due:
                return
            await self.clock.sleep(max(0.0, min(due) - self.clock.now().timestamp()))

    async def jobs(self) -> list[Any]:
        """All jobs as rows."""
        store = SimStore(self.file)
        try:
            return await store.do(lambda c: list(c.execute(sa.select(tables.job).order_by(tables.job.c.id)).all()))
        finally:
            store.close()


__all__ = ["Crew", "Fuse", "Killed", "Life", "World", "order"]
