"""Leading bytes → the format, as the extension that the service knows it by.

It must never guess from a name. Facts: JPEG (ITU T.81), PNG, GIF89a, RIFF (WebP, AVI, WAV), ISO 14496-12 `ftyp` brands,
QuickTime's older files without `ftyp`, EBML (Matroska, WebM), MPEG audio and ADTS sync words, ID3v2.
"""

from __future__ import annotations

from typing import Final

HEAD_BYTES: Final = 4096  # enough for every signature below, and for audio that begins with a little garbage

_HEIF_BRANDS: Final = frozenset(
    {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1"}
)
_AVIF_BRANDS: Final = frozenset({b"avif", b"avis"})  # a picture, but not one that the service takes
_QUICKTIME_ATOMS: Final = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
_RIFF_FORMS: Final = {b"WEBP": "webp", b"AVI ": "avi", b"WAVE": "wav"}


def format_of(head: bytes) -> str | None:
    """The format's extension (`jpg`, `heic`, `mov`, …), or None for bytes of no medium that counts."""
    if head.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head[:6] in {b"GIF87a", b"GIF89a"}:
        return "gif"
    if head[:4] in {b"RIFF", b"RF64"}:
        return _RIFF_FORMS.get(head[8:12])
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "webm" if b"webm" in head[:64] else "mkv"
    return _iso_format(head) or _audio_format(head)


def _iso_format(head: bytes) -> str | None:
    box = head[4:8]
    if box != b"ftyp":
        return "mov" if box in _QUICKTIME_ATOMS and any(head[:4]) else None
    major = head[8:12]
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {major, *(head[at : at + 4] for at in range(16, size - 3, 4))}
    if brands & _AVIF_BRANDS and not brands & {b"isom", b"mp42", b"heic"}:
        return None
    if major in _HEIF_BRANDS:
        return "heic"
    if major == b"qt  ":
        return "mov"
    return "m4a" if major in {b"M4A ", b"M4B "} else "mp4"


def _audio_format(head: bytes) -> str | None:
    if head.startswith(b"ID3"):
        return "mp3"
    for at in (0, *(at for at in range(1, min(len(head) - 3, 2048)) if head[at] == 0xFF)):
        found = _frame_format(head, at)
        if found:
            return found
    return None


def _frame_format(head: bytes, at: int) -> str | None:
    """The audio format if two frames in a row begin here (one alone is too easily chance), or one at the very start."""
    found, length = frame(head[at : at + 10])
    if found is None:
        return None
    again = head[at + length : at + length + 10]
    if len(again) < 7:
        return found if at == 0 else None
    return found if frame(again)[0] == found else None


_BITRATES_1: Final = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)  # kbit/s, MPEG-1 layer III
_BITRATES_2: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)  # MPEG-2 and 2.5
_RATES_HZ: Final = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def frame(header: bytes) -> tuple[str | None, int]:
    """The format and length in bytes of the audio frame with this header (7 bytes or more), or `(None, 0)`.

    Source: ISO 11172-3 §2.4.1.3 (layer III only: the service takes mp3), ISO 13818-7 ADTS.
    """
    if len(header) < 7 or header[0] != 0xFF:
        return None, 0
    if header[1] & 0xF6 == 0xF0:  # ADTS: layer bits are 00
        length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
        return ("aac", length) if length >= 7 and (header[2] >> 2) & 15 < 13 else (None, 0)
    if header[1] & 0xE6 != 0xE2:  # sync, layer III
        return None, 0
    version, bitrate, rate = (header[1] >> 3) & 3, header[2] >> 4, (header[2] >> 2) & 3
    if version == 1 or bitrate in {0, 15} or rate == 3:
        return None, 0
    kbits = (_BITRATES_1 if version == 3 else _BITRATES_2)[bitrate]
    samples = 144 if version == 3 else 72
    return "mp3", samples * kbits * 1000 // _RATES_HZ[version][rate] + (header[2] >> 1 & 1)
