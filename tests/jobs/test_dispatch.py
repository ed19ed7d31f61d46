"""How a wait is told: the time of day, and the date where it is another day's."""

from __future__ import annotations

import os
import time
from datetime import datetime

import pytest

from nemo_watch.jobs.dispatch import time_of_day


@pytest.fixture(params=["UTC", "Asia/Shanghai", "America/New_York"])
def zone(request, monkeypatch):
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


def test_a_wait_of_the_same_day_tells_the_time_and_one_of_another_day_the_date_too(zone):
    assert os.environ["TZ"] == zone
    now = datetime(2026, 11, 22, 23, 50).astimezone().timestamp()
    assert time_of_day(now + 30, now) == "23:50:30"
    assert time_of_day(now + 3600, now) == "2026-11-23 00:50"
    assert time_of_day(now + 40 * 86400, now) == "2027-01-01 23:50"
