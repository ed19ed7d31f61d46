"""How the camera moves over a still picture: the window of the source that fills the canvas at each moment. Pure.

Windows are real numbers and never rounded: whole-pixel windows are what makes slow zooms shake
(Source: rendering measurements §5).
"""

from __future__ import annotations

from dataclasses import dataclass

ZOOM_A_SECOND = 0.022
ZOOM_MIN, ZOOM_MAX = 0.035, 0.14
PAN_ZOOM = 1.07
PAN_A_SECOND = 0.09
"""The fastest travel, as a part of the window's side: a panorama is shown in part rather than in a rush."""
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


def path(motion: str, seconds: float, source: tuple[int, int], canvas: tuple[int, int], zoom_max: float) -> Path:
    """The way for a motion over a source of this size, never beyond `zoom_max`."""
    growth = min(max(ZOOM_A_SECOND * seconds, ZOOM_MIN), ZOOM_MAX, zoom_max - 1)
    if motion == "still":
        return Path((1.0, 1.0), (FOCUS, FOCUS))
    if motion in ("in", "out"):
        zooms = (1.0, 1.0 + growth) if motion == "in" else (1.0 + growth, 1.0)
        return Path(zooms, (FOCUS, FOCUS))
    return _pan(motion, seconds, source, canvas, min(PAN_ZOOM, zoom_max))


def _pan(motion: str, seconds: float, source: tuple[int, int], canvas: tuple[int, int], zoom: float) -> Path:
    axis = 0 if motion in ("left", "right") else 1
    scale = min(source[0] / canvas[0], source[1] / canvas[1]) / zoom
    window = canvas[axis] * scale
    play = max(1e-6, source[axis] - window)
    reach = min(1.0, PAN_A_SECOND * seconds * window / play)
    middle = 0.5 if axis == 0 else min(max(FOCUS[1], reach / 2), 1 - reach / 2)
    ends = (middle - reach / 2, middle + reach / 2)
    low, high = ends if motion in ("right", "down") else ends[::-1]
    if axis == 0:
        return Path((zoom, zoom), ((low, FOCUS[1]), (high, FOCUS[1])))
    return Path((zoom, zoom), ((FOCUS[0], low), (FOCUS[0], high)))


def window(way: Path, progress: float, source: tuple[int, int], canvas: tuple[int, int]) -> Window:
    """The window at `progress` 0…1 of the way; zoom grows by equal factors, so that it looks even."""
    zoom = way.zooms[0] * (way.zooms[1] / way.zooms[0]) ** progress
    scale = min(source[0] / canvas[0], source[1] / canvas[1]) / zoom
    (x0, y0), (x1, y1) = way.centres
    left = (source[0] - canvas[0] * scale) * (x0 + (x1 - x0) * progress)
    top = (source[1] - canvas[1] * scale) * (y0 + (y1 - y0) * progress)
    return Window(left, top, scale)
