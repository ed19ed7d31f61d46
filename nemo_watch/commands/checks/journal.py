"""The journal that several hosts share: whether its server is there and can be relied on, and which hosts are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nemo_watch.commands.checks.finding import Finding, fine, note, wrong
from nemo_watch.errors import UsageError
from nemo_watch.shown import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

    from nemo_watch.config import Config

OLDEST: Final = 130_000  # server_version_num


def journal_findings(config: Config) -> Iterator[Finding]:
    """The server and the hosts, where `journal.url` is set; nothing is made there that is not yet."""
    if not config.journal.url:
        return
    from sqlalchemy.exc import DatabaseError

    from nemo_watch.jobs.postgres import postgres_engine, reason_of, shown_address

    try:
        engine = postgres_engine(config.journal.url)
    except UsageError as error:
        yield wrong("journal", shown(str(error)), "put journal.url right, or install what is missing")
        return
    where = shown_address(config.journal.url)
    try:
        with engine.connect() as connection:
            yield from _server(connection, where)
            yield from _hosts(connection, where)
    except DatabaseError as error:
        yield wrong(
            "journal",
            f"{shown(where)} cannot be used ({shown(reason_of(error))})",
            "start the server, or put journal.url right",
        )
    except UsageError as error:
        yield wrong("journal", shown(str(error)), "update nemo-watch on this host")
    finally:
        engine.dispose()


def _server(connection: sa.Connection, where: str) -> Iterator[Finding]:
    """What the server promises. Source: postgresql.org/docs, "Preset Options", "Write Ahead Log"."""
    from nemo_watch.jobs.postgres import lacking_rights

    version = connection.exec_driver_sql("SELECT current_setting('server_version_num')::int").scalar_one()
    if version < OLDEST:
        yield wrong("journal", f"{shown(where)} is PostgreSQL {version // 10_000}", "use PostgreSQL 13 or later")
    elif connection.exec_driver_sql("SELECT current_setting('fsync')").scalar_one() != "on":
        yield wrong(
            "journal",
            f"{shown(where)} does not write through to its disk: after a power cut it may have forgotten what was paid",
            "set fsync = on in postgresql.conf",
        )
    elif lacks := lacking_rights(connection):
        found, _, mend = lacks.partition(". ")
        yield wrong("journal", f"{shown(where)}: {shown(found)}", mend)
    else:
        yield fine("journal", f"{shown(where)}, PostgreSQL {version // 10_000}")


def _hosts(connection: sa.Connection, where: str) -> Iterator[Finding]:
    import sqlalchemy as sa

    from nemo_watch.jobs import hosts, schema, tables

    if not sa.inspect(connection).has_table(tables.meta.name):
        yield note("hosts", "none yet: the first daemon makes the journal there")
        return
    schema.version_of(connection, where)
    names = sorted(name for name, _ in hosts.alive(connection).values())
    asleep = sorted(name for name, lives in hosts.sites(connection).values() if name and not lives)
    yield (
        fine("hosts", shown(", ".join(names))) if names else note("hosts", "none is running", "nemo-watch run, on each")
    )
    for site in asleep if names else ():
        yield note(
            "hosts", f'no host of the site "{shown(site)}" is running', "start nemo-watch there; its films wait for it"
        )
