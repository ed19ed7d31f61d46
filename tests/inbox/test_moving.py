"""What is written in the inbox: a new prompt, and loose files into a folder of their own; whole, and safe to repeat."""

from __future__ import annotations

import errno
import os
import stat
from datetime import timedelta

import pytest

from nemo_watch.errors import Cause, Trouble
from nemo_watch.inbox import handles, moving
from nemo_watch.inbox.listing import InboxFolder, Walk
from nemo_watch.model import Gather

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give files to groups")


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def gather_of(root, folder, *names):
    for name in names:
        (root / name).write_bytes(name.encode())
    sightings = {s.path: s for s in Walk(root).listing().sightings}
    return Gather(folder, tuple(sightings[name] for name in names))


def listed(folder):
    return sorted(path.name for path in folder.iterdir())


def tree(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir())


def test_a_prompt_is_written_whole_where_there_is_none(root):
    (root / "x").mkdir()
    assert InboxFolder(root).write_new("x/prompt.txt", b"words")
    assert (root / "x/prompt.txt").read_bytes() == b"words"
    assert tree(root) == ["x/prompt.txt"]


@pytest.mark.parametrize("existing", ["file", "folder", "dangling link"])
def test_nothing_is_ever_written_over(root, existing):
    (root / "x").mkdir()
    place = root / "x" / "prompt.txt"
    {
        "file": lambda: place.write_bytes(b"mine"),
        "folder": place.mkdir,
        "dangling link": lambda: place.symlink_to("no"),
    }[existing]()
    assert not InboxFolder(root).write_new("x/prompt.txt", b"words")
    assert existing != "file" or place.read_bytes() == b"mine"
    assert listed(root / "x") == ["prompt.txt"]


def test_a_prompt_that_appears_in_the_last_moment_wins(root, monkeypatch):
    (root / "x").mkdir()

    def late(folder, old, target, new):
        (root / "x" / "prompt.txt").write_bytes(b"theirs")
        real(folder, old, target, new)

    real = handles.rename_new
    monkeypatch.setattr(handles, "rename_new", late)
    assert not InboxFolder(root).write_new("x/prompt.txt", b"words")
    assert (root / "x/prompt.txt").read_bytes() == b"theirs"
    assert listed(root / "x") == ["prompt.txt"]


@needs_root
def test_the_folders_group_may_edit_a_prompt(root):
    (root / "x").mkdir()
    os.chown(root / "x", 0, 1234)
    before = os.umask(0o077)
    try:
        InboxFolder(root).write_new("x/prompt.txt", b"words")
    finally:
        os.umask(before)
    found = (root / "x/prompt.txt").stat()
    assert (found.st_gid, stat.S_IMODE(found.st_mode)) == (1234, 0o664)


def test_writing_is_never_done_through_a_link(root, tmp_path):
    (tmp_path / "outside").mkdir()
    (root / "x").symlink_to(tmp_path / "outside")
    with pytest.raises(Trouble) as caught:
        InboxFolder(root).write_new("x/prompt.txt", b"words")
    assert caught.value.cause is Cause.MEDIA_GONE
    assert list((tmp_path / "outside").iterdir()) == []


LEFT = "x/.nemo-watch-prompt.txt.tmp"


def left_by_a_kill(root, monkeypatch):
    """A prompt's writing ended half way, as a kill would end it: nothing is tidied up."""
    (root / "x").mkdir()

    def killed(_handle):
        os._exit(9)

    child = os.fork()
    if child == 0:  # a real process that is gone in the middle of its writing
        monkeypatch.setattr(os, "fsync", killed)
        InboxFolder(root).write_new("x/prompt.txt", b"words")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    return next(s for s in Walk(root).listing().sightings if s.path == LEFT)


def test_what_a_killed_writing_left_is_taken_away(root, monkeypatch):
    left = left_by_a_kill(root, monkeypatch)
    (root / "x/prompt.txt").write_bytes(b"a person's")
    assert InboxFolder(root).remove_leftover(left)
    assert tree(root) == ["x/prompt.txt"]
    assert not InboxFolder(root).remove_leftover(left)


@needs_root
def test_a_leftover_of_another_user_or_one_that_has_changed_stays(root, monkeypatch):
    left = left_by_a_kill(root, monkeypatch)
    os.chown(root / LEFT, 1234, -1)
    assert not InboxFolder(root).remove_leftover(left)
    os.chown(root / LEFT, 0, -1)
    (root / LEFT).write_bytes(b"something else")
    assert not InboxFolder(root).remove_leftover(left)
    assert tree(root) == [LEFT]


def test_a_leftover_is_never_taken_away_through_a_link(root, monkeypatch, tmp_path):
    left = left_by_a_kill(root, monkeypatch)
    (root / "x").rename(tmp_path / "outside")
    (root / "x").symlink_to(tmp_path / "outside")
    assert not InboxFolder(root).remove_leftover(left)
    assert (tmp_path / "outside" / ".nemo-watch-prompt.txt.tmp").exists()


def test_no_other_name_is_ever_taken_away(root):
    (root / "x").mkdir()
    (root / "x/a.jpg").write_bytes(b"mine")
    (found,) = Walk(root).listing().sightings
    assert not InboxFolder(root).remove_leftover(found)
    assert tree(root) == ["x/a.jpg"]


def test_loose_files_move_together_into_a_new_folder(root):
    gather = gather_of(root, "trip", "a.jpg", "b.jpg", "prompt.txt")
    inode = (root / "a.jpg").stat().st_ino
    assert InboxFolder(root).move_loose(gather).paths == ("trip/a.jpg", "trip/b.jpg", "trip/prompt.txt")
    assert tree(root) == ["trip/a.jpg", "trip/b.jpg", "trip/prompt.txt"]
    assert (root / "trip/a.jpg").stat().st_ino == inode


@needs_root
def test_the_new_folder_has_the_inboxs_group_and_mode(root):
    os.chown(root, 0, 1234)
    root.chmod(0o2775)
    InboxFolder(root).move_loose(gather_of(root, "trip", "a.jpg"))
    found = (root / "trip").stat()
    assert (found.st_gid, stat.S_IMODE(found.st_mode)) == (1234, 0o2775)


class Killed(BaseException):
    """As good as SIGKILL, for this room: nothing after it runs that would not after a kill."""


def test_a_move_killed_at_any_step_is_finished_by_repeating_it(root, monkeypatch):
    """Killed before and after each single rename, mkdir and rmdir; repeated, nothing is lost, doubled or left behind."""
    steps = 0
    survived = False
    while not survived:
        steps += 1
        for path in sorted(root.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        gather = gather_of(root, "trip", "a.jpg", "b.jpg")
        with monkeypatch.context() as patch:
            fuse(patch, steps)
            try:
                InboxFolder(root).move_loose(gather)
                survived = True
            except Killed:
                assert len(tree(root)) == 2
        assert InboxFolder(root).move_loose(gather).paths == ("trip/a.jpg", "trip/b.jpg")
        assert tree(root) == ["trip/a.jpg", "trip/b.jpg"]
        assert [path.name for path in root.iterdir()] == ["trip"]
    assert steps > 8


def fuse(patch, blow_at):
    count = 0

    def fused(real):
        def call(*args, **kwargs):
            nonlocal count
            for when in ("before", "after"):
                count += 1
                if count == blow_at:
                    raise Killed
                if when == "before":
                    result = real(*args, **kwargs)
            return result

        return call

    patch.setattr(handles, "rename_new", fused(handles.rename_new))
    patch.setattr(os, "mkdir", fused(os.mkdir))
    patch.setattr(os, "rmdir", fused(os.rmdir))


def test_a_move_killed_at_any_step_heals_from_the_disk_alone(make_inbox, monkeypatch, samples):
    """A new daemon that knows nothing, minutes later: one folder, under the name that it had, with the words that lay beside the photos."""
    survived, steps = False, 0
    while not survived:
        steps += 1
        watched = make_inbox(f"inbox-{steps}")
        for name in ("a.jpg", "b.jpg"):
            watched.put(name, samples.picture("JPEG"))
        watched.put("prompt.txt", b"A film of the gathered")
        (gather,) = watched.settled().gathers
        with monkeypatch.context() as patch:
            fuse(patch, steps)
            try:
                watched.lookout.folder.move_loose(gather)
                survived = True
            except Killed:
                pass
        reborn = make_inbox(f"inbox-{steps}")
        reborn.local_time += timedelta(minutes=1)
        for again in reborn.settled().gathers:
            reborn.lookout.folder.move_loose(again)
        (folder,) = listed(reborn.folder)
        assert (folder == gather.folder) is (steps > 1)  # before its folder was begun it had no name yet
        assert tree(reborn.folder) == [f"{folder}/{name}" for name in ("a.jpg", "b.jpg", "prompt.txt")]
        (film,) = reborn.settled().projects[0].films
        assert film.prompt is not None
    assert steps > 8


def test_a_file_that_changed_or_left_is_not_moved(root):
    gather = gather_of(root, "trip", "a.jpg", "b.jpg", "c.jpg")
    (root / "a.jpg").write_bytes(b"changed")
    (root / "b.jpg").unlink()
    assert InboxFolder(root).move_loose(gather).paths == ("trip/c.jpg",)
    assert tree(root) == ["a.jpg", "trip/c.jpg"]


def test_nothing_left_to_move_makes_no_folder(root):
    gather = gather_of(root, "trip", "a.jpg")
    (root / "a.jpg").unlink()
    assert InboxFolder(root).move_loose(gather).paths == ()
    assert list(root.iterdir()) == []


def test_a_file_of_that_name_in_the_folder_is_never_replaced(root):
    gather = gather_of(root, "trip", "a.jpg")
    (root / "trip").mkdir()
    (root / "trip" / "a.jpg").write_bytes(b"older")
    InboxFolder(root).move_loose(gather)
    assert (root / "trip/a.jpg").read_bytes() == b"older"
    assert (root / "a.jpg").exists()


@pytest.mark.parametrize("code", ["EINVAL", "ENOSYS", "EPERM"])
def test_without_renameat2_nothing_is_replaced_either(root, monkeypatch, code):
    """NFS, FAT and old kernels."""
    import ctypes
    import errno

    class Library:
        def renameat2(self, *_args):
            ctypes.set_errno(getattr(errno, code))
            return -1

    monkeypatch.setattr(handles, "_LIBC", Library())
    handle = os.open(root, os.O_RDONLY)
    (root / "a").write_bytes(b"a")
    (root / "b").write_bytes(b"b")
    with pytest.raises(FileExistsError):
        handles.rename_new(handle, "a", handle, "b")
    handles.rename_new(handle, "a", handle, "c")
    (root / "folder").mkdir()
    handles.rename_new(handle, "folder", handle, "renamed")
    with pytest.raises(FileExistsError):
        handles.rename_new(handle, "renamed", handle, "b")
    os.close(handle)
    assert listed(root) == ["b", "c", "renamed"]
    assert (root / "b").read_bytes() == b"b"


def test_a_full_or_read_only_disk_is_told_as_such(root, monkeypatch):
    import errno

    (root / "x").mkdir()
    for code, cause in (
        (errno.ENOSPC, Cause.NO_SPACE),
        (errno.EROFS, Cause.OUTBOX_UNWRITABLE),
        (errno.ESTALE, Cause.INBOX_ABSENT),
    ):

        def fails(*_args, code=code):
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(moving, "_written", fails)
        with pytest.raises(Trouble) as caught:
            InboxFolder(root).write_new("x/prompt.txt", b"words")
        assert caught.value.cause is cause


def refuse(monkeypatch, *names, code=errno.EPERM):
    """Files of these names cannot be moved, as one made unchangeable, or one that is mounted in."""
    real = handles.rename_new

    def refusing(source, old, target, new):
        if old in names:
            raise OSError(code, os.strerror(code), old)
        real(source, old, target, new)

    monkeypatch.setattr(handles, "rename_new", refusing)


def test_a_file_that_cannot_be_moved_stays_and_hides_no_other(root, monkeypatch):
    gather = gather_of(root, "trip", "a.jpg", "b.jpg", "c.jpg", "prompt.txt")
    refuse(monkeypatch, "b.jpg")
    moved = InboxFolder(root).move_loose(gather)
    assert moved.paths == ("trip/a.jpg", "trip/c.jpg", "trip/prompt.txt")
    assert moved.refused == ((gather.files[1], "Operation not permitted"),)
    assert tree(root) == ["b.jpg", "trip/a.jpg", "trip/c.jpg", "trip/prompt.txt"]


def test_words_do_not_go_alone_where_what_they_speak_for_cannot_be_moved(root, monkeypatch):
    gather = gather_of(root, "a", "a.jpg", "a.txt")
    refuse(monkeypatch, "a.jpg", code=errno.EBUSY)
    moved = InboxFolder(root).move_loose(gather)
    assert (moved.paths, [why for _, why in moved.refused]) == ((), ["Device or resource busy"])
    assert listed(root) == ["a.jpg", "a.txt"]


@pytest.mark.parametrize("kind", ["link", "folder", "pipe", "book", "text", "nothing"])
def test_what_can_never_be_read_as_a_text_is_told_from_one_that_may(root, kind):
    (root / "x").mkdir()
    place = root / "x/prompt.txt"
    made = {
        "link": lambda: place.symlink_to("a.txt"),
        "folder": place.mkdir,
        "pipe": lambda: os.mkfifo(place),
        "book": lambda: place.write_bytes(b"x" * 1_000_001),
        "text": lambda: place.write_bytes(b"x" * 1_000_000),
        "nothing": lambda: None,
    }
    made[kind]()
    expected = {
        "link": "it is a link; links are not followed",
        "folder": "it is a folder",
        "pipe": "it is not a regular file",
        "book": "it is too long for words",
    }
    assert InboxFolder(root).obstacle("x/prompt.txt") == expected.get(kind)
    assert InboxFolder(root).obstacle("y/prompt.txt") is None
