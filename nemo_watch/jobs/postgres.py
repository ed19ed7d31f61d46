"""A journal on a PostgreSQL server, shared by several hosts → a store on it.

Every transaction takes one lock of the whole journal, so what is decided in it is decided alone, as on SQLite: the code above
is the same. A host that stands still in a transaction is cut off by the server, so that it holds nobody up.
Source: postgresql.org/docs, "Explicit Locking", "Client Connection Defaults"; psycopg.org, "Connection classes".
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from nemo_watch.errors import Cause, Trouble, UsageError
from nemo_watch.jobs import schema, tables
from nemo_watch.jobs.holdups import held_up
from nemo_watch.jobs.store import Store
from nemo_watch.masking import mask, masked

JOURNAL_LOCK: Final = 0x6E656D6F  # any numbers that no other program of the same database takes
QUEUE_LOCK: Final = JOURNAL_LOCK + 1
ACCOUNT_LOCK: Final = JOURNAL_LOCK + 2
_SETTINGS: Final = {
    "idle_in_transaction_session_timeout": "10s",  # of a host that is frozen or cut off: its lock is given back
    "lock_timeout": "30s",
    "statement_timeout": "60s",
}
NETWORK: Final[dict[str, Any]] = {  # a network that swallows everything is noticed within these
    "connect_timeout": 10,
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
_MISTAKES: Final = (
    "authentication failed",
    "does not exist",
    "pg_hba.conf",
    "permission denied",
    "invalid",
    "could not translate",
)


def open_postgres(url: str) -> Store:
    """The store in the database `url` (a libpq URI), its tables made, or brought to today's schema.

    Raises: UsageError when the address is wrong, the database refuses us, or was written by a newer nemo-watch; Trouble
    (JOURNAL_AWAY) when the server cannot be used just now.
    """
    where = shown_address(url)
    engine = prepared(postgres_engine(url), where)
    with engine.connect() as connection:
        lacks = lacking_rights(connection)
    if lacks:
        engine.dispose()
        raise UsageError(f"journal.url: the journal on {where} cannot be used: {lacks}.")
    return Store(engine, schema.is_outgrown)


def lacking_rights(connection: sa.Connection) -> str:
    """What this role may not do there and has to, with what puts it right; nothing where it may. Source: postgresql.org/docs, "Privileges"."""
    role, place = connection.exec_driver_sql("SELECT current_user, current_schema()").one()
    if not sa.inspect(connection).has_table(tables.meta.name):
        may = connection.exec_driver_sql("SELECT has_schema_privilege(current_schema(), 'CREATE')").scalar_one()
        return "" if may else f"{role} may not make tables. Run: GRANT CREATE ON SCHEMA {place} TO {role}"
    refused = sa.text(
        "SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'S') AND (relname = ANY(:ours) OR relname LIKE 'pgqueuer%') AND NOT CASE relkind "
        "WHEN 'S' THEN has_sequence_privilege(oid, 'USAGE') ELSE has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT') "
        "AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE') END"
    )
    names = [table.name for table in tables.metadata.sorted_tables]
    ours = [*names, *(f"{name}_id_seq" for name in names), "journal_stamp", "journal_news"]
    if not connection.scalar(refused, {"ours": ours}):
        return ""
    return f"{role} may not write its tables. Run as their owner: GRANT ALL ON ALL TABLES IN SCHEMA {place} TO {role}; GRANT ALL ON ALL SEQUENCES IN SCHEMA {place} TO {role}"


def prepared(engine: sa.Engine, where: str) -> sa.Engine:
    """As `schema.prepared`. Raises: UsageError, Trouble, as `open_postgres` says."""
    return schema.prepared(engine, where, _refusal)


def shown_address(url: str) -> str:
    """The address without its password, for people."""
    parts = urlsplit(url)
    if parts.password:
        mask(parts.password)
    return masked(f"{parts.hostname or 'the local server'}{parts.path}")


def _refusal(error: DatabaseError, where: str) -> Trouble | UsageError:
    """What an error of the server means at a start: a wrong password is put right by a person, a server that is away is not."""
    reason = reason_of(error)
    if held_up(error) is None or any(words in reason for words in _MISTAKES):
        return UsageError(f"journal.url: the journal on {where} cannot be used ({reason}).")
    return Trouble(Cause.JOURNAL_AWAY, journal=where, reason=reason)


def reason_of(error: DatabaseError) -> str:
    """What the server or the way to it said, on one line, without secrets and without hints for programmers."""
    lines = [line.strip() for line in masked(str(error.orig)).splitlines()]
    said = [
        line
        for line in lines
        if line and not line.lower().startswith(("is the server running", "hint:", "detail:", "context:"))
    ]
    return said[0] if said else type(error.orig).__name__


# -- the engine --------------------------------------------------------------------------------------------------------------


def postgres_engine(url: str) -> sa.Engine:
    """An engine on the database `url`, one connection, every transaction under the journal's lock.

    Raises: UsageError when what belongs to it is not installed, or the address is not one.
    """
    try:
        import psycopg
    except ImportError as error:
        raise UsageError(
            "journal.url: this needs another part of nemo-watch: pip install 'nemo-watch[postgres]'"
        ) from error

    def connect() -> psycopg.Connection[Any]:
        connection = psycopg.connect(url, **NETWORK)
        for name, value in _SETTINGS.items():
            connection.execute("SELECT set_config(%s, %s, false)", (name, value))
        connection.execute(  # what is acknowledged is on its disk; a server that promises more keeps its promise
            "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
        )
        connection.commit()
        return connection

    try:
        psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise UsageError(f"journal.url: this is no address of a database ({masked(str(error).strip())})") from error
    engine = sa.create_engine("postgresql+psycopg://", creator=connect, pool_size=1, max_overflow=0)

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({JOURNAL_LOCK})")

    return engine
