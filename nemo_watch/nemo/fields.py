"""Where a segment's name, text, start, length and volume stand, in drafts that document only `t`, `tt`, `sg`, `d`, `m`.

So every field is looked for in the segment, in its `m`, and one level inside both. What cannot be found is None; nothing
here can fail on any JSON. Pure. Source: API text "Draft JSON uses short keys" (milliseconds); the other names are the
spellings of known editors' drafts.
"""

from __future__ import annotations

import json
import math
from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from nemo_watch.nemo.cleaning import cleaned

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_NAMES: Final = ("name", "title", "filename", "fileName", "file_name", "display_name", "label", "caption", "n")
_TEXTS: Final = ("text", "content", "value", "caption", "title", "name", "label", "words", "n")
_SOURCES: Final = ("src", "url", "cdn_url", "path", "file", "source", "uri", "prompt", "description", "text", "content")
_STARTS: Final = ("start", "offset", "begin", "from", "at", "position", "in", "s", "st")
_LENGTHS: Final = ("d", "duration", "dur", "length", "len")
_ENDS: Final = ("end", "to", "until", "out", "e")
_VOLUMES: Final = ("volume", "vol", "gain", "v")
_UNITS: Final = {
    "": 1.0,
    "_ms": 1.0,
    "Ms": 1.0,
    "_s": 1000.0,
    "_sec": 1000.0,
    "Sec": 1000.0,
    "_us": 0.001,
    "_time": 1.0,
    "Time": 1.0,
}

_INNER_PLACES: Final = 16  # objects inside a segment that are looked into

NAME_LIMIT: Final = 80  # characters of a name in a summary
_LONGEST_MS: Final = 1e12  # thirty years: what is longer is no length


def name_in(segment: dict[str, Any]) -> str | None:
    """The segment's name: a name, else the last part of where it comes from."""
    named = _first_text(segment, _NAMES)
    if named:
        return named
    source = _first_text(segment, _SOURCES)
    if source is None or "/" not in source:
        return source
    return cleaned(unquote(source.split("?", 1)[0].rstrip("/").rsplit("/", 1)[-1]), limit=NAME_LIMIT) or None


def text_in(segment: dict[str, Any]) -> str | None:
    """The words that a title segment shows."""
    return _first_text(segment, _TEXTS)


def start_ms_in(segment: dict[str, Any]) -> int | None:
    """Where the segment starts on the timeline, in milliseconds."""
    return _first_time(segment, _STARTS)


def length_ms_in(segment: dict[str, Any]) -> int | None:
    """How long the segment lasts, in milliseconds; from its end when no length is told."""
    length = _first_time(segment, _LENGTHS)
    if length is not None:
        return length
    end = _first_time(segment, _ENDS)
    return None if end is None else max(end - (start_ms_in(segment) or 0), 0)


def volume_percent_in(segment: dict[str, Any]) -> int | None:
    """The segment's volume in percent: up to 2 it is a factor, above that a percentage already."""
    for place in _places(segment):
        for key in _VOLUMES:
            volume = number(place.get(key))
            if volume is not None and 0 <= volume <= 1000:
                return round(volume * 100) if volume <= 2 else round(volume)
    return None


def number(value: object) -> float | None:
    """A finite number, from a number or the text of one; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and len(value) < 40:
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, int):
        return float(value) if abs(value) < _LONGEST_MS * 1000 else None
    return value if isinstance(value, float) and math.isfinite(value) else None


def _places(segment: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The objects in which a segment's fields may stand, nearest first."""
    meta = segment.get("m")
    near = [segment, *([meta] if isinstance(meta, dict) else [])]
    yield from near
    for place in near:
        inner = (value for key, value in place.items() if key != "m" and isinstance(value, dict))
        yield from islice(inner, _INNER_PLACES)


def _first_text(segment: dict[str, Any], keys: Sequence[str]) -> str | None:
    for place in _places(segment):
        for key in keys:
            words = _words(place.get(key))
            if words:
                return words
    return None


def _words(value: object) -> str | None:
    """Text as one clean line; the text inside, where an editor keeps its rich text as JSON in a string."""
    if not isinstance(value, str):
        return None
    return cleaned(_text_inside(value) or value, limit=NAME_LIMIT) or None


def _text_inside(value: str) -> str | None:
    if not value.startswith("{") or len(value) > 10_000:
        return None
    try:
        inner = json.loads(value)
    except (ValueError, RecursionError):
        return None
    text = inner.get("text") if isinstance(inner, dict) else None
    return text if isinstance(text, str) else None


def _first_time(segment: dict[str, Any], keys: Sequence[str]) -> int | None:
    for place in _places(segment):
        for key in keys:
            for unit, factor in _UNITS.items() if len(key) > 1 else (("", 1.0),):
                time = number(place.get(key + unit))
                if time is not None and time * factor < _LONGEST_MS:
                    return max(round(time * factor), 0)
    return None
