"""Bytes of a medium → is it whole? Chooses the format by the first bytes, and asks the module that knows where that one ends.

It must never believe a size alone: a copy over SMB shows its final size from the first moment, a killed writer closes its file like
a finished one. Facts: the end marker is the cheapest honest sign (0.1 ms), Pillow's `verify()` sees no cut, and a full decode sees no
zero-filled tail (measured).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from nemo_watch.inbox import containers, pictures, songs
from nemo_watch.inbox.signatures import HEAD_BYTES, format_of
from nemo_watch.inbox.verdicts import CUT, HOLLOW, NOT_MEDIA, Source, Verdict

_WALKERS: Final[dict[str, Callable[[Source], Verdict]]] = {
    "jpg": pictures.jpeg,
    "png": pictures.png,
    "gif": pictures.gif,
    **dict.fromkeys(("webp", "avi", "wav"), containers.riff),
    **dict.fromkeys(("mp4", "mov", "m4a", "heic"), containers.iso),
    **dict.fromkeys(("mkv", "webm"), containers.ebml),
    **dict.fromkeys(("mp3", "aac"), songs.frames),
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
