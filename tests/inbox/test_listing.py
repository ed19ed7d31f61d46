"""The folder as it is: every kind of entry and name, and safe access to what was sighted."""

from __future__ import annotations

import gc
import os
import shutil
import socket
import stat
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from nemo_watch.errors import Cause, Trouble
from nemo_watch.inbox.listing import DEPTH_MAX, InboxFolder, Walk
from nemo_watch.model import EntryKind

ODD_NAMES = [
    "line\nbreak.jpg", "tab\t.jpg", "🏖️ família.jpg", "שלום\u202e.jpg", "-rf.jpg", "--help.jpg", " lead and trail .jpg", "x" * 251 + ".jpg",
    os.fsdecode(b"latin-\xe9\xff.jpg"), "IMG_1 (2).jpg", "a.jpg", "A.JPG", "%s{0}.jpg", "back\\slash.jpg", "é.jpg", "e\u0301.jpg", "\x1b[31m.jpg",
]  # fmt: skip

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become someone without rights")


@contextmanager
def as_nobody():
    """Without root's rights for a moment."""
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def public_root():
    """An inbox that anyone may enter; pytest's own folders are closed to others."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def by_path(listing):
    return {sighting.path: sighting for sighting in listing.sightings}


@pytest.mark.parametrize("name", ODD_NAMES)
def test_any_name_survives_the_round_trip(root, name):
    (root / "x").mkdir()
    (root / "x" / name).write_bytes(b"words")
    (sighting,) = Walk(root).listing().sightings
    assert sighting.path == f"x/{name}"
    assert InboxFolder(root).read_small(sighting, 100) == b"words"


def test_links_pipes_sockets_and_devices_are_seen_and_not_entered(root, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.jpg").write_bytes(b"x")
    (root / "x").mkdir()
    (root / "x" / "to_folder").symlink_to(outside)
    (root / "x" / "to_file.jpg").symlink_to(outside / "secret.jpg")
    (root / "x" / "loop").symlink_to("loop")
    (root / "x" / "up").symlink_to("..")
    os.mkfifo(root / "x" / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(root / "x")
        try:
            server.bind("socket.jpg")
        finally:
            os.chdir(here)
        if os.geteuid() == 0:
            os.mknod(root / "x" / "device.jpg", 0o600 | stat.S_IFCHR, os.makedev(1, 3))
        found = {path.rpartition("/")[2]: s.kind for path, s in by_path(Walk(root).listing()).items()}
    assert found.pop("device.jpg", EntryKind.OTHER) is EntryKind.OTHER
    assert found == {
        "to_folder": EntryKind.LINK,
        "to_file.jpg": EntryKind.LINK,
        "loop": EntryKind.LINK,
        "up": EntryKind.LINK,
        "pipe.jpg": EntryKind.OTHER,
        "socket.jpg": EntryKind.OTHER,
    }


def test_hidden_and_junk_folders_are_named_and_not_entered(root):
    for name in (".git", "x/@eaDir", "x/.thumbnails", "__MACOSX", "_UNPACK_trip"):
        (root / name).mkdir(parents=True)
        (root / name / "a.jpg").write_bytes(b"x")
    listing = Walk(root).listing()
    assert {path: s.kind for path, s in by_path(listing).items()} == dict.fromkeys(
        (".git", "x/@eaDir", "x/.thumbnails", "__MACOSX", "_UNPACK_trip"), EntryKind.FOLDER
    )
    assert set(listing.folders) == {"x"}
    assert listing.folder_count == 2


def test_project_folders_are_known_by_identity_and_not_by_name(root):
    (root / "x").mkdir()
    before = Walk(root).listing().folders["x"]
    (root / "x").rename(root / "y")
    assert Walk(root).listing().folders["y"] == before
    assert before.birth_ns is None or before.birth_ns > 0


def test_an_unchanged_inbox_gives_the_very_same_listing(root):
    for number in range(3):
        (root / f"x{number}" / "deep").mkdir(parents=True)
        (root / f"x{number}" / "deep" / "a.jpg").write_bytes(b"x")
    walk = Walk(root)
    assert walk.listing() is walk.listing()


def test_what_did_not_change_keeps_its_sighting(root):
    for name in ("a.jpg", "b.jpg"):
        (root / name).write_bytes(b"x")
    walk = Walk(root)
    before = by_path(walk.listing())
    (root / "b.jpg").write_bytes(b"longer")
    (root / "c.jpg").write_bytes(b"x")
    after = by_path(walk.listing())
    assert after["a.jpg"] is before["a.jpg"]
    assert after["b.jpg"] != before["b.jpg"]
    assert set(after) == {"a.jpg", "b.jpg", "c.jpg"}


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f.write_bytes(b"y"),
        lambda f: os.utime(f, ns=(0, 5)),
        lambda f: (f.unlink(), f.write_bytes(b"x")),
        lambda f: (f.unlink(), os.mkfifo(f)),
        lambda f: f.unlink(),
        lambda f: f.rename(f.with_name("z.jpg")),
        lambda f: (f.unlink(), f.symlink_to("/etc/passwd")),
        lambda f: (f.unlink(), f.mkdir(), (f / "in.jpg").write_bytes(b"x")),
    ],
)
def test_every_change_shows_in_the_next_listing(root, change):
    (root / "x").mkdir()
    file = root / "x" / "a.jpg"
    file.write_bytes(b"x")
    os.utime(file, ns=(1, 1))
    walk = Walk(root)
    before = walk.listing()
    change(file)
    after = walk.listing()
    assert after is not before
    assert set(after.sightings) != set(before.sightings)


def test_a_folder_that_comes_goes_or_is_renamed_shows(root):
    walk = Walk(root)
    assert walk.listing().folders == {}
    (root / "x").mkdir()
    assert set(walk.listing().folders) == {"x"}
    (root / "x").rename(root / "y")
    assert set(walk.listing().folders) == {"y"}
    (root / "y").rmdir()
    assert walk.listing().folders == {}


def test_an_absent_inbox_is_said_to_be_absent(root):
    walk = Walk(root)
    root.rmdir()
    listing = walk.listing()
    assert listing.root is None
    assert listing.problems == (f"The inbox {root} is not there (No such file or directory).",)
    root.write_bytes(b"a file")
    assert walk.listing().root is None


@needs_root
def test_a_folder_without_the_right_to_read_is_a_problem_and_not_empty(public_root):
    root = public_root
    for name in ("closed", "unsearchable", "x"):
        (root / name).mkdir()
        (root / name / "a.jpg").write_bytes(b"x")
    (root / "closed").chmod(0o000)
    (root / "unsearchable").chmod(0o744)
    with as_nobody():
        listing = Walk(root).listing()
    assert set(listing.unreadable) == {"closed", "unsearchable"}
    assert set(by_path(listing)) == {"x/a.jpg"}
    assert listing.problems == (
        "closed cannot be read: Permission denied.",
        "unsearchable cannot be read: Permission denied.",
    )


@needs_root
def test_an_inbox_without_the_right_to_read_is_absent(root):
    root.chmod(0o700)
    with as_nobody():
        assert Walk(root).listing().root is None


def test_folders_nested_beyond_reason_are_a_problem_and_cost_no_handles(root):
    handle = os.open(root, os.O_RDONLY)
    for _ in range(DEPTH_MAX + 5):
        os.mkdir("d", dir_fd=handle)
        inner = os.open("d", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = inner
    os.close(handle)
    gc.collect()  # what earlier tests left open is not counted
    before = len(list(Path("/proc/self/fd").iterdir()))
    listing = Walk(root).listing()
    assert list(listing.unreadable.values()) == ["it is nested too deeply"]
    assert len(list(Path("/proc/self/fd").iterdir())) == before


# -- access ------------------------------------------------------------------------------------------------------------


def one(root, path="x/a.jpg", data=b"photo"):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(data)
    return by_path(Walk(root).listing())[path]


def cause_of(action):
    with pytest.raises(Trouble) as caught:
        action()
    return caught.value.cause


@pytest.mark.parametrize(
    "swap",
    [
        lambda f, out: (f.unlink(), f.symlink_to(out / "a.jpg")),
        lambda f, out: (f.unlink(), shutil.copy(out / "a.jpg", f)),
        lambda f, out: f.write_bytes(b"other"),
        lambda f, out: f.write_bytes(b"more than before"),
        lambda f, out: (f.unlink(), os.mkfifo(f)),
        lambda f, out: (f.unlink(), f.mkdir()),
        lambda f, out: (f.parent.rename(out / "moved"), f.parent.symlink_to(out / "moved")),
    ],
)
def test_a_file_swapped_between_look_and_open_is_not_opened(root, tmp_path, swap):
    """A link in place of the file or of its folder, another inode, other contents, a pipe that would hang."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.jpg").write_bytes(b"photo")
    sighting = one(root)
    os.utime(root / "x/a.jpg", ns=(3, 3))
    sighting = by_path(Walk(root).listing())["x/a.jpg"]
    swap(root / "x" / "a.jpg", outside)
    assert cause_of(lambda: InboxFolder(root).open_file(sighting)) is Cause.FILE_CHANGED


def test_a_file_or_inbox_that_is_gone_is_told_apart(root):
    sighting = one(root)
    (root / "x/a.jpg").unlink()
    assert cause_of(lambda: InboxFolder(root).open_file(sighting)) is Cause.MEDIA_GONE
    shutil.rmtree(root)
    assert cause_of(lambda: InboxFolder(root).open_file(sighting)) is Cause.INBOX_ABSENT


@needs_root
def test_a_file_without_the_right_to_read_is_unreadable(public_root):
    root = public_root
    one(root)
    (root / "x/a.jpg").chmod(0)
    with as_nobody():
        assert cause_of(lambda: InboxFolder(root).open_path("x/a.jpg")) is Cause.FILE_UNREADABLE


def test_a_path_cannot_lead_out_of_the_inbox(root, tmp_path):
    (tmp_path / "secret.txt").write_bytes(b"secret")
    (root / "x").symlink_to(tmp_path)
    assert cause_of(lambda: InboxFolder(root).open_path("x/secret.txt")) is Cause.FILE_CHANGED


def test_a_small_file_that_has_grown_is_not_read(root):
    sighting = one(root, data=b"x" * 50)
    assert InboxFolder(root).read_small(sighting, 50) == b"x" * 50
    assert cause_of(lambda: InboxFolder(root).read_small(sighting, 49)) is Cause.FILE_CHANGED


def test_the_configured_path_of_the_inbox_may_be_a_link(root, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(root)
    sighting = one(root)
    assert set(by_path(Walk(link).listing())) == {"x/a.jpg"}
    assert InboxFolder(link).read_small(sighting, 10) == b"photo"
