"""The journal on a server: whatever becomes of the server, the way to it, or a host, what was ordered is ordered once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import psycopg
import pytest
import sqlalchemy as sa

from nemo_watch.errors import Cause, Trouble, UsageError
from nemo_watch.jobs import postgres as server
from nemo_watch.jobs.postgres import JOURNAL_LOCK, open_postgres
from nemo_watch.jobs.store import Store
from nemo_watch.jobs.tables import SCHEMA_VERSION, meta
from tests.wire import Wire


def put(key: str, value: object = 1):
    return lambda c: (c.execute(meta.insert().values(key=key, value=value)), value)[1]


def keys(database: str) -> list[str]:
    with psycopg.connect(database) as connection:
        return [key for (key,) in connection.execute("SELECT key FROM meta WHERE key <> 'schema' ORDER BY key")]


async def held_up_by(store: Store) -> str:
    while store.trouble is None:  # noqa: ASYNC110  the writer is a thread and has no event to offer
        await asyncio.sleep(0.01)
    return store.trouble


@pytest.fixture
def wire(database: str) -> Iterator[Wire]:
    made = Wire(database)
    yield made
    made.close()


@pytest.fixture
def opened() -> Iterator[Callable[[str], Store]]:
    stores: list[Store] = []

    def open_one(url: str) -> Store:
        stores.append(open_postgres(url))
        return stores[-1]

    yield open_one
    for store in stores:
        store.close()


# -- the way to it -------------------------------------------------------------------------------------------------------------


async def test_a_commit_whose_answer_is_lost_is_not_done_again(wire, opened, database):
    """The server has it; what would be placed a second time is a second, paid, version."""
    store = opened(wire.url)
    row = sa.text("INSERT INTO meta (key, value) SELECT 'n' || count(*), '1' FROM meta")  # done twice, it would show
    await store.read(put_nothing)
    wire.cut_after = b"COMMIT"
    await store.do(lambda c: (c.execute(row), None)[1])
    assert wire.cut_after is None
    assert keys(database) == ["n1"]


async def test_a_transaction_that_was_cut_before_its_commit_is_done_again(wire, opened, database):
    store = opened(wire.url)
    await store.read(put_nothing)
    wire.cut_after = b"INSERT"
    assert await store.do(put("a", 7)) == 7
    assert wire.cut_after is None
    assert keys(database) == ["a"]


async def test_a_server_out_of_reach_holds_every_writing_and_loses_none(wire, opened, database):
    store = opened(wire.url)
    wire.cut()
    waiting = [asyncio.create_task(store.do(put(f"k{number}", number))) for number in range(20)]
    assert "database does not answer" in await held_up_by(store)
    assert not any(task.done() for task in waiting)
    wire.open = True
    assert await asyncio.gather(*waiting) == list(range(20))
    assert store.trouble is None
    assert len(keys(database)) == 20


async def test_a_server_that_throws_everybody_out_is_asked_again(opened, database):
    """As at its restart: every connection is ended by the server."""
    store = opened(database)
    await store.do(put("before"))
    with psycopg.connect(database, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await store.do(put("after"))
    assert keys(database) == ["after", "before"]


# -- another host --------------------------------------------------------------------------------------------------------------


async def test_a_host_that_is_frozen_in_a_transaction_holds_nobody_up(opened, database, monkeypatch):
    monkeypatch.setitem(server._SETTINGS, "idle_in_transaction_session_timeout", "200ms")
    frozen = server.postgres_engine(database).connect()
    frozen.begin()
    store = opened(database)
    assert await store.do(put("a")) == 1
    with pytest.raises(sa.exc.DBAPIError):
        frozen.execute(sa.select(meta))


async def test_a_lock_that_is_not_given_back_is_waited_for_and_said(opened, database, monkeypatch):
    monkeypatch.setitem(server._SETTINGS, "lock_timeout", "100ms")
    store = opened(database)
    with psycopg.connect(database) as other:
        other.execute(f"SELECT pg_advisory_xact_lock({JOURNAL_LOCK})")
        waiting = asyncio.create_task(store.do(put("a")))
        assert "another host has locked it" in await held_up_by(store)
    assert await waiting == 1


async def test_a_database_that_takes_no_changes_holds_every_writing_and_goes_on(opened, database):
    """As a server that was made the second of its cluster."""
    store = opened(database)

    def read_only(on: str) -> None:
        with psycopg.connect(database, autocommit=True) as other:
            other.execute(f"ALTER DATABASE {urlsplit(database).path[1:]} SET default_transaction_read_only = {on}")
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    read_only("on")
    waiting = asyncio.create_task(store.do(put("a")))
    while "read-only" not in await held_up_by(store):  # noqa: ASYNC110  first it hears only that it is thrown out
        await asyncio.sleep(0.01)
    with psycopg.connect(database.replace(urlsplit(database).path, "/postgres"), autocommit=True) as other:
        other.execute(f"ALTER DATABASE {urlsplit(database).path[1:]} RESET default_transaction_read_only")
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (urlsplit(database).path[1:],)
        )
    assert await waiting == 1


# -- a start -------------------------------------------------------------------------------------------------------------------


def test_two_hosts_that_start_at_once_make_one_journal(database):
    results: list[Store | BaseException] = []

    def start() -> None:
        try:
            results.append(open_postgres(database))
        except BaseException as error:  # noqa: BLE001  looked at below
            results.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in results:
        assert isinstance(store, Store), store
        store.close()
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT value FROM meta").fetchall() == [(str(SCHEMA_VERSION),)]


def test_a_newer_journal_is_refused(opened, database):
    opened(database).close()
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE meta SET value = %s WHERE key = 'schema'", (str(SCHEMA_VERSION + 1),))
    with pytest.raises(UsageError, match="newer nemo-watch"):
        open_postgres(database)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda url: "http://somewhere/", "this is no address of a database"),
        (lambda url: url.replace("/journal", "/nowhere"), "does not exist"),
        (lambda url: url.replace("postgres:@", "nobody:@"), "does not exist"),
    ],
)  # fmt: skip
def test_a_wrong_address_is_a_mistake_that_is_named(database, change, words):
    with pytest.raises(UsageError, match=words):
        open_postgres(change(database))


def test_a_server_that_is_away_at_the_start_is_no_mistake_and_no_password_is_told(wire):
    wire.close()
    with pytest.raises(Trouble) as told:
        open_postgres(wire.url.replace("postgres@", "postgres:geheim123@"))
    assert told.value.cause is Cause.JOURNAL_AWAY
    assert "127.0.0.1/journal" in str(told.value)
    assert "geheim123" not in str(told.value)


def put_nothing(_connection: sa.Connection) -> None:
    return None


def test_a_role_that_may_not_write_is_told_what_it_lacks(opened, database):
    opened(database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS reader")
        connection.execute("CREATE ROLE reader LOGIN")
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    parts = urlsplit(database)
    as_reader = parts._replace(netloc=f"reader@{parts.netloc.rpartition('@')[2]}").geturl()
    with pytest.raises(UsageError, match="reader may not write its tables"):
        opened(as_reader)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO reader")
        connection.execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO reader")
    opened(as_reader)
