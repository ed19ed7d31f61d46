"""One job's story in the journal: named steps with receipts, intents before what cannot be undone, a fence on every write.

A step whose receipt is here is never done again. An intent without a receipt means *unsure*: it goes to the recovery rule, never
to a second act. It must never decide what a step does; that is `pipeline`. Receipts are JSON and never hold a token or a signed
address.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from nemo_watch.errors import Cause, Trouble
from nemo_watch.jobs import tables

if TYPE_CHECKING:
    from nemo_watch.clock import Clock
    from nemo_watch.jobs.store import Result, Store

Receipt = dict[str, Any]

PAID: Final = "message/"  # the names of paid steps begin so; the daily limit counts them
DAY_S: Final = 86_400.0
SURE_S: Final = 5.0
"""How old the proof may be that a job is ours when a message is sent: well below the silence after which another host takes over."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step as the journal has it: `data` is what was intended, `receipt` what came of it (None: not known)."""

    name: str
    data: Receipt | None
    receipt: Receipt | None
    at: float

    @property
    def done(self) -> bool:
        """Whether its receipt is in the journal."""
        return self.receipt is not None


class Journal:
    """The steps of one job, held by one owner under one fence.

    Raises, on every write: Trouble(LOST_TO_ANOTHER) when another owner has taken the job over since.
    """

    def __init__(self, store: Store, clock: Clock, job_id: int, owner: str, fence: int) -> None:
        self._store = store
        self._clock = clock
        self.job_id = job_id
        self._owner = owner
        self._fence = fence
        self.scope = f"job/{job_id}"
        self._proven_s = self._proven_at = float("-inf")  # when a write last held the job's row, on both clocks
        self.passed: Callable[[str], None] = lambda _step: None  # is told which step is done, for the figures

    async def find(self, name: str, scope: str | None = None) -> Step | None:
        """The step as it stands, None when nothing is known of it."""
        return await self._store.do(lambda connection: _find(connection, scope or self.scope, name))

    async def step(self, name: str, act: Callable[[], Awaitable[Receipt]], scope: str | None = None) -> Receipt:
        """The receipt of `name`: the journal's when it is done already, else what `act` gives, once it is on disk."""
        found = await self.find(name, scope)
        if found is not None and found.receipt is not None:
            return found.receipt
        receipt = await act()
        await self.receipt(name, receipt, scope)
        return receipt

    async def intent(
        self, name: str, data: Receipt, scope: str | None = None, *, paid_a_day: int | None = None
    ) -> Step:
        """Write down that `name` is about to be done; on disk before this returns.

        `paid_a_day` is given for a paid message: no more of them than that are begun in any 24 hours.
        Raises: Trouble(BRAKE_DAILY) when that limit is reached; nothing is written then.
        """
        at = self._clock.now().timestamp()
        scope = scope or self.scope

        def work(connection: sa.Connection) -> Step:
            self._hold(connection)
            if paid_a_day is not None:
                _brake(connection, at, paid_a_day)
            _void(connection, scope, name)
            connection.execute(_INTENT, {"scope": scope, "name": name, "state": "intent", "data": data, "at": at})
            return Step(name, data, None, at)

        return await self._proven(work)

    async def receipt(self, name: str, receipt: Receipt, scope: str | None = None) -> None:
        """Write down what came of `name`; from here on it is never done again."""
        at = self._clock.now().timestamp()
        scope = scope or self.scope

        def work(connection: sa.Connection) -> None:
            self._hold(connection)
            _put_receipt(connection, scope, name, receipt, at)

        await self._proven(work)
        self.passed("submit" if name.startswith("render/") else name.partition("/")[0])

    async def void(self, *names: str, scope: str | None = None) -> None:
        """Take back steps that proved not to have happened, or are to be done anew. The rows are kept."""

        def work(connection: sa.Connection) -> None:
            self._hold(connection)
            for name in names:
                _void(connection, scope or self.scope, name)

        await self._proven(work)

    async def write(self, **values: object) -> None:
        """Change the job's own row (state, session, cause, …)."""
        values["updated_at"] = self._clock.now().timestamp()

        def work(connection: sa.Connection) -> None:
            self._hold(connection)
            connection.execute(tables.job.update().where(tables.job.c.id == self.job_id).values(values))

        await self._proven(work)

    async def held(self, work: Callable[[sa.Connection], Any]) -> Any:  # noqa: ANN401  whatever the work returns
        """Run `work` in one transaction with the proof that this owner still holds the job."""

        def guarded(connection: sa.Connection) -> Any:  # noqa: ANN401
            self._hold(connection)
            return work(connection)

        return await self._proven(guarded)

    async def prove(self) -> None:
        """Before something is done outside of the journal. Raises: Trouble(LOST_TO_ANOTHER) when another owner holds the job now."""
        await self._proven(self._hold)

    async def distinct_ms(self) -> int:
        """Unix milliseconds that no other caller gets, whatever the clock does: render ids are made of them."""
        now_ms = int(self._clock.now().timestamp() * 1000)
        meta = tables.meta

        def work(connection: sa.Connection) -> int:
            self._hold(connection)
            last = connection.scalar(sa.select(meta.c.value).where(meta.c.key == "last_ms"))
            if last is None:
                connection.execute(meta.insert().values(key="last_ms", value=now_ms))
                return now_ms
            moment_ms = max(now_ms, int(last) + 1)
            connection.execute(meta.update().where(meta.c.key == "last_ms").values(value=moment_ms))
            return moment_ms

        return await self._proven(work)

    async def sure(self) -> None:
        """Before what cannot be undone: the job was ours a moment ago, and is not looked for by another host yet.

        A machine that slept after its last write asks again; whoever took the job over meanwhile has raised the fence.
        """
        while self._proof_age_s() > SURE_S:
            await self.prove()

    def _proof_age_s(self) -> float:
        """How long ago a write last held the job's row. The date tells of a machine that was put to sleep, the other clock does not."""
        return max(self._clock.monotonic() - self._proven_s, abs(self._clock.now().timestamp() - self._proven_at))

    async def _proven(self, work: Callable[[sa.Connection], Result]) -> Result:
        """What `work` returns, which has held the job's row: until it was asked for, at least, it was ours."""
        asked_s, asked_at = self._clock.monotonic(), self._clock.now().timestamp()
        result = await self._store.do(work)
        self._proven_s, self._proven_at = asked_s, asked_at
        return result

    def _hold(self, connection: sa.Connection) -> None:
        """Lock the job's row for this owner and fence, or learn that it is lost."""
        held = connection.execute(_HOLD, {"of": self.job_id, "by": self._owner, "under": self._fence})
        if held.rowcount == 0:
            raise Trouble(Cause.LOST_TO_ANOTHER)


# -- the statements: each small, each safe to run twice in a repeated batch ------------------------------------------------


# Built once: SQLAlchemy would compile them anew at every step, which costs more than the disk does.
_B = sa.bindparam
_JOB, _STEP = tables.job, tables.step
_NOW = (_STEP.c.scope == _B("of"), _STEP.c.name == _B("called"), _STEP.c.state != "void")
_HOLD = (
    _JOB.update()
    .where(_JOB.c.id == _B("of"), _JOB.c.owner == _B("by"), _JOB.c.fence == _B("under"))
    .values(fence=_B("under"))
)
_INTENT = _STEP.insert()
_FIND = sa.select(_STEP).where(*_NOW)
_VOID = _STEP.update().where(*_NOW).values(state="void")
_DONE = _STEP.update().where(*_NOW).values(state="done", receipt=_B("told", type_=tables.Json))


def _find(connection: sa.Connection, scope: str, name: str) -> Step | None:
    row = connection.execute(_FIND, {"of": scope, "called": name}).first()
    return None if row is None else Step(row.name, row.data, row.receipt, row.at)


def _void(connection: sa.Connection, scope: str, name: str) -> None:
    connection.execute(_VOID, {"of": scope, "called": name})


def _put_receipt(connection: sa.Connection, scope: str, name: str, receipt: Receipt, at: float) -> None:
    known = connection.execute(_DONE, {"of": scope, "called": name, "told": receipt})
    if known.rowcount == 0:
        connection.execute(_INTENT, {"scope": scope, "name": name, "state": "done", "receipt": receipt, "at": at})


def _brake(connection: sa.Connection, now: float, limit: int) -> None:
    """Refuse the message that would be one too many in 24 hours. Voided intents cost nothing and do not count."""
    step = tables.step
    rows = connection.execute(
        sa.select(step.c.at, step.c.data)
        .where(
            step.c.name.startswith(PAID),
            step.c.state != "void",
            step.c.at > now - DAY_S,
            step.c.at < now + DAY_S,  # the date was put back since: what counted for a day must not count for years
        )
        .order_by(step.c.at)
    ).all()
    paid = [row.at for row in rows if row.data and row.data.get("paid")]
    if len(paid) >= limit:
        # The oldest message that must leave the window before one more fits in; with a limit of 0 that is never.
        free_at = paid[len(paid) - limit] + DAY_S if limit else now + DAY_S
        raise Trouble(Cause.BRAKE_DAILY, retry_after_s=free_at - now, limit=limit)


def steps_of(connection: sa.Connection, scope: str) -> list[Step]:
    """All steps of a scope as they stand, in the order they were begun."""
    step = tables.step
    rows = connection.execute(
        sa.select(step).where(step.c.scope == scope, step.c.state != "void").order_by(step.c.id)
    ).all()
    return [Step(row.name, row.data, row.receipt, row.at) for row in rows]
