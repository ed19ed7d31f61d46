"""Whole or not, by the bytes alone: every format whole, cut at many places, hollow, and with bytes behind."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_watch.inbox.verdicts import Bytes, Wholeness
from nemo_watch.inbox.wholeness import verdict_of

NAMES = (
    "photo.jpg", "progressive.jpeg", "photo.png", "still.gif", "animated.gif", "photo.webp", "photo.heic", "clip.mp4", "streamable.mp4",
    "clip.mov", "song.m4a", "clip.mkv", "clip.webm", "clip.avi", "song.wav", "song.mp3", "song.aac",
)  # fmt: skip
ENDLESS_BY_NATURE = {"song.mp3", "song.aac"}  # cut between two frames they are simply shorter


def found(data: bytes) -> Wholeness:
    return verdict_of(Bytes(data)).wholeness


@pytest.fixture(scope="module")
def whole(samples):
    return samples.whole()


def test_the_list_of_names_is_that_of_the_samples(whole):
    assert set(NAMES) == set(whole)


@pytest.mark.parametrize("name", NAMES)
def test_a_whole_file_is_whole(whole, name):
    assert found(whole[name]) is Wholeness.WHOLE


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ENDLESS_BY_NATURE])
def test_a_cut_file_is_never_whole(whole, name):
    """Cut at a hundred places, the last byte alone included: what a killed writer leaves behind."""
    data = whole[name]
    step = max(len(data) // 100, 1)
    for length in (*range(1, len(data), step), len(data) - 1):
        if name == "clip.avi" and length == data.rfind(b"RIFF"):
            continue  # the first part alone is a whole AVI
        assert found(data[:length]) in {Wholeness.CUT, Wholeness.HOLLOW, Wholeness.NOT_MEDIA}, length


@pytest.mark.parametrize("name", sorted(ENDLESS_BY_NATURE))
def test_a_song_cut_inside_a_frame_is_not_called_whole(whole, name):
    data = whole[name]
    assert found(data[: len(data) - 50]) is Wholeness.ENDLESS


@pytest.mark.parametrize("name", [name for name in NAMES if name != "song.wav"])
def test_a_file_of_full_size_with_an_empty_tail_is_never_whole(whole, name):
    """A copy whose size was set first (SMB, fallocate): the first part is there, zeros follow. A WAV may end in silence."""
    data = whole[name]
    for part in (0.0, 0.3, 0.6, 0.9):
        length = int(len(data) * part)
        if len(data) - length < 600:
            length = max(0, len(data) - 600)
        hollow = data[:length] + b"\0" * (len(data) - length)
        assert found(hollow) in {Wholeness.HOLLOW, Wholeness.CUT, Wholeness.ENDLESS}, part
        assert found(hollow) is not Wholeness.ENDLESS or name in ENDLESS_BY_NATURE


def test_an_animation_is_whole_at_no_byte_but_its_last(samples):
    """A decoder shows fewer frames and no error; so only a cut right behind a frame may ever be asked of one."""
    data = samples.animated_gif()
    verdicts = [found(data[:length]) for length in range(800, len(data))]
    assert Wholeness.WHOLE not in verdicts
    assert verdicts.count(Wholeness.CUT) <= 3


def test_zeros_alone_may_become_anything():
    assert found(b"\0" * 5000) is Wholeness.HOLLOW


@pytest.mark.parametrize("name", ["photo.jpg", "photo.png", "still.gif", "photo.webp"])
def test_bytes_behind_a_complete_picture_are_fine(whole, name):
    assert found(whole[name] + b"trailer of some camera" * 3) is Wholeness.WHOLE


def test_a_motion_photo_is_whole_only_with_its_clip(samples):
    photo = samples.picture("JPEG")
    for between in (b"", b"\x30\x0a\0\0MotionPhoto_Data"):
        motion = photo + between + samples.mp4()
        assert found(motion) is Wholeness.WHOLE
        assert found(motion + b"SEFH\x6b\0\0\0SEFT") is Wholeness.WHOLE
        assert found(motion[:-500]) is Wholeness.CUT


def test_a_second_picture_behind_the_first_must_be_whole_too(samples):
    """Ultra HDR and multi-picture files."""
    first, second = samples.picture("JPEG"), samples.picture("JPEG", size=(80, 60))
    assert found(first + second) is Wholeness.WHOLE
    assert found(first + second[: len(second) // 2]) is Wholeness.CUT


def test_a_thumbnail_inside_does_not_end_a_photo(samples):
    """The end mark of an embedded thumbnail is no end of the photo."""
    photo, thumbnail = samples.picture("JPEG"), samples.picture("JPEG", size=(32, 24))
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    data = photo[:2] + segment + photo[2:]
    assert found(data) is Wholeness.WHOLE
    assert found(data[: len(segment) + 200]) is Wholeness.CUT


def test_recordings_of_unknown_length_are_endless(samples):
    assert found(samples.mkv(known_size=False)) is Wholeness.ENDLESS
    assert found(b"RIFF\xff\xff\xff\xffWAVE" + b"x" * 2000) is Wholeness.ENDLESS
    assert found(b"RIFF\0\0\0\0AVI " + b"x" * 2000) is Wholeness.ENDLESS


def test_an_mp3_with_tags_behind_is_whole(samples):
    assert found(samples.mp3() + b"TAG" + b"x" * 125) is Wholeness.WHOLE
    assert found(samples.mp3() + b"APETAGEX" + b"x" * 100) is Wholeness.WHOLE


def test_a_clip_without_its_index_is_cut(samples):
    """A recorder writes the index last."""
    assert found(samples.box(b"ftyp", b"isom\0\0\0\0") + samples.box(b"mdat", b"x" * 5000)) is Wholeness.CUT


def test_a_clip_padded_with_free_space_is_whole(samples):
    assert found(samples.mp4(index_first=True) + samples.box(b"free", b"\0" * 5000)) is Wholeness.WHOLE


def test_large_boxes_and_boxes_to_the_end_are_read(samples):
    start = samples.box(b"ftyp", b"isom\0\0\0\0") + samples.box(b"moov", b"x" * 50)
    large = b"\0\0\0\1mdat" + (16 + 900).to_bytes(8, "big") + b"y" * 900
    assert found(start + large) is Wholeness.WHOLE
    assert found(start + large[:-1]) is Wholeness.CUT
    assert found(start + b"\0\0\0\0mdat" + b"y" * 900) is Wholeness.WHOLE


@pytest.mark.parametrize("data", [b"MZ" + b"x" * 100, b"%PDF-1.4 something", b"hello", b"\0\0\0\3moov" + b"x" * 20])
def test_what_is_no_medium_is_said_to_be_none(data):
    assert found(data) is Wholeness.NOT_MEDIA


@settings(deadline=None)
@given(st.binary(max_size=2000))
def test_any_bytes_get_a_verdict(data):
    """Invariant: no bytes make the walkers raise or run on."""
    assert verdict_of(Bytes(data)).wholeness in Wholeness


@pytest.fixture(scope="module")
def damaged(whole):
    """A sample with noise at one place."""

    def make(name: str, place: int, noise: bytes) -> bytes:
        data = whole[name]
        at = place % len(data)
        return data[:at] + noise + data[at + len(noise) :]

    return make


@settings(deadline=None)
@given(name=st.sampled_from(NAMES), place=st.integers(0, 2**32), noise=st.binary(min_size=1, max_size=8))
def test_a_damaged_file_gets_a_verdict(damaged, name, place, noise):
    """Invariant: damage anywhere in a real file makes no walker raise."""
    assert found(damaged(name, place, noise)) in Wholeness
