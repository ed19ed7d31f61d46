"""Something happens to the daemon at every point of a whole life: at each call, commit and write of the file system.

Whatever it is, afterwards each message was paid at most once, one whole video lies in the outbox (or the film asks for a decision where
nothing can be known), no temporary file is left and no file of the person was changed. README "Promises", 2, 3 and 6.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest

from tests.sim.house import Points, SimHouse, photo
from tests.sim.simloop import simulated
from tests.sim.world import Killed, World

NEW_WORK = {"session", "upload", "urls", "message", "submit", "download"}
STREAM_S = 71.5
CALLS = "commit|asked|performed|answered"
YEARS_S = 10 * 365.0 * 86_400.0
AT_ONCE_S = 10.0

Plant = Callable[[SimHouse], list[str]]
pytestmark = pytest.mark.timeout(300)


def folder(house: SimHouse) -> list[str]:
    """A folder with two messages; what is to be paid."""
    house.project("f", "one\n---\ntwo")
    return ["one", "two"]


def loose(house: SimHouse) -> list[str]:
    """Loose photos without a word: gathered, given a prompt, and made as it stands."""
    for name in "ab":
        house.write(f"{name}.jpg", photo(name))
    return [house.config.inbox.default_prompt]


async def a_life(
    root: Path,
    plant: Plant,
    points: Callable[[SimHouse], Points],
    *,
    finishes: bool = True,
    ended: list[float] | None = None,
    tidied_by_the_next: bool = False,
) -> tuple[SimHouse, str]:
    """A film's life with something happening in it, and the lives after that, until it is done or asks."""
    world = World(finishes_cut_messages=finishes, message_s=70.0, render_s=1.0)
    house = SimHouse(root, world, **{"outbox.gallery": False})
    words = plant(house)
    before = sums(house)

    def over() -> bool:
        rows = house.rows().values()
        return any(row.state.value in {"done", "failed"} or row.needs == "decision" for row in rows)

    first = points(house)
    for _ in range(3):
        try:
            await house.live(over, first)
        except Killed:
            house.check_always()
        if ended is not None:
            ended.append(house.clock.monotonic())
        if over():
            break
        first = Points()
    if tidied_by_the_next and house.leftovers():
        await house.live(over)
    told = f"point {len(first.names)}\n{house.told()}"
    assert over(), told
    paid = house.messages()
    assert len(paid) == len(set(paid)), f"paid twice, {told}"
    assert len(house.world.submitted) <= 1, f"rendered twice, {told}"
    house.check_always()
    assert not house.leftovers(), f"{house.leftovers()} {told}"
    assert sums(house).items() >= before.items(), f"a file of the person was changed, {told}"
    [row] = house.rows().values()
    if row.state.value == "done":
        assert paid == words, told
        assert len(house.videos()) == 2, told
    else:
        assert row.needs == "decision", told
        assert row.detail, told
    return house, row.state.value


def sums(house: SimHouse) -> dict[str, str]:
    """Every file of the person by what it holds; gathering moves some and changes none."""
    return {sha256(path.read_bytes()).hexdigest(): "" for path in house.inbox.rglob("*.*")}


def deed(act: Callable[[SimHouse], None], at: int | None) -> Callable[[SimHouse], Points]:
    """Do `act` at this point."""
    return lambda house: Points(-1 if at is None else at, lambda _name: act(house))


def kill(house: SimHouse) -> None:
    """As a power cut would."""
    assert house.process is not None
    house.process.killed.set()


def chosen(names: list[str], only: str = "", *, few: bool = False) -> list[tuple[int, str]]:
    """The points to try: of each kind the first and the last (`few`: one in the middle), of those that `only` matches.

    With NEMO_WATCH_ALL_KILLS all there are.
    """
    if os.environ.get("NEMO_WATCH_ALL_KILLS"):
        return list(enumerate(names, 1))
    kinds: dict[str, list[int]] = {}
    for at, name in enumerate(names, 1):
        if re.search(only, name):
            kinds.setdefault(name, []).append(at)
    some = {at for found in kinds.values() for at in ([found[len(found) // 2]] if few else [found[0], found[-1]])}
    return [(at, names[at - 1]) for at in sorted(some)]


def counted(root: Path, plant: Plant) -> list[str]:
    """The names of a life's points."""
    found: list[Points] = []

    def points(_house: SimHouse) -> Points:
        found.append(Points(-1))
        return found[0]

    simulated(partial(a_life, root, plant, points))
    return found[0].names


@pytest.mark.parametrize(
    ("plant", "finishes", "only"),
    [(folder, True, ""), (folder, False, "message|commit"), (loose, True, "inbox")],
    ids=["folder", "a service that drops cut messages", "loose files"],
)
def test_killed_at_every_point_it_pays_once_and_ends_in_one_video_or_a_decision(
    tmp_path: Path, plant: Plant, finishes: bool, only: str
) -> None:
    asks = set()
    for at, name in chosen(counted(tmp_path / "count", plant), only, few=True):
        killed = deed(kill, at)
        _, state = simulated(partial(a_life, tmp_path / str(at), plant, killed, finishes=finishes))
        asks |= {name} if state != "done" else set()
    # A decision is asked only where the kill fell between a message's intent and its receipt and no result shows: where the
    # service drops what is cut off, that is at whatever was being done meanwhile (the page written, say).
    assert asks <= {"commit", "message asked"} if finishes else asks


@pytest.mark.parametrize(("plant", "only"), [(folder, ""), (loose, "inbox")], ids=["folder", "loose files"])
def test_stopped_at_every_point_it_takes_no_new_work_and_ends_in_time(tmp_path: Path, plant: Plant, only: str) -> None:
    """SIGTERM: a paid stream may finish for `stop_wait`, everything else ends within 10 s and is resumed."""
    for at, name in chosen(counted(tmp_path / "count", plant), only, few=True):
        stopped: list[float] = []
        ended: list[float] = []

        def stop(house: SimHouse, stopped: list[float] = stopped) -> None:
            if house.daemon is None:
                kill(house)  # before its signals are heeded nothing is at work, and a signal just ends it
            else:
                stopped.append(house.clock.monotonic())
                house.daemon._stop()

        house, state = simulated(partial(a_life, tmp_path / str(at), plant, deed(stop, at), ended=ended))
        assert state == "done", f"{at} {name} {house.told()}"
        for began, end in zip(stopped, ended, strict=False):
            late = [call for time, call in house.asked if began < time < end and call in NEW_WORK]
            assert not late, f"{late} was begun after the stop at {at} {name}"
            streaming = any(call == "message" and time <= began < time + STREAM_S for time, call in house.asked)
            limit_s = house.config.service.pace.stop_wait_s if streaming else AT_ONCE_S
            assert end - began <= limit_s, f"it took {end - began} s to stop at {at} {name}"


def test_a_second_signal_stops_at_once_at_every_point(tmp_path: Path) -> None:
    """The second SIGTERM exits there and then; what follows is what follows a kill."""

    def twice(house: SimHouse) -> None:
        if house.daemon is not None:
            house.daemon._stop()
            house.daemon._stop()
            assert house.exits == [130]
        kill(house)

    for at, _ in chosen(counted(tmp_path / "count", folder), CALLS, few=True):
        simulated(partial(a_life, tmp_path / str(at), folder, deed(twice, at)))


@pytest.mark.parametrize(("plant", "only"), [(folder, ""), (loose, "inbox")], ids=["folder", "loose files"])
def test_frozen_at_every_point_and_woken_an_hour_later_it_goes_on(tmp_path: Path, plant: Plant, only: str) -> None:
    """SIGSTOP, and SIGCONT after an hour: everything that fell due meanwhile falls due at once."""
    for at, name in chosen(counted(tmp_path / "count", plant), only, few=True):
        frozen = deed(lambda house: house.loop.jump(3600.0), at)
        house, state = simulated(partial(a_life, tmp_path / str(at), plant, frozen))
        assert state == "done", f"{at} {name} {house.told()}"
        assert house.lives == 1


@pytest.mark.parametrize("years_s", [YEARS_S, -YEARS_S])
def test_the_date_may_jump_by_years_at_every_point(tmp_path: Path, years_s: float) -> None:
    """Waits within a life go by the clock that never jumps, so a wrong date costs no time."""

    def jump(house: SimHouse) -> None:
        house.clock.wall_offset_s = years_s

    for at, name in chosen(counted(tmp_path / "count", folder), CALLS, few=True):
        house, state = simulated(partial(a_life, tmp_path / str(at), folder, deed(jump, at)))
        assert state == "done", f"{at} {name} {house.told()}"
        assert house.lives == 1
        assert house.clock.monotonic() < 600.0, f"{at} {name} {house.told()}"


def test_a_prompt_that_was_being_written_when_the_daemon_was_killed_leaves_no_temporary_file(tmp_path: Path) -> None:
    names = counted(tmp_path / "count", loose)
    last = max(
        at for at, name in enumerate(names, 1) if name == "fsync in inbox" and "open in inbox" in names[at - 3 : at]
    )
    house, state = simulated(partial(a_life, tmp_path / "life", loose, deed(kill, last)))
    assert state == "done"
    assert house.leftovers() == []
