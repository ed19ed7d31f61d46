"""Something happens to the daemon at a point of a whole life: it is stopped, stopped twice, frozen for an hour, or the date jumps.

Whatever it is, afterwards each message was paid at most once, one whole video lies in the outbox (or the film asks for a decision where
nothing can be known), no temporary file is left and no file of the person was changed. README "Promises", 2, 3 and 6. By itself one
point of every second kind (a call asked, performed or answered, a commit, a write); every point of them with NEMO_WATCH_ALL_KILLS.
Kills are `test_kills`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.sim.house import Points, SimHouse
from tests.sim.simloop import simulated
from tests.sim.test_kills import Plant, folder, loose
from tests.sim.world import Killed, World
from tests.sim.wrecks import all_kills, belongings, untouched

NEW_WORK = {"session", "upload", "urls", "message", "submit", "download"}
STREAM_S = 71.5
CALLS = "commit|asked|performed|answered"
YEARS_S = 10 * 365.0 * 86_400.0
AT_ONCE_S = 10.0

pytestmark = pytest.mark.timeout(300)


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
    before = belongings(house)

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
    untouched(before, house)
    [row] = house.rows().values()
    if row.state.value == "done":
        assert paid == words, told
        assert len(house.videos()) == 2, told
    else:
        assert row.needs == "decision", told
        assert row.detail, told
    return house, row.state.value


def deed(act: Callable[[SimHouse], None], at: int | None) -> Callable[[SimHouse], Points]:
    """Do `act` at this point."""
    return lambda house: Points(-1 if at is None else at, lambda _name: act(house))


def kill(house: SimHouse) -> None:
    """As a power cut would."""
    assert house.process is not None
    house.process.killed.set()


def chosen(names: list[str], only: str = "", *, few: bool = False, turn: int = 0) -> list[tuple[int, str]]:
    """The points to try: of each kind the first and the last, of those that `only` matches.

    `few`: one in the middle of every second kind; which half is its `turn`. With NEMO_WATCH_ALL_KILLS all there are.
    """
    if all_kills():
        return list(enumerate(names, 1))
    kinds: dict[str, list[int]] = {}
    for at, name in enumerate(names, 1):
        if re.search(only, name):
            kinds.setdefault(name, []).append(at)
    halves = [found[len(found) // 2] for found in list(kinds.values())[turn::2]]
    some = set(halves) if few else {at for found in kinds.values() for at in (found[0], found[-1])}
    return [(at, names[at - 1]) for at in sorted(some)]


def counted(root: Path, plant: Plant) -> list[str]:
    """The names of a life's points."""
    found: list[Points] = []

    def points(_house: SimHouse) -> Points:
        found.append(Points(-1))
        return found[0]

    simulated(partial(a_life, root, plant, points))
    return found[0].names


@pytest.mark.parametrize(("plant", "only"), [(folder, ""), (loose, "inbox")], ids=["folder", "loose files"])
def test_stopped_at_a_point_of_each_kind_it_takes_no_new_work_and_ends_in_time(
    tmp_path: Path, plant: Plant, only: str
) -> None:
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


def test_a_second_signal_stops_at_once_at_a_point_of_each_kind(tmp_path: Path) -> None:
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
def test_frozen_at_a_point_of_each_kind_and_woken_an_hour_later_it_goes_on(
    tmp_path: Path, plant: Plant, only: str
) -> None:
    """SIGSTOP, and SIGCONT after an hour: everything that fell due meanwhile falls due at once."""
    for at, name in chosen(counted(tmp_path / "count", plant), only, few=True, turn=1):
        frozen = deed(lambda house: house.loop.jump(3600.0), at)
        house, state = simulated(partial(a_life, tmp_path / str(at), plant, frozen))
        assert state == "done", f"{at} {name} {house.told()}"
        assert house.lives == 1


@pytest.mark.parametrize("years_s", [YEARS_S, -YEARS_S])
def test_the_date_may_jump_by_years_at_a_point_of_each_kind(tmp_path: Path, years_s: float) -> None:
    """Waits within a life go by the clock that never jumps, so a wrong date costs no time."""

    def jump(house: SimHouse) -> None:
        house.clock.wall_offset_s = years_s

    for at, name in chosen(counted(tmp_path / "count", folder), CALLS, few=True, turn=int(years_s < 0)):
        house, state = simulated(partial(a_life, tmp_path / str(at), folder, deed(jump, at)))
        assert state == "done", f"{at} {name} {house.told()}"
        assert house.lives == 1
        assert house.clock.monotonic() < 600.0, f"{at} {name} {house.told()}"
