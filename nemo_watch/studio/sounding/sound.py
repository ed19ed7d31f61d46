"""A plan's sound: music under clips' own sound, mixed block by block into one raw file, with the gain that brings it to level.

Each source is first brought to one loudness, so that volumes mean the same for every song and clip.
Levels are LUFS (EBU R 128); samples are float32 stereo at 48 kHz.
"""

from __future__ import annotations

import math
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from nemo_watch.studio.drawing import ffmpeg
from nemo_watch.studio.drawing.plan import Cue, FilmPlan
from nemo_watch.studio.sounding.instruments import RATE, Sound
from nemo_watch.studio.sounding.music import Bed

TARGET_LUFS = -16.0
"""What phones and the web play at; broadcast's -23 is too quiet there. Source: AES TD1008 (2021) -16 to -20 for streams."""
USUAL_VOLUME = 0.6
"""The music volume at which a film without other sound comes out at the target; louder and quieter wishes move it."""
LOUDEST_LUFS = -14.0
GAIN_DB_MAX = 14.0
"""Quiet sources are raised this much at most: beyond it one hears their hiss."""
LOOP_FADE_MS = 1_500
CLIP_FADE_MS = 30
DUCK_RAMP_S = 0.4
BLOCK = RATE // 2

Find = Callable[[str, str], Path | None]
Warn = Callable[[str], None]


class Source(Protocol):
    """What gives samples one after another."""

    def read(self, start: int, count: int) -> Sound:
        """`count` samples from `start` on; starts only grow."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """A sound in the film: from sample `start` for `length`, at `gain`, with fades in samples; `duck` under clips' sound."""

    start: int
    length: int
    gain: float
    fade_in: int
    fade_out: int
    duck: float | None
    opened: Callable[[], Source]

    @property
    def end(self) -> int:
        """The sample after its last."""
        return self.start + self.length


class FileSound:
    """The sound of a file from `in_ms` on, decoded by one ffmpeg child; silence after its end."""

    def __init__(self, path: Path, in_ms: float) -> None:
        command = [ffmpeg.executable(), "-v", "error", "-nostdin", *ffmpeg.seek(in_ms), "-i", str(path)]
        command += ["-map", "0:a:0", "-vn", "-f", "f32le", "-ac", "2", "-ar", str(RATE), "pipe:1"]
        self._child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def read(self, start: int, count: int) -> Sound:
        """The next samples; `start` is where they stand, for the contract only."""
        data = self._child.stdout.read(count * 8) if self._child.stdout else b""
        got = np.frombuffer(data[: len(data) // 8 * 8], dtype=np.float32).reshape(-1, 2)
        return np.concatenate([got, np.zeros((count - len(got), 2), dtype=np.float32)])

    def close(self) -> None:
        """End the decoder."""
        self._child.kill()
        if self._child.stdout:
            self._child.stdout.close()
        self._child.wait()


def mixed(plan: FilmPlan, find: Find, out: Path, warn: Warn) -> float:
    """Write the film's sound to `out` and return the gain in dB that brings it to its level; silence needs none.

    A sound that cannot be read is left out with a warning.
    """
    clips = list(_clip_parts(plan, find))
    music = [part for cue in plan.cues for part in _music_parts(cue, find, warn)]
    total = round(plan.frames * RATE / plan.canvas.fps)
    with out.open("wb") as stream:
        for block in _blocks([*clips, *music], clips, total):
            stream.write(block.tobytes())
    if not clips and not music:
        return 0.0
    measured = ffmpeg.loudness(["-f", "f32le", "-ar", str(RATE), "-ac", "2", "-i", str(out)])
    return 0.0 if measured is None else min(30.0, _target(plan, bool(clips)) - measured)


def _target(plan: FilmPlan, has_clips: bool) -> float:
    """The film's loudness: the target, moved by a wished volume where music is all there is to hear."""
    loudest = max((cue.volume for cue in plan.cues), default=0.0)
    if has_clips or loudest <= 0:
        return TARGET_LUFS
    return min(LOUDEST_LUFS, TARGET_LUFS + 20 * math.log10(loudest / USUAL_VOLUME))


def _clip_parts(plan: FilmPlan, find: Find) -> Iterable[Part]:
    """The own sound of clips, for as long as they are seen."""
    for index, shot in enumerate(plan.shots):
        path = None if shot.is_card or shot.volume <= 0 or shot.fit == "backdrop" else find(shot.key, shot.name)
        level = _level(path) if path else None
        if path is None or level is None:
            continue
        per_frame = RATE / plan.canvas.fps
        following = plan.life(index) - shot.frames
        yield Part(
            round(shot.start * per_frame),
            round(plan.life(index) * per_frame),
            shot.volume * _normalising(level),
            round(max(shot.overlap * per_frame, CLIP_FADE_MS * RATE / 1000)),
            round(max(following * per_frame, CLIP_FADE_MS * RATE / 1000)),
            None,
            lambda path=path, in_ms=shot.in_ms: FileSound(path, in_ms),  # type: ignore[misc]
        )


def _music_parts(cue: Cue, find: Find, warn: Warn) -> Iterable[Part]:
    """A cue as parts: the bed, or a song, repeated with soft joints where it is too short."""
    if cue.volume <= 0:
        return
    start, length = _samples(cue.start_ms), _samples(cue.length_ms)
    fades = _samples(cue.fade_in_ms), _samples(cue.fade_out_ms)
    if not (cue.key or cue.name):
        bed = Bed(cue.mood, cue.length_ms / 1000)
        yield Part(start, length, cue.volume * _normalising(bed.mood.level_lufs), 0, 0, cue.duck, lambda: bed)
        return
    path = find(cue.key, cue.name)
    level = _level(path) if path else None
    if path is None or level is None:
        warn(f"{cue.name or cue.key} could not be heard and is left out of the music.")
        return
    gain = cue.volume * _normalising(level)
    for at_ms, take_ms, rise_ms, fall_ms in rounds(cue.length_ms, ffmpeg.probe(path).duration_ms):
        yield Part(
            start + _samples(at_ms),
            _samples(take_ms),
            gain,
            _samples(rise_ms) if at_ms else fades[0],
            _samples(fall_ms) if at_ms + take_ms < cue.length_ms else fades[1],
            cue.duck,
            lambda: FileSound(path, 0),
        )


def rounds(length_ms: int, song_ms: int) -> list[tuple[int, int, int, int]]:
    """How a song fills a length: (start, time, fade in, fade out) of each round, neighbours overlapping in their fades.

    A song that is long enough is one round; the fades at the film's own ends are not these.
    """
    fade = min(LOOP_FADE_MS, song_ms // 4)
    step = max(250, song_ms - fade)
    found, at = [], 0
    while at < length_ms:
        found.append((at, min(max(song_ms, 250), length_ms - at), fade, fade))
        if at + song_ms >= length_ms:
            break
        at += step
    return found


def _blocks(parts: list[Part], clips: list[Part], total: int) -> Iterable[Sound]:
    """The mix in blocks of half a second; each source is open only while it sounds."""
    open_sources: dict[int, Source] = {}
    for start in range(0, total, BLOCK):
        count = min(BLOCK, total - start)
        out = np.zeros((count, 2), dtype=np.float32)
        for number, part in enumerate(parts):
            begin, end = max(start, part.start), min(start + count, part.end)
            if begin < end:
                source = (
                    open_sources.setdefault(number, part.opened())
                    if number not in open_sources
                    else open_sources[number]
                )
                heard = source.read(begin - part.start, end - begin)
                out[begin - start : end - start] += heard * _envelope(part, clips, begin, end)[:, None]
            if part.end <= start + count and number in open_sources:
                _close(open_sources.pop(number))
        yield out


def _close(source: Source) -> None:
    if isinstance(source, FileSound):
        source.close()


def _envelope(part: Part, clips: list[Part], begin: int, end: int) -> Sound:
    """The part's gain at each sample: fades with equal power, and for music the dip under clips' sound."""
    at = np.arange(begin - part.start, end - part.start, dtype=np.float32)
    gain = np.full(len(at), part.gain, dtype=np.float32)
    if part.fade_in:
        gain *= np.sin(np.clip(at / part.fade_in, 0, 1) * (np.pi / 2))
    if part.fade_out:
        gain *= np.sin(np.clip((part.length - at) / part.fade_out, 0, 1) * (np.pi / 2))
    return gain if part.duck is None else gain * _ducked(clips, begin, end, part.duck)


def _ducked(clips: list[Part], begin: int, end: int, level: float) -> Sound:
    """1 where no clip sounds, `level` where one does, with ramps before and after it."""
    at = np.arange(begin, end, dtype=np.float32)
    ramp = DUCK_RAMP_S * RATE
    covered = np.zeros(len(at), dtype=np.float32)
    for clip in clips:
        if clip.start - ramp < end and clip.end + ramp > begin:
            inside = np.minimum((at - clip.start) / ramp + 1, (clip.end - at) / ramp + 1)
            covered = np.maximum(covered, np.clip(inside, 0, 1))
    return np.asarray(1 - (1 - level) * covered, dtype=np.float32)


def _level(path: Path) -> float | None:
    """A file's own loudness, of its first five minutes; None where it has no sound to speak of."""
    return ffmpeg.loudness(["-t", "300", "-i", str(path)])


def _normalising(level_lufs: float) -> float:
    """The factor that brings a source of this loudness to the target."""
    return float(10 ** (min(GAIN_DB_MAX, TARGET_LUFS - level_lufs) / 20))


def _samples(ms: float) -> int:
    return round(ms * RATE / 1000)
