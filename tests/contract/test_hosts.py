"""Hosts that share a journal: who leads, who is alive, and that a job is had by one at a time."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from nemo_watch.errors import Cause, Trouble, UsageError
from nemo_watch.jobs import hosts, queue, records, tables
from nemo_watch.jobs.hosts import Host
from nemo_watch.jobs.leading import Led
from nemo_watch.model import Backend, FolderIdentity, Order, OrderKind

A, B = Host("a1", "nas-1", "0.1.0"), Host("b1", "nas-2", "0.1.0")


def joined(*members: Host, site: str = "home", mark: str = "m"):
    return lambda c: [hosts.join(c, member, site, mark) for member in members]


def silent_for(owner: str, seconds: float):
    """As if the host's last beat lay so far back, by the database's clock."""
    table = tables.host
    return lambda c: (
        c.execute(table.update().where(table.c.owner == owner).values(beat_at=hosts.database_now(c) - seconds)),
        None,
    )[1]


def placed(project: str, site: int, count: int = 1):
    order = Order(OrderKind.MESSAGES, Backend.CLOUD, (), (), ("x",), ("x",))

    def work(c: sa.Connection) -> list[int]:
        number = records.add_project(c, project, FolderIdentity(1, 2, 3), project, 0.0, site)
        films = [records.add_film(c, number, str(n), project, 0.0, name=f"{project}/{n}") for n in range(count)]
        return [queue.place(c, film, order, 1, None, 1, 0.0) for film in films]

    return work


async def test_hosts_of_one_name_see_one_site_and_others_their_own(store):
    assert len(set(await store.do(joined(A, B)))) == 1
    other = await store.do(joined(Host("c", "nas-3", "0"), site="attic", mark="n"))
    assert other != await store.do(joined(A))


async def test_a_site_with_another_outbox_and_an_outbox_of_another_site_are_refused_by_name(store):
    await store.do(joined(A))
    with pytest.raises(UsageError, match="another outbox"):
        await store.do(joined(B, mark="n"))
    with pytest.raises(UsageError, match='site "home"'):
        await store.do(joined(B, site="attic"))


async def test_one_leads_at_a_time_and_the_next_takes_over_when_it_falls_silent(store):
    site, _ = await store.do(joined(A, B))
    first = await store.do(lambda c: hosts.take_lead(c, site, "a1"))
    assert first is not None
    assert await store.do(lambda c: hosts.take_lead(c, site, "b1")) is None
    await store.do(silent_for("a1", A.silent_s + 1))
    second = await store.do(lambda c: hosts.take_lead(c, site, "b1"))
    assert second is not None
    await store.do(lambda c: hosts.check_lead(c, second))
    await store.do(lambda c: hosts.beat(c, "a1", {}))
    with pytest.raises(Trouble):  # it wakes: nothing that it decides counts
        await store.do(lambda c: hosts.check_lead(c, first))
    assert await store.do(lambda c: hosts.take_lead(c, site, "a1")) is None
    assert await store.do(lambda c: hosts.leader_name(c, site)) == "nas-2"


async def test_one_that_leaves_in_order_is_followed_at_once(store):
    site, _ = await store.do(joined(A, B))
    await store.do(lambda c: hosts.take_lead(c, site, "a1"))
    await store.do(lambda c: hosts.leave(c, "a1"))
    assert await store.do(lambda c: hosts.take_lead(c, site, "b1")) is not None


async def test_a_job_is_had_by_one_and_a_dead_hosts_is_taken_over_under_a_higher_fence(store):
    site, _ = await store.do(joined(A, B))
    (job,) = await store.do(placed("trip", site))
    assert await store.do(lambda c: hosts.adopt(c, job, "a1", 8, 1.0)) == 1
    assert await store.do(lambda c: hosts.adopt(c, job, "b1", 8, 1.0)) is None
    assert await store.do(lambda c: hosts.orphans(c, site)) == []
    await store.do(silent_for("a1", A.silent_s + 1))
    assert await store.do(lambda c: hosts.orphans(c, site)) == [job]
    assert await store.do(lambda c: hosts.adopt(c, job, "b1", 8, 2.0)) == 2
    assert await store.do(lambda c: hosts.hosts_of_jobs(c, [job])) == {job: "nas-2"}


async def test_the_limit_and_one_of_a_project_hold_across_hosts(store):
    site, _ = await store.do(joined(A, B))
    first, second = await store.do(placed("trip", site, 2))
    third, fourth = await store.do(placed("beach", site)) + await store.do(placed("city", site))

    async def adopts(job: int, owner: str) -> bool:
        return await store.do(lambda c: hosts.adopt(c, job, owner, 2, 1.0)) is not None

    assert await adopts(first, "a1")
    assert not await adopts(second, "b1")  # of the same project
    assert await adopts(third, "b1")
    assert not await adopts(fourth, "a1")  # two are at work
    await store.do(silent_for("b1", A.silent_s + 1))
    assert await adopts(fourth, "a1")  # what a dead host had does not count


async def test_what_each_has_at_work_is_told(store):
    await store.do(joined(A, B))
    await store.do(lambda c: hosts.beat(c, "b1", {7: (0.5, "rendering")}))
    assert (await store.do(hosts.alive))["b1"] == ("nas-2", {7: (0.5, "rendering")})
    assert not await store.do(lambda c: hosts.beat(c, "nobody", {}))


async def test_the_jobs_of_one_site_are_not_anothers(store):
    (home,) = await store.do(joined(A))
    (attic,) = await store.do(joined(B, site="attic", mark="n"))
    (job,) = await store.do(placed("trip", home))
    assert [j.id for j in await store.read(lambda c: queue.open_jobs_of(c, home, Backend.CLOUD))] == [job]
    assert await store.read(lambda c: queue.open_jobs_of(c, attic, Backend.CLOUD)) == []
    assert await store.do(placed("trip", attic))  # the same name in another outbox


async def test_the_hosts_of_a_site_agree_on_what_each_must_go_on_with(store):
    cloud, studio = {"service.backend": "cloud"}, {"service.backend": "studio"}
    first, second = Host("a1", "nas-1", "1", silent_s=600), Host("b1", "nas-2", "1", silent_s=600)
    await store.do(lambda c: hosts.join(c, first, "home", "m1", cloud))
    with pytest.raises(UsageError, match=r"service\.backend: the other hosts of the site \"home\" \(nas-1\)"):
        await store.do(lambda c: hosts.join(c, second, "home", "m1", studio))
    await store.do(lambda c: hosts.join(c, second, "home", "m1", cloud))
    await store.do(
        lambda c: hosts.join(c, Host("c1", "nas-3", "1"), "cabin", "m2", studio)
    )  # another site is another matter
    await store.do(lambda c: hosts.leave(c, "a1"))
    await store.do(lambda c: hosts.leave(c, "b1"))
    await store.do(lambda c: hosts.join(c, second, "home", "m1", studio))  # all were stopped: it may be changed


async def test_a_lead_is_handed_over_only_where_another_host_of_the_site_lives(store):
    site = (await store.do(joined(A)))[0]
    lead = await store.do(lambda c: hosts.take_lead(c, site, "a1"))
    await store.do(joined(Host("c1", "nas-3", "0"), site="attic", mark="n"))
    assert not await store.do(lambda c: hosts.hand_over(c, lead))
    await store.do(joined(B))
    assert await store.do(lambda c: hosts.hand_over(c, lead))
    assert not await store.do(lambda c: hosts.leads(c, lead))
    assert not await store.do(lambda c: hosts.hand_over(c, lead))
    assert await store.do(lambda c: hosts.take_lead(c, site, "b1")) is not None


async def test_a_leader_that_slept_finds_before_it_tells_anybody_that_another_leads(store):
    site = (await store.do(joined(A, B)))[0]
    lead = await store.do(lambda c: hosts.take_lead(c, site, "a1"))
    led = Led(store, lambda: lead)
    await led.prove()
    await store.do(silent_for("a1", A.silent_s + 1))
    await store.do(lambda c: hosts.take_lead(c, site, "b1"))
    with pytest.raises(Trouble) as lost:
        await led.prove()
    assert lost.value.cause is Cause.LOST_TO_ANOTHER


def heard(host: Host, site: int):
    return lambda c: hosts._rejoin(c, host, site) if host.owner not in hosts.alive(c) else None


async def test_a_host_that_was_silent_comes_back_only_to_the_site_and_the_terms_that_it_left(store):
    cloud, studio = (("service.backend", "cloud"),), (("service.backend", "studio"),)
    slept, other = Host("a1", "nas-1", "1", 15.0, "m", cloud), Host("b1", "nas-2", "1", 15.0, "m", studio)
    site = await store.do(lambda c: hosts.join(c, slept, "home", "m", dict(cloud)))
    await store.do(silent_for("a1", 60))
    await store.do(heard(slept, site))  # nothing has changed meanwhile
    await store.do(lambda c: hosts.join(c, other, "home", "m", dict(studio)))
    with pytest.raises(UsageError, match=r"service\.backend"):
        await store.do(heard(slept, site))
    await store.do(lambda c: hosts.leave(c, "b1"))
    await store.do(lambda c: c.execute(tables.site.update().values(mark="another")))
    with pytest.raises(UsageError, match="another journal was moved"):
        await store.do(heard(slept, site))


async def test_who_is_barred_writes_nothing_any_more_and_says_why(store):
    told: list[str] = []
    store.on_trouble = lambda: told.append(store.barred)
    store.bar("it is not ours")
    with pytest.raises(Trouble) as lost:
        await store.do(lambda c: records.keep(c, "x", 1))
    assert (lost.value.cause, told) == (Cause.LOST_TO_ANOTHER, ["it is not ours"])
