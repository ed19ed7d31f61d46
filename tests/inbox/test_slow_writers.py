"""A crowd of slow writers at once: any format, any way of writing, any pauses. Not one half file is taken, and in the end all are."""

from __future__ import annotations

import heapq
import itertools
import os
import random
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from nemo_watch import config
from nemo_watch.inbox import handles
from nemo_watch.inbox.looking import Lookout

CROWDS = [
    120,
    pytest.param(
        1_000,
        marks=[
            pytest.mark.skipif(
                os.environ.get("NEMO_WATCH_SOAK") != "1", reason="the crowd of a thousand: set NEMO_WATCH_SOAK=1"
            ),
            pytest.mark.timeout(900),
        ],
    ),
]
TELLING_THEIR_END = [
    "photo.jpg", "progressive.jpeg", "photo.png", "animated.gif", "photo.webp", "photo.heic", "clip.mp4", "streamable.mp4", "clip.mov",
    "clip.mkv", "clip.webm", "song.wav",
]  # fmt: skip
LOCAL_TIME = datetime(2026, 11, 22, 15, 42)  # noqa: DTZ001  local times have no zone here


def appending(place: Path, data: bytes, cuts: list[int]) -> Iterator[None]:
    """Opened and closed for every piece, as FTP and NFS clients do: nobody ever holds it open during a pause."""
    for start, end in itertools.pairwise(cuts):
        with place.open("ab") as file:
            file.write(data[start:end])
        yield


def held_open(place: Path, data: bytes, cuts: list[int]) -> Iterator[None]:
    with place.open("wb", buffering=0) as file:
        for start, end in itertools.pairwise(cuts):
            file.write(data[start:end])
            yield


def size_first(place: Path, data: bytes, cuts: list[int]) -> Iterator[None]:
    with place.open("wb") as file:
        file.truncate(len(data))
    yield from _filled(place, data, cuts)


def allocated(place: Path, data: bytes, cuts: list[int]) -> Iterator[None]:
    with place.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, len(data))
    yield from _filled(place, data, cuts)


def _filled(place: Path, data: bytes, cuts: list[int]) -> Iterator[None]:
    for start, end in itertools.pairwise(cuts):
        with place.open("r+b") as file:
            file.seek(start)
            file.write(data[start:end])
        yield


def renamed(place: Path, data: bytes, cuts: list[int]) -> Iterator[None]:
    part = place.with_name(f"{place.name}.part")
    yield from appending(part, data, cuts)
    part.rename(place)


WRITING: list[Callable[[Path, bytes, list[int]], Iterator[None]]] = [
    appending,
    held_open,
    size_first,
    allocated,
    renamed,
]


@pytest.mark.parametrize("writers", CROWDS)
@pytest.mark.parametrize("leases", [True, False], ids=["writers known", "writers unknown"])
def test_no_half_file_of_many_slow_writers_is_taken(leases, writers, samples, tmp_path, monkeypatch):
    """Pauses of up to five minutes, cuts anywhere; also where nobody can tell whether a file is open, and over two restarts of ours."""
    if not leases:
        monkeypatch.setattr(handles, "has_writer", lambda _handle: None)
    chance = random.Random(5)
    whole = samples.whole()
    final: dict[str, bytes] = {}
    order = itertools.count()
    queue: list[tuple[float, int, Iterator[None]]] = []
    for number in range(writers):
        name = TELLING_THEIR_END[number % len(TELLING_THEIR_END)]
        path = f"p{number % 20:02}/{number}-{name}"
        final[path] = whole[name]
        (tmp_path / path).parent.mkdir(exist_ok=True)
        # a piece of nothing but zeros at the end would be no different from what a size set first shows
        inner = sorted(chance.sample(range(1, len(whole[name]) - 600), 3))
        write = chance.choice(
            [way for way in WRITING if way is not allocated or name != "song.wav"]
        )  # silence is no sign
        heapq.heappush(
            queue,
            (chance.uniform(0, 60), next(order), write(tmp_path / path, whole[name], [0, *inner, len(whole[name])])),
        )
    lookout = Lookout(tmp_path, config.Inbox())
    early: list[str] = []
    resting: set[str] = set()

    def look(now_s: float) -> float:
        found = lookout.look(now_s, LOCAL_TIME)
        media = {m.path for project in found.projects for film in project.films for m in film.media}
        early.extend(path for path in media - resting if (tmp_path / path).read_bytes() != final[path])
        resting.clear()
        resting.update(media)
        return now_s + (30.0 if found.next_look_s is None else min(max(found.next_look_s, 5.0), 30.0))

    next_s, now_s = 0.0, 0.0
    restarts = [400.0, 150.0]  # what was known of everyone's pauses is forgotten
    while queue:
        if restarts and now_s > restarts[-1]:
            restarts.pop()
            lookout = Lookout(tmp_path, config.Inbox())
            resting.clear()
        now_s, _, writer = heapq.heappop(queue)
        while next_s <= now_s:
            next_s = look(next_s)
        if next(writer, "ended") is None:
            heapq.heappush(queue, (now_s + chance.choice([0.5, 4.0, 6.0, 30.0, 90.0, 300.0]), next(order), writer))
    while next_s <= now_s + 300:
        next_s = look(next_s)
    assert early == []
    assert resting == final.keys()
