"""The daemon with nothing to do: CPU, memory, threads and log lines of the real process. A script, not a test.

    python tests/bench/bench_inbox_idle.py [--idle-s 60] [--folders 0 10000 20000] [--rounds 1]

`nemo-watch run` for the cloud, at an address of this machine where nobody listens, with a token that is none. All inboxes are idle at the
same time, so that they share whatever else the machine does. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

_CONFIG = """
[folders]
inbox = "{place}/inbox"
outbox = "{place}/outbox"
state = "{place}/state"
[service]
backend = "cloud"
url = "http://127.0.0.1:9"
"""


@dataclass
class Idle:
    """One daemon over an inbox of so many folders."""

    folders: int
    place: Path
    process: subprocess.Popen[bytes]

    def cpu_ms(self) -> float:
        """CPU time of all its threads so far, in milliseconds."""
        threads = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e6

    def kernel(self, key: str) -> int:
        """A number of /proc/PID/status."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith(key + ":")).split()[1])

    def lines(self) -> int:
        """How many lines it has logged."""
        return len((self.place / "log").read_text().splitlines())


def started(folders: int, place: Path) -> Idle:
    """A daemon over so many folders, a hundred to a project."""
    (place / "inbox").mkdir(parents=True)
    for number in range(folders):
        os.makedirs(f"{place}/inbox/{number % 100}/{number}")  # noqa: PTH103  twenty thousand of them
    (place / "config.toml").write_text(_CONFIG.format(place=place))
    command = [sys.executable, "-m", "nemo_watch.commands.main", "run", "--config", str(place / "config.toml")]
    with (place / "log").open("wb") as log:
        environment = os.environ | {"NEMO_TOKEN": "nmv_usr_of_nobody", "HOME": str(place)}
        return Idle(
            folders, place, subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        )


def measured(idle_s: float, folders: list[int], place: Path) -> list[tuple[int, float, float, int, int]]:
    """For each: folders, CPU in ms a minute, MB of memory, threads, log lines while idle."""
    daemons = [started(number, place / str(number)) for number in folders]
    try:
        time.sleep(
            70
        )  # started, looked twice, and every chore of each minute was done once: what it imports is no idling
        before = [(daemon.cpu_ms(), daemon.lines()) for daemon in daemons]
        time.sleep(idle_s)
        return [
            (
                daemon.folders,
                (daemon.cpu_ms() - cpu_ms) * 60 / idle_s,
                daemon.kernel("VmRSS") / 1024,
                daemon.kernel("Threads"),
                daemon.lines() - lines,
            )
            for daemon, (cpu_ms, lines) in zip(daemons, before, strict=True)
        ]
    finally:
        for daemon in daemons:
            daemon.process.terminate()
            daemon.process.wait(30)


def main() -> None:
    """Runs it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--idle-s", type=float, default=60.0)
    parser.add_argument("--folders", type=int, nargs="*", default=[0, 10_000, 20_000])
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    found: dict[int, list[tuple[float, float, int, int]]] = {}
    for _ in range(arguments.rounds):
        with tempfile.TemporaryDirectory() as folder:
            for folders, *figures in measured(arguments.idle_s, arguments.folders, Path(folder)):
                found.setdefault(folders, []).append(tuple(figures))  # type: ignore[arg-type]
    for folders, rows in found.items():
        cpu_ms, rss_mb, threads, lines = (statistics.median(column) for column in zip(*rows, strict=True))
        print(
            f"idle, {folders:6} folders: {cpu_ms:6.1f} ms CPU a minute, {rss_mb:5.1f} MB, {threads:.0f} threads, {lines:.0f} log lines"
        )


if __name__ == "__main__":
    main()
