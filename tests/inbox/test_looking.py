"""The room as a whole, on a real disk and a clock of our own: ways of arriving, people's habits, inboxes that go away.

No test here waits: the clock is an argument, and nothing depends on events. The listing alone must find everything.
"""

from __future__ import annotations

import os
import shutil
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from nemo_watch.inbox import examining, handles, looking, pages
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
