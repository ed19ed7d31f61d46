"""One folder's page: asked for again and again, every entry each time."""

from __future__ import annotations

import errno
import os
from dataclasses import replace

import pytest

from nemo_watch.inbox import pages
from nemo_watch.inbox.pages import page_of
from nemo_watch.model import EntryKind, Sighting


@pytest.fixture
def folder(tmp_path):
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "inside").mkdir()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "link.jpg").symlink_to("a.jpg")
    handle = os.open(tmp_path, os.O_RDONLY)
    yield tmp_path, handle
    os.close(handle)


def test_a_sighting_is_what_the_system_says(folder):
    root, handle = folder
    page = page_of(handle, "x/y", None)
    made = {sighting.path: sighting for sighting in page.sightings}
    found = os.lstat(root / "b.jpg")
    assert made["x/y/b.jpg"] == Sighting(
        "x/y/b.jpg", EntryKind.FILE, 5, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev
    )
    assert {path: sighting.kind for path, sighting in made.items() if sighting.kind is not EntryKind.FILE} == {
        "x/y/.hidden": EntryKind.FOLDER,
        "x/y/link.jpg": EntryKind.LINK,
    }
    assert page.subfolders == ("inside",)


def test_a_sighting_made_by_columns_is_as_one_made_by_hand(folder):
    """Same hash, frozen, every field filled: it is a key of dictionaries all over."""
    _, handle = folder
    for made in page_of(handle, "", None).sightings:
        by_hand = Sighting(*(getattr(made, name) for name in Sighting.__slots__))
        assert (made, hash(made), repr(made)) == (by_hand, hash(by_hand), repr(by_hand))
        with pytest.raises(AttributeError):
            made.path = "other"


def test_the_setters_cover_every_field():
    assert sorted(pages._FIELDS) == sorted(Sighting.__slots__)


def test_every_entry_is_asked_for_each_time(folder, monkeypatch):
    _, handle = folder
    page = page_of(handle, "", None)
    asked = []
    monkeypatch.setattr(pages, "_lstat", lambda name, **options: (asked.append(name), os.lstat(name, **options))[1])
    assert page_of(handle, "", page) is page
    assert sorted(asked) == sorted(page.names)


def test_the_same_entries_on_another_disk_are_seen_anew(folder):
    """A stick that was pulled and put in again: same inodes and times under another device number. Held on to, they could not be opened."""
    _, handle = folder
    page = page_of(handle, "", None)
    stale = replace(page, device=page.device + 1, sightings=[replace(s, device=s.device + 1) for s in page.sightings])
    again = page_of(handle, "", stale)
    assert again == page
    assert again is not stale


def test_an_empty_folder_has_an_empty_page(tmp_path):
    handle = os.open(tmp_path, os.O_RDONLY)
    page = page_of(handle, "", None)
    assert (page.sightings, page.subfolders) == ((), ())
    assert page_of(handle, "", page) is page
    (tmp_path / "a.jpg").write_bytes(b"x")
    assert len(page_of(handle, "", page).sightings) == 1
    os.close(handle)


def test_what_vanishes_between_the_names_and_the_facts_is_left_out(folder, monkeypatch):
    root, handle = folder
    known = page_of(handle, "", None)

    def vanishing(name, **options):
        if name == "b.jpg":
            (root / name).unlink(missing_ok=True)
        return os.lstat(name, **options)

    monkeypatch.setattr(pages, "_lstat", vanishing)
    page = page_of(handle, "", known)
    assert {sighting.path for sighting in page.sightings} == {"a.jpg", "c.jpg", ".hidden", "link.jpg"}
    assert len(page.names) == len(page.facts) == 5


def test_an_entry_that_does_not_answer_is_named_and_the_others_are_listed(folder, monkeypatch):
    """A mount whose server died, a bad spot on the disk: the system does not even tell what it is."""
    _, handle = folder
    before = page_of(handle, "x", None)

    def dead(name, **options):
        if name in {"inside", "b.jpg"}:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN), name)
        return os.lstat(name, **options)

    with monkeypatch.context() as patch:
        patch.setattr(pages, "_lstat", dead)
        page = page_of(handle, "x", before)
        assert sorted(page.unreadable) == [(n, "Transport endpoint is not connected") for n in ("b.jpg", "inside")]
        assert page.subfolders == ()
        assert "x/a.jpg" in {sighting.path for sighting in page.sightings}
        assert "x/b.jpg" not in {sighting.path for sighting in page.sightings}
    assert replace(page_of(handle, "x", page), names=[]) == replace(before, names=[])
