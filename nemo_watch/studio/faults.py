"""Faults on the wire, performed on ASGI: an answer of one's own, a slow, cut, mislabelled or swallowed true one.

What is to be done comes from the script; whether the call was performed is decided there too.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nemo_watch.studio.answers import refused
from nemo_watch.studio.script import Fault

HangUp = Callable[[Scope, bool], None]
"""Ends a request's connection: with a reset (True), or properly, once what was written is out (False)."""


async def until_gone(receive: Receive) -> None:
    """Wait for the client to leave."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def perform(fault: Fault, app: ASGIApp, scope: Scope, receive: Receive, send: Send, hang_up: HangUp) -> None:
    """Do what the fault says to this request, with or without the call being performed."""
    if fault.delay:
        await asyncio.sleep(fault.delay)
    loses_answer = fault.replaces or fault.reset is not None or fault.hang in ("before", "after")
    if not loses_answer:
        await app(scope, receive, _changed(fault, scope, receive, send, hang_up))
        return
    if fault.performed:
        await app(scope, receive, _swallow)
    if fault.replaces:
        await _own_answer(fault, scope)(scope, receive, send)
        return
    if fault.reset:
        hang_up(scope, True)
    await until_gone(receive)


async def _swallow(message: Message) -> None:
    """Lose an answer."""


def _own_answer(fault: Fault, scope: Scope) -> Response:
    """The answer that the fault gives in place of the call's."""
    if fault.redirect is not None:
        target = scope["path"] if fault.redirect == "self" else fault.redirect
        return Response(status_code=fault.status or 302, headers={"location": target, **fault.headers})
    status = fault.status or 200
    code = fault.code if fault.code is not None else status
    if fault.body == "html":
        return HTMLResponse(f"<html><body><h1>{status}</h1><p>{fault.message}</p></body></html>", status, fault.headers)
    if fault.body == "empty":
        return Response(status_code=status, headers=fault.headers)
    bodies: dict[str, dict[str, Any]] = {
        "json": refused(code, fault.message),
        "detail": {"detail": fault.message},
        "success": {"success": False, "error": fault.message},
    }
    body = bodies[fault.body] if isinstance(fault.body, str) else fault.body
    return JSONResponse(body, status, fault.headers)


def _changed(fault: Fault, scope: Scope, receive: Receive, send: Send, hang_up: HangUp) -> Send:
    """The true answer's way out, with the fault's changes laid over each other: content first, then its form."""

    async def close() -> None:
        hang_up(scope, False)
        await until_gone(receive)

    async def stall() -> None:
        await until_gone(receive)

    if fault.drip:
        send = _dripping(fault.drip, fault.drip_pause_s, send)
    if isinstance(fault.hang, int):
        send = _cut(fault.hang, stall, send)
    if fault.truncate is not None:
        send = _cut(fault.truncate, close, send)
    if fault.wrong_length is not None:
        send = _mislabelled(fault.wrong_length, close, send)
    if fault.no_length:
        send = _unlabelled(send)
    if fault.merge is not None:
        send = _merged(fault.merge, send)
    return send


def _dripping(size: int, pause_s: float, send: Send) -> Send:
    async def out(message: Message) -> None:
        body = message.get("body", b"")
        if message["type"] != "http.response.body" or len(body) <= size:
            await send(message)
            return
        for at in range(0, len(body), size):
            more = message.get("more_body", False) or at + size < len(body)
            await send({"type": "http.response.body", "body": body[at : at + size], "more_body": more})
            await asyncio.sleep(pause_s)

    return out


def _cut(size: int, then: Callable[[], Awaitable[None]], send: Send) -> Send:
    """Let so many bytes of the body through, then do `then` and lose the rest."""
    left = size
    over = False

    async def out(message: Message) -> None:
        nonlocal left, over
        if message["type"] != "http.response.body":
            await send(message)
            return
        if over:
            return
        body = message.get("body", b"")
        over = len(body) >= left
        await send({"type": "http.response.body", "body": body[:left], "more_body": True})
        left -= len(body)
        if over or not message.get("more_body", False):
            over = True
            await then()

    return out


def _mislabelled(difference: int, close: Callable[[], Awaitable[None]], send: Send) -> Send:
    """Announce a wrong length: too short, the body is cut to it; too long, the line is closed where the body ends."""
    left = 0

    async def out(message: Message) -> None:
        nonlocal left
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message["headers"])
            left = max(0, int(headers.get("content-length", "0")) + difference)
            headers["content-length"] = str(left)
            await send(message)
            return
        body = message.get("body", b"")[:left]
        left -= len(body)
        ends = not message.get("more_body", False)
        await send({"type": "http.response.body", "body": body, "more_body": not ends or left > 0})
        if ends and left > 0:
            await close()

    return out


def _unlabelled(send: Send) -> Send:
    async def out(message: Message) -> None:
        if message["type"] == "http.response.start":
            del MutableHeaders(raw=message["headers"])["content-length"]
        await send(message)

    return out


def _merged(patch: dict[str, Any], send: Send) -> Send:
    """Change a JSON answer. Anything else passes as it is."""
    start: Message = {}
    body = b""

    async def out(message: Message) -> None:
        nonlocal start, body
        if message["type"] == "http.response.start":
            start = message
            return
        body += message.get("body", b"")
        if message.get("more_body", False):
            return
        with contextlib.suppress(ValueError):
            body = json.dumps(merge_patched(json.loads(body), patch), ensure_ascii=False).encode()
        headers = MutableHeaders(raw=start["headers"])
        headers["content-length"] = str(len(body))
        await send(start)
        await send({"type": "http.response.body", "body": body})

    return out


def merge_patched(value: object, patch: object) -> object:
    """A JSON value changed by a merge patch: objects are merged, null removes, all else replaces. Source: RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(value) if isinstance(value, dict) else {}
    for key, change in patch.items():
        if change is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patched(merged.get(key), change)
    return merged
