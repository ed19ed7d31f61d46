"""The frames of `/run_sse` → events → what was said: a fold over frozen values.

Deltas and the full event that repeats them are never both kept, and nothing is lost when a stream breaks after deltas;
thoughts stay hidden; tool use is counted, not shown. It must never take an error inside a 200 for an answer. Pure.
Source: API text "SSE Event Handling"; Google's ADK server 2.13.0 and 1.27.1, whose endpoint this is, for the shapes.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

import msgspec

from nemo_watch.errors import Cause, Trouble
from nemo_watch.nemo.cleaning import cleaned, whole_characters, without
from nemo_watch.nemo.noise import is_noise, without_noise
from nemo_watch.nemo.phrases import asks_back
from nemo_watch.nemo.refusals import NOT_TAKEN_CODES, cause_of, code_of, message_of
from nemo_watch.nemo.sse import EVENT_LIMIT_BYTES, Frame, FrameReader

TEXT_LIMIT: Final = 8 * 1024 * 1024  # characters of a reply that are kept; what comes after is counted as heard only

_HEARTBEATS: Final = frozenset({"heartbeat", "ping", "keepalive", "keep-alive", "keep_alive", "comment", "{}", "null"})
_BEAT_KEYS: Final = frozenset({"heartbeat", "ping", "timestamp", "time", "ts"})  # an event of these alone says nothing
_ENDINGS: Final = frozenset({"done", "[done]", "end", "complete", "completed", "finish"})
_TOOLS: Final = frozenset({"tool_call", "tool_result", "tool_response", "tool", "function_call", "function_response"})
_THOUGHTS: Final = frozenset({"thought", "thinking", "reasoning"})
_OPENINGS: Final = frozenset(
    {"start", "started", "begin", "open", "connected", "connection", "init", "ready", "session", "ack"}
)
_TOOL_PARTS: Final = frozenset(
    {"functionCall", "functionResponse", "function_call", "function_response", "executableCode"}
)
_ERROR_KEYS: Final = frozenset({"code", "errorCode", "error_code", "error", "success", "detail"})
_NO_ERRORS: Final = frozenset({"", "0", "200", "STOP"})  # ADK puts a finish reason there when a model said nothing

_STRICT: Final = msgspec.json.Decoder()
_NEW_SENTENCE: Final = re.compile(r"[.!?。！？…]\Z")

_LOOSE: Final = "\0"  # the author of pieces that no full event is bound to repeat


class Event(NamedTuple):  # as Frame
    """One event. `content` tells whether it says or changes anything; `work` whether it shows the agent at work on the
    message (words, thoughts, tools), so that it may be paid.
    """

    text: str = ""
    partial: bool = False
    author: str = ""
    tools: int = 0
    state_delta: dict[str, Any] | None = None
    error: Trouble | None = None
    heartbeat: bool = False
    content: bool = False
    work: bool = False


Pending = tuple[tuple[str, tuple[str, ...]], ...]  # by author, the deltas that no full event has repeated yet


@dataclass(frozen=True, slots=True)
class Reply:
    """What was heard so far. `ended` is True only when the stream was closed whole: closing is the end.

    `said` and `pending` hold text in pieces, so that a long reply in small deltas does not cost its square. A refusal is late
    after work (`had_work`), not after content that may be a mere echo of the state. `secrets` never show in `text`.
    """

    said: tuple[str, ...] = ()
    pending: Pending = ()
    tools: int = 0
    events: int = 0
    heartbeats: int = 0
    chars: int = 0
    had_content: bool = False
    had_work: bool = False
    state_delta: dict[str, Any] | None = None
    error: Trouble | None = None
    ended: bool = False
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def text(self) -> str:
        """What the agent said, for people: without thoughts, and without a last "temporary issue" after good answers."""
        blocks = ["".join(self.said), *("".join(pieces) for _, pieces in self.pending)]
        joined = "\n".join(block.rstrip("\n") for block in blocks if block.strip())
        text = whole_characters(without(joined, *self.secrets)).strip()
        good = without_noise(text)
        return good if good or self.state_delta else text

    @property
    def asked(self) -> str | None:
        """What the agent asks of the person, if it asks."""
        return asks_back(self.text)

    @property
    def unfinished(self) -> bool:
        """Whether deltas came whose full event did not: then an end of the stream is a cut."""
        return any(author != _LOOSE for author, _ in self.pending)


class StreamReader:
    """The events of one stream. Feed it bytes as they arrive; any bytes give events or one typed trouble.

    `secrets` are texts that must not show in an error's reason, such as the bearer that was sent.
    """

    __slots__ = ("_frames", "_secrets")

    def __init__(self, limit_bytes: int = EVENT_LIMIT_BYTES, secrets: tuple[str, ...] = ()) -> None:
        self._frames = FrameReader(limit_bytes)
        self._secrets = secrets

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that `chunk` completes. Raises ANSWER_UNREADABLE for an event over the limit."""
        return [event_of(frame, self._secrets) for frame in self._frames.feed(chunk)]

    def close(self) -> list[Event]:
        """The event that the end of the stream closes. Raises ANSWER_UNREADABLE when the stream was cut inside one."""
        unfinished = self._frames.unfinished
        frames = self._frames.close()
        if unfinished and not all(_is_whole(frame) for frame in frames or [Frame("", b"?")]):
            raise Trouble(Cause.ANSWER_UNREADABLE, reason="the stream was cut inside an event")
        return [event_of(frame, self._secrets) for frame in frames]


def heard(reply: Reply, event: Event) -> Reply:
    """`reply` after `event`."""
    if event.heartbeat:
        return replace(reply, heartbeats=reply.heartbeats + 1)
    said, pending = reply.said, reply.pending
    if event.tools:
        said, pending = _with_turn(said, pending)
    if event.text and reply.chars <= TEXT_LIMIT:
        event = _bound(event, pending)
        said, pending = (said, _with_delta(pending, event)) if event.partial else _with_full(said, pending, event)
    return replace(
        reply,
        said=said,
        pending=pending,
        tools=reply.tools + event.tools,
        events=reply.events + 1,
        chars=reply.chars + len(event.text),
        had_content=reply.had_content or event.content,
        had_work=reply.had_work or event.work,
        state_delta={**(reply.state_delta or {}), **event.state_delta} if event.state_delta else reply.state_delta,
        error=event.error or _standing_error(reply, event),
    )


def ended(reply: Reply) -> Reply:
    """`reply` when its stream was closed whole."""
    return replace(reply, ended=True)


def event_of(frame: Frame, secrets: tuple[str, ...] = ()) -> Event:
    """What one frame says, `secrets` masked in its error. Noise that no one needs gives an event without content."""
    if frame.name.casefold() in _HEARTBEATS:
        return Event(heartbeat=True)
    if not frame.data.startswith(b"{"):  # as nearly every event does
        word = _word(frame)
        if not word or word in _HEARTBEATS:
            return Event(heartbeat=True)
        if word in _ENDINGS:
            return Event()
    fields = _json(frame.data)
    if not isinstance(fields, dict):
        if frame.name == "error":
            return Event(error=_failed(frame.data.decode("utf-8", "replace"), secrets))
        return Event(content=True, work=True)  # nobody knows what it says: it may be the agent's own words
    kind = _kind(fields, frame.name)
    if kind in _HEARTBEATS or fields.keys() <= _BEAT_KEYS:
        return Event(heartbeat=True)
    if kind in _ENDINGS and not fields.keys() & {"content", "error", "errorCode", "code"}:
        return Event()
    return _event(fields, kind, secrets)


def _word(frame: Frame) -> str:
    """What a frame says, if it is a mere word."""
    return frame.data.strip()[:32].decode("utf-8", "replace").casefold().strip('"')


def _kind(fields: dict[str, Any], name: str) -> str:
    """What an event calls itself: in its JSON, or by the name it was framed with."""
    for kind in (fields.get("type"), fields.get("event")):
        if isinstance(kind, str):
            return kind.casefold()
    return name.casefold()


def _event(fields: dict[str, Any], kind: str, secrets: tuple[str, ...]) -> Event:
    error = _error(fields, kind, secrets)
    echo = fields.get("author") == "user"
    text, tools = ("", 0) if echo else _said(fields, kind)
    actions = fields.get("actions")
    delta = actions.get("stateDelta") if isinstance(actions, dict) else None
    delta = delta if isinstance(delta, dict) and delta else None
    author = fields.get("author")
    bound = isinstance(fields.get("content"), dict) or isinstance(fields.get("partial"), bool)
    work = bool(text or tools) or (not echo and _at_work(fields, kind))
    return Event(
        text=text,
        partial=fields["partial"] if isinstance(fields.get("partial"), bool) else not bound,
        author=author if bound and isinstance(author, str) else "" if bound else _LOOSE,
        tools=tools,
        state_delta=delta,
        error=error,
        content=work or delta is not None or (error is None and not echo and kind not in _OPENINGS),
        work=work,
    )


def _at_work(fields: dict[str, Any], kind: str) -> bool:
    """Whether an event without words or tools shows the agent at work all the same: a thought, progress, a file it made."""
    content, actions = fields.get("content"), fields.get("actions")
    parts = content.get("parts") if isinstance(content, dict) else None
    made = actions.get("artifactDelta") if isinstance(actions, dict) else None
    return kind in _THOUGHTS or kind == "progress" or bool(parts) or bool(made)


def _said(fields: dict[str, Any], kind: str) -> tuple[str, int]:
    """The visible text and the number of tool parts in an event of any shape."""
    content = fields.get("content")
    if kind in _TOOLS:
        return "", 1
    if kind == "error" or kind in _THOUGHTS:
        return "", 0
    if isinstance(content, str):
        return content, 0
    if not isinstance(content, dict):
        text = fields.get("text")
        return (text if isinstance(text, str) else ""), 0
    parts = content.get("parts")
    texts, tools = "", 0
    for part in parts if isinstance(parts, list) else [content]:
        if isinstance(part, dict):
            text = part.get("text")
            texts += text if isinstance(text, str) and not part.get("thought") else ""
            tools += any(part[key] for key in _TOOL_PARTS & part.keys())
    return texts, tools


def _error(fields: dict[str, Any], kind: str, secrets: tuple[str, ...]) -> Trouble | None:
    """The trouble inside a 200: an API code from the table, or the agent's own failure."""
    if kind != "error" and _ERROR_KEYS.isdisjoint(fields):
        return None  # nearly every event, and there may be a hundred thousand
    number, message = code_of(fields), message_of(fields)
    if number is not None and str(number) not in _NO_ERRORS:
        cause = cause_of(number, message)
        if cause in {Cause.REQUEST_REFUSED, Cause.SERVICE_DOWN, Cause.NETWORK_DOWN}:
            return _failed(f"code {number}: {message}", secrets)
        reason = cleaned(f"code {number}: {message}" if message else f"code {number}", *secrets)
        return Trouble(cause, not_taken=number in NOT_TAKEN_CODES, reason=reason, code=number)
    word = str(fields.get("errorCode") or fields.get("error_code") or "")
    bare = not fields.keys() & {"content", "data", "status"} and bool(fields.get("detail"))
    if (
        word.upper() not in _NO_ERRORS
        or fields.get("error")
        or fields.get("success") is False
        or kind == "error"
        or bare
    ):
        return _failed(f"{word}: {message}" if word and message else message or word, secrets)
    return None


def _failed(reason: str, secrets: tuple[str, ...]) -> Trouble:
    return Trouble(Cause.AGENT_FAILED, reason=cleaned(reason, *secrets) or "it gave no reason")


def _standing_error(reply: Reply, event: Event) -> Trouble | None:
    """The error that still stands after a good event: an agent that goes on talking has recovered; a code stays."""
    if reply.error is None or reply.error.cause is not Cause.AGENT_FAILED or not event.text.strip():
        return reply.error
    return reply.error if is_noise(event.text) else None


def _with_delta(pending: Pending, event: Event) -> Pending:
    by_author = dict(pending)
    before = by_author.get(event.author, ())
    text = event.text
    if event.author == _LOOSE and before and text[0].isupper() and _NEW_SENTENCE.search(before[-1]):
        text = "\n" + text  # whole sentences in events of their own, and not the tokens of one
    by_author[event.author] = _appended(before, text)
    return tuple(by_author.items())


def _with_turn(said: tuple[str, ...], pending: Pending) -> tuple[tuple[str, ...], Pending]:
    """Both when the agent turns to a tool: loose pieces are ended by it, and what is said afterwards is a text of its own."""
    for author, pieces in pending:
        if author == _LOOSE:
            said = _appended(said, "".join(pieces) + "\n")
    return said, tuple((author, pieces) for author, pieces in pending if author != _LOOSE)


def _bound(event: Event, pending: Pending) -> Event:
    """`event`, or the full text that it is: after deltas that were marked as such, a text without any mark repeats them."""
    marked = [author for author, _ in pending if author != _LOOSE]
    return event._replace(author=marked[-1], partial=False) if event.author == _LOOSE and marked else event


def _with_full(said: tuple[str, ...], pending: Pending, event: Event) -> tuple[tuple[str, ...], Pending]:
    """Both with a full text: deltas that it repeats fall away; its author's others are kept before it."""
    kept, full = [], event.text
    for author, pieces in pending:
        delta = "".join(pieces)
        if delta.strip() in full:
            continue
        if author not in {event.author, _LOOSE}:
            kept.append((author, pieces))
        elif full.strip() in delta:
            full = delta
        else:
            said = _appended(said, delta + "\n")
    return _appended(said, full + "\n"), tuple(kept)


def _appended(pieces: tuple[str, ...], text: str) -> tuple[str, ...]:
    """`pieces` and `text`, with lengths that keep falling: n appends cost n log n characters, not their square."""
    while pieces and len(pieces[-1]) <= len(text):
        pieces, text = pieces[:-1], pieces[-1] + text
    return (*pieces, text)


def _is_whole(frame: Frame) -> bool:
    """Whether a frame that no empty line closed is all there."""
    word = _word(frame)
    return not word or word in _HEARTBEATS or word in _ENDINGS or isinstance(_json(frame.data), dict)


def _json(data: bytes) -> object:
    """What `data` says as JSON, or None: as the strict and fast reader takes it, else as the lenient one does, which knows NaN,
    halves of characters and broken UTF-8.
    """
    try:
        value: object = _STRICT.decode(data)
    except (msgspec.DecodeError, ValueError, RecursionError):
        pass
    else:
        return value
    try:
        value = json.loads(data.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return value
