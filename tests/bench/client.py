"""Our client in a process of its own, for the benchmarks: one piece of work, and what it cost as a line of JSON.

    python -m tests.bench.client URL upload FILE [--times 8] [--slow] [--ticking]
    python -m tests.bench.client URL download FILE [--link /video]
    python -m tests.bench.client URL /events [--frames]

`wall` and `cpu` are seconds; `peak` is megabytes held at most, `growth` those over the client that has just been started. `--ticking` looks every 2 ms how long the
loop stands still (`stall`, seconds); it costs CPU of its own, so what it costs is measured without. `--slow` reads at 20 MB/s. `--frames` stops where httpx-sse stops: at each event's name and JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import time
from pathlib import Path

from nemo_watch.clock import SystemClock
from nemo_watch.config import Pace
from nemo_watch.errors import Trouble
from nemo_watch.nemo.client import NemoClient
from nemo_watch.nemo.sse import FrameReader
from nemo_watch.nemo.stream import StreamReader
from nemo_watch.nemo.wire import Attribution

TICK_S = 0.002
SLOW_BYTES_A_SECOND = 20_000_000


class Account:
    """An account that has its token."""

    async def bearer(self) -> str:
        """The token."""
        return "nmv_usr_bench12345678"

    async def renew(self, rejected: str) -> str:
        """The same."""
        return await self.bearer()

    async def client_id(self) -> str:
        """An id."""
        return "c"

    def accepted(self, bearer: str) -> None:
        """Nothing to note."""

    async def learn(self, user_id: str) -> None:
        """Nothing to learn."""

    def how_to_get_credits(self) -> str:
        """None are needed."""
        return ""


class SlowFile(io.FileIO):
    """A file on a disk of 20 MB/s: whoever reads it stands still meanwhile."""

    def read(self, size: int | None = -1) -> bytes:
        """The next bytes, when the disk would have them."""
        data = super().read(size)
        time.sleep(len(data) / SLOW_BYTES_A_SECOND)
        return data


def made(url: str) -> NemoClient:
    """A client, not started yet."""
    return NemoClient(url, Attribution(), Account(), Pace(), SystemClock())


def peak_mb() -> float:
    """The most memory that this process has held since `forget_peak`."""
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) * 1024 / 1e6


def forget_peak() -> None:
    """Let the peak be what is held now."""
    Path("/proc/self/clear_refs").write_text("5")


async def tick(found: list[float]) -> None:
    """Note by how much each tick came late."""
    while True:
        began = time.perf_counter()
        await asyncio.sleep(TICK_S)
        found.append(time.perf_counter() - began - TICK_S)


async def upload(client: NemoClient, path: Path, times: int, *, slow: bool) -> None:
    """The file, so many times at once."""
    size = os.path.getsize(path)  # noqa: ASYNC240, PTH202  before anything runs
    open_file = (
        (lambda: SlowFile(path)) if slow else (lambda: io.FileIO(path))
    )  # unbuffered, as the inbox's readers are
    await asyncio.gather(*(client.upload(str(number), path.name, size, open_file) for number in range(times)))


class JsonReader:
    """What httpx-sse gives of a stream, and its user's own `json.loads`."""

    def __init__(self) -> None:
        self._frames = FrameReader()

    def feed(self, chunk: bytes) -> list[object]:
        """The JSON of the events that `chunk` completes."""
        return [json.loads(frame.data) for frame in self._frames.feed(chunk)]


async def read_events(client: NemoClient, endpoint: str, *, frames: bool) -> str:
    """All events of a stream; the trouble that ended it, if any."""
    reader, count = JsonReader() if frames else StreamReader(), 0
    transport = client._transport
    try:
        async with transport.streams.stream("GET", transport.url(endpoint)) as response:
            async for chunk in response.aiter_raw():
                count += len(reader.feed(chunk))
    except Trouble as trouble:
        return trouble.cause.name
    assert count >= 1
    return ""


async def main(arguments: argparse.Namespace) -> None:
    """Does what was asked for, and prints what it cost."""
    client = made(arguments.url)
    await client.start()
    await client.balance()
    stalls: list[float] = []
    ticking = asyncio.create_task(tick(stalls)) if arguments.ticking else None
    await asyncio.sleep(0.05)
    stalls.clear()
    forget_peak()
    held_mb, began, cpu, trouble = peak_mb(), time.perf_counter(), time.process_time(), ""
    if arguments.what == "upload":
        await upload(client, arguments.path, arguments.times, slow=arguments.slow)
    elif arguments.what == "download":
        await client.download(arguments.url + arguments.link, "render_1", arguments.path)
    else:
        trouble = await read_events(client, arguments.what, frames=arguments.frames)
    found = {"wall": time.perf_counter() - began, "cpu": time.process_time() - cpu}
    found |= {"peak": peak_mb(), "growth": peak_mb() - held_mb}
    if ticking is not None:
        ticking.cancel()
    print(json.dumps({**found, "stall": max(stalls, default=0.0), "trouble": trouble}))
    await client.aclose()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("what")
    parser.add_argument("path", type=Path, nargs="?", default=Path())
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--slow", action="store_true")
    parser.add_argument("--link", default="/video")
    parser.add_argument("--frames", action="store_true")
    parser.add_argument("--ticking", action="store_true")
    asyncio.run(main(parser.parse_args()))
