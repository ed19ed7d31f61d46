"""An animated picture (GIF, WebP, PNG) as a source of frames: played at its own speed, over and over.

One that is damaged after its first frame rests on the last that could be read.
"""

from __future__ import annotations

import math
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from nemo_watch.studio.drawing import composition
from nemo_watch.studio.drawing.frames import Frame, blank, from_rgb
from nemo_watch.studio.drawing.looks import apply_look
from nemo_watch.studio.drawing.material import FRAME_MS
from nemo_watch.studio.drawing.pictures import opened


class Animation:
    """An open animation; one frame of it is kept, composed on the canvas."""

    def __init__(self, path: Path, canvas: tuple[int, int], fit: str, fps: int, look: str) -> None:
        self._stack = ExitStack()
        self._image = self._stack.enter_context(opened(path))
        self._fit = composition.chosen_fit(fit, self._image.size, canvas)
        self._fps, self._look = fps, look
        self._frame = blank(*canvas)
        self._number, self._until_ms = -1, 0.0
        self._count = int(getattr(self._image, "n_frames", 1))
        self._step()

    def draw(self, number: int, out: Frame) -> None:
        """Paint what the animation shows at frame `number`; numbers only grow."""
        while number * 1000 / self._fps >= self._until_ms:
            try:
                self._step()
            # Pillow's decoders raise almost anything where a file is cut off: the last whole frame rests, the film goes on.
            except Exception:  # noqa: BLE001
                self._until_ms = math.inf
        out.copy_from(self._frame)

    def close(self) -> None:
        """Close the file."""
        self._stack.close()

    def _step(self) -> None:
        from PIL import Image

        self._number = (self._number + 1) % self._count
        self._image.seek(self._number)
        layer = self._image.convert("RGBA")
        self._until_ms += max(20.0, self._image.info.get("duration") or FRAME_MS)  # known only once it is decoded
        paper = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        flat = Image.alpha_composite(paper, layer).convert("RGB")
        canvas = self._frame.size
        fitting = composition.covering if self._fit == "cover" else composition.inside
        picture = from_rgb(np.asarray(flat.resize(fitting(flat.size, canvas), Image.Resampling.BICUBIC)))
        if self._fit == "cover":
            self._frame.copy_from(composition.cropped(picture, canvas))
        else:
            composition.paint_ground(picture, self._frame, self._fit)
            composition.place(picture, self._frame)
        apply_look(self._look, self._frame)
