"""Bytes of a JPEG, PNG or GIF → is it whole? Each says in its own way where it ends; this reads that and decodes nothing.

It must never take a thumbnail's end for the photo's, nor a frame's for the animation's. Facts: ITU T.81 (JPEG), PNG 1.2 "Chunk layout", GIF89a;
Motion Photos and Ultra HDR put a clip or a second picture behind the first.
"""

from __future__ import annotations

import re
from typing import Final

from nemo_watch.inbox.containers import boxes_fit
from nemo_watch.inbox.verdicts import (
    CUT,
    CUT_UNSEEN,
    ENDLESS,
    HOLLOW,
    STEPS_MAX,
    WHOLE,
    Source,
    Span,
    Verdict,
    tail_is_zero,
)

_WINDOW_BYTES: Final = 1 << 20

# -- JPEG -------------------------------------------------------------------------------------------------------------

# In entropy-coded data FF is followed by 00 (stuffing), a restart marker, or FF (fill); anything else is a real marker.
_REAL_MARKER: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)


def jpeg(source: Source) -> Verdict:
    """A JPEG: its end mark is there, and what was put behind it is whole too."""
    end = _jpeg_end(source, 0)
    if end is None:
        return HOLLOW if tail_is_zero(source) else CUT
    return _behind(source, end)


def jpeg_scans(source: Source) -> Span:
    """From the first scan's data to the image's real end: entropy-coded, where a run of zeros as long as a block is no picture."""
    start = _jpeg_end(source, 0, stop_at_scan=True)
    end = _jpeg_end(source, 0, hurried=False)
    return Span(source.size if start is None else start, source.size if end is None else end)


def _jpeg_end(source: Source, start: int, *, hurried: bool = True, stop_at_scan: bool = False) -> int | None:
    """Where the image that starts at `start` ends (behind its EOI), or None if it does not.

    `hurried` believes an end mark at the file's very end; `stop_at_scan` asks for where the first scan's data begin instead.
    """
    at = start + 2
    for _ in range(STEPS_MAX):
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
                if stop_at_scan:
                    return at
                if hurried and start == 0 and source.read(source.size - 2, 2) == b"\xff\xd9":
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
        return WHOLE if boxes_fit(source, end + clip - 4) else CUT
    if tail.startswith(b"\xff\xd8\xff"):
        return WHOLE if _jpeg_end(source, end) is not None else CUT
    return WHOLE


# -- PNG, GIF ---------------------------------------------------------------------------------------------------------


def png(source: Source) -> Verdict:
    """A PNG: chunk after chunk to IEND."""
    at = 8
    for _ in range(STEPS_MAX):
        header = source.read(at, 8)
        if len(header) < 8 or not header[4:].isalpha():
            return HOLLOW if len(header) == 8 and tail_is_zero(source) else CUT
        at += 12 + int.from_bytes(header[:4], "big")
        if header[4:] == b"IEND":
            return WHOLE if at <= source.size else CUT
    return ENDLESS


def gif(source: Source) -> Verdict:
    """A GIF: block after block to its trailer."""
    at = 13 + _color_table_bytes(source.read(10, 1))
    frame_end = 0
    for _ in range(STEPS_MAX):
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
