"""A journal's file → a store on it: made if it is not there, brought to today's schema, or refused and left as it is.

Facts: WAL + synchronous=FULL loses nothing that was acknowledged; a deferred BEGIN that later writes fails at once whatever the
timeout, so every transaction is IMMEDIATE.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from nemo_watch.errors import UsageError
from nemo_watch.jobs.store import Store
from nemo_watch.jobs.tables import MIGRATIONS, SCHEMA_VERSION, meta, metadata


def open_sqlite(path: Path) -> Store:
    """The store in the file `path`, made if it is not there (0600; its folder 0700), brought to today's schema.

    Raises: UsageError when the file is damaged, or was written by a newer nemo-watch; it is then left as it is.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    return Store(prepared(sqlite_engine(path), str(path)))


def sqlite_engine(path: Path, *, read_only: bool = False) -> sa.Engine:
    """An engine on the file `path`: WAL, synchronous=FULL, every transaction IMMEDIATE."""
    target = f"file:{path}?mode=ro" if read_only else f"file:{path}"
    target = target.replace("%", "%25").replace("#", "%23") if set("%#") & set(str(path)) else target
    engine = sa.create_engine(
        "sqlite+pysqlite://",
        creator=lambda: _sqlite_connection(target),
        poolclass=sa.pool.StaticPool,
    )
    if not read_only:

        @sa.event.listens_for(engine, "begin")
        def _begin(connection: sa.Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _sqlite_connection(target: str) -> Any:  # noqa: ANN401  the driver's own connection
    import sqlite3

    connection = sqlite3.connect(target, uri=True, timeout=5, isolation_level=None, check_same_thread=False)
    if "mode=ro" not in target:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "wal_autocheckpoint=1000"):
            connection.execute(f"PRAGMA {pragma}")
    return connection


def prepared(engine: sa.Engine, where: str) -> sa.Engine:
    """The engine with a journal of today's schema; `where` names it to people. Raises: UsageError, and closes the engine."""
    try:
        with engine.begin() as connection:
            _migrate(connection, where)
    except (DatabaseError, ValueError) as error:
        engine.dispose()
        raise UsageError(
            f"The journal {where} cannot be read ({getattr(error, 'orig', error)}). It is left as it is: put a backup in its "
            "place, or move it away; what was bought is known from the receipts in the outbox."
        ) from error
    except BaseException:
        engine.dispose()
        raise
    return engine


def _migrate(connection: sa.Connection, where: str) -> None:
    if not sa.inspect(connection).has_table("meta"):
        metadata.create_all(connection)
        connection.execute(meta.insert().values(key="schema", value=SCHEMA_VERSION))
        return
    if connection.dialect.name == "sqlite":
        verdict = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
        if verdict != "ok":
            raise ValueError(f"it is damaged: {verdict}")
    version = connection.scalar(sa.select(meta.c.value).where(meta.c.key == "schema"))
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise UsageError(
            f"The journal {where} was written by a newer nemo-watch (schema {version}, this one knows {SCHEMA_VERSION}). "
            "Install that version again; the journal is left as it is."
        )
    for number in range(version + 1, SCHEMA_VERSION + 1):
        for statement in MIGRATIONS[number]:
            connection.exec_driver_sql(statement)
    connection.execute(meta.update().where(meta.c.key == "schema").values(value=SCHEMA_VERSION))
