"""The events of a message's stream as Google's ADK server puts them on the wire. Pure: ids and time are passed in.

Each is one line `data: {json}` and an empty line; camelCase, raw UTF-8, no `event:`, no `id:`; closing is the end.
Source: README "What the service says".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any, Final

Event = dict[str, Any]

PIECE_CHARS: Final = 24
"""A delta's length, about what a model sends at once."""

HEARTBEATS: Final[tuple[bytes, ...]] = (
    b'data: {"type":"heartbeat"}\n\n',
    b"data:\n\n",
    b": ping\n\n",
    b"data: heartbeat\n\n",
    b"event: heartbeat\ndata: {}\n\n",
)
"""Every spelling of a heartbeat that is known. Source: README "What the service says"."""

TEMPORARY_ISSUE: Final = "I encountered a temporary issue"
"""Noise after good answers. Source: README "What the service says"."""


def framed(event: Event) -> bytes:
    """An event as it stands on the wire."""
    return b"data: " + json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


def heartbeats(count: int) -> Iterator[bytes]:
    """So many heartbeats, every spelling in turn."""
    return islice(cycle(HEARTBEATS), count)


def pieces(text: str) -> list[str]:
    """A text cut into deltas; joined they are the text again."""
    return [text[at : at + PIECE_CHARS] for at in range(0, len(text), PIECE_CHARS)]


class Invocation:
    """The events of one message, which share its id. `new_id` and `now` are asked for each event."""

    def __init__(self, invocation_id: str) -> None:
        self._invocation_id = invocation_id

    def words(self, text: str, event_id: str, at: float, *, partial: bool = False) -> Event:
        """The agent speaks: the whole text, or a delta of it."""
        return self._event([{"text": text}], "model", event_id, at, partial=partial)

    def call(self, name: str, args: dict[str, Any], call_id: str, event_id: str, at: float) -> Event:
        """The agent uses a tool."""
        return self._event([{"functionCall": {"id": call_id, "args": args, "name": name}}], "model", event_id, at)

    def result(self, name: str, call_id: str, delta: dict[str, Any], event_id: str, at: float) -> Event:
        """The tool answers, and the state changes by `delta`."""
        response = {"functionResponse": {"id": call_id, "name": name, "response": {"status": "ok"}}}
        return self._event([response], "user", event_id, at, delta=delta)

    def error(self, code: str, message: str, event_id: str, at: float) -> Event:
        """An error inside a stream that began well."""
        return {"errorCode": code, "errorMessage": message, **self._rest(event_id, at, {})}

    def _event(
        self,
        parts: list[dict[str, Any]],
        role: str,
        event_id: str,
        at: float,
        *,
        partial: bool = False,
        delta: dict[str, Any] | None = None,
    ) -> Event:
        event: Event = {"content": {"parts": parts, "role": role}}
        if partial:
            event["partial"] = True
        return event | self._rest(event_id, at, delta or {})

    def _rest(self, event_id: str, at: float, delta: dict[str, Any]) -> Event:
        actions = {
            "stateDelta": delta,
            "artifactDelta": {},
            "requestedAuthConfigs": {},
            "requestedToolConfirmations": {},
        }
        return {
            "invocationId": self._invocation_id,
            "author": "nemo_agent",
            "actions": actions,
            "nodeInfo": {"path": ""},
            "id": event_id,
            "timestamp": at,
        }


def crashed(error: str) -> bytes:
    """The event of an agent that raised: ASCII-escaped, unlike all others. Source: README "What the service says"."""
    return b"data: " + json.dumps({"error": error, "error_details": {"error_message": error}}).encode() + b"\n\n"
