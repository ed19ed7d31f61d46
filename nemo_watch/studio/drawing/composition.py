"""How a picture of one shape stands on a canvas of another: cropped, or whole over a blurred or plain ground."""

from __future__ import annotations

import cv2
import numpy as np

from nemo_watch.studio.drawing.frames import Frame, blank, resized

CROP_MAX = 0.30
"""The part of a picture that may be cropped away unasked; beyond it the whole picture stands over a blurred ground."""
PANORAMA = 2.1
"""From this width to height a picture fills a lying canvas and the camera travels along it."""
EXCESS_MAX = 2.2
STRIP_MAX = 4
"""A strip is decoded to so many canvases of its length at most: more is never shown, and would fill the memory."""
INSET = 0.91
"""The part of the canvas that a whole picture fills, so that a gentle zoom never cuts its edge."""
GROUND_DIM = 0.62
PLAIN = (24, 128, 128)
_GROUND_PARTS = 24


def chosen_fit(fit: str, picture: tuple[int, int], canvas: tuple[int, int]) -> str:
    """The fit for a picture of this shape: `auto` is decided by how much a crop would lose."""
    if fit != "auto":
        return fit
    ratio, wanted = picture[0] / picture[1], canvas[0] / canvas[1]
    if ratio > PANORAMA and wanted > 1:
        return "cover"
    return "cover" if 1 - min(ratio, wanted) / max(ratio, wanted) <= CROP_MAX else "blur"


def covering(picture: tuple[int, int], canvas: tuple[float, float]) -> tuple[int, int]:
    """The even size at which the picture covers the canvas."""
    factor = max(canvas[0] / picture[0], canvas[1] / picture[1])
    return even_up(picture[0] * factor), even_up(picture[1] * factor)


def middle(size: tuple[int, int], canvas: tuple[float, float]) -> tuple[int, int]:
    """The even size of the middle part that is enough of a picture which covers the canvas at `size`: all of it, unless it is a strip."""
    return min(size[0], even_up(canvas[0] * STRIP_MAX)), min(size[1], even_up(canvas[1] * STRIP_MAX))


def inside(picture: tuple[int, int], canvas: tuple[float, float]) -> tuple[int, int]:
    """The even size at which the whole picture stands inside the canvas."""
    factor = min(canvas[0] / picture[0], canvas[1] / picture[1])
    return max(2, 2 * round(picture[0] * factor / 2)), max(2, 2 * round(picture[1] * factor / 2))


def even_up(value: float) -> int:
    """The next even number that is not smaller (but for rounding noise)."""
    return max(2, 2 * int(np.ceil(value / 2 - 1e-6)))


def cropped(frame: Frame, size: tuple[int, int], lift: float = 0.45) -> Frame:
    """The middle of the frame (a little above it, by `lift`) at this smaller even size."""
    width, height = min(size[0], frame.size[0]), min(size[1], frame.size[1])
    left = (frame.size[0] - width) // 4 * 2
    top = int((frame.size[1] - height) * lift) // 2 * 2
    out = blank(width, height)
    for plane, target, step in zip(frame.planes, out.planes, (1, 2, 2), strict=True):
        rows, columns = target.shape
        target[:] = plane[top // step : top // step + rows, left // step : left // step + columns]
    return out


def ground(frame: Frame, size: tuple[int, int], fit: str, dim: float = GROUND_DIM) -> Frame:
    """What lies behind a whole picture: the picture itself, blurred out of recognition and dimmed, or a plain dark."""
    out = blank(*size)
    paint_ground(frame, out, fit, dim)
    return out


def paint_ground(frame: Frame, out: Frame, fit: str, dim: float = GROUND_DIM) -> None:
    """Fill `out` with the ground for a picture."""
    if fit == "plain":
        out.fill(PLAIN)
        return
    short = min(out.size)
    width, height = (max(8, side * _GROUND_PARTS // short * 2) for side in out.size)
    tiny = cropped(resized(frame, covering(frame.size, (width, height))), (width, height), 0.5)
    for plane, target, black in zip(tiny.planes, out.planes, (16, 128, 128), strict=True):
        soft = cv2.GaussianBlur(plane, (0, 0), 2.6 if black == 16 else 1.6).astype(np.float32)
        strength = dim if black == 16 else 0.85
        soft = black + (soft - black) * strength
        # Cubic on floats, rounded once at the end: linear would show the grid of the tiny picture.
        large = cv2.resize(soft, target.shape[::-1], interpolation=cv2.INTER_CUBIC)
        np.copyto(target, np.clip(np.rint(large), 16, 240), casting="unsafe")


def place(picture: Frame, out: Frame) -> None:
    """Lay a picture (no larger than the canvas) onto the middle of it."""
    left = (out.size[0] - picture.size[0]) // 4 * 2
    top = (out.size[1] - picture.size[1]) // 4 * 2
    for plane, target, step in zip(picture.planes, out.planes, (1, 2, 2), strict=True):
        rows, columns = plane.shape
        target[top // step : top // step + rows, left // step : left // step + columns] = plane


def shade_around(size: tuple[int, int], out: Frame, reach: float) -> None:
    """A soft shadow for a picture of `size` that will stand in the middle; `reach` is its blur in pixels."""
    mask = np.zeros(out.y.shape, dtype=np.float32)
    left, top = (out.size[0] - size[0]) // 2, (out.size[1] - size[1]) // 2
    mask[top : top + size[1], left : left + size[0]] = 1.0
    quarter = cv2.resize(mask, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    soft = cv2.resize(cv2.GaussianBlur(quarter, (0, 0), reach / 4), out.size, interpolation=cv2.INTER_LINEAR)
    np.copyto(out.y, 16 + (out.y.astype(np.float32) - 16) * (1 - 0.45 * soft), casting="unsafe")
