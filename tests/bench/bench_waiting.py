"""Many films that wait on streams and on renders: what the daemon costs meanwhile. A script, not a test.

    python -m tests.bench.bench_waiting [--films 500] [--watch-s 60]

The daemon is a process of its own, and so is the service: it holds every second film's stream open with a ping each 15 s, and never
ends a render, so the other half is looked at every 30 s (after ten looks every five minutes).
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from tests.bench.bench_start import COMMAND, own_cpu_s, resident_mb, voluntary_switches
from tests.bench.bench_transfers import serving
from tests.bench.table import Row, print_table
from tests.sim.house import photo

CONFIG = """
[service]
url = {url}
projects_at_once = {films}
paid_messages_a_day = 100000
[service.pace]
message_limit = "1h"
heartbeat_limit = "1h"
[inbox]
settle = "1s"
project_settle = "2s"
[folders]
"""
READY_WITHIN_S = 300.0


def folder(inbox: Path, number: int) -> None:
    """A project, moved in whole."""
    beside = inbox.parent / f"p{number}"
    beside.mkdir()
    (beside / "a.jpg").write_bytes(photo(f"film {number}"))
    (beside / "prompt.txt").write_text(f"A film of number {number}")
    beside.rename(inbox / f"p{number}")


def working(outbox: Path) -> int:
    """How many films are at work, by the status."""
    try:
        rows = json.loads((outbox / "status.json").read_bytes())["projects"]
    except FileNotFoundError:
        return 0
    return sum(row["state"] == "working" and row["progress"] >= 0.3 for row in rows)


def until_working(outbox: Path, count: int) -> float:
    """Seconds until so many films wait for the service."""
    began = time.monotonic()
    while working(outbox) < count:
        if time.monotonic() - began > READY_WITHIN_S:
            raise SystemExit(f"only {working(outbox)} of {count} films came so far")
        time.sleep(0.5)
    return time.monotonic() - began


def main() -> None:
    """Measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, default=500)
    parser.add_argument("--watch-s", type=float, default=60.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, serving("waiting") as url:
        root = Path(name)
        folders = {key: root / key for key in ("inbox", "outbox", "state")}
        for path in folders.values():
            path.mkdir()
        config = root / "nemo-watch.toml"
        text = CONFIG.format(url=json.dumps(url), films=arguments.films)
        config.write_text(text + "".join(f"{key} = {json.dumps(str(path))}\n" for key, path in folders.items()))
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("NEMO_", "XDG_"))} | {"HOME": name}
        daemon = subprocess.Popen(
            [str(COMMAND), "run", "--config", str(config)],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            folder(folders["inbox"], 0)  # the first is paid: the brake of a first start is off then
            until_working(folders["outbox"], 1)
            before_mb = resident_mb(daemon.pid)
            for number in range(1, arguments.films):
                folder(folders["inbox"], number)
            took_s = until_working(folders["outbox"], arguments.films)
            time.sleep(10)
            cpu, switches = own_cpu_s(daemon.pid), voluntary_switches(daemon.pid)
            time.sleep(arguments.watch_s)
            share = (own_cpu_s(daemon.pid) - cpu) / arguments.watch_s * 100
            print_table(
                [
                    Row(f"{arguments.films} films waiting: resident memory", resident_mb(daemon.pid), "MB", "≤ 150"),
                    Row("of that, grown since the first film", resident_mb(daemon.pid) - before_mb, "MB", ""),
                    Row("CPU of a core meanwhile", share, "%", "≤ 3"),
                    Row(
                        "voluntary switches a second",
                        (voluntary_switches(daemon.pid) - switches) / arguments.watch_s,
                        "",
                        "",
                    ),
                    Row("from the last drop until all wait", took_s, "s", ""),
                ]
            )
        finally:
            daemon.send_signal(signal.SIGKILL)
            daemon.wait()


if __name__ == "__main__":
    main()
