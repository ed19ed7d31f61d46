"""An inbox that does not answer, or refuses: told within one rescan, and nothing else is held up by it."""

from __future__ import annotations

import errno
import os
import threading
from dataclasses import replace

from nemo_watch import logs
from nemo_watch.daemon.looks import Looks
from nemo_watch.daemon.wiring import open_journal
from nemo_watch.errors import Cause, FilmState, Trouble
from nemo_watch.inbox import preparing
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
