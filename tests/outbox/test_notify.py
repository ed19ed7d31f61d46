"""People are told once for a cause, and no failing message hurts a film."""

from __future__ import annotations

import asyncio
import sys
from types import SimpleNamespace
from typing import ClassVar

import pytest
from structlog.testing import capture_logs

from nemo_watch import masking
from nemo_watch.config import Notify
from nemo_watch.errors import UsageError
from nemo_watch.outbox import notify
from nemo_watch.outbox.notify import Notifier, hidden

URL = "tgram://123456:SECRETPART/chat-987654321"


class Apprise:
    """Stands where Apprise stands: takes the addresses it knows, and notes what it is to tell."""

    told: ClassVar[list[dict[str, str]]]
    answers: ClassVar[list[object]]

    def __init__(self) -> None:
        self.urls: list[str] = []

    def add(self, url: str) -> bool:
        self.urls.append(url)
        return not url.startswith("garbage")

    async def async_notify(self, **message: str) -> bool:
        await asyncio.sleep(0)
        type(self).told.append(message)
        answer = self.answers.pop(0) if self.answers else True
        if isinstance(answer, BaseException):
            raise answer
        if answer == "hangs":
            await asyncio.Event().wait()
        return bool(answer)


@pytest.fixture
def apprise(monkeypatch):
    class Fresh(Apprise):
        told: ClassVar[list[dict[str, str]]] = []
        answers: ClassVar[list[object]] = []

    monkeypatch.setitem(sys.modules, "apprise", SimpleNamespace(Apprise=Fresh))
    monkeypatch.setattr(masking, "_SECRETS", set())
    return Fresh


async def test_one_message_for_a_cause_however_many_films_have_it(apprise):
    notifier = Notifier(Notify(urls=(URL,)))
    told = await asyncio.gather(
        *(notifier.tell("needs_you", f"film {n}", "No credits.", "out_of_credits") for n in range(5))
    )
    assert sorted(told) == [False] * 4 + [True]
    assert await notifier.tell("done", "beach-trip", "Ready.", "beach-trip v1") is True
    assert [(m["title"], m["notify_type"]) for m in apprise.told] == [("film 0", "warning"), ("beach-trip", "success")]


async def test_a_cause_that_was_settled_and_comes_back_is_told_again(apprise):
    notifier = Notifier(Notify(urls=(URL,)))
    for _time in range(2):
        assert await notifier.tell("needs_you", "credits", "No credits.", "out_of_credits")
        notifier.settled("out_of_credits")
    assert len(apprise.told) == 2


async def test_only_what_was_asked_for_is_told(apprise):
    notifier = Notifier(Notify(urls=(URL,), on=("failed",)))
    assert not await notifier.tell("done", "x", "x", "x")
    assert await notifier.tell("failed", "x", "x", "x")
    assert [m["notify_type"] for m in apprise.told] == ["failure"]


async def test_nobody_to_tell_needs_no_apprise(monkeypatch):
    monkeypatch.setitem(sys.modules, "apprise", None)
    assert await Notifier(Notify()).tell("done", "x", "x", "x") is False


def test_addresses_without_apprise_are_told_at_the_start(monkeypatch):
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(UsageError, match=r"pip install 'nemo-watch\[notify\]'"):
        Notifier(Notify(urls=(URL,)))


def test_every_address_that_apprise_does_not_know_is_told_without_its_secrets(apprise):
    with pytest.raises(UsageError) as error:
        Notifier(Notify(urls=("garbage://user:hunter22@host", URL, "garbage-hunter22")))
    assert len(error.value.problems) == 2
    assert "hunter22" not in str(error.value)
    assert "garbage://***" in str(error.value)


@pytest.mark.parametrize("answer", [False, RuntimeError(f"cannot reach {URL}"), "hangs"])
async def test_a_failing_message_hurts_nobody_tells_no_secret_and_may_be_told_later(apprise, answer, monkeypatch):
    monkeypatch.setattr(notify, "TELLING_LIMIT_S", 0.01)
    apprise.answers.append(answer)
    notifier = Notifier(Notify(urls=(URL,)))
    with capture_logs() as lines:
        assert await notifier.tell("done", "beach-trip", "Ready.", "beach-trip v1") is False
    assert masking.masked("said 123456:SECRETPART and chat-987654321") == "said *** and ***"
    assert [line["event"] for line in lines] == ["notification.failed"]
    assert "SECRETPART" not in repr(lines)
    assert await notifier.tell("done", "beach-trip", "Ready.", "beach-trip v1") is True


async def test_a_stop_is_not_swallowed(apprise):
    apprise.answers.append("hangs")
    task = asyncio.create_task(Notifier(Notify(urls=(URL,))).tell("done", "x", "x", "x"))
    for _turn in range(5):
        await asyncio.sleep(0)
    assert apprise.told
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_foreign_words_are_cleaned_cut_and_masked(apprise):
    masking.mask("sekrit-value")
    await Notifier(Notify(urls=(URL,))).tell("done", "a\nb\x1b[2J", "line\nsekrit-value nmv_abc " + "x" * 5000, "x")
    assert apprise.told[0]["title"] == "a\\nb\\x1b[2J"
    assert apprise.told[0]["body"].startswith("line\n*** *** x")
    assert len(apprise.told[0]["body"]) == notify.BODY_CHARACTERS_MAX


async def test_a_restart_tells_nothing_twice(apprise, tmp_path):
    memory = tmp_path / "told.json"
    await Notifier(Notify(urls=(URL,)), memory).tell("done", "x", "x", "caf\udce9 v1")
    restarted = Notifier(Notify(urls=(URL,)), memory)
    assert not await restarted.tell("done", "x", "x", "caf\udce9 v1")
    restarted.settled("caf\udce9 v1")
    assert await Notifier(Notify(urls=(URL,)), memory).tell("done", "x", "x", "caf\udce9 v1")


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff", b"{}", b'[1, null, "x v1"]'])
async def test_a_damaged_memory_is_no_memory(apprise, tmp_path, damage):
    (tmp_path / "told.json").write_bytes(damage)
    assert await Notifier(Notify(urls=(URL,)), tmp_path / "told.json").tell("done", "x", "x", "y v1")


async def test_a_memory_that_cannot_be_written_hurts_nobody(apprise, tmp_path):
    with capture_logs() as lines:
        assert await Notifier(Notify(urls=(URL,)), tmp_path / "none/told.json").tell("done", "x", "x", "x")
    assert [line["event"] for line in lines] == ["notification.sent", "notification.forgotten"]


async def test_the_memory_is_bounded(apprise, monkeypatch):
    monkeypatch.setattr(notify, "CAUSES_MAX", 3)
    notifier = Notifier(Notify(urls=(URL,)))
    for number in range(5):
        await notifier.tell("done", "x", "x", str(number))
    assert list(notifier._told) == ["2", "3", "4"]


def test_an_address_as_people_may_see_it():
    assert hidden(URL) == "tgram://***"
    assert hidden("no address") == "***"


async def test_the_real_apprise():
    pytest.importorskip("apprise", reason="Apprise is not installed (extra: notify)")
    with pytest.raises(UsageError):
        Notifier(Notify(urls=("garbage",)))
    notifier = Notifier(Notify(urls=("json://127.0.0.1:9/refused",)))
    assert await notifier.tell("done", "x", "x", "x") is False


async def test_other_settings_are_adopted_and_bad_ones_change_nothing(apprise):
    notifier = Notifier(Notify(urls=(URL,), on=("done",)))
    notifier.adopt(Notify(urls=("json://new.example/",), on=("failed",)))
    assert await notifier.tell("done", "t", "b", "a") is False
    assert await notifier.tell("failed", "t", "b", "b") is True
    assert notifier._apprise.urls == ["json://new.example/"]
    with pytest.raises(UsageError):
        notifier.adopt(Notify(urls=("garbage://x",), on=("done",)))
    assert notifier._apprise.urls == ["json://new.example/"]
    assert await notifier.tell("failed", "t", "b", "c") is True
    notifier.adopt(Notify(urls=()))
    assert await notifier.tell("failed", "t", "b", "d") is False


async def test_what_could_not_be_delivered_is_tried_again_later_and_later_until_it_is(apprise):
    now = [0.0]
    notifier = Notifier(Notify(urls=(URL,)), monotonic=lambda: now[0])
    apprise.answers[:] = [False] * 4
    for key in ("a", "b"):
        assert not await notifier.tell("done", key, "Ready.", key)
    assert not notifier.may_tell_again({"a", "b"})
    tried = []
    while notifier._undelivered:
        now[0] += 1.0
        if notifier.may_tell_again({"a", "b"}):
            tried.append((now[0], len(apprise.told)))
            await notifier.tell_again()
    assert tried == [(60.0, 2), (180.0, 3), (420.0, 4)]
    assert [message["title"] for message in apprise.told[2:]] == ["a", "b", "a", "b"]
    assert not await notifier.tell("done", "a", "Ready.", "a")  # told


async def test_the_pause_has_an_end_and_the_memory_of_the_undelivered_too(apprise, monkeypatch):
    monkeypatch.setattr(notify, "UNDELIVERED_MAX", 2)
    now = [0.0]
    notifier = Notifier(Notify(urls=(URL,)), monotonic=lambda: now[0])
    apprise.answers[:] = [False] * 50
    for key in "abc":
        await notifier.tell("done", key, "Ready.", key)
    assert list(notifier._undelivered) == ["b", "c"]
    for _time in range(12):
        now[0] += notify.PAUSE_LONGEST_S
        assert notifier.may_tell_again("abc")
        await notifier.tell_again()
    assert not notifier.may_tell_again("abc")


async def test_what_is_no_longer_true_is_not_told_late(apprise):
    now = [0.0]
    notifier = Notifier(Notify(urls=(URL,)), monotonic=lambda: now[0])
    apprise.answers[:] = [False, False]
    for key in "ab":
        await notifier.tell("failed", key, "Broken.", key)
    now[0] = notify.PAUSE_S
    assert notifier.may_tell_again({"b"})
    await notifier.tell_again()
    assert [message["title"] for message in apprise.told[2:]] == ["b"]


async def test_other_addresses_are_tried_at_once_with_what_was_not_delivered(apprise):
    notifier = Notifier(Notify(urls=(URL,)), monotonic=lambda: 0.0)
    apprise.answers[:] = [False, False]
    await notifier.tell("failed", "a", "Broken.", "a")
    await notifier.tell("done", "b", "Ready.", "b")
    notifier.adopt(Notify(urls=("json://new.example/",), on=("failed",)))
    assert notifier.may_tell_again("ab")
    await notifier.tell_again()
    assert [message["title"] for message in apprise.told[2:]] == ["a"]
