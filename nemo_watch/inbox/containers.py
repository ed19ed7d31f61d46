"""Bytes of a file made of nested parts → is it whole? RIFF (WebP, AVI, WAV), ISO boxes (MP4, MOV, M4A, HEIC), EBML (Matroska, WebM).

It must never trust a length further than the file reaches, nor take zeros in padding for an empty tail: what decides is the last thing that is no
padding. Facts: RIFF, ISO 14496-12 "Object Structure", RFC 8794 (EBML); a recorder writes its index last, and leaves lengths open when it never
comes back.
"""

from __future__ import annotations

from typing import Final

from nemo_watch.inbox.parts import Part, box_padding, boxes, chunk_padding, element_padding, elements
from nemo_watch.inbox.verdicts import CUT, ENDLESS, HOLLOW, NOT_MEDIA, WHOLE, Source, Verdict, end_before, tail_is_zero

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
    if not tail_is_zero(source) or not tail_is_zero(source, end_before(chunk_padding(source), source.size)):
        return WHOLE
    return (
        ENDLESS if header[8:12] == b"WAVE" else HOLLOW
    )  # a song may end in silence, pictures not in a sector of zeros


# -- ISO boxes: MP4, MOV, M4A, HEIC -----------------------------------------------------------------------------------

_INDEX: Final = frozenset({b"moov", b"moof", b"meta"})  # without one of them nothing can be played or shown


def iso(source: Source) -> Verdict:
    """An MP4, MOV, M4A or HEIC: all boxes there, with an index and with media."""
    found = list(boxes(source, 0))
    if not found:
        return NOT_MEDIA
    last = found[-1]
    if last.end > source.size:
        return CUT
    zeros_behind = last.end < source.size and tail_is_zero(source)
    if not any(box.name in _INDEX for box in found) or not any(_carries_media(source, box) for box in found):
        return HOLLOW if zeros_behind else CUT
    if zeros_behind and any(box.name == b"moof" for box in found):
        return HOLLOW  # room for more fragments
    if tail_is_zero(source, last.end) and tail_is_zero(source, end_before(box_padding(source), last.end)):
        return HOLLOW
    return WHOLE


def _carries_media(source: Source, box: Part) -> bool:
    """Whether pictures or frames lie in this box; a HEIC may keep a small one inside its `meta`."""
    return box.name == b"mdat" or (box.name == b"meta" and b"idat" in source.read(box.start, min(box.end, 65_536)))


def boxes_fit(source: Source, at: int) -> bool:
    """Whether a clip that begins at `at`, behind other bytes, is there to its end."""
    found = list(boxes(source, at))
    return bool(found) and found[-1].end <= source.size and any(box.name in _INDEX for box in found)


# -- EBML: Matroska, WebM ---------------------------------------------------------------------------------------------


def ebml(source: Source) -> Verdict:
    """A Matroska or WebM: its segment as long as it says."""
    at = 0
    for element in elements(source, 0, source.size):
        if element is None:
            return HOLLOW if tail_is_zero(source) else ENDLESS
        at = element.end
    if at > source.size:
        return CUT
    if at < source.size:  # what follows is no element
        return HOLLOW if tail_is_zero(source) else WHOLE if at > 64 else CUT
    return HOLLOW if tail_is_zero(source, end_before(element_padding(source), source.size)) else WHOLE
