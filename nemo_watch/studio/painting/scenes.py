"""Painted landscapes: sunset, sea, hills, meadow, night city, snow, as arrays of sRGB pixels.

Backdrops of films made from words alone, and the sample photos of the demonstration. Everything is made by the code
here from a seed: the same seed gives the same picture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]
Colour = tuple[float, float, float]


def scene(kind: str, size: tuple[int, int], seed: int = 0) -> NDArray[np.uint8]:
    """The scene at this size (width, height), height × width × 3; an unknown kind is a sunset."""
    rng = np.random.default_rng(seed + 97 * (sorted(SCENES).index(kind) + 1 if kind in SCENES else 0))
    picture = SCENES.get(kind, _sunset)(size, rng)
    # A breath of grain keeps wide gradients from showing steps after encoding.
    grain = rng.standard_normal((size[1], size[0], 1), dtype=np.float32)
    picture += grain * 0.008
    picture *= 255
    return np.asarray(np.clip(picture, 0, 255, out=picture).astype(np.uint8))


def _sunset(size: tuple[int, int], rng: np.random.Generator) -> Picture:
    picture = _sky(size, [(0.13, 0.12, 0.32), (0.48, 0.24, 0.45), (0.93, 0.46, 0.33), (1.0, 0.78, 0.48)], 0.72)
    sun = (rng.uniform(0.35, 0.65), 0.6)
    _clouds(picture, rng, (1.0, 0.62, 0.45), 0.5, 0.5)
    _glow(picture, sun, 0.42, (1.0, 0.62, 0.28), 0.75)
    _disc(picture, sun, 0.06, (1.0, 0.93, 0.72))
    for depth, colour in enumerate([(0.52, 0.26, 0.36), (0.33, 0.17, 0.3), (0.17, 0.1, 0.2), (0.07, 0.05, 0.1)]):
        _ridge(picture, rng, 0.66 + 0.09 * depth, 0.1, colour, haze=(0.98, 0.55, 0.36), rough=0.5 + 0.1 * depth)
    return picture


def _sea(size: tuple[int, int], rng: np.random.Generator) -> Picture:
    horizon = 0.46
    picture = _sky(size, [(0.22, 0.5, 0.83), (0.55, 0.77, 0.94), (0.96, 0.93, 0.86)], horizon)
    _clouds(picture, rng, (1.0, 0.99, 0.97), 0.42, 0.75)
    sun = (rng.uniform(0.25, 0.75), horizon - 0.16)
    _glow(picture, sun, 0.35, (1.0, 0.95, 0.8), 0.55)
    _ridge(picture, rng, horizon - 0.015, 0.05, (0.42, 0.55, 0.66), haze=(0.7, 0.8, 0.88), rough=0.4)
    _water(picture, rng, horizon, [(0.36, 0.66, 0.76), (0.1, 0.45, 0.6), (0.04, 0.32, 0.45)], sun[0])
    _beach(picture, rng)
    return picture


def _hills(size: tuple[int, int], rng: np.random.Generator) -> Picture:
    picture = _sky(size, [(0.55, 0.72, 0.86), (0.82, 0.87, 0.88), (0.98, 0.93, 0.82)], 0.6)
    _glow(picture, (rng.uniform(0.2, 0.8), 0.3), 0.4, (1.0, 0.94, 0.75), 0.5)
    far, near = np.array([0.62, 0.73, 0.79]), np.array([0.07, 0.2, 0.17])
    for depth in range(6):
        share = depth / 5
        colour = tuple(float(part) for part in far + (near - far) * share**0.9)
        _ridge(picture, rng, 0.4 + 0.1 * depth, 0.17 - 0.015 * depth, colour, haze=(0.9, 0.92, 0.9), rough=0.62)  # type: ignore[arg-type]
    return picture


def _meadow(size: tuple[int, int], rng: np.random.Generator) -> Picture:
    picture = _sky(size, [(0.28, 0.58, 0.88), (0.66, 0.84, 0.95), (0.95, 0.96, 0.9)], 0.58)
    _clouds(picture, rng, (1.0, 1.0, 1.0), 0.38, 0.9)
    for depth, colour in enumerate([(0.45, 0.66, 0.62), (0.42, 0.66, 0.36), (0.34, 0.6, 0.24), (0.24, 0.48, 0.16)]):
        _ridge(picture, rng, 0.56 + 0.1 * depth, 0.07, colour, haze=(0.75, 0.85, 0.6), rough=0.25)
    _blossoms(picture, rng, 0.78, [(0.98, 0.84, 0.3), (0.96, 0.5, 0.55), (1.0, 0.98, 0.94), (0.72, 0.52, 0.86)])
    return picture


def _night(size: tuple[int, int], rng: np.random.Generator) -> Picture:
    picture = _sky(size, [(0.02, 0.03, 0.09), (0.05, 0.06, 0.17), (0.17, 0.11, 0.25), (0.33, 0.18, 0.25)], 0.85)
    _glow(picture, (0.5, 0.86), 0.6, (0.9, 0.45, 0.25), 0.35)
    lights = [(1.0, 0.72, 0.36), (1.0, 0.9, 0.7), (0.45, 0.75, 1.0), (1.0, 0.42, 0.38), (0.5, 0.95, 0.75)]
    for size_part, count, strength in ((0.018, 90, 0.4), (0.035, 60, 0.45), (0.062, 26, 0.42)):
        _bokeh(picture, rng, size_part, count, strength, lights)
    return picture


def _snow(size: tuple[int, int], rng: np.random.Generator) -> Picture:
    picture = _sky(size, [(0.36, 0.52, 0.74), (0.68, 0.76, 0.87), (0.97, 0.86, 0.83)], 0.62)
    _glow(picture, (rng.uniform(0.3, 0.7), 0.52), 0.4, (1.0, 0.85, 0.75), 0.5)
    for depth, colour in enumerate([(0.6, 0.68, 0.82), (0.72, 0.79, 0.9), (0.83, 0.88, 0.95), (0.94, 0.96, 0.99)]):
        _ridge(
            picture,
            rng,
            0.5 + 0.12 * depth,
            0.2 - 0.045 * depth,
            colour,
            haze=(0.93, 0.9, 0.93),
            rough=0.62 - 0.1 * depth,
        )
    _bokeh(picture, rng, 0.005, 160, 0.5, [(1.0, 1.0, 1.0)])
    return picture


SCENES: dict[str, Callable[[tuple[int, int], np.random.Generator], Picture]] = {
    "sunset": _sunset, "sea": _sea, "hills": _hills, "meadow": _meadow, "night": _night, "snow": _snow,
}  # fmt: skip


def _sky(size: tuple[int, int], colours: Sequence[Colour], horizon: float) -> Picture:
    """A sky from top to horizon through these colours."""
    width, height = size
    rows = np.clip(np.arange(height) / (height * horizon), 0, 1) * (len(colours) - 1)
    column = np.stack(
        [np.interp(rows, np.arange(len(colours)), [c[part] for c in colours]) for part in range(3)], axis=1
    )
    return np.repeat(column[:, None, :].astype(np.float32), width, axis=1)


def _noise(size: tuple[int, int], rng: np.random.Generator, stretch: float, octaves: int = 5) -> NDArray[np.float32]:
    """Smooth noise about 0…1; `stretch` > 1 draws it out sideways."""
    width, height = size
    total = np.zeros((height, width), dtype=np.float32)
    for octave in range(octaves):
        cells = 3 * 2**octave
        grid = rng.random((cells + 2, max(2, int(cells * width / height / stretch)) + 2), dtype=np.float32)
        total += cv2.resize(grid, size, interpolation=cv2.INTER_CUBIC) * 0.5**octave
    return np.asarray(total / 1.94, dtype=np.float32)


def _clouds(picture: Picture, rng: np.random.Generator, colour: Colour, depth: float, strength: float) -> None:
    height, width = picture.shape[:2]
    rows = max(2, int(height * depth))
    veil = np.clip((_noise((width, rows), rng, 3.2) - 0.5) * 3.2, 0, 1)
    veil *= np.sin(np.linspace(0.15, np.pi, rows, dtype=np.float32))[:, None] * strength
    part = picture[:rows]
    part += (np.array(colour, dtype=np.float32) - part) * veil[:, :, None]


def _distance(picture: Picture, centre: tuple[float, float]) -> NDArray[np.float32]:
    """Each pixel's distance from a point, in parts of the shorter side."""
    height, width = picture.shape[:2]
    x = (np.arange(width, dtype=np.float32) - centre[0] * width)[None, :]
    y = (np.arange(height, dtype=np.float32) - centre[1] * height)[:, None]
    return np.asarray(np.sqrt(x * x + y * y) / min(width, height), dtype=np.float32)


def _glow(picture: Picture, centre: tuple[float, float], reach: float, colour: Colour, strength: float) -> None:
    light = np.exp(-((_distance(picture, centre) / reach) ** 2)) * strength
    picture += (np.array(colour, dtype=np.float32) - picture) * light[:, :, None]


def _disc(picture: Picture, centre: tuple[float, float], radius: float, colour: Colour) -> None:
    cover = np.clip((radius - _distance(picture, centre)) * min(picture.shape[:2]) / 2, 0, 1)
    picture += (np.array(colour, dtype=np.float32) - picture) * cover[:, :, None]


def _skyline(width: int, rng: np.random.Generator, rough: float) -> NDArray[np.float32]:
    """A ridge's outline about -1…1."""
    x = np.linspace(0, 1, width, dtype=np.float32)
    line = np.zeros(width, dtype=np.float32)
    for octave in range(7):
        waves = 1.3 * 2**octave
        line += rough**octave * np.sin(2 * np.pi * (x * waves * rng.uniform(0.8, 1.2) + rng.random())).astype(
            np.float32
        )
    return np.asarray(line / 1.6, dtype=np.float32)


def _ridge(
    picture: Picture, rng: np.random.Generator, top: float, swing: float, colour: Colour, haze: Colour, rough: float
) -> None:
    """A range of hills from `top` down; mist gathers at its foot."""
    height, width = picture.shape[:2]
    edge = (top + swing * 0.5 * _skyline(width, rng, rough)) * height
    first = int(np.clip(edge.min() - 1, 0, height))
    rows = np.arange(first, height, dtype=np.float32)
    cover = np.clip(rows[:, None] - edge[None, :] + 0.5, 0, 1)[:, :, None]
    # By height alone: mist that followed the outline would hang in curtains.
    mist = (np.clip((rows / height - top) / 0.3, 0, 1) * 0.45)[:, None]
    body = np.array(colour, dtype=np.float32) * (1 - mist) + np.array(haze, dtype=np.float32) * mist
    part = picture[first:]
    part += (body[:, None, :] - part) * cover


def _water(picture: Picture, rng: np.random.Generator, horizon: float, colours: Sequence[Colour], sun: float) -> None:
    """Water from the horizon down, its waves growing towards us, with the sun's path on it."""
    height, width = picture.shape[:2]
    first = int(height * horizon)
    water = _sky((width, height - first), colours, 1.0)
    depth = np.linspace(0, 1, height - first, dtype=np.float32)[:, None]
    ripple = np.zeros((height - first, width), dtype=np.float32)
    for stretch, weight in ((14.0, 0.6), (7.0, 0.4)):
        rows = np.sqrt(depth[:, 0]) * (height - first - 1)
        waves = _noise((width, height - first), rng, stretch, 6)
        ripple += weight * (waves[rows.astype(int)] - 0.5)
    water += ripple[:, :, None] * (0.12 + 0.25 * depth[:, :, None])
    across = np.abs(np.linspace(0, 1, width, dtype=np.float32)[None, :] - sun) / (0.05 + 0.22 * depth)
    sparkle = np.exp(-(across**2)) * np.clip(ripple * 5 + 0.25, 0, 1) * (1 - 0.6 * depth)
    water += (np.array((1.0, 0.97, 0.86), dtype=np.float32) - water) * sparkle[:, :, None] * 0.85
    picture[first:] = water


def _beach(picture: Picture, rng: np.random.Generator) -> None:
    height, width = picture.shape[:2]
    edge = (0.87 + 0.03 * _skyline(width, rng, 0.35)) * height
    below = np.arange(height, dtype=np.float32)[:, None] - edge[None, :]
    foam = np.exp(-((below / (0.012 * height)) ** 2)) * 0.9
    wet = np.clip(below / (0.05 * height), 0, 1)[:, :, None]
    sand = (
        np.array((0.66, 0.55, 0.42), dtype=np.float32) * (1 - wet)
        + np.array((0.93, 0.83, 0.66), dtype=np.float32) * wet
    )
    picture += (sand - picture) * np.clip(below + 0.5, 0, 1)[:, :, None]
    picture += (np.array((1.0, 1.0, 1.0), dtype=np.float32) - picture) * foam[:, :, None]


def _blossoms(picture: Picture, rng: np.random.Generator, top: float, colours: Sequence[Colour]) -> None:
    """Flowers, larger and softer towards us."""
    height, width = picture.shape[:2]
    for nearness in np.sort(rng.random(420) ** 0.8):
        centre = (int(rng.random() * width), int((top + (1.02 - top) * nearness) * height))
        radius = max(1, int(min(width, height) * (0.002 + 0.011 * nearness * nearness * rng.uniform(0.6, 1.2))))
        shade = rng.uniform(0.8, 1.0)
        colour = tuple(float(part * shade) for part in colours[int(rng.integers(len(colours)))])
        cv2.circle(picture, centre, radius, colour, -1, cv2.LINE_AA)


def _bokeh(
    picture: Picture, rng: np.random.Generator, radius: float, count: int, strength: float, colours: Sequence[Colour]
) -> None:
    """Lights out of focus: soft discs that add up."""
    height, width = picture.shape[:2]
    light = np.zeros_like(picture)
    for _ in range(count):
        centre = (int(rng.random() * width), int(np.clip(rng.normal(0.66, 0.2), 0, 1.05) * height))
        disc = max(1, int(min(width, height) * radius * rng.uniform(0.6, 1.2)))
        colour = tuple(
            float(part) * strength * rng.uniform(0.4, 1.0) for part in colours[int(rng.integers(len(colours)))]
        )
        spot = np.zeros((2 * disc + 3, 2 * disc + 3, 3), dtype=np.float32)
        cv2.circle(spot, (disc + 1, disc + 1), disc, colour, -1, cv2.LINE_AA)
        _add(light, spot, centre[0] - disc - 1, centre[1] - disc - 1)
    picture += cv2.GaussianBlur(light, (0, 0), max(1.0, min(width, height) * radius * 0.06))


def _add(target: Picture, spot: Picture, left: int, top: int) -> None:
    """Add a small picture at a place that may reach over the edge."""
    height, width = target.shape[:2]
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(width, left + spot.shape[1]), min(height, top + spot.shape[0])
    if x1 > x0 and y1 > y0:
        target[y0:y1, x0:x1] += spot[y0 - top : y1 - top, x0 - left : x1 - left]
