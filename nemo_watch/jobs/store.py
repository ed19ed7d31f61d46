"""The one thread that writes the journal: many callers' work, one transaction, one answer when it is on disk.

Everything goes through `Store.do`, which runs many callers' work in one transaction (group commit) and answers only when that
is on disk. It never decides what a row means; that is `journal` and `records`.
An operation that fails poisons its batch, so the batch is then run one by one.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from nemo_watch.errors import Trouble
from nemo_watch.logs import logger

if TYPE_CHECKING:
    from concurrent.futures import Future

log = logger("journal")

Result = TypeVar("Result")
Work = Callable[[sa.Connection], Result]
Item = tuple["Work[Any]", "asyncio.Future[Any] | Future[Any]"]

_BATCH_MAX: Final = 512  # one commit's worth; more would only make its callers wait longer
_RETRY_WAITS_S: Final = (0.1, 0.5, 1.0, 2.0, 5.0)  # a locked or full disk: the batch is kept and tried again, for ever
_CLOSE_S: Final = (
    5.0  # what was handed in is finished at the end, but a disk that does not answer must not hold up a stop
)


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
        self._thread.join(timeout=_CLOSE_S)
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
                if self._closing.is_set() or held_up(error) is None:
                    raise
                self._hold_up(str(error.orig))
                self._closing.wait(_RETRY_WAITS_S[min(tries, len(_RETRY_WAITS_S) - 1)])
                tries += 1
            else:
                self._go_on()
                break
        _settle([(answer, *outcome) for (_, answer), outcome in zip(batch, outcomes, strict=True)])

    def _hold_up(self, reason: str) -> None:
        if self.trouble is None:  # once, not at every try
            log.warning("journal.held_up", reason=reason)
        self.trouble = f"the journal cannot be written ({reason})"

    def _go_on(self) -> None:
        if self.trouble is not None:
            log.info("journal.written_again")
        self.trouble = None

    def _run(self, batch: list[Item]) -> list[tuple[Any, Trouble | None]]:
        outcomes: list[tuple[Any, Trouble | None]] = []
        with self._engine.begin() as connection:
            for work, _ in batch:
                try:
                    outcomes.append((work(connection), None))
                except Trouble as trouble:
                    outcomes.append((None, trouble))
        return outcomes


class Asked:
    """The store as one run asks it: `waiting` is how many of its answers have not come."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.waiting = 0

    async def do(self, work: Work[Result]) -> Result:
        """As `Store.do`."""
        self.waiting += 1
        try:
            return await self._store.do(work)
        finally:
            self.waiting -= 1


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


_MENDS_ITSELF: Final = {  # by the beginning of SQLite's name for the error. Source: sqlite.org/rescode.html
    "SQLITE_BUSY": "another program has locked it",
    "SQLITE_LOCKED": "another program has locked it",
    "SQLITE_FULL": "the disk is full",
    "SQLITE_IOERR": "the disk reports an error",
    "SQLITE_READONLY": "it may not be changed, or its disk is read-only",
    "SQLITE_CANTOPEN": "it cannot be opened, or what belongs to it cannot be made",
    "SQLITE_PERM": "it may not be opened",
}


def held_up(error: DBAPIError) -> str | None:
    """Why the database cannot be used just now, in words: a lock, a full or read-only disk, a server that is away.

    None where waiting does not help: a wrong statement, a damaged file.
    """
    if not isinstance(error, OperationalError | InterfaceError):
        return None
    if not isinstance(error.orig, sqlite3.Error):
        return str(error.orig)
    name = getattr(error.orig, "sqlite_errorname", "")  # not there where Python itself stumbled over what came
    return next((words for prefix, words in _MENDS_ITSELF.items() if name.startswith(prefix)), None)


def store_stamp(connection: sa.Connection) -> int:
    """A number that changes when another process has written to the journal."""
    if connection.dialect.name == "sqlite":
        return int(connection.exec_driver_sql("PRAGMA data_version").scalar() or 0)
    return int(connection.exec_driver_sql("SELECT pg_current_wal_lsn() - '0/0'").scalar() or 0)
