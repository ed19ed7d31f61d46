"""The keys of the configuration: which field each fills, and how its value is read.

Each reader returns the value or raises ValueError with what is wanted. Durations are written as `"30s"`, `"2m"`, `"0.5s"`, sizes
as `"500MB"`; inside they are seconds and bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

FOREVER: Final = float("inf")
DURATION_MAX_S: Final = 3650 * 86400.0  # beyond some thousand years no date can be told
COUNT_MAX: Final = 10**9
SIZE_MAX_BYTES: Final = 10**15
NOT_PLAIN: Final = "must be one line of plain characters without spaces"

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|KB|MB|GB|KiB|MiB|GiB)?", re.IGNORECASE)
_BYTES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


def duration_s(value: object) -> float:
    """The seconds in `"30s"`, `"2m"`, `"0.5s"`."""
    found = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError('must be a duration such as "30s", "2m" or "0.5s"')
    seconds = float(found[1]) * _SECONDS[found[2]]
    if seconds > DURATION_MAX_S:
        raise ValueError('must be at most "3650d", which is ten years')
    return seconds


def _positive_duration_s(value: object) -> float:
    seconds = duration_s(value)
    if seconds <= 0:
        raise ValueError("must be longer than nothing")
    return seconds


def _duration_or_forever(value: object) -> float:
    return FOREVER if value == "forever" else duration_s(value)


def size_bytes(value: object) -> int:
    """The bytes in `"500MB"`."""
    found = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError('must be a size such as "500MB"')
    size = float(found[1]) * _BYTES[(found[2] or "").lower()]
    if size > SIZE_MAX_BYTES:
        raise ValueError('must be at most "1000000GB"')
    return int(size)


def _durations(value: object) -> tuple[float, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError('must be a list of durations such as ["30s", "60s"]')
    return tuple(_positive_duration_s(item) for item in value)


def _count(least: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= COUNT_MAX:
            raise ValueError(f"must be a whole number from {least} to {COUNT_MAX}")
        return value

    return read


def _choice(*allowed: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if value not in allowed:
            raise ValueError("must be " + " or ".join(f'"{choice}"' for choice in allowed))
        return str(value)

    return read


def _choices(*allowed: str) -> Callable[[object], tuple[str, ...]]:
    def read(value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or any(item not in allowed for item in value):
            raise ValueError("must be a list of " + ", ".join(f'"{choice}"' for choice in allowed))
        return tuple(value)

    return read


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a text in quotes")  # noqa: TRY004  read as one problem among others
    return value


def _words(value: object) -> str:
    text = _text(value).strip()
    if not text:
        raise ValueError("must not be empty")
    return text


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or any(not isinstance(item, str) for item in value):
        raise ValueError("must be a list of texts")
    return tuple(value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")  # noqa: TRY004  read as one problem among others
    return value


def is_plain(text: str) -> bool:
    """Whether the text is one line of plain characters without a space, as what stands in a header has to be."""
    return text.isascii() and text.isprintable() and " " not in text


def _plain(value: object) -> str:
    text = _words(value)
    if not is_plain(text):
        raise ValueError(NOT_PLAIN)
    return text


def path_of(text: str) -> Path:
    """The path that somebody wrote, a `~` at its beginning resolved. Raises: ValueError, as every reader."""
    if "\0" in text:
        raise ValueError("must not hold a NUL character")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ValueError(
            f"begins with {Path(text).parts[0]}, and there is no such home; write the whole path"
        ) from None


def _folder(value: object) -> Path:
    _words(value)
    return path_of(_text(value))  # to the last space: another name is another folder


def _url(value: object) -> str:
    text = _words(value).rstrip("/")
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not text.isprintable() or " " in text:
        raise ValueError("must be an http:// or https:// address")
    try:
        wrong_port = parts.port == 0
    except ValueError:
        wrong_port = True
    if wrong_port:
        raise ValueError("has a port that is none; ports are numbers from 1 to 65535")
    if parts.username or parts.password:
        raise ValueError("must not hold a user name or password")
    return text


def _journal_url(value: object) -> str:
    text = _text(value)
    if text and not text.startswith(("postgresql://", "postgres://")):
        raise ValueError('must be "" or "postgresql://…"')
    return text


KEYS: Final[dict[str, tuple[str, Callable[[object], Any]]]] = {  # key → the field it fills, and how its value is read
    "folders.inbox": ("inbox", _folder),
    "folders.outbox": ("outbox", _folder),
    "folders.state": ("state", _folder),
    "service.backend": ("backend", _choice("cloud", "studio")),
    "service.url": ("url", _url),
    "service.skill_version": ("skill_version", _plain),
    "service.projects_at_once": ("projects_at_once", _count(1)),
    "service.uploads_at_once": ("uploads_at_once", _count(1)),
    "service.paid_messages_a_day": ("paid_messages_a_day", _count(0)),
    "service.pace.render_poll": ("render_poll_s", _positive_duration_s),
    "service.pace.render_polls": ("render_polls", _count(1)),
    "service.pace.render_poll_later": ("render_poll_later_s", _positive_duration_s),
    "service.pace.message_limit": ("message_limit_s", _positive_duration_s),
    "service.pace.heartbeat_limit": ("heartbeat_limit_s", _positive_duration_s),
    "service.pace.still_working": ("still_working_s", _positive_duration_s),
    "service.pace.recovery_waits": ("recovery_waits_s", _durations),
    "service.pace.rate_limit_wait": ("rate_limit_wait_s", _positive_duration_s),
    "service.pace.balance_check": ("balance_check_s", _positive_duration_s),
    "service.pace.stop_wait": ("stop_wait_s", duration_s),
    "service.pace.request_limit": ("request_limit_s", _positive_duration_s),
    "service.pace.retry_wait": ("retry_wait_s", _positive_duration_s),
    "service.pace.retry_wait_longest": ("retry_wait_longest_s", _positive_duration_s),
    "inbox.settle": ("settle_s", duration_s),
    "inbox.project_settle": ("project_settle_s", duration_s),
    "inbox.prompt_wait": ("prompt_wait_s", _duration_or_forever),
    "inbox.rescan": ("rescan_s", _positive_duration_s),
    "inbox.watch": ("watch", _choice("auto", "events", "polling")),
    "inbox.loose_files": ("loose_files", _choice("gather", "ignore")),
    "inbox.default_prompt": ("default_prompt", _words),
    "inbox.language": ("language", _words),
    "inbox.max_file": ("max_file_bytes", size_bytes),
    "inbox.max_files": ("max_files", _count(1)),
    "outbox.gallery": ("gallery", _flag),
    "notify.urls": ("urls", _texts),
    "notify.on": ("on", _choices("done", "needs_you", "failed")),
    "journal.url": ("url", _journal_url),
    "journal.site": ("site", _text),
    "journal.host": ("host", _text),
    "journal.projects_here": ("projects_here", _count(0)),
    "journal.silence": ("silence_s", _positive_duration_s),
}
TABLES: Final = frozenset(key.rpartition(".")[0] for key in KEYS)
