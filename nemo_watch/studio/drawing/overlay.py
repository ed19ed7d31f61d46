"""A title's layer as planes with weights, laid over frames in its own rectangle only, fading in and out.

Source: own measurements (titles turned once into Y/U/V and alpha in their bounding box).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from nemo_watch.studio.drawing.frames import Frame, from_rgb
from nemo_watch.studio.drawing.plan import Caption
from nemo_watch.studio.drawing.titles import Layer, layer
from nemo_watch.studio.drawing.transitions import eased

FADE_S = 0.5
Weights = NDArray[np.float32]


class Overlay:
    """One caption of the film, ready to be laid over its frames."""

    def __init__(self, caption: Caption, canvas: tuple[int, int], fps: int) -> None:
        self.start, self.end = caption.start, caption.end
        self._fade = max(1, min(round(FADE_S * fps), (caption.end - caption.start) // 3))
        painted = layer(caption.text, caption.style, canvas)
        self._left, self._top = painted.left, painted.top
        self._colour, self._alpha = _planes(painted)

    def lay(self, number: int, frame: Frame) -> None:
        """Lay the text over frame `number` of the film, where it is to be seen."""
        if not self.start <= number < self.end:
            return
        strength = eased(min(1.0, (number - self.start + 1) / self._fade, (self.end - number) / self._fade))
        for plane, colour, alpha, step in zip(frame.planes, self._colour.planes, self._alpha, (1, 2, 2), strict=True):
            rows, columns = colour.shape
            part = plane[self._top // step :, self._left // step :][:rows, :columns]
            weight = alpha if strength == 1 else alpha * np.float32(strength)
            part[:] = cv2.blendLinear(np.ascontiguousarray(part), colour, 1 - weight, weight)


def _planes(painted: Layer) -> tuple[Frame, tuple[Weights, Weights, Weights]]:
    """The layer's colours, not multiplied, and the weights of luma and chroma."""
    rgba = np.asarray(painted.image)
    alpha = rgba[:, :, 3].astype(np.float32) / np.float32(255)
    half = (alpha.shape[1] // 2, alpha.shape[0] // 2)
    coarse = np.asarray(cv2.resize(alpha, half, interpolation=cv2.INTER_AREA), dtype=np.float32)
    return from_rgb(np.ascontiguousarray(rgba[:, :, :3])), (alpha, coarse, coarse)
