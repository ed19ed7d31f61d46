"""Every file of a messy inbox, at every moment: in one film, on its way, about to be gathered, or left alone with a reason."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from nemo_watch.inbox.looking import Look


def places(look: Look) -> Counter[str]:
    """How often each path is named."""
    named: Counter[str] = Counter()
    for project in look.projects:
        for film in project.films:
            named.update(s.path for s in (film.prompt, film.urls, *film.media) if s is not None)
        named.update(left.path for left in project.unsettled)
    for gather in look.gathers:
        named.update(sighting.path for sighting in gather.files)
    named.update(left.path for left in look.left_alone)
    return named


def on_disk(root: Path) -> set[str]:
    """Every entry that is no folder, and the folders that are passed by in place of all that they hold."""
    found = set()
    for folder, folders, files in os.walk(root):
        inner = Path(folder).relative_to(root)
        passed_by = [name for name in folders if name.startswith((".", "@", "_UNPACK"))]
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        folders[:] = [name for name in folders if name not in passed_by and name not in links]
        found |= {str(inner / name) for name in (*files, *passed_by, *links)}
    return found


@pytest.fixture
def mess(inbox, samples):
    """What people, phones, editors and servers leave in a folder, none of it settled yet."""
    photo, clip = samples.picture("JPEG"), samples.mp4()
    for path, data in {
        "trip/IMG_1.jpg": photo, "trip/IMG_1 (2).jpg": photo, "trip/img_1.JPG": photo, "trip/prompt.txt": b"words", "trip/PROMPT.TXT": b"others",
        "trip/urls.txt": b"https://example.org/a.jpg", "trip/deep/IMG_2.mov": samples.mp4(brand=b"qt  "), "trip/deep/prompt.txt": b"not read here",
        "trip/notes.pdf": b"%PDF", "trip/empty.jpg": b"", "trip/.DS_Store": b"x", "trip/@eaDir/IMG_1.jpg": photo, "trip/IMG_3.jpg.part": b"half",
        "wedding/a.jpg": photo, "wedding/a.txt": b"a film", "wedding/b.jpg": photo, "wedding/alone.txt": b"of nothing", "wedding/virus.jpg": b"MZ" * 300,
        "cut/half.jpg": photo[: len(photo) // 2], "cut/hollow.mp4": clip[:5000] + bytes(len(clip) - 5000), "words/prompt.txt": b"only words",
        "strangers/readme.md": b"x", "_UNPACK_film/a.jpg": photo, "loose.jpg": photo, "cat.jpg": photo, "cat.txt": b"a cat", "half.png": b"\x89PNG\r\n\x1a\n",
        "lonely.txt": b"words of nothing", ".hidden": b"x", "line\nbreak/\u202egpj.jpg": photo, os.fsdecode(b"trip/\xff.jpg"): photo,
    }.items():  # fmt: skip
        inbox.put(path, data)
    (inbox.folder / "trip/link.jpg").symlink_to("IMG_1.jpg")
    (inbox.folder / "trip/loop").symlink_to(".")
    os.mkfifo(inbox.folder / "wedding/pipe.jpg")
    return inbox


def test_every_file_has_one_place_at_every_moment(mess):
    """At once, while it settles, after a minute, after a day, and when the daemon has moved what is loose."""
    for after_s in (0, 1, 4, 0.1, 5, 10, 5, 45, 100, 600, 86_400):
        look = mess.look(after_s)
        assert places(look) == dict.fromkeys(on_disk(mess.folder), 1)
        for gather in look.gathers:
            mess.lookout.folder.move_loose(gather)
    assert not look.gathers


def test_every_file_that_takes_no_part_says_why(mess):
    mess.settled()
    look = mess.look(86_400)
    reasons = {left.path: left.reason for project in look.projects for left in project.unsettled}
    reasons |= {left.path: left.reason for left in look.left_alone}
    assert all(len(reason) > 8 for reason in reasons.values())
    assert reasons["cut/half.jpg"] == "looks cut off; waiting for the rest"
    assert reasons["cut/hollow.mp4"] == "parts of it are still empty; waiting for the rest"
    assert reasons["trip/PROMPT.TXT"] == "another file of that name is read"
    assert reasons["half.png"] == "looks cut off; waiting for the rest"


def test_nothing_of_anybodys_is_changed_moved_or_deleted_by_looking(mess):
    """Junk, strangers, duplicates and half files lie for days as they were put there."""

    def lying() -> dict[str, tuple[int, int, int, int]]:
        found = {str(path): path.lstat() for path in mess.folder.rglob("*")}
        return {path: (at.st_ino, at.st_size, at.st_mtime_ns, at.st_mode) for path, at in found.items()}

    before = lying()
    mess.settled()
    for _ in range(5):
        mess.look(86_400)
    assert lying() == before


def test_an_hour_over_a_settled_mess_logs_nothing(mess):
    mess.settled()
    mess.look(2_000)
    with capture_logs() as lines:
        for _ in range(120):
            mess.look(30)
    assert lines == []


@pytest.mark.parametrize("path", ["cut/half.jpg", "cut/hollow.mp4", "wedding/virus.jpg", "trip/empty.jpg"])
def test_a_file_that_was_judged_is_judged_again_when_it_is_touched(mess, path):
    """So a person may retry with nothing but `touch`, `chmod`, or a move out and back in."""
    mess.settled()
    mess.look(86_400)
    asked = []
    examine = mess.lookout._examine
    mess.lookout._examine = lambda due, folder: (asked.append(due.sighting.path), examine(due, folder))[1]
    place = mess.folder / path
    place.chmod(0o640)
    os.utime(place)
    place.rename(mess.folder.parent / "out")
    mess.look(1)
    (mess.folder.parent / "out").rename(place)
    mess.look(1)
    mess.look(6)
    assert asked == [path]
