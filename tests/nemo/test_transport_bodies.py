"""A body of known length is read off its connection, every other one through httpx: the same bytes, and every cut is noticed."""

from __future__ import annotations

import socket
import struct

import httpx
import pytest

from nemo_watch.nemo.transport import Transport, raw_chunks

BODY = bytes(range(256)) * 8_000
LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
BOTH = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n"
ENDLESS = b"HTTP/1.0 200 OK\r\n\r\n"
CUT = 300_000


def chunked(body):
    pieces = [body[at : at + 70_000] for at in range(0, len(body), 70_000)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@pytest.fixture
def body_of(serving):
    """What `raw_chunks` gives of an answer that is written in these parts and then closed, or reset; and the connections left."""

    async def made(*parts, reset=False):
        async def talk(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            for part in parts:
                writer.write(part)
                await writer.drain()
            if reset:
                await reader.read(1)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()

        got = bytearray()
        async with serving(talk) as url:
            transport = Transport(url)
            await transport.start()
            try:
                async with transport.transfers.stream("GET", url) as response:
                    async for chunk in raw_chunks(response):
                        got += chunk
                        if reset and len(got) == CUT:
                            await response.extensions["network_stream"].write(b"x")
                assert transport.transfers._transport._pool.connections == []
            except httpx.HTTPError as error:
                return bytes(got), type(error)
            finally:
                await transport.aclose()
        return bytes(got), None

    return made


@pytest.mark.parametrize(
    "parts",
    [[LENGTH + BODY], [LENGTH, BODY], [LENGTH + BODY[:1], BODY[1:]], [LENGTH + BODY, b"HTTP/1.1 200 OK\r\n\r\nmore"],
     [CHUNKED + chunked(BODY)], [CHUNKED, chunked(BODY)], [BOTH, chunked(BODY)], [ENDLESS, BODY]],
)  # fmt: skip
async def test_every_framing_gives_the_bytes_that_were_sent_and_none_beyond(body_of, parts):
    assert await body_of(*parts) == (BODY, None)


async def test_an_empty_body_gives_nothing(body_of):
    assert await body_of(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") == (b"", None)


@pytest.mark.parametrize("parts", [[LENGTH + BODY[:CUT]], [CHUNKED + chunked(BODY)[:CUT]], [LENGTH]])
async def test_a_body_that_is_cut_gives_what_came_and_an_error(body_of, parts):
    got, error = await body_of(*parts)
    assert BODY.startswith(got)
    assert error is httpx.RemoteProtocolError


async def test_a_reset_in_the_middle_is_an_error_of_httpx(body_of):
    assert await body_of(LENGTH + BODY[:CUT], reset=True) == (BODY[:CUT], httpx.ReadError)
