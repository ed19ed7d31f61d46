"""Uploads on a raw loopback server: byte for byte, refused early, reset, and of files that change. API text "Upload"."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import io
import json
import socket
import struct
import threading

import httpx
import pytest

from nemo_watch.errors import Cause, Trouble

DONE = json.dumps({"code": 0, "data": {"files": [{"filename": "a.jpg"}]}}).encode()
BALANCE = b'{"data":{"available":1}}'


def answer(status, body=b"", reason="X"):
    return f"HTTP/1.1 {status} {reason}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


async def head_of(reader):
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    return lines[0], {line.split(": ", 1)[0].lower(): line.split(": ", 1)[1] for line in lines[1:] if line}


def reset(writer):
    """Close with a reset, as a server that is not interested in the rest."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Spy(io.BytesIO):
    def __init__(self, data):
        super().__init__(data)
        self.read_bytes = 0

    def read(self, size=-1):
        data = super().read(size)
        self.read_bytes += len(data)
        return data


async def test_a_file_arrives_byte_for_byte_with_its_length_announced(client_for, serving):
    data, seen, told = bytes(range(256)) * 12_345, {}, []

    async def talk(reader, writer):
        seen["line"], seen["headers"] = await head_of(reader)
        seen["body"] = await reader.readexactly(int(seen["headers"]["content-length"]))
        writer.write(answer(200, DONE))
        await writer.drain()

    spy = Spy(data)
    async with serving(talk) as url, client_for(url) as client:
        (file,) = await client.upload("77", '照"片.jpg', len(data), lambda: spy, told.append)
    assert file.filename == "a.jpg"
    assert seen["line"] == "POST /api/upload-video/nemo_agent/me/77 HTTP/1.1"
    assert seen["headers"]["x-skill-platform"] == "unknown"
    assert "transfer-encoding" not in seen["headers"]
    boundary = seen["headers"]["content-type"].split("boundary=")[1]
    head, _, rest = seen["body"].partition(b"\r\n\r\n")
    assert head.decode().startswith(f"--{boundary}\r\n")
    assert 'name="files"; filename="照%22片.jpg"' in head.decode()
    assert rest.removesuffix(f"\r\n--{boundary}--\r\n".encode()) == data
    assert told == sorted(told)
    assert told[-1] == len(data)
    await asyncio.get_running_loop().run_in_executor(None, lambda: None)
    assert spy.closed


@pytest.mark.parametrize("status", [413, 401])
async def test_an_early_refusal_is_heard_while_the_file_is_still_being_sent(client_for, serving, status, given_account):
    data = bytes(60_000_000)
    spy = Spy(data)
    heard = asyncio.Event()

    async def talk(reader, writer):
        await head_of(reader)
        writer.write(answer(status))
        await writer.drain()
        await heard.wait()  # the server reads no further: only an early look ends this

    async with serving(talk) as url, client_for(url, account=given_account) as client:
        with pytest.raises(Trouble) as raised:
            await client.upload("1", "a.mp4", len(data), lambda: spy)
        heard.set()
    assert raised.value.cause is {413: Cause.FILE_TOO_LARGE, 401: Cause.TOKEN_REJECTED}[status]
    assert spy.read_bytes < len(data)


async def test_a_reset_in_the_middle_asks_the_service_why(client_for, serving):
    asked = []

    async def talk(reader, writer):
        line, _ = await head_of(reader)
        asked.append(line)
        if line.startswith("POST"):
            await reader.readexactly(100_000)
            reset(writer)
        else:
            writer.write(answer(200, BALANCE))
            await writer.drain()

    data = bytes(40_000_000)
    async with serving(talk) as url, client_for(url) as client:
        with pytest.raises(Trouble) as raised:
            await client.upload("1", "a.mp4", len(data), lambda: io.BytesIO(data))
    assert raised.value.cause is Cause.NETWORK_DOWN
    assert [line.split()[0] for line in asked] == ["POST", "GET"]


@pytest.mark.parametrize("there", [2_000_000, 4_000_000, 0])
async def test_a_file_of_another_size_than_measured_is_never_sent_whole(client_for, serving, there):
    got = bytearray()

    async def talk(reader, writer):
        await head_of(reader)
        while piece := await reader.read(65536):
            got.extend(piece)

    async with serving(talk) as url, client_for(url) as client:
        with pytest.raises(Trouble) as raised:
            await client.upload("1", "a.mp4", 3_000_000, lambda: io.BytesIO(bytes(there)))
    assert raised.value.cause is Cause.FILE_CHANGED
    assert raised.value.data["file"] == "a.mp4"
    assert b"--\r\n" not in bytes(got[-10:])


@pytest.mark.parametrize(
    ("error", "cause"),
    [(FileNotFoundError(2, "gone"), Cause.MEDIA_GONE), (OSError(5, "I/O error"), Cause.FILE_UNREADABLE)],
)
async def test_a_file_that_cannot_be_read_is_its_own_trouble(client_for, serving, error, cause):
    class Bad(io.BytesIO):
        def read(self, size=-1):
            raise error

    async def talk(reader, writer):
        await reader.read()

    async with serving(talk) as url, client_for(url) as client:
        with pytest.raises(Trouble) as raised:
            await client.upload("1", "a.mp4", 10, Bad)
    assert raised.value.cause is cause


async def test_a_read_that_fails_after_its_upload_was_cancelled_is_nobodys_error(client_for, serving):
    reads, lets_go, spoken = threading.Event(), threading.Event(), []

    class Slow(io.BytesIO):
        def read(self, size=-1):
            reads.set()
            lets_go.wait(10)
            raise ValueError("I/O operation on closed file")

    async def talk(reader, writer):
        await reader.read()

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: spoken.append(context))
    async with serving(talk) as url, client_for(url) as client:
        upload = asyncio.ensure_future(client.upload("1", "a.mp4", 10, Slow))
        assert await asyncio.to_thread(reads.wait, 10)
        upload.cancel()
        with pytest.raises(asyncio.CancelledError):
            await upload
        lets_go.set()
    del upload
    await asyncio.sleep(0.05)
    gc.collect()
    await asyncio.sleep(0)
    assert spoken == []


@pytest.mark.looptime
async def test_a_file_over_the_limit_is_refused_before_a_byte_is_sent_or_read(client_for, answering):
    handler = answering()
    async with client_for(handler) as client:
        with pytest.raises(Trouble) as raised:
            await client.upload("1", "big.mp4", 500_000_001, lambda: 1 / 0)
    assert raised.value.cause is Cause.FILE_TOO_LARGE
    assert handler.requests == []


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("status", "body", "cause"),
    [
        (200, {"code": 4001, "message": "type"}, Cause.FILE_UNSUPPORTED),
        (415, b"", Cause.FILE_UNSUPPORTED),
        (200, {"code": 4002}, Cause.FILE_TOO_LARGE),
        (413, b"", Cause.FILE_TOO_LARGE),
        (404, {"detail": "Session not found: 1"}, Cause.SESSION_LOST),
        (200, {"code": 2001}, Cause.OUT_OF_CREDITS),
    ],
)
async def test_a_refusal_names_the_file(client_for, answering, status, body, cause):
    async with client_for(answering((status, body))) as client:
        with pytest.raises(Trouble) as raised:
            await client.upload("1", "a.jpg", 3, lambda: io.BytesIO(b"abc"))
    assert (raised.value.cause, raised.value.data["file"]) == (cause, "a.jpg")


@pytest.mark.looptime
async def test_a_token_that_expires_is_renewed_and_the_whole_file_sent_again(client_for, answering):
    handler = answering((401, b""), (200, DONE))
    async with client_for(handler) as client:
        await client.upload("1", "a.jpg", 3, lambda: io.BytesIO(b"abc"))
    bodies = [hashlib.sha256(request.content.split(b"\r\n\r\n")[1][:3]).hexdigest() for request in handler.requests]
    assert bodies[0] == bodies[1] == hashlib.sha256(b"abc").hexdigest()


@pytest.mark.looptime
async def test_an_upload_whose_answer_never_comes_meets_its_deadline(client_for):
    async def handler(request):
        if request.method == "GET":
            return httpx.Response(200, content=BALANCE)
        return await asyncio.sleep(100_000)

    async with client_for(handler) as client:
        with pytest.raises(Trouble) as raised:
            await client.upload("1", "a.jpg", 3, lambda: io.BytesIO(b"abc"))
    assert raised.value.cause is Cause.NETWORK_DOWN
    assert 300 <= asyncio.get_running_loop().time() < 1000  # simulated time runs on while threads read the file
