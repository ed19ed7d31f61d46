from __future__ import annotations

import numpy as np
import pytest

from nemo_watch.studio.sounding.instruments import RATE
from nemo_watch.studio.sounding.music import MOODS, Bed
from nemo_watch.studio.sounding.sound import Part, _blocks, _envelope, rounds


def whole(mood: str, seconds: float, block: int = RATE) -> np.ndarray:
    bed = Bed(mood, seconds)
    total = round(seconds * RATE)
    return np.concatenate([bed.read(at, min(block, total - at)) for at in range(0, total, block)])


@pytest.mark.parametrize("mood", sorted(MOODS))
def test_every_mood_sounds_all_the_time_never_clips_and_ends_with_the_film(mood: str) -> None:
    heard = whole(mood, 9)
    assert heard.shape == (9 * RATE, 2)
    assert np.abs(heard).max() < 0.98
    seconds = np.sqrt(np.mean(heard.reshape(9, RATE, 2) ** 2, axis=(1, 2)))
    assert seconds[1:7].min() > 0.02
    assert np.abs(heard[-RATE // 50 :]).max() < 0.02


def test_moods_differ_and_the_same_mood_is_the_same_music() -> None:
    beds = {mood: whole(mood, 6) for mood in ("calm", "happy")}
    assert np.array_equal(beds["calm"], whole("calm", 6))
    assert np.corrcoef(beds["calm"][:, 0], beds["happy"][:, 0])[0, 1] < 0.9


def test_blocks_of_any_size_give_the_same_music() -> None:
    assert np.allclose(whole("lofi", 5), whole("lofi", 5, block=7_919), atol=1e-6)


@pytest.mark.parametrize("seconds", [0.3, 1.0, 2.5])
def test_a_very_short_film_has_music_too(seconds: float) -> None:
    assert np.abs(whole("epic", seconds)).max() > 0.01


def test_a_song_that_is_too_short_is_repeated_with_overlapping_fades() -> None:
    found = rounds(10_000, 4_000)
    assert [start for start, *_ in found] == [0, 3_000, 6_000]
    assert found[-1][0] + found[-1][1] == 10_000
    assert all(rise == fall == 1_000 for *_, rise, fall in found)
    assert rounds(10_000, 60_000) == [(0, 10_000, 1_500, 1_500)]


class Constant:
    def read(self, start: int, count: int) -> np.ndarray:
        return np.ones((count, 2), dtype=np.float32)


def part(start: int, length: int, duck: float | None = None, fade: int = 0) -> Part:
    return Part(start, length, 1.0, fade, fade, duck, Constant)


def test_music_steps_back_under_a_clips_sound_and_returns() -> None:
    music, clip = part(0, 10 * RATE, duck=0.3), part(4 * RATE, 2 * RATE)
    gain = _envelope(music, [clip], 0, 10 * RATE)
    assert gain[RATE] == gain[9 * RATE] == 1
    assert gain[4 * RATE : 6 * RATE].max() == pytest.approx(0.3)
    assert np.abs(np.diff(gain)).max() < 1e-4


def test_two_rounds_of_a_song_join_without_a_dip_in_power() -> None:
    one, two = part(0, 2 * RATE, fade=RATE), part(RATE, 2 * RATE, fade=RATE)
    power = _envelope(one, [], RATE, 2 * RATE) ** 2 + _envelope(two, [], RATE, 2 * RATE) ** 2
    assert np.allclose(power, 1, atol=1e-4)


def test_the_mix_is_exactly_as_long_as_the_film_and_silent_where_nothing_sounds() -> None:
    blocks = list(_blocks([part(RATE, RATE)], [], 3 * RATE + 17))
    heard = np.concatenate(blocks)
    assert len(heard) == 3 * RATE + 17
    assert heard[: RATE - 1].max() == 0
    assert heard[RATE + 10 : 2 * RATE - 10].min() == 1
