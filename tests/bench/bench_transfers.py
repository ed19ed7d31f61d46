"""Uploads, downloads and event streams against curl and httpx-sse. A script, not a test.

    python -m tests.bench.bench_transfers [upload] [download] [events] [--rounds 7] [--mb 500]

Each peer and ours in turn, in processes of their own, over loopback to one service. Throughput and CPU are ratios within a round; the
growth of memory is that over a client that has just been started. httpx-sse is measured where it is installed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from tests.bench.table import Row, print_table

OURS = """
import asyncio, json, resource, sys, time
from pathlib import Path
from nemo_watch.clock import SystemClock
from nemo_watch.config import Pace
from nemo_watch.nemo.client import NemoClient
from nemo_watch.nemo.wire import Attribution

class Account:
    async def bearer(self): return "nmv_usr_bench12345678"
    async def renew(self, rejected): return await self.bearer()
    async def client_id(self): return "c"
    def accepted(self, bearer): pass
    def learn(self, user_id): pass
    def how_to_get_credits(self): return ""

def rss(): return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) * 1024 / 1e6
async def stalls(found):
    while True:
        began = time.perf_counter()
        await asyncio.sleep(0.002)
        found.append(time.perf_counter() - began - 0.002)

async def main(url, what, path):
    client = NemoClient(url, Attribution(), Account(), Pace(), SystemClock())
    await client.start()
    await client.balance()
    found, before = [], rss()
    watching = asyncio.create_task(stalls(found))
    await asyncio.sleep(0.05)
    found.clear()
    began, cpu = time.perf_counter(), time.process_time()
    if what == "upload":
        file = Path(path)
        await client.upload("1", file.name, file.stat().st_size, lambda: file.open("rb"))
    elif what == "download":
        await client.download(url + "/video", "render_1", Path(path))
    else:
        from nemo_watch.nemo.stream import StreamReader
        reader, count = StreamReader(), 0
        async with client._transport.streams.stream("GET", url + what) as response:
            async for chunk in response.aiter_raw():
                count += sum(1 for event in reader.feed(chunk))
        count += sum(1 for event in reader.close())
        assert count >= 1
    spent, cpu = time.perf_counter() - began, time.process_time() - cpu
    watching.cancel()
    print(json.dumps({"wall": spent, "cpu": cpu, "growth": rss() - before, "stall": max(found, default=0.0)}))
    await client.aclose()
asyncio.run(main(*sys.argv[1:]))
"""
HTTPX_SSE = """
import asyncio, json, sys, time, httpx, httpx_sse
async def main(url, what):
    async with httpx.AsyncClient(timeout=None) as client:
        await client.get(url + "/api/credits/balance/simple")
        began, cpu, count = time.perf_counter(), time.process_time(), 0
        async with httpx_sse.aconnect_sse(client, "GET", url + what) as source:
            async for event in source.aiter_sse():
                json.loads(event.data)
                count += 1
        assert count >= 1
        print(json.dumps({"wall": time.perf_counter() - began, "cpu": time.process_time() - cpu}))
asyncio.run(main(*sys.argv[1:]))
"""
Found = dict[str, float]


@contextmanager
def serving(*arguments: str) -> Iterator[str]:
    """The service in its process; its address."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.service", *arguments], stdout=subprocess.PIPE, text=True, env=environment()
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def environment() -> dict[str, str]:
    """Ours, with what this process can import."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)}


def python(code: str, *arguments: str) -> Found:
    """What a child that runs this code says."""
    words = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(words, env=environment(), capture_output=True, text=True, check=True)
    found: Found = json.loads(done.stdout)
    return found


def shell(command: str) -> Found:
    """Seconds of the wall and of CPU of a shell command."""
    code = "import json,resource,subprocess,sys,time;b=time.perf_counter();subprocess.run(sys.argv[1],shell=True,check=True,stdout=-3);r=resource.getrusage(resource.RUSAGE_CHILDREN);print(json.dumps({'wall':time.perf_counter()-b,'cpu':r.ru_utime+r.ru_stime}))"
    return python(code, command)


def bench_upload(rounds: int, file: Path) -> list[Row]:
    """A file up: curl -F and ours."""
    with serving("plain") as url:
        target = f"{url}/api/upload-video/nemo_agent/me/1"
        pairs = [
            (shell(f"curl -sf -H Expect: -F 'files=@{file}' {target}"), python(OURS, url, "upload", str(file)))
            for _ in range(rounds)
        ]
    return [
        _ratio("upload: throughput to curl's", pairs, "≥ 0.9", inverse=True),
        _ratio("upload: CPU to curl's", pairs, "≤ 1.3", key="cpu"),
        _own("upload: growth of memory", pairs, "growth", "MB", "≤ 12"),
        _own("upload: worst stall of the loop", pairs, "stall", "ms", "≤ 20", 1000),
    ]


def bench_download(rounds: int, file: Path, place: Path) -> list[Row]:
    """A file down, on the disk when it is said to be: curl, sync, mv and ours."""
    with serving("plain", str(file)) as url:
        pairs = []
        for _ in range(rounds):
            theirs = shell(
                f"curl -sf -o {place}/a.part {url}/video && sync {place}/a.part && mv {place}/a.part {place}/a"
            )
            pairs.append((theirs, python(OURS, url, "download", str(place / "b.part"))))
            for path in (*place.glob("b.part*"), place / "a"):
                path.unlink()
    return [
        _ratio("download: throughput to `curl && sync && mv`", pairs, "≥ 0.6", inverse=True),
        _ratio("download: CPU to curl's", pairs, "≤ 1.8", key="cpu"),
        _own("download: growth of memory", pairs, "growth", "MB", "≤ 8"),
        _own("download: worst stall of the loop", pairs, "stall", "ms", "≤ 20", 1000),
    ]


def bench_events(rounds: int) -> list[Row]:
    """Events read to what they say (JSON included): httpx-sse and ours."""
    try:
        import_module("httpx_sse")
    except ImportError:
        print("httpx-sse is not installed: pip install httpx-sse")
        return []
    with serving("plain") as url:
        small = [(python(HTTPX_SSE, url, "/events"), python(OURS, url, "/events", "")) for _ in range(rounds)]
        large = [(python(HTTPX_SSE, url, "/large"), python(OURS, url, "/large", "")) for _ in range(rounds)]
    return [
        _ratio("events, one chunk each: CPU to httpx-sse's", small, "≤ 0.9", key="cpu"),
        _ratio("one event of 15 MB: time to httpx-sse's", large, "≤ 1.2"),
    ]


def _ratio(what: str, pairs: list[tuple[Found, Found]], aim: str, *, key: str = "wall", inverse: bool = False) -> Row:
    ratios = [theirs[key] / ours[key] if inverse else ours[key] / theirs[key] for theirs, ours in pairs]
    return Row(what, statistics.median(ratios), "x", aim, ratios)


def _own(what: str, pairs: list[tuple[Found, Found]], key: str, unit: str, aim: str, factor: float = 1.0) -> Row:
    found = [ours[key] * factor for _, ours in pairs]
    return Row(what, statistics.median(found), unit, aim, found)


def main() -> None:
    """Runs what was asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", choices=[[], "upload", "download", "events"], default=[])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--mb", type=int, default=500)
    arguments = parser.parse_args()
    what = arguments.what or ["upload", "download", "events"]
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "clip.mp4"
        with file.open("wb") as stream:
            for _ in range(arguments.mb):
                stream.write(os.urandom(1 << 20))
        if "upload" in what:
            rows += bench_upload(arguments.rounds, file)
        if "download" in what:
            rows += bench_download(arguments.rounds, file, Path(folder))
    rows += bench_events(arguments.rounds) if "events" in what else []
    print_table(rows)


if __name__ == "__main__":
    main()
