"""The journal against aiosqlite, against the ideal, and after a kill. A script, not a test.

    python -m tests.bench.bench_journal [commits] [steps] [resume] [--rounds 7] [--jobs 200] [--in-flight 1000]

`commits`: single-row writes by 32 callers at once, each acknowledged when it is on disk; aiosqlite (if it is installed) does the same
with a commit each. `steps`: so many jobs of 12 journaled steps of 50 ms; the ideal is 12 x 50 ms. `resume`: so many jobs are in
flight when the process is killed; how long from the next start until the first of them takes its next step.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path

import sqlalchemy as sa

from nemo_watch.clock import SystemClock
from nemo_watch.jobs import pipeline, queue, records
from nemo_watch.jobs.journal import Journal
from nemo_watch.jobs.opening import open_sqlite
from nemo_watch.jobs.store import Store
from nemo_watch.model import FolderIdentity
from tests.bench.table import Row, print_table
from tests.sim.life import order

CALLERS = 32
WRITES = 60  # by each caller
STEPS = 12
STEP_S = 0.05


async def ours(path: Path) -> tuple[float, float, int]:
    """Commits a second, the median wait of one in seconds, and how many were written on the loop's own thread."""
    store = open_sqlite(path)
    here = threading.get_ident()
    on_loop = 0

    def work(connection: sa.Connection) -> None:
        nonlocal on_loop
        on_loop += threading.get_ident() == here
        connection.exec_driver_sql(
            "UPDATE meta SET value = '1' WHERE key = 'schema'"
        )  # as the peer does: the store alone

    rate, median = await hammered(lambda: store.do(work))
    store.close()
    return rate, median, on_loop


async def hammered(write: Callable[[], Awaitable[object]], callers: int = CALLERS) -> tuple[float, float]:
    """Writes a second and the median wait of one."""
    waits: list[float] = []

    async def caller() -> None:
        for _ in range(WRITES):
            began = time.perf_counter()
            await write()
            waits.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    return callers * WRITES / (time.perf_counter() - began), statistics.median(waits)


async def theirs(path: Path) -> tuple[float, float]:
    """aiosqlite, a commit each: commits a second at 32 callers, and the median wait of a single caller."""
    aiosqlite = import_module("aiosqlite")

    async with aiosqlite.connect(path) as connection:
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            await connection.execute(f"PRAGMA {pragma}")
        await connection.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT)")
        await connection.execute("INSERT INTO meta VALUES ('schema', '1')")
        await connection.commit()
        lock = asyncio.Lock()

        async def write() -> None:
            async with lock:
                await connection.execute("UPDATE meta SET value = '1' WHERE key = 'schema'")
                await connection.commit()

        rate, _ = await hammered(write)
        _, single = await hammered(write, callers=1)
    return rate, single


def bench_commits(rounds: int, place: Path) -> list[Row]:
    """Ours and aiosqlite in turn."""
    try:
        import_module("aiosqlite")
    except ImportError:
        print("aiosqlite is not installed: pip install aiosqlite")
        return []
    rates, waits, on_loop = [], [], 0
    for number in range(rounds):
        rate, median, here = asyncio.run(ours(place / f"ours{number}.db"))
        their_rate, their_single = asyncio.run(theirs(place / f"theirs{number}.db"))
        rates.append(rate / their_rate)
        waits.append(median / their_single)
        on_loop += here
    return [
        Row("commits a second at 32 callers, to aiosqlite's", statistics.median(rates), "x", "≥ 10", rates),
        Row("median wait at 32 callers, to aiosqlite's single one", statistics.median(waits), "x", "≤ 2", waits),
        Row("commits on the loop's thread", on_loop, "", "0"),
    ]


async def placed(store: Store, count: int, owner: str) -> list[tuple[int, int]]:
    """So many jobs, each claimed: number and fence."""

    def work(connection: sa.Connection) -> list[tuple[int, int]]:
        found = []
        for number in range(count):
            name = f"f{number}"
            project = records.add_project(connection, name, FolderIdentity(1, number, 3), name, 0.0)
            film = records.add_film(connection, project, "", name, 0.0, name=name)
            job = queue.place(connection, film, order("one"), 1, None, pipeline.VERSION, 0.0)
            fence = queue.claim(connection, job, owner, 0.0)
            assert fence is not None
            found.append((job, fence))
        return found

    return await store.do(work)


async def walked(path: Path, count: int) -> tuple[float, float]:
    """So many jobs of 12 steps: seconds of the wall, and of CPU for each step."""
    store = open_sqlite(path)
    held = await placed(store, count, "bench")

    async def act() -> dict[str, object]:
        await asyncio.sleep(STEP_S)
        return {"done": True}

    async def walk(job: int, fence: int) -> None:
        journal = Journal(store, SystemClock(), job, "bench", fence)
        for number in range(STEPS):
            await journal.intent(f"step/{number}", {})
            await journal.step(f"step/{number}", act)

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(walk(job, fence) for job, fence in held))
    spent, cpu = time.perf_counter() - began, time.process_time() - cpu
    store.close()
    return spent, cpu / count / STEPS


def bench_steps(rounds: int, jobs: int, place: Path) -> list[Row]:
    """Beside the ideal, which is measured too: the same sleeps without a journal."""

    async def ideal() -> float:
        async def walk() -> None:
            for _ in range(STEPS):
                await asyncio.sleep(STEP_S)

        began = time.perf_counter()
        await asyncio.gather(*(walk() for _ in range(jobs)))
        return time.perf_counter() - began

    ratios, costs = [], []
    for number in range(rounds):
        bare = asyncio.run(ideal())
        spent, cpu = asyncio.run(walked(place / f"steps{number}.db", jobs))
        ratios.append(spent / bare)
        costs.append(cpu * 1000)
    return [
        Row(
            f"{jobs} jobs x 12 steps of 50 ms (intent, receipt), to the ideal",
            statistics.median(ratios),
            "x",
            "≤ 2.5",
            ratios,
        ),
        Row("CPU a step", statistics.median(costs), "ms", "", costs),
    ]


IN_FLIGHT = """
import asyncio, sys
from pathlib import Path
from nemo_watch.clock import SystemClock
from nemo_watch.jobs.journal import Journal
from nemo_watch.jobs.opening import open_sqlite
from tests.bench.bench_journal import placed

async def main():
    store = open_sqlite(Path(sys.argv[1]))
    for job, fence in await placed(store, int(sys.argv[2]), "killed"):
        journal = Journal(store, SystemClock(), job, "killed", fence)
        await journal.receipt("session", {"row": 1})
    print("ready", flush=True)
    await asyncio.sleep(3600)
asyncio.run(main())
"""
RESUMED = """
import asyncio, sys, time
began = time.perf_counter()
from pathlib import Path
from nemo_watch.clock import SystemClock
from nemo_watch import config
from nemo_watch.jobs import queue, records
from nemo_watch.jobs.dispatch import Dispatcher
from nemo_watch.jobs.opening import open_sqlite

class Crew:
    async def prepare(self, job, journal, report):
        step = await journal.find("session")
        assert step.receipt is not None
        await journal.receipt("upload/1", {})
        print(f"{time.perf_counter() - began:.4f}", flush=True)
        await asyncio.sleep(3600)

async def main():
    store = open_sqlite(Path(sys.argv[1]))
    dispatcher = Dispatcher(store, SystemClock(), "new", 8, config.Pace(), Crew())
    await store.do(lambda c: queue.requeue_orphans(c, "new", 0.0))
    await dispatcher.start(await store.do(queue.open_jobs), frozenset())
    await asyncio.sleep(3600)
asyncio.run(main())
"""


def bench_resume(rounds: int, jobs: int, place: Path) -> list[Row]:
    """Killed with so many jobs in flight: seconds from the start of the next process (its imports included) to a next step."""
    found = []
    for number in range(rounds):
        path = place / f"resume{number}.db"
        with child(IN_FLIGHT, path, jobs) as first:
            assert first.stdout is not None
            first.stdout.readline()
            first.send_signal(signal.SIGKILL)
        began = time.perf_counter()
        with child(RESUMED, path) as second:
            assert second.stdout is not None
            second.stdout.readline()
            found.append(time.perf_counter() - began)
            second.kill()
    return [Row(f"first step after SIGKILL with {jobs} jobs in flight", statistics.median(found), "s", "≤ 1.5", found)]


def child(code: str, path: Path, *arguments: object) -> subprocess.Popen[str]:
    """A process of our own that runs this code."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    words = [sys.executable, "-c", code, str(path), *map(str, arguments)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment)


def main() -> None:
    """Runs what was asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", choices=[[], "commits", "steps", "resume"], default=[])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--in-flight", type=int, default=1000)
    arguments = parser.parse_args()
    what = arguments.what or ["commits", "steps", "resume"]
    with tempfile.TemporaryDirectory() as folder:
        rows = bench_commits(arguments.rounds, Path(folder)) if "commits" in what else []
        rows += bench_steps(arguments.rounds, arguments.jobs, Path(folder)) if "steps" in what else []
        rows += bench_resume(arguments.rounds, arguments.in_flight, Path(folder)) if "resume" in what else []
    print_table(rows)


if __name__ == "__main__":
    main()
