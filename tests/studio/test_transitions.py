from __future__ import annotations

import numpy as np
import pytest

from nemo_watch.studio.drawing.frames import Frame, blank, from_rgb
from nemo_watch.studio.drawing.transitions import blend


def picture(seed: int) -> Frame:
    return from_rgb(np.random.default_rng(seed).integers(30, 220, (90, 160, 3), dtype=np.uint8))


@pytest.mark.parametrize("kind", ["crossfade", "fade", "slide", "wipe", "zoom", "unknown"])
def test_a_transition_begins_at_the_old_shot_and_ends_at_the_new_one(kind: str) -> None:
    old, new, out = picture(1), picture(2), blank(160, 90)
    for progress, shot in ((0.0, old), (1.0, new)):
        blend(kind, progress, old, new, out)
        assert np.abs(out.buffer.astype(int) - shot.buffer).mean() < 1.0


@pytest.mark.parametrize("kind", ["crossfade", "fade", "slide", "wipe", "zoom"])
def test_the_middle_of_a_transition_is_neither_and_the_shots_stay_as_they_are(kind: str) -> None:
    old, new, out = picture(1), picture(2), blank(160, 90)
    kept = old.buffer.copy(), new.buffer.copy()
    blend(kind, 0.5, old, new, out)
    assert not np.array_equal(out.buffer, old.buffer)
    assert not np.array_equal(out.buffer, new.buffer)
    assert np.array_equal(kept[0], old.buffer)
    assert np.array_equal(kept[1], new.buffer)


def test_a_fade_goes_through_black() -> None:
    out = blank(160, 90)
    blend("fade", 0.5, picture(1), picture(2), out)
    assert out.y.max() <= 17
    assert abs(int(out.u.mean()) - 128) <= 1


def test_a_slide_shows_both_shots_side_by_side() -> None:
    old, new, out = picture(1), picture(2), blank(160, 90)
    blend("slide", 0.5, old, new, out)
    assert np.array_equal(out.y[:, :80], old.y[:, 80:])
    assert np.array_equal(out.y[:, 80:], new.y[:, :80])
