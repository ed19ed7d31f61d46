"""The journal without its thread, which no simulated clock would wait for: the same SQL, on a file, one engine for all.

One engine for all keeps SQLAlchemy's compiled statements: a life costs a tenth of what it would with an engine of its own.
Power cuts are not simulated, so nothing is synced; tests/jobs/test_store.py does that with the real one.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from nemo_watch.jobs.holdups import held_up
from nemo_watch.jobs.opening import prepared, sqlite_engine

WAITS_S = (0.1, 0.5, 1.0, 2.0, 5.0)  # the real writer's
_next_file: list[Path] = []
_empty: list[bytes] = []  # a journal as it is made, so that it is not made anew for every life


def _connect() -> sqlite3.Connection:
    connection = sqlite3.connect(_next_file.pop(), isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA journal_mode=MEMORY")
    connection.execute("PRAGMA foreign_keys=ON")
    return connection


_engine = sa.create_engine("sqlite+pysqlite://", creator=_connect, poolclass=sa.pool.NullPool)


@sa.event.listens_for(_engine, "begin")
def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _as_made(path: Path) -> bytes:
    """The bytes of a journal that the product has just made."""
    if not _empty:
        made = path.with_name("made.db")
        engine = prepared(sqlite_engine(made), str(made))
        engine.dispose()
        with closing(sqlite3.connect(made)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
        _empty.append(made.read_bytes())
        made.unlink()
    return _empty[0]


async def _go(_wrote: bool) -> None:
    """Nothing stands in the way."""


def _takes(_wrote: bool) -> str | None:
    """The disk takes everything."""
    return None


def refusal(name: str) -> OperationalError:
    """What the database driver raises; `name` is SQLite's own, as `SQLITE_FULL`."""
    orig = sqlite3.OperationalError(f"it is {name}")
    orig.sqlite_errorname = name
    return OperationalError("COMMIT", None, orig)


class SimStore:
    """`jobs.store.Store` for one process's life; several may be open on one file.

    `passing` is called before every transaction, and with True after one that wrote; what it raises is raised here. `refusing` is
    asked at every commit whether the disk refuses (SQLite's name for it); then everybody waits and it is tried again, as the
    real writer does.
    """

    def __init__(
        self,
        path: Path,
        passing: Callable[[bool], Awaitable[None]] = _go,
        refusing: Callable[[bool], str | None] = _takes,
    ) -> None:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_as_made(path))
        _next_file.append(path)
        self._connection = _engine.connect()
        self._driver: Any = self._connection.connection.driver_connection
        self._passing = passing
        self._refusing = refusing
        self._one_at_a_time = asyncio.Lock()
        self.generation = 0
        self.trouble: str | None = None

    async def do(self, work: Callable[[sa.Connection], Any]) -> Any:
        await self._passing(False)
        before = self._driver.total_changes
        result = await self._committed(work)
        self.generation += 1
        if self._driver.total_changes != before:
            await self._passing(True)
        return result

    async def read(self, work: Callable[[sa.Connection], Any]) -> Any:
        await self._passing(False)
        return await self._committed(work)

    async def _committed(self, work: Callable[[sa.Connection], Any]) -> Any:
        async with self._one_at_a_time:
            tries = 0
            while True:
                try:
                    result = self._tried(work)
                except OperationalError as error:
                    if held_up(error) is None:
                        raise
                    self.trouble = f"the journal cannot be written ({error.orig})"
                    await asyncio.sleep(WAITS_S[min(tries, len(WAITS_S) - 1)])
                    tries += 1
                else:
                    self.trouble = None
                    return result

    def _tried(self, work: Callable[[sa.Connection], Any]) -> Any:
        before = self._driver.total_changes
        with self._connection.begin():
            result = work(self._connection)
            name = self._refusing(self._driver.total_changes != before)
            if name is not None:
                raise refusal(name)
        return result

    def now(self, work: Callable[[sa.Connection], Any]) -> Any:
        """The same for who looks from outside: nothing stands in its way."""
        with self._connection.begin():
            return work(self._connection)

    def close(self) -> None:
        self._connection.close()
