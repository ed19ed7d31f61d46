"""What a kill leaves at each point of a life, kept while that life goes on: the folders, the service's memory, the time.

A life has hundreds of points, and many of them leave the same wreck: a read, a flush and the answer to a question change nothing. So
a life is lived once, a wreck is kept wherever it differs from the one before, and only the lives after it are lived for each.
Two kills with the same wreck differ in the time alone, by fractions of a second. `NEMO_WATCH_ALL_KILLS=1` keeps every point's wreck.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import blake2b, sha256
from pathlib import Path

from structlog.testing import capture_logs

from nemo_watch.model import FolderIdentity
from tests.sim.house import Points, SimHouse
from tests.sim.simloop import simulated
from tests.sim.world import World

OPTIONS: dict[str, object] = {"outbox.gallery": False}
AFTERWARDS_S = 70.0  # nothing more may happen in this time: longer than settling and two looks

Keeps = Callable[[list[str]], bool]
Living = Callable[[SimHouse, Points], Awaitable[None]]
After = Callable[[SimHouse], Awaitable[None]]


def all_kills() -> bool:
    """Whether the complete sets are wanted."""
    return bool(os.environ.get("NEMO_WATCH_ALL_KILLS"))


@dataclass(frozen=True)
class Wreck:
    """What a kill at the point `at` (from 1, by its `name`) leaves."""

    at: int
    name: str
    kept: Path
    now_s: float
    world: World
    identities: dict[str, FolderIdentity] = field(repr=False)


class Wrecks:
    """The wrecks of one life in the folder `root`. `keeps` says by the names of the points so far whether the last one's is kept."""

    def __init__(self, root: Path, keeps: Keeps | None = None) -> None:
        self.root = root
        self.aside = root.with_name(f"{root.name}-wrecks")
        self.found: list[Wreck] = []
        self.names: list[str] = []
        self._keeps = keeps
        self._every = all_kills()
        self._seen: set[bytes] = set()

    def watch(self, house: SimHouse) -> Points:
        """The points at which the house's wreck is looked at."""
        return Points(None, partial(self._look, house))

    def _look(self, house: SimHouse, name: str) -> None:
        self.names.append(name)
        if not self._every and self._keeps is not None and not self._keeps(self.names):
            return
        with house.writing(None):  # to look is no point
            self._look_closely(house, len(self.names), name)

    def _look_closely(self, house: SimHouse, at: int, name: str) -> None:
        if not self._every:
            print_ = imprint(house)
            if print_ in self._seen:
                return
            self._seen.add(print_)
        kept = self.aside / str(at)
        copied(self.root, kept)
        world = replace(
            house.world,
            sessions=deepcopy(house.world.sessions), paid=list(house.world.paid), renders=deepcopy(house.world.renders),
            submitted=list(house.world.submitted), uploads=list(house.world.uploads), at_work=dict(house.world.at_work),
            faults={name: list(waiting) for name, waiting in house.world.faults.items()},
        )  # fmt: skip
        if not world.finishes_cut_messages:
            world.at_work.clear()
        self.found.append(Wreck(at, name, kept, house.loop.time(), world, _identities(house)))

    def lived_after(self, wreck: Wreck, after: After) -> None:
        """Live `after` from this wreck on; what it asserts is told with the wreck. The folders stand where they stood."""
        shutil.rmtree(self.root, ignore_errors=True)
        wreck.kept.rename(self.root)

        async def whole() -> None:
            house = SimHouse(self.root, wreck.world, **OPTIONS)
            for path, identity in wreck.identities.items():
                here = (self.root / "inbox" / path).stat()
                house.known_as[here.st_dev, here.st_ino] = identity
            for session in wreck.world.at_work:
                wreck.world.work_on(session)
            try:
                await after(house)
                house.check_always()
                assert not house.leftovers(), house.leftovers()
            except (AssertionError, TimeoutError) as error:
                raise AssertionError(
                    f"killed at {wreck.at} {wreck.name!r}, {wreck.now_s} s: {error}\n{house.told()}"
                ) from error
            finally:
                house.journal.close()

        with capture_logs():
            simulated(whole, wreck.now_s)


def copied(source: Path, target: Path) -> None:
    """A folder with everything in it; files that are one under two names are one in the copy."""
    links: dict[int, Path] = {}
    for folder, _, files in os.walk(source):
        there = target / Path(folder).relative_to(source)
        there.mkdir(parents=True)
        shutil.copystat(folder, there)
        for name in files:
            file = Path(folder, name)
            inode = file.lstat().st_ino
            if inode in links:
                (there / name).hardlink_to(links[inode])
            else:
                links[inode] = Path(shutil.copy2(file, there / name))


def _folders(house: SimHouse) -> list[Path]:
    return [house.inbox, *(path for path in house.inbox.rglob("*") if path.is_dir())]


def _identities(house: SimHouse) -> dict[str, FolderIdentity]:
    """Which folder each folder of the inbox is, by its path there."""
    found = {}
    for path in _folders(house):
        handle = house._real["open"](path, os.O_RDONLY | os.O_DIRECTORY)
        found[str(path.relative_to(house.inbox))] = house.identity_of(handle)
        os.close(handle)
    return found


def imprint(house: SimHouse) -> bytes:
    """What tells one wreck from another: every file and folder by its path and bytes, and all that the service knows."""
    world = house.world
    known = (world.sessions, world.paid, world.renders, world.submitted, world.uploads, world.at_work)
    found = blake2b(repr(known).encode(), digest_size=16)
    for folder, folders, files in os.walk(house.root):
        folders.sort()
        found.update(folder.encode(errors="surrogateescape"))
        for name in sorted(files):
            found.update(f"\0{name}\0".encode(errors="surrogateescape"))
            found.update(Path(folder, name).read_bytes())
    return found.digest()


# -- a person's files ----------------------------------------------------------------------------------------------------------


Belongings = Counter[tuple[str, str]]


def belongings(house: SimHouse) -> Belongings:
    """Every file of the inbox: its path and what it holds."""
    return Counter(
        (str(path.relative_to(house.inbox)), sha256(path.read_bytes()).hexdigest())
        for path in house.inbox.rglob("*")
        if path.is_file()
    )


def untouched(before: Belongings, house: SimHouse) -> None:
    """Every file of the person lies where it was put, as it was; loose ones, together, in one folder. New is a prompt at most."""
    now = belongings(house)
    loose = Counter({item: count for item, count in before.items() if "/" not in item[0]})
    missing = before - now
    gathered = Counter({item: count for item, count in missing.items() if item in loose})
    assert missing == gathered, f"files of the person are gone or changed: {missing - gathered}"
    came = now - before
    prompts = {item for item in came if item[0].endswith("/prompt.txt") and item not in _moved(gathered, came)}
    for item in prompts:
        del came[item]
    folders = {path.partition("/")[0] for path, _ in came}
    moved = Counter({(path.partition("/")[2], held): count for (path, held), count in came.items()})
    assert moved == gathered, f"loose files were not moved as they were: {gathered} became {came}"
    assert len(folders) <= 1, f"loose files were scattered: {came}"


def _moved(gathered: Belongings, came: Belongings) -> set[tuple[str, str]]:
    """What came and is a loose file under the same name, in a folder."""
    return {(path, held) for path, held in came if (path.partition("/")[2], held) in gathered}


# -- living ------------------------------------------------------------------------------------------------------------------


async def lives_on(
    house: SimHouse, over: Callable[[], object], seconds: float = AFTERWARDS_S, points: Points | None = None
) -> None:
    """Live until it is over and so many seconds more, in which nothing may become otherwise."""
    ending: list[object] = []

    def until() -> bool:
        if over() and not ending:
            ending.append(house.loop.call_later(seconds, lambda: house.daemon is not None and house.daemon._stop()))
        return False

    await house.live(until, points)
    assert over(), "it did not stay as it was"


def lived_once(root: Path, wrecks: Wrecks, living: Living, world: World) -> SimHouse:
    """The house of a whole life, whose wrecks are kept on the way; its journal is no longer there."""

    async def whole() -> SimHouse:
        house = SimHouse(root, world, **OPTIONS)
        await living(house, wrecks.watch(house))
        return house

    with capture_logs():
        return simulated(whole)
