"""Many uploads at once, an upload from a slow disk, and the way that most examples on the web go. A script, not a test.

    python -m tests.bench.bench_uploads [eight] [slow] [node] [--rounds 7] [--mb 500]

`eight`: as many of one file at once from one loop, against as many curls, which may use every core. `slow`: a file on a disk of 20 MB/s
(each read stands still in its thread), by httpx's own `files=` and by ours: how long the loop stands still.
`node`: readFile → Blob → FormData → fetch, where node is installed.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from tests.bench.bench_transfers import clip, ours, own, python, ratio, said, serving, shell
from tests.bench.table import Row, print_table

AT_ONCE = 8
SLOW_MB = 20
HTTPX = """
import asyncio, json, sys, time, httpx
from pathlib import Path
from tests.bench.client import SlowFile, tick
async def main(url, path):
    async with httpx.AsyncClient(timeout=None) as client:
        await client.get(url)
        stalls = []
        ticking = asyncio.create_task(tick(stalls))
        await asyncio.sleep(0.05)
        stalls.clear()
        await client.post(url, files={"files": ("clip.mp4", SlowFile(path))})
        ticking.cancel()
    print(json.dumps({"stall": max(stalls)}))
asyncio.run(main(*sys.argv[1:]))
"""
NODE = """
const fs = require('node:fs/promises');
(async () => {
  const [path, url] = process.argv.slice(1), began = process.hrtime.bigint();
  const form = new FormData();
  form.append('files', new Blob([await fs.readFile(path)]), 'clip.mp4');
  await (await fetch(url, {method: 'POST', body: form})).text();
  const wall = Number(process.hrtime.bigint() - began) / 1e9;
  console.log(JSON.stringify({wall, peak: process.resourceUsage().maxRSS * 1024 / 1e6}));
})();
"""


def bench_eight(rounds: int, file: Path) -> list[Row]:
    """Eight files up at once."""
    with serving(module="sink") as url:
        curl = f"curl -sf -H Expect: -F 'files=@{file}' {url}/api/upload-video/nemo_agent/me/1 &"
        words = (url, "upload", str(file), "--times", str(AT_ONCE))
        pairs = [(shell(f"{curl * AT_ONCE} wait"), ours(*words)) for _ in range(rounds)]
    return [
        ratio("eight uploads: throughput to eight curls'", pairs, "≥ 0.5", inverse=True),
        ratio("eight uploads: CPU to eight curls'", pairs, "", key="cpu"),
        own("eight uploads: growth of memory", pairs, "growth", "MB", "≤ 48"),
        own("eight uploads: worst stall of the loop", pairs, "stall", "ms", "", 1000),
    ]


def bench_slow(rounds: int, place: Path) -> list[Row]:
    """One file up from a slow disk."""
    file = clip(place, SLOW_MB)
    with serving(module="sink") as url:
        words = ("-m", "tests.bench.client", url, "upload", str(file), "--slow", "--ticking")
        pairs = [(python("-c", HTTPX, url, str(file)), python(*words)) for _ in range(rounds)]
    return [
        own("upload from 20 MB/s: worst stall of the loop", pairs, "stall", "ms", "≤ 20", 1000),
        ratio("the same, to httpx's `files=`", pairs, "", key="stall"),
    ]


def bench_node(rounds: int, file: Path) -> list[Row]:
    """One file up, read whole into memory by node."""
    if shutil.which("node") is None:
        print("node is not installed")
        return []
    with serving(module="sink") as url:
        target = f"{url}/api/upload-video/nemo_agent/me/1"
        words = ("-m", "tests.bench.client", url, "upload", str(file))
        pairs = [(said("node", "-e", NODE, str(file), target), python(*words)) for _ in range(rounds)]
    return [
        ratio("upload: time to node's Blob", pairs, "≤ 0.2"),
        ratio("upload: peak of memory to node's Blob", pairs, "≤ 0.033", key="peak"),
    ]


def main() -> None:
    """Runs what was asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", choices=[[], "eight", "slow", "node"], default=[])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--mb", type=int, default=500)
    arguments = parser.parse_args()
    what = arguments.what or ["eight", "slow", "node"]
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        rows += bench_slow(arguments.rounds, place) if "slow" in what else []
        file = clip(place, arguments.mb)
        rows += bench_eight(arguments.rounds, file) if "eight" in what else []
        rows += bench_node(arguments.rounds, file) if "node" in what else []
    print_table(rows)


if __name__ == "__main__":
    main()
