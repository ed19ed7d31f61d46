"""SIGKILL at a moment of every call and of every file that is written, then a restart: nothing is lost, nothing is paid twice.

The sample is what runs by itself; `--all-kills` (or NEMO_WATCH_ALL_KILLS=1) adds the rest. Each kill has a project of its own in a
house that has lived through the others.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.cloud import Cloud
from tests.e2e.house import House

WITHIN_S = 120.0


def slow(*values: object) -> object:
    """A case of the complete set only."""
    return pytest.param(*values, marks=pytest.mark.slow)


CALLS = [
    # call, which of the film's, moment
    slow("session", 1, "asked"),
    slow("session", 1, "performed"),
    slow("session", 1, "answered"),
    slow("upload", 1, "heard"),
    slow("upload", 1, "asked"),
    slow("upload", 1, "performed"),
    ("upload", 2, "performed"),
    slow("upload", 2, "answered"),
    slow("state", 1, "asked"),  # as it was before
    slow("state", 1, "answered"),
    slow("state", 2, "asked"),  # before the message's intent
    slow("state", 2, "answered"),  # ... and about when it is written
    ("run_sse", 1, "asked"),
    slow("run_sse", 1, "heard"),
    slow("run_sse", 1, "performed"),
    ("run_sse", 1, "part"),
    ("run_sse", 1, "answered"),
    slow("state", 3, "asked"),  # the timeline to render
    slow("state", 3, "answered"),
    slow("render", 1, "asked"),
    slow("render", 1, "heard"),
    ("render", 1, "performed"),
    slow("render", 1, "answered"),
    slow("poll", 1, "asked"),
    slow("poll", 1, "answered"),
    slow("download", 1, "asked"),
    ("download", 1, "part"),
    slow("download", 1, "answered"),
]


def lives_on(
    house: House, name: str, words: list[str], before: dict[str, tuple[int, str]], *, may_ask: bool = False
) -> None:
    """Start again; afterwards the film is done, each message was sent once, and nothing is left or changed.

    `may_ask`: the kill fell where the service may have heard nothing; then the film may wait for a decision, which is to buy anew.
    """
    cloud = house.cloud
    assert cloud is not None
    house.kill()
    house.start()
    asked = house.until_state(name, "done", "needs_you")["needs"] is not None
    said = [message for message in cloud.messages if any(word in message for word in words)]
    if asked:
        assert may_ask, house.report()
        assert house.row(name)["needs"] == "decision"
        assert said == words[: len(said)], "each once, as far as they went"
        assert house.command("again", name).returncode == 0
        house.until_done(name)
    else:
        assert said == words, house.report()
    row = house.row(name)
    videos = {path: found for path, found in house.videos().items() if path.startswith(f"{name}/")}
    assert set(videos) == {f"{name}/{name}.mp4", f"{name}/{name}-v1.mp4"}
    assert len(set(videos.values())) == 1
    assert set(videos.values()) <= cloud.video_sums
    assert (row["version"], row["needs"]) == (1, None)
    assert house.text(f"{name}/reply.txt")
    house.until((house.outbox / name / "project.toml").exists)
    now = house.belongings()
    assert {path: now.get(path) for path in before} == before
    house.until(lambda: not house.leftovers())


@pytest.mark.parametrize(("call", "nth", "moment"), CALLS)
def test_a_daemon_killed_at_a_call_goes_on_where_it_was(street: House, call: str, nth: int, moment: str):
    name = f"killed-{call}-{nth}-{moment}"
    hook = street.cloud.hook(call, moment, street.kill, nth)
    street.project(name, f"A film {name}")
    before = street.belongings()
    assert hook.happened.wait(WITHIN_S), street.report()
    lives_on(
        street, name, [f"A film {name}"], before, may_ask=(call, moment) in {("run_sse", "asked"), ("run_sse", "heard")}
    )
    if (call, moment) == ("run_sse", "asked"):
        return  # bought anew, perhaps: in a session of its own
    assert len({asked.session for asked in street.cloud.asked("run_sse") if name in asked.words}) == 1


@pytest.mark.parametrize("nth", [2, slow(1), slow(3)])
@pytest.mark.parametrize("moment", ["asked", slow("part"), "answered"])
def test_a_daemon_killed_between_several_messages_sends_each_once(street: House, nth: int, moment: str):
    name = f"steps-{nth}-{moment}"
    words = [f"First, a film {name}", f"Then make {name} 20 seconds long", f'Last, {name} with the title "End"']
    hook = street.cloud.hook("run_sse", moment, street.kill, nth)
    street.project(name, "\n---\n".join(words))
    before = street.belongings()
    assert hook.happened.wait(WITHIN_S), street.report()
    lives_on(street, name, words, before, may_ask=moment == "asked")


def when(there: Callable[[], bool], deed: Callable[[], None]) -> threading.Event:
    """Do `deed` as soon as `there`; looks about a thousand times a second. The event is set when it is done."""
    happened = threading.Event()

    def watch() -> None:
        end = time.monotonic() + WITHIN_S
        while time.monotonic() < end:
            if there():
                deed()
                happened.set()
                return
            time.sleep(0.0005)

    threading.Thread(target=watch, daemon=True).start()
    return happened


WRITTEN = [
    slow("project.log"),
    slow("reply.txt"),
    slow("timeline.txt"),
    ".*.part",
    slow("{name}-v1.mp4"),
    "{name}.mp4",
    "project.toml",
]


@pytest.mark.parametrize("written", WRITTEN)
def test_a_daemon_killed_when_a_file_appears_in_the_outbox_publishes_one_whole_video(street: House, written: str):
    name = f"writes-{WRITTEN_NAMES[written]}"
    folder = street.outbox / name
    pattern = written.format(name=name)
    happened = when(lambda: any(path for path in folder.glob(pattern)), street.kill)
    street.project(name, f"A film {name}")
    before = street.belongings()
    assert happened.wait(WITHIN_S), street.report()
    lives_on(street, name, [f"A film {name}"], before)


WRITTEN_NAMES = {
    "project.log": "log", "reply.txt": "reply", "timeline.txt": "timeline", ".*.part": "part", "{name}-v1.mp4": "version",
    "{name}.mp4": "newest", "project.toml": "receipt",
}  # fmt: skip


def test_a_daemon_killed_when_it_has_written_the_prompt_sends_it_once(street: House):
    paid = street.cloud.count("run_sse")
    happened = when((street.inbox / "unworded/prompt.txt").exists, street.kill)
    street.project("unworded", None)
    assert happened.wait(WITHIN_S)
    street.kill()
    street.start()
    street.until_done("unworded")
    assert street.cloud.count("run_sse") == paid + 1
    street.until(lambda: not street.leftovers())  # the page may just be being written


@pytest.mark.parametrize("moved", [1, slow(2), slow(3)])
def test_a_daemon_killed_while_it_gathers_loose_files_loses_none_and_makes_one_project(
    house: House, cloud: Cloud, moved: int
):
    house.photos("a.jpg", "b.jpg", "c.jpg")
    house.write("prompt.txt", "A film of the gathered")
    before = sorted(house.belongings().values())

    def gone() -> bool:
        return sum((house.inbox / f"{name}.jpg").exists() for name in "abc") <= 3 - moved

    happened = when(gone, house.kill)
    house.start()
    assert happened.wait(WITHIN_S), house.report()
    house.kill()
    house.start()
    house.until(lambda: [row for row in house.rows().values() if row["state"] == "done"])
    assert len(house.rows()) == 1
    assert cloud.messages == ["A film of the gathered"]
    assert sorted(house.belongings().values()) == before
    house.until(lambda: not house.leftovers())  # the page may just be being written
    assert [path for path in house.inbox.iterdir() if path.is_file()] == []


@pytest.mark.parametrize("moment", ["asked", "performed", slow("answered")])
def test_a_daemon_killed_at_the_very_first_token_goes_on(
    house: House, cloud: Cloud, moment: str, monkeypatch: pytest.MonkeyPatch
):
    # Its answer is lost: the client id has had its token. Source: README "The account", "wait once, then take one new client id".
    monkeypatch.setattr("nemo_watch.studio.world.RATE_WAIT_S", 1)
    hook = cloud.hook("token", moment, house.kill)
    house.project("first", "A film of the first token")
    house.start()
    assert hook.happened.wait(WITHIN_S)
    house.kill()
    house.start()
    house.until_done("first")
    assert cloud.messages == ["A film of the first token"]


def test_a_message_that_left_no_trace_waits_for_a_decision_and_is_never_sent_again_unasked(street: House):
    cloud, name = street.cloud, "traceless"
    cloud.fault("run_sse", hang="before")
    hook = cloud.hook("run_sse", "heard", street.kill)
    street.project(name, "A film without a trace")
    assert hook.happened.wait(WITHIN_S)
    street.kill()
    street.start()
    row = street.until_state(name, "needs_you")
    assert row["needs"] == "decision"
    needs = street.until(lambda: street.text(f"{name}/NEEDS-YOU.txt"))
    assert f"nemo-watch retry {name}" in needs
    assert f"nemo-watch again {name}" in needs
    street.write(f"{name}/prompt.txt", "Another film without a trace")  # an edit waits for the decision
    street.kill()
    street.start()
    street.until_state(name, "needs_you")
    assert street.decide("retry", name)["needs"] == "decision"
    sent = [words for words in cloud.messages if "without a trace" in words]
    assert sent == ["A film without a trace"]
    again = street.command("again", name)
    assert again.returncode == 0
    assert "1 message" in again.stdout
    street.until_done(name)
    sent = [words for words in cloud.messages if "without a trace" in words]
    assert sent == ["A film without a trace", "Another film without a trace"]
    assert not (street.outbox / name / "NEEDS-YOU.txt").exists()


def test_an_intent_whose_result_shows_is_found_out_and_goes_on_by_itself(street: House):
    street.cloud.fault("run_sse", hang="after")
    hook = street.cloud.hook("run_sse", "heard", lambda: None)
    street.project("found-out", "A film to be found out")
    assert hook.happened.wait(WITHIN_S)
    street.until(lambda: "found out" in (street.cloud.folder / "world.json").read_text())
    street.kill()
    street.start()
    street.until_done("found-out")
    assert [w for w in street.cloud.messages if "found out" in w] == ["A film to be found out"]


@pytest.mark.slow
def test_a_daemon_killed_again_and_again_makes_every_film_once(house: House, cloud: Cloud, tmp_path: Path):
    """Three at once: a kill meant for one may fall between another's intent and its sending, which is a person's to decide."""
    for number in range(3):
        house.project(f"many-{number}", f"Film {number} of many")
    before = house.belongings()
    points = [
        ("session", "performed"),
        ("upload", "asked"),
        ("run_sse", "part"),
        ("render", "performed"),
        ("download", "part"),
    ]
    for call, moment in points:
        hook = cloud.hook(call, moment, house.kill)
        house.start()
        assert hook.happened.wait(WITHIN_S), house.report()
        house.kill()
    house.start()
    rows = [house.until_state(f"many-{number}", "done", "needs_you") for number in range(3)]
    asked = [number for number, row in enumerate(rows) if row["state"] == "needs_you"]
    assert [rows[number]["needs"] for number in asked] == ["decision"] * len(asked)
    assert len(asked) < 3
    assert sorted(cloud.messages) == [f"Film {number} of many" for number in range(3) if number not in asked]
    assert house.belongings() == before
    assert set(house.videos().values()) <= cloud.video_sums
    house.until(lambda: not house.leftovers())
