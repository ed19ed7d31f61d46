"""APScheduler's ticks: they call chores and decide nothing; nothing that is paid or belongs to a job hangs on them.

APScheduler reads the wall clock, which may jump: a tick that comes late or never costs no film.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apscheduler.schedulers.asyncio import AsyncIOScheduler

Chore = Callable[[], Awaitable[None]]


def started_ticks(chores: dict[str, tuple[float, Chore]]) -> AsyncIOScheduler:
    """A running scheduler that calls each chore every so many seconds; a chore that is still at work is not called twice."""
    from apscheduler.schedulers.asyncio import AsyncIOScheduler

    scheduler: Any = AsyncIOScheduler(job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None})
    for name, (every_s, chore) in chores.items():
        scheduler.add_job(chore, "interval", seconds=every_s, id=name)
    scheduler.start()
    return scheduler
