"""The journal's tables and the one thread that writes them: SQLite in the state folder, or PostgreSQL; one code.

Everything goes through `Store.do`, which runs many callers' work in one transaction (group commit) and answers only when that
is on disk. It never decides what a row means; that is `journal` and `records`.
Facts: WAL + synchronous=FULL loses nothing that was acknowledged; a deferred BEGIN that later writes fails at once whatever the
timeout, so every transaction is IMMEDIATE; an operation that fails poisons its batch, so the batch is then run one by one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, InterfaceError, OperationalError

from nemo_watch.errors import Trouble, UsageError

if TYPE_CHECKING:
    from concurrent.futures import Future

Result = TypeVar("Result")
Work = Callable[[sa.Connection], Result]
Item = tuple["Work[Any]", "asyncio.Future[Any] | Future[Any]"]

SCHEMA_VERSION: Final = 1
_BATCH_MAX: Final = 512  # one commit's worth; more would only make its callers wait longer
_RETRY_WAITS_S: Final = (0.1, 0.5, 1.0, 2.0, 5.0)  # a locked or full disk: the batch is kept and tried again, for ever


class Name(sa.TypeDecorator[str]):
    """A file name in a text column: lone surrogates (bytes that are no UTF-8) survive as JSON escapes."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        """The escaped form for the database."""
        return None if value is None else json.dumps(value)[1:-1]

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> str | None:
        """The name as the file system has it."""
        return None if value is None else str(json.loads(f'"{value}"'))


class Json(sa.TypeDecorator[Any]):
    """JSON in a text column; ASCII, so that lone surrogates survive."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: object, dialect: sa.Dialect) -> str | None:
        """The JSON text for the database."""
        return None if value is None else json.dumps(value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> Any:  # noqa: ANN401  any JSON
        """The value that was put in."""
        return None if value is None else json.loads(value)


class Moment(sa.TypeDecorator[float]):
    """A date as seconds since 1970 (UTC): the same in both databases."""

    impl = sa.Float
    cache_ok = True


metadata = sa.MetaData()
Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")

meta = sa.Table("meta", metadata, sa.Column("key", sa.Text, primary_key=True), sa.Column("value", Json))

project = sa.Table(
    "project", metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("folder", Name, nullable=False),  # the inbox folder's name as it is now
    sa.Column("device", sa.BigInteger, nullable=False),
    sa.Column("inode", sa.BigInteger, nullable=False),
    sa.Column("birth_ns", sa.BigInteger),
    sa.Column("outbox", sa.Text, nullable=False, unique=True),
    sa.Column("gone", sa.Boolean, nullable=False, default=False),  # its folder has left the inbox
    sa.Column("created_at", Moment, nullable=False),
)  # fmt: skip

film = sa.Table(
    "film", metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("project", Id, sa.ForeignKey("project.id"), nullable=False),
    sa.Column("name", Name, nullable=False),
    sa.Column("stem", Name, nullable=False),  # "" for the folder's own film
    sa.Column("outbox_stem", sa.Text, nullable=False),
    sa.Column("prompt_file", Name, nullable=False, default="prompt.txt"),  # the name people know it by
    sa.Column("template", sa.Text),  # the prompt file as the daemon wrote it
    sa.Column("words", Json),  # the messages last seen, for a prompt that was deleted
    sa.Column("answered", Json),  # the routing words last obeyed
    sa.Column("held", sa.Boolean, nullable=False, default=False),  # by the brake of a first start
    sa.Column("released", sa.Boolean, nullable=False, default=False),  # `retry` lifted that brake for it
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False, default=""),
    sa.Column("needs", sa.Text),
    sa.Column("progress", sa.Float, nullable=False, default=0.0),
    sa.Column("reply", sa.Text, nullable=False, default=""),
    sa.Column("timeline", Json),
    sa.Column("updated_at", Moment, nullable=False),
    sa.UniqueConstraint("project", "stem"),
)  # fmt: skip

session = sa.Table(
    "session", metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("project", Id, sa.ForeignKey("project.id"), nullable=False),
    sa.Column("backend", sa.Text, nullable=False),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("session_id", sa.Text, nullable=False),
    sa.Column("task_id", sa.Text),
    sa.Column("shared", sa.Boolean, nullable=False),  # the folder's, for films one after the other
    sa.Column("gone", sa.Boolean, nullable=False, default=False),
    sa.Column("created_at", Moment, nullable=False),
)  # fmt: skip

job = sa.Table(
    "job", metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("film", Id, sa.ForeignKey("film.id"), nullable=False, index=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False, index=True),
    sa.Column("order", Json, nullable=False),
    sa.Column("session", Id, sa.ForeignKey("session.id")),
    sa.Column("cause", sa.Text),  # of the table of failures, while parked or failed
    sa.Column("data", Json),
    sa.Column("due_at", Moment),  # when it goes on by itself
    sa.Column("tries", sa.Integer, nullable=False, default=0),  # growing waits
    sa.Column("as_it_stands", sa.Boolean, nullable=False, default=False),  # a person's `retry`: nothing more is sent
    sa.Column("video", sa.Text),
    sa.Column("video_sha256", sa.Text),
    sa.Column("owner", sa.Text),
    sa.Column("fence", sa.Integer, nullable=False, default=0),
    sa.Column("pipeline", sa.Integer, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
)  # fmt: skip

step = sa.Table(
    "step", metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("scope", sa.Text, nullable=False),  # "job/7" or "session/3"
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # intent, done, void
    sa.Column("data", Json),  # what was intended
    sa.Column("receipt", Json),  # what came of it
    sa.Column("at", Moment, nullable=False),  # of the intent, or of the receipt where there was none
    sa.Index("step_now", "scope", "name", unique=True, sqlite_where=sa.text("state != 'void'"), postgresql_where=sa.text("state != 'void'")),
)  # fmt: skip

request = sa.Table(
    "request", metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("verb", sa.Text, nullable=False),  # retry, again, cancel
    sa.Column("film", Id, sa.ForeignKey("film.id"), nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("handled_at", Moment),
)  # fmt: skip

study = sa.Table(
    "study", metadata,
    sa.Column("sighting", Json, primary_key=True),  # a file as it was sighted …
    sa.Column("study", Json, nullable=False),  # … and what reading it through told: not to be done again after a restart
    sa.Column("at", Moment, nullable=False),
)  # fmt: skip

# -- one migration a schema version, forward only; the journal of version 1 is what `metadata` says ------------------------
MIGRATIONS: Final[dict[int, tuple[str, ...]]] = {}


class Store:
    """The journal's database: one connection, one writer thread, group commit."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._inbox: queue.SimpleQueue[Item | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="journal", daemon=True)
        self._closing = threading.Event()
        self.trouble: str | None = None  # why writing is held up just now, in words; for the status
        self.generation = 0  # counts what this process wrote: equal generations, nothing new from here
        self._thread.start()

    async def do(self, work: Work[Result]) -> Result:
        """What `work` returns, once it is on disk. `work` may be run twice, so it must do nothing but SQL.

        Raises: the Trouble that `work` raised (it must raise before it writes).
        """
        try:
            return await self.read(work)
        finally:
            self.generation += 1

    async def read(self, work: Work[Result]) -> Result:
        """What `work` returns, which writes nothing. Work that was handed in is done even when nobody waits any more."""
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._inbox.put((work, answer))
        return await answer

    def submit(self, work: Work[Result]) -> Future[Result]:
        """The same for callers without a loop."""
        from concurrent.futures import Future

        future: Future[Result] = Future()
        self._inbox.put((work, future))
        return future

    def close(self) -> None:
        """Finish what was handed in, then close the database."""
        self._closing.set()
        self._inbox.put(None)
        self._thread.join(timeout=10)
        self._engine.dispose()

    def _serve(self) -> None:
        while (batch := self._next_batch()) is not None:
            self._commit(batch)

    def _next_batch(self) -> list[Item] | None:
        first = self._inbox.get()
        if first is None:
            return None
        batch = [first]
        while len(batch) < _BATCH_MAX:
            try:
                item = self._inbox.get_nowait()
            except queue.Empty:
                break
            if item is None:
                self._inbox.put(None)
                break
            batch.append(item)
        return batch

    def _commit(self, batch: list[Item]) -> None:
        try:
            self._commit_patiently(batch)
        except Exception as error:  # noqa: BLE001  one bad caller must not fail its neighbours
            if len(batch) == 1:
                _settle([(batch[0][1], None, error)])
            else:
                for item in batch:
                    self._commit([item])

    def _commit_patiently(self, batch: list[Item]) -> None:
        tries = 0
        while True:
            try:
                outcomes = self._run(batch)
            except (OperationalError, InterfaceError) as error:
                if self._closing.is_set() or not _mends_itself(error):
                    raise
                self.trouble = f"the journal cannot be written ({error.orig})"
                time.sleep(_RETRY_WAITS_S[min(tries, len(_RETRY_WAITS_S) - 1)])
                tries += 1
            else:
                self.trouble = None
                break
        _settle([(answer, *outcome) for (_, answer), outcome in zip(batch, outcomes, strict=True)])

    def _run(self, batch: list[Item]) -> list[tuple[Any, Trouble | None]]:
        outcomes: list[tuple[Any, Trouble | None]] = []
        with self._engine.begin() as connection:
            for work, _ in batch:
                try:
                    outcomes.append((work(connection), None))
                except Trouble as trouble:
                    outcomes.append((None, trouble))
        return outcomes


def _settle(outcomes: list[tuple[asyncio.Future[Any] | Future[Any], Any, Exception | None]]) -> None:
    """Give everybody who waits their answer; a loop is woken once for a whole batch, which costs a system call."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any, Exception | None]]] = {}
    for answer, result, error in outcomes:
        if isinstance(answer, asyncio.Future):
            by_loop.setdefault(answer.get_loop(), []).append((answer, result, error))
        elif error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(result)
    for loop, answers in by_loop.items():
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(_settle_in_loop, answers)


def _settle_in_loop(answers: list[tuple[asyncio.Future[Any], Any, Exception | None]]) -> None:
    for answer, result, error in answers:
        if answer.done():  # whoever asked was cancelled
            continue
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(result)


def _mends_itself(error: OperationalError | InterfaceError) -> bool:
    """Whether waiting may help: a lock, a full or read-only disk, a database server that is away; not a wrong statement."""
    name = getattr(error.orig, "sqlite_errorname", None)
    return name is None or name.startswith(
        ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN")
    )


def store_stamp(connection: sa.Connection) -> int:
    """A number that changes when another process has written to the journal."""
    if connection.dialect.name == "sqlite":
        return int(connection.exec_driver_sql("PRAGMA data_version").scalar() or 0)
    return int(connection.exec_driver_sql("SELECT pg_current_wal_lsn() - '0/0'").scalar() or 0)


# -- opening ---------------------------------------------------------------------------------------------------------------


def open_sqlite(path: Path) -> Store:
    """The store in the file `path`, made if it is not there (0600; its folder 0700), brought to today's schema.

    Raises: UsageError when the file is damaged, or was written by a newer nemo-watch; it is then left as it is.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    return Store(_prepared(sqlite_engine(path), str(path)))


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


def _prepared(engine: sa.Engine, where: str) -> sa.Engine:
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
