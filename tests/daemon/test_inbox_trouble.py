"""An inbox that does not answer, or refuses: told within one rescan, and nothing else is held up by it."""

from __future__ import annotations

import errno
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from nemo_watch import logs
from nemo_watch.daemon.looks import LOST_MAX, Looks
from nemo_watch.daemon.wiring import open_journal
from nemo_watch.errors import Cause, FilmState, Need, Trouble
from nemo_watch.inbox import handles, moving, preparing
from nemo_watch.inbox.announcing import Announcer
from nemo_watch.inbox.listing import InboxFolder
from nemo_watch.jobs import records


async def test_an_inbox_that_hangs_is_told_and_holds_up_neither_requests_nor_the_stop(house, monkeypatch):
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    answered = threading.Event()
    original = Looks._look_and_tend

    def hangs(self):
        if hanging.is_set():
            answered.wait()
        return original(self)

    hanging = threading.Event()
    monkeypatch.setattr(Looks, "_look_and_tend", hangs)
    try:
        async with house.daemon():
            await house.until_state("trip", "done", 1)
            hanging.set()
            await house.until(lambda: any("does not answer" in p for p in house.overviews[-1].watching.problems))
            assert house.row("trip").state is FilmState.DONE
            for video in (house.outbox / "trip").glob("*.mp4"):
                video.unlink()
            await house.ask("retry", "trip")
            await house.until((house.outbox / "trip/trip.mp4").exists)
            hanging.clear()
            answered.set()
            await house.until(lambda: not house.overviews[-1].watching.problems)
            answered.clear()
            hanging.set()
            await house.until(lambda: house.overviews[-1].watching.problems)
        assert house.task.result() == 0  # stopped beside a look that has not come back
    finally:
        answered.set()


async def test_loose_files_that_cannot_be_moved_are_told_and_end_once(house, monkeypatch):
    def refused(self, gather):
        raise Trouble(Cause.INBOX_ABSENT, folder="the inbox")

    monkeypatch.setattr(InboxFolder, "move_loose", refused)
    house.photo("a.jpg")
    async with house.daemon(once=True):
        await house.task
    [file] = house.overviews[-1].files
    assert file.path == "a.jpg"
    assert "cannot be moved" in file.reason


def test_each_problem_has_a_line_of_its_own_behind_the_flood_brake(capsys):
    import io

    out = io.StringIO()
    logs.configure(stream=out, kind=logs.Kind.JSON, brake_s=60.0)
    announcer = Announcer()
    announcer.tell(["The inbox is not there.", "x/secret cannot be read."])
    announcer.tell([])
    lines = out.getvalue()
    assert "The inbox is not there." in lines
    assert "x/secret cannot be read." in lines
    assert lines.count("inbox.healed") == 2


async def test_a_file_that_cannot_be_read_to_its_end_holds_its_film_and_nothing_is_paid_until_it_can(
    house, monkeypatch
):
    """A disk with a bad spot in the middle of a photo: its head looks whole, reading it through fails."""
    bad = house.photo("trip/bad.jpg", "red")
    house.photo("trip/good.jpg")
    house.prompt("trip/prompt.txt", "one")
    original, broken = preparing._studied, [True]

    def failing(file, name, sighting):
        if broken[0] and name == "bad.jpg":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return original(file, name, sighting)

    monkeypatch.setattr(preparing, "_studied", failing)
    async with house.daemon():
        [held] = await house.until(
            lambda: [f for o in house.overviews[-1:] for f in o.files if "cannot be read" in f.reason]
        )
        assert held.path == "trip/bad.jpg"
        assert "/run_sse" not in [entry["path"] for entry in await house.log()]
        broken[0] = False
        await house.until_state("trip", "done")
    assert bad.exists()


async def test_an_empty_mount_point_after_a_restart_is_no_emptied_inbox(house):
    """The disk was not mounted at the start: nothing is given up, and its return is seen."""
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await house.until_state("trip", "done")
    store = open_journal(house.config)
    folder = str(house.inbox)
    known = store.submit(lambda c: records.inbox_root(c, folder)).result()
    assert known is not None
    elsewhere = replace(known, device=known.device + 1, inode=known.inode + 1)  # as if this were the bare mount point
    store.submit(lambda c: records.keep_inbox_root(c, folder, elsewhere)).result()
    store.close()
    house.inbox.rename(house.inbox.with_name("disk"))
    house.inbox.mkdir()
    async with house.daemon():
        await house.until(lambda: any("on another disk" in p for p in house.overviews[-1].watching.problems))
        house.inbox.rmdir()
        house.inbox.with_name("disk").rename(house.inbox)
        await house.until(lambda: not house.overviews[-1].watching.problems)
    store = open_journal(house.config)
    assert store.submit(lambda c: records.inbox_root(c, folder)).result() == known
    store.close()


NO_TEXTS = {
    "link": (lambda place: place.symlink_to("elsewhere.txt"), "it is a link; links are not followed"),
    "folder": (Path.mkdir, "it is a folder"),
    "pipe": (os.mkfifo, "it is not a regular file"),
    "book": (lambda place: place.write_bytes(b"words " * 200_000), "it is too long for words"),
}


@pytest.mark.parametrize("kind", NO_TEXTS)
async def test_a_prompt_that_is_no_text_is_asked_for_once_and_nothing_is_bought_without_it(house, kind):
    """No prompt can be written where a link, a folder or a pipe stands: the person is told, and it is not tried over and over."""
    make, reason = NO_TEXTS[kind]
    house.photo("trip/a.jpg")
    place = house.inbox / "trip/prompt.txt"
    make(place)
    with capture_logs() as lines:
        async with house.daemon() as daemon:
            row = await house.until_state("trip", "needs_you")
            assert row.needs is Need.FILE
            assert row.detail == f"trip/prompt.txt cannot be read as plain text: {reason}."
            assert "in its place" in (house.outbox / "trip/NEEDS-YOU.txt").read_text()
            metrics = daemon._rounds.looks.metrics
            before = metrics.looks
            await house.ask("retry", "trip")  # something else to do
            await house.until(lambda: metrics.looks > before)
            assert metrics.looks < before + 20
            place.rmdir() if kind == "folder" else place.unlink()
            place.write_text("one")
            await house.until_state("trip", "done")
    assert "prompt.written" not in [line["event"] for line in lines]


async def test_a_loose_file_that_cannot_be_moved_stays_with_its_reason_and_holds_up_no_other(house, monkeypatch):
    real, stuck = handles.rename_new, {"c.jpg"}

    def refusing(source, old, target, new):
        if old in stuck:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), old)
        real(source, old, target, new)

    monkeypatch.setattr(handles, "rename_new", refusing)
    for name in "abcd":
        house.photo(f"{name}.jpg")

    def there(*names):
        return [next(iter(house.inbox.glob(f"[0-9]*/{name}.jpg")), None) for name in names]

    with capture_logs() as lines:
        async with house.daemon() as daemon:
            await house.until(lambda: all(there("a", "b", "d")))
            [row] = await house.until(lambda: [f for f in house.overviews[-1].files if f.path == "c.jpg"])
            assert row.reason == "cannot be moved into a project (Device or resource busy); put it into a folder"
            looks = daemon._rounds.looks.metrics.looks
            await house.until(lambda: there("a")[0].with_name("prompt.txt").exists())
            await house.until_state(there("a")[0].parent.name, "done")
            assert [f.path for f in house.overviews[-1].files] == ["c.jpg"]
            house.photo("e.jpg")  # later ones are not held up either
            await house.until(lambda: there("e")[0])
            assert daemon._rounds.looks.metrics.looks < looks + 200
            stuck.clear()
            await house.until(lambda: there("c")[0])
    assert len([line for line in lines if line["event"] == "loose.move_refused"]) == 1
    assert not list(house.inbox.glob(".gathering-*"))


async def test_a_project_folder_that_cannot_be_written_is_named_and_asked_about(house, monkeypatch):
    real, closed = moving.write_new, [True]

    def refusing(folder, name, data):
        if closed[0]:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(folder, name, data)

    monkeypatch.setattr(moving, "write_new", refusing)
    house.photo("trip/a.jpg")
    async with house.daemon():
        row = await house.until_state("trip", "needs_you")
        assert (row.detail, row.needs) == (f"{house.inbox}/trip cannot be written (Permission denied).", Need.SPACE)
        assert "the right to write" in (house.outbox / "trip/NEEDS-YOU.txt").read_text()
        closed[0] = False
        await house.until_state("trip", "done")


async def test_films_that_have_not_begun_stay_in_the_status_while_the_inbox_is_away(house):
    house.config = replace(house.config, inbox=replace(house.config.inbox, prompt_wait_s=float("inf")))
    house.photo("trip/a.jpg")
    async with house.daemon():
        await house.until_state("trip", "waiting_for_prompt")
        house.inbox.rename(house.inbox.with_name("away"))
        await house.until(lambda: any("is not there" in p for p in house.overviews[-1].watching.problems))
        [before, *_] = [o for o in reversed(house.overviews) if not o.watching.problems]
        assert house.overviews[-1].films == before.films != ()
        house.inbox.with_name("away").rename(house.inbox)
        await house.until(lambda: not house.overviews[-1].watching.problems)
        await house.until_state("trip", "waiting_for_prompt")


async def test_a_look_that_hangs_in_what_is_gone_is_given_up_for_a_fresh_one_a_few_times(house, monkeypatch):
    """As of a mount whose server is silent, unmounted lazily: its calls never come back."""
    silent, mounts = threading.Event(), [b"first"]
    original = Looks._look_and_tend
    hanging = threading.Event()

    def hangs(self):
        if hanging.is_set():
            silent.wait()
        return original(self)

    monkeypatch.setattr(Looks, "_look_and_tend", hangs)
    monkeypatch.setattr(handles, "mounts_to", lambda _path: tuple(mounts))
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    try:
        async with house.daemon() as daemon:
            await house.until_state("trip", "done")
            for number in range(LOST_MAX):
                hanging.set()
                [told] = await house.until(lambda: house.overviews[-1].watching.problems)
                assert told.endswith("Bring its disk or server back, or unmount it; nemo-watch goes on by itself.")
                hanging.clear()
                mounts[0] = b"another %d" % number
                await house.until(lambda: not house.overviews[-1].watching.problems)
                house.photo(f"new{number}/b.jpg")
                await house.until(lambda number=number: house.row(f"new{number}"))
            hanging.set()
            await house.until(lambda: house.overviews[-1].watching.problems)
            mounts[0] = b"one too many"
            await house.until(lambda: any("restart nemo-watch" in p for p in house.overviews[-1].watching.problems))
            assert daemon.hangs
    finally:
        silent.set()


async def test_a_heic_photo_goes_up_from_a_state_folder_that_the_daemon_made(house):
    import pillow_heif
    from PIL import Image

    (house.inbox / "trip").mkdir()
    pillow_heif.from_pillow(Image.new("RGB", (64, 48), "teal")).save(house.inbox / "trip/a.heic")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await house.until_state("trip", "done")
    assert house.overviews[-1].files == ()
