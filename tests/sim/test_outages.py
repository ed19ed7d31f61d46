"""Names that do not resolve for an hour, a service that is down for a day, a date put back by years while a film waits; a journal
that refuses how a run ended, and one that does not answer while the daemon is to stop.

What can mend itself does: waits grow, the number of lines stays small, and no person is needed. README "Promises", 4.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import cycle, pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import DatabaseError
from structlog.testing import capture_logs

from nemo_watch.errors import Cause, Trouble
from nemo_watch.jobs import queue
from tests.sim.house import Points, SimHouse
from tests.sim.simloop import simulated
from tests.sim.simstore import SimStore
from tests.sim.world import World
from tests.sim.wrecks import all_kills

DAY_S = 86_400.0
AT_ONCE_S = 10.0  # in which everything but a paid stream ends
CALLS = ["session", "balance", "upload", "state", "message", "submit", "render", "download"]


def outage(house: SimHouse, call: str, for_s: float, *causes: Cause) -> list[float]:
    """From the first `call` on the service does not answer for so long, for each cause in turn; when it was tried, in seconds."""
    next_cause = cycle(causes)
    tried: list[float] = []
    original = house.world.fault
    begun: list[float] = []

    def fault(name: str) -> None:
        now = house.clock.monotonic()
        if name == call and not begun:
            begun.append(now)
        if begun and now < begun[0] + for_s and name in {*CALLS, "submitted"} - {"stream"}:
            tried.append(now)
            raise Trouble(next(next_cause), not_taken=True, reason="no connection")
        original(name)

    house.world.fault = fault  # type: ignore[method-assign]
    return tried


HOUR = (3600.0, Cause.NETWORK_DOWN, 12)
DAY = (DAY_S, Cause.SERVICE_DOWN, 70)


@pytest.mark.parametrize(
    ("call", "for_s", "cause", "tries_max"),
    [
        pytest.param(call, *HOUR, id=f"an hour without names at {call}")
        for call in (CALLS if all_kills() else CALLS[::2])
        if call != "balance"
    ]
    + [pytest.param(call, *DAY, id=f"a day without service at {call}") for call in ("session", "message", "download")],
)
def test_an_outage_at_every_call_is_waited_out_with_growing_waits_and_few_lines(
    tmp_path: Path, call: str, for_s: float, cause: Cause, tries_max: int
) -> None:
    async def life() -> None:
        house = SimHouse(tmp_path / "house", None, **{"inbox.rescan": "1h"})
        house.project("f", "one")
        tried = outage(house, call, for_s, cause)
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


@pytest.mark.parametrize("call", ["session", "upload", "message", "download"] if all_kills() else ["message"])
def test_an_outage_that_shows_itself_in_ever_other_ways_is_one_outage(tmp_path: Path, call: str) -> None:
    """A gateway answers 502, then refuses the connection, then sends a page, and so on for a day: the waits grow all the same."""
    causes = (Cause.SERVICE_DOWN, Cause.NETWORK_DOWN, Cause.ANSWER_UNREADABLE, Cause.RATE_LIMITED, Cause.NETWORK_DOWN)

    async def life() -> None:
        house = SimHouse(tmp_path / "house", None, **{"inbox.rescan": "1h"})
        house.project("f", "one")
        tried = outage(house, call, DAY_S, *causes)
        with capture_logs() as lines:
            await house.live(lambda: house.is_state("f", "done"))
        assert house.messages() == ["one"]
        runs = [b for a, b in pairwise([0.0, *tried]) if b - a > 5.0]
        assert len(runs) <= DAY[2], len(runs)
        story = (house.outbox / "f" / "project.log").read_text().splitlines()
        assert len(story) <= 6 + 3 * DAY[2], story
        assert len(lines) <= 6 + 4 * DAY[2], lines

    simulated(life)


def test_a_film_that_gets_on_between_two_outages_is_tried_again_soon(tmp_path: Path) -> None:
    """Each of ten uploads breaks twice: whatever went up is got on, so no wait is longer than the second."""

    async def life() -> None:
        house = SimHouse(tmp_path / "house")
        house.project("f", "one", count=10)
        broken: dict[int, int] = {}
        original = house.world.fault

        def fault(name: str) -> None:
            up = len(house.world.uploads)
            if name == "upload" and broken.get(up, 0) < 2:
                broken[up] = broken.get(up, 0) + 1
                raise Trouble(Cause.NETWORK_DOWN, not_taken=True, reason="no connection")
            original(name)

        house.world.fault = fault  # type: ignore[method-assign]
        await house.live(lambda: house.is_state("f", "done"))
        assert len(broken) > 3
        assert house.clock.monotonic() < len(broken) * (30.0 + 60.0 + 30.0) + 400.0, broken

    simulated(life)


def test_a_film_without_credits_says_so_once_however_often_it_looks_for_some(tmp_path: Path) -> None:
    async def life() -> None:
        house = SimHouse(tmp_path / "house", World(credits=0.0), **{"inbox.rescan": "1h"})
        house.project("f", "one")
        house.loop.call_later(DAY_S, setattr, house.world, "credits", 100.0)
        with capture_logs() as lines:
            await house.live(lambda: house.is_state("f", "done"))
        told = [line["event"] for line in lines if line["event"].startswith("job.")]
        assert told == ["job.started", "job.stopped", "job.started", "job.ended"]
        looks = [at for at, name in house.asked if name == "balance"]
        assert len(looks) > 100
        story = (house.outbox / "f" / "project.log").read_text()
        assert story.count("no credits left") == 1
        assert house.messages() == ["one"]

    simulated(life)


def test_a_refusal_for_want_of_credits_after_a_refill_is_news(tmp_path: Path) -> None:
    async def life() -> None:
        house = SimHouse(tmp_path / "house", World(credits=5.0))
        house.world.faults["message"] = [Trouble(Cause.OUT_OF_CREDITS, not_taken=True) for _ in range(2)]
        house.project("f", "one")
        house.loop.call_later(3600.0, setattr, house.world, "credits", 6.0)
        house.loop.call_later(7200.0, setattr, house.world, "credits", 100.0)
        with capture_logs() as lines:
            await house.live(lambda: house.is_state("f", "done"))
        told = [line["event"] for line in lines if line["event"].startswith("job.")]
        assert told == ["job.started", "job.stopped"] * 2 + ["job.started", "job.ended"]
        assert (house.outbox / "f" / "project.log").read_text().count("no credits left") == 2

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
        outage(house, "submit", 3600.0, Cause.NETWORK_DOWN)

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


# -- a journal that refuses, or does not answer ------------------------------------------------------------------------------------


@pytest.mark.parametrize("ends", ["done", "failed"])
def test_a_run_whose_end_the_journal_refuses_is_not_left_at_work_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    """An error that no waiting in the store mends: the end is tried again, later and later, and nothing is done twice."""
    tried: list[float] = []
    real = queue.end

    async def life() -> None:
        house = SimHouse(tmp_path / "house", World(message_s=5.0, render_s=1.0))
        house.project("f", "one")
        if ends == "failed":
            house.world.faults["submit"] = [Trouble(Cause.REQUEST_REFUSED, reason="no")]

        def refused(*arguments: Any, **values: Any) -> bool:
            tried.append(house.clock.monotonic())
            if len(tried) <= 6:
                raise DatabaseError("UPDATE job", {}, Exception("database disk image is malformed"))
            return real(*arguments, **values)

        monkeypatch.setattr(queue, "end", refused)
        with capture_logs() as lines:
            await house.live(lambda: house.is_state("f", ends))
        assert house.messages() == ["one"]
        assert len(house.world.submitted) == (1 if ends == "done" else 0)
        assert [job.state for job in house.jobs()] == [ends]
        waits = [b - a for a, b in pairwise(tried)]
        assert waits == sorted(waits)
        assert waits[-1] >= 16 * waits[0] > 0
        assert [line["event"] for line in lines].count("job.end_unwritten") == 1

    simulated(life)


def test_a_stop_does_not_wait_for_an_end_that_the_journal_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def life() -> None:
        house = SimHouse(tmp_path / "house", World(message_s=5.0, render_s=1.0))
        house.project("f", "one")

        def refused(*_arguments: Any, **_values: Any) -> bool:
            raise DatabaseError("UPDATE job", {}, Exception("database disk image is malformed"))

        with monkeypatch.context() as patch:
            patch.setattr(queue, "end", refused)
            house.loop.call_later(900.0, lambda: house.daemon._stop())  # noqa: PLW0108  there is no daemon yet
            await house.live()
            assert house.clock.monotonic() <= 900.0 + AT_ONCE_S
        await house.live(lambda: house.is_state("f", "done"))
        assert house.messages() == ["one"]
        assert len(house.world.submitted) == 1

    simulated(life)


def stuck(
    house: SimHouse, patch: pytest.MonkeyPatch, at: Callable[[str], bool], stop_after_s: float | None = None
) -> list[float]:
    """From the first work of a job on for which `at` holds, the journal answers no job any more; when that began, in seconds.

    `stop_after_s` later the daemon is to stop.
    """
    real = SimStore.do
    began: list[float] = []

    async def do(store: SimStore, work: Callable[..., Any]) -> Any:
        task = asyncio.current_task()
        if task is not None and task.get_name().startswith("job-"):
            if not began and at(work.__qualname__):
                began.append(house.clock.monotonic())
                if stop_after_s is not None:
                    house.loop.call_later(stop_after_s, house.daemon._stop)
            if began:
                await asyncio.Event().wait()
        return await real(store, work)

    patch.setattr(SimStore, "do", do)
    return began


@pytest.mark.parametrize("before", ["the intent of a message", "the receipt of an upload"])
def test_a_stop_waits_for_a_journal_that_does_not_answer_no_longer_than_for_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    """Only a paid stream may be heard to its end. README "Promises", 6."""

    async def life() -> None:
        house = SimHouse(tmp_path / "house")
        house.project("f", "one")

        def at(work: str) -> bool:
            return "Journal.intent" in work if "intent" in before else bool(house.world.uploads)

        with monkeypatch.context() as patch:
            began = stuck(house, patch, at, 1.0)
            await house.live(limit_s=3600.0)
        assert house.clock.monotonic() <= began[0] + 1.0 + AT_ONCE_S
        assert house.messages() == []
        await house.live(lambda: house.is_state("f", "done"))
        assert house.messages() == ["one"]

    simulated(life)


def test_a_stop_lets_a_paid_stream_be_heard_and_waits_for_its_receipt_no_longer_than_for_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def life() -> None:
        house = SimHouse(tmp_path / "house", World(message_s=90.0))
        house.project("f", "one")

        def stop_at_the_message(name: str) -> None:
            if name == "message asked":
                house.loop.call_later(5.0, house.daemon._stop)

        with monkeypatch.context() as patch:
            began = stuck(house, patch, lambda _work: len(house.messages()) == 1)
            await house.live(None, Points(None, stop_at_the_message), limit_s=3600.0)
        asked = next(at for at, name in house.asked if name == "message")
        assert began[0] >= asked + 90.0
        assert house.clock.monotonic() <= began[0] + AT_ONCE_S
        await house.live(lambda: house.is_state("f", "done"))
        assert house.messages() == ["one"]

    simulated(life)
