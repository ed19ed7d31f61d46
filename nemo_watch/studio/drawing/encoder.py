"""Frames and the mixed sound → one MP4: H.264 and AAC, tagged BT.709, its index in front.

A file is called whole only when every frame was encoded and ffmpeg itself reads the right length back: ffmpeg takes a
feeder that died for the end of the film. Source: own measurements (settings, traps).
"""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from nemo_watch.studio.drawing import ffmpeg
from nemo_watch.studio.drawing.frames import Frame, blank
from nemo_watch.studio.sounding.instruments import RATE

BUFFERS = 3
"""Frames in turn: one is drawn, one waits, one is written."""
PIPE_BYTES = 1 << 20
LIMIT = 0.79
"""The limiter's ceiling, -2 dBFS: AAC overshoots by about one decibel."""
END_S = 5
"""How long an encoder that has stopped listening may take to end."""
_END = None


class EncodingFailed(RuntimeError):  # noqa: N818 - what happened, as the job's status calls it
    """The encoder stopped, or what it wrote is not the whole film; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class Settings:
    """x264's preset and rate factor. Source: own measurements: superfast 23 has the bytes of veryfast 20."""

    preset: str = "superfast"
    crf: int = 23


class Encoder:
    """A running encoder that writes to `part`. Use as a context manager: leaving it unfinished kills it."""

    def __init__(
        self, part: Path, size: tuple[int, int], fps: int, sound: Path, gain_db: float, frames: int, settings: Settings
    ) -> None:
        self._part, self._frames, self._fps = part, frames, fps
        self._free: queue.Queue[Frame] = queue.Queue()
        for _ in range(BUFFERS):
            self._free.put(blank(*size))
        self._full: queue.Queue[Frame | None] = queue.Queue()
        self._fault: OSError | None = None
        self._written = 0
        command = _command(part, size, fps, sound, gain_db, frames, settings)
        self._child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
        )
        self._widen()
        self._said: list[bytes] = []
        self._encoded = 0
        self._threads = [threading.Thread(target=job, daemon=True) for job in (self._feed, self._count, self._listen)]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._child.poll() is None:
            self._child.kill()  # SIGTERM would not stop ffmpeg while it waits for a frame
        self._full.put(_END)
        for thread in self._threads:
            thread.join()
        self._child.wait()
        for stream in (self._child.stdin, self._child.stdout, self._child.stderr):
            if stream:
                with contextlib.suppress(OSError):
                    stream.close()

    def frame(self) -> Frame:
        """An empty frame to draw into. Raises `EncodingFailed` when the encoder has stopped."""
        while True:
            if self._fault or self._child.poll() is not None:
                raise EncodingFailed(self._reason())
            with contextlib.suppress(queue.Empty):
                return self._free.get(timeout=1.0)

    def write(self, frame: Frame) -> None:
        """Hand a drawn frame on; it must not be touched afterwards."""
        self._full.put(frame)

    def finish(self) -> None:
        """Wait for the end. Raises `EncodingFailed` unless the file holds every frame and reads back at full length."""
        self._full.put(_END)
        self._threads[0].join()
        code = self._child.wait()
        for thread in self._threads:
            thread.join()
        if code or self._fault:
            raise EncodingFailed(self._reason())
        if not self._written == self._encoded == self._frames:
            raise EncodingFailed(f"The encoder wrote {self._encoded} of {self._frames} frames.")
        self._read_back()

    def _read_back(self) -> None:
        found = ffmpeg.probe(self._part)
        planned_ms = self._frames * 1000 / self._fps
        if not (found.width and found.has_sound and abs(found.duration_ms - planned_ms) <= 60 + 2000 / self._fps):
            raise EncodingFailed(f"The film reads back as {found.duration_ms} ms instead of {planned_ms:.0f} ms.")

    def _reason(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):  # a broken pipe is heard of before the end that broke it
            self._child.wait(END_S)
            self._threads[-1].join(END_S)
        text = b"".join(self._said).decode("utf-8", "replace").strip()
        if "No space left" in text:
            return "There is no space left for the film."
        if (code := self._child.returncode) is not None and code < 0:
            return f"The encoder was stopped by signal {-code}."
        return f"The encoder stopped: {text.splitlines()[-1][-200:] if text else self._fault or 'it gave no reason'}"

    def _feed(self) -> None:
        """Write frames as they come, in a thread, so that drawing goes on while the pipe is full."""
        pipe = self._child.stdin
        while pipe and (frame := self._full.get()) is not _END:
            try:
                rest = memoryview(frame.buffer.data)
                while rest.nbytes:
                    rest = rest[pipe.write(rest) :]
                self._written += 1
            except OSError as error:
                self._fault = error
                break
            self._free.put(frame)
        if pipe:
            with contextlib.suppress(OSError):
                pipe.close()

    def _count(self) -> None:
        """Read ffmpeg's progress: the last `frame=` is what it has really encoded."""
        for line in self._child.stdout or ():
            if line.startswith(b"frame="):
                self._encoded = int(line[6:].strip() or b"0")

    def _listen(self) -> None:
        """Drain stderr, or ffmpeg would wait for us for ever; the last lines are kept."""
        for line in self._child.stderr or ():
            self._said = [*self._said[-20:], line]

    def _widen(self) -> None:
        """Give the pipe a megabyte where the system allows: fewer turns between the processes for each frame."""
        try:
            from fcntl import F_SETPIPE_SZ, fcntl
        except ImportError:  # not Linux
            return
        if self._child.stdin:
            with contextlib.suppress(OSError):
                fcntl(self._child.stdin.fileno(), F_SETPIPE_SZ, PIPE_BYTES)


def _command(
    part: Path, size: tuple[int, int], fps: int, sound: Path, gain_db: float, frames: int, settings: Settings
) -> list[str]:
    # Output options alone leave transfer and primaries unknown in FFmpeg 9; the filter marks the frames themselves.
    colours = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
    level = f"volume={gain_db:.2f}dB,alimiter=limit={LIMIT}:level=disabled:attack=5:release=80"
    return [
        *(ffmpeg.executable(), "-v", "error", "-y", "-progress", "pipe:1", "-nostats"),
        *("-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{size[0]}x{size[1]}", "-r", str(fps), "-i", "pipe:0"),
        *("-f", "f32le", "-ar", str(RATE), "-ac", "2", "-i", str(sound)),
        *("-map", "0:v", "-map", "1:a", "-vf", colours, "-af", level),
        *("-c:v", "libx264", "-preset", settings.preset, "-crf", str(settings.crf), "-pix_fmt", "yuv420p"),
        *("-g", str(fps * 2), "-threads", str(max(2, os.cpu_count() or 2))),
        *(
            "-c:a",
            "aac",
            "-b:a",
            "160k",
            "-t",
            f"{frames / fps:.4f}",
            "-movflags",
            "+faststart",
            "-f",
            "mp4",
            str(part),
        ),
    ]
