"""Lives in simulated time: the loop's clock is the only clock, and it jumps to the next thing that is due."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nemo_watch.jobs.opening import open_sqlite
from nemo_watch.jobs.store import Store

EPOCH = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class LoopClock:
    """Both clocks derived from the loop's own time, which looptime moves."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=asyncio.get_running_loop().time())

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@pytest.fixture
def clock() -> LoopClock:
    return LoopClock()


@pytest.fixture
def journal_file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.db"


@pytest.fixture
def store(journal_file: Path):
    opened: Store = open_sqlite(journal_file)
    yield opened
    opened.close()
