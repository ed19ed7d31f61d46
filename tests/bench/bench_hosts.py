"""Several hosts on one PostgreSQL beside one, and a step there beside one on SQLite. A script, not a test.

    python -m tests.bench.bench_hosts [spread] [steps] [takeover] [--rounds 3] [--projects 200] [--hosts 3]

`spread`: so many projects of 12 journaled steps of 0.1 s, 8 at once on each host, on 1, 2, … hosts. `steps`: 200 jobs of 12 journaled
steps of 50 ms on PostgreSQL and on SQLite. `takeover`: a host is killed with 8 jobs at work; seconds until the other has them all.
The server is the one that comes with the tests.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import sqlalchemy as sa

from nemo_watch import config
from nemo_watch.clock import SystemClock
from nemo_watch.jobs import hosts, pipeline, queue, records
from nemo_watch.jobs.cluster import Cluster
from nemo_watch.jobs.dispatch import Dispatcher, Running
from nemo_watch.jobs.hosts import Host
from nemo_watch.jobs.journal import Journal
from nemo_watch.jobs.leading import SharedPace
from nemo_watch.jobs.news import tell_news
from nemo_watch.jobs.pipeline import Made
from nemo_watch.jobs.postgres import open_postgres
from nemo_watch.jobs.store import Store
from nemo_watch.model import Backend, FolderIdentity
from tests.bench.bench_journal import placed as claimed
from tests.bench.bench_journal import walked
from tests.bench.table import Row, print_table
from tests.conftest import Server
from tests.sim.life import order

AT_ONCE = 8
STEPS = 12
STEP_S = 0.1
_numbers = itertools.count()


class Crew:
    """Nobody is told."""

    async def ended(self, *_: object) -> None:
        """Nothing."""


class Fixed(Dispatcher):
    """Jobs that take so many steps of a fixed time."""

    async def _run(self, running: Running) -> Made:
        journal = Journal(self._store, self._clock, running.job.id, self._owner, running.fence)

        async def act() -> dict[str, Any]:
            await asyncio.sleep(STEP_S)
            return {"done": True}

        for number in range(STEPS):
            await journal.step(f"step/{number}", act)
        return Made(None, None, "")


async def host(url: str, name: str, silent_s: float) -> None:
    """One host, until it is killed."""
    store, clock, wake = open_postgres(url), SystemClock(), asyncio.Event()
    me = Host(uuid4().hex, name, "bench", silent_s)
    site = await store.do(lambda c: hosts.join(c, me, "bench", "bench"))
    dispatcher = Fixed(store, clock, me.owner, AT_ONCE, config.Pace(), Crew())  # type: ignore[arg-type]

    async def able(*_: object) -> bool:
        return True

    pace = SharedPace(clock)
    cluster = Cluster(url, store, clock, me, site, dispatcher, 8 * AT_ONCE, AT_ONCE, wake.set, pace, able)
    await cluster.open()
    print("ready", flush=True)
    while True:
        await wake.wait()
        wake.clear()
        if cluster.lead is not None:
            await cluster.start(await store.read(lambda c: queue.open_jobs_of(c, site, Backend.CLOUD)), frozenset())


def placed(store: Store, count: int) -> None:
    """So many projects with a job each."""

    def work(connection: sa.Connection) -> None:
        for _ in range(count):
            name = f"f{next(_numbers)}"
            project = records.add_project(connection, name, FolderIdentity(1, 2, 3), name, 0.0)
            film = records.add_film(connection, project, "", name, 0.0, name=name)
            queue.place(connection, film, order("one"), 1, None, pipeline.VERSION, 0.0)
        tell_news(connection)

    store.submit(work).result()


class Hosts:
    """Processes on a new database."""

    def __init__(self, server: Server, count: int, silent_s: float = 15.0) -> None:
        name = f"bench{next(_numbers)}"
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        self.url = server.url.replace("/postgres?", f"/{name}?")
        self.store = open_postgres(self.url)
        self.processes = []
        for number in range(count):
            words = [sys.executable, "-m", "tests.bench.bench_hosts", "host", self.url, f"h{number}", str(silent_s)]
            self.processes.append(subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL))
        for process in self.processes:
            assert process.stdout is not None
            process.stdout.readline()
        time.sleep(2)  # until the queue is joined and somebody leads

    def open_jobs(self) -> int:
        """How many jobs are not over."""
        return len(self.store.submit(queue.open_jobs).result())

    def at_work(self, host: str) -> int:
        """How many this host has at work."""
        jobs = self.store.submit(lambda c: hosts.hosts_of_jobs(c, [job.id for job in queue.open_jobs(c)])).result()
        return list(jobs.values()).count(host)

    def close(self) -> None:
        """End them."""
        for process in self.processes:
            process.kill()
            process.wait()
        self.store.close()


def spread(server: Server, count: int, projects: int) -> float:
    """Seconds that so many hosts need."""
    them = Hosts(server, count)
    try:
        began = time.perf_counter()
        placed(them.store, projects)
        while them.open_jobs():
            time.sleep(0.05)
        return time.perf_counter() - began
    finally:
        them.close()


def takeover(server: Server) -> float:
    """Seconds from a kill until the other host has what was left."""
    them = Hosts(server, 2)
    try:
        placed(them.store, 400)
        while not them.at_work("h0") or not them.at_work("h1"):
            time.sleep(0.02)
        left = set(
            them.store.submit(
                lambda c: [
                    n for n, h in hosts.hosts_of_jobs(c, [j.id for j in queue.open_jobs(c)]).items() if h == "h0"
                ]
            ).result()
        )
        them.processes[0].kill()
        began = time.perf_counter()

        def still(c: sa.Connection) -> bool:
            return "h0" in {h for n, h in hosts.hosts_of_jobs(c, left & {j.id for j in queue.open_jobs(c)}).items()}

        while them.store.submit(still).result():
            time.sleep(0.05)
        return time.perf_counter() - began
    finally:
        them.close()


async def _steps(url: str) -> float:
    store = open_postgres(url)
    held = await claimed(store, 200, "bench")

    async def act() -> dict[str, object]:
        await asyncio.sleep(0.05)
        return {"done": True}

    async def walk(job: int, fence: int) -> None:
        journal = Journal(store, SystemClock(), job, "bench", fence)
        for number in range(STEPS):
            await journal.intent(f"step/{number}", {})
            await journal.step(f"step/{number}", act)

    began = time.perf_counter()
    await asyncio.gather(*(walk(job, fence) for job, fence in held))
    spent = time.perf_counter() - began
    store.close()
    return spent


def steps(server: Server, folder: Path) -> float:
    """Seconds on PostgreSQL to seconds on SQLite."""
    name = f"bench{next(_numbers)}"
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    sqlite, _ = asyncio.run(walked(folder / f"{name}.db", 200))
    return asyncio.run(_steps(server.url.replace("/postgres?", f"/{name}?"))) / sqlite


def main() -> None:
    """Measures what is asked for."""
    if sys.argv[1:2] == ["host"]:
        asyncio.run(host(sys.argv[2], sys.argv[3], float(sys.argv[4])))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", default=["spread", "steps", "takeover"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--projects", type=int, default=200)
    parser.add_argument("--hosts", type=int, default=3)
    arguments = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(tempfile.mkdtemp(prefix="pg-")))
        try:
            if "spread" in arguments.what:
                ideal = arguments.projects / AT_ONCE * STEPS * STEP_S
                ratios: dict[int, list[float]] = {count: [] for count in range(1, arguments.hosts + 1)}
                for _ in range(arguments.rounds):
                    alone = spread(server, 1, arguments.projects)
                    ratios[1].append(alone / ideal)
                    for count in range(2, arguments.hosts + 1):
                        ratios[count].append(spread(server, count, arguments.projects) / alone)
                rows.append(Row("1 host, to its ideal", statistics.median(ratios[1]), "x", "", ratios[1]))
                for count in range(2, arguments.hosts + 1):
                    goal = "≤ 0.6" if count == 2 else ""
                    rows.append(
                        Row(f"{count} hosts, to one", statistics.median(ratios[count]), "x", goal, ratios[count])
                    )
            if "steps" in arguments.what:
                found = [steps(server, Path(folder)) for _ in range(arguments.rounds)]
                rows.append(Row("200 jobs x 12 steps, to SQLite", statistics.median(found), "x", "≤ 3", found))
            if "takeover" in arguments.what:
                found = [takeover(server) for _ in range(arguments.rounds)]
                rows.append(Row("a killed host's jobs, taken over", statistics.median(found), "s", "≤ 30", found))
        finally:
            server.close()
    print_table(rows)


if __name__ == "__main__":
    main()
