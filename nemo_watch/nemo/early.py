"""An answer that comes while a file is still being sent: a refusal that saves the other 400 MB.

httpx looks at the answer only after the whole body; when the server closes meanwhile, the status is lost with it. So the
connection is looked at beside the sending, and an early answer is read from it. It must never read the answer that comes
after the body: the sender ends the watch before the last piece. Source: RFC 9112 §9.3 ("monitor the connection").
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import h11
import httpcore

from nemo_watch.nemo.refusals import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

LOOK_EVERY_S: Final = 0.25
_READ_LIMIT_S: Final = 2.0  # for the rest of an answer whose first bytes are here
_BODY_LIMIT_BYTES: Final = 64 * 1024


class EarlyAnswer:
    """Watches one request's connection. `trace` goes into the request's extensions, `ended` is awaited before its end.

    `now` dates the answer; `secrets` are texts that must not show in what it says.
    """

    def __init__(self, now: datetime, secrets: tuple[str, ...] = ()) -> None:
        self._now = now
        self._secrets = secrets
        self._stream: httpcore.AsyncNetworkStream | None = None
        self._last_piece = asyncio.Event()
        self._left = asyncio.Event()

    async def trace(self, name: str, info: Mapping[str, Any]) -> None:
        """Learn the connection as httpcore opens it; the TLS layer comes after the bare one."""
        if name.endswith((".connect_tcp.complete", ".start_tls.complete")):
            self._stream = info["return_value"]

    async def watched(self) -> Answer | None:
        """The early answer; None when the body is about to be whole."""
        try:
            while not self._last_piece.is_set():
                if self._stream is not None and self._stream.get_extra_info("is_readable"):
                    answer = await self._read(self._stream)
                    if answer is not None:
                        return answer
                await self._tick()
        finally:
            self._left.set()
        return None

    async def ended(self) -> None:
        """Come back when the watch is over, so that the answer to the whole body is not read here."""
        self._last_piece.set()
        await self._left.wait()

    async def _tick(self) -> None:
        try:
            async with asyncio.timeout(LOOK_EVERY_S):
                await self._last_piece.wait()
        except TimeoutError:
            pass

    async def _read(self, stream: httpcore.AsyncNetworkStream) -> Answer | None:
        """The answer on the wire; None when it was nothing but TLS's own talk, an interim answer, or a closed door."""
        parser = h11.Connection(h11.CLIENT)
        parser.send(h11.Request(method="POST", target="/", headers=[("Host", "-"), ("Content-Length", "0")]))
        parser.send(h11.EndOfMessage())
        head: h11.Response | None = None
        body = bytearray()
        try:
            while len(body) < _BODY_LIMIT_BYTES:
                event = parser.next_event()
                if event is h11.NEED_DATA:
                    parser.receive_data(await stream.read(64 * 1024, timeout=_READ_LIMIT_S))
                elif isinstance(event, h11.Response):
                    head = event
                elif isinstance(event, h11.Data):
                    body += event.data
                elif not isinstance(event, h11.InformationalResponse):
                    break
        except (httpcore.NetworkError, httpcore.TimeoutException, h11.ProtocolError, OSError):
            pass  # what arrived until then is judged; a door closed without a word is the sender's to notice
        if head is None:
            return None
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
        return Answer(head.status_code, headers, bytes(body), self._now, self._secrets)
