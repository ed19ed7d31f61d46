"""A job's steps: done once, intents before acts, nothing written by one who has lost the job."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from nemo_watch.errors import Cause, Trouble
from nemo_watch.jobs import queue, records, tables
from nemo_watch.jobs.journal import Journal, steps_of
from nemo_watch.model import Backend, FolderIdentity, Order, OrderKind


async def claimed(store, clock, owner: str = "me") -> Journal:
    order = Order(OrderKind.MESSAGES, Backend.CLOUD, (), (), ("x",), ("x",))

    def work(connection: sa.Connection) -> tuple[int, int]:
        project = records.add_project(connection, "f", FolderIdentity(1, 2, 3), "f", 0.0)
        film = records.add_film(connection, project, "", "f", 0.0, name="f")
        job = queue.place(connection, film, order, 1, None, 1, 0.0)
        fence = queue.claim(connection, job, owner, 0.0)
        assert fence is not None
        return job, fence

    return Journal(store, clock, *(await store.do(work))[:1], owner, 1)


async def test_a_step_that_is_done_is_not_done_again(store, clock):
    journal = await claimed(store, clock)
    calls = []

    async def act():
        calls.append(1)
        return {"n": len(calls)}

    assert await journal.step("session", act) == {"n": 1}
    assert await journal.step("session", act) == {"n": 1}
    assert len(calls) == 1


async def test_a_step_that_fails_leaves_no_receipt(store, clock):
    journal = await claimed(store, clock)

    async def fail():
        raise Trouble(Cause.NETWORK_DOWN)

    with pytest.raises(Trouble):
        await journal.step("session", fail)
    assert await journal.find("session") is None


async def test_an_intent_is_known_before_its_receipt(store, clock):
    journal = await claimed(store, clock)
    await journal.intent("message/0", {"text": "x", "paid": True})
    found = await journal.find("message/0")
    assert found is not None
    assert not found.done
    await journal.receipt("message/0", {"text": "said"})
    found = await journal.find("message/0")
    assert found is not None
    assert found.receipt == {"text": "said"}
    assert found.data == {"text": "x", "paid": True}


async def test_a_step_taken_back_keeps_its_row(store, clock):
    journal = await claimed(store, clock)
    await journal.intent("render/1", {"id": "render_1"})
    await journal.void("render/1")
    assert await journal.find("render/1") is None
    rows = await store.do(lambda c: list(c.execute(sa.select(tables.step.c.state)).scalars()))
    assert rows == ["void"]


async def test_one_who_lost_the_job_writes_nothing(store, clock):
    """A daemon that slept past its lease wakes and finds another owner: every write is refused."""
    journal = await claimed(store, clock, "sleeper")

    def take_over(connection: sa.Connection) -> None:
        connection.execute(tables.job.update().values(state="queued"))
        assert queue.claim(connection, journal.job_id, "other", 0.0) == 2

    await store.do(take_over)
    for write in (
        journal.intent("message/0", {"paid": True}),
        journal.receipt("session", {}),
        journal.void("session"),
        journal.write(state="done"),
    ):
        with pytest.raises(Trouble) as lost:
            await write
        assert lost.value.cause is Cause.LOST_TO_ANOTHER
    assert await store.do(lambda c: steps_of(c, journal.scope)) == []


async def test_no_more_paid_messages_in_a_day_than_allowed(store, clock):
    journal = await claimed(store, clock)
    for number in range(2):
        await journal.intent(f"message/{number}", {"paid": True}, paid_a_day=2)
        clock.at_s += 3600
    with pytest.raises(Trouble) as held:
        await journal.intent("message/2", {"paid": True}, paid_a_day=2)
    assert held.value.cause is Cause.BRAKE_DAILY
    assert held.value.retry_after_s == 22 * 3600
    clock.at_s += 22 * 3600 + 1
    await journal.intent("message/2", {"paid": True}, paid_a_day=2)


async def test_messages_that_were_not_taken_or_cost_nothing_do_not_count(store, clock):
    journal = await claimed(store, clock)
    await journal.intent("message/0", {"paid": False}, paid_a_day=1)
    await journal.intent("message/1", {"paid": True}, paid_a_day=1)
    await journal.void("message/1")
    await journal.intent("message/1", {"paid": True}, paid_a_day=1)


async def test_render_ids_are_distinct_whatever_the_clock_does(store, clock):
    journal = await claimed(store, clock)
    first = await journal.distinct_ms()
    clock.at_s -= 1000
    assert await journal.distinct_ms() == first + 1


async def test_one_who_slept_after_the_intent_asks_again_before_it_sends(store, clock):
    """What another host took over meanwhile is not sent; what is still ours is."""
    journal = await claimed(store, clock)
    await journal.intent("message/0", {"text": "x", "paid": True})
    before = store.generation
    await journal.sure()
    assert store.generation == before, "the intent itself is proof enough"
    clock.at_s += 3600
    await journal.sure()
    clock.at_s += 3600
    taken = (
        tables.job.update().where(tables.job.c.id == journal.job_id).values(owner="other", fence=tables.job.c.fence + 1)
    )
    await store.do(lambda c: (c.execute(taken), None)[1])
    with pytest.raises(Trouble):
        await journal.sure()
