"""The sounds of the synthesised bed, each a stereo array of float32 at 48 kHz made of sines, decays and noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE = 48_000
Sound = NDArray[np.float32]


def hertz(note: float) -> float:
    """The frequency of a MIDI note (69 is 440 Hz)."""
    return float(440.0 * 2 ** ((note - 69) / 12))


def pad(note: float, seconds: float, bright: float) -> Sound:
    """A slow chord voice: two detuned copies panned apart, swelling and sinking over a second."""
    time = _time(seconds)
    sides = []
    for cents, pan in ((-5, 0.3), (5, 0.7)):
        pitch = hertz(note + cents / 100)
        voice = np.zeros_like(time)
        for partial in range(4):
            voice += bright**partial / (partial + 1) * _sine(pitch * (partial + 1), time)
        sides.append((voice, pan))
    rise = np.minimum(1, time / min(1.0, seconds / 2)) ** 2
    fall = np.minimum(1, (seconds - time) / min(1.2, seconds / 2)) ** 2
    return _stereo(sides, rise * fall * 0.5)


def pluck(note: float, seconds: float, bright: float, pan: float) -> Sound:
    """A struck string: partials that die the sooner the higher they are."""
    time = _time(seconds)
    pitch = hertz(note)
    voice = np.zeros_like(time)
    ringing, sooner = np.exp(-2.0 * time), np.exp(-1.6 * time)
    for partial in range(6):
        voice += bright**partial / (partial + 1) * _sine(pitch * (partial + 1), time) * ringing
        ringing *= sooner
    return _stereo([(voice, pan)], np.minimum(1, time / 0.004) * _release(time, seconds))


def keys(note: float, seconds: float, pan: float) -> Sound:
    """An electric piano: a sine whose phase a second one shakes at first."""
    time = _time(seconds)
    base = 2 * np.pi * hertz(note) * time
    voice = np.sin(base + 1.1 * np.exp(-time * 5) * np.sin(2 * base)) * np.exp(-time * 1.6)
    return _stereo([(voice, pan)], np.minimum(1, time / 0.006) * _release(time, seconds))


def bass(note: float, seconds: float) -> Sound:
    """A round low voice in the middle."""
    time = _time(seconds)
    pitch = hertz(note)
    voice = (_sine(pitch, time) + 0.35 * _sine(2 * pitch, time) + 0.1 * _sine(3 * pitch, time)) * np.exp(-time * 0.9)
    return _stereo([(voice, 0.5)], np.minimum(1, time / 0.015) * _release(time, seconds))


def kick(depth: float) -> Sound:
    """A soft drum: a sine that falls from 110 Hz to 45 Hz."""
    time = _time(0.4)
    phase = 2 * np.pi * (45 * time + (65 / 28) * (1 - np.exp(-28 * time)))
    return _stereo([(np.sin(phase) * np.exp(-time * (14 - 6 * depth)), 0.5)], np.minimum(1, time / 0.002))


def shaker(seed: int, seconds: float) -> Sound:
    """A grain of high noise."""
    time = _time(seconds)
    noise = np.random.default_rng(seed).standard_normal(len(time), dtype=np.float32)
    high = np.diff(noise, n=2, prepend=np.zeros(2, dtype=np.float32))
    return _stereo([(high * np.exp(-time * 45) * 0.3, 0.62)], np.minimum(1, time / 0.006))


def snare(seed: int) -> Sound:
    """A brushed snare: soft noise over a short tone."""
    time = _time(0.25)
    noise = np.diff(np.random.default_rng(seed).standard_normal(len(time), dtype=np.float32), prepend=np.float32(0))
    voice = noise * np.exp(-time * 22) * 0.5 + np.sin(2 * np.pi * 185 * time) * np.exp(-time * 30) * 0.5
    return _stereo([(voice, 0.46)], np.minimum(1, time / 0.003))


def echoed(sound: Sound, delay_s: float, strength: float) -> Sound:
    """The sound with three echoes that change sides, in an array that is longer by them."""
    delay = round(delay_s * RATE)
    out = np.zeros((len(sound) + 3 * delay, 2), dtype=np.float32)
    out[: len(sound)] = sound
    for number in (1, 2, 3):
        heard = sound[:, ::-1] if number % 2 else sound
        out[number * delay : number * delay + len(sound)] += heard * np.float32(strength**number)
    return out


Wave = NDArray[np.float32]


def _time(seconds: float) -> Wave:
    return np.arange(round(seconds * RATE), dtype=np.float32) / np.float32(RATE)


def _sine(pitch: float, time: Wave) -> Wave:
    """A sine of `pitch` hertz. The turns are counted exactly and only their remainder is rounded, so that it stays in tune."""
    turns = np.arange(len(time)) * (pitch / RATE)
    turns -= np.floor(turns)  # exactly `% 1.0`, in a third of its time
    return np.asarray(np.sin(turns.astype(np.float32) * np.float32(2 * np.pi)), dtype=np.float32)


def _release(time: Wave, seconds: float) -> Wave:
    return np.asarray(np.minimum(1, (seconds - time) / 0.06), dtype=np.float32)


def _stereo(sides: list[tuple[Wave, float]], envelope: Wave) -> Sound:
    """Voices at their places from left (0) to right (1), with equal power."""
    left = sum(voice * np.cos(pan * np.pi / 2) for voice, pan in sides)
    right = sum(voice * np.sin(pan * np.pi / 2) for voice, pan in sides)
    return np.asarray(np.stack([left * envelope, right * envelope], axis=1), dtype=np.float32)
