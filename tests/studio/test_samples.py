from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nemo_watch.studio.drawing.material import probed
from nemo_watch.studio.painting.samples import write_samples
from nemo_watch.studio.painting.scenes import SCENES, scene


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_samples(tmp_path_factory.mktemp("samples"), 4)


def test_samples_are_photos_of_both_shapes_with_one_stored_sideways(samples: list[Path]) -> None:
    found = [probed(path, path.name, path.name) for path in samples]
    assert {one.kind for one in found} == {"image"}
    assert [one.width > one.height for one in found] == [True, True, False, True]
    with Image.open(samples[2]) as stored:
        assert stored.width > stored.height
        assert stored.getexif()[0x0112] == 6


def test_samples_are_in_order_of_their_capture_times(samples: list[Path]) -> None:
    taken = [Image.open(path).getexif().get_ifd(0x8769)[0x9003] for path in samples]
    assert taken == sorted(set(taken))


@pytest.mark.parametrize("kind", sorted(SCENES))
def test_a_scene_is_a_picture_with_light_and_colour_and_always_the_same(kind: str) -> None:
    one, again, other = (scene(kind, (160, 120), seed) for seed in (1, 1, 2))
    assert one.shape == (120, 160, 3)
    assert one.std() > 15
    assert np.abs(one.astype(int) - one.mean(axis=2, keepdims=True)).mean() > 2
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_an_unknown_scene_is_painted_too() -> None:
    assert scene("no such place", (64, 48)).shape == (48, 64, 3)
