"""One set of cases for every store: the journal as a file, and on a PostgreSQL server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nemo_watch.jobs.opening import open_sqlite
from nemo_watch.jobs.postgres import open_postgres
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


@pytest.fixture(params=["sqlite", "postgres"])
def opened_again(request: pytest.FixtureRequest, tmp_path: Path):
    """Opens the same journal, each time as another process would."""
    if request.param == "sqlite":
        stores: list[Store] = []
        path = tmp_path / "state" / "journal.db"
        opening = open_sqlite, path
    else:
        stores = []
        opening = open_postgres, request.getfixturevalue("database")

    def open_one() -> Store:
        stores.append(opening[0](opening[1]))
        return stores[-1]

    yield open_one
    for store in stores:
        store.close()


@pytest.fixture
def store(opened_again) -> Store:
    return opened_again()
