"""A frame of film as planar YUV 4:2:0 in BT.709 limited range, the form in which everything is drawn and encoded.

Half the bytes of RGB, and no colour conversion per frame. Source: own measurements (OpenCV's own
conversions are BT.601, so the matrix stands here).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]

# One thread each: x264 has the other core, and two would only fight for it.
cv2.setNumThreads(1)

_KR, _KG, _KB = 0.2126, 0.7152, 0.0722
_LUMA = np.array([_KR, _KG, _KB])
_TO_YUV = np.vstack(
    [
        np.append(_LUMA * 219 / 255, 16),
        np.append((np.array([0, 0, 1]) - _LUMA) / (2 * (1 - _KB)) * 224 / 255, 128),
        np.append((np.array([1, 0, 0]) - _LUMA) / (2 * (1 - _KR)) * 224 / 255, 128),
    ]
)
"""RGB 0…255 → Y 16…235, Cb and Cr 16…240. Source: ITU-R BT.709-6 §3."""
_TO_RGB = np.linalg.inv(_TO_YUV[:, :3])

BLACK = (16, 128, 128)


@dataclass(frozen=True, slots=True)
class Frame:
    """Three planes, views of one contiguous buffer; chroma has half the (even) width and height."""

    buffer: Plane
    y: Plane
    u: Plane
    v: Plane

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.y.shape[1], self.y.shape[0]

    @property
    def planes(self) -> tuple[Plane, Plane, Plane]:
        """Luma and the two chroma planes."""
        return self.y, self.u, self.v

    @property
    def sheet(self) -> Plane:
        """All three planes as one image, for what treats every byte alike."""
        return self.buffer.reshape(-1, self.y.shape[1])

    def copy_from(self, other: Frame) -> None:
        """Take over all pixels of a frame of the same size."""
        np.copyto(self.buffer, other.buffer)

    def fill(self, colour: tuple[int, int, int]) -> None:
        """Make every pixel this (Y, Cb, Cr)."""
        for plane, value in zip(self.planes, colour, strict=True):
            plane[:] = value


def blank(width: int, height: int) -> Frame:
    """A new frame with arbitrary pixels. Width and height must be even."""
    luma, chroma = width * height, (width // 2) * (height // 2)
    buffer = np.empty(luma + 2 * chroma, dtype=np.uint8)
    half = (height // 2, width // 2)
    return Frame(
        buffer,
        buffer[:luma].reshape(height, width),
        buffer[luma : luma + chroma].reshape(half),
        buffer[luma + chroma :].reshape(half),
    )


def from_rgb(rgb: NDArray[np.uint8]) -> Frame:
    """The frame of an sRGB picture (height × width × 3, even sizes)."""
    height, width = rgb.shape[:2]
    frame = blank(width, height)
    yuv = cv2.transform(rgb, _TO_YUV)
    frame.y[:] = yuv[:, :, 0]
    half = (width // 2, height // 2)
    cv2.resize(yuv[:, :, 1], half, dst=frame.u, interpolation=cv2.INTER_AREA)
    cv2.resize(yuv[:, :, 2], half, dst=frame.v, interpolation=cv2.INTER_AREA)
    return frame


def to_rgb(frame: Frame) -> NDArray[np.uint8]:
    """The sRGB picture of a frame, for looking at and for tests."""
    chroma = [cv2.resize(plane, frame.size, interpolation=cv2.INTER_LINEAR) for plane in (frame.u, frame.v)]
    yuv = np.dstack([frame.y, *chroma]).astype(np.float32) - np.array([16, 128, 128], dtype=np.float32)
    return np.clip(np.rint(yuv @ _TO_RGB.T.astype(np.float32)), 0, 255).astype(np.uint8)


def resized(frame: Frame, size: tuple[int, int]) -> Frame:
    """The frame at another (even) size, averaged when it shrinks."""
    out = blank(*size)
    shrinks = size[0] < frame.size[0]
    for plane, target in zip(frame.planes, out.planes, strict=True):
        cv2.resize(plane, target.shape[::-1], dst=target, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return out
