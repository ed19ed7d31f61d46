"""The matrix: every way in which files arrive, with events and without, before the start and after it. Lost, doubled, early: none.

Real files, the real watchdog, a clock that moves only when told; nothing sleeps. As a script it prints the matrix:

    python tests/inbox/test_arrivals.py
"""

from __future__ import annotations

import mmap
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest

from nemo_watch import config
from nemo_watch.inbox import handles
from nemo_watch.inbox.looking import Look, Lookout
from nemo_watch.inbox.watching import Watch

SETTLE_S, PROJECT_SETTLE_S, RESCAN_S = 5.0, 20.0, 30.0
SOON_S = 20.0  # real seconds: far longer than any event takes; only a failure waits for it
LOCAL_TIME = datetime(2026, 11, 22, 15, 42)  # noqa: DTZ001  local times have no zone here
ENDLESS = {"song.mp3", "song.aac"}  # half a song is a shorter song: a killed writer cannot be told from them

Files = dict[str, bytes]


@dataclass(frozen=True)
class Step:
    """What was done up to here; `wakes` if the kernel tells of it. Then the writer pauses."""

    pause_s: float = 0.0
    wakes: bool = True


Arrival = Callable[[Files, Path, Path], Iterator[Step]]
"""The files come into the folder `x` of the inbox; the desk is a folder beside it, on the same disk."""


@dataclass(frozen=True)
class Way:
    """One way of arriving. `longest_pause_s` is the writer's; `leases` is False where no writer is known (a network mount)."""

    arrive: Arrival
    longest_pause_s: float = 0.0
    leases: bool = True
    cut_songs: bool = True


# -- ways of arriving --------------------------------------------------------------------------------------------------


def run(*command: object) -> None:
    subprocess.run([str(part) for part in command], check=True)


def laid_out(files: Files, folder: Path) -> Path:
    """The files in a folder outside the inbox, with the old times of a camera: they tell nothing."""
    for name, data in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        os.utime(place, (1_000_000_000, 1_000_000_000))
    return folder


def at_once(act: Callable[[Path, Path], None]) -> Way:
    """One command brings the whole folder: `act(source, inbox)`."""

    def arrive(files: Files, inbox: Path, desk: Path) -> Iterator[Step]:
        act(laid_out(files, desk / "x"), inbox)
        yield Step()

    return Way(arrive)


def one_by_one(act: Callable[[Path, Path], None]) -> Way:
    """One file after the other, some seconds apart: `act(source, target)`."""

    def arrive(files: Files, inbox: Path, desk: Path) -> Iterator[Step]:
        source = laid_out(files, desk / "x")
        for name in files:
            target = inbox / "x" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            act(source / name, target)
            yield Step(2.0)

    return Way(arrive)


def in_pieces(
    pause_s: float,
    *,
    begin: Callable[[int, int], None] = lambda _handle, _size: None,
    temporary: Callable[[str], str] | None = None,
    leases: bool = True,
) -> Way:
    """Each file in three pieces with pauses, the file held open; `begin(handle, size)` comes first, a rename perhaps last."""

    def arrive(files: Files, inbox: Path, desk: Path) -> Iterator[Step]:
        for name, data in files.items():
            target = inbox / "x" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            place = target.with_name(temporary(target.name)) if temporary else target
            with place.open("wb", buffering=0) as file:
                begin(file.fileno(), len(data))
                yield Step(pause_s)
                for piece in range(3):
                    file.write(data[len(data) * piece // 3 : len(data) * (piece + 1) // 3])
                    if piece < 2:
                        yield Step(pause_s, wakes=False)
            if place != target:
                place.rename(target)
            yield Step(1.0)

    return Way(arrive, pause_s, leases)


def by_tar(source: Path, inbox: Path) -> None:
    run("tar", "-C", source.parent, "-cf", source.parent / "x.tar", "x")
    run("tar", "-xf", source.parent / "x.tar", "-C", inbox)


def by_mapping(source: Path, target: Path) -> None:
    data = source.read_bytes()
    with target.open("w+b") as file:
        file.truncate(len(data))
        with mmap.mmap(file.fileno(), len(data)) as memory:
            memory[:] = data


def by_link_of_an_unnamed_file(source: Path, target: Path) -> None:
    """O_TMPFILE and a link: the name appears with the whole file behind it."""
    handle, names = os.open(target.parent, os.O_TMPFILE | os.O_WRONLY, 0o644), os.open("/proc/self/fd", os.O_PATH)
    os.write(handle, source.read_bytes())
    os.link(str(handle), target, src_dir_fd=names)  # through the link that its number is there
    os.close(handle)
    os.close(names)


def by_part_and_rename(source: Path, target: Path) -> None:
    part = target.with_name(target.name + ".part")
    shutil.copyfile(source, part)
    part.rename(target)


_BEGINNINGS = """
import sys
files = []
for source, target in zip(sys.argv[1::2], sys.argv[2::2]):
    data = open(source, "rb").read()
    files.append(open(target, "wb", buffering=0))
    files[-1].write(data[:len(data) * 2 // 5])
print("begun", flush=True)
sys.stdin.read()
"""


def killed_writer(files: Files, inbox: Path, desk: Path) -> Iterator[Step]:
    """A real process is killed half way; after an hour someone copies everything again."""
    source = laid_out(files, desk / "x")
    targets = [(str(source / name), str(inbox / "x" / name)) for name in files]
    for _, target in targets:
        Path(target).parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-c", _BEGINNINGS, *(part for pair in targets for part in pair)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        yield Step(40.0)
        writer.kill()
        writer.wait()
    yield Step(3600.0)
    run("cp", "-r", source, inbox)
    yield Step()


def set_size(handle: int, size: int) -> None:
    os.truncate(handle, size)


def allocate(handle: int, size: int) -> None:
    os.posix_fallocate(handle, 0, size)


WAYS: dict[str, Way] = {
    "cp": one_by_one(lambda s, t: run("cp", s, t)),
    "cp -p": one_by_one(lambda s, t: run("cp", "-p", s, t)),
    "cp -r": at_once(lambda s, i: run("cp", "-r", s, i)),
    "mv": one_by_one(lambda s, t: run("mv", s, t)),
    "mv of a folder": at_once(lambda s, i: run("mv", s, i)),
    "temporary name, rename": one_by_one(by_part_and_rename),
    "rsync's names": in_pieces(3.0, temporary=lambda name: f".{name}.aB3xYz"),
    "tar x": at_once(by_tar),
    "hard link": one_by_one(os.link),
    "browser's name": in_pieces(12.0, temporary=lambda name: f"{name}.crdownload"),
    "phone's name": in_pieces(8.0, temporary=lambda name: f".pending-1790000000-{name}"),
    "scp": in_pieces(3.0),
    "Samba, size first": in_pieces(7.0, begin=set_size),
    "the same, from a mount": in_pieces(7.0, begin=set_size, leases=False),
    "preallocated": in_pieces(7.0, begin=allocate),
    "paused for minutes": in_pieces(240.0),
    "killed, copied again": Way(killed_writer, cut_songs=False),
    "memory map": one_by_one(by_mapping),
    "unnamed, then linked": one_by_one(by_link_of_an_unnamed_file),
}  # fmt: skip
OTHER_DISK = Path("/dev/shm")  # a file system of its own on every Linux


def from_another_disk(source: Path, inbox: Path) -> None:
    """`mv` across file systems copies, and deletes at the end."""
    with tempfile.TemporaryDirectory(dir=OTHER_DISK) as elsewhere:
        shutil.copytree(source, Path(elsewhere) / "x", copy_function=shutil.copy2)
        run("mv", Path(elsewhere) / "x", inbox)


if OTHER_DISK.is_dir() and os.access(OTHER_DISK, os.W_OK):
    WAYS["mv from another disk"] = at_once(from_another_disk)
if shutil.which("rsync"):
    WAYS["rsync"] = at_once(lambda s, i: run("rsync", "-a", s, i))


# -- the life of an inbox ------------------------------------------------------------------------------------------------


@dataclass
class Counted:
    """What went wrong; paths, so that a failure says which. `cases` are the files that arrived."""

    cases: int
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    early: list[str] = field(default_factory=list)


class Life:
    """An inbox that is looked at as the daemon does: when woken, when the last look said so, and every rescan."""

    def __init__(self, inbox: Path, files: Files, *, events: bool) -> None:
        self._inbox = inbox
        self._final = {f"x/{name}": data for name, data in files.items()}
        self._events = events
        self._woken = threading.Event()
        settings = config.Inbox(settle_s=SETTLE_S, project_settle_s=PROJECT_SETTLE_S, rescan_s=RESCAN_S)
        self._lookout = Lookout(inbox, settings)
        self._watch = Watch(inbox, self._woken.set, "auto" if events else "polling")
        self._rests: Counter[str] = Counter()
        self._resting: set[str] = set()
        self._finished = False
        self._next_s = 0.0
        self.now_s = 0.0
        self.ready = False
        self.counted = Counted(len(files))

    def start(self) -> None:
        """The first look, and the watch."""
        self._look()
        self._heed(wakes=False)

    def stop(self) -> None:
        self._watch.stop()

    def step(self, step: Step) -> None:
        """Something was done in the inbox; then time passes."""
        self._heed(wakes=step.wakes)
        self.pass_by(step.pause_s)

    def pass_by(self, seconds: float) -> None:
        """Time passes, and nothing is done."""
        until = self.now_s + seconds
        while self._next_s <= until:
            self.now_s = self._next_s
            self._look()
        self.now_s = until

    def finish(self, limit_s: float) -> Counted:
        """All has come: what is not at rest, and its project not ready, within the limit is lost."""
        self._finished = True
        self.pass_by(limit_s)
        self.counted.lost = sorted(self._final.keys() - self._resting) + ([] if self.ready else ["x is not ready"])
        self.counted.doubled += [path for path, times in self._rests.items() if times > 1]
        return self.counted

    def _heed(self, *, wakes: bool) -> None:
        if self._events and wakes:
            assert self._woken.wait(SOON_S), "the kernel tells of it"
        if self._woken.is_set():
            self._woken.clear()
            self._look()

    def _look(self) -> None:
        look = self._lookout.look(self.now_s, LOCAL_TIME)
        self._watch.tend(look.root, look.folder_count)
        soon_s = RESCAN_S if look.next_look_s is None else min(look.next_look_s, RESCAN_S)
        self._next_s = self.now_s + soon_s
        self._check(look)

    def _check(self, look: Look) -> None:
        media = [m.path for project in look.projects for film in project.films for m in film.media]
        elsewhere = {left.path for project in look.projects for left in project.unsettled}
        elsewhere |= {left.path for left in look.left_alone}
        self.counted.doubled += [path for path, times in Counter(media).items() if times > 1 or path in elsewhere]
        new = set(media) - self._resting
        self._rests.update(new)
        self._resting = set(media)
        self.counted.early += [p for p in sorted(new) if (self._inbox / p).read_bytes() != self._final.get(p)]
        self.ready = any(project.ready for project in look.projects)
        if self.ready and not self._finished:
            self.counted.early.append("x is ready")


def lived(name: str, files: Files, desk: Path, *, events: bool, started_first: bool) -> Counted:
    """One cell of the matrix."""
    way = WAYS[name]
    if not way.cut_songs:
        files = {name: data for name, data in files.items() if Path(name).name not in ENDLESS}
    inbox = desk / "inbox"
    inbox.mkdir()
    life = Life(inbox, files, events=events)
    handles_has_writer = handles.has_writer
    try:
        if not way.leases:
            handles.has_writer = lambda _handle: None
        steps = way.arrive(files, inbox, desk)
        if not started_first:
            for _ in range(3):  # the daemon comes when the first file is half there, or all are
                next(steps, None)
        life.start()
        for step in steps:
            life.step(step)
        held_s = max(SETTLE_S, 2 * way.longest_pause_s if way.longest_pause_s <= 120 else 0.0)
        return life.finish(max(held_s, PROJECT_SETTLE_S) + RESCAN_S)
    finally:
        handles.has_writer = handles_has_writer
        life.stop()


def arriving(samples) -> Files:
    """One whole file of each format, some in a folder inside."""
    return {("deep/" if name.startswith("s") else "") + name: data for name, data in samples.whole().items()}


@pytest.mark.parametrize("when", ["before the start", "after it"])
@pytest.mark.parametrize("events", [True, False], ids=["events on", "events suppressed"])
@pytest.mark.parametrize("way", WAYS)
def test_every_file_arrives_once_and_whole_however_it_comes(way, events, when, samples, tmp_path):
    """At rest within settle, and its project ready within project_settle, plus one rescan where no event tells of it."""
    counted = lived(way, arriving(samples), tmp_path, events=events, started_first=when == "after it")
    assert (counted.lost, counted.doubled, counted.early) == ([], [], [])
    assert counted.cases >= 15


def test_the_matrix_would_notice_a_loss_a_double_and_a_half_file(samples, tmp_path):
    """The checks themselves: a file that never comes, one that comes twice, one that is taken while it is half there."""
    inbox = tmp_path / "inbox"
    (inbox / "x").mkdir(parents=True)
    photo = samples.picture("JPEG")
    life = Life(inbox, {"a.jpg": photo + photo, "b.jpg": photo}, events=False)
    (inbox / "x/a.jpg").write_bytes(photo)
    life.start()
    life.pass_by(30)
    (inbox / "x/a.jpg").write_bytes(photo + photo)
    counted = life.finish(60)
    life.stop()
    assert (counted.lost, counted.doubled, counted.early) == (["x/b.jpg"], ["x/a.jpg"], ["x/a.jpg", "x is ready"])


# -- many files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("way", "count"), [("cp -r", 2_000), ("mv of a folder", 2_000), ("tar x", 3_000)])
def test_thousands_of_files_at_once_arrive_each_once(way, count, samples, tmp_path):
    """In a hundred nested folders; watchdog 7.0 died of just such a load and never told of 9,855 of 10,000."""
    photo = samples.picture("JPEG", size=(16, 12))
    crowd = {f"{number % 100:02}/in/IMG_{number:05}.jpg": photo for number in range(count)}
    counted = lived(way, crowd, tmp_path, events=True, started_first=True)
    assert (counted.lost, counted.doubled, counted.early) == ([], [], [])


# -- as a script -----------------------------------------------------------------------------------------------------------


def main() -> None:
    """Prints the matrix: files, lost, doubled, early."""
    from conftest import Samples

    columns = [(events, first) for events in (True, False) for first in (False, True)]
    total: Counter[str] = Counter()
    print("files/lost/doubled/early | events, before start | events, after | none, before start | none, after")
    for name in WAYS:
        cells = []
        for events, first in columns:
            with tempfile.TemporaryDirectory() as desk:
                found = lived(name, arriving(Samples), Path(desk), events=events, started_first=first)
            counts = {
                "files": found.cases,
                "lost": len(found.lost),
                "doubled": len(found.doubled),
                "early": len(found.early),
            }
            total.update(counts)
            cells.append("/".join(str(count) for count in counts.values()))
        print(f"{name:24} | {' | '.join(cells)}")
    print(f"in all {len(WAYS) * len(columns)} cells: " + ", ".join(f"{count} {what}" for what, count in total.items()))


if __name__ == "__main__":
    main()
