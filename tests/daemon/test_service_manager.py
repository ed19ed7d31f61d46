"""What the service manager is told by datagrams: READY, what is done right now, what is wrong, a reload, the watchdog. sd_notify(3)."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from nemo_watch.errors import UsageError

LIMIT_S = 120.0


class Manager:
    """The service manager's end of the socket, which reads while the loop turns."""

    def __init__(self, receiver: socket.socket) -> None:
        self._receiver = receiver
        self._told = asyncio.Event()
        self.lines: list[str] = []

    def read(self) -> None:
        self.lines += self._receiver.recv(65536).decode().splitlines()
        self._told.set()

    def statuses(self) -> list[str]:
        """What it said that it does."""
        return [line.removeprefix("STATUS=") for line in self.lines if line.startswith("STATUS=")]

    async def until(self, true: Callable[[], Any]) -> Any:
        """Wait until it is so, woken by what is told."""
        async with asyncio.timeout(LIMIT_S):
            while not (value := true()):
                self._told.clear()
                await self._told.wait()
        return value


@pytest.fixture
async def manager(tmp_path, monkeypatch):
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.setblocking(False)
    receiver.bind(str(tmp_path / "notify"))
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "20000")
    manager = Manager(receiver)
    loop = asyncio.get_running_loop()
    loop.add_reader(receiver, manager.read)
    yield manager
    loop.remove_reader(receiver)
    receiver.close()


async def test_it_is_told_what_is_done_what_is_wrong_and_the_end(house, manager):
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await house.until_state("trip", "done")
        await manager.until(lambda: "1 done" in manager.statuses())
        house.inbox.rename(house.inbox.with_name("elsewhere"))
        assert manager.lines[0] == "READY=1"
        manager.lines.clear()
        told = await manager.until(lambda: [s for s in manager.statuses() if "is not there" in s])
        assert told[0].startswith("1 done; The inbox ")
        house.inbox.with_name("elsewhere").rename(house.inbox)
        await manager.until(lambda: manager.statuses()[-1] == "1 done")
    await manager.until(lambda: "STOPPING=1" in manager.lines)


async def test_a_name_cannot_write_a_line_of_its_own(house, manager):
    house.photo("trip\nREADY=0/a.jpg")
    (house.inbox / "closed\nREADY=0").mkdir(mode=0o000)  # to root it is just empty
    house.prompt("trip\nREADY=0/prompt.txt", "one")
    async with house.daemon():
        await house.until_state("trip\nREADY=0", "done")
    assert "READY=0" not in manager.lines


async def test_a_reload_is_told_from_its_beginning_to_its_end(house, manager):
    async with house.daemon(reload=lambda: house.config):
        await manager.until(manager.statuses)
        manager.lines.clear()
        os.kill(os.getpid(), signal.SIGHUP)
        await manager.until(lambda: "READY=1" in manager.lines)
    lines = manager.lines
    assert lines.index("RELOADING=1") < lines.index("READY=1")
    assert any(line.startswith("MONOTONIC_USEC=") for line in lines)


async def test_a_refused_reload_is_told_until_one_goes_well(house, manager):
    good = [False]

    def reload():
        if not good[0]:
            raise UsageError("inbox.settle: must be\na duration")
        return house.config

    refused = "the new configuration was refused, the old one stays: inbox.settle: must be\\na duration"
    async with house.daemon(reload=reload):
        await manager.until(manager.statuses)
        os.kill(os.getpid(), signal.SIGHUP)
        await manager.until(lambda: manager.statuses()[-1] == f"watching the inbox; {refused}")
        house.photo("trip/a.jpg")
        house.prompt("trip/prompt.txt", "one")
        await manager.until(lambda: manager.statuses()[-1] == f"1 done; {refused}")
        good[0] = True
        os.kill(os.getpid(), signal.SIGHUP)
        await manager.until(lambda: manager.statuses()[-1] == "1 done")


async def test_the_watchdog_is_fed_by_the_loop_only_while_it_turns(house, manager):
    async with house.daemon():
        await manager.until(lambda: manager.lines.count("WATCHDOG=1") >= 3)
        manager.lines.clear()
        assert not threading.Event().wait(0.3)  # the loop stands still: that is the case
        assert manager.lines.count("WATCHDOG=1") == 0
        await manager.until(lambda: manager.lines.count("WATCHDOG=1") >= 1)
