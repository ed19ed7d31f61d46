"""What a round knows of a film: for the backend in force, and nothing that another one began."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from nemo_watch.jobs import knowledge, queue, records, tables
from nemo_watch.model import Backend, FolderIdentity, JobState, Order, OrderKind


def begun(*backends: Backend, state: JobState = JobState.WORKING):
    """A film with a job for each of these, version 1, 2, …: its number."""

    def work(c: sa.Connection) -> int:
        project = records.add_project(c, "trip", FolderIdentity(1, 2, 3), "trip", 0.0)
        film = records.add_film(c, project, "", "trip", 0.0, name="trip")
        for version, backend in enumerate(backends, 1):
            order = Order(OrderKind.MESSAGES, backend, (), (), ("x",), ("x",))
            number = queue.place(c, film, order, version, None, 1, 0.0)
            c.execute(tables.job.update().where(tables.job.c.id == number).values(state=state.value))
        return film

    return work


async def test_a_job_of_another_backend_is_neither_started_nor_in_the_way_and_its_number_is_taken(store):
    film = await store.do(begun(Backend.STUDIO, state=JobState.WORKING))
    past = (await store.read(lambda c: knowledge.known(c, Backend.CLOUD))).pasts[film]
    assert (past.job, past.sent, past.version) == (None, None, 1)
    assert past.newest is not None
    assert await store.read(lambda c: queue.open_jobs_of(c, tables.FIRST_SITE, Backend.CLOUD)) == []
    assert len(await store.read(lambda c: queue.open_jobs_of(c, tables.FIRST_SITE, Backend.STUDIO))) == 1


async def test_a_backends_own_newest_job_counts_though_another_came_after_it(store):
    film = await store.do(begun(Backend.CLOUD, Backend.STUDIO))
    past = (await store.read(lambda c: knowledge.known(c, Backend.CLOUD))).pasts[film]
    assert past.job is not None
    assert (past.job.version, past.job.id < (past.newest or 0)) == (1, True)


@pytest.mark.parametrize("backend", list(Backend))
async def test_what_a_person_cancelled_is_cancelled_whatever_backend_is_in_force(store, backend):
    film = await store.do(begun(Backend.STUDIO, state=JobState.CANCELLED))
    past = (await store.read(lambda c: knowledge.known(c, backend))).pasts[film]
    assert past.job is not None
    assert past.job.state is JobState.CANCELLED
