"""A download whose process is killed goes on where it was: at most a mebibyte is fetched again, and the file is the same."""

from __future__ import annotations

import asyncio
import hashlib
import random
import sys

import pytest

VIDEO = random.Random(7).randbytes(6_000_000)
MOST_AGAIN_BYTES = 1024 * 1024
PIECE_BYTES = 512 * 1024  # what comes is told in pieces of at most so much
CHILD = """
import asyncio, sys
from pathlib import Path
from nemo_watch.clock import SystemClock
from nemo_watch.config import Pace
from nemo_watch.nemo.client import NemoClient
from nemo_watch.nemo.wire import Attribution

class Account:
    async def bearer(self):
        return "token"
    def accepted(self, bearer):
        pass

async def main(url, part):
    client = NemoClient(url, Attribution(), Account(), Pace(), SystemClock())
    await client.start()
    await client.download(url + "/v", "r1", Path(part), lambda size: print(size, flush=True))

asyncio.run(main(*sys.argv[1:]))
"""


class Host:
    """Gives `given` bytes of the video and holds the rest back, which it gives to whoever asks for it by its range."""

    def __init__(self, given):
        self.given, self.starts = given, []

    async def __call__(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        start = int(head.partition("Range: bytes=")[2].partition("-")[0] or 0)
        self.starts.append(start)
        told = f"Content-Range: bytes {start}-{len(VIDEO) - 1}/{len(VIDEO)}\r\n" if start else ""
        status = "206 Partial" if start else "200 OK"
        length = len(VIDEO) - start
        writer.write(f'HTTP/1.1 {status}\r\nETag: "e"\r\n{told}Content-Length: {length}\r\n\r\n'.encode())
        writer.write(VIDEO[start:] if start else VIDEO[: self.given])
        await writer.drain()
        if not start:
            await asyncio.Event().wait()


@pytest.mark.parametrize("given", [2_100_000, 5_999_999])
async def test_a_killed_download_fetches_at_most_a_mebibyte_again_and_ends_as_the_same_file(
    client_for, serving, tmp_path, given
):
    part, host = tmp_path / "video.part", Host(given)
    async with serving(host) as url:
        words = [sys.executable, "-c", CHILD, url, str(part)]
        child = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
        while int(await child.stdout.readline()) + PIECE_BYTES < given:
            pass
        child.kill()
        await child.wait()
        async with client_for(url) as client:
            await client.download(f"{url}/v", "r1", part)
    assert hashlib.sha256(part.read_bytes()).digest() == hashlib.sha256(VIDEO).digest()
    assert host.starts[0] == 0
    assert 0 <= given - host.starts[1] <= MOST_AGAIN_BYTES
