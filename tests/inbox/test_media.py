"""Which files count, by name, kind, size and leading bytes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_watch.inbox import media
from nemo_watch.inbox.media import Role
from nemo_watch.model import EntryKind, MediaKind, Sighting

LIMIT = 500_000_000


def seen(path: str, kind: EntryKind = EntryKind.FILE, size: int = 10) -> Sighting:
    return Sighting(path, kind, size, 1, 1, 1, 1)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(
            (f"x.{ending}", MediaKind.IMAGE)
            for ending in ("jpg", "jpeg", "png", "gif", "webp", "heic", "heif", "JPG", "Heic")
        ),
        *((f"x.{ending}", MediaKind.VIDEO) for ending in ("mp4", "mov", "avi", "webm", "mkv", "MOV")),
        *((f"x.{ending}", MediaKind.AUDIO) for ending in ("mp3", "wav", "m4a", "aac")),
        *((name, None) for name in ("x.exe", "x.tiff", "x.avif", "jpg", ".jpg", "x.", "x", "x.jpg.zip", "x.jpg\n")),
        ("folder.with.dots/IMG_1 (2).jpg", MediaKind.IMAGE),
        ("line\nbreak \udcff 🏖.jpg", MediaKind.IMAGE),
    ],
)
def test_formats_are_those_of_the_service_and_what_phones_make(name, kind):
    assert media.kind_of(name) is kind


@pytest.mark.parametrize(
    "name",
    [
        "IMG_1.jpg.part", "a.partial", "a.crdownload", "Unconfirmed 123.crdownload", "a.download", "a.opdownload", "a.filepart",
        "a.mp4.tmp", "a.!qB", "a.aria2", ".IMG_1.jpg.Ab12xY", ".pending-1630000000-IMG_1.jpg", ".goutputstream-AB12CD",
        "prompt.txt.sb-1a2b3c4d-XyZ123", "a.part1", "~syncthing~a.jpg.tmp", ".syncthing.a.jpg.tmp", ".IMG_1.heic.icloud",
        "~$prompt.docx", "prompt.txt~", ".prompt.txt.swp", ".prompt.txt.swx", "4913", "#prompt.txt#", ".#prompt.txt",
        ".~lock.prompt.odt#", ".nfs000000000123", ".fuse_hidden0000", ".smbdeleteAAA", ".trashed-163-IMG_1.jpg", "a.bak",
    ],
)  # fmt: skip
def test_names_of_browsers_phones_editors_and_servers_are_temporary(name):
    assert media.is_temporary(name)
    assert media.reason_left_alone(seen(name), LIMIT) == "temporary file"


@pytest.mark.parametrize(
    "name", ["IMG_1.jpg", "party.mov", "prompt.txt", "template.jpg", "part.jpg", "my.part.jpg", "temp 4913.jpg"]
)
def test_ordinary_names_are_not_temporary(name):
    assert not media.is_temporary(name)
    assert media.reason_left_alone(seen(name), LIMIT) is None


@pytest.mark.parametrize(
    ("sighting", "reason"),
    [
        (seen("a.jpg", EntryKind.LINK), "a link; links are not followed"),
        (seen("a.jpg", EntryKind.OTHER), "not a regular file"),
        (seen("x/@eaDir", EntryKind.FOLDER), "a computer's or NAS's own folder"),
        (seen("x/.hidden", EntryKind.FOLDER), "hidden folder"),
        (seen("_UNPACK_trip", EntryKind.FOLDER), "still being unpacked"),
        (seen("x/.DS_Store"), "a computer's or NAS's own file"),
        (seen("x/._IMG_1.jpg"), "a computer's or NAS's own file"),
        (seen("THUMBS.DB"), "a computer's or NAS's own file"),
        (seen("Icon\r"), "a computer's or NAS's own file"),
        (seen(".secret.jpg"), "hidden file"),
        (seen("setup.exe"), "not a format that NemoVideo takes"),
        (seen("x/prompt.rtf"), "not plain text: save it as prompt.txt (plain text, UTF-8)"),
        (seen("x/prompt.txt.docx"), "not plain text: save it as prompt.txt (plain text, UTF-8)"),
        (seen("a.jpg", size=0), "it is empty"),
        (seen("a.mp4", size=LIMIT + 1), "larger than 500 MB"),
        (seen("a.mp4", size=LIMIT), None),
        (seen("prompt.txt", size=0), None),
        (seen("urls.txt", size=0), None),
        (seen("a.txt", size=0), None),
        (seen("a.txt", size=1_000_001), "too long for words"),
    ],
)
def test_what_is_left_alone_has_a_reason(sighting, reason):
    assert media.reason_left_alone(sighting, LIMIT) == reason


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("x/prompt.txt", Role.PROMPT), ("x/PROMPT.TXT", Role.PROMPT), ("urls.txt", Role.URLS), ("a.TXT", Role.SIDECAR),
        ("a.jpg", Role.MEDIA), ("a.jpg.part", Role.ARRIVING), (".a.jpg.AbCdEf", Role.ARRIVING), ("a.swp", Role.ALONE),
        (".a.jpg", Role.ALONE), ("a.pdf", Role.ALONE), (".DS_Store", Role.ALONE),
    ],
)  # fmt: skip
def test_a_name_tells_what_a_file_is_for(path, role):
    assert media.role_of(path) is role


def test_names_sort_as_people_count():
    names = ["IMG_10.jpg", "img_9.jpg", "IMG_1 (2).jpg", "IMG_1.jpg", "10.jpg", "9.jpg", "a/2.jpg", "a/10.jpg", ""]
    expected = ["", "9.jpg", "10.jpg", "a/2.jpg", "a/10.jpg", "IMG_1 (2).jpg", "IMG_1.jpg", "img_9.jpg", "IMG_10.jpg"]
    assert sorted(names, key=media.natural_key) == expected


@settings(deadline=None)
@given(st.lists(st.text(st.characters(codec=None, exclude_characters="/\0"), max_size=30), unique=True))
def test_the_natural_order_is_total_for_any_names(names):
    """Names that differ never tie, whatever characters they hold: the order of arrival cannot show through."""
    backwards = list(reversed(names))
    assert sorted(names, key=media.natural_key) == sorted(backwards, key=media.natural_key)
    assert len({media.natural_key(name) for name in names}) == len(names)


def test_every_sample_keeps_its_right_name(samples):
    for name, data in samples.whole().items():
        assert media.true_name(name, data[:4096]) == name


@pytest.mark.parametrize(
    ("name", "sample", "expected"),
    [
        ("a.jpg", "photo.png", "a.png"),
        ("a.b.JPG", "photo.png", "a.b.png"),
        ("a.png", "photo.jpg", "a.jpg"),
        ("a.jpg", "photo.heic", "a.heic"),
        ("a.heic", "photo.jpg", "a.jpg"),
        ("a.heif", "photo.heic", "a.heif"),
        ("a.JPEG", "photo.jpg", "a.JPEG"),
        ("a.gif", "photo.webp", "a.webp"),
        ("a.mp4", "clip.mov", "a.mp4"),
        ("a.mov", "clip.mp4", "a.mov"),
        ("a.jpg", "clip.mp4", "a.mp4"),
        ("a.mp4", "clip.avi", "a.avi"),
        ("a.wav", "song.mp3", "a.mp3"),
        ("a.mkv", "clip.webm", "a.mkv"),
    ],
)
def test_a_wrong_extension_is_mended(samples, name, sample, expected):
    assert media.true_name(name, samples.whole()[sample][:4096]) == expected


@pytest.mark.parametrize(
    "head",
    [
        b"MZ\x90\0" + b"\0" * 60, b"\x7fELF", b"%PDF-1.7", b"PK\x03\x04", b"<html>", b"#!/bin/sh\n", b"\0" * 64, b"", b"\xff\xd8",
        b"II*\0\x08\0\0\0", b"BM" + b"\1" * 60, b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf", b"RIFF\0\0\0\0CDDA", b"plain words here",
        "UTF-16 words".encode("utf-16"),
    ],
)  # fmt: skip
def test_what_is_no_medium_has_no_true_name(head):
    assert media.true_name("a.jpg", head) is None


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_have_a_true_name_of_a_known_format_or_none(head):
    name = media.true_name("x.jpg", head)
    assert name is None or media.kind_of(name) is not None


def test_old_quicktime_and_untagged_audio_are_known(samples):
    assert media.true_name("a.mov", samples.box(b"wide", b"") + samples.box(b"mdat", b"x" * 50)) == "a.mov"
    assert media.true_name("a.mp3", samples.mp3(tag=False)) == "a.mp3"
    assert media.true_name("a.mp3", b"\0" * 100 + samples.mp3(tag=False)) == "a.mp3"
    assert media.true_name("a.jpg", samples.aac()) == "a.aac"
