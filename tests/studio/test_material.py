from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nemo_watch.studio.drawing import ffmpeg
from nemo_watch.studio.drawing.animation import Animation
from nemo_watch.studio.drawing.clip import Clip
from nemo_watch.studio.drawing.frames import blank, to_rgb
from nemo_watch.studio.drawing.material import Material, Unreadable, probed
from nemo_watch.studio.drawing.pictures import Broken
from nemo_watch.studio.sounding.sound import FileSound


def make(path: Path, *arguments: str) -> Path:
    subprocess.run([ffmpeg.executable(), "-v", "error", "-y", *arguments, str(path)], check=True)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("material")
    lying = make(folder / "lying.mp4", "-f", "lavfi", "-i", "testsrc2=s=160x90:r=24:d=1", "-c:v", "mpeg4")
    make(folder / "turned.mov", "-display_rotation", "90", "-i", str(lying), "-c", "copy")
    make(folder / "sound.mp4", "-f", "lavfi", "-i", "testsrc2=s=160x90:r=24:d=1", "-f", "lavfi", "-i", "sine=d=1")
    make(folder / "wide.avi", "-f", "lavfi", "-i", "testsrc2=s=180x144:r=25:d=1,setsar=16/15", "-c:v", "mpeg4")
    make(folder / "odd.webm", "-f", "lavfi", "-i", "testsrc=s=161x91:r=15:d=1", "-c:v", "libvpx")
    make(folder / "song.mp3", "-f", "lavfi", "-i", "sine=d=2")
    make(folder / "song.m4a", "-f", "lavfi", "-i", "sine=d=2")
    frames = [Image.new("RGB", (64, 48), colour) for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255))]
    for name in ("moving.gif", "moving.webp"):
        frames[0].save(folder / name, save_all=True, append_images=frames[1:], duration=200, loop=0, lossless=True)
    frames[0].save(folder / "still.gif")
    return folder


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lying.mp4", ("video", 160, 90, 1_000, False)),
        ("turned.mov", ("video", 90, 160, 1_000, False)),
        ("sound.mp4", ("video", 160, 90, 1_000, True)),
        ("wide.avi", ("video", 192, 144, 1_000, False)),
        ("odd.webm", ("video", 161, 91, 1_000, False)),
        ("song.mp3", ("audio", 0, 0, 2_000, True)),
        ("song.m4a", ("audio", 0, 0, 2_000, True)),
        ("moving.gif", ("video", 64, 48, 600, False)),
        ("moving.webp", ("video", 64, 48, 600, False)),
        ("still.gif", ("image", 64, 48, 0, False)),
    ],
)
def test_a_file_is_what_it_shows_whatever_its_container(
    folder: Path, name: str, expected: tuple[str, int, int, int, bool]
) -> None:
    found = probed(folder / name, "key", name)
    kind, width, height, duration_ms, has_sound = expected
    assert (found.key, found.name, found.kind, found.width, found.height, found.has_sound) == (
        "key", name, kind, width, height, has_sound,
    )  # fmt: skip
    assert abs(found.duration_ms - duration_ms) <= 80


def test_what_is_no_media_is_refused_with_a_sentence(tmp_path: Path) -> None:
    for name, data in (
        ("a.jpg", b""),
        ("b.mp4", b"hello, this is text\n" * 40),
        ("c.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 50),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(Unreadable, match=rf"^{name}.*\.$"):
            probed(tmp_path / name, "k", name)
    with pytest.raises(Unreadable, match="missing"):
        probed(tmp_path / "gone.jpg", "k", "gone.jpg")


def test_a_turned_clip_is_drawn_upright_at_the_films_rate(folder: Path) -> None:
    frame = blank(90, 160)
    straight = blank(160, 90)
    turned, lying = (
        Clip(folder / name, size, "cover", 0, 30, "none")
        for name, size in (("turned.mov", (90, 160)), ("lying.mp4", (160, 90)))
    )
    for number in range(30):
        turned.draw(number, frame)
        lying.draw(number, straight)
    turned.close()
    lying.close()
    assert np.abs(np.rot90(straight.y).astype(int) - frame.y).mean() < 3


def test_a_clip_behind_an_end_card_is_dim_and_soft_even_where_it_fits_the_canvas(folder: Path) -> None:
    shown = []
    for fit in ("cover", "backdrop"):
        clip = Clip(folder / "lying.mp4", (160, 90), fit, 0, 30, "none")
        shown.append(blank(160, 90))
        clip.draw(5, shown[-1])
        clip.close()
    plain, behind = (frame.y.astype(float) for frame in shown)
    assert behind.mean() < plain.mean() * 0.75
    assert np.abs(np.diff(behind, axis=1)).mean() < np.abs(np.diff(plain, axis=1)).mean() * 0.5


def test_a_clip_rests_on_its_last_frame_when_the_film_wants_more(folder: Path) -> None:
    clip = Clip(folder / "lying.mp4", (160, 90), "cover", 500, 30, "none")
    first, late, later = (blank(160, 90) for _ in range(3))
    clip.draw(0, first)
    clip.draw(200, late)
    clip.draw(300, later)
    clip.close()
    assert np.array_equal(late.buffer, later.buffer)
    assert not np.array_equal(first.buffer, late.buffer)


def test_a_recording_that_was_cut_off_plays_as_far_as_it_goes(tmp_path: Path) -> None:
    """A Matroska file without its index cannot be sought in, not even to its beginning."""
    source = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=30:d=6", "-f", "lavfi", "-i", "sine=440:d=6"]
    made = [*source, "-g", "300", "-c:v", "libx264", "-c:a", "aac", str(tmp_path / "x.mkv")]
    subprocess.run([ffmpeg.executable(), "-v", "error", *made], check=True)
    whole = (tmp_path / "x.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) // 3])
    clip = Clip(tmp_path / "cut.mkv", (320, 180), "cover", 0, 30, "none")
    out = blank(320, 180)
    clip.draw(20, out)
    clip.close()
    assert out.y.std() > 20
    sound = FileSound(tmp_path / "cut.mkv", 0)
    assert np.abs(sound.read(0, 24_000)).max() > 0.01
    sound.close()


def test_of_a_strip_no_more_is_decoded_than_is_shown(tmp_path: Path) -> None:
    source = "color=red:s=800x16:r=10:d=1,drawbox=x=350:w=100:h=16:color=lime:t=fill"
    made = ["-f", "lavfi", "-i", source, "-c:v", "libx264", "-pix_fmt", "yuv444p", str(tmp_path / "x.mp4")]
    subprocess.run([ffmpeg.executable(), "-v", "error", *made], check=True)
    clip, out = Clip(tmp_path / "x.mp4", (160, 90), "cover", 0, 30, "none"), blank(160, 90)
    clip.draw(0, out)
    clip.close()
    assert clip._picture.size == (640, 90)
    shown = to_rgb(out)
    assert (shown[:, :, 1] > shown[:, :, 0]).mean() > 0.95  # the middle, and nothing of the red beside it


def test_a_clip_that_can_not_be_decoded_is_broken_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "x.mp4").write_bytes(b"nothing of a clip" * 100)
    with pytest.raises(Broken):
        Clip(tmp_path / "x.mp4", (160, 90), "cover", 0, 30, "none")


@pytest.mark.parametrize("name", ["moving.gif", "moving.webp"])
def test_an_animated_picture_plays_in_its_own_time_over_and_over(folder: Path, name: str) -> None:
    animation = Animation(folder / name, (64, 48), "cover", 30, "none")
    out = blank(64, 48)
    shown = []
    for number in (0, 7, 13, 19, 25):
        animation.draw(number, out)
        shown.append((int(out.u[5, 5]), int(out.v[5, 5])))
    animation.close()
    assert len({*shown[:3]}) == 3
    assert shown[3:] == shown[:2]


def test_the_text_of_ffmpeg_is_read_in_all_its_forms() -> None:
    cover = """
  Duration: 00:03:05.12, start: 0.000000
  Stream #0:0: Audio: mp3, 44100 Hz, stereo
  Stream #0:1: Video: png, rgb24(pc), 500x500, 90k tbr (attached pic)"""
    assert (ffmpeg.probe_of(cover).width, ffmpeg.probe_of(cover).duration_ms) == (0, 185_120)
    hdr = "  Duration: N/A\n  Stream #0:0[0x1](und): Video: hevc (Main 10), yuv420p10le(tv, bt2020nc/bt2020/arib-std-b67), 3840x2160, 60 fps\n      displaymatrix: rotation of -90.00 degrees"
    found = ffmpeg.probe_of(hdr)
    assert (found.is_hdr, found.rotation, found.shown, found.duration_ms) == (True, 90, (2160, 3840), 0)
    with pytest.raises(ValueError, match="Invalid data"):
        ffmpeg.probe_of("x.mp4: Invalid data found when processing input")
    assert ffmpeg.last_time("frame=1 time=00:00:01.50 x time=00:01:02.25 speed=1x") == 62_250


def test_a_material_is_a_plain_value() -> None:
    assert Material("k", "n", "image", 1, 2, 0, has_sound=False) == Material(
        "k", "n", "image", 1, 2, 0, has_sound=False
    )
