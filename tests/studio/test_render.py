"""Whole films by the child program, at small sizes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from nemo_watch.studio.directing.director import direct
from nemo_watch.studio.drawing import ffmpeg
from nemo_watch.studio.drawing.material import probed

SMALL = {"width": 320, "height": 180, "fps": 30}


def picture(path: Path, colour: tuple[int, int, int], size: tuple[int, int] = (640, 480)) -> None:
    rng = np.random.default_rng(sum(colour))
    noise = rng.integers(0, 24, (size[1] // 8, size[0] // 8, 3), dtype=np.uint8)
    large = np.kron(noise, np.ones((8, 8, 1), dtype=np.uint8))
    Image.fromarray(np.clip(large + np.array(colour), 0, 255).astype(np.uint8)).save(path)


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    for name, colour in (("a.jpg", (180, 40, 40)), ("b.png", (40, 180, 40)), ("c.webp", (40, 40, 180))):
        picture(folder / name, colour)
    (folder / "broken.jpg").write_bytes((folder / "a.jpg").read_bytes()[:2_000])
    picture(folder / "whole.png", (90, 90, 90))
    (folder / "broken.png").write_bytes((folder / "whole.png").read_bytes()[:1_000])
    (folder / "nothing.jpg").write_bytes(b"not a picture at all")
    make(
        folder / "clip.mp4",
        ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=2", "-f", "lavfi", "-i", "sine=440:d=2", "-shortest"],
    )
    make(folder / "song.mp3", ["-f", "lavfi", "-i", "sine=220:d=1.5,volume=0.2"])
    return folder


def make(path: Path, arguments: list[str]) -> None:
    subprocess.run([ffmpeg.executable(), "-v", "error", "-y", *arguments, str(path)], check=True)


def segment(name: str, d: int = 700, **meta: Any) -> dict[str, Any]:
    return {"d": d, "m": {"name": name, **meta}}


def film(
    *pictures: dict[str, Any],
    audio: list[dict[str, Any]] | None = None,
    text: list[dict[str, Any]] | None = None,
    **meta: Any,
) -> dict[str, Any]:
    tracks = [{"tt": 0, "sg": list(pictures)}, {"tt": 1, "sg": audio or []}, {"tt": 7, "sg": text or []}]
    return {"t": tracks, "m": {**SMALL, **meta}}


def rendered(draft: object, media: Path, output: Path, **job: Any) -> tuple[int, list[dict[str, Any]]]:
    file = output.with_suffix(".json")
    file.write_text(
        json.dumps({"draft": draft, "media_folder": str(media), "output": str(output), **job}), encoding="utf-8"
    )
    done = subprocess.run(
        [sys.executable, "-m", "nemo_watch.studio.drawing.render", str(file)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def frames_of(path: Path, size: tuple[int, int] = (320, 180)) -> np.ndarray[Any, Any]:
    command = [ffmpeg.executable(), "-v", "error", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"]
    data = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(data, dtype=np.uint8).reshape(-1, size[1], size[0], 3)


def described(path: Path) -> str:
    return subprocess.run([ffmpeg.executable(), "-hide_banner", "-i", str(path)], capture_output=True, text=True).stderr


def test_a_film_is_whole_tagged_and_ready_to_stream(media: Path, tmp_path: Path) -> None:
    draft = film(
        segment("a.jpg"),
        segment("b.png", transition="wipe"),
        segment("clip.mp4", transition="slide"),
        segment("c.webp", transition="zoom"),
        audio=[segment("song.mp3", 2_800, volume=0.6)],
        text=[{"d": 1_000, "m": {"text": "Hello 你好 سلام", "style": "title"}}],
    )
    output = tmp_path / "film.mp4"
    code, said = rendered(draft, media, output)
    assert code == 0
    assert said[0] == {"progress": 0.0}
    progress = [line["progress"] for line in said if "progress" in line]
    assert progress == sorted(progress)
    assert progress[-1] == 1.0
    assert said[-1] == {"done": True, "warnings": [], "duration_ms": 2_800, "frames": 84}
    assert len(frames_of(output)) == 84
    text = described(output)
    assert re.search(r"Video: h264 \(High\).*yuv420p\(tv, bt709, progressive\), 320x180.*30 fps", text)
    assert re.search(r"Audio: aac.*48000 Hz, stereo", text)
    assert abs(ffmpeg.probe(output).duration_ms - 2_800) <= 50
    data = output.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.json", "film.mp4"]


def test_each_picture_is_shown_in_its_time_and_crossfaded_in_between(media: Path, tmp_path: Path) -> None:
    output = tmp_path / "film.mp4"
    rendered(
        film(segment("a.jpg", 1_000), segment("b.png", 1_000), segment("c.webp", 1_000, transition="cut")),
        media,
        output,
    )
    means = frames_of(output).mean(axis=(1, 2))
    assert means[15].argmax() == 0
    assert means[55].argmax() == 1
    assert means[60].argmax() == means[85].argmax() == 2
    middle = means[38]
    assert middle[0] < means[15][0] - 20
    assert middle[1] < means[55][1] - 20


def test_broken_and_missing_pictures_are_left_out_with_a_warning_and_the_film_keeps_its_length(
    media: Path, tmp_path: Path
) -> None:
    names = ("nothing.jpg", "a.jpg", "broken.jpg", "gone.jpg", "b.png")
    output = tmp_path / "film.mp4"
    code, said = rendered(film(*(segment(name, 500) for name in names)), media, output)
    assert code == 0
    assert said[-1]["frames"] == len(frames_of(output)) == 75
    warnings = " ".join(said[-1]["warnings"])
    assert all(name in warnings for name in ("nothing.jpg", "broken.jpg", "gone.jpg"))
    assert "a.jpg" not in warnings


def test_a_film_whose_first_pictures_are_damaged_begins_with_the_next_that_opens(media: Path, tmp_path: Path) -> None:
    output = tmp_path / "film.mp4"
    names = ("broken.jpg", "broken.png", "a.jpg")
    code, said = rendered(film(*(segment(name, 500, key=name) for name in names)), media, output)
    assert code == 0
    assert [warning.split()[0] for warning in said[-1]["warnings"]] == ["broken.jpg", "broken.png"]
    means = frames_of(output).mean(axis=(1, 2))
    assert len(means) == 45
    assert (means.argmax(axis=1) == 0).all()  # the red photo from the first frame on, and no painted scene


@pytest.mark.parametrize("with_card", [False, True])
def test_a_film_none_of_whose_pictures_opens_fails_in_words_and_shows_no_painted_scene(
    media: Path, tmp_path: Path, with_card: bool
) -> None:
    cards = [{"d": 400, "m": {"scene": "sunset"}}] if with_card else []
    draft = film(*cards, segment("broken.jpg"), segment("gone.jpg"), *cards, segment("broken.png"))
    code, said = rendered(draft, media, tmp_path / "film.mp4")
    assert (code, said[-1]) == (1, {"error": "None of the pictures and clips of this film could be opened."})
    assert [path.name for path in tmp_path.iterdir()] == ["film.json"]


def test_an_animation_that_breaks_off_rests_on_its_last_whole_frame(media: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    frames = [Image.fromarray(rng.integers(0, 255, (120, 160, 3), dtype=np.uint8)) for _ in range(6)]
    frames[0].save(tmp_path / "x.gif", save_all=True, append_images=frames[1:], duration=100, loop=0)
    folder = tmp_path / "media"
    folder.mkdir()
    whole = (tmp_path / "x.gif").read_bytes()
    (folder / "cut.gif").write_bytes(whole[: len(whole) * 3 // 4])
    picture(folder / "a.jpg", (180, 40, 40))
    code, said = rendered(film(segment("cut.gif", 1_500), segment("a.jpg")), folder, tmp_path / "film.mp4")
    assert (code, said[-1].get("frames")) == (0, 66)


def test_an_encoder_that_is_killed_is_named_with_the_signal(media: Path, tmp_path: Path) -> None:
    file = tmp_path / "job.json"
    draft = film(*(segment("a.jpg", 60_000) for _ in range(5)), width=1280, height=720)
    file.write_text(
        json.dumps({"draft": draft, "media_folder": str(media), "output": str(tmp_path / "film.mp4")}), encoding="utf-8"
    )
    command = [sys.executable, "-m", "nemo_watch.studio.drawing.render", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as child:
        assert child.stdout
        lines = (json.loads(line) for line in child.stdout)
        next(line for line in lines if line.get("progress", 0) > 0.03)
        [encoder] = psutil.Process(child.pid).children()
        encoder.kill()
        assert list(lines)[-1] == {"error": "The encoder was stopped by signal 9."}
    assert child.returncode == 1
    assert [path.name for path in tmp_path.iterdir()] == ["job.json"]


def test_a_draft_without_anything_to_show_is_an_error_in_words_and_no_file(media: Path, tmp_path: Path) -> None:
    for draft in ({}, film(segment("gone.jpg")), {"t": [{"tt": 7}]}):
        code, said = rendered(draft, media, tmp_path / "film.mp4")
        assert code == 1
        assert said[-1]["error"].endswith(".")
    assert not (tmp_path / "film.mp4").exists()


def test_a_name_can_not_lead_out_of_the_media_folder(media: Path, tmp_path: Path) -> None:
    picture(tmp_path / "secret.jpg", (200, 200, 40))
    inside = tmp_path / "media"
    inside.mkdir()
    picture(inside / "a.jpg", (180, 40, 40))
    (inside / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    names = ["../secret.jpg", str(tmp_path / "secret.jpg"), "link.jpg", ".."]
    code, said = rendered(film(segment("a.jpg"), *(segment(name) for name in names)), inside, tmp_path / "film.mp4")
    assert code == 0
    assert len(said[-1]["warnings"]) == len(names)


def test_uploaded_names_find_their_stored_files(media: Path, tmp_path: Path) -> None:
    code, said = rendered(film(segment("holiday.jpg")), media, tmp_path / "film.mp4", names={"holiday.jpg": "a.jpg"})
    assert (code, said[-1]["warnings"]) == (0, [])


def test_an_encoder_that_can_not_write_is_an_error_in_words(media: Path, tmp_path: Path) -> None:
    target = tmp_path / "film.mp4"
    target.mkdir()
    code, said = rendered(film(segment("a.jpg")), media, target)
    assert code == 1
    assert "could not be written" in said[-1]["error"]
    assert not list(tmp_path.glob("*.part"))


def test_a_preset_that_the_encoder_does_not_know_is_an_error_in_words(media: Path, tmp_path: Path) -> None:
    code, said = rendered(film(segment("a.jpg")), media, tmp_path / "film.mp4", preset="no-such-preset")
    assert code == 1
    assert said[-1]["error"].startswith("The encoder stopped")
    assert [path.name for path in tmp_path.iterdir()] == ["film.json"]


def test_sigterm_ends_the_render_and_leaves_nothing_behind(media: Path, tmp_path: Path) -> None:
    file = tmp_path / "job.json"
    draft = film(*(segment("a.jpg", 60_000) for _ in range(5)), width=1280, height=720)
    file.write_text(
        json.dumps({"draft": draft, "media_folder": str(media), "output": str(tmp_path / "film.mp4")}), encoding="utf-8"
    )
    child = subprocess.Popen(
        [sys.executable, "-m", "nemo_watch.studio.drawing.render", str(file)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert child.stdout
    for line in child.stdout:
        if json.loads(line).get("progress", 0) > 0.03:
            break
    assert list(tmp_path.glob("*.part"))
    child.send_signal(signal.SIGTERM)
    child.communicate(timeout=30)
    assert child.returncode == 143
    assert [path.name for path in tmp_path.iterdir()] == ["job.json"]
    with pytest.raises(ProcessLookupError):
        os.killpg(child.pid, 0)


def test_the_directors_drafts_render(media: Path, tmp_path: Path) -> None:
    materials = [probed(media / name, name, name) for name in ("a.jpg", "b.png", "clip.mp4", "song.mp3")]
    direction = direct(
        "make a 2 second film with title 'Hi' and end with '再见', mixed transitions", materials, None, "en"
    )
    draft = {**direction.draft, "m": {**direction.draft["m"], **SMALL}}
    code, said = rendered(draft, media, tmp_path / "film.mp4")
    assert (code, said[-1]["duration_ms"], said[-1]["warnings"]) == (0, 2_000, [])


def test_a_film_of_words_alone_renders(tmp_path: Path) -> None:
    draft = direct("a film about the sea: calm waves", [], None, "en").draft
    draft["m"].update(SMALL)
    for part in (*draft["t"][0]["sg"], *draft["t"][1]["sg"]):
        part["d"] = 500
    code, said = rendered(draft, tmp_path, tmp_path / "film.mp4")
    assert (code, said[-1]["frames"], said[-1]["warnings"]) == (0, 30, [])
    assert frames_of(tmp_path / "film.mp4")[10].std() > 20


def test_the_music_is_near_its_level_and_never_clips(media: Path, tmp_path: Path) -> None:
    output = tmp_path / "film.mp4"
    bed = {"d": 8_000, "m": {"mood": "happy", "volume": 0.6}}
    rendered(film(segment("a.jpg", 8_000), audio=[bed]), media, output)
    assert abs((ffmpeg.loudness(["-i", str(output)]) or 0) + 16) < 1.0
    command = [ffmpeg.executable(), "-v", "error", "-i", str(output), "-vn", "-f", "f32le", "-ac", "2", "pipe:1"]
    samples = np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, dtype=np.float32)
    assert np.abs(samples).max() < 0.95
    assert np.abs(samples[-2_000:]).max() < 0.05
