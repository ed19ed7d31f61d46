"""Real signals to a real daemon: a second one beside it, one frozen in the middle of a paid stream, one stopped in the middle of a call.

The judge is the service's own log of requests: each message came once. README "Promises", 2 and 6.
"""

from __future__ import annotations

import signal
import threading

import pytest

from nemo_watch.studio.script import Call
from tests.e2e.cloud import Asked, Cloud
from tests.e2e.house import House

WITHIN_S = 120.0


def in_the_middle(cloud: Cloud, call: str, moment: str, nth: int = 1) -> tuple[threading.Event, threading.Event]:
    """Hold the `nth` call at this moment: set when it is there, and let it go on by the other."""
    hook = cloud.hook(call, moment, nth=nth, holds=True)
    return hook.happened, hook.released


def was_made_once(house: House, cloud: Cloud, name: str, words: list[str]) -> None:
    """Done, each message sent once, one render, one whole video, nothing left, nothing of the person changed."""
    row = house.until_done(name)
    assert (row["version"], row["needs"]) == (1, None)
    assert cloud.messages == words, house.report()
    assert len(cloud.renders) == len(set(cloud.renders)) == 1
    videos = house.videos()
    assert set(videos) == {f"{name}/{name}.mp4", f"{name}/{name}-v1.mp4"}
    assert set(videos.values()) <= cloud.video_sums
    house.until(lambda: not house.leftovers())


def test_a_second_daemon_on_the_same_state_refuses_with_a_clear_sentence_and_disturbs_nothing(
    house: House, cloud: Cloud
) -> None:
    there, go_on = in_the_middle(cloud, "run_sse", "part")
    house.project("two", "A film for two")
    house.start()
    assert there.wait(WITHIN_S), house.report()
    for words in (["run"], ["run", "--once"]):
        second = house.command(*words)
        assert second.returncode == 2, second.stdout + second.stderr
        assert f"already running on {house.state}" in second.stderr
        assert "Stop it first" in second.stderr
        assert "Traceback" not in second.stderr
    go_on.set()
    was_made_once(house, cloud, "two", ["A film for two"])
    assert house.stop() == 0


@pytest.mark.parametrize(
    ("call", "moment"),
    [
        pytest.param("upload", "heard", marks=pytest.mark.slow),
        ("run_sse", "part"),
        pytest.param("run_sse", "answered", marks=pytest.mark.slow),
        pytest.param("render", "performed", marks=pytest.mark.slow),
        pytest.param("download", "part", marks=pytest.mark.slow),
    ],
)
def test_a_daemon_frozen_in_the_middle_of_a_call_goes_on_when_it_is_woken(
    house: House, cloud: Cloud, call: str, moment: str
) -> None:
    """SIGSTOP, longer than the heartbeat's and every request's limit, then SIGCONT; the service has gone on meanwhile."""
    house.configure({"service.pace": {"heartbeat_limit": "1s", "request_limit": "1s", "message_limit": "3s"}})
    hook = cloud.hook(call, moment, lambda: house.signal(signal.SIGSTOP))
    house.project("frozen", "A frozen film")
    house.start()
    assert hook.happened.wait(WITHIN_S), house.report()
    threading.Event().wait(4.0)  # so long it is frozen; nothing depends on how long exactly
    house.signal(signal.SIGCONT)
    was_made_once(house, cloud, "frozen", ["A frozen film"])
    assert house.stop() == 0


def test_a_stream_that_was_cut_while_the_daemon_was_frozen_is_not_sent_again(house: House, cloud: Cloud) -> None:
    """The service goes away during the freeze, and comes back: the daemon finds out by the state."""
    hook = cloud.hook("run_sse", "part", lambda: house.signal(signal.SIGSTOP))
    house.project("cut", "A film that was cut")
    house.start()
    assert hook.happened.wait(WITHIN_S), house.report()
    house.until(lambda: "was cut" in (cloud.folder / "world.json").read_text(), WITHIN_S, daemon=False)
    cloud.down()
    house.signal(signal.SIGCONT)
    cloud.up()
    state = house.until_state("cut", "done", "needs_you")
    assert cloud.messages == ["A film that was cut"], house.report()
    assert state["needs"] in {None, "decision"}
    assert house.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_a_paid_stream_is_heard_to_its_end_before_a_stopped_daemon_ends(
    house: House, cloud: Cloud, number: signal.Signals
) -> None:
    house.configure({"service.pace": {"stop_wait": "30s"}})
    there, go_on = in_the_middle(cloud, "run_sse", "part")
    house.project("heard", "A film to be heard out\n---\nA second message")
    house.start()
    assert there.wait(WITHIN_S), house.report()
    house.signal(number)
    assert house.command("status").returncode in {0, 1}  # by then the signal has long come
    assert house.daemon is not None
    assert house.daemon.poll() is None, "it cut the stream"
    go_on.set()
    assert house.ended() == 0
    assert cloud.asked("run_sse")[0].answered, "the stream was cut"
    assert cloud.messages == ["A film to be heard out"], "new work was begun after the stop"
    house.start()
    was_made_once(house, cloud, "heard", ["A film to be heard out", "A second message"])


@pytest.mark.parametrize(
    ("call", "moment"),
    [
        pytest.param("upload", "heard", marks=pytest.mark.slow),
        pytest.param("session", "heard", marks=pytest.mark.slow),
        pytest.param("render", "asked", marks=pytest.mark.slow),
        ("poll", "asked"),
        pytest.param("download", "part", marks=pytest.mark.slow),
    ],
)
def test_everything_else_is_let_go_at_once_by_a_stopped_daemon_and_taken_up_by_the_next(
    house: House, cloud: Cloud, call: str, moment: str
) -> None:
    there, go_on = in_the_middle(cloud, call, moment)
    house.project("resumed", "A film to be resumed")
    house.start()
    assert there.wait(WITHIN_S), house.report()

    def others() -> list[Asked]:
        """Without the call itself (the next upload may begin beside the held one) and looks at the balance, which go on by themselves."""
        return [asked for asked in cloud.calls if asked.call not in (call, Call.CREDITS)]

    before = others()
    house.signal(signal.SIGTERM)
    assert house.ended() == 0  # though the service still holds the call
    go_on.set()
    assert others() == before, "new work was begun after the stop"
    house.start()
    was_made_once(house, cloud, "resumed", ["A film to be resumed"])


def test_a_second_signal_ends_a_daemon_that_still_hears_a_stream(house: House, cloud: Cloud) -> None:
    """It does not wait for `stop_wait`; the next start finds out what became of the message."""
    house.configure({"service.pace": {"stop_wait": "1h"}})
    there, go_on = in_the_middle(cloud, "run_sse", "part")
    house.project("twice", "A film stopped twice")
    house.start()
    assert there.wait(WITHIN_S), house.report()
    house.signal(signal.SIGTERM)
    house.until(lambda: house.command("status").returncode in {0, 1}, 30)
    house.signal(signal.SIGTERM)
    assert house.ended() == 130
    go_on.set()
    house.start()
    row = house.until_state("twice", "done", "needs_you")
    assert cloud.messages == ["A film stopped twice"], house.report()
    assert row["needs"] in {None, "decision"}
