r"""Bytes of a photo → when it was taken, by its EXIF. Pure; reads only the few tags that tell it.

It must never trust an offset: every read is within the bytes at hand. Facts: EXIF 2.32 §4.6 (tags 0x9003 DateTimeOriginal, 0x9004
DateTimeDigitized, 0x0132 DateTime, 0x8769 the EXIF directory, 0x9291 and 0x9290 fractions of the second); the block begins with
`Exif\0\0` in JPEG and HEIC; PNG and WebP hold it in a chunk of its own.
"""

from __future__ import annotations

import re
import struct
from datetime import datetime
from typing import Final

HEAD_BYTES: Final = 262_144  # JPEG holds EXIF in its first segments, HEIC mostly right behind its boxes
_EXIF_DIRECTORY: Final = 0x8769
_TIMES: Final = ((0x9003, 0x9291), (0x9004, 0x9292), (0x0132, 0x9290))  # each with its fraction; the best first
_ENTRIES_MAX: Final = 200
_TIFF: Final = re.compile(rb"(?:Exif\x00\x00|eXIf|EXIF....)(?=II\*\x00|MM\x00\*)", re.DOTALL)
_DATE: Final = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d):(\d\d)")


def captured_at(data: bytes) -> datetime | None:
    """The local time of the capture (naive: cameras seldom tell the zone); None where no EXIF tells it."""
    for found in _TIFF.finditer(data):
        taken = _from_tiff(data[found.end() : found.end() + 65_536])
        if taken is not None:
            return taken
    return None


def _from_tiff(tiff: bytes) -> datetime | None:
    order = "<" if tiff[:2] == b"II" else ">"
    tags = _directory(tiff, order, _number(tiff, order, 4))
    pointer = tags.get(_EXIF_DIRECTORY)
    if pointer:
        tags |= _directory(tiff, order, _number(pointer, order, 0))
    for tag, fraction in _TIMES:
        taken = _time(_text(tiff, order, tags.get(tag)), _text(tiff, order, tags.get(fraction)))
        if taken is not None:
            return taken
    return None


def _directory(tiff: bytes, order: str, at: int) -> dict[int, bytes]:
    """The tags of one directory: each with its count and value or offset, as 8 raw bytes (4 for the EXIF pointer)."""
    tags: dict[int, bytes] = {}
    count = int.from_bytes(tiff[at : at + 2], "little" if order == "<" else "big")
    for number in range(min(count, _ENTRIES_MAX)):
        entry = tiff[at + 2 + 12 * number : at + 14 + 12 * number]
        if len(entry) < 12:
            break
        (tag,) = struct.unpack(order + "H", entry[:2])
        tags[tag] = entry[8:] if tag == _EXIF_DIRECTORY else entry[4:]
    return tags


def _number(data: bytes, order: str, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "little" if order == "<" else "big")


def _text(tiff: bytes, order: str, entry: bytes | None) -> str:
    if entry is None:
        return ""
    length = _number(entry, order, 0)
    if length <= 4:
        return entry[4 : 4 + length].decode("ascii", "replace")
    at = _number(entry, order, 4)
    return tiff[at : at + min(length, 64)].decode("ascii", "replace")


def _time(text: str, fraction: str) -> datetime | None:
    found = _DATE.match(text)
    if found is None:
        return None
    digits = re.match(r"\d{1,6}", fraction)
    microseconds = int(digits[0].ljust(6, "0")) if digits else 0
    year, month, day, hour, minute, second = (int(part) for part in found.groups())
    try:
        return datetime(year, month, day, hour, minute, second, microseconds)  # noqa: DTZ001  EXIF has no zone
    except ValueError:  # 0000:00:00, or the 31st of February
        return None
