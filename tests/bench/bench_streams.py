"""Streams that are held open: what they cost, what short calls cost beside them, and what cancelled calls leave behind. A script, not a test.

    python -m tests.bench.bench_streams [held] [cancels] [--rounds 7] [--streams 500] [--cancels 10000] [--watch-s 30]

`held`: rounds of short calls without a stream and with so many, in turn; CPU of the client alone, whose service is a process of its own
and pings each 15 s. `cancels`: calls, streams and downloads cancelled after a few turns of the loop; a slot that is not free
afterwards is leaked, and so is a connection that a pool still holds for nobody.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from nemo_watch.errors import Cause, Trouble
from nemo_watch.nemo.client import NemoClient
from nemo_watch.nemo.transport import CALLS_AT_ONCE, STREAMS_AT_ONCE, TRANSFERS_AT_ONCE
from tests.bench.bench_transfers import clip, serving
from tests.bench.client import forget_peak, made, peak_mb
from tests.bench.table import Row, print_table

CALLS = 200
CANCELS_AT_ONCE = 20
TURNS = 30
Work = Callable[[], Coroutine[Any, Any, object]]


async def call_cpu_s(client: NemoClient) -> float:
    """CPU seconds of one short call."""
    began = time.process_time()
    for _ in range(CALLS):
        await client.balance()
    return (time.process_time() - began) / CALLS


async def talked(client: NemoClient, pinged: asyncio.Event) -> None:
    """One message, whose stream tells that it pings."""
    await client.send_message("1", "go on", lambda _: pinged.set())


async def held(client: NemoClient, count: int) -> list[asyncio.Task[Any]]:
    """So many streams, each of which has pinged once."""
    pinged = [asyncio.Event() for _ in range(count)]
    talks = [asyncio.create_task(talked(client, event)) for event in pinged]
    for event in pinged:
        await event.wait()
    return talks


async def let_go(talks: list[asyncio.Task[Any]]) -> None:
    """End them."""
    for talk in talks:
        talk.cancel()
    await asyncio.gather(*talks, return_exceptions=True)


async def bench_held(url: str, rounds: int, count: int, watch_s: float) -> list[Row]:
    """Streams held, and short calls beside them."""
    client = made(url)
    await client.start()
    await call_cpu_s(client)
    forget_peak()
    before_mb, ratios = peak_mb(), []
    for number in range(rounds):
        alone = await call_cpu_s(client)
        talks = await held(client, count)
        if number == 0:
            grown_mb = peak_mb() - before_mb
            began = time.process_time()
            await asyncio.sleep(watch_s)
            share = (time.process_time() - began) / watch_s * 100
        ratios.append(await call_cpu_s(client) / alone)
        await let_go(talks)
    await client.aclose()
    return [
        Row(f"{count} streams: growth of memory", grown_mb, "MB", "≤ 20"),
        Row("CPU of a core meanwhile, a ping each 15 s", share, "%", "≤ 2"),
        Row("CPU of a short call beside them, to one without", statistics.median(ratios), "x", "≤ 1.3", ratios),
    ]


async def cancelled(work: Work, turns: int) -> Cause | None:
    """Cancel `work` after so many turns of the loop; what it failed with instead, if it did."""
    task = asyncio.ensure_future(work())
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    try:
        with suppress(asyncio.CancelledError):
            await task
    except Trouble as trouble:
        return trouble.cause
    return None


def leaked(client: NemoClient) -> int:
    """Slots that are not free, and requests that a pool still serves, when nothing is under way."""
    transport = client._transport
    slots = (
        (transport.call_slots, CALLS_AT_ONCE),
        (transport.stream_slots, STREAMS_AT_ONCE),
        (transport.transfer_slots, TRANSFERS_AT_ONCE),
    )
    pools = [client._transport._pool for client in (transport.calls, transport.streams, transport.transfers)]  # type: ignore[attr-defined]
    busy = sum(len(pool._requests) + sum(not one.is_idle() for one in pool.connections) for pool in pools)
    return sum(whole - slot._value for slot, whole in slots) + busy


async def bench_cancels(url: str, count: int, place: Path) -> list[Row]:
    """Random cancels; what is left of them."""
    client, chance = made(url), random.Random(4)
    await client.start()
    failed: list[Cause | None] = []

    async def one(number: int) -> None:
        kinds: list[Work] = [
            client.balance,
            lambda: client.send_message("1", "go on", lambda _: None),
            lambda: client.download(f"{url}/video", "r", place / f"part{number % CANCELS_AT_ONCE}"),
        ]
        failed.append(await cancelled(chance.choice(kinds), chance.randrange(TURNS)))

    for first in range(0, count, CANCELS_AT_ONCE):
        await asyncio.gather(*map(one, range(first, first + CANCELS_AT_ONCE)))
    began = time.perf_counter()
    await client.balance()
    rows = [
        Row(f"{count} random cancels: leaked slots", leaked(client), "", "0"),
        Row("of these, ended by a trouble of their own", sum(cause is not None for cause in failed), "", "0"),
        Row("the next call, as it should be", (time.perf_counter() - began) * 1000, "ms", "no PoolTimeout"),
    ]
    await client.aclose()
    return rows


def main() -> None:
    """Runs what was asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", choices=[[], "held", "cancels"], default=[])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--cancels", type=int, default=10_000)
    parser.add_argument("--watch-s", type=float, default=30.0)
    arguments = parser.parse_args()
    what = arguments.what or ["held", "cancels"]
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        with serving("held", str(clip(place, 1))) as url:
            if "held" in what:
                rows += asyncio.run(bench_held(url, arguments.rounds, arguments.streams, arguments.watch_s))
            if "cancels" in what:
                rows += asyncio.run(bench_cancels(url, arguments.cancels, place))
    print_table(rows)


if __name__ == "__main__":
    main()
