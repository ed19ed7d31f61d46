"""What the journal forgets after ninety days is never needed to know what was bought. README "Never paid twice".

A film is made, a hundred days pass, the chore forgets; then everything is as if it had not: whatever the person does next costs exactly
what it would have cost, and a film that left and was dropped in again is answered with the video that exists.
"""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from nemo_watch.daemon.ticks import KEEP_S, Chores
from nemo_watch.jobs import records, tables
from tests.sim.house import SimHouse, photo
from tests.sim.simloop import simulated
from tests.sim.test_later_kills import STORIES, made, stand
from tests.sim.world import World
from tests.sim.wrecks import OPTIONS, lives_on

KEPT = sorted(set(tables.metadata.tables) - {"request", "study"})


async def forgets(house: SimHouse) -> None:
    """A hundred days pass while nothing runs, and the chore is done."""
    house.clock.wall_offset_s += KEEP_S + 10 * 86_400.0
    chores = Chores(house.config, house.clock, house.journal, None, asyncio.Event(), lambda: None)  # type: ignore[arg-type]
    await chores.tidy()
    house.overview = None


def rows(house: SimHouse, names: list[str]) -> dict[str, list[Any]]:
    """Every row of these tables."""
    found = tables.metadata.tables
    return {name: house.journal.now(partial(_all, sa.select(found[name]))) for name in names}


def _all(query: Any, connection: sa.Connection) -> list[Any]:
    return list(connection.execute(query).all())


def a_house(root: Path) -> SimHouse:
    return SimHouse(root, World(message_s=5.0, render_s=1.0), **OPTIONS)


def lived(life: Any) -> None:
    with capture_logs():
        simulated(life)


def test_only_requests_that_were_carried_out_and_what_was_read_are_forgotten(tmp_path: Path) -> None:
    async def life() -> None:
        house = a_house(tmp_path / "house")
        await made(house)
        house.ask("again", "f")
        await house.live(lambda: house.is_state("f", "done", version=2))
        house.ask("retry", "f")  # nobody has carried it out yet
        before = rows(house, KEPT)
        assert len(rows(house, ["request"])["request"]) == 2
        assert rows(house, ["study"])["study"]
        await forgets(house)
        assert rows(house, KEPT) == before
        assert [request.verb for request in house.journal.now(records.open_requests)] == ["retry"]
        assert len(rows(house, ["request"])["request"]) == 1
        assert not rows(house, ["study"])["study"]

    lived(life)


def test_what_is_younger_is_kept(tmp_path: Path) -> None:
    async def life() -> None:
        house = a_house(tmp_path / "house")
        await made(house)
        house.ask("again", "f")
        await house.live(lambda: house.is_state("f", "done", version=2))
        before = rows(house, [*tables.metadata.tables])
        house.clock.wall_offset_s -= 20 * 86_400.0  # with those of `forgets`, eighty days
        await forgets(house)
        assert rows(house, [*tables.metadata.tables]) == before

    lived(life)


@pytest.mark.parametrize("name", STORIES)
def test_after_forgetting_every_wish_costs_what_it_costs(tmp_path: Path, name: str) -> None:
    story = STORIES[name]

    async def life() -> None:
        house = a_house(tmp_path / "house")
        await story.stood(house)
        paid, stood = house.messages(), {n: (r.state, r.version, r.needs) for n, r in house.rows().items()}
        await forgets(house)
        if stood:
            await lives_on(house, lambda: {n: (r.state, r.version, r.needs) for n, r in house.rows().items()} == stood)
        assert house.messages() == paid, "forgotten, and bought again"
        story.act(house)
        house.overview = None
        await lives_on(house, lambda: stand(house, story.ends))
        assert Counter(house.messages()) == Counter(story.paid)

    lived(life)


def left_and_came_back(house: SimHouse, away: Path) -> None:
    """The folder as it was, copied in anew: other inodes, the same name."""
    shutil.copytree(away, house.inbox / "f")


def left_and_came_back_under_another_name(house: SimHouse, away: Path) -> None:
    shutil.copytree(away, house.inbox / "later")


def came_as_loose_files(house: SimHouse, away: Path) -> None:
    for path in away.iterdir():
        house.write(path.name, path.read_bytes())


@pytest.mark.parametrize("again", [left_and_came_back, left_and_came_back_under_another_name, came_as_loose_files])
@pytest.mark.parametrize("edited", [False, True])
def test_a_film_that_was_forgotten_and_is_dropped_again_is_answered_with_its_video(
    tmp_path: Path, again: Any, edited: bool
) -> None:
    async def life() -> None:
        house = a_house(tmp_path / "house")
        await made(house)
        if edited:
            house.write("f/prompt.txt", "one\n---\ntwo")
            await house.live(lambda: house.is_state("f", "done", version=2))
        paid, videos = house.messages(), {path.read_bytes() for path in house.outbox.rglob("*.mp4")}
        away = tmp_path / "away"
        (house.inbox / "f").rename(away)
        await forgets(house)
        again(house, away)
        await lives_on(
            house,
            lambda: (
                house.rows() and all(r.state.value == "done" and r.video is not None for r in house.rows().values())
            ),
        )
        assert house.messages() == paid, "bought again"
        assert {path.read_bytes() for path in house.outbox.rglob("*.mp4")} == videos
        [row] = [r for r in house.rows().values() if (house.inbox / r.name).is_dir()]
        assert (house.outbox / str(row.video)).is_file()

    lived(life)


def test_what_was_forgotten_of_a_folder_is_read_again_and_is_the_same_medium(tmp_path: Path) -> None:
    """A photo that is added after the forgetting is the only one that counts as new."""

    async def life() -> None:
        house = a_house(tmp_path / "house")
        await made(house)
        uploaded = len(house.uploaded)
        await forgets(house)
        house.write("f/new.jpg", photo("new"))
        await lives_on(house, lambda: house.is_state("f", "done", version=2))
        assert house.messages() == ["one", "one\n\nnew.jpg"]
        assert [name for name, _ in house.uploaded[uploaded:]] == ["new.jpg"]

    lived(life)
