"""Bytes of a medium → is it whole? Chooses the format by the first bytes, and asks the module that knows where that one ends.

It must never believe a size alone: a copy over SMB shows its final size from the first moment, a killed writer closes its file like
a finished one. What decides: the format's own end. Zeros and holes in padding count for nothing; where they make up the tail, or lie where the format
cannot hold them, the file is not whole for as long as it stays so (reserved room, its writer killed); any other hole is a matter of patience, for it
may be a sparse copy's. Facts: the end marker is the cheapest honest sign (0.1 ms), Pillow's `verify()` sees no cut, and a full decode sees no
zero-filled tail (measured).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from nemo_watch.inbox import containers, parts, pictures, songs
from nemo_watch.inbox.signatures import HEAD_BYTES, format_of
from nemo_watch.inbox.verdicts import (
    BLOCK_BYTES,
    CUT,
    HOLLOW,
    NOT_MEDIA,
    SPARSE,
    Source,
    Span,
    Verdict,
    Wholeness,
    outside,
)

_WALKERS: Final[dict[str, Callable[[Source], Verdict]]] = {
    "jpg": pictures.jpeg,
    "png": pictures.png,
    "gif": pictures.gif,
    **dict.fromkeys(("webp", "avi", "wav"), containers.riff),
    **dict.fromkeys(("mp4", "mov", "m4a", "heic"), containers.iso),
    **dict.fromkeys(("mkv", "webm"), containers.ebml),
    **dict.fromkeys(("mp3", "aac"), songs.frames),
}
_PADDING: Final[dict[str, Callable[[Source], Iterator[Span]]]] = {
    **dict.fromkeys(("webp", "avi", "wav"), parts.chunk_padding),
    **dict.fromkeys(("mp4", "mov", "m4a", "heic"), parts.box_padding),
    **dict.fromkeys(("mkv", "webm"), parts.element_padding),
}


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


def verdict_with_holes(source: Source, verdict: Verdict, holes: Iterable[Span]) -> Verdict:
    """The verdict on a medium that would be whole (WHOLE, ENDLESS) but for its holes, which read as zeros.

    The same where all of them lie in padding. HOLLOW where they lie in a JPEG's scan, or reach the end of a format that does not tell
    where it ends: reserved room looks just like that. Else SPARSE: `cp --sparse=always` makes such holes of zeros that belong there,
    and a writer that sets the size first and then fills in any order leaves them too.
    """
    found = format_of(source.read(0, HEAD_BYTES)) or ""
    real = outside(holes, _PADDING[found](source) if found in _PADDING else ())
    if not real:
        return verdict
    if verdict.wholeness is Wholeness.ENDLESS and _is_empty_from(source, real[-1]):
        return HOLLOW
    if found == "jpg":
        scans = pictures.jpeg_scans(source)
        if any(hole.start < scans.end and hole.end > scans.start for hole in real):
            return HOLLOW
    return SPARSE


def _is_empty_from(source: Source, hole: Span) -> bool:
    """Whether nothing but the rest of a block follows the hole, and that is zeros: holes are told by whole blocks."""
    rest = source.size - hole.end
    return rest <= BLOCK_BYTES and not source.read(hole.end, rest).strip(b"\0")
