"""Clauses of the service's text that are about times and words, lived through in simulated time."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from nemo_watch.config import API_URL, Config, Folders, Pace
from tests.sim.conftest import LoopClock
from tests.sim.life import Fuse, Life, World, order
from tests.sim.world import SimOutbox

pytestmark = pytest.mark.looptime


@pytest.fixture
def life(tmp_path: Path) -> Life:
    folder = tmp_path / "outbox"
    folder.mkdir()
    fuse = Fuse()
    return Life(tmp_path / "state" / "journal.db", LoopClock(), World(), SimOutbox(folder, fuse), fuse)


def moments_of(life: Life, name: str) -> list[float]:
    """When each call of this name was made, from now on, in seconds; filled while the life is lived."""
    moments: list[float] = []
    burn = life.fuse.burn

    async def noting(called, effect):
        if called == name:
            moments.append(asyncio.get_running_loop().time())
        return await burn(called, effect)

    life.fuse.burn = noting
    return moments


def test_the_base_and_the_paces_are_the_texts_own():
    folders = Folders(Path("/a"), Path("/b"), Path("/c"))
    assert Config(folders).service.url == API_URL == "https://mega-api-prod.nemovideo.ai"
    pace = Pace()
    assert (pace.render_poll_s, pace.message_limit_s, pace.still_working_s, pace.rate_limit_wait_s) == (
        30,
        900,
        120,
        30,
    )


async def test_the_first_connection_is_told_in_two_words(life):
    await life.place(order("one"))
    await life.live()
    await life.place(order("one", "two", send=("two",), session=1), version=2)
    await life.live()
    assert [line for line in life.outbox.lines if line.startswith("Setting")] == ["Setting up..."]
    assert life.outbox.lines[0] == "Setting up..."


async def test_a_render_is_looked_at_every_thirty_seconds_and_after_ten_looks_every_five_minutes(life):
    life.world.render_s = 900.0
    looks = moments_of(life, "render")
    await life.place(order("one"))
    await life.live()
    waits = [after - before for before, after in pairwise(looks)]
    assert waits[:9] == pytest.approx([30.0] * 9)
    assert set(waits[9:]) == {300.0}
    assert looks[-1] - looks[0] >= 900.0


async def test_every_two_minutes_of_waiting_are_told(life):
    life.world.message_s = 14 * 60.0
    await life.place(order("one"))
    await life.live()
    assert life.outbox.lines.count("⏳ Still working...") == 7


async def test_a_short_wait_is_not_told(life):
    await life.place(order("one"))
    await life.live()
    assert "⏳ Still working..." not in life.outbox.lines


def leaving_the_draft_alone(life: Life, messages: int) -> None:
    """The first so many messages change nothing, whatever the service says."""
    burn = life.fuse.burn

    async def changing_nothing(called, effect):
        answer = await burn(called, effect)
        if called == "message" and len(life.world.paid) <= messages:
            for session in life.world.sessions.values():
                session["draft"] = None
        return answer

    life.fuse.burn = changing_nothing


async def test_what_is_to_be_dragged_is_sent_once_and_only_if_nothing_has_changed(life):
    life.world.reply = "drag the song to the beginning"
    leaving_the_draft_alone(life, 1)
    await life.place(order("one"))
    await life.live()
    assert [text for _, text in life.world.paid] == ["one", "the song to the beginning"]


async def test_nothing_is_dragged_where_the_timeline_has_changed_already(life):
    life.world.reply = "drag the song to the beginning"
    await life.place(order("one"))
    await life.live()
    assert [text for _, text in life.world.paid] == ["one"]


async def test_a_silent_edit_is_told_by_what_changed(life):
    life.world.silent = True
    await life.place(order("one"))
    await life.live()
    assert "What changed:\n- something" in life.outbox.reply
