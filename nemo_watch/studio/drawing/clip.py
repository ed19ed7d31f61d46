"""A clip as a source of frames: one short-lived ffmpeg child that gives upright, scaled frames at the film's rate.

Variable frame rates become constant, rotation is done after scaling (ffmpeg would turn the full 4K picture), HDR is
mapped to BT.709. Source: own measurements.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from nemo_watch.studio.drawing import composition, ffmpeg
from nemo_watch.studio.drawing.frames import Frame, blank
from nemo_watch.studio.drawing.looks import apply_look
from nemo_watch.studio.drawing.pictures import Broken

_TURNS = {90: "transpose=clock,", 180: "hflip,vflip,", 270: "transpose=cclock,"}
_TONE = (
    "zscale=t=linear:npl=203,format=gbrpf32le,zscale=p=bt709,tonemap=mobius:desat=0,"
    "zscale=t=bt709:m=bt709:r=tv,format=yuv420p,"
)


class Clip:
    """A running decoder. Frames come in order; after the last one the picture rests, so a clip never ends a film."""

    def __init__(self, path: Path, canvas: tuple[int, int], fit: str, in_ms: int, fps: int, look: str) -> None:
        try:
            found = ffmpeg.probe(path)
        except ValueError as error:
            raise Broken(f"it cannot be read as a clip ({str(error)[-120:]})") from error
        if not found.width:
            raise Broken("it holds no picture")
        self._look = look
        self._fit = composition.chosen_fit(fit, found.shown, canvas)
        whole = _size(found.shown, canvas, self._fit)
        self._picture = blank(*(composition.middle(whole, canvas) if self._fit == "cover" else whole))
        self._next = 0
        self._child = subprocess.Popen(
            _command(path, found, whole, self._picture.size, in_ms, fps),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        if not self._advance():
            self.close()
            raise Broken("no frame of it could be decoded")

    def draw(self, number: int, out: Frame) -> None:
        """Paint frame `number`; numbers only grow."""
        while self._next <= number and self._advance():
            pass
        if self._picture.size == out.size and self._fit != "backdrop":
            out.copy_from(self._picture)
        elif self._fit == "cover":
            out.copy_from(composition.cropped(self._picture, out.size))
        else:
            composition.paint_ground(
                self._picture, out, self._fit, 0.42 if self._fit == "backdrop" else composition.GROUND_DIM
            )
            if self._fit != "backdrop":
                composition.place(self._picture, out)
        apply_look(self._look, out)

    def close(self) -> None:
        """End the decoder, whatever it still has to say."""
        self._child.kill()
        if self._child.stdout:
            self._child.stdout.close()
        self._child.wait()

    def _advance(self) -> bool:
        """Read the next frame; a piece of one at the end of the stream is dropped."""
        stream = self._child.stdout
        room = self._picture.buffer.data
        filled = 0
        while stream and filled < len(room):
            count = stream.readinto(room[filled:])  # type: ignore[attr-defined]  # bufsize=0 gives a FileIO
            if not count:
                return False
            filled += count
        self._next += 1
        return True


def _size(shown: tuple[int, int], canvas: tuple[int, int], fit: str) -> tuple[int, int]:
    if fit == "cover":
        return composition.covering(shown, canvas)
    return composition.inside(shown, canvas)


def _command(
    path: Path, found: ffmpeg.Probe, whole: tuple[int, int], part: tuple[int, int], in_ms: int, fps: int
) -> list[str]:
    """Decode from `in_ms` on: scale first (as stored), then turn upright. `part`: the middle of what would be `whole`."""
    (width, height), (all_width, all_height) = (
        (size[::-1] if found.rotation in (90, 270) else size) for size in (part, whole)
    )
    crop = "" if part == whole else f"crop=iw*{width / all_width:.6f}:ih*{height / all_height:.6f},"
    tone = _TONE if found.is_hdr else ""
    matrix = "" if found.is_hdr else ":out_color_matrix=bt709:out_range=tv"
    chain = f"fps={fps},{crop}scale={width}:{height}:flags=bicubic{matrix},{tone}{_TURNS.get(found.rotation, '')}setsar=1,format=yuv420p"
    return [
        *(ffmpeg.executable(), "-v", "error", "-nostdin", "-noautorotate", "-threads", "1"),
        *ffmpeg.seek(in_ms),
        *("-i", str(path), "-map", "0:V:0", "-an", "-sn", "-dn"),
        *("-vf", chain, "-fps_mode", "passthrough", "-f", "rawvideo", "pipe:1"),
    ]
