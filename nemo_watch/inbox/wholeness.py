"""Bytes of a medium → is it whole? Every format says in its own way where it ends; this reads that and decodes nothing.

It must never believe a size alone: a copy over SMB shows its final size from the first moment, a killed writer closes its file like
a finished one. Facts: ITU T.81 (JPEG), PNG 1.2 §3, GIF89a, RIFF, ISO 14496-12 boxes, EBML (RFC 8794); the end marker is the cheapest
honest sign (0.1 ms), Pillow's `verify()` sees no cut, and a full decode sees no zero-filled tail (measured).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from nemo_watch.inbox.signatures import HEAD_BYTES, format_of, frame


class Wholeness(StrEnum):
    """How far a file is."""

    WHOLE = "whole"
    CUT = "cut"  # its end is missing, as far as the format tells; a full decode may prove otherwise
    HOLLOW = "hollow"  # its size is there, its contents are not: no decoder would notice
    ENDLESS = "endless"  # the format does not tell where it ends: whole when unchanged for long
    WRITING = "writing"  # a process holds it open for writing
    NOT_MEDIA = "not_media"
    UNREADABLE = "unreadable"
    CHANGED = "changed"  # not the file that was sighted any more: the next look sees what it is


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found out about one sighting. `reason` is for people: why it is not whole, or left alone."""

    wholeness: Wholeness
    reason: str = ""


WHOLE: Final = Verdict(Wholeness.WHOLE)
CUT: Final = Verdict(Wholeness.CUT, "looks cut off; waiting for the rest")
HOLLOW: Final = Verdict(Wholeness.HOLLOW, "parts of it are still empty; waiting for the rest")
CUT_UNSEEN: Final = Verdict(Wholeness.HOLLOW, CUT.reason)  # cut where a decoder shows fewer frames and no error
ENDLESS: Final = Verdict(Wholeness.ENDLESS, "may still be growing")
WRITING: Final = Verdict(Wholeness.WRITING, "is still being written")
NOT_MEDIA: Final = Verdict(Wholeness.NOT_MEDIA, "its contents are not a photo, clip or song that NemoVideo takes")

_ZERO_TAIL_BYTES: Final = 512  # a disk sector: what an unwritten tail shows at least
_WINDOW_BYTES: Final = 1 << 20
_STEPS_MAX: Final = 200_000  # chunks or boxes in one file; more is no photo but a trap


class Source(Protocol):
    """A file's bytes at any place."""

    size: int

    def read(self, at: int, length: int) -> bytes:
        """Up to `length` bytes from `at`; fewer only at the end."""
        ...


class Bytes:
    """A source in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read(self, at: int, length: int) -> bytes:
        """Up to `length` bytes from `at`."""
        return self._data[at : at + length]


def verdict_of(source: Source) -> Verdict:
    """Whether the medium is whole, by the format that its own first bytes show (its name does not matter).

    NOT_MEDIA for bytes of no known format, but HOLLOW for zeros: they may become anything.
    """
    head = source.read(0, HEAD_BYTES)
    if not head.strip(b"\0"):
        return HOLLOW
    walker = _WALKERS.get(format_of(head) or "")
    if walker is None:
        return CUT if len(head) < 12 and _may_begin_a_medium(head) else NOT_MEDIA
    return walker(source)


def _may_begin_a_medium(head: bytes) -> bool:
    beginnings = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"RIFF", b"\x1a\x45\xdf\xa3", b"ID3", b"\0\0\0")
    return any(whole.startswith(head) or head.startswith(whole) for whole in beginnings)


def tail_is_zero(source: Source) -> bool:
    """Whether the file ends in a sector of zeros."""
    length = min(_ZERO_TAIL_BYTES, source.size)
    return not source.read(source.size - length, length).strip(b"\0")


# -- JPEG --------------------------------------------------------------------------------------------------------------

# In entropy-coded data FF is followed by 00 (stuffing), a restart marker, or FF (fill); anything else is a real marker.
_REAL_MARKER: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)


def _jpeg(source: Source) -> Verdict:
    end = _jpeg_end(source, 0)
    if end is None:
        return HOLLOW if tail_is_zero(source) else CUT
    return _behind(source, end)


def _jpeg_end(source: Source, start: int) -> int | None:
    """Where the image that starts at `start` ends (behind its EOI), or None if it does not."""
    at = start + 2
    for _ in range(_STEPS_MAX):
        header = source.read(at, 4)
        if len(header) < 2 or header[0] != 0xFF:
            return None
        marker = header[1]
        if marker == 0xD9:
            return at + 2
        if marker == 0xFF:  # fill byte
            at += 1
        elif 0xD0 <= marker <= 0xD7 or marker == 0x01:
            at += 2
        elif len(header) < 4:
            return None
        else:
            at += 2 + int.from_bytes(header[2:4], "big")
            if marker == 0xDA:
                if start == 0 and source.read(source.size - 2, 2) == b"\xff\xd9":
                    return source.size  # the common case, without reading it all
                found = _marker_from(source, at)
                if found is None:
                    return None
                at = found
    return None


def _marker_from(source: Source, at: int) -> int | None:
    """The place of the next real marker from `at` on."""
    while at < source.size:
        window = source.read(at, _WINDOW_BYTES)
        found = _REAL_MARKER.search(window)
        if found:
            return at + found.start()
        at += max(len(window) - 1, 1)
    return None


def _behind(source: Source, end: int) -> Verdict:
    """Bytes behind a complete image are fine; but a clip (Motion Photo) or a second image there should be whole too."""
    tail = source.read(end, 4096)
    clip = tail.find(b"ftyp")
    if clip >= 4:
        return WHOLE if _boxes_fit(source, end + clip - 4) else CUT
    if tail.startswith(b"\xff\xd8\xff"):
        return WHOLE if _jpeg_end(source, end) is not None else CUT
    return WHOLE


# -- PNG, GIF ------------------------------------------------------------------------------------------------------------


def _png(source: Source) -> Verdict:
    at = 8
    for _ in range(_STEPS_MAX):
        header = source.read(at, 8)
        if len(header) < 8 or not header[4:].isalpha():
            return HOLLOW if len(header) == 8 and tail_is_zero(source) else CUT
        at += 12 + int.from_bytes(header[:4], "big")
        if header[4:] == b"IEND":
            return WHOLE if at <= source.size else CUT
    return ENDLESS


def _gif(source: Source) -> Verdict:
    at = 13 + _color_table_bytes(source.read(10, 1))
    frame_end = 0
    for _ in range(_STEPS_MAX):
        block = source.read(at, 10)
        if block[:1] == b"\x3b":
            return WHOLE
        if block[:1] == b"\x21":
            at = _behind_sub_blocks(source, at + 2)
        elif block[:1] == b"\x2c" and len(block) == 10:
            at = frame_end = _behind_sub_blocks(source, at + 11 + _color_table_bytes(block[9:]))
        else:
            return _gif_without_end(source, frame_end)
    return ENDLESS


def _gif_without_end(source: Source, frame_end: int) -> Verdict:
    """Behind a complete frame only the trailer may be missing, and a decoder tells; inside a frame it would not."""
    if frame_end == source.size:
        return CUT
    return HOLLOW if tail_is_zero(source) else CUT_UNSEEN


def _color_table_bytes(flags: bytes) -> int:
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0


def _behind_sub_blocks(source: Source, at: int) -> int:
    """The place behind the empty block that ends a run of blocks; beyond the file where it is missing."""
    while at < source.size:
        length = source.read(at, 1)[0]
        at += 1 + length
        if length == 0:
            return at
    return source.size + 1


# -- RIFF: WebP, AVI, WAV --------------------------------------------------------------------------------------------------

_UNKNOWN_SIZES: Final = frozenset({0, 0xFFFFFFFF})  # written into a pipe, or by a recorder that never came back


def _riff(source: Source) -> Verdict:
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


# -- ISO boxes: MP4, MOV, M4A, HEIC ------------------------------------------------------------------------------------------

_PADDING: Final = frozenset({b"free", b"skip", b"wide"})
_INDEX: Final = frozenset({b"moov", b"moof", b"meta"})  # without one of them nothing can be played or shown


@dataclass(frozen=True, slots=True)
class _Box:
    kind: bytes
    start: int
    end: int


def _boxes(source: Source, at: int) -> Iterator[_Box]:
    """The boxes from `at` to the end; the last may reach beyond the file. Ends early at bytes that are no box."""
    for _ in range(_STEPS_MAX):
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


def _iso(source: Source) -> Verdict:
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


def _boxes_fit(source: Source, at: int) -> bool:
    boxes = list(_boxes(source, at))
    return bool(boxes) and boxes[-1].end <= source.size and any(box.kind in _INDEX for box in boxes)


# -- EBML: Matroska, WebM ----------------------------------------------------------------------------------------------------


def _ebml(source: Source) -> Verdict:
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


# -- MP3, AAC ----------------------------------------------------------------------------------------------------------------

_TAGS_BEHIND: Final = (b"TAG", b"APETAGEX", b"LYRICSBEGIN", b"ID3")
_AUDIO_TAIL_BYTES: Final = 65_536


def _frames(source: Source) -> Verdict:
    """MPEG audio tells no end: it counts as whole when its last frame is, and may be when that is cut."""
    start = max(0, source.size - _AUDIO_TAIL_BYTES)
    tail = source.read(start, _AUDIO_TAIL_BYTES)
    if not tail[-_ZERO_TAIL_BYTES:].strip(b"\0"):
        return HOLLOW
    at, steps = _first_frame(tail), 0
    while at < len(tail):
        _, length = frame(tail[at : at + 10])
        if length == 0:
            return WHOLE if steps and tail[at:].startswith(_TAGS_BEHIND) else ENDLESS
        at += length
        steps += 1
    return WHOLE if at == len(tail) and steps else ENDLESS


def _first_frame(tail: bytes) -> int:
    """Where a run of three frames begins."""
    at = tail.find(b"\xff")
    while at >= 0:
        place = at
        for _ in range(3):
            _, length = frame(tail[place : place + 10])
            if length == 0:
                break
            place += length
        else:
            return at
        if place == len(tail):  # the file's very last frames
            return at
        at = tail.find(b"\xff", at + 1)
    return len(tail) + 1


_WALKERS: Final[dict[str, Callable[[Source], Verdict]]] = {
    "jpg": _jpeg,
    "png": _png,
    "gif": _gif,
    **dict.fromkeys(("webp", "avi", "wav"), _riff),
    **dict.fromkeys(("mp4", "mov", "m4a", "heic"), _iso),
    **dict.fromkeys(("mkv", "webm"), _ebml),
    **dict.fromkeys(("mp3", "aac"), _frames),
}
