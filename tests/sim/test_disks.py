"""Every write of the outbox, the inbox and the state folder is refused for a while: a full disk, a read-only one, rights taken away.

Afterwards everything goes on by itself, and nothing was lost, paid twice or left half made. README "Promises", 4.
"""

from __future__ import annotations

import errno
import os
from functools import partial
from pathlib import Path

import pytest

from nemo_watch.errors import FilmState
from tests.sim.house import Points, SimHouse
from tests.sim.simloop import simulated
from tests.sim.test_kills import Plant, folder, loose
from tests.sim.test_points import a_life, chosen, counted
from tests.sim.wrecks import all_kills

FOR_S = 900.0
LIFE_S = 2 * 3600.0

pytestmark = pytest.mark.timeout(300)


def refused(house: SimHouse, number: int, where: str, why: int) -> Points:
    """From the n-th write in this folder on, every write there is refused for a quarter of an hour."""
    seen: list[str] = []
    began: list[float] = []

    def refuse(name: str) -> None:
        kind, _, place = name.partition(" in ")
        if place != where:
            return
        seen.append(name)
        now = house.clock.monotonic()
        if len(seen) == number:
            began.append(now)
        harmless = why == errno.ENOSPC and kind in {"unlink", "remove", "rename", "replace"}  # they need no space
        if began and now < began[0] + FOR_S and not harmless:
            raise OSError(why, os.strerror(why))

    return Points(None, refuse)


@pytest.mark.parametrize("why", [errno.ENOSPC, errno.EROFS, errno.EACCES], ids=errno.errorcode.get)
@pytest.mark.parametrize(("plant", "where"), [(folder, "outbox"), (loose, "inbox")])
def test_a_disk_that_refuses_for_a_while_is_waited_out(tmp_path: Path, plant: Plant, where: str, why: int) -> None:
    names = [name for name in counted(tmp_path / "count", plant) if name.endswith(f"in {where}")]
    assert names
    for number, name in chosen(names, few=True):
        house, state = simulated(
            partial(
                a_life,
                tmp_path / str(number),
                plant,
                partial(refused, number=number, where=where, why=why),
                tidied_by_the_next=why != errno.ENOSPC,  # what may not be removed just now is removed at the next start
            )
        )
        assert state == "done", f"{number} {name} {house.told()}"
        assert house.clock.monotonic() < LIFE_S, f"{number} {name} {house.told()}"


def journal_refuses(house: SimHouse, number: int, name: str, told: list[str], *, reads: bool) -> None:
    """From the n-th commit that writes on, every one is refused for a quarter of an hour; each refusal is noted in `told`."""
    began: list[float] = []
    seen: list[str] = []

    def refusing(wrote: bool) -> str | None:
        now = house.clock.monotonic()
        if wrote and not began:
            seen.append("commit")
            if len(seen) == number:
                began.append(now)
        if not began or now >= began[0] + FOR_S or not (wrote or reads):
            return None
        told.append(name)
        return name

    house.refusing = refusing


@pytest.mark.parametrize("name", ["SQLITE_FULL", "SQLITE_READONLY"])
@pytest.mark.parametrize("plant", [folder, loose])
def test_a_journal_whose_disk_refuses_for_a_while_holds_every_step_and_loses_none(
    tmp_path: Path, plant: Plant, name: str
) -> None:
    """Every commit is rolled back at its end and tried again, so whatever is written to the journal is worked out twice.

    A full disk refuses what writes; in a read-only state folder not even a transaction can begin.
    """
    commits = counted(tmp_path / "count", plant).count("commit")
    step = 1 if all_kills() else 20 if plant is folder and name == "SQLITE_FULL" else 60
    for number in range(1, commits + 1, step):
        held: list[str] = []

        def hold(house: SimHouse, number: int = number, held: list[str] = held) -> Points:
            journal_refuses(house, number, name, held, reads=name == "SQLITE_READONLY")
            return Points()

        house, state = simulated(partial(a_life, tmp_path / str(number), plant, hold))
        assert len(held) > FOR_S / 5 / 2, f"commit {number} was not refused"
        assert state == "done", f"commit {number} {house.told()}"
        assert house.lives == 1
        assert FOR_S < house.clock.monotonic() < LIFE_S, f"commit {number} {house.told()}"


def test_what_a_refusing_disk_means_is_told(tmp_path: Path) -> None:
    """While the outbox refuses, the film says that it needs space, and what to do."""

    async def life() -> None:
        house = SimHouse(tmp_path / "house")
        house.project("f", "one")
        told: list[tuple[FilmState, str]] = []

        def over() -> bool:
            row = house.row("f")
            told.extend([(row.state, row.detail)] if row is not None and row.needs == "space" else [])
            return house.is_state("f", "done")

        await house.live(over, refused(house, 1, "outbox", errno.ENOSPC))
        assert told
        assert all(state is FilmState.NEEDS_YOU and "full" in detail for state, detail in told)
        assert house.messages() == ["one"]

    simulated(life)
