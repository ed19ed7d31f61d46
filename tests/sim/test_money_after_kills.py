"""Deeds of a person that meet a kill, a refill or one another: what was paid is paid once, and what is paid goes on. In simulated time."""

from __future__ import annotations

from functools import partial

import pytest
from structlog.testing import capture_logs

from nemo_watch.errors import Cause, Trouble
from tests.sim.house import Points, SimHouse
from tests.sim.simloop import simulated
from tests.sim.world import Killed, World
from tests.sim.wrecks import all_kills

QUIET = {"outbox.gallery": False}


async def lived(house: SimHouse, seconds: float) -> None:
    """The daemon runs so long, and is stopped."""
    house.loop.call_later(seconds, lambda: house.daemon._stop())  # noqa: PLW0108  the daemon is not there yet
    await house.live(None, limit_s=seconds + 400)


async def bought_again(root, at: int | None) -> tuple[SimHouse, tuple[str, ...]]:
    """A film that is done is bought again; killed at the point `at` of that, started again."""
    house = SimHouse(root, World(message_s=5.0, render_s=1.0), **QUIET)
    house.project("f", "one")
    with capture_logs():
        await house.live(lambda: house.is_state("f", "done", version=1))
        assert house.ask("again", "f")
        points = Points(-1 if at is None else at, lambda _: house.process.killed.set())
        try:
            await house.live(lambda: house.is_state("f", "done", version=2), points, limit_s=5000)
        except Killed:
            await lived(house, 900)
    return house, tuple(points.names)


def test_what_is_bought_again_is_bought_once_more_wherever_a_kill_falls(tmp_path):
    _, names = simulated(partial(bought_again, tmp_path / "whole", None))
    until_session = names.index("session asked") + 3
    for at in range(1, until_session, 1 if all_kills() else 3):
        house, _ = simulated(partial(bought_again, tmp_path / str(at), at))
        assert house.messages() == ["one", "one"], f"killed at {at}: {names[at - 1]}"
        assert house.is_state("f", "done", version=2)


@pytest.mark.parametrize("ends", ["killed", "stopped"])
def test_a_film_whose_message_was_taken_after_a_refill_is_rendered_whatever_the_balance_is_then(tmp_path, ends):
    async def life():
        world = World(message_s=70.0, render_s=65.0, credits=50.0)
        house = SimHouse(tmp_path / "h", world, **QUIET)
        house.project("f", "one")
        world.faults["message"] = [Trouble(Cause.OUT_OF_CREDITS, not_taken=True)]
        await house.live(lambda: house.is_state("f", "needs_you"), limit_s=5000)
        world.credits = 150.0
        fault = world.fault

        def costly(name):
            fault(name)
            if name == "message":
                world.credits -= 100

        def ended(name):
            if name == "submit performed":
                house.process.killed.set() if ends == "killed" else house.daemon._stop()

        world.fault = costly
        try:
            await house.live(None, Points(None, ended), limit_s=50000)
        except Killed:
            assert ends == "killed"
        await house.live(lambda: house.is_state("f", "done"), limit_s=5000)
        assert house.messages() == ["one"]

    with capture_logs():
        simulated(life)


def test_a_copy_waits_for_the_film_that_is_being_bought_as_an_edit(tmp_path):
    async def life():
        house = SimHouse(tmp_path / "h", World(message_s=300.0), **QUIET)
        house.project("f", "one")
        await house.live(lambda: house.is_state("f", "done"))
        house.write("f/prompt.txt", "one\n---\ntwo")

        def copied():
            for path in (house.inbox / "f").iterdir():
                house.write(f"g/{path.name}", path.read_bytes())

        house.loop.call_later(100, copied)
        await house.live(lambda: house.is_state("f", "done", version=2) and house.is_state("g", "done"))
        assert house.messages() == ["one", "two"]

    with capture_logs():
        simulated(life)


def test_a_copy_under_the_old_name_of_a_renamed_folder_takes_nothing_from_it(tmp_path):
    """`mv f g; cp -r g f`, then an edit of g: it goes on in its own session, and the copy is handed over."""

    async def life():
        house = SimHouse(tmp_path / "h", World(), **QUIET)
        house.project("f", "one")
        await house.live(lambda: house.is_state("f", "done"))
        (house.inbox / "f").rename(house.inbox / "g")
        for path in (house.inbox / "g").iterdir():
            house.write(f"f/{path.name}", path.read_bytes())
        await house.live(lambda: house.is_state("f", "done") and house.is_state("g", "done"))
        house.write("g/prompt.txt", "one\n---\ntwo")
        await house.live(lambda: house.is_state("g", "done", version=2))
        assert house.messages() == ["one", "two"]

    with capture_logs():
        simulated(life)


@pytest.mark.parametrize("cut", ["killed", "answer lost"])
def test_an_upload_that_arrived_though_its_answer_was_lost_is_not_sent_again(tmp_path, cut):
    async def life():
        world = World()
        house = SimHouse(tmp_path / "h", world, **QUIET)
        house.project("f", "one")
        seen = []

        def meddled(name):
            if name == "upload performed" and not seen:
                seen.append(name)
                if cut == "killed":
                    house.process.killed.set()
                else:
                    raise Trouble(Cause.NETWORK_DOWN, reason="cut")

        try:
            await house.live(lambda: house.is_state("f", "done"), Points(None, meddled), limit_s=5000)
        except Killed:
            await house.live(lambda: house.is_state("f", "done"), limit_s=5000)
        assert seen
        assert house.messages() == ["one"]
        (session,) = world.sessions.values()
        assert sorted(session["media"]) == sorted({*session["media"]}), "one lies there twice"

    with capture_logs():
        simulated(life)


def test_a_photo_replaced_under_its_name_after_a_lost_answer_goes_up(tmp_path):
    """What lies in the session under that name may be the old one: it is only taken for the new one when nothing else can be it."""

    async def life():
        world = World()
        house = SimHouse(tmp_path / "h", world, **QUIET)
        house.project("f", "one")
        await house.live(lambda: house.is_state("f", "done"))
        before = list(world.uploads)
        photo = next(path for path in sorted((house.inbox / "f").iterdir()) if path.suffix == ".jpg")
        other = next(path for path in sorted((house.inbox / "f").iterdir()) if path.suffix == ".jpg" and path != photo)
        photo.write_bytes(other.read_bytes() + b"x")
        house.write("f/prompt.txt", "one\n---\ntwo")
        await house.live(lambda: house.is_state("f", "done", version=2))
        assert len(world.uploads) == len(before) + 1

    with capture_logs():
        simulated(life)
