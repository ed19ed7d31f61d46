"""Looking through a large inbox, against what that stands on: bare walks and `find`. A script, not a test.

    python tests/bench/bench_inbox.py [--files 100000] [--folders 200] [--rounds 9]

It prints medians and ratios of one run, competitors alternating. Nothing is asserted: wall times belong to the machine.
That no file is lost, doubled or early is asserted, by the tests.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from nemo_watch import config
from nemo_watch.inbox.listing import Walk
from nemo_watch.inbox.looking import Lookout
from nemo_watch.inbox.verdicts import WHOLE

SETTINGS = config.Inbox(settle_s=1.0, project_settle_s=1.0, rescan_s=5.0)


def filled(folder: Path, files: int, folders: int) -> Path:
    """A folder of `folders` folders that share `files` files."""
    for number in range(folders):
        inner = folder / f"d{number:05}"
        inner.mkdir(parents=True)
        for file in range(files // folders):
            (inner / f"IMG_{file:05}.jpg").touch()
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


def bare_stats(folder: Path) -> None:
    """What a repeated look cannot do without: the names, and one question for each; nothing is kept or compared."""
    for inner in (folder, *folder.iterdir()):
        handle = os.open(inner, os.O_RDONLY)
        for name in os.listdir(handle):  # noqa: PTH208  by handle
            os.lstat(name, dir_fd=handle)
        os.close(handle)


def bench_scan(arguments: argparse.Namespace, place: Path) -> None:
    """First and repeated listings beside the floor and `find`."""
    inbox = filled(place / "scan", arguments.files, arguments.folders)
    find = ["find", str(inbox), "-type", "f", "-printf", "%s %T@ %i\n"]
    times: dict[str, list[tuple[float, float]]] = {
        name: [] for name in ("bare", "find", "stats", "first", "again", "look")
    }
    known = Walk(inbox)
    known.listing()
    lookout = Lookout(inbox, SETTINGS, examine=lambda _due, _folder: WHOLE)
    lookout.look(0, datetime.now())  # noqa: DTZ005  a local name for a folder
    while lookout.look(100, datetime.now()).next_look_s == 0:  # noqa: DTZ005
        pass
    for _ in range(arguments.rounds):
        times["bare"].append(seconds(lambda: bare_walk(inbox)))
        times["find"].append(seconds(lambda: subprocess.run(find, stdout=subprocess.DEVNULL, check=True)))
        times["stats"].append(seconds(lambda: bare_stats(inbox)))
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


def main() -> None:
    """Runs it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--folders", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=9)
    with tempfile.TemporaryDirectory() as folder:
        bench_scan(parser.parse_args(), Path(folder))


if __name__ == "__main__":
    main()
