"""The ffmpeg binary that comes with imageio-ffmpeg: where it is, what it says of a file, how loud a sound is.

imageio-ffmpeg brings no ffprobe, so the text of `ffmpeg -i` is read.
Source: own measurements (FFmpeg n9.0.2; its text format has been the same since 4.x).
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PROBE_S = 60
"""The longest that reading a header, or demuxing a file without one, may take: a hung mount must not hang a render."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What a clip or a sound is. Sizes in pixels as stored, `rotation` in degrees clockwise to show it upright."""

    duration_ms: int
    width: int
    height: int
    rotation: int
    pixel_aspect: float
    has_sound: bool
    is_hdr: bool

    @property
    def shown(self) -> tuple[int, int]:
        """(width, height) as a person sees it: square pixels, upright."""
        width = max(1, round(self.width * self.pixel_aspect))
        return (self.height, width) if self.rotation in (90, 270) else (width, self.height)


@cache
def executable() -> str:
    """The path of the ffmpeg binary."""
    import imageio_ffmpeg

    return str(imageio_ffmpeg.get_ffmpeg_exe())


def probe(path: Path) -> Probe:
    """What ffmpeg finds in a file. Raises `ValueError` with ffmpeg's reason when it finds neither picture nor sound."""
    text = _said(["-i", str(path)])
    found = probe_of(text)
    if found.duration_ms == 0 and (found.width or found.has_sound):
        # Recordings of browsers carry no duration; demuxing without decoding finds it.
        return probe_of(text, last_time(_said(["-i", str(path), "-map", "0", "-c", "copy", "-f", "null", "-"])))
    return found


def probe_of(text: str, duration_ms: int | None = None) -> Probe:
    """The facts in the text of `ffmpeg -i`. Raises `ValueError` where no stream is named."""
    streams = [line for line in text.splitlines() if re.match(r"\s*Stream #", line)]
    pictures = [line for line in streams if ": Video:" in line and "(attached pic)" not in line]
    has_sound = any(": Audio:" in line for line in streams)
    size = re.search(r"[ ,](\d{1,5})x(\d{1,5})[ ,\[]", pictures[0] + " ") if pictures else None
    if not size and not has_sound:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        raise ValueError(lines[-1][-200:] if lines else "it holds neither picture nor sound")
    aspect = re.search(r"SAR (\d+):(\d+)", pictures[0]) if pictures else None
    turned = re.search(r"rotation of (-?\d+(?:\.\d+)?) degrees", text)
    return Probe(
        _duration(text) if duration_ms is None else duration_ms,
        int(size.group(1)) if size else 0,
        int(size.group(2)) if size else 0,
        round(-float(turned.group(1)) / 90) * 90 % 360 if turned else 0,
        int(aspect.group(1)) / int(aspect.group(2))
        if aspect and int(aspect.group(2)) and int(aspect.group(1))
        else 1.0,
        has_sound,
        bool(pictures and re.search(r"smpte2084|arib-std-b67", pictures[0])),
    )


def last_time(text: str) -> int:
    """The last `time=` of ffmpeg's progress in ms, 0 where there is none."""
    times = re.findall(r"time=(\d+):(\d\d):(\d\d(?:\.\d+)?)", text)
    return _ms(times[-1]) if times else 0


def loudness(arguments: list[str]) -> float | None:
    """The integrated loudness in LUFS of the sound that the input arguments name; None for silence or no sound.

    Source: EBU R 128, by ffmpeg's ebur128 filter.
    """
    text = _said(["-nostats", *arguments, "-vn", "-af", "ebur128", "-f", "null", "-"], timeout_s=PROBE_S * 5)
    found = re.findall(r"I:\s+(-?\d+(?:\.\d+)?) LUFS", text)
    return float(found[-1]) if found and float(found[-1]) > -60 else None


def _said(arguments: list[str], timeout_s: float = PROBE_S) -> str:
    """What ffmpeg writes to stderr. A file that takes too long says nothing."""
    command = [executable(), "-hide_banner", "-nostdin", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired:
        return ""
    return done.stderr.decode("utf-8", "replace")


def _duration(text: str) -> int:
    found = re.search(r"Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)", text)
    return _ms(found.groups()) if found else 0


def _ms(parts: tuple[str, ...]) -> int:
    hours, minutes, seconds = parts
    return round((int(hours) * 3600 + int(minutes) * 60 + float(seconds)) * 1000)


def seek(in_ms: float) -> tuple[str, ...]:
    """Arguments to begin at `in_ms`. None at 0: in a file that was cut short ffmpeg finds no place, not even its beginning."""
    return ("-ss", f"{in_ms / 1000:.3f}") if in_ms > 0 else ()
