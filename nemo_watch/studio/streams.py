"""A message's stream on its way out, with what the script does to it: heartbeats, a cut, an early end, an error."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Protocol

from starlette.responses import StreamingResponse

from nemo_watch.studio.answers import MESSAGE, Code
from nemo_watch.studio.events import Invocation, crashed, framed, heartbeats
from nemo_watch.studio.script import Fault

Cut = Callable[[], None]
"""Ends the connection under the stream."""


class Frames(Protocol):
    """Frames of a message which is told when nobody listens any more."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Itself."""

    async def __anext__(self) -> bytes:
        """The next frame."""

    def aclose(self) -> Awaitable[None]:
        """End of listening."""


def event_stream(frames: Frames, fault: Fault, cut: Cut, now: float) -> StreamingResponse:
    """The answer that streams these frames, or what the fault makes of them."""
    return StreamingResponse(_scripted(frames, fault, cut, now), media_type="text/event-stream")


async def nothing() -> AsyncGenerator[bytes, None]:
    """The frames of a message that was not taken."""
    return
    yield b""  # makes this a generator


async def _scripted(frames: Frames, fault: Fault, cut: Cut, now: float) -> AsyncIterator[bytes]:
    """The fault's heartbeats, the frames or the fault's own events, as many as it lets through, and its ending."""
    async with aclosing(frames):
        for beat in heartbeats(fault.heartbeats):
            yield beat
            await asyncio.sleep(fault.heartbeat_pause_s)
        shown = frames if fault.events is None else _own_events(frames, fault)
        async for frame in _first(fault.end_after if fault.break_after is None else fault.break_after, shown):
            yield frame
        if fault.break_after is not None:
            cut()
            await asyncio.Event().wait()  # the answer's own watch on the client ends this
    for frame in _ending(fault, now):
        yield frame


async def _first(count: int | None, frames: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """So many frames, all for None; not one more is waited for."""
    if count == 0:
        return
    sent = 0
    async for frame in frames:
        yield frame
        sent += 1
        if sent == count:
            return


async def _own_events(frames: AsyncIterator[bytes], fault: Fault) -> AsyncIterator[bytes]:
    """The fault's events, after the true ones have passed unseen: a message that was taken is worked on to its end."""
    async for _ in frames:
        pass
    for event in fault.events or ():
        yield event.encode() if isinstance(event, str) else framed(event)


def _ending(fault: Fault, now: float) -> list[bytes]:
    """How the stream ends if the script says so."""
    ending = []
    if fault.error_event is not None:
        known = fault.error_event == str(int(Code.CREDITS))
        message = MESSAGE[Code.CREDITS] if known else fault.message
        invocation = Invocation(f"e-{secrets.token_hex(16)}")
        ending.append(framed(invocation.error(fault.error_event, message, secrets.token_hex(16), now)))
    if fault.crash is not None:
        ending.append(crashed(fault.crash))
    return ending
