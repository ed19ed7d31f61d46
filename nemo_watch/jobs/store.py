"""The one thread that writes the journal: many callers' work, one transaction, one answer when it is on disk.

Everything goes through `Store.do`, which runs many callers' work in one transaction (group commit) and answers only when that
is on disk. It never decides what a row means; that is `journal` and `records`.
An operation that fails poisons its batch, so the batch is then run one by one.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import InterfaceError, OperationalError

from nemo_watch.errors import Trouble

if TYPE_CHECKING:
    from concurrent.futures import Future

Result = TypeVar("Result")
Work = Callable[[sa.Connection], Result]
Item = tuple["Work[Any]", "asyncio.Future[Any] | Future[Any]"]

_BATCH_MAX: Final = 512  # one commit's worth; more would only make its callers wait longer
_RETRY_WAITS_S: Final = (0.1, 0.5, 1.0, 2.0, 5.0)  # a locked or full disk: the batch is kept and tried again, for ever


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
