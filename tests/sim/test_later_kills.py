"""Killed in a film's later life: an edit, added media, a copy, a new name, `export`, `again`, `retry`, `cancel`, and batch style.

Each wish is paid exactly as often as it was made (`again` once more), whatever kills come between; every version has one whole video; a
decision is asked only where the kill fell between a message's intent and its receipt. In CI the wrecks after a commit or a call that
did something, in even steps; all of them with NEMO_WATCH_ALL_KILLS.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from nemo_watch.errors import Cause, Trouble
from nemo_watch.jobs import records
from tests.sim.house import Points, SimHouse, photo
from tests.sim.simloop import simulated
from tests.sim.test_kills import AT_THE_INTENT
from tests.sim.world import World
from tests.sim.wrecks import (
    OPTIONS,
    Belongings,
    Living,
    Wreck,
    Wrecks,
    all_kills,
    belongings,
    lived_once,
    lives_on,
    untouched,
)

TRIED_IN_CI = 3
MESSAGE_S = 70.0
pytestmark = pytest.mark.timeout(900)


async def made(house: SimHouse) -> None:
    """A film of one message, done."""
    house.project("f", "one")
    await house.live(lambda: house.is_state("f", "done", version=1))


async def blocked(house: SimHouse) -> None:
    """Paid, and the plan does not allow the export."""
    house.world.faults["submit"] = [Trouble(Cause.PLAN_BLOCKS_EXPORT, not_taken=True)]
    house.project("f", "one")
    await house.live(lambda: needs(house, "f", "plan"))


async def unsure(house: SimHouse) -> None:
    """A version is there; of the edit's message nobody knows whether it was taken (it was not)."""
    await made(house)
    house.world.faults["message"] = [Trouble(Cause.MESSAGE_UNSURE)]
    edit(house)
    await house.live(lambda: needs(house, "f", "decision"))


async def begun(house: SimHouse) -> None:
    """Something is uploaded, nothing is paid; the daemon was stopped."""
    house.project("f", "one\n---\ntwo")

    def stop(name: str) -> None:
        if name == "upload answered" and not house.daemon._stopping.is_set():
            house.daemon._stop()

    await house.live(None, Points(None, stop), limit_s=600.0)
    assert house.uploaded
    assert not house.world.paid


async def nothing_yet(_house: SimHouse) -> None:
    """A new inbox."""


def edit(house: SimHouse) -> None:
    house.write("f/prompt.txt", "one\n---\ntwo")


def add(house: SimHouse) -> None:
    house.write("f/new.jpg", photo("new"))


def export(house: SimHouse) -> None:
    house.write("f/prompt.txt", "export")


def copy(house: SimHouse) -> None:
    for path in sorted((house.inbox / "f").iterdir()):
        house.write(f"g/{path.name}", path.read_bytes())


def rename(house: SimHouse) -> None:
    (house.inbox / "f").rename(house.inbox / "h")


def edit_and_rename(house: SimHouse) -> None:
    edit(house)
    rename(house)


def take_videos_away_and_retry(house: SimHouse) -> None:
    for path in (house.outbox / "f").glob("*.mp4"):
        path.unlink()
    house.ask("retry", "f")


def two_sidecars(house: SimHouse) -> None:
    for name in "ab":
        house.write(f"w/{name}.jpg", photo(name))
        house.write(f"w/{name}.txt", f"{name} one")


def asks(verb: str) -> Callable[[SimHouse], None]:
    return lambda house: (house.ask(verb, "f"), None)[1]


def needs(house: SimHouse, name: str, need: str) -> bool:
    row = house.row(name)
    return row is not None and row.needs is not None and row.needs.value == need


Ends = dict[str, tuple[str, int]]  # film → state and version
DONE_1, DONE_2 = ("done", 1), ("done", 2)


@dataclass(frozen=True)
class Story:
    """How it stood, what the person did then, what is paid in the end, and how the films end."""

    stood: Callable[[SimHouse], Awaitable[None]]
    act: Callable[[SimHouse], None]
    paid: list[str]
    ends: Ends


STORIES = {
    "edit": Story(made, edit, ["one", "two"], {"f": DONE_2}),
    "added photo": Story(made, add, ["one", "one\n\nnew.jpg"], {"f": DONE_2}),
    "again": Story(made, asks("again"), ["one", "one"], {"f": DONE_2}),
    "export": Story(made, export, ["one"], {"f": DONE_2}),
    "copy": Story(made, copy, ["one"], {"f": DONE_1, "g": DONE_1}),
    "rename": Story(made, rename, ["one"], {"h": DONE_1}),
    "edit and rename": Story(made, edit_and_rename, ["one", "two"], {"h": DONE_2}),
    "retry a blocked export": Story(blocked, asks("retry"), ["one"], {"f": DONE_1}),
    "retry a missing video": Story(made, take_videos_away_and_retry, ["one"], {"f": DONE_1}),
    "retry an unsure message": Story(unsure, asks("retry"), ["one"], {"f": DONE_2}),
    "again after an unsure message": Story(unsure, asks("again"), ["one", "one", "two"], {"f": DONE_2}),
    "batch": Story(nothing_yet, two_sidecars, ["a one", "b one"], {"w/a": DONE_1, "w/b": DONE_1}),
}


def stand(house: SimHouse, ends: Ends) -> bool:
    """Whether the films stand as they end, and no others are there."""
    now = {name: (row.state.value, row.version) for name, row in house.rows().items()}
    return now == ends


def asks_for_a_decision(house: SimHouse) -> bool:
    """Whether a film waits for a decision, and no command has come that settles it."""
    asks_ = any(row.needs is not None and row.needs.value == "decision" for row in house.rows().values())
    return asks_ and not house.journal.now(records.open_requests)


def tried(wrecks: list[Wreck]) -> list[Wreck]:
    """Those that are lived on from: in CI in even steps, where a commit or a call has just changed something."""
    if all_kills():
        return wrecks
    telling = [wreck for wreck in wrecks if re.search("commit|performed|move", wreck.name)]
    step = max(1.0, len(telling) / TRIED_IN_CI)
    return [telling[int(number * step)] for number in range(min(TRIED_IN_CI, len(telling)))]


def cases() -> list[Any]:
    """Every story, with a service that finishes a message whose stream was cut; the edit (or all of them) also with one that drops it."""
    drops = STORIES if all_kills() else ["edit"]
    return [
        *(pytest.param(name, True, id=name) for name in STORIES),
        *(pytest.param(name, False, id=f"{name}, dropped when cut") for name in drops),
    ]


@pytest.mark.parametrize(("name", "finishes"), cases())
def test_killed_after_a_wish_it_is_fulfilled_once(tmp_path: Path, name: str, finishes: bool) -> None:
    story = STORIES[name]
    before: Belongings = Counter()
    whole: dict[str, object] = {}

    async def living(house: SimHouse, points: Points) -> None:
        await story.stood(house)
        story.act(house)
        before.update(belongings(house))
        house.overview = None
        await lives_on(house, lambda: stand(house, story.ends), points=points)
        assert Counter(house.messages()) == Counter(story.paid), house.told()
        whole.update(renders=len(house.world.submitted), videos=house.videos())
        untouched(before, house)

    async def after(house: SimHouse) -> None:
        await lives_on(house, lambda: stand(house, story.ends) or asks_for_a_decision(house))
        check(house, wreck)

    def check(house: SimHouse, wreck: Wreck) -> None:
        untouched(before, house)
        paid, wanted = Counter(house.messages()), Counter(story.paid)
        assert paid <= wanted, f"bought without a wish: {paid - wanted}"
        assert len(house.world.submitted) <= int(str(whole["renders"])), "rendered without a wish"
        if asks_for_a_decision(house):
            assert not finishes or wreck.name in AT_THE_INTENT
            return
        assert paid == wanted, f"a wish was lost: {wanted - paid}"
        assert house.videos() == whole["videos"]

    wrecks = Wrecks(tmp_path / "life")
    lived_once(
        tmp_path / "life", wrecks, living, World(finishes_cut_messages=finishes, message_s=MESSAGE_S, render_s=1.0)
    )
    for wreck in tried(wrecks.found):
        wrecks.lived_after(wreck, after)


# -- cancel ------------------------------------------------------------------------------------------------------------------


async def cancelled_before(house: SimHouse, points: Points) -> None:
    """`cancel` while nothing is paid yet."""
    await begun(house)
    house.ask("cancel", "f")
    await lives_on(house, lambda: house.is_state("f", "cancelled"), points=points)
    assert house.messages() == []


async def cancelled_while_paying(house: SimHouse, points: Points) -> None:
    """`cancel` in the middle of the first paid message: its receipt is kept, the second is not sent."""
    house.project("f", "one\n---\ntwo")
    look = points.deed
    asked: list[str] = []

    def ask() -> None:
        asked.append("cancel")
        house.ask("cancel", "f")

    def deed(name: str) -> None:
        if asked:
            look(name)
        if name == "message asked":
            house.loop.call_later(MESSAGE_S / 2, ask)

    points.deed = deed
    await lives_on(house, lambda: house.is_state("f", "cancelled"), points=points)
    assert house.messages() == ["one"]


CANCELS: dict[str, tuple[Living, list[str]]] = {
    "before": (cancelled_before, []),
    "during a paid message": (cancelled_while_paying, ["one"]),
}


@pytest.mark.parametrize("when", CANCELS)
def test_killed_after_a_cancel_it_stays_cancelled_and_retry_pays_for_the_rest_only(tmp_path: Path, when: str) -> None:
    living, paid = CANCELS[when]

    async def after(house: SimHouse) -> None:
        await lives_on(house, lambda: house.is_state("f", "cancelled"))
        assert house.messages() == paid, "cancelled, and paid all the same"
        house.ask("retry", "f")
        house.overview = None
        await lives_on(house, lambda: house.is_state("f", "done"))
        assert house.messages() == ["one", "two"]
        assert len(house.world.submitted) == 1
        assert house.videos() == ["f/f-v1.mp4", "f/f.mp4"]

    wrecks = Wrecks(tmp_path / "life")
    lived_once(tmp_path / "life", wrecks, living, World(message_s=MESSAGE_S, render_s=1.0))
    assert wrecks.found
    for wreck in tried(wrecks.found):
        wrecks.lived_after(wreck, after)


def test_a_copy_that_waits_for_a_film_in_doubt_is_not_bought_when_again_is_asked_for_the_film(tmp_path: Path) -> None:
    async def life() -> None:
        house = SimHouse(tmp_path / "house", World(message_s=MESSAGE_S, render_s=1.0), **OPTIONS)
        house.world.faults["message"] = [Trouble(Cause.MESSAGE_UNSURE)]
        house.project("f", "one")
        await house.live(lambda: needs(house, "f", "decision"))
        copy(house)
        house.ask("again", "f")
        await lives_on(house, lambda: stand(house, {"f": DONE_1, "g": DONE_1}))
        assert house.messages() == ["one"]

    with capture_logs():
        simulated(life)
