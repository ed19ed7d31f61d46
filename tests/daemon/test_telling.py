"""What people read stays true: after a disk that refused, after a file was taken away, after a setting changed."""

from __future__ import annotations

import asyncio
import errno
import json
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from nemo_watch.outbox import disk, notify
from tests.daemon.conftest import LIMIT_S


async def seen(true) -> None:
    """Wait until the outbox shows it."""
    async with asyncio.timeout(LIMIT_S):
        while not true():  # noqa: ASYNC110  files tell nobody
            await asyncio.sleep(0.02)


def states(house) -> list[str]:
    return [film["state"] for film in json.loads((house.outbox / "status.json").read_text())["projects"]]


@pytest.fixture
def full(monkeypatch) -> set[str]:
    """The names of files for which the disk has no room."""
    names: set[str] = set()
    original = disk.replace_file

    def replace_file(at, name, data):
        if name in names:
            raise OSError(errno.ENOSPC, "No space left on device")
        original(at, name, data)

    monkeypatch.setattr(disk, "replace_file", replace_file)
    return names


async def test_what_a_full_disk_kept_from_being_written_is_written_when_there_is_room(house, full):
    await house.script({"call": "render", "at": 1, "times": 9, "do": {"fail": "bad codec"}})
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    with capture_logs() as lines:
        async with house.daemon() as daemon:
            await seen((house.outbox / "status.json").exists)
            full |= {"status.json", "NEEDS-YOU.txt"}
            await house.until_state("trip", "failed")
            for _time in range(3):
                daemon._wake.set()
                await asyncio.sleep(0.2)
            assert states(house) != ["failed"]
            full.clear()
            await seen(lambda: states(house) == ["failed"])
            await seen((house.outbox / "trip/NEEDS-YOU.txt").exists)
    told = [line["event"] for line in lines if line["event"] in {"outbox.unwritable", "needs.unwritten"}]
    assert sorted(told) == ["needs.unwritten", "outbox.unwritable"]


@pytest.mark.parametrize("name", ["status.json", "index.html"])
async def test_a_page_that_was_taken_away_comes_back(house, name):
    async with house.daemon():
        await seen((house.outbox / name).exists)
        (house.outbox / name).unlink()
        await seen((house.outbox / name).exists)


async def test_a_gallery_that_is_switched_off_goes_and_comes_when_it_is_switched_on(house):
    def with_gallery(*, on: bool):
        return lambda: replace(house.config, outbox=replace(house.config.outbox, gallery=on))

    page = house.outbox / "index.html"
    async with house.daemon() as daemon:
        await seen(page.exists)
        daemon._reload(with_gallery(on=False))
        await seen(lambda: not page.exists())
        page.write_text("a person's own")
        await asyncio.sleep(0.3)
        assert page.read_text() == "a person's own"
        daemon._reload(with_gallery(on=True))
        await seen(lambda: "nemo-watch" in page.read_text())


class Told:
    """Stands where a person's messages arrive; refuses as often as it is told to."""

    def __init__(self) -> None:
        self.titles: list[str] = []
        self.refuses = 0

    async def async_notify(self, **message: str) -> bool:
        self.titles.append(message["title"])
        self.refuses -= 1
        return self.refuses < 0


@pytest.fixture
def told(house, monkeypatch) -> Told:
    found = Told()
    monkeypatch.setattr(notify, "_apprise", lambda _urls: found)
    house.config = replace(house.config, notify=replace(house.config.notify, urls=("json://told.example/",)))
    return found


async def test_a_film_that_fails_again_after_a_retry_is_told_again(house, told):
    await house.script({"call": "render", "at": 1, "times": 9, "do": {"fail": "bad codec"}})
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        for times in (1, 2):
            await seen(lambda times=times: told.titles == ["trip: failed"] * times)
            await house.until_state("trip", "failed")
            await house.ask("retry", "trip")


async def test_a_restart_tells_no_failure_twice_and_a_failure_after_its_retry_again(house, told):
    await house.script({"call": "render", "at": 1, "times": 9, "do": {"fail": "bad codec"}})
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await seen(lambda: told.titles)
    async with house.daemon():
        await asyncio.sleep(0.5)
    assert told.titles == ["trip: failed"]
    await house.ask("retry", "trip")
    async with house.daemon():
        await seen(lambda: told.titles == ["trip: failed"] * 2)


async def test_a_full_disk_that_is_tried_again_by_itself_is_told_once(house, told, full):
    full.add("timeline.txt")
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await house.until_state("trip", "needs_you")
        tries = len(house.overviews)
        await house.until(lambda: len(house.overviews) > tries + 4)
        full.clear()
        await house.until_state("trip", "done")
        await seen(lambda: "trip: done" in told.titles)
    assert told.titles == ["trip: needs you", "trip: done"]


async def test_a_message_that_was_not_delivered_is_delivered_later(house, told, monkeypatch):
    monkeypatch.setattr(notify, "PAUSE_S", 0.05)
    told.refuses = 2
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await seen(lambda: told.titles == ["trip: done"] * 3)
        await asyncio.sleep(0.5)
    assert told.titles == ["trip: done"] * 3
