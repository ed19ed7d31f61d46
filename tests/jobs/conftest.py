from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nemo_watch.jobs.opening import open_sqlite
from nemo_watch.jobs.store import Store


class HandClock:
    """A clock that a test moves by hand."""

    def __init__(self) -> None:
        self.at_s = 0.0

    def monotonic(self) -> float:
        return self.at_s

    def now(self) -> datetime:
        return datetime(2026, 11, 22, tzinfo=UTC) + timedelta(seconds=self.at_s)

    async def sleep(self, seconds: float) -> None:
        self.at_s += seconds


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def journal_file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.db"


@pytest.fixture
def store(journal_file: Path):
    opened: Store = open_sqlite(journal_file)
    yield opened
    opened.close()
