"""Many whole lives in simulated time, with seeded faults and kills; after each the invariants of the README's promises hold.

A failure names its seed; `NEMO_WATCH_SEED=N` replays that life alone, `NEMO_WATCH_LIVES=N` soaks. One life is one film of one to
three messages, killed up to four times, under up to six faults, each restart on the same journal.
"""

from __future__ import annotations

import os
import random
import shutil
import time

import pytest

from nemo_watch.errors import Cause, Trouble
from nemo_watch.jobs import queue
from nemo_watch.model import JobState
from tests.sim.life import Fuse, Killed, Life, World, order
from tests.sim.simloop import simulated
from tests.sim.world import SimOutbox

LIVES = int(os.environ.get("NEMO_WATCH_LIVES", "80"))
BATCH = 50  # lives a test, so that a failure is found soon and the runners can share the work

FAULTS = {
    "session": [Cause.NETWORK_DOWN, Cause.SERVICE_DOWN, Cause.RATE_LIMITED, Cause.ANSWER_UNREADABLE],
    "upload": [Cause.NETWORK_DOWN, Cause.SERVICE_DOWN, Cause.FILE_CHANGED, Cause.RATE_LIMITED],
    "state": [Cause.NETWORK_DOWN, Cause.SERVICE_DOWN, Cause.ANSWER_UNREADABLE],
    "submit": [Cause.NETWORK_DOWN, Cause.SERVICE_DOWN, Cause.PLAN_BLOCKS_EXPORT],
    "submitted": [Cause.NETWORK_DOWN, Cause.SERVICE_DOWN],
    "render": [Cause.NETWORK_DOWN, Cause.SERVICE_DOWN, Cause.ANSWER_UNREADABLE],
    "download": [Cause.NETWORK_DOWN, Cause.DOWNLOAD_BROKEN],
    "message": [
        Cause.NETWORK_DOWN,
        Cause.RATE_LIMITED,
        Cause.TOKEN_EXPIRED,
        Cause.OUT_OF_CREDITS,
    ],  # explicit: not taken
    "stream": [Cause.MESSAGE_UNSURE, Cause.AGENT_FAILED],  # after it was taken
}
_RETRIED = {Cause.PLAN_BLOCKS_EXPORT, Cause.RENDER_FAILED, Cause.RENDER_UNKNOWN}
NOT_TAKEN = {"message", "submit"}


def seeds() -> list[range]:
    """The seeds in batches; one alone to replay."""
    if "NEMO_WATCH_SEED" in os.environ:
        seed = int(os.environ["NEMO_WATCH_SEED"])
        return [range(seed, seed + 1)]
    return [range(start, min(start + BATCH, LIVES)) for start in range(0, LIVES, BATCH)]


@pytest.mark.parametrize("batch", seeds(), ids=lambda batch: f"{batch.start}-{batch.stop - 1}")
@pytest.mark.timeout(600)
def test_lives_under_faults_and_kills(tmp_path, clock, batch):
    async def lives():
        for seed in batch:
            life = await lived(tmp_path / str(seed), clock, random.Random(seed))
            await check(life, seed)

    simulated(lives)


@pytest.mark.skipif("NEMO_WATCH_SOAK_S" not in os.environ, reason="the soak: set NEMO_WATCH_SOAK_S to its seconds")
@pytest.mark.timeout(0)
def test_soak(tmp_path, clock, capsys):
    """Lives with new seeds for so many seconds; then what a minute of it covers. A failure names its seed."""
    wanted_s = float(os.environ["NEMO_WATCH_SOAK_S"])
    first = int(os.environ.get("NEMO_WATCH_SEED", time.time_ns() // 10**6 % 10**9))
    began, spent_s, lives, kills, simulated_s = time.monotonic(), 0.0, 0, 0, 0.0
    while spent_s < wanted_s:
        seed = first + lives

        async def one(seed: int = seed) -> tuple[int, float]:
            life = await lived(tmp_path / "life", clock, random.Random(seed))
            await check(life, seed)
            return life.kills, clock.monotonic()

        killed, lived_s = simulated(one)
        shutil.rmtree(tmp_path / "life")
        lives, kills, simulated_s = lives + 1, kills + killed, simulated_s + lived_s
        spent_s = time.monotonic() - began
    minutes = spent_s / 60
    with capsys.disabled():
        print(
            f"\nsoak: seeds {first} to {first + lives - 1}; a minute of it covers {lives / minutes:.0f} lives, "
            f"{kills / minutes:.0f} kills and {simulated_s / 86400 / minutes:.1f} simulated days ({minutes:.1f} minutes in all)"
        )


async def lived(where, clock, chance: random.Random) -> Life:
    """One life to its end: a finished film, or one that waits for a person."""
    (where / "outbox").mkdir(parents=True)
    world = World(
        refill=10.0,
        finishes_cut_messages=chance.random() < 0.7,
        silent=chance.random() < 0.3,
        message_s=chance.choice([1.0, 90.0, 700.0]),
        render_s=chance.choice([1.0, 65.0, 1000.0]),
    )
    for name in chance.sample(sorted(FAULTS), chance.randint(0, 4)):
        world.faults[name] = [
            Trouble(chance.choice(FAULTS[name]), not_taken=name in NOT_TAKEN) for _ in range(chance.randint(1, 2))
        ]
    fuse = Fuse()
    life = Life(where / "state" / "journal.db", clock, world, SimOutbox(where / "outbox", fuse), fuse)
    await life.place(order(*(f"message {n}" for n in range(chance.randint(1, 3)))))
    for _ in range(chance.randint(0, 4)):
        fuse.at, fuse.after = fuse.calls + chance.randint(1, 12), chance.random() < 0.5
        try:
            await _live_with_help(life)
        except Killed:
            life.kills += 1
            continue
        break
    fuse.at = None
    await _live_with_help(life)
    return life


async def _live_with_help(life: Life) -> None:
    """Live; a person retries what only needs a `retry` (a blocked plan, a failed film)."""
    await life.live(limit_s=2 * 86400.0)
    while [job.id for job in await life.jobs() if job.cause in _RETRIED]:
        await life.live(limit_s=2 * 86400.0, asked=lambda c: _requeue(c, 1))


def _requeue(connection, number: int) -> None:
    from nemo_watch.jobs import tables

    job = tables.job
    connection.execute(
        job.update().where(job.c.id == number).values(state=JobState.QUEUED.value, cause=None, due_at=None)
    )


async def check(life: Life, seed: int) -> None:
    """Each message at most once; one whole video or a question to a person; nothing half made left behind."""
    told = f"seed {seed}: {[job.state for job in await life.jobs()]} {life.world.paid}"
    texts = [text for _, text in life.world.paid]
    assert len(texts) == len(set(texts)), f"paid twice, {told}"
    [job] = await life.jobs()
    wish = list(queue.order_from_json(job.order).wish)
    if job.state == JobState.DONE:
        assert texts == wish, f"not all was sent, {told}"
        assert job.video is not None, told
        assert len(list(life.outbox.folder.glob("film-v*.mp4"))) == 1, told
        assert not list(life.outbox.folder.glob(".*")), f"a temporary file was left, {told}"
    else:
        assert job.state == JobState.PARKED, told
        assert job.cause in {Cause.MESSAGE_UNSURE, Cause.AGENT_FAILED}, f"{job.cause} {told}"
    assert len(life.world.submitted) <= 1, f"rendered twice, {told}"
