"""Names that do not resolve for an hour, a service that is down for a day, a date put back by years while a film waits.

What can mend itself does: waits grow, the number of lines stays small, and no person is needed. README "Promises", 4.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from nemo_watch.errors import Cause, Trouble
from tests.sim.house import SimHouse
from tests.sim.simloop import simulated

DAY_S = 86_400.0
CALLS = ["session", "balance", "upload", "state", "message", "submit", "render", "download"]


def outage(house: SimHouse, call: str, for_s: float, trouble: Trouble) -> list[float]:
    """From the first `call` on the service does not answer for so long; when it was tried, in seconds."""
    tried: list[float] = []
    original = house.world.fault
    begun: list[float] = []

    def fault(name: str) -> None:
        now = house.clock.monotonic()
        if name == call and not begun:
            begun.append(now)
        if begun and now < begun[0] + for_s and name in {*CALLS, "submitted"} - {"stream"}:
            tried.append(now)
            raise trouble
        original(name)

    house.world.fault = fault  # type: ignore[method-assign]
    return tried


HOUR = (3600.0, Cause.NETWORK_DOWN, 12)
DAY = (DAY_S, Cause.SERVICE_DOWN, 70)


@pytest.mark.parametrize(
    ("call", "for_s", "cause", "tries_max"),
    [pytest.param(call, *HOUR, id=f"an hour without names at {call}") for call in CALLS if call != "balance"]
    + [pytest.param(call, *DAY, id=f"a day without service at {call}") for call in ("session", "message", "download")],
)
def test_an_outage_at_every_call_is_waited_out_with_growing_waits_and_few_lines(
    tmp_path: Path, call: str, for_s: float, cause: Cause, tries_max: int
) -> None:
    async def life() -> None:
        house = SimHouse(tmp_path / "house", None, **{"inbox.rescan": "1h"})
        house.project("f", "one")
        tried = outage(house, call, for_s, Trouble(cause, not_taken=True, reason="no connection"))
        with capture_logs() as lines:
            await house.live(lambda: house.is_state("f", "done"))
        assert house.messages() == ["one"]
        assert house.lives == 1
        waits = [b - a for a, b in pairwise(tried) if b - a > 5.0]
        assert waits == sorted(waits), waits
        assert len(set(tried)) <= tries_max, len(set(tried))
        story = (house.outbox / "f" / "project.log").read_text().splitlines()
        assert len(story) <= 6 + 3 * tries_max, story
        assert len(lines) <= 6 + 4 * tries_max, lines
        house.check_always()

    simulated(life)


@pytest.mark.parametrize(
    "years_s", [pytest.param(10 * 365 * DAY_S, id="forward"), pytest.param(-10 * 365 * DAY_S, id="back")]
)
def test_a_date_put_right_while_a_film_waits_keeps_it_waiting_no_longer_than_its_wait(
    tmp_path: Path, years_s: float
) -> None:
    async def life() -> None:
        house = SimHouse(tmp_path / "house")
        house.project("f", "one")
        outage(house, "submit", 3600.0, Trouble(Cause.NETWORK_DOWN, not_taken=True, reason="no connection"))

        house.loop.call_later(700.0, setattr, house.clock, "wall_offset_s", years_s)  # in the middle of a wait
        await house.live(lambda: house.is_state("f", "done"), limit_s=4 * 3600.0)
        assert house.messages() == ["one"]
        assert house.clock.monotonic() < 2 * 3600.0

    simulated(life)


def test_a_date_put_back_by_years_does_not_close_the_daily_limit_for_years(tmp_path: Path) -> None:
    """Messages that are dated in the future were not sent in the last 24 hours, or at worst a day holds everything up."""

    async def life() -> None:
        house = SimHouse(tmp_path / "house", None, **{"service.paid_messages_a_day": 2, "inbox.rescan": "10m"})
        house.project("f", "one\n---\ntwo")
        house.clock.wall_offset_s = 10 * 365 * DAY_S  # the machine began with a date in the future
        await house.live(lambda: house.is_state("f", "done"))
        house.clock.wall_offset_s = 0.0
        house.project("g", "three", count=3)
        await house.live(lambda: house.is_state("g", "done"), limit_s=1.5 * DAY_S)
        assert house.messages() == ["one", "two", "three"]

    simulated(life)
