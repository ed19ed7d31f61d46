"""The way in: every request is written down here, and here a scripted fault is performed on it.

The log never holds a token: the bearer is masked, and no answer is written down.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nemo_watch.studio.faults import HangUp, perform
from nemo_watch.studio.script import Call, Fault, Play, Script, call_named

ENTRIES_MAX: Final = 10_000
HEARD_BYTES_MAX: Final = 1024 * 1024
"""A message's body is read here for its words; a longer one is refused further in."""
FAULT: Final = "studio.fault"
"""Where a request's fault lies in its ASGI scope."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One request as it came; `at` in seconds since 1970, `fault`: whether one was performed on it."""

    at: float
    method: str
    path: str
    call: Call | None
    headers: dict[str, str]
    message: str | None
    fault: bool
    number: int = 0
    """Its place in the log, from 1."""
    status: int | None = None
    """What was answered; None while it is not, or when nothing was."""


class RequestLog:
    """The newest requests, for tests and for people who try a client."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=ENTRIES_MAX)
        self._count = 0

    def add(self, entry: Entry) -> int:
        """Write a request down; its number."""
        self._count += 1
        self._entries.append(replace(entry, number=self._count))
        return self._count

    def answered(self, number: int, status: int) -> None:
        """Note a request's answer, if the request is still in the log."""
        index = number - 1 - (self._count - len(self._entries))
        if index >= 0:
            self._entries[index] = replace(self._entries[index], status=status)

    def after(self, number: int = 0) -> list[Entry]:
        """The requests that came after this one, oldest first."""
        return [entry for entry in self._entries if entry.number > number]

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._entries))


class Gate:
    """The ASGI application round the API: logs, then performs what the script has for the call."""

    def __init__(
        self, app: ASGIApp, log: RequestLog, now: Callable[[], float], hang_up: HangUp, script: Script
    ) -> None:
        self._app = app
        self._log = log
        self._now = now
        self._hang_up = hang_up
        self.play = Play(script)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; anything that is none passes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        call = call_named(scope["method"], scope["path"])
        message: str | None = None
        if call is Call.RUN_SSE:
            body, receive = await _heard(receive)
            message = _words(body)
        fault = self.play.fault_for(call, f"{scope['path']}\n{message or ''}")
        path, headers = scope["path"], _masked(scope)
        number = self._log.add(Entry(self._now(), scope["method"], path, call, headers, message, fault is not None))
        scope[FAULT] = fault or Fault()
        noted = self._noting(number, send)
        if fault is None:
            await self._app(scope, receive, noted)
        else:
            await perform(fault, self._app, scope, receive, noted, self._hang_up)

    def _noting(self, number: int, send: Send) -> Send:
        async def out(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._log.answered(number, message["status"])
            await send(message)

        return out


async def _heard(receive: Receive) -> tuple[bytes, Receive]:
    """A request's body as far as it is allowed to reach, and a `receive` that tells it once more and then the rest."""
    told: list[Message] = []
    size = 0
    while size <= HEARD_BYTES_MAX:
        message = await receive()
        told.append(message)
        size += len(message.get("body", b""))
        if not message.get("more_body", False):
            break
    body = b"".join(message.get("body", b"") for message in told)

    async def again() -> Message:
        return told.pop(0) if told else await receive()

    return body, again


def _words(body: bytes) -> str | None:
    """The text of a message's body, if there is one to be found."""
    try:
        return "\n".join(part["text"] for part in json.loads(body)["new_message"]["parts"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _masked(scope: Scope) -> dict[str, str]:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    if "authorization" in headers:
        headers["authorization"] = f"{headers['authorization'].split(' ')[0]} ***"
    return headers
