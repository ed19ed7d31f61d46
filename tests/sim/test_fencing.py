"""Two daemons on one journal: the first is frozen at a call, the second takes the film over, then the first is woken.

Whoever comes back finds its fence gone: it writes nothing any more, and no message is sent by both.
"""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest

from tests.sim.life import Fuse, Life, World, order
from tests.sim.simloop import SimClock, simulated
from tests.sim.test_points import chosen
from tests.sim.world import SimOutbox


async def _life(where: Path, fuse: Fuse) -> Life:
    (where / "outbox").mkdir(parents=True)
    life = Life(where / "state" / "journal.db", SimClock(), World(), SimOutbox(where / "outbox", fuse), fuse)
    await life.place(order("one", "two"))
    return life


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("woken", ["in the middle of the other's work", "when the other is through"])
def test_a_frozen_daemon_that_was_taken_over_pays_nothing_more_and_writes_nothing(
    tmp_path: Path, after: bool, woken: str
) -> None:
    async def count() -> list[str]:
        life = await _life(tmp_path / "count", Fuse())
        await life.live()
        return life.fuse.names

    for at, name in chosen(simulated(count)):
        simulated(partial(_taken_over, tmp_path / str(at), at, name, after=after, woken=woken))


async def _taken_over(where: Path, at: int, name: str, *, after: bool, woken: str) -> None:
    frozen, thawed = asyncio.Event(), asyncio.Event()

    async def freeze(_name: str) -> None:
        frozen.set()
        await thawed.wait()

    life = await _life(where, Fuse(at, after, deed=freeze))
    first = asyncio.create_task(life.live(limit_s=1e9))
    await frozen.wait()
    second = asyncio.create_task(life.live(limit_s=1e9))
    if woken == "when the other is through":
        await second
    else:
        await asyncio.sleep(30.0)
    before = [(job.state, job.owner, job.fence) for job in await life.jobs()]
    thawed.set()
    troubles = [*await second, *await first]
    told = f"{at} {name} {before} {life.world.paid} {troubles}"
    texts = [text for _, text in life.world.paid]
    assert len(texts) == len(set(texts)), f"paid twice, {told}"
    assert len(life.world.submitted) <= 1, f"rendered twice, {told}"
    [job] = await life.jobs()
    assert job.owner == "boot-2", told
    assert job.state in {"done", "parked"}, told
    if job.state == "done":
        assert texts == ["one", "two"], told
        assert len(list((where / "outbox").glob("*.mp4"))) == 1, told
    else:
        assert job.cause == "message_unsure", told
