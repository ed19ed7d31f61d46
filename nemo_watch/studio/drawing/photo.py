"""A still picture as a source of frames: decoded once, composed once, then moved by sub-pixel resampling of its planes.

Source: own measurements (1.4-1.5 times the canvas, resampling of planes, smoothness).
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from nemo_watch.studio.drawing import composition, motion
from nemo_watch.studio.drawing.frames import Frame, Plane, blank, from_rgb
from nemo_watch.studio.drawing.looks import apply_look
from nemo_watch.studio.drawing.pictures import opened, pixels, shown_size
from nemo_watch.studio.drawing.snapping import Snap, snapped

DETAIL = 1.45
"""Source pixels for each canvas pixel: sharp when zoomed in, and little aliasing with linear resampling."""
ZOOM_MAX_INSET = 1.085


class Still:
    """A composed picture on which the camera moves along a way for `frames` frames."""

    def __init__(self, source: Frame, canvas: tuple[int, int], way: motion.Path, frames: int) -> None:
        self.source, self.canvas, self.way, self.frames = source, canvas, way, frames
        self._resting: Frame | None = None

    def draw(self, number: int, out: Frame) -> None:
        """Paint frame `number`; beyond its last frame the picture goes on resting there."""
        rests = self.way.is_still or number >= self.frames
        if rests and self._resting:
            out.copy_from(self._resting)
            return
        progress = min(1.0, number / max(1, self.frames - 1))
        resample(self.source, motion.window(self.way, progress, self.source.size, self.canvas), out)
        if rests:
            self._resting = blank(*out.size)
            self._resting.copy_from(out)

    def close(self) -> None:
        """Nothing is held but memory."""


def resample(source: Frame, seen: motion.Window, out: Frame) -> None:
    """Paint the window of the source into `out`, to a few hundredths of a pixel."""
    across = snapped(seen.x, seen.scale, out.size[0], source.size[0])
    down = snapped(seen.y, seen.scale, out.size[1], source.size[1]) if across else None
    for plane, target, step in zip(source.planes, out.planes, (1, 2, 2), strict=True):
        if across and down:
            _resized(plane, target, across, down, step)
        else:
            _warped(plane, target, seen, step)


def _resized(plane: Plane, target: Plane, across: Snap, down: Snap, step: int) -> None:
    rows = slice(down.start // step, (down.start + down.length) // step)
    columns = slice(across.start // step, (across.start + across.length) // step)
    made = cv2.resize(
        plane[rows, columns], (across.output // step, down.output // step), interpolation=cv2.INTER_LINEAR
    )
    target[:] = made[down.crop // step :, across.crop // step :][: target.shape[0], : target.shape[1]]


def _warped(plane: Plane, target: Plane, seen: motion.Window, step: int) -> None:
    # Pixel centres: without the halves luma and chroma would drift apart.
    shift_x = seen.x / step + 0.5 * seen.scale - 0.5
    shift_y = seen.y / step + 0.5 * seen.scale - 0.5
    matrix = np.array([[seen.scale, 0, shift_x], [0, seen.scale, shift_y]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cv2.warpAffine(plane, matrix, target.shape[::-1], dst=target, flags=flags, borderMode=cv2.BORDER_REPLICATE)


def photo(path: Path, canvas: tuple[int, int], fit: str, move: str, frames: int, fps: int, look: str) -> Still:
    """A photo as a source. Raises `pictures.Broken` when it cannot be shown."""
    with opened(path) as image:
        size = shown_size(image)
        fit = composition.chosen_fit(fit, size, canvas)
        rgb = pixels(image, *_decoded_sizes(size, canvas, fit))
    source = composed(from_rgb(rgb), canvas, fit)
    apply_look(look, source)
    return moving(source, canvas, fit, move, frames, fps)


def moving(source: Frame, canvas: tuple[int, int], fit: str, move: str, frames: int, fps: int) -> Still:
    """The composed picture under a moving camera."""
    zoom_max = 1 + motion.ZOOM_MAX if fit == "cover" else ZOOM_MAX_INSET
    return Still(source, canvas, motion.path(move, frames / fps, source.size, canvas, zoom_max), frames)


def _decoded_sizes(
    size: tuple[int, int], canvas: tuple[int, int], fit: str
) -> tuple[tuple[int, int], tuple[int, int] | None]:
    """The size to scale to, and that of the middle part which is wanted of it (None: all)."""
    fine = canvas[0] * DETAIL, canvas[1] * DETAIL
    if fit == "backdrop":
        fine = canvas[0] / 4, canvas[1] / 4
    elif fit != "cover":
        return composition.inside(size, (fine[0] * composition.INSET, fine[1] * composition.INSET)), None
    whole = composition.covering(size, fine)
    return whole, composition.middle(whole, fine)


def composed(picture: Frame, canvas: tuple[int, int], fit: str) -> Frame:
    """The picture on its ground, at the detail in which the camera moves over it."""
    large = composition.even_up(canvas[0] * DETAIL), composition.even_up(canvas[1] * DETAIL)
    if fit == "cover":
        limit = composition.EXCESS_MAX
        return composition.cropped(picture, (int(large[0] * limit) // 2 * 2, int(large[1] * limit) // 2 * 2))
    out = composition.ground(picture, large, fit, dim=0.42 if fit == "backdrop" else composition.GROUND_DIM)
    if fit != "backdrop":
        composition.shade_around(picture.size, out, reach=min(large) / 40)
        composition.place(picture, out)
    return out
