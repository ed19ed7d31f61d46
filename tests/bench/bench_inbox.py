"""The inbox room against what it stands on: bare walks, `find`, a bare watchdog. A script, not a test.

    python tests/bench/bench_inbox.py [scan] [arrive] [idle] [--files 100000] [--folders 200] [--arriving 10000] [--rounds 5] [--idle-s 60]

It prints medians and ratios of one run, competitors alternating. Nothing is asserted: wall times belong to the machine.
That no file is lost, doubled or early is asserted, by the tests.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from nemo_watch import config
from nemo_watch.inbox.listing import Walk
from nemo_watch.inbox.looking import Look, Lookout
from nemo_watch.inbox.watching import Watch
from nemo_watch.inbox.wholeness import WHOLE

PHOTO = b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xda\0\x02" + b"\x55" * 2000 + b"\xff\xd9"
SETTINGS = config.Inbox(settle_s=1.0, project_settle_s=1.0, rescan_s=5.0)


def filled(folder: Path, files: int, folders: int, *, data: bytes = b"") -> Path:
    """A folder of `folders` folders that share `files` files."""
    for number in range(folders):
        inner = folder / f"d{number:05}"
        inner.mkdir(parents=True)
        for file in range(files // folders):
            (inner / f"IMG_{file:05}.jpg").write_bytes(data)
    return folder


def seconds(action: Callable[[], object]) -> tuple[float, float]:
    """How long the action takes: on the wall, and of this process's and its children's CPU."""
    wall, cpu = time.perf_counter(), cpu_s()
    action()
    return time.perf_counter() - wall, cpu_s() - cpu


def cpu_s() -> float:
    """CPU time of this process and of the children that have ended, in seconds."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def medians(times: list[tuple[float, float]]) -> tuple[float, float]:
    """The medians of wall and CPU, in milliseconds."""
    wall, cpu = zip(*times, strict=True)
    return statistics.median(wall) * 1000, statistics.median(cpu) * 1000


# -- scan --------------------------------------------------------------------------------------------------------------


def bare_walk(folder: Path) -> int:
    """The floor: scandir and stat of everything, nothing kept but a sum."""
    total, stack = 0, [os.fspath(folder)]
    while stack:
        with os.scandir(stack.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    stack.append(entry.path)
                else:
                    total += entry.stat(follow_symlinks=False).st_mtime_ns
    return total


def bench_scan(arguments: argparse.Namespace, place: Path) -> None:
    """First and repeated listings beside the floor and `find`."""
    inbox = filled(place / "scan", arguments.files, arguments.folders)
    find = ["find", str(inbox), "-type", "f", "-printf", "%s %T@ %i\n"]
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ("bare", "find", "first", "again", "look")}
    known = Walk(inbox)
    known.listing()
    lookout = Lookout(inbox, SETTINGS, examine=lambda _due, _folder: WHOLE)
    lookout.look(0, datetime.now())  # noqa: DTZ005  a local name for a folder
    while lookout.look(100, datetime.now()).next_look_s == 0:  # noqa: DTZ005
        pass
    for _ in range(arguments.rounds):
        times["bare"].append(seconds(lambda: bare_walk(inbox)))
        times["find"].append(seconds(lambda: subprocess.run(find, stdout=subprocess.DEVNULL, check=True)))
        times["first"].append(seconds(lambda: Walk(inbox).listing()))
        times["again"].append(seconds(known.listing))
        times["look"].append(seconds(lambda: lookout.look(200, datetime.now())))  # noqa: DTZ005
    bare_wall, bare_cpu = medians(times["bare"])
    print(f"scan of {arguments.files} files in {arguments.folders} folders, {arguments.rounds} rounds")
    for name, found in times.items():
        wall, cpu = medians(found)
        print(
            f"  {name:6} wall {wall:6.0f} ms (x {wall / bare_wall:.2f} of bare)   CPU {cpu:6.0f} ms (x {cpu / bare_cpu:.2f})"
        )


# -- arriving ----------------------------------------------------------------------------------------------------------


class Loop:
    """The daemon's looking, without the daemon: a look at every wake, when the last look said so, and every `rescan`."""

    def __init__(self, inbox: Path, *, events: bool) -> None:
        self._woken = threading.Event()
        self.lookout = Lookout(inbox, SETTINGS)
        self.watch = Watch(inbox, self._woken.set, "auto" if events else "polling")

    def look(self) -> Look:
        """One look, and the watch tended."""
        look = self.lookout.look(time.monotonic(), datetime.now())  # noqa: DTZ005
        self.watch.tend(look.root, look.folder_count)
        return look

    def until(self, count: int, limit_s: float = 120.0) -> tuple[int, float]:
        """Looks until so many media rest; how many do, and when the last look began."""
        ends = time.monotonic() + limit_s
        while True:
            began = time.monotonic()
            look = self.look()
            found = sum(len(film.media) for project in look.projects for film in project.films)
            if found >= count or began > ends:
                return found, began
            wait_s = SETTINGS.rescan_s if look.next_look_s is None else min(look.next_look_s, SETTINGS.rescan_s)
            if self._woken.wait(wait_s):
                time.sleep(0.05)  # events come in bursts
            self._woken.clear()


def by_cp(source: Path, inbox: Path) -> None:
    """`cp -r`"""
    subprocess.run(["cp", "-r", *source.iterdir(), inbox], check=True)


def by_tar(source: Path, inbox: Path) -> None:
    """`tar c | tar x`"""
    with subprocess.Popen(["tar", "-C", str(source), "-cf", "-", "."], stdout=subprocess.PIPE) as packing:
        subprocess.run(["tar", "-C", str(inbox), "-xf", "-"], stdin=packing.stdout, check=True)


def by_mv(source: Path, inbox: Path) -> None:
    """A copy beside the inbox, then one rename a folder."""
    ready = inbox.with_name("ready")
    shutil.copytree(source, ready)
    for folder in list(ready.iterdir()):
        folder.rename(inbox / folder.name)
    ready.rmdir()


def arriving(way: Callable[[Path, Path], None], source: Path, inbox: Path, ended: list[float]) -> None:
    """Lets the files arrive, and notes when the last one has."""
    way(source, inbox)
    ended.append(time.monotonic())


def bench_arriving(arguments: argparse.Namespace, place: Path) -> None:
    """Thousands of files at once: how many rest, and how long after the last came, beyond `settle`."""
    source = filled(place / "source", arguments.arriving, arguments.folders, data=PHOTO)
    total = arguments.arriving // arguments.folders * arguments.folders
    print(
        f"{total} files in {arguments.folders} folders arrive; settle {SETTINGS.settle_s} s, rescan {SETTINGS.rescan_s} s"
    )
    for way in (by_cp, by_tar, by_mv):
        for events in (True, False):
            with tempfile.TemporaryDirectory(dir=place) as folder:
                inbox = Path(folder) / "inbox"
                inbox.mkdir()
                loop = Loop(inbox, events=events)
                loop.look()
                ended: list[float] = []
                writer = threading.Thread(target=arriving, args=(way, source, inbox, ended))
                writer.start()
                found, began = loop.until(total)
                writer.join()
                loop.watch.stop()
                late_s = began - ended[0] - SETTINGS.settle_s
                print(
                    f"  {way.__name__:6} events {'on ' if events else 'off'}  at rest {found}/{total}, last look began settle {late_s:+.2f} s"
                )
    bare_watchdog(source, place)


def bare_watchdog(source: Path, place: Path) -> None:
    """What a watchdog alone would have seen of `cp -r`: files without a closed event."""
    from watchdog.events import FileClosedEvent, FileSystemEventHandler
    from watchdog.observers import Observer

    class Collector(FileSystemEventHandler):
        def __init__(self) -> None:
            self.closed: set[str] = set()
            self.any: set[str] = set()

        def on_any_event(self, event: object) -> None:
            path = str(getattr(event, "dest_path", "") or getattr(event, "src_path", ""))
            self.any.add(path)
            if isinstance(event, FileClosedEvent):
                self.closed.add(path)

    with tempfile.TemporaryDirectory(dir=place) as folder:
        inbox = Path(folder)
        collector, observer = Collector(), Observer()
        observer.schedule(collector, str(inbox), recursive=True)
        observer.start()
        by_cp(source, inbox)
        time.sleep(3)
        files = {str(path) for path in inbox.rglob("*.jpg")}
        observer.stop()
        observer.join()
        print(
            f"  a bare watchdog, cp -r: {len(files - collector.any)} files without any event, {len(files - collector.closed)} without a closed one"
        )


def write_photo(photo: Path, _inbox: Path) -> None:
    """One file, written and closed."""
    photo.write_bytes(PHOTO)


def bench_latency(arguments: argparse.Namespace, place: Path) -> None:
    """One file at a time: from its close to its rest, beyond `settle`."""
    for events in (True, False):
        with tempfile.TemporaryDirectory(dir=place) as folder:
            inbox = Path(folder) / "inbox"
            (inbox / "x").mkdir(parents=True)
            loop = Loop(inbox, events=events)
            loop.look()
            late = []
            for number in range(arguments.rounds):
                closed: list[float] = []
                photo = inbox / "x" / f"{number}.jpg"
                writer = threading.Timer(0.3 + number * 0.7, arriving, (write_photo, photo, inbox, closed))
                writer.start()  # at any moment between two looks
                _, began = loop.until(number + 1, 30.0)
                writer.join()
                late.append(began - closed[0] - SETTINGS.settle_s)
            loop.watch.stop()
            print(
                f"closed -> at rest beyond settle, events {'on ' if events else 'off'}: median {statistics.median(late):.2f} s, worst {max(late):.2f} s"
            )


# -- idle --------------------------------------------------------------------------------------------------------------

_IDLE = """
import resource, sys, threading, time
from datetime import datetime
from pathlib import Path
from nemo_watch import config
from nemo_watch.inbox.looking import Lookout
from nemo_watch.inbox.watching import Watch
from nemo_watch.inbox.wholeness import WHOLE
inbox, idle_s = Path(sys.argv[1]), float(sys.argv[2])
woken = threading.Event()
lookout, watch = Lookout(inbox, config.Inbox()), Watch(inbox, woken.set)
def look():
    found = lookout.look(time.monotonic(), datetime.now())
    return found.next_look_s, watch.tend(found.root, found.folder_count)
look(); look()
def cpu(): return sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
before, seen, ends = cpu(), watch.events_seen, time.monotonic() + idle_s
while (left := ends - time.monotonic()) > 0:
    woken.wait(min(30.0, left)); woken.clear()
    _, how = look()
spent = (cpu() - before) * 60 / idle_s
rss = int(next(l for l in open("/proc/self/status") if l.startswith("VmRSS")).split()[1]) / 1024
print(f"{spent * 1000:.0f} ms CPU a minute, {rss:.0f} MB RSS, {how.mode}, {watch.events_seen - seen} events {' '.join(how.problems)}")
watch.stop()
"""


def bench_idle(arguments: argparse.Namespace, place: Path) -> None:
    """An inbox in which nothing happens: empty, and of 10,000 and 20,000 folders."""
    for folders in (0, 10_000, 20_000):
        with tempfile.TemporaryDirectory(dir=place) as folder:
            for number in range(folders):
                os.makedirs(f"{folder}/{number % 100}/{number}")  # noqa: PTH103  twenty thousand of them
            done = subprocess.run(
                [sys.executable, "-c", _IDLE, folder, str(arguments.idle_s)], capture_output=True, text=True, check=True
            )
            print(f"idle, {folders} folders: {done.stdout.strip()}")


def main() -> None:
    """Runs what was asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", choices=[[], "scan", "arrive", "idle"], default=[])
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--folders", type=int, default=200)
    parser.add_argument("--arriving", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--idle-s", type=float, default=60.0)
    arguments = parser.parse_args()
    what = arguments.what or ["scan", "arrive", "idle"]
    with tempfile.TemporaryDirectory() as folder:
        if "scan" in what:
            bench_scan(arguments, Path(folder))
        if "arrive" in what:
            bench_arriving(arguments, Path(folder))
            bench_latency(arguments, Path(folder))
        if "idle" in what:
            bench_idle(arguments, Path(folder))


if __name__ == "__main__":
    main()
