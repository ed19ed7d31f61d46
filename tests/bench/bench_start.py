"""How much it costs to start, and to do nothing. A script, not a test.

    python -m tests.bench.bench_start [start] [idle] [--rounds 9] [--idle-s 60]

CPU seconds of whole processes, peer and ours alternating: `--help`, `--version` and `status` against a bare python, the daemon until
it says that it is ready against `import httpx; httpx.AsyncClient()`. `idle` is a daemon on an empty inbox: its memory, its CPU and
how often it wakes a minute.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.table import Row, print_table

COMMAND = Path(sys.executable).with_name("nemo-watch")
PEERS = {"bare": ["-c", ""], "client": ["-c", "import httpx; httpx.AsyncClient()"]}


def cpu_s(words: list[str], environment: dict[str, str]) -> float:
    """CPU of a process to its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def own_cpu_s(pid: int) -> float:
    """CPU of a living process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def voluntary_switches(pid: int) -> int:
    """How often all threads of a process have gone to sleep."""
    texts = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/status")]
    return sum(int(text.partition("\nvoluntary_ctxt_switches:")[2].split()[0]) for text in texts)


def resident_mb(pid: int) -> float:
    """Resident memory of a process in MB."""
    return int(Path(f"/proc/{pid}/status").read_text().partition("VmRSS:")[2].split()[0]) * 1024 / 1e6


def configured(root: Path) -> list[str]:
    """Folders and a config; the words that name it."""
    folders = {name: str(root / name) for name in ("inbox", "outbox", "state")}
    for folder in folders.values():
        Path(folder).mkdir(parents=True)
    config = root / "nemo-watch.toml"
    config.write_text("[folders]\n" + "".join(f"{name} = {json.dumps(folder)}\n" for name, folder in folders.items()))
    return ["--config", str(config)]


class Ready:
    """A daemon and the socket on which it says that it is ready."""

    def __init__(self, root: Path, environment: dict[str, str]) -> None:
        words = configured(root)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
            heard.bind(str(root / "notify"))
            heard.settimeout(60)
            self.process = subprocess.Popen(
                [str(COMMAND), "run", *words],
                env={**environment, "NOTIFY_SOCKET": str(root / "notify")},
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            while b"READY=1" not in heard.recv(4096):
                pass
        self.cpu_s = own_cpu_s(self.process.pid)

    def stop(self) -> None:
        """End it."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


def bench_start(rounds: int, place: Path, environment: dict[str, str]) -> list[Row]:
    """Ratios of CPU, each to the peer of its own round."""
    ratios: dict[str, list[float]] = {name: [] for name in ("--help", "--version", "status", "daemon")}
    words = configured(place / "status")
    subprocess.run([str(COMMAND), "status", *words], env=environment, stdout=subprocess.DEVNULL, check=False)
    for number in range(rounds):
        bare, client = (cpu_s([sys.executable, *PEERS[peer]], environment) for peer in ("bare", "client"))
        for name in ("--help", "--version"):
            ratios[name].append(cpu_s([str(COMMAND), name], environment) / bare)
        ratios["status"].append(cpu_s([str(COMMAND), "status", *words], environment) / bare)
        daemon = Ready(place / str(number), environment)
        ratios["daemon"].append(daemon.cpu_s / client)
        daemon.stop()
    aims = {"--help": "≤ 1.6", "--version": "≤ 1.6", "status": "≤ 2.5", "daemon": "≤ 1.3"}
    told = {"daemon": "daemon until ready, to a made httpx client"}
    return [
        Row(f"CPU of {told.get(name, f'`{name}`, to bare python')}", statistics.median(found), "x", aims[name], found)
        for name, found in ratios.items()
    ]


def bench_idle(idle_s: float, place: Path, environment: dict[str, str]) -> list[Row]:
    """A daemon with nothing to do, from five seconds after its start."""
    daemon = Ready(place / "idle", environment)
    pid = daemon.process.pid
    time.sleep(5)
    cpu, switches = own_cpu_s(pid), voluntary_switches(pid)
    time.sleep(idle_s)
    minute = 60 / idle_s
    rows = [
        Row("idle: resident memory", resident_mb(pid), "MB", "≤ 48"),
        Row("idle: CPU a minute", (own_cpu_s(pid) - cpu) * minute * 1000, "ms", "≤ 15"),
        Row("idle: voluntary switches a minute", (voluntary_switches(pid) - switches) * minute, "", "≤ 60"),
    ]
    daemon.stop()
    return rows


def main() -> None:
    """Runs what was asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", choices=[[], "start", "idle"], default=[])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--idle-s", type=float, default=60.0)
    arguments = parser.parse_args()
    what = arguments.what or ["start", "idle"]
    with tempfile.TemporaryDirectory() as folder:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("NEMO_", "XDG_", "COVERAGE"))}
        environment = {**kept, "HOME": folder, "NEMO_API_URL": "http://127.0.0.1:9"}
        rows = bench_start(arguments.rounds, Path(folder), environment) if "start" in what else []
        rows += bench_idle(arguments.idle_s, Path(folder), environment) if "idle" in what else []
    print_table(rows)


if __name__ == "__main__":
    main()
