"""Sample photos for the demonstration: painted landscapes saved as a camera would, with capture times and orientation."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

_KINDS = (("sea", False), ("hills", False), ("meadow", True), ("sunset", False), ("night", False), ("snow", True))
"""What each photo shows, and whether it is upright."""
_LONG, _SHORT = 2048, 1536
_FIRST = datetime(2026, 7, 18, 9, 30)  # noqa: DTZ001 - EXIF capture times carry no zone
_DATETIME_ORIGINAL, _ORIENTATION, _MAKE, _EXIF_BLOCK = 0x9003, 0x0112, 0x010F, 0x8769
_QUARTER_TURN = 6
"""Stored lying on its side, to be turned clockwise when shown. Source: EXIF 2.32 §4.6.4."""


def write_samples(folder: Path, count: int = 5) -> list[Path]:
    """Write `count` JPEG photos into the folder, in order of capture. The third of them is stored sideways.

    Raises `OSError` when the folder cannot be written.
    """
    from concurrent.futures import ThreadPoolExecutor

    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda number: _write(folder, number), range(count)))


def _write(folder: Path, number: int) -> Path:
    import numpy as np
    from PIL import Image

    from nemo_watch.studio.painting.scenes import scene

    kind, upright = _KINDS[number % len(_KINDS)]
    pixels = scene(kind, (_SHORT, _LONG) if upright else (_LONG, _SHORT), seed=7 + number)
    sideways = number == 2
    image = Image.fromarray(np.ascontiguousarray(np.rot90(pixels)) if sideways else pixels)
    exif = Image.Exif()
    exif[_ORIENTATION] = _QUARTER_TURN if sideways else 1
    exif[_MAKE] = "nemo-watch"
    exif.get_ifd(_EXIF_BLOCK)[_DATETIME_ORIGINAL] = f"{_FIRST + timedelta(minutes=47 * number):%Y:%m:%d %H:%M:%S}"
    path = folder / f"IMG_{2001 + number}.jpg"
    image.save(path, quality=90, exif=exif)
    return path
