"""The bytes that go up are those that were judged, or the sending stops before its last byte."""

from __future__ import annotations

import errno
import gc
import hashlib
import io
import os
import stat
import tempfile
from pathlib import Path

import pytest
from PIL import Image

from nemo_watch.errors import Cause, Trouble
from nemo_watch.inbox.listing import InboxFolder, Walk
from nemo_watch.inbox.preparing import media_of
from nemo_watch.inbox.uploading import upload_source
from nemo_watch.model import FoundFilm, MediaKind, Medium


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "inbox"
    (folder / "x").mkdir(parents=True)
    return folder


@pytest.fixture
def temp(tmp_path):
    folder = tmp_path / "temp"
    folder.mkdir()
    return folder


def medium(root, name, data, upload_name=None):
    (root / "x" / name).write_bytes(data)
    return Medium(f"x/{name}", upload_name or name, MediaKind.IMAGE, len(data), hashlib.sha256(data).hexdigest())


def in_pieces(file, size):
    pieces = []
    while piece := file.read(size):
        pieces.append(piece)
    return b"".join(pieces)


@pytest.mark.parametrize("size", [1, 7, 4096, 1 << 20, -1])
def test_a_file_goes_up_byte_for_byte_in_whatever_pieces(root, temp, samples, size):
    data = samples.picture("JPEG")[:3000]
    upload = upload_source(medium(root, "a.jpg", data), InboxFolder(root), temp)
    assert (upload.name, upload.size_bytes) == ("a.jpg", len(data))
    assert in_pieces(upload.open(), size) == data
    upload.close()


def test_it_can_be_opened_again_for_another_try(root, temp):
    upload = upload_source(medium(root, "a.png", b"\x89PNG" + b"x" * 5000), InboxFolder(root), temp)
    first = upload.open()
    first.read(100)
    second = upload.open()
    assert second.read() == b"\x89PNG" + b"x" * 5000
    first.seek(0)
    assert first.read() == b"\x89PNG" + b"x" * 5000
    first.close()
    assert upload.open().read(4) == b"\x89PNG"


def test_a_client_may_measure_it_by_seeking(root, temp):
    file = upload_source(medium(root, "a.png", b"\x89PNG" + b"x" * 5000), InboxFolder(root), temp).open()
    assert (file.seek(0, os.SEEK_END), file.tell(), file.seek(0)) == (5004, 5004, 0)
    assert len(file.read()) == 5004


def rewritten(path):
    with path.open("r+b") as file:
        file.seek(4500)
        file.write(b"!")


@pytest.mark.parametrize(
    "change", [rewritten, lambda path: os.truncate(path, 4000), lambda path: path.open("ab").write(b"more")]
)
def test_bytes_that_change_during_the_upload_never_go_up_whole(root, temp, change):
    upload = upload_source(medium(root, "a.png", b"\x89PNG" + b"x" * 5000), InboxFolder(root), temp)
    file = upload.open()
    sent = [file.read(1000)]
    change(root / "x/a.png")
    with pytest.raises(Trouble) as caught:
        sent.extend(iter(lambda: file.read(1000), b""))
    assert caught.value.cause is Cause.FILE_CHANGED
    assert sum(map(len, sent)) < 5004


def test_a_file_replaced_during_the_upload_goes_up_as_it_was(root, temp):
    """A rename over it leaves the open file alone: the right bytes go up."""
    upload = upload_source(medium(root, "a.png", b"\x89PNG" + b"x" * 5000), InboxFolder(root), temp)
    (root / "x/new").write_bytes(b"other")
    (root / "x/new").rename(root / "x/a.png")
    assert upload.open().read() == b"\x89PNG" + b"x" * 5000


def test_a_file_of_another_size_or_kind_is_refused_at_once(root, temp):
    right = medium(root, "a.png", b"\x89PNG" + b"x" * 50)
    for swap in (lambda p: p.write_bytes(b"short"), lambda p: (p.unlink(), p.symlink_to("/etc/passwd"))):
        swap(root / "x/a.png")
        with pytest.raises(Trouble) as caught:
            upload_source(right, InboxFolder(root), temp)
        assert caught.value.cause is Cause.FILE_CHANGED


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_that_its_exif_turns_goes_up_as_it_is_with_its_orientation(root, temp, samples, orientation):
    """Byte for byte: whoever shows it turns it, once. Only what is made anew (HEIC) is turned by us."""
    data = samples.picture("JPEG", exif=samples.exif("2024:05:06 07:08:09", orientation=orientation))
    (root / "x/a.jpg").write_bytes(data)
    (right,), _ = taken(root)
    upload = upload_source(right, InboxFolder(root), temp)
    sent = upload.open().read()
    assert sent == data
    with Image.open(io.BytesIO(sent)) as picture:
        assert (picture.getexif()[0x0112], picture.size) == (orientation, (160, 120))
    upload.close()


def taken(root):
    """The media of everything in the project, as they are now."""
    film = FoundFilm("x", "", "x/prompt.txt", None, None, tuple(Walk(root).listing().sightings))
    return media_of(film, InboxFolder(root), {})


def replaced_in_place(place, data):
    place.write_bytes(data)


def replaced_by_rename(place, data):
    place.with_name("new").write_bytes(data)
    place.with_name("new").rename(place)


@pytest.mark.parametrize("replace", [replaced_in_place, replaced_by_rename])
@pytest.mark.parametrize("when", ["before it is opened", "before its first byte", "half way", "after its last byte"])
@pytest.mark.parametrize("same_size", [True, False])
def test_a_file_replaced_on_its_way_up_goes_up_as_it_was_or_is_taken_again(root, temp, replace, when, same_size):
    """Between the preparing and the end of the upload: never a byte stream that nobody prepared; taken again, the new one goes up."""
    old = b"\x89PNG\r\n\x1a\n" + b"old" * 9_000
    new = b"\x89PNG\r\n\x1a\n" + (b"new" * 9_000 if same_size else b"newer" * 9_000)
    place = root / "x/a.png"
    place.write_bytes(old)
    (right,), _ = taken(root)
    sent, outcome = b"", None
    try:
        if when == "before it is opened":
            replace(place, new)
        upload = upload_source(right, InboxFolder(root), temp)
        file = upload.open()
        if when == "before its first byte":
            replace(place, new)
        sent += file.read(10_000)
        if when == "half way":
            replace(place, new)
        while piece := file.read(10_000):
            sent += piece
        if when == "after its last byte":
            replace(place, new)
        upload.close()
    except Trouble as trouble:
        outcome = trouble.cause
    assert (outcome, sent == old) in {(None, True), (Cause.FILE_CHANGED, False)}
    assert len(sent) < len(old) or sent == old
    if outcome is None:
        assert when == "after its last byte" or replace is replaced_by_rename
    (again,), _ = taken(root)
    assert upload_source(again, InboxFolder(root), temp).open().read() == new


@pytest.mark.parametrize(("code", "cause"), [(errno.EIO, Cause.INBOX_ABSENT), (errno.EBADMSG, Cause.FILE_UNREADABLE)])
def test_a_disk_that_fails_during_the_upload_is_tried_again_and_not_left_out(root, temp, monkeypatch, code, cause):
    upload = upload_source(medium(root, "a.png", b"\x89PNG" + b"x" * 5000), InboxFolder(root), temp)
    file = upload.open()
    file.read(100)

    def fails(*_args):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "preadv", fails)
    with pytest.raises(Trouble) as caught:
        file.read()
    assert (caught.value.cause, caught.value.data["file"]) == (cause, "x/a.png")


def test_heic_goes_up_as_a_jpeg_of_its_own_size(root, temp, samples):
    data = samples.picture("HEIF", exif=samples.exif("2024:05:06 07:08:09", orientation=6))
    upload = upload_source(medium(root, "a.heic", data, "a.jpg"), InboxFolder(root), temp)
    sent = upload.open().read()
    assert len(sent) == upload.size_bytes
    assert Image.open(io.BytesIO(sent)).size == (120, 160)
    assert upload.open().read() == sent
    assert list(temp.iterdir()) == []
    upload.close()
    with pytest.raises((ValueError, OSError)):
        upload.open().read()


def test_the_folder_for_what_is_converted_is_made_where_it_is_missing(root, temp, samples):
    right = medium(root, "a.heic", samples.picture("HEIF"), "a.jpg")
    upload_source(right, InboxFolder(root), temp / "sending").close()
    assert stat.S_IMODE((temp / "sending").stat().st_mode) == 0o700


def test_a_heic_that_changed_since_it_was_judged_is_not_decoded(root, temp, samples):
    data = samples.picture("HEIF")
    right = medium(root, "a.heic", data, "a.jpg")
    (root / "x/a.heic").write_bytes(data[:-1] + b"!")
    with pytest.raises(Trouble) as caught:
        upload_source(right, InboxFolder(root), temp)
    assert caught.value.cause is Cause.FILE_CHANGED


def test_a_heic_that_cannot_be_decoded_is_left_out_with_the_reason(root, temp, samples):
    broken = samples.picture("HEIF")[:2000]
    with pytest.raises(Trouble) as caught:
        upload_source(medium(root, "a.heic", broken, "a.jpg"), InboxFolder(root), temp)
    assert caught.value.cause is Cause.FILE_UNREADABLE
    assert list(temp.iterdir()) == []


def test_no_room_for_the_jpeg_is_told_as_such(root, temp, samples, monkeypatch):
    def full(**_options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(Trouble) as caught:
        upload_source(medium(root, "a.heic", samples.picture("HEIF"), "a.jpg"), InboxFolder(root), temp)
    assert caught.value.cause is Cause.NO_SPACE


def test_a_source_leaves_no_handle_open(root, temp, samples):
    gc.collect()  # what earlier tests left open is not counted
    before = len(list(Path("/proc/self/fd").iterdir()))
    for name, data in (
        ("a.jpg", samples.picture("JPEG")),
        ("b.heic", samples.picture("HEIF")),
        ("c.heic", samples.picture("HEIF")[:999]),
    ):
        try:
            upload_source(medium(root, name, data), InboxFolder(root), temp).close()
        except Trouble:
            continue
    assert len(list(Path("/proc/self/fd").iterdir())) == before
