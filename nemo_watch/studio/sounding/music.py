"""A synthesised bed: chords, a broken accompaniment and soft drums in a mood, made to end with the film.

The bars are stretched a little so that a whole number of them and a closing chord fill the film exactly; nothing is cut off.
Made bar by bar while the film's sound is mixed, so memory does not grow with its length.
Source: own measurements.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from nemo_watch.studio.sounding import instruments
from nemo_watch.studio.sounding.instruments import RATE, Sound

ENDING_S = 3.5
"""The closing chord's time."""
BEATS = 4
_Chord = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Mood:
    """How a bed is made. Chords are MIDI notes with the bass first; `steps` is the accompaniment in eighths (None rests).

    `level_lufs` is the loudness that the synthesis comes out at, measured over a minute.
    """

    bpm: float
    chords: tuple[_Chord, ...]
    steps: tuple[int | None, ...]
    voice: str
    bright: float
    pad: float
    drums: str
    level_lufs: float


MOODS = {
    "calm": Mood(72, ((48, 60, 64, 67, 74), (45, 57, 64, 67, 72), (41, 57, 60, 64, 69), (43, 55, 62, 65, 71)),
                 (0, 2, 1, 3, 2, 1, 3, 2), "pluck", 0.35, 1.0, "", -19.1),
    "happy": Mood(112, ((48, 60, 64, 67), (43, 59, 62, 67), (45, 60, 64, 69), (41, 60, 65, 69)),
                  (0, 2, 1, 2, 3, 2, 1, 2), "pluck", 0.6, 0.45, "happy", -18.5),
    "epic": Mood(86, ((45, 57, 60, 64, 69), (41, 57, 60, 65, 69), (48, 55, 60, 64, 67), (43, 55, 59, 62, 67)),
                 (0, 0, 2, 0, 1, 0, 2, 3), "pluck", 0.7, 1.3, "epic", -16.8),
    "romantic": Mood(66, ((48, 60, 64, 67, 71), (52, 59, 64, 67, 71), (41, 60, 64, 65, 69), (43, 58, 62, 65, 71)),
                     (0, 1, 2, 3, 2, 1, 2, 1), "keys", 0.4, 0.7, "", -19.0),
    "sad": Mood(60, ((45, 57, 60, 64, 71), (41, 57, 60, 64, 69), (48, 55, 60, 64, 71), (43, 55, 59, 62, 69)),
                (0, None, 2, None, 3, None, 1, None), "keys", 0.3, 0.9, "", -19.9),
    "lofi": Mood(76, ((50, 57, 60, 65, 69), (43, 59, 62, 65, 69), (48, 59, 62, 64, 67), (45, 55, 60, 64, 67)),
                 (0, None, 2, 1, None, 3, 1, None), "keys", 0.4, 0.5, "lofi", -19.9),
}  # fmt: skip


class Bed:
    """The bed for `seconds` of film in a mood; an unknown mood is calm."""

    def __init__(self, mood: str, seconds: float) -> None:
        self.mood = MOODS.get(mood, MOODS["calm"])
        self.frames = round(seconds * RATE)
        usual = 60 / self.mood.bpm * BEATS
        ending = min(ENDING_S, seconds * 0.4)
        self.bars = max(1, round((seconds - ending) / usual))
        self.bar_s = min(usual * 1.6, (seconds - ending) / self.bars)
        self._closing = round(self.bars * self.bar_s * RATE)
        self._made: Callable[[int, int], Sound] = lru_cache(maxsize=12)(self._bar)
        self._pad: Callable[[int], Sound] = lru_cache(maxsize=24)(self._held)
        self._struck: Callable[[int, float], Sound] = lru_cache(maxsize=48)(self._note)
        self._close: Callable[[], Sound] = lru_cache(maxsize=1)(self._closing_chord)

    def read(self, start: int, count: int) -> Sound:
        """Samples from `start` on, count × 2, near the mood's level and never beyond ±1."""
        out = np.zeros((count, 2), dtype=np.float32)
        bar = self.bar_s * RATE
        # A bar's last notes and echoes ring on for up to three more (a very short film has short bars).
        first = max(0, int(start / bar) - 3 - int(2.5 / self.bar_s))
        for number in range(first, min(self.bars, int((start + count) / bar) + 1)):
            variation = 0 if number == 0 else 1 + number // 4 % 2
            _add(out, self._made(number % len(self.mood.chords), variation), round(number * bar) - start)
        if start + count > self._closing:
            _add(out, self._close(), self._closing - start)
        return np.tanh(out, out=out)

    def _bar(self, chord: int, variation: int) -> Sound:
        """One bar: pad and bass always, the accompaniment from the second bar on, higher in every other round."""
        notes = self.mood.chords[chord]
        parts = [(0.0, self._pad(note)) for note in notes[1:]]
        parts.append((0.0, instruments.bass(notes[0] - 12 * (notes[0] > 47), self.bar_s) * 0.2))
        if variation:
            parts += self._accompaniment(notes[1:], 12 if variation == 2 else 0)
            parts += self._drums()
        return self._mixed(parts, self.bar_s + 2.2)

    def _held(self, note: int) -> Sound:
        return instruments.pad(note, self.bar_s + 1.0, self.mood.bright) * np.float32(0.085 * self.mood.pad)

    def _note(self, note: int, pan: float) -> Sound:
        if self.mood.voice == "keys":
            return instruments.keys(note, 1.6, pan)
        return instruments.pluck(note, 1.4, self.mood.bright, pan)

    def _accompaniment(self, notes: _Chord, lift: int) -> list[tuple[float, Sound]]:
        step_s = self.bar_s / len(self.mood.steps)
        parts = []
        for place, step in enumerate(self.mood.steps):
            if step is None:
                continue
            note, pan = notes[step % len(notes)] + 12 * (step >= len(notes)) + lift, 0.3 + 0.4 * (place % 2)
            made = self._struck(note, pan)
            loud = (0.2 if place % 4 == 0 else 0.14) * (0.75 if lift else 1.0)
            parts.append((place * step_s, instruments.echoed(made * loud, step_s * 1.5, 0.3)))
        return parts

    def _drums(self) -> list[tuple[float, Sound]]:
        beat = self.bar_s / BEATS
        if self.mood.drums == "happy":
            kicks = [(place * beat, instruments.kick(0.2) * 0.3) for place in (0, 2)]
            return kicks + [
                (place * beat / 2, instruments.shaker(place, 0.12) * (0.12 if place % 2 else 0.07))
                for place in range(8)
            ]
        if self.mood.drums == "epic":
            return [(place * beat, instruments.kick(1.0) * (0.5 if place == 0 else 0.3)) for place in (0, 1.5, 2, 3)]
        if self.mood.drums == "lofi":
            drums = [(place * beat, instruments.kick(0.4) * 0.34) for place in (0, 2.5)]
            drums += [(place * beat, instruments.snare(place) * 0.12) for place in (1, 3)]
            return drums + [
                ((place + 0.08) * beat / 2, instruments.shaker(place, 0.1) * 0.05) for place in range(0, 8, 2)
            ]
        return []

    def _closing_chord(self) -> Sound:
        """The closing chord: home, held, and dying away with the film."""
        seconds = max(0.2, (self.frames - self._closing) / RATE)
        notes = self.mood.chords[0]
        parts = [
            (0.0, instruments.pad(note, seconds, self.mood.bright) * (0.085 * self.mood.pad)) for note in notes[1:]
        ]
        parts.append((0.0, instruments.bass(notes[0] - 12 * (notes[0] > 47), seconds) * 0.2))
        for place, note in enumerate(notes[1:]):
            made = instruments.keys(note, min(2.5, seconds), 0.35 + 0.1 * place)
            parts.append((place * 0.09, made * 0.15))
        return self._mixed(parts, seconds + 0.5)

    @staticmethod
    def _mixed(parts: list[tuple[float, Sound]], seconds: float) -> Sound:
        out = np.zeros((round(seconds * RATE), 2), dtype=np.float32)
        for at_s, part in parts:
            _add(out, part, round(at_s * RATE))
        return out


def _add(out: Sound, part: Sound, at: int) -> None:
    """Add a sound at a place that may reach over both ends."""
    begin, end = max(0, at), min(len(out), at + len(part))
    if end > begin:
        out[begin:end] += part[begin - at : end - at]
