"""The room as a whole, on a real disk and a clock of our own: ways of arriving, people's habits, inboxes that go away.

No test here waits: the clock is an argument, and nothing depends on events. The listing alone must find everything.
"""

from __future__ import annotations

import errno
import os
import shutil
import socket
import subprocess
import tempfile
import threading
from concurrent.futures import wait
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from nemo_watch.errors import Cause, Trouble
from nemo_watch.inbox import examining, handles, looking, pages
from nemo_watch.inbox.looking import Lookout
from nemo_watch.inbox.verdicts import WHOLE


def media(look, folder="x"):
    """The media of a project, by path; and each exactly once."""
    paths = [m.path for p in look.projects if p.folder == folder for film in p.films for m in film.media]
    assert len(paths) == len(set(paths))
    return set(paths)


def ready(look):
    return {project.folder for project in look.projects if project.ready}


def unsettled(look):
    return {left.path: left.reason for project in look.projects for left in project.unsettled}


def alone(look):
    return {left.path: left.reason for left in look.left_alone}


# -- writers that take their time ---------------------------------------------------------------------------------------

PIECES = 3


@pytest.mark.parametrize("knows_writers", [True, False], ids=["writers known", "writers unknown"])
@pytest.mark.parametrize(
    "name",
    [
        "photo.jpg",
        "progressive.jpeg",
        "photo.png",
        "photo.heic",
        "photo.webp",
        "animated.gif",
        "clip.mp4",
        "streamable.mp4",
        "clip.webm",
        "clip.avi",
        "song.wav",
    ],
)
@pytest.mark.parametrize("kind", ["appending", "size first", "preallocated"])
def test_a_writer_that_pauses_for_minutes_is_never_overtaken(name, kind, knows_writers, samples, inbox, monkeypatch):
    """Two pauses of four minutes; also where leases tell nothing (SMB, another owner)."""
    if not knows_writers:
        monkeypatch.setattr(handles, "has_writer", lambda _handle: None)
    data = samples.whole()[name]
    (inbox.folder / "x").mkdir()
    with (inbox.folder / "x" / name).open("wb") as writer:
        if kind == "size first":
            writer.truncate(len(data))
        elif kind == "preallocated":
            os.posix_fallocate(writer.fileno(), 0, len(data))
        for piece in range(PIECES - 1):
            writer.write(data[len(data) * piece // PIECES : len(data) * (piece + 1) // PIECES])
            writer.flush()
            for _ in range(8):
                assert media(inbox.look(30)) == set()
        writer.write(data[len(data) * (PIECES - 1) // PIECES :])
    inbox.look(1)
    assert media(inbox.look(600)) == {f"x/{name}"}


@pytest.mark.parametrize("name", ["photo.jpg", "photo.png", "photo.heic", "clip.mp4", "photo.webp", "clip.webm"])
def test_a_writer_killed_half_way_leaves_a_file_that_waits_and_is_named(name, samples, inbox):
    data = samples.whole()[name]
    inbox.put(f"x/{name}", data[: len(data) // 2])
    inbox.put("x/good.jpg", samples.picture("JPEG"))
    inbox.look()
    assert unsettled(inbox.look(20)) == {f"x/{name}": "is still arriving"}
    for after_s in (50, 3600, 86400):
        look = inbox.look(after_s)
        assert unsettled(look) == {f"x/{name}": "looks cut off; waiting for the rest"}
        assert (media(look), ready(look)) == ({"x/good.jpg"}, set())
    inbox.put(f"x/{name}", data)
    inbox.look(1)
    assert ready(inbox.look(30)) == {"x"}


def test_a_download_holds_its_project_until_it_has_its_name(samples, inbox):
    inbox.put("x/a.jpg", samples.picture("JPEG"))
    part = inbox.put("x/b.jpg.crdownload", b"half")
    for _ in range(5):
        part.write_bytes(part.read_bytes() + b"more")
        assert ready(inbox.look(30)) == set()
    part.write_bytes(samples.picture("JPEG"))
    part.rename(inbox.folder / "x" / "b.jpg")
    inbox.look(5)
    assert ready(inbox.look(20)) == {"x"}
    assert media(inbox.look(1)) == {"x/a.jpg", "x/b.jpg"}


def test_a_forgotten_part_holds_nothing_up(samples, inbox):
    inbox.put("x/a.jpg", samples.picture("JPEG"))
    inbox.put("x/b.jpg.part", b"half")
    inbox.look()
    inbox.look(5)
    look = inbox.look(120)
    assert ready(look) == {"x"}
    assert alone(look) == {"x/b.jpg.part": "temporary file"}


def test_forty_photos_with_pauses_are_one_project(samples, inbox):
    """A phone that sends a photo every 18 s: the project waits for the last."""
    photo = samples.picture("JPEG")
    for number in range(40):
        inbox.put(f"x/IMG_{number}.jpg", photo)
        assert ready(inbox.look(18)) == set()
    inbox.look(5)
    look = inbox.look(15)
    assert ready(look) == {"x"}
    assert len(media(look)) == 40


def test_motion_photos_and_other_bytes_behind_are_whole(samples, inbox):
    inbox.put("x/motion.jpg", samples.picture("JPEG") + samples.mp4())
    inbox.put("x/padded.png", samples.picture("PNG") + b"\0" * 3000)
    inbox.look()
    assert media(inbox.look(5)) == {"x/motion.jpg", "x/padded.png"}


def test_a_file_replaced_after_it_rested_rests_anew(samples, inbox):
    inbox.put("x/a.jpg", samples.picture("JPEG"))
    assert ready(inbox.settled()) == {"x"}
    inbox.put("x/a.jpg", samples.picture("JPEG", size=(80, 60)))
    look = inbox.look(1)
    assert (ready(look), media(look)) == (set(), set())
    inbox.look(5)
    assert ready(inbox.look(20)) == {"x"}


@pytest.mark.parametrize("save", ["in place", "vim", "atomic"])
def test_a_prompt_is_taken_however_an_editor_saves_it(save, samples, inbox):
    inbox.put("x/a.jpg", samples.picture("JPEG"))
    prompt = inbox.put("x/prompt.txt", b"first")
    before = inbox.settled().projects[0].films[0].prompt
    if save == "vim":
        inbox.put("x/.prompt.txt.swp", b"b0VIM")
        prompt.rename(inbox.folder / "x/prompt.txt~")
    if save == "atomic":
        inbox.put("x/.prompt.txt.Ab3dE9", b"second").rename(prompt)
    else:
        prompt.write_bytes(b"second")
    assert inbox.look(1).projects[0].films[0].prompt is None
    inbox.look(5)
    look = inbox.look(15)
    assert ready(look) == {"x"}
    after = look.projects[0].films[0].prompt
    assert after is not None
    assert after != before


# -- what people drop --------------------------------------------------------------------------------------------------


def test_strangers_are_left_alone_each_with_its_reason_and_stop_nothing(samples, inbox, tmp_path):
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(samples.picture("JPEG"))
    inbox.put("x/a.jpg", samples.picture("JPEG"))
    inbox.put("x/empty.jpg")
    inbox.put("x/virus.jpg", b"MZ" + b"x" * 500)
    inbox.put("x/manual.pdf", b"%PDF")
    inbox.put("x/.DS_Store", b"x")
    inbox.put("x/@eaDir/a.jpg", samples.picture("JPEG"))
    inbox.put("x/prompt.rtf", b"{\\rtf1}")
    (inbox.folder / "x/link.jpg").symlink_to(secret)
    (inbox.folder / "x/loop").symlink_to(".")
    os.mkfifo(inbox.folder / "x/pipe.mp4")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(inbox.folder)
        server.bind("socket.jpg")
        os.chdir(here)
        look = inbox.settled()
    assert ready(look) == {"x"}
    assert media(look) == {"x/a.jpg"}
    assert alone(look) == {
        "socket.jpg": "not a regular file",
        "x/.DS_Store": "a computer's or NAS's own file",
        "x/@eaDir": "a computer's or NAS's own folder",
        "x/empty.jpg": "it is empty",
        "x/link.jpg": "a link; links are not followed",
        "x/loop": "a link; links are not followed",
        "x/manual.pdf": "not a format that NemoVideo takes",
        "x/pipe.mp4": "not a regular file",
        "x/prompt.rtf": "not plain text: save it as prompt.txt (plain text, UTF-8)",
        "x/virus.jpg": "its contents are not a photo, clip or song that NemoVideo takes",
    }


def test_a_file_over_the_limit_is_left_alone_without_being_read(make_inbox, samples):
    inbox = make_inbox(max_file_bytes=1000)
    inbox.put("x/a.jpg", samples.picture("JPEG"))
    inbox.put("x/prompt.txt", b"words")
    look = inbox.settled()
    assert alone(look) == {"x/a.jpg": "larger than 0.001 MB"}
    assert ready(look) == {"x"}


def test_loose_files_are_gathered_and_the_new_project_becomes_ready(samples, inbox):
    for name in ("IMG_2.jpg", "IMG_1.jpg"):
        inbox.put(name, samples.picture("JPEG"))
    inbox.put("prompt.txt", b"words")
    inbox.put("cat.jpg", samples.picture("JPEG"))
    inbox.put("cat.txt", b"a cat film")
    look = inbox.settled()
    assert [gather.folder for gather in look.gathers] == ["2026-11-22-1542", "cat"]
    for gather in look.gathers:
        inbox.lookout.folder.move_loose(gather)
    look = inbox.settled()
    assert ready(look) == {"2026-11-22-1542", "cat"}
    assert {film.name for project in look.projects for film in project.films} == {"2026-11-22-1542", "cat"}
    assert look.gathers == ()
    assert look.left_alone == ()


def test_ignored_loose_files_stay(make_inbox, samples):
    inbox = make_inbox(loose_files="ignore")
    inbox.put("a.jpg", samples.picture("JPEG"))
    look = inbox.settled()
    assert look.gathers == ()
    assert set(alone(look)) == {"a.jpg"}


def test_a_renamed_project_is_the_same_folder(samples, inbox):
    inbox.put("x/a.jpg", samples.picture("JPEG"))
    (before,) = inbox.settled().projects
    (inbox.folder / "x").rename(inbox.folder / "y")
    (after,) = inbox.settled().projects
    assert (after.folder, after.identity) == ("y", before.identity)


def test_more_files_than_a_look_examines_are_settled_over_a_few_looks(inbox, monkeypatch):
    """A look examines only so many files; the next one comes at once and goes on."""
    share = 500
    monkeypatch.setattr(looking, "EXAMINED_A_LOOK", share)
    (inbox.folder / "x").mkdir()
    for number in range(2 * share + 10):
        (inbox.folder / "x" / f"{number}.jpg").write_bytes(b"\xff\xd8\xff")
    examined = []
    inbox.lookout._examine = lambda due, _folder: (examined.append(due.sighting.path), WHOLE)[1]
    inbox.look()
    for left in (share, 2 * share):
        look = inbox.look(5 if left == share else 0)
        assert (len(media(look)), look.next_look_s) == (left, 0.0)
    look = inbox.look()
    assert look.next_look_s == 15
    assert len(examined) == len(set(examined)) == 2 * share + 10


def test_an_unchanged_file_is_examined_once(samples, inbox, monkeypatch):
    calls = []
    real = examining.examined
    inbox.lookout._examine = lambda due, folder: (calls.append(due.sighting.path), real(due, folder))[1]
    inbox.put("x/a.jpg", samples.picture("JPEG"))
    inbox.settled()
    for _ in range(10):
        inbox.look(30)
    assert calls == ["x/a.jpg"]


def test_nothing_is_read_or_written_by_looking_at_a_settled_inbox(samples, inbox):
    inbox.put("x/a.jpg", samples.picture("JPEG"))
    inbox.settled()
    before = {path: path.stat().st_atime_ns for path in inbox.folder.rglob("*")}
    first, second = inbox.look(30), inbox.look(30)
    assert replace(first, projects=()) == replace(second, projects=())
    assert {path: path.stat().st_atime_ns for path in inbox.folder.rglob("*")} == before


# -- inboxes that go away ----------------------------------------------------------------------------------------------


def test_an_absent_inbox_is_a_pause_and_it_heals(samples, inbox):
    inbox.put("x/a.jpg", samples.picture("JPEG"))
    assert ready(inbox.settled()) == {"x"}
    away = inbox.folder.with_name("away")
    inbox.folder.rename(away)
    look = inbox.look(30)
    assert look.absent
    assert look.problems == (f"The inbox {inbox.folder} is not there (No such file or directory).",)
    away.rename(inbox.folder)
    look = inbox.look(30)
    assert (look.absent, ready(look), look.problems) == (False, {"x"}, ())


def test_an_inbox_deleted_and_made_again_takes_new_files(samples, inbox):
    inbox.put("x/a.jpg", samples.picture("JPEG"))
    inbox.settled()
    shutil.rmtree(inbox.folder)
    inbox.folder.mkdir()
    look = inbox.look(30)
    assert look.absent
    assert "suddenly empty" in look.problems[0]
    inbox.put("y/b.jpg", samples.picture("JPEG"))
    look = inbox.settled()
    assert not look.absent
    assert ready(look) == {"y"}


def test_an_inbox_that_was_never_there_is_waited_for(tmp_path, make_inbox, samples):
    inbox = make_inbox()
    inbox.folder.rmdir()
    assert inbox.look().absent
    inbox.folder.mkdir()
    inbox.put("x/a.jpg", samples.picture("JPEG"))
    assert ready(inbox.settled()) == {"x"}


def test_a_folder_removed_while_it_is_looked_at_is_no_accident(samples, inbox, monkeypatch):
    """Files vanish between the listing of a folder and the look at each."""
    for number in range(5):
        inbox.put(f"x/{number}.jpg", samples.picture("JPEG"))

    def vanishing(name, **options):
        if name == "3.jpg":
            (inbox.folder / "x/3.jpg").unlink(missing_ok=True)
        return os.lstat(name, **options)

    monkeypatch.setattr(pages, "_lstat", vanishing)
    look = inbox.settled()
    assert media(look) == {f"x/{number}.jpg" for number in (0, 1, 2, 4)}


# -- holes, and files that cannot be read ------------------------------------------------------------------------------


def test_a_sparse_copy_comes_to_rest_and_a_reserved_file_never_does(samples, inbox, tmp_path):
    """Both have holes, and nobody writes either any more; the one has its end, the other has not."""
    silence = samples.box(b"mdat", b"\x55" * 9_000 + bytes(300_000) + b"\x55" * 9_000)
    movie = samples.box(b"ftyp", b"qt  \0\0\2\0qt  ") + silence + samples.box(b"moov", samples.box(b"mvhd", b"\1" * 99))
    (tmp_path / "movie").write_bytes(movie)
    (inbox.folder / "x").mkdir()
    subprocess.run(["cp", "--sparse=always", tmp_path / "movie", inbox.folder / "x/sparse.mov"], check=True)
    with (inbox.folder / "x/reserved.mov").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, len(movie))
        file.write(movie[:8_000])
    with (inbox.folder / "x/sparse.mov").open("rb") as file:
        if not handles.holes(file.fileno(), len(movie)):
            pytest.skip("this file system does not tell of holes")
    inbox.look()
    assert (media(inbox.look(5)), media(inbox.look(290))) == (set(), set())
    assert unsettled(inbox.look(1))["x/sparse.mov"] == "has empty stretches; waiting to see whether they are filled"
    for after_s in (5, 86_400):
        look = inbox.look(after_s)
        assert media(look) == {"x/sparse.mov"}
        assert unsettled(look) == {"x/reserved.mov": "parts of it are still empty; waiting for the rest"}


def failing(monkeypatch, *names, code=errno.EIO):
    """Files of these names cannot be opened, until the returned function is called."""
    real, ill = os.open, set(names)

    def opened(name, *args, **options):
        if name in ill:
            raise OSError(code, os.strerror(code), name)
        return real(name, *args, **options)

    monkeypatch.setattr(os, "open", opened)
    return ill.clear


def test_a_file_on_a_failing_disk_holds_its_project_and_heals_by_itself(samples, inbox, monkeypatch):
    heal = failing(monkeypatch, "b.jpg")
    for name in ("x/a.jpg", "x/b.jpg", "y/a.jpg"):
        inbox.put(name, samples.picture("JPEG"))
    look = inbox.settled()
    assert (ready(look), media(look)) == ({"y"}, {"x/a.jpg"})
    assert unsettled(look) == {"x/b.jpg": "cannot be read: Input/output error"}
    assert look.problems == ("1 file cannot be read: x/b.jpg (Input/output error).",)
    assert ready(inbox.look(1e5)) == {"y"}
    heal()
    look = inbox.look(30)
    assert (ready(look), look.problems) == ({"x", "y"}, ())


def test_hundreds_of_unreadable_files_are_one_sentence_and_one_line(samples, inbox, monkeypatch):
    names = [f"IMG_{number}.jpg" for number in range(1, 301)]
    heal = failing(monkeypatch, *names, code=errno.EACCES)
    for name in names:
        inbox.put(f"x/{name}", samples.picture("JPEG", size=(16, 12)))
    with capture_logs() as lines:
        look = inbox.settled()
        for _ in range(20):
            look = inbox.look(30)
        assert look.problems == ("300 files cannot be read: the first is x/IMG_1.jpg (Permission denied).",)
        heal()
        assert ready(inbox.look(30)) == {"x"}
    assert [line["event"] for line in lines] == ["inbox.troubled", "inbox.healed"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody who may not")
def test_a_file_that_a_person_has_closed_waits_until_he_opens_it(samples, make_inbox):
    """With real rights: looked at by a user who has none, then mended with chmod. pytest's own folders are closed to others."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        inbox = make_inbox(folder)
        closed = inbox.put("x/a.jpg", samples.picture("JPEG"))
        closed.chmod(0o600)
        os.seteuid(65534)
        try:
            look = inbox.settled()
            assert unsettled(look) == {"x/a.jpg": "cannot be read: Permission denied"}
            assert (ready(look), alone(look)) == (set(), {})
        finally:
            os.seteuid(0)
        closed.chmod(0o644)
        os.seteuid(65534)
        try:
            assert ready(inbox.settled()) == {"x"}
        finally:
            os.seteuid(0)


def test_a_file_that_fails_only_when_all_of_it_is_read_is_held_from_then_on(samples, inbox, monkeypatch):
    """Its ends were fine when it came to rest; `media_of` told that its middle cannot be read."""
    clip = samples.mp4(media_bytes=3_000_000)
    inbox.put("x/a.mp4", clip)
    assert ready(inbox.settled()) == {"x"}
    real = os.pread

    def pread(handle, length, at):
        if at <= len(clip) // 2 < at + length:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(handle, length, at)

    monkeypatch.setattr(os, "pread", pread)
    inbox.lookout.unread(Trouble(Cause.INBOX_ABSENT, folder="inbox"))  # names no file: nothing to hold
    assert ready(inbox.look(1)) == {"x"}
    inbox.lookout.unread(Trouble(Cause.FILE_UNREADABLE, file="x/a.mp4", reason="Input/output error"))
    look = inbox.look(1)
    assert (ready(look), unsettled(look)) == (set(), {"x/a.mp4": "cannot be read: Input/output error"})
    assert ready(inbox.look(3600)) == set()
    monkeypatch.setattr(os, "pread", real)
    assert ready(inbox.look(30)) == {"x"}


# -- what a kill leaves behind -----------------------------------------------------------------------------------------

LEFT = ".nemo-watch-prompt.txt.tmp"


def test_what_a_kill_left_of_a_prompt_is_taken_away_also_when_a_person_wrote_one(samples, inbox):
    """It holds nothing up meanwhile, and goes when nothing can be writing it any more."""
    inbox.put("x/a.jpg", samples.picture("JPEG"))
    inbox.put(f"x/{LEFT}", b"half a temp")
    inbox.put("x/prompt.txt", b"mine")
    assert ready(inbox.settled()) == {"x"}
    assert (inbox.folder / "x" / LEFT).exists()
    inbox.look(120)
    assert not (inbox.folder / "x" / LEFT).exists()
    look = inbox.look(1)
    assert (ready(look), alone(look)) == ({"x"}, {})
    assert (inbox.folder / "x/prompt.txt").read_bytes() == b"mine"


def test_nothing_but_our_own_leftovers_is_ever_taken_away(samples, inbox, tmp_path):
    """Names that are nearly ours, links, hard links, folders, and files at other places."""
    inbox.put("x/a.jpg", samples.picture("JPEG"))
    (tmp_path / "secret").write_bytes(b"mine")
    kept = [
        "x/.nemo-watch-a.jpg.tmp",
        "x/nemo-watch-prompt.txt.tmp",
        "x/.nemo-watch-prompt.txt.tmp2",
        f"x/deep/{LEFT}",
        LEFT,
    ]
    for name in kept:
        inbox.put(name, b"a person's")
    for folder, make in {
        "link": lambda place: place.symlink_to(tmp_path / "secret"),
        "hard": lambda place: os.link(tmp_path / "secret", place),
        "folder": lambda place: place.mkdir(),
        "pipe": os.mkfifo,
    }.items():
        inbox.put(f"{folder}/a.jpg", samples.picture("JPEG"))
        make(inbox.folder / folder / LEFT)
        kept.append(f"{folder}/{LEFT}")
    inbox.settled()
    for _ in range(3):
        inbox.look(200)
    assert all(os.path.lexists(inbox.folder / name) for name in kept)
    assert (tmp_path / "secret").read_bytes() == b"mine"


# -- after a restart ---------------------------------------------------------------------------------------------------


def test_a_restarted_lookout_doubts_an_empty_inbox_on_another_disk(samples, inbox):
    """The disk's number is what an earlier process told; the folder is a real one."""
    inbox.put("x/a.jpg", samples.picture("JPEG"))
    inbox.settled()
    known = inbox.lookout.root
    assert known is not None
    shutil.rmtree(inbox.folder / "x")
    elsewhere = replace(known, device=known.device + 1, inode=known.inode + 1)
    inbox.lookout = Lookout(inbox.folder, inbox.settings, root_known=elsewhere)
    for _ in range(10):
        look = inbox.look(3600)
        assert (look.absent, inbox.lookout.root) == (True, elsewhere)
    [problem] = look.problems
    assert problem.startswith(
        f"The inbox {inbox.folder} is empty and lies on another disk than before; is its disk mounted?"
    )
    assert problem.endswith("put a file into it.")
    inbox.put("y/b.jpg", samples.picture("JPEG"))
    assert (ready(inbox.settled()), inbox.lookout.root) == ({"y"}, known)


def test_a_restarted_lookout_takes_the_same_empty_inbox_as_it_is(samples, inbox):
    inbox.put("x/a.jpg", samples.picture("JPEG"))
    inbox.settled()
    known = inbox.lookout.root
    shutil.rmtree(inbox.folder)
    inbox.folder.mkdir()
    inbox.lookout = Lookout(inbox.folder, inbox.settings, root_known=known)
    assert not inbox.look(30).absent


def test_a_picture_that_takes_minutes_to_decode_blinds_no_look(samples, inbox):
    """It is decoded beside the looks, one at a time, and its verdict is taken in when it is there."""
    asked, answers = [], threading.Semaphore(0)

    def slow(due, folder):
        if not due.thorough:
            return examining.examined(due, folder)
        asked.append(due.sighting.path)
        answers.acquire()
        return WHOLE

    inbox.lookout = Lookout(inbox.folder, inbox.settings, examine=slow, patience_s=0.0)
    for name in ("a.jpg", "b.jpg"):
        inbox.put(f"x/{name}", samples.picture("JPEG")[:-500])
    inbox.look()
    inbox.look(5)
    assert inbox.look(60).next_look_s == looking.ASKED_AGAIN_S
    inbox.put("y/c.jpg", samples.picture("JPEG"))
    inbox.look(5)
    look = inbox.look(20)
    assert (ready(look), media(look), len(asked)) == ({"y"}, set(), 1)
    assert look.next_look_s == 25, "the longer it takes, the less often it is asked after"
    answers.release()
    wait([inbox.lookout._slowly._verdict])
    assert media(inbox.look(1)) == set(asked[:1])
    answers.release()
    wait([inbox.lookout._slowly._verdict])
    look = inbox.look(1)
    assert (media(look), sorted(asked)) == ({"x/a.jpg", "x/b.jpg"}, ["x/a.jpg", "x/b.jpg"])
    assert ready(look) == {"x", "y"}
    assert look.next_look_s is None


def test_a_verdict_that_comes_after_its_file_has_changed_is_dropped(samples, inbox):
    answers = threading.Event()

    def slow(due, folder):
        if due.thorough:
            answers.wait()
            return WHOLE
        return examining.examined(due, folder)

    inbox.lookout = Lookout(inbox.folder, inbox.settings, examine=slow, patience_s=0.0)
    file = inbox.put("x/a.jpg", samples.picture("JPEG")[:-500])
    inbox.look()
    inbox.look(5)
    inbox.look(60)
    file.write_bytes(samples.picture("JPEG")[:-400])
    answers.set()
    wait([inbox.lookout._slowly._verdict])
    inbox.look(1)
    look = inbox.look(5)
    assert (media(look), unsettled(look)) == (set(), {"x/a.jpg": "is still arriving"})


def test_files_on_a_slow_server_are_examined_over_a_few_looks(samples, inbox, monkeypatch):
    for name in "abc":
        inbox.put(f"x/{name}.jpg", samples.picture("JPEG"))
    monkeypatch.setattr(looking, "EXAMINING_S", -1.0)
    inbox.look()
    look = inbox.look(5)
    assert (media(look), look.next_look_s) == (set(), 0.0)
    monkeypatch.undo()
    assert media(inbox.look()) == {"x/a.jpg", "x/b.jpg", "x/c.jpg"}


def test_a_loose_file_that_could_not_be_moved_is_tried_again_after_a_rescan(samples, inbox):
    inbox.put("a.jpg", samples.picture("JPEG"))
    (gather,) = inbox.settled().gathers
    (sighting,) = gather.files
    assert inbox.lookout.unmoved(sighting, "cannot be moved")
    look = inbox.look(1)
    assert (look.gathers, alone(look), look.next_look_s) == ((), {"a.jpg": "cannot be moved"}, 30)
    assert inbox.look(29).gathers == ()
    assert inbox.look(1).gathers == (gather,)
    assert not inbox.lookout.unmoved(sighting, "cannot be moved"), "that is no news"
