"""A look (black-and-white, warm, …) as one table of 256 values for each plane: cheap enough for every frame of a clip."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from nemo_watch.studio.drawing.frames import Frame

# (contrast about mid-grey, luma shift, chroma strength, Cb shift, Cr shift)
_LOOKS: dict[str, tuple[float, float, float, float, float]] = {
    "bw": (1.08, 0, 0.0, 0, 0),
    "warm": (1.02, 1, 1.05, -7, 5),
    "cool": (1.02, 0, 0.95, 6, -4),
    "vivid": (1.08, 0, 1.3, 0, 0),
    "sepia": (1.0, 2, 0.0, -14, 9),
    "vintage": (0.88, 6, 0.72, -6, 4),
}


def apply_look(look: str, frame: Frame) -> None:
    """Turn the frame's colours into the look, in place; an unknown look, and "none", leave them."""
    if look in _LOOKS:
        for plane, table in zip(frame.planes, _tables(look), strict=True):
            cv2.LUT(plane, table, dst=plane)


@cache
def _tables(look: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    contrast, lift, strength, blue, red = _LOOKS[look]
    values = np.arange(256, dtype=np.float64)
    luma = np.clip(126 + (values - 126) * contrast + lift, 16, 235)
    chroma = [np.clip(128 + (values - 128) * strength + shift, 16, 240) for shift in (blue, red)]
    return _bytes(luma), _bytes(chroma[0]), _bytes(chroma[1])


def _bytes(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.rint(values).astype(np.uint8)
