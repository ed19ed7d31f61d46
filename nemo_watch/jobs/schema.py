"""Today's schema on a database: made, brought up to date, or refused and left as it is. The same for SQLite and PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from nemo_watch.errors import UsageError
from nemo_watch.jobs.tables import MIGRATIONS, SCHEMA_VERSION, meta, metadata, site

if TYPE_CHECKING:
    from collections.abc import Callable

LEFT: Final = "It is left as it is: put a backup in its place, or move it away; what was bought is known from the receipts in the outbox."


def prepared(engine: sa.Engine, where: str, refusal: Callable[[DatabaseError, str], Exception]) -> sa.Engine:
    """The engine with a journal of today's schema; `where` names it to people. On a failure the engine is closed.

    Raises: what `refusal` makes of an error of the database; UsageError when the journal is damaged or newer.
    """
    try:
        with engine.begin() as connection:
            _migrate(connection, where)
    except DatabaseError as error:
        engine.dispose()
        raise refusal(error, where) from error
    except BaseException:
        engine.dispose()
        raise
    return engine


def check(connection: sa.Connection, where: str) -> None:
    """Raises: UsageError when the journal is damaged, or newer than this nemo-watch."""
    if connection.dialect.name == "sqlite":
        verdict = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
        if verdict != "ok":
            raise UsageError(f"The journal {where} is damaged ({verdict}). {LEFT}")
    version_of(connection, where)


def version_of(connection: sa.Connection, where: str) -> int:
    """The schema that a journal has. Raises: UsageError when it does not say, or is newer than this nemo-watch."""
    try:
        version = connection.scalar(sa.select(meta.c.value).where(meta.c.key == "schema"))
    except ValueError as error:
        raise UsageError(f"The journal {where} is damaged ({error}). {LEFT}") from error
    if not isinstance(version, int):
        raise UsageError(f"The journal {where} is damaged: it does not say which schema it has. {LEFT}")
    if version > SCHEMA_VERSION:
        raise UsageError(
            f"The journal {where} was written by a newer nemo-watch (schema {version}, this one knows {SCHEMA_VERSION}). "
            "Install that version again; the journal is left as it is."
        )
    return version


def _migrate(connection: sa.Connection, where: str) -> None:
    if not sa.inspect(connection).has_table(meta.name):
        metadata.create_all(connection)
        connection.execute(meta.insert().values(key="schema", value=SCHEMA_VERSION))
        connection.execute(site.insert().values(name="", fence=0))  # its number is FIRST_SITE
        return
    for number in range(version_of(connection, where) + 1, SCHEMA_VERSION + 1):
        for statement in MIGRATIONS[number]:
            connection.exec_driver_sql(statement)
        connection.execute(meta.update().where(meta.c.key == "schema").values(value=number))
