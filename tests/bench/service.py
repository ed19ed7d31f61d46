"""A service without a mind, in a process of its own: it takes uploads, gives videos, streams events, and holds what it is told to hold.

    python -m tests.bench.service HOW [FILE]      prints its address, then serves until it is killed

HOW is `plain`, or `waiting`: then every second message's stream is held open with a ping each 15 s, and no render ever ends; or `held`:
then every stream is. FILE is what `GET /video` gives, with ranges; `GET /held/N` gives N bytes of it, and the rest only when it is asked for
by its range. `GET /events` streams EVENTS events, each in a chunk of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

PIECE_BYTES = 1 << 20
EVENTS = 40_000
PING_S = 15.0
DRAFT = {"t": [{"tt": 0, "sg": [{"d": 1000, "m": {"name": "a"}}]}], "d": 1000}
HEAD = "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nConnection: keep-alive\r\n{more}\r\n"
WORDS = {"author": "agent", "partial": True, "content": {"parts": [{"text": "a few words of a reply, as they come "}]}}


class Service:
    """One process's service."""

    def __init__(self, how: str, video: Path | None) -> None:
        self.how = how
        self.video = video
        self.sessions = 0
        self.messages = 0
        self.said: set[str] = set()

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Request after request, until the other side goes."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode("latin-1").split("\r\n")
                headers = {key.lower(): value for key, _, value in (line.partition(": ") for line in lines)}
                method, path, _ = first.split(" ")
                await self.answer(method, path, headers, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def answer(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """One request."""
        length = int(headers.get("content-length", "0"))
        if path.startswith("/api/upload-video"):
            while length:
                length -= len(await reader.read(min(length, PIECE_BYTES)))
            self.json(writer, {"code": 0, "data": {"files": [{"filename": "a", "file_type": "image"}]}})
            return
        body = await reader.readexactly(length)
        if path == "/run_sse":
            await self.stream(json.loads(body)["session_id"], writer)
        elif path in {"/events", "/large", "/endless"}:
            await self.events(path, writer)
        elif path.startswith("/held/") and "range" not in headers:
            await self.give(headers, writer, int(path.removeprefix("/held/")))
            await asyncio.Event().wait()
        elif path.startswith("/held/") or path.endswith(("/video", "/download")):
            await self.give(headers, writer)
        else:
            self.json(writer, {"code": 0, "data": self.data(method, path)})

    def data(self, method: str, path: str) -> dict[str, object]:
        """What a short call is answered with."""
        if "/tasks/" in path:
            self.sessions += 1
            return {"session_id": str(10**18 + self.sessions), "task_id": f"t{self.sessions}", "user_id": "u"}
        if "/state/" in path:
            session = path.split("/")[-2]
            return {"state": {"draft": DRAFT} if session in self.said else {}}
        if "/credits/" in path:
            return {"available": 1000, "frozen": 0, "total": 1000}
        if "anonymous" in path:
            return {
                "token": "nmv_usr_bench12345678",
                "user_id": "u",
                "credits": 100,
                "expires_at": "2099-01-01T00:00:00Z",
            }
        return {"status": "pending" if method == "POST" else "processing", "progress": 10}

    def json(self, writer: asyncio.StreamWriter, value: object) -> None:
        """A short answer."""
        data = json.dumps(value).encode()
        head = HEAD.format(status="200 OK", kind="application/json", more=f"Content-Length: {len(data)}\r\n")
        writer.write(head.encode() + data)

    async def stream(self, session: str, writer: asyncio.StreamWriter) -> None:
        """A reply: at once, or never and a ping now and then."""
        self.messages += 1
        held = self.how == "held" or (self.how == "waiting" and self.messages % 2 == 0)
        writer.write(
            HEAD.format(status="200 OK", kind="text/event-stream", more="Transfer-Encoding: chunked\r\n").encode()
        )
        while held:
            _chunk(writer, b": ping\n\n")
            await asyncio.sleep(PING_S)
            if writer.is_closing():
                return
        self.said.add(session)
        _chunk(writer, _event({**WORDS, "partial": False}))
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    async def events(self, path: str, writer: asyncio.StreamWriter) -> None:
        """Many small events, one of 16 MB in pieces of 64 KiB, or a line of 200 MB."""
        writer.write(
            HEAD.format(status="200 OK", kind="text/event-stream", more="Transfer-Encoding: chunked\r\n").encode()
        )
        if path == "/events":
            event = _event(WORDS)
            for number in range(EVENTS):
                _chunk(writer, event)
                if number % 50 == 0:
                    await writer.drain()
        else:
            text = "x" * (200_000_000 if path == "/endless" else 16_000_000)
            large = _event({"author": "agent", "partial": False, "content": {"parts": [{"text": text}]}})
            for at in range(0, len(large), 65_536):
                _chunk(writer, large[at : at + 65_536])
                await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    async def give(self, headers: dict[str, str], writer: asyncio.StreamWriter, most: int | None = None) -> None:
        """The video, or the rest of it, or its first bytes at most."""
        assert self.video is not None
        size = self.video.stat().st_size
        wanted = headers.get("range", "").removeprefix("bytes=").rstrip("-")
        at = int(wanted or 0)
        if at >= size:
            more = f"Content-Range: bytes */{size}\r\nContent-Length: 0\r\n"
            writer.write(HEAD.format(status="416 Range Not Satisfiable", kind="video/mp4", more=more).encode())
            return
        more = f'ETag: "one"\r\nContent-Length: {size - at}\r\n'
        if wanted:
            more += f"Content-Range: bytes {at}-{size - 1}/{size}\r\n"
        writer.write(
            HEAD.format(status="206 Partial Content" if wanted else "200 OK", kind="video/mp4", more=more).encode()
        )
        await writer.drain()
        with self.video.open("rb") as file:
            await asyncio.get_running_loop().sendfile(writer.transport, file, at, most or size - at)


def _event(value: object) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def _chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


async def main() -> None:
    """Serves."""
    service = Service(sys.argv[1], Path(sys.argv[2]) if len(sys.argv) > 2 else None)
    server = await asyncio.start_server(service.connection, "127.0.0.1", 0, limit=PIECE_BYTES, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    os.set_blocking(0, True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
