"""What every store promises: an answer only for what is kept, each caller its own, and news of what others wrote."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa

from nemo_watch.errors import Cause, Trouble
from nemo_watch.jobs.store import store_stamp
from nemo_watch.jobs.tables import SCHEMA_VERSION, meta, project


def put(key: str, value: object = 1):
    return lambda c: (c.execute(meta.insert().values(key=key, value=value)), value)[1]


def got(key: str):
    return lambda c: c.scalar(sa.select(meta.c.value).where(meta.c.key == key))


async def test_what_was_acknowledged_is_there_for_the_next_who_opens_it(store, opened_again):
    await store.do(put("a", {"n": 1}))
    assert await opened_again().read(got("a")) == {"n": 1}


async def test_it_is_made_once_and_says_its_schema(store, opened_again):
    assert [await other.read(got("schema")) for other in (store, opened_again())] == [SCHEMA_VERSION] * 2


async def test_the_stamp_moves_when_another_process_has_written_and_at_nothing_else(store, opened_again):
    other = opened_again()
    seen = [await store.read(store_stamp)]
    await other.read(got("a"))
    seen.append(await store.read(store_stamp))
    for key in ("a", "b"):
        await other.do(put(key))
        seen.append(await store.read(store_stamp))
    assert seen[0] == seen[1]
    assert len(set(seen)) == 3


async def test_two_that_read_and_then_write_do_so_one_after_the_other(store, opened_again):
    """A decision and what comes of it are one: two hosts that count up lose no count."""

    def count(connection: sa.Connection) -> int:
        number = int(connection.scalar(sa.select(meta.c.value).where(meta.c.key == "n")) or 0) + 1
        connection.execute(meta.delete().where(meta.c.key == "n"))
        connection.execute(meta.insert().values(key="n", value=number))
        return number

    stores = [store, opened_again(), opened_again()]

    async def one(number: int) -> int:
        return await stores[number % 3].do(count)

    assert sorted(await asyncio.gather(*(one(n) for n in range(60)))) == list(range(1, 61))


async def test_many_callers_share_commits(store):
    """256 callers at once are all answered, each with its own result."""

    def work(number: int):
        def insert(connection: sa.Connection) -> int:
            connection.execute(meta.insert().values(key=f"k{number}", value=number))
            return number

        return insert

    assert await asyncio.gather(*(store.do(work(n)) for n in range(256))) == list(range(256))


async def test_one_bad_statement_does_not_take_its_neighbours_along(store):
    await store.do(lambda c: (c.execute(meta.insert().values(key="there", value=0)), None)[1])

    def insert(key: str):
        return lambda c: (c.execute(meta.insert().values(key=key, value=1)), key)[1]

    results = await asyncio.gather(
        *(store.do(insert(key)) for key in ("x", "there", "y")), return_exceptions=True
    )  # fmt: skip
    assert results[0] == "x"
    assert isinstance(results[1], sa.exc.IntegrityError)
    assert results[2] == "y"


async def test_a_trouble_reaches_its_own_caller_only(store):
    def refuse(_connection: sa.Connection) -> None:
        raise Trouble(Cause.LOST_TO_ANOTHER)

    refused, answered = await asyncio.gather(store.do(refuse), store.do(lambda _c: 7), return_exceptions=True)
    assert isinstance(refused, Trouble)
    assert answered == 7


@pytest.mark.parametrize("name", ["beach-trip", "newline\nname", "emoji 🎬", "عربي", "\udcff\udcfe.jpg", 'quote"\\'])
async def test_every_file_name_survives_the_round_trip(store, name):
    values = {"folder": name, "device": 1, "inode": 2**63 - 1, "outbox": "o", "created_at": 0.0, "gone": False}
    await store.do(lambda c: (c.execute(project.insert().values(values)), None)[1])
    assert await store.do(lambda c: c.scalar(sa.select(project.c.folder))) == name
