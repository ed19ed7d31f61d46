"""A film's files → its media: known by content, truly named, in the order they were taken."""

from __future__ import annotations

import errno
import hashlib
import io
import os

import pytest

from nemo_watch.errors import Cause, Trouble
from nemo_watch.inbox.listing import InboxFolder, Walk
from nemo_watch.inbox.preparing import media_of
from nemo_watch.model import FoundFilm, MediaKind


@pytest.fixture
def prepared(tmp_path):
    root = tmp_path / "inbox"
    (root / "x").mkdir(parents=True)

    def prepare(files, studies=None):
        for name, data in files.items():
            (root / "x" / name).parent.mkdir(exist_ok=True)
            (root / "x" / name).write_bytes(data)
        media, left_out = media_of(film(root), InboxFolder(root), {} if studies is None else studies)
        return media, left_out

    prepare.root = root
    return prepare


def film(root):
    sightings = tuple(Walk(root).listing().sightings)
    return FoundFilm("x", "", "x/prompt.txt", None, None, sightings)


def names(prepared_media):
    return [medium.name for medium in prepared_media[0]]


def test_a_medium_is_known_by_its_content(prepared, samples):
    photo = samples.picture("JPEG")
    (medium,), left_out = prepared({"a.jpg": photo})
    assert medium.sha256 == hashlib.sha256(photo).hexdigest()
    assert (medium.path, medium.name, medium.kind, medium.size_bytes) == (
        "x/a.jpg",
        "a.jpg",
        MediaKind.IMAGE,
        len(photo),
    )
    assert left_out == ()


def test_media_go_up_in_the_order_they_were_taken_then_by_natural_name(prepared, samples):
    def taken(second):
        return samples.picture("JPEG", exif=samples.exif(f"2024:05:06 07:08:{second:02}"))

    found = prepared(
        {
            "IMG_10.jpg": taken(1),
            "IMG_9.jpg": taken(2),
            "b.heic": samples.picture("HEIF", exif=samples.exif("2024:05:06 07:08:00")),
            "song10.mp3": samples.mp3(),
            "song9.mp3": samples.mp3(30),
            "a.jpg": samples.picture("JPEG"),
        }
    )
    assert names(found) == ["b.jpg", "IMG_10.jpg", "IMG_9.jpg", "a.jpg", "song9.mp3", "song10.mp3"]


def test_wrong_extensions_are_mended_and_strangers_left_out(prepared, samples):
    media, left_out = prepared(
        {"really.jpg": samples.picture("PNG"), "evil.jpg": b"MZ" + b"x" * 100, "IMG.jpg": samples.picture("HEIF")}
    )
    assert names((media,)) == ["IMG.jpg", "really.png"]
    assert [(left.path, left.project) for left in left_out] == [("x/evil.jpg", "x")]
    assert left_out[0].reason == "its contents are not a photo, clip or song that NemoVideo takes"


def test_a_name_that_was_changed_never_takes_anothers(prepared, samples):
    found = prepared(
        {
            "a.heic": samples.picture("HEIF"),
            "a.jpg": samples.picture("JPEG"),
            "b.jpg": samples.picture("PNG"),
            "B.png": samples.picture("PNG"),
        }
    )
    assert sorted(names(found)) == ["B.png", "a-2.jpg", "a.jpg", "b-2.png"]


def test_equal_contents_and_equal_names_in_subfolders_stay_two_media(prepared, samples):
    photo = samples.picture("JPEG")
    (first, second), _ = prepared({"one/a.jpg": photo, "two/a.jpg": photo})
    assert (first.name, second.name, first.sha256 == second.sha256) == ("a.jpg", "a.jpg", True)


def test_what_was_studied_is_not_read_again(prepared, samples, monkeypatch):
    studies = {}
    before = prepared({"a.jpg": samples.picture("JPEG")}, studies)

    def opened(*_args):
        raise AssertionError

    monkeypatch.setattr(InboxFolder, "open_file", opened)
    assert prepared({}, studies) == before


def test_a_file_that_changed_or_left_since_it_rested_stops_the_preparing(prepared, samples):
    prepared({"a.jpg": samples.picture("JPEG")})
    found = film(prepared.root)
    (prepared.root / "x/a.jpg").write_bytes(b"new")
    with pytest.raises(Trouble) as caught:
        media_of(found, InboxFolder(prepared.root), {})
    assert caught.value.cause is Cause.FILE_CHANGED
    (prepared.root / "x/a.jpg").unlink()
    with pytest.raises(Trouble) as caught:
        media_of(found, InboxFolder(prepared.root), {})
    assert caught.value.cause is Cause.MEDIA_GONE


@pytest.mark.parametrize(
    ("code", "cause"),
    [(errno.EIO, Cause.INBOX_ABSENT), (errno.ESTALE, Cause.INBOX_ABSENT), (errno.EACCES, Cause.FILE_UNREADABLE)],
)
@pytest.mark.parametrize("when", ["opened", "read"])
def test_nothing_is_concluded_without_a_file_that_cannot_be_read(prepared, samples, monkeypatch, code, cause, when):
    """No media without it, and nothing remembered of it: a transient error must not make another film."""
    prepared({"a.jpg": samples.picture("JPEG"), "b.jpg": samples.picture("PNG")})
    real, studies = os.open, {}

    class Failing(io.BytesIO):
        def read(self, *_):
            raise OSError(code, os.strerror(code))

        def fileno(self):
            return 0

    def opened(name, *args, **options):
        if name == "b.jpg":
            raise OSError(code, os.strerror(code), name)
        return real(name, *args, **options)

    real_file = InboxFolder.open_file
    found = film(prepared.root)
    with monkeypatch.context() as patch:
        if when == "opened":
            patch.setattr(os, "open", opened)
        else:
            patch.setattr(InboxFolder, "open_file", lambda f, s: Failing() if s.path == "x/b.jpg" else real_file(f, s))
        with pytest.raises(Trouble) as caught:
            media_of(found, InboxFolder(prepared.root), studies)
    assert (caught.value.cause, caught.value.data["file"]) == (cause, "x/b.jpg")
    assert caught.value.data["reason"] == os.strerror(code)
    assert "x/b.jpg" not in {sighting.path for sighting in studies}
    assert len(media_of(found, InboxFolder(prepared.root), studies)[0]) == 2


def test_a_file_that_grows_while_it_is_read_is_noticed(prepared, samples, monkeypatch):
    prepared({"a.jpg": samples.picture("JPEG")})
    found = film(prepared.root)
    real = InboxFolder.open_file

    def opened(self, sighting):
        file = real(self, sighting)
        with (prepared.root / sighting.path).open("ab") as writer:
            writer.write(b"more")
        return file

    monkeypatch.setattr(InboxFolder, "open_file", opened)
    with pytest.raises(Trouble) as caught:
        media_of(found, InboxFolder(prepared.root), {})
    assert caught.value.cause is Cause.FILE_CHANGED
