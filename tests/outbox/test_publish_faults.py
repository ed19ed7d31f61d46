"""Kills between any two calls to the system, and a disk that refuses any one of them."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from outbox_samples import NOW, mp4

from nemo_watch.errors import Cause, Need, Trouble
from nemo_watch.outbox import disk, publish, videos
from nemo_watch.outbox import mp4 as mp4_module
from nemo_watch.outbox.publish import OutboxFolder


class Killed(BaseException):
    """The process is gone, between two calls."""


class FusedSystem:
    """The `os` module with a fuse: call number `at` (from 0) meets `fault`, before it is made or (`after`) when it is done."""

    COUNTED = frozenset(
        {
            "open",
            "close",
            "mkdir",
            "link",
            "rename",
            "unlink",
            "fsync",
            "write",
            "read",
            "pread",
            "lstat",
            "fstat",
            "listdir",
            "scandir",
        }
    )

    def __init__(
        self, at: int | None, fault: Callable[[], BaseException], *, after: bool = False, only: frozenset[str] = COUNTED
    ) -> None:
        self.at, self.fault, self.after, self.only = at, fault, after, only
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in self.only:
            return real

        def fused(*args: Any, **options: Any) -> Any:
            number = len(self.calls)
            self.calls.append(name)
            if number == self.at and not self.after:
                raise self.fault()
            try:
                return real(*args, **options)
            finally:
                if number == self.at:
                    raise self.fault()

        return fused

    def install(self, monkeypatch: pytest.MonkeyPatch) -> FusedSystem:
        for module in (disk, videos, publish, mp4_module):
            monkeypatch.setattr(module, "os", self)
        return self


def refused(number: int) -> Callable[[], BaseException]:
    return lambda: OSError(number, os.strerror(number))


def publish_two(outbox: OutboxFolder) -> None:
    """A second version is fetched (as often as it takes) and published beside a first."""
    part = outbox.part_path("trip", "trip", 2)
    if not part.exists() and not (outbox.root / "trip/trip-v2.mp4").exists():
        part.write_bytes(mp4(b"two"))
    assert outbox.publish_video("trip", "trip", 2, part) == "trip/trip-v2.mp4"


def hand_over(outbox: OutboxFolder) -> None:
    assert outbox.hand_over("trip/trip-v1.mp4", "copy", "copy", 1) == "copy/copy-v1.mp4"


def write_words(outbox: OutboxFolder) -> None:
    outbox.write_reply("trip", "trip", "new " * 1000)
    outbox.write_needs("trip", "a", "a's")
    outbox.write_needs("trip", "b", None)


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill is no power cut: fsync is counted as a call and does nothing, and hundreds of lives take seconds."""
    monkeypatch.setattr(os, "fsync", lambda _handle: None)


@pytest.fixture
def ready(tmp_path):
    """An outbox with a first version, an old reply and a need."""
    return fresh(tmp_path, -1)


def everything(outbox: OutboxFolder) -> dict[str, bytes]:
    return {str(path.relative_to(outbox.root)): path.read_bytes() for path in outbox.root.rglob("*") if path.is_file()}


OLD, NEW = b"old " * 999 + b"old \n", b"new " * 999 + b"new \n"
WORDS = {"trip/reply.txt": OLD, "trip/NEEDS-YOU.txt": b"=== b ===\n\nb's\n"}
ONE = {"trip/trip-v1.mp4": mp4(b"one")}
AFTER: dict[Callable[[OutboxFolder], None], dict[str, bytes]] = {
    publish_two: ONE | WORDS | {"trip/trip-v2.mp4": mp4(b"two"), "trip/trip.mp4": mp4(b"two")},
    hand_over: ONE
    | WORDS
    | {"trip/trip.mp4": mp4(b"one"), "copy/copy-v1.mp4": mp4(b"one"), "copy/copy.mp4": mp4(b"one")},
    write_words: ONE
    | {"trip/trip.mp4": mp4(b"one"), "trip/reply.txt": NEW, "trip/NEEDS-YOU.txt": b"=== a ===\n\na's\n"},
}
ACTS = pytest.mark.parametrize("act", AFTER, ids=lambda act: act.__name__)
LINKED = pytest.mark.parametrize("linked", [True, False], ids=["hard links", "no hard links"])


def without_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real system, under any fuse, refuses links: FAT."""

    def refuse(*_args: Any, **_options: Any) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)


def calls_of(act, outbox, monkeypatch, only=FusedSystem.COUNTED) -> list[str]:
    with monkeypatch.context() as patch:
        system = FusedSystem(None, Killed, only=only).install(patch)
        act(outbox)
        return system.calls


def fresh(tmp_path, number: int) -> OutboxFolder:
    root = tmp_path / f"outbox-{number}"
    root.mkdir(parents=True)
    outbox = OutboxFolder(root)
    part = outbox.part_path("trip", "trip", 1)
    part.write_bytes(mp4(b"one"))
    outbox.publish_video("trip", "trip", 1, part)
    outbox.write_reply("trip", "trip", "old " * 1000)
    outbox.write_needs("trip", "b", "b's")
    return outbox


def check_whole(outbox: OutboxFolder, act: Callable[[OutboxFolder], None]) -> None:
    """At this very moment: whatever is visible is whole, old or new."""
    allowed = {name: {data} for name, data in AFTER[act].items()}
    allowed["trip/trip.mp4"] = {mp4(b"one"), mp4(b"two")}
    allowed["trip/reply.txt"] = {OLD, NEW}
    allowed["trip/NEEDS-YOU.txt"] = {
        b"=== b ===\n\nb's\n",
        b"=== a ===\n\na's\n",
        b"=== a ===\n\na's\n\n=== b ===\n\nb's\n",
    }
    for name, data in everything(outbox).items():
        if not name.rpartition("/")[2].startswith("."):
            assert data in allowed[name], name


@ACTS
@LINKED
def test_killed_between_any_two_calls_and_restarted_everything_is_there_once(tmp_path, monkeypatch, act, linked):
    """Promise 3: a video in the outbox is whole; a finished step is never done again; and no temporary file stays."""
    if not linked:
        without_links(monkeypatch)
    calls = calls_of(act, fresh(tmp_path, -1), monkeypatch)
    assert len(calls) > 15
    for point in range(len(calls)):
        for after in (False, True):
            outbox = fresh(tmp_path, 2 * point + after)
            with monkeypatch.context() as patch:
                FusedSystem(point, Killed, after=after).install(patch)
                with pytest.raises(Killed):
                    act(outbox)
            check_whole(outbox, act)
            act(outbox)  # the restart
            outbox.clear_leftovers(datetime.now(UTC) + timedelta(seconds=5))
            assert everything(outbox) == AFTER[act], (calls[point], point, after)


@ACTS
@LINKED
def test_killed_twice_on_the_way(tmp_path, monkeypatch, act, linked):
    if not linked:
        without_links(monkeypatch)
    count = len(calls_of(act, fresh(tmp_path, -1), monkeypatch))
    for number, (first, second) in enumerate((a, b) for a in range(0, count, 6) for b in range(1, count, 5)):
        outbox = fresh(tmp_path, number)
        for point in (first, second):
            with monkeypatch.context() as patch:
                FusedSystem(point, Killed).install(patch)
                try:
                    act(outbox)
                except Killed:
                    check_whole(outbox, act)
        act(outbox)
        outbox.clear_leftovers(datetime.now(UTC) + timedelta(seconds=5))
        assert everything(outbox) == AFTER[act], (first, second)


WRITES = frozenset({"open", "mkdir", "link", "rename", "unlink", "fsync", "write"})


@ACTS
@LINKED
@pytest.mark.parametrize(
    ("number", "cause"),
    [
        (errno.ENOSPC, Cause.NO_SPACE),
        (errno.EDQUOT, Cause.NO_SPACE),
        (errno.EROFS, Cause.OUTBOX_UNWRITABLE),
        (errno.EIO, Cause.OUTBOX_UNWRITABLE),
    ],
)
def test_a_disk_that_refuses_any_call_is_told_and_mended_later(tmp_path, monkeypatch, act, linked, number, cause):
    if not linked:
        without_links(monkeypatch)
    calls = calls_of(act, fresh(tmp_path, -1), monkeypatch, only=WRITES)
    for point, call in enumerate(calls):
        outbox = fresh(tmp_path, point)
        with monkeypatch.context() as patch:
            FusedSystem(point, refused(number), only=WRITES).install(patch)
            with pytest.raises(Trouble) as trouble:
                act(outbox)
        assert trouble.value.cause is cause, call
        assert trouble.value.failure.needs is Need.SPACE
        assert str(outbox.root) in str(trouble.value)
        assert trouble.value.__cause__ is not None
        check_whole(outbox, act)
        act(outbox)  # room was made
        outbox.clear_leftovers(datetime.now(UTC) + timedelta(seconds=5))
        assert everything(outbox) == AFTER[act], call


def test_a_full_disk_leaves_no_temporary_text_behind(ready, monkeypatch):
    """Small files are written often: what a failure leaves must not fill the disk further."""
    before = everything(ready)
    with monkeypatch.context() as patch:
        FusedSystem(0, refused(errno.ENOSPC), only=frozenset({"write"})).install(patch)
        with pytest.raises(Trouble):
            ready.write_reply("trip", "trip", "new")
    assert everything(ready) == before


def test_short_writes_are_completed(ready, monkeypatch):
    """write(2) may take fewer bytes than given."""

    class Stingy(FusedSystem):
        def __getattr__(self, name: str) -> Any:
            if name == "write":
                return lambda handle, data: os.write(handle, bytes(data[:7]))
            return super().__getattr__(name)

    Stingy(None, Killed).install(monkeypatch)
    ready.write_reply("trip", "trip", "new " * 1000)
    ready.log("trip", "x" * 100, NOW)
    assert (ready.root / "trip/reply.txt").read_bytes() == NEW
    assert (ready.root / "trip/project.log").read_text().endswith("x" * 100 + "\n")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere; the injected EROFS above stands for it")
def test_a_folder_without_the_right_to_write(ready):
    (ready.root / "trip").chmod(0o500)
    with pytest.raises(Trouble) as trouble:
        ready.write_reply("trip", "trip", "x")
    assert trouble.value.cause is Cause.OUTBOX_UNWRITABLE


@LINKED
def test_what_is_made_visible_is_on_the_disk_before_and_its_name_after(tmp_path, monkeypatch, linked):
    """A power cut may come at any moment: contents are synced before a name, and the folder after it."""
    if not linked:
        without_links(monkeypatch)
    for act, appearing in ((publish_two, "link" if linked else "rename"), (write_words, "rename")):
        calls = calls_of(
            act, fresh(tmp_path / act.__name__, 0), monkeypatch, only=frozenset({"link", "rename", "fsync"})
        )
        calls = [call for call in calls if linked or call != "link"]  # those that were refused
        first, last = calls.index(appearing), len(calls) - calls[::-1].index("rename") - 1
        assert "fsync" in calls[:first]
        assert "fsync" in calls[first:last]
        assert "fsync" in calls[last:]
