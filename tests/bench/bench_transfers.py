"""Uploads, downloads and event streams against curl and httpx-sse. A script, not a test.

    python -m tests.bench.bench_transfers [upload] [download] [events] [--rounds 7] [--mb 500]

Each peer and ours in turn, in processes of their own, over loopback to one service. Throughput and CPU are ratios within a round; the
growth of memory is that over a client that has just been started; stalls are looked for in runs of their own. httpx-sse is measured
where it is installed.
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
from typing import Any

from nemo_watch.nemo.sse import EVENT_LIMIT_BYTES
from tests.bench.table import Row, print_table

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
Found = dict[str, Any]


@contextmanager
def serving(*arguments: str, module: str = "service") -> Iterator[str]:
    """The service in its process; its address."""
    words = [sys.executable, "-m", f"tests.bench.{module}", *arguments]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def clip(folder: Path, mb: int) -> Path:
    """A file of so many megabytes."""
    file = folder / "clip.mp4"
    with file.open("wb") as stream:
        for _ in range(mb):
            stream.write(os.urandom(1_000_000))
    return file


def environment() -> dict[str, str]:
    """Ours, with what this process can import."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)}


def said(*words: str) -> Found:
    """What a child says."""
    done = subprocess.run(words, env=environment(), capture_output=True, text=True, check=True)
    found: Found = json.loads(done.stdout)
    return found


def python(*words: str) -> Found:
    """What a child says that runs python with these words."""
    return said(sys.executable, *words)


def ours(*words: str) -> Found:
    """What our client says of one piece of work; its stalls from a second run."""
    stall = python("-m", "tests.bench.client", *words, "--ticking")["stall"]
    return {**python("-m", "tests.bench.client", *words), "stall": stall}


def shell(command: str) -> Found:
    """Seconds of the wall and of CPU of a shell command."""
    code = "import json,resource,subprocess,sys,time;b=time.perf_counter();subprocess.run(sys.argv[1],shell=True,check=True,stdout=-3);r=resource.getrusage(resource.RUSAGE_CHILDREN);print(json.dumps({'wall':time.perf_counter()-b,'cpu':r.ru_utime+r.ru_stime}))"
    return python("-c", code, command)


def bench_upload(rounds: int, file: Path) -> list[Row]:
    """A file up: curl -F and ours."""
    with serving(module="sink") as url:
        target = f"{url}/api/upload-video/nemo_agent/me/1"
        pairs = [
            (shell(f"curl -sf -H Expect: -F 'files=@{file}' {target}"), ours(url, "upload", str(file)))
            for _ in range(rounds)
        ]
    return [
        ratio("upload: throughput to curl's", pairs, "≥ 0.9", inverse=True),
        ratio("upload: CPU to curl's", pairs, "≤ 1.3", key="cpu"),
        own("upload: growth of memory", pairs, "growth", "MB", "≤ 12"),
        own("upload: worst stall of the loop", pairs, "stall", "ms", "≤ 20", 1000),
    ]


def bench_download(rounds: int, file: Path, place: Path) -> list[Row]:
    """A file down, on the disk when it is said to be: curl, sync, mv and ours."""
    with serving("plain", str(file)) as url:
        pairs = []
        for _ in range(rounds):
            theirs = shell(
                f"curl -sf -o {place}/a.part {url}/video && sync {place}/a.part && mv {place}/a.part {place}/a"
            )
            (place / "a").unlink()
            pairs.append((theirs, ours(url, "download", str(place / "b.part"))))
            (place / "b.part").unlink()
    return [
        ratio("download: throughput to `curl && sync && mv`", pairs, "≥ 0.6", inverse=True),
        ratio("download: CPU to curl's", pairs, "≤ 1.8", key="cpu"),
        own("download: growth of memory", pairs, "growth", "MB", "≤ 8"),
        own("download: worst stall of the loop", pairs, "stall", "ms", "≤ 20", 1000),
    ]


def bench_events(rounds: int) -> list[Row]:
    """Events read to what they say (JSON included): httpx-sse and ours. And a line without an end."""
    try:
        import_module("httpx_sse")
    except ImportError:
        print("httpx-sse is not installed: pip install httpx-sse")
        return []
    client = ("-m", "tests.bench.client")
    with serving("plain") as url:
        small = [(python("-c", HTTPX_SSE, url, "/events"), python(*client, url, "/events")) for _ in range(rounds)]
        frames = [
            (python("-c", HTTPX_SSE, url, "/events"), python(*client, url, "/events", "--frames"))
            for _ in range(rounds)
        ]
        large = [(python("-c", HTTPX_SSE, url, "/large"), python(*client, url, "/large")) for _ in range(rounds)]
        endless = [python(*client, url, "/endless") for _ in range(rounds)]
    assert all(found["trouble"] == "ANSWER_UNREADABLE" for found in endless)
    limit_mb = EVENT_LIMIT_BYTES / 1e6
    return [
        ratio("events, one chunk each, to name and JSON: CPU to httpx-sse's", frames, "≤ 0.9", key="cpu"),
        ratio("the same, read to what they mean: CPU to httpx-sse's with JSON alone", small, "", key="cpu"),
        ratio("one event of 16 MB: time to httpx-sse's", large, "≤ 1.2"),
        own(
            "a line of 200 MB: growth to the cap",
            [(found, found) for found in endless],
            "growth",
            "x",
            "≤ 4",
            1 / limit_mb,
        ),
    ]


def ratio(what: str, pairs: list[tuple[Found, Found]], aim: str, *, key: str = "wall", inverse: bool = False) -> Row:
    """The median of ours to theirs, or of theirs to ours."""
    ratios = [theirs[key] / mine[key] if inverse else mine[key] / theirs[key] for theirs, mine in pairs]
    return Row(what, statistics.median(ratios), "x", aim, ratios)


def own(what: str, pairs: list[tuple[Found, Found]], key: str, unit: str, aim: str, factor: float = 1.0) -> Row:
    """The median of a figure of ours that has no peer."""
    found = [mine[key] * factor for _, mine in pairs]
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
        file = clip(Path(folder), arguments.mb)
        if "upload" in what:
            rows += bench_upload(arguments.rounds, file)
        if "download" in what:
            rows += bench_download(arguments.rounds, file, Path(folder))
    rows += bench_events(arguments.rounds) if "events" in what else []
    print_table(rows)


if __name__ == "__main__":
    main()
