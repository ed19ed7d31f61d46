"""Two clocks for two questions: how long, and what date.

Tests put a simulated clock in this one's place; production code never asks the system itself.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the daemon asks of time."""

    def monotonic(self) -> float:
        """Seconds on a clock that never jumps; meaningful only as differences, within one process. For every wait."""
        ...

    def now(self) -> datetime:
        """The date, aware UTC. For people, receipts and waits that must outlive the process; it may jump."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Come back after `seconds`."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def monotonic(self) -> float:
        """Seconds of CLOCK_MONOTONIC."""
        return time.monotonic()

    def now(self) -> datetime:
        """The wall clock, aware UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Come back after `seconds`."""
        import asyncio  # 50 ms that `status` need not pay

        await asyncio.sleep(seconds)
