"""Bytes of an MP3 or AAC → is it whole? Frame after frame, and no word about the last.

It must never call a song cut: it is whole when its last frame is, and otherwise may still be growing. Facts: ISO 11172-3, ISO 13818-7 (ADTS); tags
stand behind the last frame.
"""

from __future__ import annotations

from typing import Final

from nemo_watch.inbox.signatures import frame
from nemo_watch.inbox.verdicts import ENDLESS, HOLLOW, WHOLE, ZERO_TAIL_BYTES, Source, Verdict

_TAGS_BEHIND: Final = (b"TAG", b"APETAGEX", b"LYRICSBEGIN", b"ID3")
_AUDIO_TAIL_BYTES: Final = 65_536


def frames(source: Source) -> Verdict:
    """MPEG audio tells no end: it counts as whole when its last frame is, and may be when that is cut."""
    start = max(0, source.size - _AUDIO_TAIL_BYTES)
    tail = source.read(start, _AUDIO_TAIL_BYTES)
    if not tail[-ZERO_TAIL_BYTES:].strip(b"\0"):
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
