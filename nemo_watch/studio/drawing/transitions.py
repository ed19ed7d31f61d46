"""From one shot into the next: crossfade, fade through black, slide, wipe, zoom, on the planes of two frames.

Source: own measurements (costs of each a frame).
"""

from __future__ import annotations

import cv2
import numpy as np

from nemo_watch.studio.drawing.frames import BLACK, Frame, Plane

FEATHER = 0.10
"""The soft edge of a wipe as a part of the width."""


def blend(kind: str, progress: float, old: Frame, new: Frame, out: Frame) -> None:
    """Paint into `out` how `old` (progress 0) turns into `new` (progress 1). `out` is neither of them."""
    {"fade": _fade, "slide": _slide, "wipe": _wipe, "zoom": _zoom}.get(kind, _crossfade)(progress, old, new, out)


def eased(progress: float) -> float:
    """Slow at both ends: what moves starts and stops gently."""
    return progress * progress * (3 - 2 * progress)


def _crossfade(progress: float, old: Frame, new: Frame, out: Frame) -> None:
    cv2.addWeighted(old.sheet, 1 - progress, new.sheet, progress, 0, dst=out.sheet)


def _fade(progress: float, old: Frame, new: Frame, out: Frame) -> None:
    seen, strength = (old, 1 - 2 * progress) if progress < 0.5 else (new, 2 * progress - 1)
    strength = eased(strength)
    for plane, target, black in zip(seen.planes, out.planes, BLACK, strict=True):
        cv2.addWeighted(plane, strength, plane, 0, black * (1 - strength), dst=target)


def _slide(progress: float, old: Frame, new: Frame, out: Frame) -> None:
    """The new shot pushes the old one out to the left; steps are even pixels, so chroma keeps its place."""
    width = old.size[0]
    shift = int(width * eased(progress)) // 2 * 2
    for before, after, target, step in zip(old.planes, new.planes, out.planes, (1, 2, 2), strict=True):
        edge = (width - shift) // step
        target[:, :edge] = before[:, shift // step :]
        target[:, edge:] = after[:, : shift // step]


def _wipe(progress: float, old: Frame, new: Frame, out: Frame) -> None:
    """A soft edge runs from left to right."""
    for before, after, target in zip(old.planes, new.planes, out.planes, strict=True):
        width = target.shape[1]
        soft = max(2, int(width * FEATHER))
        edge = int((width + soft) * eased(progress)) - soft
        left, right = max(0, edge), min(width, max(0, edge + soft))
        target[:, :left] = after[:, :left]
        target[:, right:] = before[:, right:]
        if right > left:
            _feather(
                before[:, left:right],
                after[:, left:right],
                target[:, left:right],
                (left - edge) / soft,
                (right - edge) / soft,
            )


def _feather(before: Plane, after: Plane, target: Plane, begin: float, end: float) -> None:
    share = np.linspace(begin, end, target.shape[1], dtype=np.float32)
    np.copyto(target, after + (before.astype(np.float32) - after) * share, casting="unsafe")


def _zoom(progress: float, old: Frame, new: Frame, out: Frame) -> None:
    """The camera dives into the old shot while the new one comes to rest."""
    strength = eased(progress)
    for before, after, target in zip(old.planes, new.planes, out.planes, strict=True):
        cv2.addWeighted(
            _enlarged(before, 1 + 0.5 * strength),
            1 - strength,
            _enlarged(after, 1.18 - 0.18 * strength),
            strength,
            0,
            dst=target,
        )


def _enlarged(plane: Plane, factor: float) -> Plane:
    height, width = plane.shape
    matrix = np.array(
        [[1 / factor, 0, (width - 1) / 2 * (1 - 1 / factor)], [0, 1 / factor, (height - 1) / 2 * (1 - 1 / factor)]]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(plane, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE), dtype=np.uint8
    )
