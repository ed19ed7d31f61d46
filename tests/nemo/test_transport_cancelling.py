"""Requests cancelled at any turn of the loop leave nothing behind: no slot, no connection, no open socket."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

import pytest

from nemo_watch.nemo.transport import CALLS_AT_ONCE, STREAMS_AT_ONCE, TRANSFERS_AT_ONCE

BALANCE = b'{"data":{"available":1}}'
TURNS = 30


async def talk(reader, writer):
    """Short calls are answered; a message's stream begins and is held; a video comes to its half and is held."""
    while head := await reader.readuntil(b"\r\n\r\n"):
        if head.startswith(b"GET /api/credits"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BALANCE) + BALANCE)
            continue
        kind = b"video/mp4" if head.startswith(b"GET") else b"text/event-stream"
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500000\r\nContent-Type: %s\r\n\r\n: ping\n\n" % kind)
        await asyncio.Event().wait()


def works(client, url, part):
    return {
        "call": client.balance,
        "message": lambda: client.send_message("1", "hello", lambda _: None),
        "download": lambda: client.download(f"{url}/v", "r1", part),
    }


async def cancelled(work, turns):
    task = asyncio.ensure_future(work())
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def held(transport):
    """What a pool still holds beside connections that wait for the next call."""
    pools = [client._transport._pool for client in (transport.calls, transport.streams, transport.transfers)]
    return [request for pool in pools for request in pool._requests] + [
        connection for pool in pools for connection in pool.connections if not connection.is_idle()
    ]


@pytest.mark.parametrize("kind", ["call", "message", "download"])
async def test_random_cancels_leave_no_slot_and_no_connection_and_the_next_call_is_answered(
    client_for, serving, tmp_path, kind
):
    chance = random.Random(kind)
    async with serving(talk) as url, client_for(url) as client:
        for _ in range(5):
            tries = [works(client, url, tmp_path / f"part{number}")[kind] for number in range(12)]
            await asyncio.gather(*(cancelled(work, chance.randrange(TURNS)) for work in tries))
        transport = client._transport
        slots = [slot._value for slot in (transport.call_slots, transport.stream_slots, transport.transfer_slots)]
        assert (slots, held(transport)) == ([CALLS_AT_ONCE, STREAMS_AT_ONCE, TRANSFERS_AT_ONCE], [])
        assert (await client.balance()).available == 1
