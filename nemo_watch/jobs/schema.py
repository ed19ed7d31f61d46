"""Today's schema on a database: made, brought up to date, or refused and left as it is. The same for SQLite and PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from nemo_watch.errors import Cause, Trouble, UsageError
from nemo_watch.jobs import hosts
from nemo_watch.jobs.tables import MIGRATIONS, SCHEMA_VERSION, host, meta, metadata, site

if TYPE_CHECKING:
    from collections.abc import Callable

LEFT: Final = "It is left as it is: put a backup in its place, or move it away; what was bought is known from the receipts in the outbox."


def prepared(engine: sa.Engine, where: str, refusal: Callable[[DatabaseError, str], Exception]) -> sa.Engine:
    """The engine with a journal of today's schema; `where` names it to people. On a failure the engine is closed.

    Raises: what `refusal` makes of an error of the database; UsageError when the journal is damaged or newer; Trouble
    (JOURNAL_AWAY) while hosts work on it that know only its older schema.
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


def is_outgrown(connection: sa.Connection) -> bool:
    """Whether another host has brought the journal to a schema that this nemo-watch does not know, since it was opened."""
    version = connection.scalar(sa.select(meta.c.value).where(meta.c.key == "schema"))
    return isinstance(version, int) and version > SCHEMA_VERSION


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
    version = version_of(connection, where)
    if version < SCHEMA_VERSION:
        _refuse_under_others(connection, where)
    for number in range(version + 1, SCHEMA_VERSION + 1):
        for statement in MIGRATIONS[number]:
            connection.exec_driver_sql(statement)
        connection.execute(meta.update().where(meta.c.key == "schema").values(value=number))


def _refuse_under_others(connection: sa.Connection, where: str) -> None:
    """Nothing is changed under the feet of hosts that are at work on the schema as it is. Raises: Trouble(JOURNAL_AWAY)."""
    if not sa.inspect(connection).has_table(host.name):
        return
    now = hosts.database_now(connection)  # columns that every schema has: this one has not been brought up to date
    names = sorted(connection.scalars(sa.select(host.c.name).where(host.c.beat_at + host.c.silent_s > now)).all())
    if names:
        reason = f"an older nemo-watch still works on it: {', '.join(names)}; stop it there, then this one brings it up to date"
        raise Trouble(Cause.JOURNAL_AWAY, journal=where, reason=reason)
