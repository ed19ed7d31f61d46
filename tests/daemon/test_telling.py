"""What people read stays true: after a disk that refused, after a file was taken away, after a setting changed."""

from __future__ import annotations

import asyncio
import errno
import json
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from nemo_watch.outbox import disk
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
