"""The store: what is acknowledged is on disk, a bad caller hurts no neighbour, a journal that is not ours is left alone."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat

import pytest
import sqlalchemy as sa

from nemo_watch.errors import Cause, Trouble, UsageError
from nemo_watch.jobs.opening import open_sqlite
from nemo_watch.jobs.tables import SCHEMA_VERSION, meta, project


def read(path, key: str):
    with sqlite3.connect(path) as connection:
        return connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()


async def test_what_was_acknowledged_is_in_the_file(store, journal_file):
    await store.do(lambda c: (c.execute(meta.insert().values(key="a", value=1)), None)[1])
    assert read(journal_file, "a") == ("1",)


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


async def test_a_locked_journal_is_waited_for_and_said(store, journal_file):
    """While another process holds the database the batch is kept; the status says why; nothing is lost."""
    other = sqlite3.connect(journal_file, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    with store._engine.connect() as connection:
        connection.connection.driver_connection.execute("PRAGMA busy_timeout=10")
    waiting = asyncio.create_task(
        store.do(lambda c: (c.execute(meta.insert().values(key="late", value=1)), "there")[1])
    )
    while store.trouble is None:  # noqa: ASYNC110  the writer is a thread and has no event to offer
        await asyncio.sleep(0.01)
    assert "locked" in store.trouble
    other.execute("ROLLBACK")
    assert await waiting == "there"
    assert store.trouble is None
    other.close()


def test_the_journal_is_for_its_owner_only(journal_file):
    old = os.umask(0o022)
    try:
        open_sqlite(journal_file).close()
    finally:
        os.umask(old)
    assert stat.S_IMODE(journal_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(journal_file.parent.stat().st_mode) == 0o700


def test_a_damaged_journal_is_refused_and_left_as_it_is(journal_file):
    journal_file.parent.mkdir(parents=True)
    journal_file.write_bytes(b"this is no database" * 100)
    before = journal_file.read_bytes()
    with pytest.raises(UsageError, match="left as it is"):
        open_sqlite(journal_file)
    assert journal_file.read_bytes() == before


async def test_a_newer_journal_is_refused(store, journal_file):
    await store.do(
        lambda c: (c.execute(meta.update().where(meta.c.key == "schema").values(value=SCHEMA_VERSION + 1)), None)[1]
    )
    store.close()
    with pytest.raises(UsageError, match="newer nemo-watch"):
        open_sqlite(journal_file)


@pytest.mark.parametrize("name", ["beach-trip", "newline\nname", "emoji 🎬", "عربي", "\udcff\udcfe.jpg", 'quote"\\'])
async def test_every_file_name_survives_the_round_trip(store, name):
    values = {"folder": name, "device": 1, "inode": 2**63 - 1, "outbox": "o", "created_at": 0.0, "gone": False}
    await store.do(lambda c: (c.execute(project.insert().values(values)), None)[1])
    assert await store.do(lambda c: c.scalar(sa.select(project.c.folder))) == name
