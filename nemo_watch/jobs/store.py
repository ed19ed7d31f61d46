"""The one thread that writes the journal: many callers' work, one transaction, one answer when it is on disk.

Everything goes through `Store.do`, which runs many callers' work in one transaction (group commit) and answers only when that
is on disk. It never decides what a row means; that is `journal` and `records`.
An operation that fails poisons its batch, so the batch is then run one by one. A server that is away is waited for, and a commit
whose answer was lost is asked after before anything is done again: what was ordered once must not be ordered twice.
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
from sqlalchemy.exc import DBAPIError

from nemo_watch.errors import Cause, Trouble
from nemo_watch.jobs.holdups import held_up
from nemo_watch.logs import logger

if TYPE_CHECKING:
    from concurrent.futures import Future

log = logger("journal")

Result = TypeVar("Result")
Work = Callable[[sa.Connection], Result]
Item = tuple["Work[Any]", "asyncio.Future[Any] | Future[Any]", bool]  # whether it is news to other processes
Outcome = tuple[Any, Trouble | None]

HELD_UP: Final = "the journal cannot be written"
OUTGROWN: Final = (
    "A newer nemo-watch on another host has changed the journal, which this one does not know any more; it has stopped, and its films "
    "are carried on there. Install that version here as well, then start it again."
)
_BATCH_MAX: Final = 512  # one commit's worth; more would only make its callers wait longer
_RETRY_WAITS_S: Final = (0.1, 0.5, 1.0, 2.0, 5.0)  # a locked or full disk: the batch is kept and tried again, for ever
_CLOSE_S: Final = (
    5.0  # what was handed in is finished at the end, but a disk that does not answer must not hold up a stop
)


class Store:
    """The journal's database: one connection, one writer thread, group commit."""

    def __init__(
        self, engine: sa.Engine, is_outgrown: Callable[[sa.Connection], bool] = lambda _connection: False
    ) -> None:
        self._engine = engine
        self._is_outgrown = is_outgrown
        self._inbox: queue.SimpleQueue[Item | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="journal", daemon=True)
        self._closing = threading.Event()
        self.trouble: str | None = None  # why writing is held up just now, in words; for the status
        self.barred = ""  # why nothing of ours is written any more, in words
        self.patience_s: float | None = None  # how long a journal that is held up is waited for; None: until it goes on
        self.on_trouble: Callable[[], None] = lambda: None  # by the writer's thread, when the trouble is another
        self.generation = 0  # counts what this process wrote: equal generations, nothing new from here
        self._thread.start()

    async def do(self, work: Work[Result]) -> Result:
        """What `work` returns, once it is on disk. `work` may be run twice, so it must do nothing but SQL.

        Raises: the Trouble that `work` raised (it must raise before it writes).
        """
        try:
            return await self._asked(work, is_news=True)
        finally:
            self.generation += 1

    async def read(self, work: Work[Result]) -> Result:
        """What `work` returns, which writes nothing that is news. Work that was handed in is done even when nobody waits any more."""
        return await self._asked(work, is_news=False)

    async def _asked(self, work: Work[Result], *, is_news: bool) -> Result:
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._inbox.put((work, answer, is_news))
        return await answer

    def submit(self, work: Work[Result]) -> Future[Result]:
        """The same for callers without a loop."""
        from concurrent.futures import Future

        future: Future[Result] = Future()
        self._inbox.put((work, future, True))
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
        tries, began_s = 0, time.monotonic()
        doubt: _InDoubt | None = None
        while True:
            try:
                outcomes = self._run(batch) if doubt is None else self._cleared(doubt)
            except DBAPIError as error:
                is_late = self.patience_s is not None and time.monotonic() - began_s >= self.patience_s
                if self._closing.is_set() or is_late or held_up(error) is None:
                    raise
                self._hold_up(held_up(error) or "")
                self._closing.wait(_RETRY_WAITS_S[min(tries, len(_RETRY_WAITS_S) - 1)])
                tries += 1
            except _InDoubt as cut:
                doubt = cut
            else:
                if outcomes is not None:
                    break
                doubt = None  # it was not committed: it is done again
        self._go_on()
        _settle([(answer, *outcome) for (_, answer, _), outcome in zip(batch, outcomes, strict=True)])

    def _cleared(self, doubt: _InDoubt) -> list[Outcome] | None:
        """The outcomes when the commit whose answer was lost has happened, None when it has not."""
        with self._engine.connect() as connection:
            return doubt.outcomes if was_committed(connection, doubt.transaction) else None

    def _hold_up(self, reason: str) -> None:
        if self.trouble is None:  # once, not at every try
            log.warning("journal.held_up", reason=reason)
        before, self.trouble = self.trouble, f"{HELD_UP} ({reason})"
        if self.trouble != before:
            self.on_trouble()

    def _go_on(self) -> None:
        if self.trouble is not None:
            log.info("journal.written_again")
        self.trouble = None

    def bar(self, why: str) -> None:
        """From now on nothing of ours is written: everything that waits, and comes, is lost to the other hosts."""
        if not self.barred:
            self.barred = why
            self.on_trouble()

    def _run(self, batch: list[Item]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        with self._engine.connect() as connection:
            transaction = connection.begin()
            try:
                if self.barred or self._is_outgrown(connection):
                    transaction.rollback()
                    self.bar(OUTGROWN)
                    return [(None, Trouble(Cause.LOST_TO_ANOTHER))] * len(batch)
                for work, _, _ in batch:
                    try:
                        outcomes.append((work(connection), None))
                    except Trouble as trouble:
                        outcomes.append((None, trouble))
                number = transaction_number(connection, is_news=any(is_news for _, _, is_news in batch))
            except BaseException:
                transaction.rollback()
                raise
            try:
                transaction.commit()
            except DBAPIError as error:
                if number is None:
                    raise
                raise _InDoubt(number, outcomes) from error
        return outcomes


class _InDoubt(Exception):  # noqa: N818  no error: a commit of which it is not known whether it happened
    """The answer to a commit was lost. `transaction` is the server's number for it."""

    def __init__(self, transaction: int, outcomes: list[Outcome]) -> None:
        super().__init__(transaction)
        self.transaction = transaction
        self.outcomes = outcomes


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


def store_stamp(connection: sa.Connection) -> int:
    """A number that changes when another process has written to the journal."""
    if connection.dialect.name == "sqlite":
        return int(connection.exec_driver_sql("PRAGMA data_version").scalar() or 0)
    return int(connection.exec_driver_sql("SELECT last_value + is_called::int FROM journal_stamp").scalar() or 0)


def transaction_number(connection: sa.Connection, *, is_news: bool) -> int | None:
    """The server's number for what is about to be committed, None where nothing was written or there is no server.

    What is news moves the stamp; that a host lives is none. Source: postgresql.org/docs, "Transaction ID and Snapshot Information Functions".
    """
    if connection.dialect.name == "sqlite":
        return None  # its commit has no answer that could be lost
    number = connection.exec_driver_sql("SELECT pg_current_xact_id_if_assigned()::text").scalar()
    if number is None:
        return None
    if is_news:
        connection.exec_driver_sql("SELECT nextval('journal_stamp')")
    return int(number)


def was_committed(connection: sa.Connection, transaction: int) -> bool:
    """Whether that transaction happened. One that the server still has open is waited for: the lock of `begin` does that."""
    status = connection.exec_driver_sql(f"SELECT pg_xact_status('{transaction:d}'::xid8)").scalar()
    return bool(status == "committed")
