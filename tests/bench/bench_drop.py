"""From photos dropped to the MP4 in the outbox, by a daemon with the local studio. A script, not a test.

    python -m tests.bench.bench_drop [--photos 5] [--seconds 10] [--rounds 3]

The photos have 12 megapixels and are copied into a project folder with a prompt; `settle` is that of a fresh installation. Printed are the
medians of the whole, of the part until the daemon takes the project up, and of the rest: uploads, director, render, delivery.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.bench_render import photos

COMMAND = Path(sys.executable).with_name("nemo-watch")


def dropped(folder: Path, media: Path, words: str) -> tuple[float, float]:
    """Seconds until the project is taken up, and until its video is whole."""
    inbox, outbox, state = (folder / name for name in ("inbox", "outbox", "state"))
    inbox.mkdir(parents=True)
    places = ["--inbox", str(inbox), "--outbox", str(outbox), "--state", str(state)]
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen([COMMAND, "run", "--studio", *places], stdout=log, stderr=log)
    try:
        while not (outbox / "status.json").exists():
            time.sleep(0.02)
        shutil.copytree(media, inbox / "trip")
        (inbox / "trip" / "prompt.txt").write_text(words)
        began, taken = time.monotonic(), None
        while not (outbox / "trip" / "trip.mp4").exists():
            if taken is None and any(film["state"] == "working" for film in films(outbox)):
                taken = time.monotonic()
            time.sleep(0.02)
        done = time.monotonic()
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait()
    return (taken or done) - began, done - began


def films(outbox: Path) -> list[dict[str, str]]:
    """The films of the daemon's own status."""
    found: list[dict[str, str]] = json.loads((outbox / "status.json").read_bytes())["projects"]
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, usual in (("--photos", 5), ("--seconds", 10), ("--rounds", 3)):
        parser.add_argument(name, type=int, default=usual)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        media = Path(name) / "media"
        media.mkdir()
        photos(media, options.photos)
        os.environ["HOME"] = name
        runs = [
            dropped(Path(name) / str(number), media, f"a video with music, {options.seconds} seconds")
            for number in range(options.rounds)
        ]
        taken, done = (statistics.median(column) for column in zip(*runs, strict=True))
        print(
            f"{options.photos} photos, a film of {options.seconds} s: {done:.1f} s to the MP4, of these {taken:.1f} s until they rest"
        )


if __name__ == "__main__":
    main()
