"""Bytes of a file made of nested parts → is it whole? RIFF (WebP, AVI, WAV), ISO boxes (MP4, MOV, M4A, HEIC), EBML (Matroska, WebM).

It must never trust a length further than the file reaches. Facts: RIFF, ISO 14496-12 "Object Structure", RFC 8794 (EBML); a recorder writes
its index last, and leaves lengths open when it never comes back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from nemo_watch.inbox.verdicts import CUT, ENDLESS, HOLLOW, NOT_MEDIA, STEPS_MAX, WHOLE, Source, Verdict, tail_is_zero

# -- RIFF: WebP, AVI, WAV ---------------------------------------------------------------------------------------------

_UNKNOWN_SIZES: Final = frozenset({0, 0xFFFFFFFF})  # written into a pipe, or by a recorder that never came back


def riff(source: Source) -> Verdict:
    """A WebP, AVI or WAV: every part as long as its header says; a WAV may end in silence."""
    at = size = 0
    header = source.read(0, 12)
    while at + 12 <= source.size:
        header = source.read(at, 12)
        if header[:4] not in {b"RIFF", b"RF64"}:
            break  # bytes behind are fine
        size = int.from_bytes(header[4:8], "little")
        if size in _UNKNOWN_SIZES:
            return HOLLOW if tail_is_zero(source) and header[8:12] != b"WAVE" else ENDLESS
        at += 8 + size + (size & 1)
    rest = source.read(at, 4)
    if rest and b"RIFF".startswith(rest):
        return CUT  # the next part has begun
    if at > source.size + (size & 1):  # some writers leave the last padding byte out
        return CUT
    if not tail_is_zero(source):
        return WHOLE
    return (
        ENDLESS if header[8:12] == b"WAVE" else HOLLOW
    )  # a song may end in silence, pictures not in a sector of zeros


# -- ISO boxes: MP4, MOV, M4A, HEIC -----------------------------------------------------------------------------------

_PADDING: Final = frozenset({b"free", b"skip", b"wide"})
_INDEX: Final = frozenset({b"moov", b"moof", b"meta"})  # without one of them nothing can be played or shown


@dataclass(frozen=True, slots=True)
class _Box:
    kind: bytes
    start: int
    end: int


def _boxes(source: Source, at: int) -> Iterator[_Box]:
    """The boxes from `at` to the end; the last may reach beyond the file. Ends early at bytes that are no box."""
    for _ in range(STEPS_MAX):
        header = source.read(at, 16)
        if len(header) < 8 or not _is_box_name(header[4:8]):
            return
        size = int.from_bytes(header[:4], "big")
        if size == 1:
            size = int.from_bytes(header[8:16], "big") if len(header) == 16 else 16
        elif size == 0:
            size = source.size - at
        if size < 8:
            return
        yield _Box(header[4:8], at, at + size)
        at += size


def _is_box_name(name: bytes) -> bool:
    return all(0x20 <= byte < 0x7F or byte == 0xA9 for byte in name)


def iso(source: Source) -> Verdict:
    """An MP4, MOV, M4A or HEIC: all boxes there, with an index and with media."""
    boxes = list(_boxes(source, 0))
    if not boxes:
        return NOT_MEDIA
    last = boxes[-1]
    if last.end > source.size:
        return CUT
    if not any(box.kind in _INDEX for box in boxes) or not any(_carries_media(source, box) for box in boxes):
        return HOLLOW if last.end < source.size and tail_is_zero(source) else CUT
    if last.end == source.size and last.kind not in _PADDING and tail_is_zero(source):
        return HOLLOW
    return WHOLE


def _carries_media(source: Source, box: _Box) -> bool:
    """Whether pictures or frames lie in this box; a HEIC may keep a small one inside its `meta`."""
    return box.kind == b"mdat" or (box.kind == b"meta" and b"idat" in source.read(box.start, min(box.end, 65_536)))


def boxes_fit(source: Source, at: int) -> bool:
    """Whether a clip that begins at `at`, behind other bytes, is there to its end."""
    boxes = list(_boxes(source, at))
    return bool(boxes) and boxes[-1].end <= source.size and any(box.kind in _INDEX for box in boxes)


# -- EBML: Matroska, WebM ---------------------------------------------------------------------------------------------


def ebml(source: Source) -> Verdict:
    """A Matroska or WebM: its segment as long as it says."""
    at = 0
    while at < source.size:
        element = source.read(at, 16)
        identity, length = _vint(element, 0, keep_marker=True)
        size, length_of_size = _vint(element, length)
        if identity is None or size is None:
            return HOLLOW if tail_is_zero(source) else WHOLE if at > 64 else CUT
        if size == (1 << 7 * length_of_size) - 1:  # all ones: the writer did not know
            return HOLLOW if tail_is_zero(source) else ENDLESS
        at += length + length_of_size + size
    if at > source.size:
        return CUT
    return HOLLOW if tail_is_zero(source) else WHOLE


def _vint(data: bytes, at: int, *, keep_marker: bool = False) -> tuple[int | None, int]:
    """An EBML number and its length in bytes; `(None, 0)` where none stands. Source: RFC 8794 §4."""
    if at >= len(data) or data[at] == 0:
        return None, 0
    length = 9 - data[at].bit_length()
    value = int.from_bytes(data[at : at + length], "big")
    if len(data) < at + length:
        return None, 0
    return (value if keep_marker else value & (1 << 7 * length) - 1), length
