"""Very large WebP pictures, decoded and shrunk by a child: Pillow's decoder would hold four full copies of them.

Source: own measurements (48 million pixels: 772 MB in Pillow, at most 314 MB in an ffmpeg child).
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nemo_watch.studio.drawing import ffmpeg

PIXELS = 20_000_000
"""From this size on the child is worth its start."""
DECODE_S = 120


def shrunk(path: Path, size: tuple[int, int], paper: tuple[int, int, int]) -> NDArray[np.uint8]:
    """The picture as it is stored (not turned upright), in `size`, on paper where it is transparent.

    Raises `OSError` when it cannot be decoded.
    """
    scale = f"scale={size[0]}:{size[1]}:flags=area,format=rgba"
    command = [ffmpeg.executable(), "-v", "error", "-nostdin", "-noautorotate", "-i", str(path), "-frames:v", "1"]
    command += ["-vf", scale, "-f", "rawvideo", "pipe:1"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=DECODE_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise OSError("decoding took too long") from error
    if len(done.stdout) != size[0] * size[1] * 4:
        raise OSError(done.stderr.decode("utf-8", "replace").strip()[-100:] or "no picture came out")
    layer = np.frombuffer(done.stdout, dtype=np.uint8).reshape(size[1], size[0], 4)
    weight = layer[:, :, 3:].astype(np.float32) / 255
    flat = layer[:, :, :3] * weight + np.array(paper, dtype=np.float32) * (1 - weight)
    return np.asarray(np.rint(flat).astype(np.uint8))
