"""The timeline of a render job made by moviepy, in the fastest form that is known of it; run by an interpreter that has moviepy.

    PYTHON tests/bench/moviepy_film.py JOB.json OUT.mp4

Photos are read at the size they need, the zoom is Pillow's sub-pixel `resize(box=)`, the crossfades are moviepy's own; the encoder's
settings are ours. No titles and no sound, which is in its favour.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from moviepy import CompositeVideoClip, VideoClip, vfx
from PIL import Image, ImageOps

DETAIL, ZOOM, FADE_S = 1.45, 0.1, 0.6


def zoomed(path, size, seconds):
    """A photo under a slow zoom."""
    image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    large = max(size[0] * DETAIL / image.width, size[1] * DETAIL / image.height)
    image = image.resize((round(image.width * large), round(image.height * large)))

    def frame(at_s):
        near = 1 + ZOOM * min(1, at_s / seconds)
        width = min(image.width, image.height * size[0] / size[1]) / near
        height = width * size[1] / size[0]
        left, top = (image.width - width) / 2, (image.height - height) / 2
        box = (left, top, left + width, top + height)
        return np.asarray(image.resize(size, Image.Resampling.BILINEAR, box=box))

    return VideoClip(frame, duration=seconds)


job, out = json.loads(Path(sys.argv[1]).read_text()), sys.argv[2]
canvas = job["draft"]["m"]["width"], job["draft"]["m"]["height"]
parts = next(track for track in job["draft"]["t"] if track["tt"] == 0)["sg"]
clips, at = [], 0.0
for number, part in enumerate(parts):
    seconds = part["d"] / 1000
    last = number + 1 == len(parts)
    shown = zoomed(Path(job["media_folder"]) / part["m"]["key"], canvas, seconds + (0 if last else FADE_S)).with_start(
        at
    )
    clips.append(shown.with_effects([vfx.CrossFadeIn(FADE_S)]) if number else shown)
    at += seconds
film = CompositeVideoClip(clips, size=canvas).with_duration(at)
film.write_videofile(
    out,
    fps=30,
    codec="libx264",
    preset=job["preset"],
    ffmpeg_params=["-crf", str(job["crf"])],
    threads=2,
    audio=False,
    logger=None,
)
