"""A journal's file → a store on it: made if it is not there, brought to today's schema, or refused and left as it is.

Facts: WAL + synchronous=FULL loses nothing that was acknowledged; a deferred BEGIN that later writes fails at once whatever the
timeout, so every transaction is IMMEDIATE. A database file of 0 bytes makes SQLite delete the write-ahead log beside it.
Source: sqlite.org/wal.html; sqlite.org/rescode.html.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from nemo_watch.errors import Cause, Trouble, UsageError
from nemo_watch.jobs import schema
from nemo_watch.jobs.holdups import held_up
from nemo_watch.jobs.schema import LEFT, check
from nemo_watch.jobs.store import Store
from nemo_watch.jobs.tables import meta

if TYPE_CHECKING:
    from collections.abc import Callable

_LOCK_WAIT_S: Final = 5.0  # another command's write takes milliseconds; the store itself waits for ever, and says so
_FULL_BYTES: Final = (
    256 * 1024
)  # with less left, what SQLite calls an I/O error is a full disk: its index alone takes 32 KiB
_BESIDE: Final = ("", "-wal", "-shm", "-journal")  # what SQLite lays beside a database, and the database itself


def open_sqlite(path: Path, was_used: Callable[[], bool] = lambda: False) -> Store:
    """The store in the file `path`, made if it is not there (0600; its folder 0700), brought to today's schema.

    A journal is made under another name and moved into place whole, so a kill leaves none that is half made. One that is
    there and holds nothing (0 bytes, or a database without a table) may still be what an older nemo-watch began: it is
    filled, unless `was_used` tells that films were made already. Then it has lost what it held, and that is damage.

    Raises: UsageError when the file is damaged, another program's, or was written by a newer nemo-watch; it is then left as
    it is. Trouble (NO_SPACE, OUTBOX_UNWRITABLE) when it cannot be used just now: locked, or on a disk that is full or
    read-only. OSError when its folder cannot be used.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.path.lexists(path):
        _refuse_what_is_not_ours(path, was_used)
    else:
        _make(path)
    return Store(prepared(sqlite_engine(path), str(path)))


def _make(path: Path) -> None:
    """A new journal under the name `path`, whole from the first moment."""
    new = path.with_name(f"{path.name}.new")
    _remove(new)
    try:
        os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        prepared(sqlite_engine(new), str(path)).dispose()  # the last to close it brings the write-ahead log home
        new.rename(path)
        _sync(path.parent)  # or a power cut takes the name back, and what is written from here on with it
    finally:
        _remove(new)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove(database: Path) -> None:
    for ending in _BESIDE:
        database.with_name(database.name + ending).unlink(missing_ok=True)


# -- a file that is there ----------------------------------------------------------------------------------------------------


def _refuse_what_is_not_ours(path: Path, was_used: Callable[[], bool]) -> None:
    """Look at the file without changing a byte of it. Raises: UsageError, Trouble, as `open_sqlite` says."""
    log = path.with_name(f"{path.name}-wal")
    if path.stat().st_size == 0:
        if log.exists() and log.stat().st_size > 0:  # SQLite would delete it, and what was written last is in there
            raise UsageError(f"The journal {path} is damaged: it is empty, and {log.name} is not. {LEFT}")
        _refuse_lost(path, was_used)
        return
    engine = sqlite_engine(path, read_only=True)
    try:
        with engine.connect() as connection:
            if not connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar():
                _refuse_lost(path, was_used)
            elif not sa.inspect(connection).has_table(meta.name):
                raise UsageError(f"{path} is no journal of nemo-watch: it is another program's, or damaged. {LEFT}")
            else:
                check(connection, str(path))
    except DatabaseError as error:
        raise _refusal(error, str(path)) from error
    finally:
        engine.dispose()


def _refuse_lost(path: Path, was_used: Callable[[], bool]) -> None:
    if was_used():
        raise UsageError(f"The journal {path} is empty, although films were made: it has lost what it held. {LEFT}")


def _refusal(error: DatabaseError, where: str) -> Trouble | UsageError:
    """What an error of the database means at a start: one that passes is no damage, and its file must not be moved away."""
    reason = held_up(error)
    if reason is None:
        return UsageError(f"The journal {where} cannot be read ({error.orig}). {LEFT}")
    told = f"the journal {where}"
    if "full" in reason or ("locked" not in reason and _is_full(Path(where).parent)):
        return Trouble(Cause.NO_SPACE, folder=told)
    return Trouble(Cause.OUTBOX_UNWRITABLE, folder=told[0].upper() + told[1:], reason=reason)


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _FULL_BYTES
    except OSError:
        return False


# -- the engine --------------------------------------------------------------------------------------------------------------


def sqlite_engine(path: Path, *, read_only: bool = False) -> sa.Engine:
    """An engine on the file `path`: WAL, synchronous=FULL, every transaction IMMEDIATE."""
    target = f"file:{quote(os.fsencode(path))}" + ("?mode=ro" if read_only else "")
    engine = sa.create_engine(
        "sqlite+pysqlite://",
        creator=lambda: _sqlite_connection(target, read_only=read_only),
        poolclass=sa.pool.StaticPool,
    )
    if not read_only:

        @sa.event.listens_for(engine, "begin")
        def _begin(connection: sa.Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _sqlite_connection(target: str, *, read_only: bool) -> Any:  # noqa: ANN401  the driver's own connection
    import sqlite3

    connection = sqlite3.connect(target, uri=True, timeout=_LOCK_WAIT_S, isolation_level=None, check_same_thread=False)
    if not read_only:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "wal_autocheckpoint=1000"):
            connection.execute(f"PRAGMA {pragma}")
    return connection


def prepared(engine: sa.Engine, where: str) -> sa.Engine:
    """As `schema.prepared`. Raises: UsageError, Trouble, as `open_sqlite` says."""
    return schema.prepared(engine, where, _refusal)
