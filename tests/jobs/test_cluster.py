"""What a host does with what it is handed: it takes no more than it may, works on all that it took, and loses no lead by mistake."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from nemo_watch.jobs import hosts, queue
from nemo_watch.jobs.cluster import Cluster
from nemo_watch.jobs.hosts import Host
from nemo_watch.jobs.leading import SharedPace
from nemo_watch.jobs.postgres import open_postgres
from nemo_watch.jobs.store import Store
from nemo_watch.model import JobState

ME, OTHER = Host("a1", "nas-1", "0.1.0"), Host("b1", "nas-2", "0.1.0")


class Held:
    """The store, whose answers come when they are let out: what they tell has happened by then."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.trouble = None
        self.done, self.out = asyncio.Event(), asyncio.Event()

    async def do(self, work: Callable[..., Any]) -> Any:
        answer = await self._store.do(work)
        self.done.set()
        await self.out.wait()
        return answer

    read = do


class Begun:
    """A dispatcher that only notes what is begun."""

    def __init__(self) -> None:
        self.running: dict[int, SimpleNamespace] = {}
        self.stopping = False
        self.changed = asyncio.Event()

    def begin(self, job: Any, _fence: int) -> SimpleNamespace:
        self.running[job.id] = SimpleNamespace(task=asyncio.ensure_future(asyncio.sleep(0)), progress=0.0, detail="")
        return self.running[job.id]


@pytest.fixture
def opened(database: str) -> Iterator[Store]:
    store = open_postgres(database)
    yield store
    store.close()


async def able(*_: object) -> bool:
    """This host can carry everything out."""
    return True


def joined(store: Store, clock: Any, own_limit: int = 8) -> Cluster:
    site = store.submit(lambda c: max(hosts.join(c, host, "home", "m") for host in (ME, OTHER))).result(10)
    return Cluster("", store, clock, ME, site, Begun(), 8, own_limit, lambda: None, SharedPace(clock), able)  # type: ignore[arg-type]


def placed(store: Store, site: int, count: int) -> list[SimpleNamespace]:
    """So many jobs, as they are handed out."""
    from tests.contract.test_hosts import placed as of_a_project

    numbers = [store.submit(of_a_project(f"film-{n}", site)).result(10)[0] for n in range(count)]
    return [SimpleNamespace(payload=str(number).encode()) for number in numbers]


async def test_no_more_is_taken_than_this_host_may_have_however_much_is_handed_out_at_once(opened, clock):
    cluster = joined(opened, clock, own_limit=2)
    jobs = placed(opened, cluster.site, 5)
    cluster.store = held = Held(opened)
    handed = [asyncio.ensure_future(cluster._film(job)) for job in jobs]
    await held.done.wait()
    held.out.set()
    refused = [error for error in await asyncio.gather(*handed, return_exceptions=True) if error is not None]
    assert len(cluster.dispatcher.running) == 2
    assert [type(error).__name__ for error in refused] == ["RetryRequested"] * 3


async def test_a_job_whose_handing_out_is_cut_while_it_is_taken_is_worked_on(opened, clock):
    """As when the queue's connection breaks: in the journal it is this host's, and this host lives."""
    cluster = joined(opened, clock)
    (job,) = placed(opened, cluster.site, 1)
    cluster.store = held = Held(opened)
    handed = asyncio.ensure_future(cluster._film(job))
    await held.done.wait()
    handed.cancel()
    await asyncio.gather(handed, return_exceptions=True)
    held.out.set()
    while not cluster.dispatcher.running:  # noqa: ASYNC110  begun by a task of the cluster's own
        await asyncio.sleep(0)


async def test_a_job_whose_dead_host_still_seems_to_live_is_asked_for_again(opened, clock):
    from pgqueuer.errors import RetryRequested

    cluster = joined(opened, clock)
    (job,) = placed(opened, cluster.site, 1)
    number = int(job.payload)
    await opened.do(lambda c: hosts.adopt(c, number, OTHER.owner, 8, 0.0))
    with pytest.raises(RetryRequested):
        await cluster._film(job)
    await opened.do(lambda c: hosts.leave(c, OTHER.owner))
    await cluster._film(job)
    assert number in cluster.dispatcher.running


@pytest.mark.parametrize("state", [JobState.DONE, JobState.CANCELLED, JobState.REPLACED])
async def test_a_job_that_is_over_is_not_asked_for_again(opened, clock, state):
    from nemo_watch.jobs import tables

    cluster = joined(opened, clock)
    (job,) = placed(opened, cluster.site, 1)
    await opened.do(lambda c: (c.execute(tables.job.update().values(state=state.value)), None)[1])
    await cluster._film(job)
    assert not cluster.dispatcher.running


async def test_a_lead_that_is_taken_while_a_beat_asks_is_kept(opened, clock):
    cluster = joined(opened, clock)
    cluster.store = held = Held(opened)
    beat = asyncio.ensure_future(cluster._beat())
    await held.done.wait()
    cluster.lead = lead = await opened.do(lambda c: hosts.take_lead(c, cluster.site, ME.owner))
    held.out.set()
    await beat
    assert cluster.lead is lead is not None


async def test_a_job_that_this_host_cannot_carry_out_is_left_to_the_others(opened, clock):
    from pgqueuer.errors import RetryRequested

    cluster = joined(opened, clock)
    (handed,) = placed(opened, cluster.site, 1)
    asked: list[bool] = []

    async def unable(_job: object, leads: bool) -> bool:
        asked.append(leads)
        return False

    cluster.able = unable
    with pytest.raises(RetryRequested):
        await cluster._film(handed)
    assert asked == [False]
    assert not cluster.dispatcher.running
    assert not cluster._taking
    assert opened.submit(lambda c: queue.job_numbered(c, int(handed.payload)).state).result(10) is JobState.QUEUED


async def test_a_host_that_does_not_see_the_inbox_hands_the_lead_over_and_asks_for_none_for_a_while(opened, clock):
    from pgqueuer.errors import RetryRequested

    cluster = joined(opened, clock)
    cluster.lead = await opened.do(lambda c: hosts.take_lead(c, cluster.site, ME.owner))
    await cluster.hand_over()
    assert cluster.lead is None
    with pytest.raises(RetryRequested):
        await cluster._leading(SimpleNamespace(payload=b""))
    assert await opened.do(lambda c: hosts.take_lead(c, cluster.site, OTHER.owner)) is not None
