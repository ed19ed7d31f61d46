"""A download that is killed in the middle and goes on. A script, not a test.

    python -m tests.bench.bench_resume [--rounds 7] [--mb 100]

The service gives a part of the file and holds the rest back; when the client has taken what came, it is killed. What it had, but not
yet in its part file, is fetched again. The next run goes on from there, and the file must be the same to the last bit.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.bench_transfers import clip, environment, python, serving
from tests.bench.table import Row, print_table

STILL_S = 0.5  # a part file that has not grown for so long holds what it will


def killed(url: str, link: str, part: Path) -> int:
    """How many bytes are in the part file of a client that was killed when it had taken what the service gave."""
    words = [sys.executable, "-m", "tests.bench.client", url, "download", str(part), "--link", link]
    with subprocess.Popen(words, env=environment(), stdout=subprocess.DEVNULL) as process:
        size, since = -1, time.monotonic()
        while size <= 0 or time.monotonic() - since < STILL_S:
            now = part.stat().st_size if part.exists() else 0
            size, since = (now, time.monotonic()) if now != size else (size, since)
            time.sleep(0.02)
        process.kill()
    return part.stat().st_size


def digest(path: Path) -> str:
    """The sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def bench_resume(rounds: int, file: Path, place: Path) -> list[Row]:
    """Killed at a random byte, and gone on with."""
    size, part = file.stat().st_size, place / "video.part"
    again: list[float] = []
    same = 0
    with serving("plain", str(file)) as url:
        for _ in range(rounds):
            given = random.randrange(1, size)
            link = f"/held/{given}"
            again.append((given - killed(url, link, part)) / 2**20)
            python("-m", "tests.bench.client", url, "download", str(part), "--link", link)
            same += digest(part) == digest(file)
            part.unlink()
    return [
        Row("download killed at a random byte: fetched again", statistics.median(again), "MiB", "≤ 1", again),
        Row("of these, with the same sha256 in the end", same, f"of {rounds}", "all"),
    ]


def main() -> None:
    """Measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--mb", type=int, default=100)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        print_table(bench_resume(arguments.rounds, clip(place, arguments.mb), place))


if __name__ == "__main__":
    main()
