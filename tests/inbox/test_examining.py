"""One open file → its verdict: writers, holes, end marks, and what stands in the way."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import subprocess
import zlib

import pytest

from nemo_watch.inbox import handles
from nemo_watch.inbox.examining import FileBytes, examined
from nemo_watch.inbox.listing import InboxFolder, Walk
from nemo_watch.inbox.standings import Due
from nemo_watch.inbox.tracking import SPARSE_BLIND_S, SPARSE_PATIENCE_S
from nemo_watch.inbox.verdicts import Span, Wholeness


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def verdict(root, name, *, thorough=False, unchanged_s=5.0):
    sighting = next(s for s in Walk(root).listing().sightings if s.path == name)
    return examined(Due(sighting, thorough, unchanged_s), InboxFolder(root)).wholeness


def holes_of(path):
    with path.open("rb") as file:
        return handles.holes(file.fileno(), path.stat().st_size)


def needs_holes(path):
    if not holes_of(path):
        pytest.skip("this file system does not tell of holes")


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
    needs_holes(root / "a.jpg")
    assert verdict(root, "a.jpg") is Wholeness.HOLLOW
    assert verdict(root, "a.jpg", thorough=True, unchanged_s=1e6) is Wholeness.HOLLOW


def padded_inside(samples, room=300_000):
    """Clips whose last part ends in padding, as muxers leave it for later edits, by name."""
    free = samples.box(b"free", bytes(room))
    ilst = samples.box(b"ilst", b"\1" * 40)
    hdlr = samples.box(b"hdlr", b"\1" * 25)
    start, media = samples.box(b"ftyp", b"isom\0\0\2\0isom"), samples.box(b"mdat", bytes(range(1, 256)) * 80)
    mvhd = samples.box(b"mvhd", b"\1" * 100)

    def moov(*inside):
        return start + media + samples.box(b"moov", mvhd + b"".join(inside))

    void = b"\xec" + (1 << 56 | room).to_bytes(8, "big") + bytes(room)
    cluster = b"\x1f\x43\xb6\x75" + (1 << 56 | 9000).to_bytes(8, "big") + b"x" * 9000
    segment = b"\x18\x53\x80\x67" + (1 << 56 | len(cluster + void)).to_bytes(8, "big") + cluster + void
    junk = b"JUNK" + room.to_bytes(4, "little") + bytes(room)
    movi = b"LIST" + (9000).to_bytes(4, "little") + b"movi" + b"x" * 8996
    return {
        "in-moov.mp4": moov(free),
        "in-udta.mp4": moov(samples.box(b"udta", samples.box(b"name", b"x" * 20) + free)),
        "in-meta.mp4": moov(samples.box(b"udta", samples.box(b"meta", bytes(4) + hdlr + ilst + free))),
        "in-quicktimes-meta.mov": moov(samples.box(b"meta", hdlr + ilst + samples.box(b"skip", bytes(room)))),
        "twice.mp4": moov(samples.box(b"udta", free)) + samples.box(b"skip", bytes(room)),
        "before-the-media.mp4": start + samples.box(b"moov", mvhd + free) + media,
        "void.mkv": samples.mkv()[:13] + segment,
        "void-behind.webm": samples.mkv()[:13] + segment[:12].replace(segment[4:12], (1 << 56 | len(cluster)).to_bytes(8, "big"))
        + cluster + void,
        "junk.avi": samples.riff(b"AVI ", movi + junk),
    }  # fmt: skip


PADDED = [
    "in-moov.mp4",
    "in-udta.mp4",
    "in-meta.mp4",
    "in-quicktimes-meta.mov",
    "twice.mp4",
    "before-the-media.mp4",
    "void.mkv",
    "void-behind.webm",
    "junk.avi",
]


@pytest.mark.parametrize("name", PADDED)
@pytest.mark.parametrize("sparse", ["never", "always"])
def test_zeros_and_holes_in_padding_count_for_nothing(root, samples, name, sparse):
    """What muxers leave for later edits; also when `cp` made holes of it."""
    (root / "plain").write_bytes(padded_inside(samples)[name])
    subprocess.run(["cp", f"--sparse={sparse}", root / "plain", root / name], check=True)
    if sparse == "always":
        needs_holes(root / name)
    assert verdict(root, name) is Wholeness.WHOLE


@pytest.mark.parametrize("name", PADDED)
@pytest.mark.parametrize("way", ["size first", "reserved", "zeros"])
def test_the_same_half_written_waits_for_good(root, samples, name, way):
    """Cut in its media, the rest reserved, and its writer killed: no patience makes it whole."""
    data = padded_inside(samples)[name]
    half = data.index(bytes(range(1, 256)) if b"mdat" in data else b"x" * 5000) + 4000
    with (root / name).open("wb") as file:
        if way == "reserved":
            os.posix_fallocate(file.fileno(), 0, len(data))
        file.write(data[:half] + (bytes(len(data) - half) if way == "zeros" else b""))
        file.truncate(len(data))
    for unchanged_s in (5, 1e6):
        assert verdict(root, name, thorough=True, unchanged_s=unchanged_s) in {Wholeness.HOLLOW, Wholeness.CUT}


def silent_movie(samples, *, silence=400_000):
    """A film with uncompressed sound that is silent for a while: zeros that belong there, between bytes that do too."""
    sound = b"\x55" * 50_000 + bytes(silence) + b"\x55" * 50_000
    start = samples.box(b"ftyp", b"qt  \0\0\2\0qt  ")
    return start + samples.box(b"mdat", sound) + samples.box(b"moov", samples.box(b"mvhd", b"\1" * 100))


@pytest.mark.parametrize(("knows_writers", "patience_s"), [(True, SPARSE_PATIENCE_S), (False, SPARSE_BLIND_S)])
def test_a_sparse_copy_is_whole_after_a_patience_and_only_if_nobody_writes_it(
    root, samples, monkeypatch, knows_writers, patience_s
):
    (root / "plain").write_bytes(silent_movie(samples))
    subprocess.run(["cp", "--sparse=always", root / "plain", root / "a.mov"], check=True)
    needs_holes(root / "a.mov")
    if not knows_writers:
        monkeypatch.setattr(handles, "has_writer", lambda _handle: None)
    assert verdict(root, "a.mov", unchanged_s=patience_s - 1) is Wholeness.SPARSE
    assert verdict(root, "a.mov", unchanged_s=patience_s) is Wholeness.WHOLE
    if knows_writers:
        with (root / "a.mov").open("r+b"):
            assert verdict(root, "a.mov", unchanged_s=1e6) is Wholeness.WRITING


def test_a_picture_with_holes_must_decode_too(root, samples):
    """Zeros in a PNG's text belong there; in its picture they do not, and it says so itself."""
    png = samples.picture("PNG", size=(400, 400))
    text = b"Comment\0" + bytes(100_000) + b"x"
    chunk = b"tEXt" + text
    whole = png[:33] + len(text).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big") + png[33:]
    (root / "plain").write_bytes(whole)
    subprocess.run(["cp", "--sparse=always", root / "plain", root / "a.png"], check=True)
    needs_holes(root / "a.png")
    with (root / "b.png").open("wb") as file:
        file.truncate(len(png))
        file.write(png[:10_000])  # inside the first of the chunks that hold the picture
        file.seek(50_000)
        file.write(png[50_000:])
    for name, after in (("a.png", Wholeness.WHOLE), ("b.png", Wholeness.HOLLOW)):
        assert verdict(root, name) is Wholeness.SPARSE
        assert verdict(root, name, thorough=True, unchanged_s=1e4) is after


@pytest.mark.parametrize("place", ["in a segment", "behind"])
def test_a_photo_with_holes_beside_its_picture_is_a_matter_of_patience(root, samples, place):
    """A maker's note with room in it; a camera that rounds its files up."""
    photo = samples.picture("JPEG", size=(400, 400))
    room = b"\xff\xef" + (60_002).to_bytes(2, "big") + bytes(60_000)
    whole = photo[:2] + room + photo[2:] if place == "in a segment" else photo + bytes(60_000)
    (root / "plain").write_bytes(whole)
    assert verdict(root, "plain.jpg" if shutil.copy(root / "plain", root / "plain.jpg") else "") is Wholeness.WHOLE
    subprocess.run(["cp", "--sparse=always", root / "plain", root / "a.jpg"], check=True)
    needs_holes(root / "a.jpg")
    assert verdict(root, "a.jpg") is Wholeness.SPARSE
    assert verdict(root, "a.jpg", thorough=True, unchanged_s=SPARSE_PATIENCE_S) is Wholeness.WHOLE


def test_holes_are_told_one_by_one(root):
    with (root / "a").open("wb") as file:
        for at in (0, 40_960, 81_920):
            file.seek(at)
            file.write(b"x" * 4096)
        file.truncate(200_000)
    needs_holes(root / "a")
    assert holes_of(root / "a") == (Span(4096, 40_960), Span(45_056, 81_920), Span(86_016, 200_000))
    (root / "b").write_bytes(b"x" * 10_000)
    assert holes_of(root / "b") == ()


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


@pytest.mark.parametrize("when", ["opened", "read"])
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (errno.EIO, Wholeness.UNREADABLE),
        (errno.ESTALE, Wholeness.UNREADABLE),
        (errno.ETIMEDOUT, Wholeness.UNREADABLE),
        (errno.EHOSTDOWN, Wholeness.UNREADABLE),
        (errno.ENXIO, Wholeness.UNREADABLE),
        (errno.EMFILE, Wholeness.UNREADABLE),
        (errno.EACCES, Wholeness.REFUSED),
        (errno.EPERM, Wholeness.REFUSED),
    ],
)
def test_an_error_while_reading_is_a_verdict_with_its_reason(root, samples, monkeypatch, code, kind, when):
    """What may pass by itself is told apart from what a person must mend; of neither the file is said to have changed."""
    (root / "a.jpg").write_bytes(samples.picture("JPEG"))
    (sighting,) = Walk(root).listing().sightings
    real = os.open

    def fails(*_args, **_options):
        raise OSError(code, os.strerror(code))

    def opened(name, *args, **options):
        return fails() if name == "a.jpg" else real(name, *args, **options)

    monkeypatch.setattr(os, "open" if when == "opened" else "pread", opened if when == "opened" else fails)
    found = examined(Due(sighting), InboxFolder(root))
    assert (found.wholeness, found.reason) == (kind, f"cannot be read: {os.strerror(code)}")


def test_a_socket_in_a_files_place_is_a_change_and_no_failing_disk(root, samples, monkeypatch):
    (root / "a.jpg").write_bytes(samples.picture("JPEG"))
    (sighting,) = Walk(root).listing().sightings
    (root / "a.jpg").unlink()
    monkeypatch.chdir(root)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("a.jpg")
        assert examined(Due(sighting), InboxFolder(root)).wholeness is Wholeness.CHANGED


def test_a_file_that_fails_in_its_middle_is_read_through_when_that_is_asked(root, samples, monkeypatch):
    """The ends tell that it is whole; a bad sector between them shows only when all is read."""
    data = samples.mp4(media_bytes=3_000_000)
    (root / "a.mp4").write_bytes(data)
    (sighting,) = Walk(root).listing().sightings
    real = os.pread

    def failing(handle, length, at):
        if at <= len(data) // 2 < at + length:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(handle, length, at)

    monkeypatch.setattr(os, "pread", failing)
    assert examined(Due(sighting), InboxFolder(root)).wholeness is Wholeness.WHOLE
    assert examined(Due(sighting, read_through=True), InboxFolder(root)).wholeness is Wholeness.UNREADABLE
    monkeypatch.setattr(os, "pread", real)
    assert examined(Due(sighting, read_through=True), InboxFolder(root)).wholeness is Wholeness.WHOLE


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
