"""One open file → its verdict: writers, holes, end marks, and what stands in the way."""

from __future__ import annotations

import os

import pytest

from nemo_watch.inbox import handles
from nemo_watch.inbox.examining import FileBytes, examined
from nemo_watch.inbox.listing import InboxFolder, Walk
from nemo_watch.inbox.settling import Due
from nemo_watch.inbox.verdicts import Wholeness


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def verdict(root, name, *, thorough=False):
    sighting = next(s for s in Walk(root).listing().sightings if s.path == name)
    return examined(Due(sighting, thorough), InboxFolder(root)).wholeness


def test_every_whole_sample_is_whole(root, samples):
    for name, data in samples.whole().items():
        (root / name).write_bytes(data)
        assert verdict(root, name) is Wholeness.WHOLE, name


def test_a_file_open_for_writing_is_not_whole_however_whole_it_looks(root, samples):
    with (root / "a.jpg").open("wb") as writer:
        writer.write(samples.picture("JPEG"))
        writer.flush()
        assert verdict(root, "a.jpg") is Wholeness.WRITING
    assert verdict(root, "a.jpg") is Wholeness.WHOLE


def test_a_prompt_open_for_writing_waits_too(root):
    with (root / "prompt.txt").open("w") as writer:
        writer.write("make")
        writer.flush()
        assert verdict(root, "prompt.txt") is Wholeness.WRITING
    assert verdict(root, "prompt.txt") is Wholeness.WHOLE


def test_a_file_with_holes_is_hollow_even_if_both_ends_are_there(root, samples):
    data = samples.picture("JPEG", size=(900, 900))
    with (root / "a.jpg").open("wb") as writer:
        writer.truncate(len(data))
        writer.write(data[:20_000])
        writer.seek(len(data) - 20_000)
        writer.write(data[-20_000:])
    with (root / "a.jpg").open("rb") as reader:
        if not handles.has_hole(reader.fileno(), len(data)):
            pytest.skip("this file system does not tell of holes")
    assert verdict(root, "a.jpg") is Wholeness.HOLLOW


def test_an_empty_file_is_no_medium_once_nobody_writes_it(root):
    with (root / "a.jpg").open("wb"):
        assert verdict(root, "a.jpg") is Wholeness.WRITING
    assert verdict(root, "a.jpg") is Wholeness.NOT_MEDIA


def test_an_exe_called_jpg_is_no_medium(root):
    (root / "a.jpg").write_bytes(b"MZ\x90\0" + b"x" * 500)
    assert verdict(root, "a.jpg") is Wholeness.NOT_MEDIA


@pytest.mark.parametrize("name", ["a.gif", "a.jpg"])
def test_a_picture_that_seems_cut_is_whole_if_it_decodes(root, samples, name):
    """A GIF without its trailer; a photo with something behind it that looks like half a clip."""
    seems_cut = {"a.gif": samples.animated_gif()[:-1], "a.jpg": samples.picture("JPEG") + samples.mp4()[:-100]}
    (root / name).write_bytes(seems_cut[name])
    assert verdict(root, name) is Wholeness.CUT
    assert verdict(root, name, thorough=True) is Wholeness.WHOLE


def test_a_picture_cut_in_its_middle_stays_cut_when_decoded(root, samples):
    data = samples.picture("JPEG")
    (root / "a.jpg").write_bytes(data[: len(data) // 2])
    assert verdict(root, "a.jpg", thorough=True) is Wholeness.CUT


def test_a_cut_clip_is_never_decoded(root, samples, monkeypatch):
    from nemo_watch.inbox import decoding

    def decoded(_file):
        raise AssertionError

    monkeypatch.setattr(decoding, "unfit_reason", decoded)
    (root / "a.mp4").write_bytes(samples.mp4()[:-100])
    assert verdict(root, "a.mp4", thorough=True) is Wholeness.CUT


def test_a_song_that_may_go_on_is_whole_when_nobody_writes_it(root, samples, monkeypatch):
    (root / "a.mp3").write_bytes(samples.mp3()[:-50])
    assert verdict(root, "a.mp3") is Wholeness.WHOLE
    monkeypatch.setattr(handles, "has_writer", lambda _handle: None)
    assert verdict(root, "a.mp3") is Wholeness.ENDLESS


def test_a_song_that_ends_in_zeros_is_not_believed_at_once(root, samples):
    """It may end in silence; or its room was reserved, and its writer opens it anew for every piece.

    Holes are told by whole blocks: what is left of the last one may be either, more than that is silence.
    """
    data = samples.wav()
    (root / "a.wav").write_bytes(data)
    (root / "b.wav").write_bytes(data[:-2_000] + bytes(2_000))
    (root / "c.wav").write_bytes(data[:60_000] + bytes(len(data) - 60_000))
    with (root / "d.wav").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, len(data))
        file.write(data[:60_000])
    assert verdict(root, "a.wav") is Wholeness.WHOLE
    assert verdict(root, "b.wav") is Wholeness.ENDLESS
    assert verdict(root, "c.wav") is Wholeness.WHOLE
    assert verdict(root, "d.wav") is Wholeness.HOLLOW


def test_a_file_that_left_or_changed_gets_a_verdict_too(root, samples):
    (root / "a.jpg").write_bytes(samples.picture("JPEG"))
    (sighting,) = Walk(root).listing().sightings
    (root / "a.jpg").unlink()
    assert examined(Due(sighting), InboxFolder(root)).wholeness is Wholeness.CHANGED
    (root / "a.jpg").symlink_to("/etc/passwd")
    assert examined(Due(sighting), InboxFolder(root)).wholeness is Wholeness.CHANGED


def test_an_error_while_reading_is_a_verdict_with_its_reason(root, samples, monkeypatch):
    (root / "a.jpg").write_bytes(samples.picture("JPEG"))

    def fails(*_args):
        raise OSError(5, "Input/output error")

    (sighting,) = Walk(root).listing().sightings
    monkeypatch.setattr(os, "pread", fails)
    found = examined(Due(sighting), InboxFolder(root))
    assert (found.wholeness, found.reason) == (Wholeness.UNREADABLE, "cannot be read: Input/output error")


def test_a_source_on_disk_reads_as_one_in_memory(tmp_path):
    data = bytes(range(256)) * 1000
    (tmp_path / "f").write_bytes(data)
    with (tmp_path / "f").open("rb") as file:
        source = FileBytes(file.fileno(), len(data))
        for at, length in ((0, 10), (5, 5), (4090, 20), (255_990, 100), (0, 200_000), (256_000, 1), (-1, 5), (3, 0)):
            assert source.read(at, length) == (data[at : at + length] if at >= 0 else b"")


def _odd_picture(kind: str, place) -> None:
    """What phones, scanners, print shops and messengers make."""
    from PIL import Image

    noise = Image.effect_noise((64, 48), 60)
    match kind:
        case "cmyk.jpg":
            noise.convert("CMYK").save(place)
        case "grey.jpg":
            noise.save(place)
        case "sixteen-bit.png":
            noise.convert("I;16").save(place)
        case "palette.png":
            noise.convert("P").save(place)
        case "animated.webp" | "animated.png":
            noise.save(place, save_all=True, append_images=[Image.effect_noise((64, 48), 30)], duration=50)
        case "48-megapixels.jpg":
            Image.new("RGB", (8000, 6000), "teal").save(place, quality=20)


@pytest.mark.parametrize(
    "name",
    ["cmyk.jpg", "grey.jpg", "sixteen-bit.png", "palette.png", "animated.webp", "animated.png", "48-megapixels.jpg"],
)
def test_pictures_of_any_make_are_whole_and_half_of_them_is_not(name, root):
    _odd_picture(name, root / name)
    data = (root / name).read_bytes()
    (root / f"half-{name}").write_bytes(data[: len(data) // 2])
    assert verdict(root, name) is Wholeness.WHOLE
    assert verdict(root, f"half-{name}") in {Wholeness.CUT, Wholeness.HOLLOW}
    assert verdict(root, f"half-{name}", thorough=True) in {Wholeness.CUT, Wholeness.HOLLOW}
