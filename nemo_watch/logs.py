"""Events with data → lines: human on a terminal, JSON with journald's priority elsewhere; secrets masked.

Events are named `noun.verb_past` and carry data, never sentences. Nothing foreign reaches a line uncut or uncleaned,
and no secret reaches one at all, tracebacks included. structlog is imported with the first line, not with this module:
`--help` and `status` stay fast.
Source: systemd.exec(5) `JOURNAL_STREAM`, sd-daemon(3) (`<6>` before a line is its priority).
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from enum import StrEnum
from types import ModuleType
from typing import IO, Any, Final

from nemo_watch.masking import MASK, masked
from nemo_watch.shown import shown, shown_lines

IDENTIFIER: Final = "nemo-watch"
FOREIGN_CHARACTERS_MAX: Final = 256
"""Characters of any one value; enough to recognise an answer, too few for a blob. Source: kopf, `clients/errors.py`."""
TRACEBACK_CHARACTERS_MAX: Final = 16_000
"""Characters. journald cuts lines at 48 KiB (`LineMax=`), and JSON can double them."""
_SECRET_KEYS: Final = frozenset({"token", "authorization", "bearer", "password", "secret", "cookie"})

Event = MutableMapping[str, Any]
Processor = Callable[[Any, str, Event], Event]


class Kind(StrEnum):
    """What reads the lines."""

    HUMAN = "human"  # a person at a terminal
    JOURNAL = "journal"  # journald: JSON after the priority
    JSON = "json"  # a file or a pipe: JSON alone


_PRIORITIES: Final = {"critical": 2, "error": 3, "warning": 4, "info": 6, "debug": 7}


# -- what every line goes through ------------------------------------------------------------------


def clean(_logger: object, _method: str, event: Event) -> Event:
    """The event with secrets masked, foreign text cut and made harmless; tracebacks keep their lines."""
    traceback = event.pop("exception", None)
    cleaned: Event = {
        _text(str(key)): MASK if str(key).lower() in _SECRET_KEYS else _value(item) for key, item in event.items()
    }
    if traceback:
        text = masked(str(traceback))
        cut = (
            text if len(text) <= TRACEBACK_CHARACTERS_MAX else "…" + text[-TRACEBACK_CHARACTERS_MAX:]
        )  # the end tells most
        cleaned["exception"] = shown_lines(cut)
    return cleaned


def _value(item: object, depth: int = 0) -> object:
    if item is None or isinstance(item, bool | int | float):
        return item
    if isinstance(item, str):
        return _text(item)
    if depth < 3 and isinstance(item, Mapping):
        return {
            _text(str(key)): MASK if str(key).lower() in _SECRET_KEYS else _value(part, depth + 1)
            for key, part in item.items()
        }
    if depth < 3 and isinstance(item, list | tuple | set | frozenset):
        return [_value(part, depth + 1) for part in list(item)[:50]]
    return _text(str(item))


def _text(text: str) -> str:
    text = masked(text)  # before the cut: half a secret is a secret too
    if len(text) > FOREIGN_CHARACTERS_MAX:
        text = text[:FOREIGN_CHARACTERS_MAX] + "…"
    return shown(text)


class FloodBrake:
    """A processor: the same trouble at most once in `every_s` seconds; the next line says how many were left out.

    Braked are warnings and errors, the same when their name and subject are; of the others only those that carry a
    `brake` of their own, because each tells a part of the story.
    """

    IDENTITIES_MAX = 1_000
    SUBJECTS = ("film", "folder", "file", "path")

    def __init__(self, every_s: float, monotonic: Callable[[], float]) -> None:
        self._every_s = every_s
        self._monotonic = monotonic
        self._seen: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, _logger: object, method: str, event: Event) -> Event:
        """The event, or structlog.DropEvent."""
        brake = event.pop("brake", None)
        if brake is None and method not in {"warning", "error", "exception", "critical"}:
            return event
        subject = brake or next((event[name] for name in self.SUBJECTS if name in event), "")
        left_out = self._left_out((str(event.get("event")), str(subject)))
        if left_out is None:
            from structlog import DropEvent

            raise DropEvent
        if left_out:
            event["left_out"] = left_out
        return event

    def _left_out(self, identity: tuple[str, str]) -> int | None:
        """How many like it were left out before this one; None when this one is to be left out as well."""
        now = self._monotonic()
        with self._lock:
            since, count = self._seen.pop(identity, (float("-inf"), 0))
            if now - since < self._every_s:
                self._seen[identity] = (since, count + 1)
                return None
            self._seen[identity] = (now, 0)
            while len(self._seen) > self.IDENTITIES_MAX:
                self._seen.popitem(last=False)
            return count


# -- lines -----------------------------------------------------------------------------------------


def stream_kind(stream: IO[str], env: Mapping[str, str]) -> Kind:
    """What reads this stream: journald when it is the very one that systemd connected, else a person or a program."""
    if stream.isatty():
        return Kind.HUMAN
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):  # a stream without a descriptor
        return Kind.JSON
    return Kind.JOURNAL if env.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}" else Kind.JSON


def json_line(_logger: object, _method: str, event: Event) -> str:
    """The event as one line of JSON with the fields that journald knows by these names."""
    level = str(event.pop("level", "info"))
    line = {
        "time": event.pop("timestamp", None),
        "priority": _PRIORITIES.get(level, 6),
        "identifier": IDENTIFIER,
        "level": level,
        "room": event.pop("room", None),
        "event": event.pop("event", ""),
    } | dict(event)
    return json.dumps({key: item for key, item in line.items() if item is not None}, ensure_ascii=False, default=str)


def _journal_line(logger: object, method: str, event: Event) -> str:
    priority = _PRIORITIES.get(str(event.get("level", "info")), 6)
    return f"<{priority}>{json_line(logger, method, event)}"


class _Lines:
    """A structlog output: whole lines to a stream, one at a time. A full disk or a closed pipe hurts nobody."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def msg(self, line: str) -> None:
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        whole = line.encode(encoding, "backslashreplace").decode(encoding) + "\n"
        try:
            with self._lock:
                self._stream.write(whole)
                self._stream.flush()
        except (OSError, ValueError):  # nobody is left to be told
            return

    log = debug = info = warning = error = critical = exception = fatal = msg


def configure(
    stream: IO[str] | None = None,
    *,
    kind: Kind | None = None,
    level: str = "info",
    brake_s: float = 60.0,
    monotonic: Callable[[], float] | None = None,
) -> Kind:
    """From now on every line goes to `stream` (stderr) in its kind, which is returned; also what libraries warn of.

    `level` is `debug`, `info`, `warning` or `error`. `brake_s` is the flood brake's time, in seconds.
    """
    import logging
    import time

    structlog = _structlog()
    stream = sys.stderr if stream is None else stream
    kind = stream_kind(stream, os.environ) if kind is None else kind
    least = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if kind is Kind.HUMAN else "iso", utc=kind is not Kind.HUMAN),
        FloodBrake(brake_s, monotonic or time.monotonic),
        structlog.processors.format_exc_info,  # without local variables: they hold what must not be told
        clean,
    ]
    lines = _Lines(stream)
    renderer = _renderer(kind, stream)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=lambda *_args: lines,
        cache_logger_on_first_use=False,
    )
    _adopt_libraries(max(least, logging.WARNING))
    global _configured  # noqa: PLW0603  structlog's configuration is as global as this note of it
    _configured = True
    return kind


_configured = False


@contextmanager
def without_rich() -> Iterator[None]:
    """Let what is imported inside do without rich: structlog and httpx load it for tracebacks and a command line of theirs.

    That is 5 MB of a daemon's memory, for nothing that it shows.
    """
    if "rich" in sys.modules:
        yield
        return
    sys.modules["rich"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["rich"]


def _structlog() -> ModuleType:
    if "structlog" not in sys.modules:
        with without_rich():
            import structlog
    import structlog

    return structlog


def _renderer(kind: Kind, stream: IO[str]) -> Any:  # noqa: ANN401  structlog's processors have no common type
    structlog = _structlog()
    if kind is Kind.JOURNAL:
        return _journal_line
    if kind is Kind.JSON:
        return json_line
    colours = stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return structlog.dev.ConsoleRenderer(
        colors=colours, exception_formatter=structlog.dev.plain_traceback, sort_keys=False, pad_event_to=28
    )


def _adopt_libraries(least: int) -> None:
    """What libraries write by the standard `logging` takes the same way, so that it is masked and cut like our own."""
    import logging

    class Adopted(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            name = record.levelname.lower()
            method = name if name in _PRIORITIES else "warning"
            found = record.exc_info if record.exc_info and record.exc_info[0] else None
            getattr(logger(record.name), method)(
                "library.spoke", said=record.getMessage(), brake=record.msg, exc_info=found
            )

    root = logging.getLogger()
    root.handlers = [handler for handler in root.handlers if type(handler).__name__ != "Adopted"] + [Adopted()]
    root.setLevel(least)


class Logger:
    """A room's voice. Light: structlog comes in with the first line."""

    __slots__ = ("_data", "_room")

    def __init__(self, room: str, data: Mapping[str, object] | None = None) -> None:
        self._room = room
        self._data = dict(data or {})

    def bind(self, **data: object) -> Logger:
        """The same voice, with `data` on every line."""
        return Logger(self._room, self._data | data)

    def debug(self, event: str, **data: object) -> None:
        """Tell what only a developer wants to know."""
        self._tell("debug", event, data)

    def info(self, event: str, **data: object) -> None:
        """Tell what happened."""
        self._tell("info", event, data)

    def warning(self, event: str, **data: object) -> None:
        """Tell what went wrong and mends itself."""
        self._tell("warning", event, data)

    def error(self, event: str, **data: object) -> None:
        """Tell what went wrong and stays so."""
        self._tell("error", event, data)

    def critical(self, event: str, **data: object) -> None:
        """Tell what stops the daemon."""
        self._tell("critical", event, data)

    def exception(self, event: str, **data: object) -> None:
        """Tell of the exception that is being handled, with its traceback."""
        self._tell("error", event, {"exc_info": True} | data)

    def _tell(self, method: str, event: str, data: Mapping[str, object]) -> None:
        structlog = _structlog()

        if not (_configured or structlog.is_configured()):
            configure()  # a command that never asked for logs: warnings to stderr, nothing to stdout
        getattr(structlog.get_logger(), method)(event, **({"room": self._room} | self._data | dict(data)))


def logger(name: str) -> Logger:
    """The voice of the room `name`."""
    return Logger(name)
