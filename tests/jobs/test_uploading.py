"""Uploads begin in the film's order, whatever each costs to make ready, and still go up several at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from nemo_watch.errors import Cause, Trouble
from nemo_watch.jobs.run import Session
from nemo_watch.jobs.uploading import upload_media
from nemo_watch.model import MediaKind, Medium, OrderKind, url_key

NAMES = ["a.jpg", "b.heic", "c.jpg", "d.jpg", "e.jpg"]


class FakeRun:
    """As much of a run as uploads need. `ready_after` turns of the loop pass until a file is ready to go."""

    def __init__(
        self, ready_after: dict[str, int], *, refuse: str | None = None, up_already: str | None = None
    ) -> None:
        media = tuple(Medium(name, name, MediaKind.IMAGE, 1, f"sha-{name}") for name in NAMES)
        self.order = SimpleNamespace(media=media, urls=(), send=("x",), kind=OrderKind.MESSAGES)
        self.as_it_stands = False
        self.uploads = asyncio.Semaphore(3)
        self.left_out: list[tuple[Medium, str]] = []
        self.begun: list[str] = []
        self.at_once = self.most_at_once = 0
        self.ready_after, self.refuse, self.up_already = ready_after, refuse, up_already
        self.journal = self.service = self.media = self

    def report(self, *_args: object) -> None:
        pass

    async def tell(self, _line: str) -> None:
        pass

    async def find(self, _name: str, _scope: str = "") -> Any:
        return None

    async def intent(self, *_args: object) -> None:
        pass

    async def receipt(self, *_args: object) -> None:
        pass

    async def step(self, name: str, act: Callable[[], Any], _scope: str) -> Any:
        return {} if name == f"upload/sha-{self.up_already}" else await act()

    @asynccontextmanager
    async def source(self, medium: Medium) -> AsyncIterator[Medium]:
        for _ in range(self.ready_after.get(medium.name, 0)):
            await asyncio.sleep(0)
        yield medium

    async def upload(self, _session: str, source: Medium, progress: Callable[[int], None]) -> list[Any]:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(0)
            self.begun.append(source.name)
            if source.name == self.refuse:
                raise Trouble(Cause.FILE_UNSUPPORTED)
            progress(0)
            for _ in range(50):
                await asyncio.sleep(0)
            return []
        finally:
            self.at_once -= 1


async def uploaded(run: FakeRun) -> FakeRun:
    await upload_media(run, Session(1, "1", None))  # type: ignore[arg-type]
    return run


async def test_a_file_that_takes_long_to_make_ready_is_not_overtaken() -> None:
    run = await uploaded(FakeRun({"a.jpg": 30, "b.heic": 90}))
    assert run.begun == NAMES
    assert run.most_at_once == 3


@pytest.mark.parametrize("name", NAMES)
async def test_a_file_that_is_refused_passes_its_turn_on(name: str) -> None:
    run = await uploaded(FakeRun({name: 20}, refuse=name))
    assert run.begun == NAMES
    assert [medium.name for medium, _ in run.left_out] == [name]


@pytest.mark.parametrize("name", NAMES)
async def test_a_file_that_is_up_already_passes_its_turn_on(name: str) -> None:
    run = await uploaded(FakeRun({}, up_already=name))
    assert run.begun == [other for other in NAMES if other != name]


class AddressRun(FakeRun):
    """A run of addresses alone, whose journal outlives it; the service refuses `bad` ones, or is cut off at the `cut`-th call."""

    def __init__(
        self, urls: tuple[str, ...], receipts: dict[tuple[str, str], Any], bad: set[str], cut: int = 0
    ) -> None:
        super().__init__({})
        self.order = SimpleNamespace(media=(), urls=urls, send=("x",), kind=OrderKind.MESSAGES)
        self.receipts, self.bad, self.cut = receipts, bad, cut
        self.asked: list[list[str]] = []

    async def find(self, name: str, scope: str = "job/1") -> Any:
        receipt = self.receipts.get((scope, name))
        return None if receipt is None else SimpleNamespace(receipt=receipt)

    async def receipt(self, name: str, receipt: Any, scope: str = "job/1") -> None:
        assert (scope, name) not in self.receipts
        self.receipts[scope, name] = receipt

    async def upload_urls(self, _session: str, urls: list[str]) -> list[Any]:
        self.asked.append(list(urls))
        if len(self.asked) == self.cut:
            raise Trouble(Cause.NETWORK_DOWN, reason="cut")
        if self.bad & set(urls):
            raise Trouble(Cause.FILE_UNSUPPORTED)
        return []


URLS = ("https://e.org/1.jpg", "https://e.org/2.jpg", "https://e.org/3.jpg")


@pytest.mark.parametrize("cut", [1, 2, 3, 4])
async def test_addresses_of_a_refused_joint_call_are_resumed_one_by_one_and_handed_over_once(cut: int) -> None:
    receipts: dict[tuple[str, str], Any] = {}
    broken = AddressRun(URLS, receipts, {URLS[1]}, cut)
    with pytest.raises(Trouble):
        await uploaded(broken)
    resumed = await uploaded(AddressRun(URLS, receipts, {URLS[1]}))
    taken = [call[0] for call in (*broken.asked[:-1], *resumed.asked) if len(call) == 1 and call[0] != URLS[1]]
    joint = [call for call in resumed.asked if len(call) > 1]
    assert sorted(name for scope, name in receipts if scope == "session/1") == sorted(
        f"urls/{url_key(url)}" for url in URLS if url != URLS[1]
    )
    assert all(URLS[1] in call for call in joint), "what a call without the refused one had brought up was repeated"
    assert len(taken) == len(set(taken))
    assert len(resumed.left_out) == 1


async def test_an_address_that_was_refused_is_not_asked_again_by_the_same_job() -> None:
    receipts: dict[tuple[str, str], Any] = {}
    await uploaded(AddressRun(URLS, receipts, {URLS[1]}))
    again = await uploaded(AddressRun(URLS, receipts, {URLS[1]}))
    assert again.asked == []
    assert len(again.left_out) == 1
