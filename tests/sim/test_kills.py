"""Killed at the points of a first version's life: each service call, each commit, each write of the inbox and the outbox.

Afterwards each message was paid at most once, one whole video lies in the outbox (or the film asks for a decision where nothing can
be known), no temporary file is left and no file of the person was changed or lost. README "Promises", 2 and 3. Of a
folder's life every third point is tried, and where a message has just been asked for; of the other ways into a life every twelfth up
to the first call of the service (the gathering, the prompt's writing); points that leave the same wreck are one (`wrecks`). With
NEMO_WATCH_ALL_KILLS each is tried for itself. A kill at every call is in `test_life`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sim.house import Points, SimHouse, photo
from tests.sim.world import World
from tests.sim.wrecks import Belongings, Keeps, Wrecks, all_kills, belongings, lived_once, lives_on, untouched

Plant = Callable[[SimHouse], list[str]]
pytestmark = pytest.mark.timeout(900)

AT_THE_INTENT = {"commit", "message asked"}  # the intent is written, the service has heard nothing


def folder(house: SimHouse) -> list[str]:
    """A folder with two messages, and one photo twice; what is to be paid."""
    house.project("f", "one\n---\ntwo")
    house.write("f/again.jpg", photo("f/0"))
    return ["one", "two"]


def loose(house: SimHouse) -> list[str]:
    """Loose photos without a word, one of them twice: gathered, given a prompt, and made as it stands."""
    for name, seed in {"a": "a", "b": "b", "c": "a"}.items():
        house.write(f"{name}.jpg", photo(seed))
    return [house.config.inbox.default_prompt]


def loose_with_words(house: SimHouse) -> list[str]:
    """A loose photo, and the prompt that goes with it."""
    house.write("a.jpg", photo("a"))
    house.write("prompt.txt", "one")
    return ["one"]


def loose_with_a_sidecar(house: SimHouse) -> list[str]:
    """A loose photo with a sidecar of its own."""
    house.write("cat.jpg", photo("cat"))
    house.write("cat.txt", "one")
    return ["one"]


def no_prompt(house: SimHouse) -> list[str]:
    """A folder without a word: the daemon writes the prompt."""
    house.project("f", None)
    return [house.config.inbox.default_prompt]


def over(house: SimHouse) -> bool:
    """Whether the film is made, has failed, or asks for a decision."""
    rows = house.rows().values()
    return any(row.state.value in {"done", "failed"} or row.needs == "decision" for row in rows)


def before_the_service(names: list[str]) -> bool:
    """Up to the first call of the service: from there on it is a folder's life."""
    return "session asked" not in names[:-1]


def while_paying(names: list[str]) -> bool:
    """While a message is with the service, or may be."""
    return names.count("message asked") > names.count("message answered") or names[-1] == "message answered"


WAYS: dict[str, tuple[Plant, bool, Keeps | None]] = {
    "folder": (folder, True, None),
    "a service that drops cut messages": (folder, False, while_paying),
    "no prompt": (no_prompt, True, before_the_service),
    "loose files": (loose, True, before_the_service),
    "loose files with words": (loose_with_words, True, before_the_service),
    "a loose file with a sidecar": (loose_with_a_sidecar, True, before_the_service),
}


@pytest.mark.parametrize("way", WAYS)
def test_killed_anywhere_it_pays_once_and_ends_in_one_video_or_a_decision(tmp_path: Path, way: str) -> None:
    plant, finishes, keeps = WAYS[way]
    words: list[str] = []
    before: Belongings = Counter()

    async def living(house: SimHouse, points: Points) -> None:
        words.extend(plant(house))
        before.update(belongings(house))
        await house.live(lambda: over(house), points)

    async def after(house: SimHouse) -> None:
        await lives_on(house, lambda: over(house))
        check(house, words, before)
        [row] = house.rows().values()
        asked.update([wreck.name] if row.needs == "decision" else [])

    asked: set[str] = set()
    wrecks = Wrecks(tmp_path / "life", keeps)
    whole = lived_once(tmp_path / "life", wrecks, living, a_world(finishes))
    assert whole.messages() == words
    every = 1 if all_kills() else 12 if keeps is before_the_service else 3
    first = list(WAYS).index(way) % every
    for number, wreck in enumerate(wrecks.found):
        if number % every == first or wreck.name == "message asked":
            wrecks.lived_after(wreck, after)
    # A decision is asked only where the kill fell between a message's intent and its receipt and no result shows: where the
    # service drops what is cut off, that is at whatever was being done meanwhile (the page written, say).
    assert asked <= AT_THE_INTENT if finishes else asked & AT_THE_INTENT


def a_world(finishes: bool = True) -> World:
    return World(finishes_cut_messages=finishes, message_s=70.0, render_s=1.0)


def check(house: SimHouse, words: list[str], before: Belongings) -> None:
    """What must hold after any kill in a first version's life."""
    paid = house.messages()
    assert len(paid) == len(set(paid)), "paid twice"
    assert len(house.world.submitted) <= 1, "rendered twice"
    untouched(before, house)
    [row] = house.rows().values()
    if row.state.value == "done":
        assert paid == words
        assert len(house.videos()) == 2
    else:
        assert row.needs == "decision"
        assert paid == words[: len(paid)]
        assert row.detail
