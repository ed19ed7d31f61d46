"""The store: what is acknowledged is on disk, a bad caller hurts no neighbour, a journal that is not ours is left alone."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import stat
from pathlib import Path

import pytest
import sqlalchemy as sa

from nemo_watch.errors import UsageError
from nemo_watch.jobs import queue, records, schema, tables
from nemo_watch.jobs.opening import open_sqlite
from nemo_watch.jobs.tables import SCHEMA_VERSION, meta, step
from nemo_watch.model import Backend, FolderIdentity, Order, OrderKind


def read(path, key: str):
    with sqlite3.connect(path) as connection:
        return connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()


async def test_what_was_acknowledged_is_in_the_file(store, journal_file):
    await store.do(lambda c: (c.execute(meta.insert().values(key="a", value=1)), None)[1])
    assert read(journal_file, "a") == ("1",)


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


def bytes_of(journal_file: Path) -> dict[str, bytes]:
    """Every file of the state folder, by its name."""
    return {path.name: path.read_bytes() for path in sorted(journal_file.parent.iterdir())}


def refused(journal_file: Path, words: str) -> None:
    """It is refused in these words, twice, and not a byte of it is changed."""
    before = bytes_of(journal_file)
    for _ in range(2):
        with pytest.raises(UsageError, match=words):
            open_sqlite(journal_file)
        after = bytes_of(journal_file)
        assert {name: after.get(name) for name in before} == before
        assert {name for name in after.keys() - before.keys() if after[name]} <= {"journal.db-shm"}


def no_database(data: bytes) -> bytes:
    return b"this is no database" * 100


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def scribbled_over(data: bytes) -> bytes:
    """The second page, which holds a table or an index, is nonsense."""
    return data[:4096] + b"\xa5" * 4096 + data[8192:]


@pytest.mark.parametrize("damaged", [no_database, cut, scribbled_over])
def test_a_damaged_journal_is_refused_and_left_as_it_is(store, journal_file, damaged):
    store.close()
    journal_file.write_bytes(damaged(journal_file.read_bytes()))
    refused(journal_file, "left as it is")


@pytest.mark.parametrize("value", ["7.5", '"1"', "null", "no json"])
def test_a_journal_that_does_not_say_its_schema_is_refused_and_left_as_it_is(store, journal_file, value):
    store.close()
    with sqlite3.connect(journal_file) as connection:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'schema'", (value,))
    connection.close()
    refused(journal_file, "left as it is")


def test_a_newer_journal_is_refused_and_left_as_it_is(store, journal_file):
    store.close()
    newer(journal_file)
    refused(journal_file, "newer nemo-watch")


def test_a_newer_journal_whose_writer_was_killed_is_refused_and_its_log_is_left_too(store, journal_file, tmp_path):
    """What was written last is in the write-ahead log only: it must not be brought home, nor thrown away."""
    store.close()
    killed = tmp_path / "killed" / "journal.db"
    killed.parent.mkdir()
    connection = sqlite3.connect(journal_file)
    connection.execute("PRAGMA wal_autocheckpoint=0")
    connection.execute("UPDATE meta SET value = ? WHERE key = 'schema'", (str(SCHEMA_VERSION + 1),))
    connection.commit()
    for path in journal_file.parent.iterdir():
        if not path.name.endswith("-shm"):
            (killed.parent / path.name).write_bytes(path.read_bytes())
    connection.close()
    assert (killed.parent / "journal.db-wal").stat().st_size > 0
    refused(killed, "newer nemo-watch")


def newer(journal_file: Path) -> None:
    """A later nemo-watch has taken the journal over."""
    with sqlite3.connect(journal_file) as connection:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'schema'", (str(SCHEMA_VERSION + 1),))
    connection.close()


# -- a journal of an older nemo-watch ------------------------------------------------------------------------------------------

LATER = {
    SCHEMA_VERSION + 1: ("ALTER TABLE project ADD COLUMN colour TEXT NOT NULL DEFAULT 'blue'",),
    SCHEMA_VERSION + 2: (
        "CREATE TABLE label (id INTEGER PRIMARY KEY, project INTEGER NOT NULL REFERENCES project (id), words TEXT NOT NULL)",
        "INSERT INTO label (project, words) SELECT id, folder FROM project",
    ),
}


def later(monkeypatch: pytest.MonkeyPatch, version: int, migrations: dict[int, tuple[str, ...]] | None = None) -> None:
    """From now on this is the nemo-watch of that schema version."""
    monkeypatch.setattr(schema, "SCHEMA_VERSION", version)
    monkeypatch.setattr(schema, "MIGRATIONS", LATER if migrations is None else migrations)


def rows_of(journal_file: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    with sqlite3.connect(journal_file) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {name: connection.execute(f'SELECT * FROM "{name}" ORDER BY 1').fetchall() for name in names}  # noqa: S608
    connection.close()
    return found


@pytest.fixture
def older(store, journal_file) -> Path:
    """A journal of today's version with a film, its version and its steps in it."""

    def work(connection: sa.Connection) -> None:
        number = records.add_project(connection, "trip", FolderIdentity(1, 2, 3), "trip", 0.0)
        film = records.add_film(connection, number, "", "trip", 0.0, name="trip")
        order = Order(OrderKind.MESSAGES, Backend.CLOUD, (), (), ("one",), ("one",))
        job = queue.place(connection, film, order, 1, None, 1, 0.0)
        values = {"scope": f"job/{job}", "name": "message/0", "state": "intent", "data": {"text": "one"}, "at": 0.0}
        connection.execute(step.insert().values(values))
        records.ask(connection, "retry", film, 0.0)

    store.submit(work).result(10)
    store.close()
    return journal_file


@pytest.mark.parametrize("steps", [1, 2])
def test_an_older_journal_is_brought_to_todays_schema_and_keeps_every_row(older, monkeypatch, steps):
    before = rows_of(older)
    later(monkeypatch, SCHEMA_VERSION + steps)
    for _ in range(2):  # and a second start has nothing left to do
        opened = open_sqlite(older)
        known = opened.submit(lambda c: (records.films(c), queue.open_jobs(c), records.open_requests(c))).result(10)
        assert [len(found) for found in known] == [1, 1, 1]
        opened.close()
        after = rows_of(older)
        assert dict(after.pop("meta")) == {**dict(before["meta"]), "schema": str(SCHEMA_VERSION + steps)}
        assert [row[:-1] for row in after.pop("project")] == before["project"]
        assert after.pop("label", [(1, 1, "trip")]) == [(1, 1, "trip")]
        assert after == {name: rows for name, rows in before.items() if name not in {"meta", "project"}}


@pytest.mark.parametrize("at", range(4))
def test_a_migration_that_is_cut_leaves_the_older_journal_whole_and_the_next_start_finishes_it(older, monkeypatch, at):
    """Cut before and after each statement of two migrations: all of them are one transaction."""
    before = rows_of(older)
    later(monkeypatch, SCHEMA_VERSION + 2)
    run, ran = sa.Connection.exec_driver_sql, []

    def cut_at(connection, statement, *more):
        if statement in {s for statements in LATER.values() for s in statements}:
            if len(ran) == at:
                raise KeyboardInterrupt
            ran.append(statement)
            result = run(connection, statement, *more)
            if len(ran) == at == 3:
                raise KeyboardInterrupt
            return result
        return run(connection, statement, *more)

    monkeypatch.setattr(sa.Connection, "exec_driver_sql", cut_at)
    with pytest.raises(KeyboardInterrupt):
        open_sqlite(older)
    monkeypatch.setattr(sa.Connection, "exec_driver_sql", run)
    assert rows_of(older) == before
    open_sqlite(older).close()
    assert read(older, "schema") == (str(SCHEMA_VERSION + 2),)
    assert len(rows_of(older)["label"]) == 1


def test_a_migration_that_is_killed_before_its_commit_leaves_the_older_journal_whole(older, monkeypatch):
    """SIGKILL in a process of its own, everything done and nothing acknowledged."""
    before = rows_of(older)
    child = os.fork()
    if child == 0:
        monkeypatch.setattr(schema, "SCHEMA_VERSION", SCHEMA_VERSION + 2)
        monkeypatch.setattr(schema, "MIGRATIONS", LATER)
        sa.event.listen(sa.engine.Engine, "commit", lambda _connection: os.kill(os.getpid(), signal.SIGKILL))
        try:
            open_sqlite(older)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert rows_of(older) == before
    later(monkeypatch, SCHEMA_VERSION + 2)
    open_sqlite(older).close()
    assert len(rows_of(older)["label"]) == 1


def test_a_migration_that_fails_leaves_the_older_journal_whole(older, monkeypatch):
    before = rows_of(older)
    broken = {**LATER, SCHEMA_VERSION + 2: (*LATER[SCHEMA_VERSION + 2], "ALTER TABLE nowhere ADD COLUMN x TEXT")}
    later(monkeypatch, SCHEMA_VERSION + 2, broken)
    with pytest.raises(UsageError, match="left as it is"):
        open_sqlite(older)
    assert rows_of(older) == before


def test_every_schema_version_has_its_migration():
    assert set(tables.MIGRATIONS) == set(range(2, SCHEMA_VERSION + 1))


# -- a disk that refuses -------------------------------------------------------------------------------------------------------


def pragma(store, words: str) -> int:
    """Ask the writer's own connection, whoever uses it just now."""
    with store._engine.connect() as connection:
        return connection.connection.driver_connection.execute(f"PRAGMA {words}").fetchone()[0]


async def held_up_by(store) -> str:
    while store.trouble is None:  # noqa: ASYNC110  the writer is a thread and has no event to offer
        await asyncio.sleep(0.01)
    return store.trouble


async def test_a_full_disk_holds_every_writing_and_loses_none(store, journal_file):
    """SQLITE_FULL itself: the database may not grow. Many callers wait, are told nothing wrong, and are all answered."""
    room = pragma(store, "max_page_count")
    pragma(store, f"max_page_count={pragma(store, 'page_count')}")

    def insert(number: int):
        return lambda c: (c.execute(meta.insert().values(key=f"k{number}", value="x" * 5000)), number)[1]

    waiting = [asyncio.create_task(store.do(insert(number))) for number in range(20)]
    assert "full" in await held_up_by(store)
    assert not any(task.done() for task in waiting)
    assert read(journal_file, "k0") is None
    pragma(store, f"max_page_count={room}")
    assert await asyncio.gather(*waiting) == list(range(20))
    assert store.trouble is None
    assert all(read(journal_file, f"k{number}") for number in range(20))


async def test_a_read_only_journal_holds_every_writing_and_goes_on(store, journal_file):
    with store._engine.connect() as connection:
        connection.connection.driver_connection.execute("PRAGMA query_only=ON")
    insert = store.do(lambda c: (c.execute(meta.insert().values(key="late", value=1)), "there")[1])
    waiting = asyncio.create_task(insert)
    await held_up_by(store)
    with store._engine.connect() as connection:
        connection.connection.driver_connection.execute("PRAGMA query_only=OFF")
    assert await waiting == "there"
    assert read(journal_file, "late") == ("1",)
