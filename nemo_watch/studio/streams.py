"""A message's stream on its way out, with what the script does to it: heartbeats, a cut, an early end, an error."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable

from starlette.responses import StreamingResponse

from nemo_watch.studio.answers import MESSAGE, Code
from nemo_watch.studio.events import Invocation, crashed, framed, heartbeats
from nemo_watch.studio.script import Fault

Cut = Callable[[], None]
"""Ends the connection under the stream."""


def event_stream(frames: AsyncIterator[bytes], fault: Fault, cut: Cut, now: float) -> StreamingResponse:
    """The answer that streams these frames, or what the fault makes of them."""
    return StreamingResponse(_scripted(frames, fault, cut, now), media_type="text/event-stream")


async def nothing() -> AsyncIterator[bytes]:
    """The frames of a message that was not taken."""
    return
    yield b""  # makes this a generator


async def _scripted(frames: AsyncIterator[bytes], fault: Fault, cut: Cut, now: float) -> AsyncIterator[bytes]:
    """The fault's heartbeats, the frames or the fault's own events, as many as it lets through, and its ending."""
    for beat in heartbeats(fault.heartbeats):
        yield beat
        await asyncio.sleep(fault.heartbeat_pause_s)
    own = frames if fault.events is None else _own_events(frames, fault)
    sent = 0
    async for frame in own:
        if sent in (fault.break_after, fault.end_after):
            break
        yield frame
        sent += 1
    if fault.break_after is not None:
        # The pause lets what was sent leave before the line is cut.
        await asyncio.sleep(0)
        cut()
        await asyncio.Event().wait()  # the answer's own watch on the client ends this
    for frame in _ending(fault, now):
        yield frame


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
