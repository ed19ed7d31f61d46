"""How the camera moves over a still picture: the window of the source that fills the canvas at each moment. Pure.

Windows are real numbers and never rounded: whole-pixel windows are what makes slow zooms shake
(Source: own measurements).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

ZOOM_A_SECOND = 0.022
ZOOM_MIN, ZOOM_MAX = 0.035, 0.14
ZOOM_FLOOR = 1.04
"""The widest view: a little of the picture stays outside, so that the resampling has play at every edge."""
PAN_ZOOM = 1.09
PAN_A_SECOND = 0.09
"""The fastest travel, as a part of the window's side: a panorama is shown in part rather than in a rush."""
SCALE_PARTS = range(21, 27)
FOCUS = (0.5, 0.45)
"""Where people put what matters: the middle, a little above."""


@dataclass(frozen=True, slots=True)
class Window:
    """The visible part: `scale` source pixels for each canvas pixel, from (`x`, `y`) of the source."""

    x: float
    y: float
    scale: float


@dataclass(frozen=True, slots=True)
class Path:
    """A straight way of the camera: zoom and centre (as parts of the free play) at both ends."""

    zooms: tuple[float, float]
    centres: tuple[tuple[float, float], tuple[float, float]]

    @property
    def is_still(self) -> bool:
        """Whether nothing moves."""
        return self.zooms[0] == self.zooms[1] and self.centres[0] == self.centres[1]


def path(motion: str, seconds: float, source: tuple[int, int], canvas: tuple[int, int], zoom_max: float) -> Path:
    """The way for a motion over a source of this size, never beyond `zoom_max`."""
    if motion == "still":
        return Path((ZOOM_FLOOR, ZOOM_FLOOR), (FOCUS, FOCUS))
    if motion in ("in", "out"):
        near = min(ZOOM_FLOOR + min(max(ZOOM_A_SECOND * seconds, ZOOM_MIN), ZOOM_MAX), zoom_max)
        return Path((ZOOM_FLOOR, near) if motion == "in" else (near, ZOOM_FLOOR), (FOCUS, FOCUS))
    return _pan(motion, seconds, source, canvas, min(PAN_ZOOM, zoom_max))


def _pan(motion: str, seconds: float, source: tuple[int, int], canvas: tuple[int, int], zoom: float) -> Path:
    axis = 0 if motion in ("left", "right") else 1
    wide = min(source[0] / canvas[0], source[1] / canvas[1])
    scale = _even_scale(wide / zoom)
    zoom = wide / scale
    window = canvas[axis] * scale
    play = max(1e-6, source[axis] - window)
    # The outermost part of the play stays unused: there the resampling would have no choice of whole pixels.
    reach = min(0.7, PAN_A_SECOND * seconds * window / play)
    middle = 0.5 if axis == 0 else min(max(FOCUS[1], reach / 2), 1 - reach / 2)
    ends = (middle - reach / 2, middle + reach / 2)
    low, high = ends if motion in ("right", "down") else ends[::-1]
    if axis == 0:
        return Path((zoom, zoom), ((low, FOCUS[1]), (high, FOCUS[1])))
    return Path((zoom, zoom), ((FOCUS[0], low), (FOCUS[0], high)))


def _even_scale(scale: float) -> float:
    """The nearest fraction k/q of lowest terms with q in `SCALE_PARTS`.

    At such a scale some of the sizes that `snapping` tries are met by even numbers exactly, and their crops reach every 2/q of a
    source pixel: a travel is met within 1/q of one in every frame. At rounder scales it could stand at a few places only.
    """
    fractions = ((round(scale * q), q) for q in SCALE_PARTS)
    return min((k / q for k, q in fractions if gcd(k, q) == 1), key=lambda near: abs(near - scale), default=scale)


def window(way: Path, progress: float, source: tuple[int, int], canvas: tuple[int, int]) -> Window:
    """The window at `progress` 0…1 of the way; zoom grows by equal factors, so that it looks even."""
    zoom = way.zooms[0] * (way.zooms[1] / way.zooms[0]) ** progress
    scale = min(source[0] / canvas[0], source[1] / canvas[1]) / zoom
    (x0, y0), (x1, y1) = way.centres
    left = (source[0] - canvas[0] * scale) * (x0 + (x1 - x0) * progress)
    top = (source[1] - canvas[1] * scale) * (y0 + (y1 - y0) * progress)
    return Window(left, top, scale)
