"""What a host may carry out for its site: what was decided for its backend, and whose bytes it sees."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nemo_watch.config import load
from nemo_watch.daemon.membership import able
from nemo_watch.model import Backend


def config(tmp_path: Path, **options: Any):
    folders = {f"folders.{name}": str(tmp_path / name) for name in ("inbox", "outbox", "state")}
    (tmp_path / "inbox").mkdir(exist_ok=True)
    return load({"HOME": str(tmp_path)}, options=folders | options)


def job(*paths: str, backend: Backend = Backend.CLOUD) -> Any:
    media = tuple(SimpleNamespace(path=path) for path in paths)
    return SimpleNamespace(order=SimpleNamespace(backend=backend, media=media), film_name="trip")


@pytest.mark.parametrize(
    ("backend", "there", "leads", "can"),
    [
        (Backend.CLOUD, ["trip/a.jpg", "trip/b.jpg"], False, True),
        (Backend.CLOUD, ["trip/b.jpg"], False, True),
        (Backend.CLOUD, [], False, False),
        (Backend.CLOUD, [], True, True),
        (Backend.STUDIO, ["trip/a.jpg", "trip/b.jpg"], False, False),
        (Backend.STUDIO, ["trip/a.jpg", "trip/b.jpg"], True, False),
    ],
)
async def test_a_host_makes_what_was_decided_for_its_backend_and_whose_bytes_it_sees(
    tmp_path, backend, there, leads, can
):
    can_make = able(config(tmp_path))
    (tmp_path / "inbox" / "trip").mkdir()
    for path in there:
        (tmp_path / "inbox" / path).touch()
    assert await can_make(job("trip/a.jpg", "trip/b.jpg", backend=backend), leads) is can


async def test_a_film_of_addresses_alone_needs_no_bytes(tmp_path):
    assert await able(config(tmp_path))(job(), False)


async def test_an_inbox_that_does_not_answer_is_asked_once_until_it_has(tmp_path, monkeypatch):
    answers, asked = threading.Event(), []

    def is_file(path: Path) -> bool:
        asked.append(path)
        return answers.wait(10)

    can_make = able(config(tmp_path, **{"journal.silence": "2s"}))
    monkeypatch.setattr(Path, "is_file", is_file)
    assert not await can_make(job("trip/a.jpg"), True)
    assert not await can_make(job("trip/a.jpg"), True)
    assert len(asked) == 1
    answers.set()
    await asyncio.get_running_loop().shutdown_default_executor()  # the look has come back
    await asyncio.sleep(0)
    assert await can_make(job("trip/a.jpg"), True)
    assert os.fspath(asked[-1]).endswith("inbox/trip/a.jpg")
