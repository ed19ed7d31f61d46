"""Bytes of a file made of nested parts → its parts, and which of them are padding. RIFF chunks, ISO boxes, EBML elements.

It must never trust a length further than it is asked to, nor call a part padding whose header is not there. Facts: RIFF; ISO 14496-12 §8.1.2
(free, skip) and QuickTime (wide); RFC 8794 §4 and §11.3.2 (Void); writers leave padding so that a later edit need not move what follows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from nemo_watch.inbox.verdicts import STEPS_MAX, Source, Span

_STEPS: Final = range(STEPS_MAX)  # shared by a walk and those inside it
_DEPTH_MAX: Final = 8  # moov, udta, meta, ilst: nobody nests padding deeper


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its name, where its header and its contents begin, and where it says that it ends."""

    name: bytes
    start: int
    body: int
    end: int


# -- ISO boxes: MP4, MOV, M4A, HEIC -----------------------------------------------------------------------------------

_BOX_PADDING: Final = frozenset({b"free", b"skip", b"wide"})
_BOXES_OF_BOXES: Final = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"udta", b"meta", b"moof", b"traf"})


def boxes(source: Source, at: int, end: int | None = None, steps: Iterable[int] = _STEPS) -> Iterator[Part]:
    """The boxes from `at` to `end` (the file's end); the last may reach beyond it. Ends early at bytes that are no box."""
    end = source.size if end is None else end
    for _ in steps:
        header = source.read(at, min(16, end - at))
        if len(header) < 8 or not _is_box_name(header[4:8]):
            return
        size, body = int.from_bytes(header[:4], "big"), at + 8
        if size == 1:
            size, body = (int.from_bytes(header[8:16], "big") if len(header) == 16 else 16), at + 16
        elif size == 0:
            size = end - at
        if size < 8:
            return
        yield Part(header[4:8], at, body, at + size)
        at += size


def _is_box_name(name: bytes) -> bool:
    return all(0x20 <= byte < 0x7F or byte == 0xA9 for byte in name)


def box_padding(source: Source) -> Iterator[Span]:
    """Where `free`, `skip` and `wide` boxes lie, those inside other boxes too."""
    return _box_padding(source, Part(b"", 0, 0, source.size), iter(_STEPS), _DEPTH_MAX)


def _box_padding(source: Source, outer: Part, steps: Iterator[int], depth: int) -> Iterator[Span]:
    at, end = _first_inside(source, outer), outer.end
    for box in boxes(source, at, end, steps):
        if box.end > end:
            return
        if box.name in _BOX_PADDING:
            yield Span(box.start, box.end)
        elif box.name in _BOXES_OF_BOXES and depth:
            yield from _box_padding(source, box, steps, depth - 1)


def _first_inside(source: Source, box: Part) -> int:
    """Where the first box inside begins: a `meta` has four bytes of its own before it, but QuickTime's has none."""
    has_own = box.name == b"meta" and source.read(box.body + 4, 4) != b"hdlr"
    return box.body + 4 if has_own else box.body


# -- RIFF: WebP, AVI, WAV ---------------------------------------------------------------------------------------------

_CHUNK_PADDING: Final = frozenset({b"JUNK", b"JUNQ", b"junk", b"PAD ", b"FLLR"})


def chunk_padding(source: Source) -> Iterator[Span]:
    """Where chunks of junk lie, directly in the parts of a RIFF file (an AVI may have several)."""
    steps = iter(_STEPS)
    for part in _chunks(source, 0, source.size, steps):
        if part.name not in {b"RIFF", b"RF64"}:
            return
        for chunk in _chunks(source, part.body + 4, min(part.end, source.size), steps):
            if chunk.name in _CHUNK_PADDING and chunk.end <= source.size:
                yield Span(chunk.start, chunk.end)


def _chunks(source: Source, at: int, end: int, steps: Iterator[int]) -> Iterator[Part]:
    for _ in steps:
        header = source.read(at, min(8, end - at))
        if len(header) < 8 or not _is_box_name(header[:4]):
            return
        size = int.from_bytes(header[4:8], "little")
        yield Part(header[:4], at, at + 8, at + 8 + size + (size & 1))
        at += 8 + size + (size & 1)


# -- EBML: Matroska, WebM ---------------------------------------------------------------------------------------------

_VOID: Final = b"\xec"
_SEGMENT: Final = b"\x18\x53\x80\x67"


def elements(source: Source, at: int, end: int, steps: Iterable[int] = _STEPS) -> Iterator[Part | None]:
    """The EBML elements from `at` to `end`; the last may reach beyond. None, and no more, where the length of one is not known.

    Ends early at bytes that are no element.
    """
    for _ in steps:
        header = source.read(at, min(16, end - at))
        name_length = _vint_length(header, 0)
        size_length = _vint_length(header, name_length)
        if not name_length or not size_length:
            return
        body = name_length + size_length
        size = int.from_bytes(header[name_length:body], "big") & (1 << 7 * size_length) - 1
        if size == (1 << 7 * size_length) - 1:  # all ones: the writer did not know
            yield None
            return
        yield Part(header[:name_length], at, at + body, at + body + size)
        at += body + size


def _vint_length(data: bytes, at: int) -> int:
    """How long the EBML number at this place is; 0 where none stands."""
    if at >= len(data) or data[at] == 0:
        return 0
    length = 9 - data[at].bit_length()
    return length if at + length <= len(data) else 0


def element_padding(source: Source) -> Iterator[Span]:
    """Where `Void` elements lie, between the segment's parts or behind it."""
    steps = iter(_STEPS)
    for part in elements(source, 0, source.size, steps):
        if part is None or part.end > source.size:
            return
        inside = elements(source, part.body, part.end, steps) if part.name == _SEGMENT else (part,)
        for element in inside:
            if element is not None and element.name == _VOID and element.end <= source.size:
                yield Span(element.start, element.end)
