"""APScheduler's ticks and the chores they call: the balance looked at, the journal tidied.

They decide nothing, and nothing that is paid or belongs to a job hangs on them: APScheduler reads the wall clock, which may jump, and a
tick that comes late or never must cost no film. (The rescan is the loop's own, on the monotonic clock.)
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from nemo_watch.errors import Trouble
from nemo_watch.jobs import records
from nemo_watch.logs import logger

if TYPE_CHECKING:
    from apscheduler.schedulers.asyncio import AsyncIOScheduler

    from nemo_watch.clock import Clock
    from nemo_watch.config import Config
    from nemo_watch.daemon.wiring import RealService
    from nemo_watch.jobs.store import Store
    from nemo_watch.model import Overview

log = logger("chores")

Chore = Callable[[], Awaitable[None]]

TIDY_EVERY_S: Final = 6 * 3600.0
METRICS_EVERY_S: Final = 60.0
KEEP_S: Final = 90 * 86_400.0  # requests and moves that are long over; what was bought is kept for ever


@dataclass(frozen=True, slots=True)
class Chores:
    """What is done now and then."""

    config: Config
    clock: Clock
    store: Store
    service: RealService
    wake: asyncio.Event
    overview: Callable[[], Overview | None]

    def ticks(self) -> dict[str, tuple[float, Chore]]:
        """Each chore with its interval in seconds."""
        return {
            "balance": (self.config.service.pace.balance_check_s, self.look_at_balance),
            "tidying": (TIDY_EVERY_S, self.tidy),
            "metrics": (METRICS_EVERY_S, self.write_metrics),
        }

    async def look_at_balance(self) -> None:
        """Refresh the balance for the status. Before the first film nothing is asked: a free token lasts seven days only."""
        if not self.service.account.has_token:
            return
        try:
            await self.service.balance()
        except (Trouble, RuntimeError) as trouble:  # RuntimeError: the client was closed by a stop meanwhile
            log.debug("balance.unread", reason=str(trouble))
        else:
            self.wake.set()

    async def write_metrics(self) -> None:
        """Bring the Prometheus text file up to date; a disk that refuses is told elsewhere."""
        state = self.config.folders.state
        with contextlib.suppress(OSError):
            await asyncio.to_thread(self.service.metrics.write, state, self.overview())

    async def tidy(self) -> None:
        """Forget what is long over."""
        before = self.clock.now().timestamp() - KEEP_S
        await self.store.do(lambda c: records.forget(c, before))


def started_ticks(chores: dict[str, tuple[float, Chore]]) -> AsyncIOScheduler:
    """A running scheduler that calls each chore every so many seconds; a chore that is still at work is not called twice."""
    from apscheduler.schedulers.asyncio import AsyncIOScheduler

    scheduler: Any = AsyncIOScheduler(job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None})
    for name, (every_s, chore) in chores.items():
        scheduler.add_job(_unless_stopped, "interval", args=[chore], seconds=every_s, id=name)
    scheduler.start()
    return scheduler


async def _unless_stopped(chore: Chore) -> None:
    """A chore that is cut by the stop of the scheduler ends without a word: the scheduler would tell it as a fault."""
    with contextlib.suppress(asyncio.CancelledError):
        await chore()
