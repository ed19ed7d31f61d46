"""Pictures and clips that are damaged behind a good header: never black, never a painted stranger, and always told."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nemo_watch.studio.drawing import ffmpeg
from nemo_watch.studio.drawing.clip import Clip
from nemo_watch.studio.drawing.film import Film, surveyed
from nemo_watch.studio.drawing.frames import blank
from nemo_watch.studio.drawing.pictures import Broken, opened, pixels
from nemo_watch.studio.drawing.plan import Unplannable, film_plan


def noisy(path: Path, colour: tuple[int, int, int]) -> Path:
    rng = np.random.default_rng(sum(colour))
    noise = rng.integers(0, 40, (240, 320, 3), dtype=np.uint8)
    Image.fromarray((noise + np.array(colour)).astype(np.uint8)).save(path)
    return path


def flipped(path: Path) -> None:
    """Some bytes in the middle are others."""
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 300] = bytes(b ^ 0x5A for b in data[middle : middle + 300])
    path.write_bytes(bytes(data))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("bad.png", "good.png"):
        noisy(tmp_path / name, (30, 160, 40))
    noisy(tmp_path / "cut.jpg", (160, 30, 40))
    flipped(tmp_path / "bad.png")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "cut.jpg").read_bytes()[:9_000])
    return tmp_path


def drawn(folder: Path, *names: str) -> tuple[np.ndarray[Any, Any], list[str]]:
    """The first frame of a film of these pictures, and what was told."""
    told: list[str] = []
    draft = {
        "t": [{"tt": 0, "sg": [{"d": 500, "m": {"name": name}} for name in names]}],
        "m": {"width": 160, "height": 90},
    }
    plan = surveyed(film_plan(draft), lambda key, name: folder / (name or key), told.append)
    film, out = Film(plan, lambda key, name: folder / (name or key), told.append), blank(160, 90)
    try:
        film.draw(0, out)
        first = np.array(out.y)
        for number in range(1, plan.frames):
            film.draw(number, out)
    finally:
        film.close()
    return first, told


def test_a_png_with_wrong_bytes_is_broken_and_not_half_black(folder: Path) -> None:
    with pytest.raises((Broken, OSError, SyntaxError)), opened(folder / "bad.png") as image:
        pixels(image, (160, 120))


@pytest.mark.parametrize("bad", ["bad.png", "cut.jpg"])
def test_a_first_picture_that_cannot_be_shown_gives_way_to_the_next(folder: Path, bad: str) -> None:
    first, told = drawn(folder, bad, "good.png")
    alone, _ = drawn(folder, "good.png")
    assert abs(float(first.mean()) - float(alone.mean())) < 8
    assert len(told) == 1
    assert told[0].startswith(f"{bad} is left out")


@pytest.mark.parametrize("names", [("bad.png",), ("cut.jpg", "bad.png")])
def test_a_film_of_which_no_picture_can_be_shown_is_none(folder: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(Unplannable, match="None of the pictures"):
        drawn(folder, *names)


def test_a_clip_that_was_cut_short_is_shown_as_far_as_it_goes(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.mkv", tmp_path / "cut.mkv"
    words = "-v error -f lavfi -i testsrc2=s=320x180:r=25:d=6 -c:v libx264 -y"
    subprocess.run([ffmpeg.executable(), *words.split(), str(whole)], check=True)
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 4 // 10])
    clip, out = Clip(cut, (160, 90), "cover", 0, 30, "none"), blank(160, 90)
    try:
        clip.draw(0, out)
        assert np.array(out.y).std() > 10
    finally:
        clip.close()
