"""Files that arrive: how soon they rest, and what a bare watchdog would have seen of them. A script, not a test.

    python tests/bench/bench_inbox_arrivals.py [--arriving 10000] [--folders 200] [--rounds 5]

It prints medians of one run, with events and without alternating. Nothing is asserted: wall times belong to the machine.
That no file is lost, doubled or early is asserted, by the tests.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from nemo_watch import config
from nemo_watch.inbox.looking import Look, Lookout
from nemo_watch.inbox.watching import Watch

PHOTO = b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xda\0\x02" + b"\x55" * 2000 + b"\xff\xd9"
SETTINGS = config.Inbox(settle_s=1.0, project_settle_s=1.0, rescan_s=5.0)


def filled(folder: Path, files: int, folders: int) -> Path:
    """A folder of `folders` folders that share `files` photos."""
    for number in range(folders):
        inner = folder / f"d{number:05}"
        inner.mkdir(parents=True)
        for file in range(files // folders):
            (inner / f"IMG_{file:05}.jpg").write_bytes(PHOTO)
    return folder


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


def arrived(
    way: Callable[[Path, Path], None], source: Path, total: int, place: Path, *, events: bool
) -> tuple[int, float]:
    """How many rest in the end, and how long after the last came, beyond `settle`, the look began that saw all of them rest."""
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
        return found, began - ended[0] - SETTINGS.settle_s


def bench_arriving(arguments: argparse.Namespace, place: Path) -> None:
    """Thousands of files at once: how many rest, and how long after the last came, beyond `settle`."""
    source = filled(place / "source", arguments.arriving, arguments.folders)
    total = arguments.arriving // arguments.folders * arguments.folders
    print(
        f"{total} files in {arguments.folders} folders arrive; settle {SETTINGS.settle_s} s, rescan {SETTINGS.rescan_s} s"
    )
    late: dict[tuple[str, bool], list[tuple[int, float]]] = {}
    for _ in range(arguments.rounds):
        for way in (by_cp, by_tar, by_mv):
            for events in (True, False):
                late.setdefault((way.__name__, events), []).append(arrived(way, source, total, place, events=events))
    for (name, events), found in late.items():
        rest, late_s = zip(*found, strict=True)
        print(
            f"  {name:6} events {'on ' if events else 'off'}  at rest {min(rest)}/{total}, last look began settle "
            f"{statistics.median(late_s):+.2f} s (median of {len(found)}, worst {max(late_s):+.2f} s)"
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
    """One file at a time: from its close to its rest, beyond `settle`; with events and without in turn."""
    late: dict[bool, list[float]] = {True: [], False: []}
    loops = {}
    for events in late:
        inbox = place / f"latency-{events}"
        (inbox / "x").mkdir(parents=True)
        loops[events] = Loop(inbox, events=events), inbox
        loops[events][0].look()
    for number in range(2 * arguments.rounds):
        for events, (loop, inbox) in loops.items():
            closed: list[float] = []
            writer = threading.Timer(
                0.3 + number % 7 * 0.7, arriving, (write_photo, inbox / "x" / f"{number}.jpg", inbox, closed)
            )
            writer.start()  # at any moment between two looks
            _, began = loop.until(number + 1, 30.0)
            writer.join()
            late[events].append(began - closed[0] - SETTINGS.settle_s)
    for events, (loop, _) in loops.items():
        loop.watch.stop()
        found = late[events]
        print(
            f"closed -> at rest beyond settle, events {'on ' if events else 'off'}: median {statistics.median(found):.2f} s, worst {max(found):.2f} s"
        )


def main() -> None:
    """Runs it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arriving", type=int, default=10_000)
    parser.add_argument("--folders", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench_latency(arguments, Path(folder))
        bench_arriving(arguments, Path(folder))


if __name__ == "__main__":
    main()
