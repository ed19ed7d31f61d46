"""An uploaded file → what it is: picture, clip or sound, its size as shown, its length. Nothing is decoded beyond need.

Source: own measurements (no ffprobe, who turns what upright).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nemo_watch.studio.directing.footage import Kind, Material
from nemo_watch.studio.drawing import ffmpeg
from nemo_watch.studio.drawing.pictures import Broken, opened, shown_size

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["Kind", "Material", "Unreadable", "probed"]

FRAME_MS = 100
"""What browsers show a frame of an animated picture for when it names no time."""
ANIMATION_FRAMES_MAX = 1_000
"""Beyond so many frames a longer animation is taken to be as long as these: counting must not take minutes."""


class Unreadable(ValueError):  # noqa: N818 - a finding about a file, not a fault of ours
    """A file that is neither picture, clip nor sound; the message is a sentence."""


def probed(path: Path, key: str, name: str) -> Material:
    """The material in a file. An animated picture is a clip without sound.

    Raises `Unreadable` with the reason.
    """
    if not path.is_file() or path.stat().st_size == 0:
        raise Unreadable(f"{name} is empty or missing.")
    try:
        with opened(path) as image:
            width, height = _size(image)
            duration_ms = animation_ms(image)
            return Material(key, name, "video" if duration_ms else "image", width, height, duration_ms, has_sound=False)
    except Broken as broken:
        if str(broken).startswith("it has more than"):
            raise Unreadable(f"{name} cannot be used: {broken}.") from broken
    return _sounding(path, key, name)


def _size(image: Image.Image) -> tuple[int, int]:
    """A picture with damaged pixels is taken like any other: the film leaves it out, with a warning that names it."""
    try:
        return shown_size(image)
    except (OSError, SyntaxError, ValueError):
        return image.size


def is_animated(image: Image.Image) -> bool:
    """Whether a picture moves. A HEIC or TIFF of several pictures does not: the first is the picture."""
    return image.format in ("GIF", "WEBP", "PNG") and int(getattr(image, "n_frames", 1)) > 1


def animation_ms(image: Image.Image) -> int:
    """The time in which an animated picture runs through once; 0 for a still."""
    if not is_animated(image):
        return 0
    total = 0.0
    for number in range(min(int(getattr(image, "n_frames", 1)), ANIMATION_FRAMES_MAX)):
        image.seek(number)
        if image.format == "WEBP":
            image.load()  # Pillow learns a WebP frame's time only by decoding it
        total += image.info.get("duration") or FRAME_MS
    image.seek(0)
    return round(total)


def _sounding(path: Path, key: str, name: str) -> Material:
    try:
        found = ffmpeg.probe(path)
    except ValueError as error:
        raise Unreadable(f"{name} is neither a picture, a clip nor a sound that can be read.") from error
    if found.width and found.duration_ms:
        width, height = found.shown
        return Material(key, name, "video", width, height, found.duration_ms, found.has_sound)
    if found.has_sound and found.duration_ms:
        return Material(key, name, "audio", 0, 0, found.duration_ms, has_sound=True)
    raise Unreadable(f"{name} holds no picture or sound of any length.")
