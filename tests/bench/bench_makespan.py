"""How long a film takes against a service of fixed latency, to its critical path. A script, not a test.

    python -m tests.bench.bench_makespan [--rounds 7] [--projects 50]

The daemon, its journal, its disk and its threads are real; the service answers every call after the same time, a message and a render
take theirs. The path is what cannot be shorter: the inbox's settling, each call after the other, and the looks at the render that
the service prescribes. Many projects are all at work at once, so their path is that of one.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import structlog

from nemo_watch.clock import SystemClock
from nemo_watch.daemon import supervise
from nemo_watch.daemon.wiring import open_journal
from nemo_watch.model import Overview
from tests.bench.table import Row, print_table
from tests.sim.house import HouseService, Points, Process, SimHouse
from tests.sim.world import World

CALL_S, MESSAGE_S, RENDER_S, POLL_S = 0.1, 15.0, 10.0, 5.0
SETTLE_S, PROJECT_SETTLE_S = 0.5, 1.0
CALLS = 9  # session, balance, upload, state before the film, state before the message, state after it, submit, and the last look, download
OPTIONS = {
    "inbox.settle": "500ms", "inbox.project_settle": "1s", "inbox.rescan": "30s", "inbox.watch": "auto", "inbox.prompt_wait": "1s",
    "service.pace.render_poll": "5s", "service.projects_at_once": 500, "service.uploads_at_once": 500,
    "service.paid_messages_a_day": 10_000,
}  # fmt: skip


def path_s() -> float:
    """The critical path of one film."""
    looks = math.ceil(RENDER_S / (POLL_S + CALL_S))  # that found the render still at work
    message_s = MESSAGE_S + 1  # the service's stream closes a second after its work is done
    return PROJECT_SETTLE_S + CALLS * CALL_S + message_s + CALL_S + looks * (POLL_S + CALL_S)


async def made(root: Path, projects: int) -> tuple[float, float]:
    """Seconds from the drop of the last folder until every film is done, and this process's CPU."""
    house = SimHouse(root, World(message_s=MESSAGE_S, render_s=RENDER_S, credits=1e6), **OPTIONS)
    house.call_s = CALL_S
    done = asyncio.Event()
    began = time.monotonic()

    def show(overview: Overview) -> None:
        if len(overview.films) == projects and all(row.state.value == "done" for row in overview.films):
            done.set()

    store = open_journal(house.config)
    service: Any = HouseService(house, Process(Points()))
    try:
        async with supervise.started(house.config, SystemClock(), store, service, once=False) as daemon:
            loop = asyncio.create_task(daemon._loop(show))
            await asyncio.sleep(0.5)
            if projects > 5:
                await store.do(_as_if_paid)  # else the brake of a first start holds them
            for number in range(projects):
                house.project(f"p{number}", f"film {number}", count=1)
            began, cpu = time.monotonic(), time.process_time()
            await done.wait()
            spent, cpu = time.monotonic() - began, time.process_time() - cpu
            daemon._stop()
            await loop
    finally:
        store.close()
    return spent, cpu


def _as_if_paid(connection: Any) -> None:
    from nemo_watch.jobs import records, tables
    from nemo_watch.model import FolderIdentity

    project = records.add_project(connection, "earlier", FolderIdentity(1, 1, None), "earlier", 0.0)
    records.add_film(connection, project, "", "earlier", 0.0, name="earlier", released=True)
    connection.execute(tables.project.update().values(gone=True))


def main() -> None:
    """Measures one and many in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--projects", type=int, default=50)
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    path = path_s()
    one: list[float] = []
    many: list[float] = []
    cpu: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(arguments.rounds):
            one.append(asyncio.run(made(Path(folder) / f"one{number}", 1))[0] / path)
            spent, cpu_s = asyncio.run(made(Path(folder) / f"many{number}", arguments.projects))
            many.append(spent / path)
            cpu.append(cpu_s / arguments.projects)
    print(f"the critical path is {path:.1f} s")
    print_table(
        [
            Row("one project, to its critical path", statistics.median(one), "x", "≤ 1.02", one),
            Row(
                f"{arguments.projects} projects at once, to the critical path of one",
                statistics.median(many),
                "x",
                "≤ 1.10",
                many,
            ),
            Row("one project, over its path", (statistics.median(one) - 1) * path, "s", ""),
            Row("CPU a film", statistics.median(cpu), "s", "", cpu),
        ]
    )


if __name__ == "__main__":
    main()
