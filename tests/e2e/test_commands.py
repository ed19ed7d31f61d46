"""What people run beside the daemon, and what the daemon's own process promises: exit codes, one daemon a state, a quick stop."""

from __future__ import annotations

import json
import signal

import pytest

from tests.e2e.cloud import Cloud
from tests.e2e.house import House, photo

WITHIN_S = 120.0

# -- run --once ----------------------------------------------------------------------------------------------------------------


def test_once_works_off_what_is_there_and_exits_with_0(house: House, cloud: Cloud):
    house.project("one", "The first film")
    house.project("two", None)  # no prompt: the wait for an edit counts as nothing
    house.photos("loose.jpg")
    assert house.once() == 0
    assert {row["state"] for row in house.rows().values()} == {"done"}
    assert len(house.rows()) == 3
    assert cloud.count("run_sse") == 3
    paid = cloud.count("run_sse")
    assert house.once() == 0
    assert cloud.count("run_sse") == paid


def test_once_exits_with_0_when_there_is_nothing_at_all(house: House):
    assert house.once() == 0


def test_once_exits_with_1_when_a_film_needs_someone(house: House, cloud: Cloud):
    house.configure({"inbox": {"prompt_wait": "forever"}})
    house.project("silent", None)
    house.project("spoken", "A spoken film")
    assert house.once() == 1
    assert house.row("silent")["state"] == "waiting_for_prompt"
    assert house.row("spoken")["state"] == "done"


def test_once_exits_with_1_while_a_file_is_still_being_written(house: House, cloud: Cloud):
    house.project("half", "A film of a half photo")
    whole = (house.inbox / "half/IMG_0001.jpg").read_bytes()
    house.write("half/IMG_0001.jpg", whole[: len(whole) // 2])
    assert house.once() == 1
    assert house.row("half")["state"] == "settling"
    assert cloud.count("run_sse") == 0


@pytest.mark.slow
def test_once_exits_with_1_while_the_network_is_away_and_goes_on_later(house: House, cloud: Cloud):
    house.project("far", "A film from far away")
    cloud.down()
    assert house.once() == 1
    assert house.row("far")["state"] == "queued"
    cloud.up()
    assert house.once() == 0
    assert cloud.messages == ["A film from far away"]


# -- lost journal --------------------------------------------------------------------------------------------------------------


def test_a_lost_journal_pays_nothing_for_what_lies_in_the_outbox(house: House, cloud: Cloud):
    for name in ("one", "two"):
        house.project(name, f"The film {name}")
    house.write("wed/a.txt", "The film of a")
    house.photos("wed/a.jpg")
    house.start()
    for name in ("one", "two", "wed/a"):
        house.until_done(name)
    house.write("one/prompt.txt", "The film one\n---\nnow one of 20 seconds")
    house.until_done("one", 2)
    assert house.stop() == 0
    paid, videos = cloud.count("run_sse"), house.videos()
    house.forget()
    house.start()
    for name in ("one", "two", "wed/a"):
        house.until_done(name)
    assert house.row("one")["version"] == 2
    assert cloud.count("run_sse") == paid
    assert house.videos() == videos
    sessions = cloud.count("session")
    house.write("two/prompt.txt", "The film two\n---\nnow two of 20 seconds")
    house.until_done("two", 2)
    assert cloud.messages[paid:] == ["now two of 20 seconds"], "the session is gone on with"
    assert cloud.count("session") == sessions


def test_a_damaged_journal_is_refused_with_what_to_do_and_not_overwritten(house: House):
    house.state.mkdir(mode=0o700)
    (house.state / "journal.db").write_bytes(b"SQLite format 3\0" + b"no journal at all " * 500)
    for words in (("run", "--once"), ("run",)):
        refused = house.command(*words)
        assert refused.returncode == 2
        assert "journal" in refused.stderr
        assert "Traceback" not in refused.stderr
    assert (house.state / "journal.db").read_bytes() == b"SQLite format 3\0" + b"no journal at all " * 500


# -- retry, again, cancel ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("running", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_again_buys_a_new_version_in_a_new_session_and_says_how_many_messages(
    house: House, cloud: Cloud, running: bool
):
    house.project("twice", "A film to buy\n---\nand make the film to buy 20 seconds")
    house.start()
    house.until_done("twice", 1)
    (house.inbox / "twice/IMG_0002.jpg").unlink()
    if not running:
        assert house.stop() == 0
    said = house.command("again", "twice")
    assert said.returncode == 0
    assert "2 messages" in said.stdout
    if not running:
        assert "not running" in said.stdout
        house.start()
    house.until_done("twice", 2)
    assert len(cloud.messages) == 4
    assert cloud.messages[:2] == cloud.messages[2:]
    assert (cloud.count("session"), cloud.count("upload")) == (2, 3), "only what is there now goes up again"
    assert "IMG_0002.jpg" not in house.text("twice/reply.txt")


@pytest.mark.parametrize("running", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_cancel_stops_before_the_next_step_and_retry_takes_it_up_again(house: House, cloud: Cloud, running: bool):
    cloud.film.gate.clear()  # the render does not end
    house.project("stopped", "A film to be stopped")
    house.start()
    house.until(lambda: cloud.count("poll") > 1)
    if not running:
        assert house.stop() == 0
    assert house.command("cancel", "stopped").returncode == 0
    if not running:
        house.start()
    row = house.until_state("stopped", "cancelled")
    assert (row["needs"], row["video"]) == (None, None)
    polls = cloud.count("poll")
    if not running:
        assert house.stop() == 0
    cloud.film.gate.set()
    assert house.command("retry", "stopped").returncode == 0
    if not running:
        house.start()
    house.until_done("stopped")
    assert cloud.messages == ["A film to be stopped"]
    assert len(cloud.renders) == 1, "the render that was started is fetched, not made again"
    assert cloud.count("poll") > polls


def test_cancel_during_a_paid_message_keeps_its_receipt(house: House, cloud: Cloud):
    stream = cloud.hook("run_sse", "part", holds=True)
    house.project("paid", "A film that is paid for")
    house.start()
    assert stream.happened.wait(WITHIN_S)
    assert house.command("cancel", "paid").returncode == 0
    stream.released.set()
    house.until_state("paid", "cancelled")
    assert cloud.asked("run_sse")[0].answered, "what is paid for is heard to its end"
    assert house.command("retry", "paid").returncode == 0
    house.until_done("paid")
    assert cloud.messages == ["A film that is paid for"]


@pytest.mark.slow
def test_cancel_of_a_film_that_has_not_begun_keeps_it_from_being_bought(house: House, cloud: Cloud):
    house.configure({"inbox": {"prompt_wait": "forever"}})
    house.project("unbegun", None)
    house.start()
    house.until_state("unbegun", "waiting_for_prompt")
    assert house.command("cancel", "unbegun").returncode == 0
    house.until_state("unbegun", "cancelled")
    house.write("unbegun/prompt.txt", "A film that was cancelled before it began")
    house.project("other", "A film beside it")
    house.until_done("other")
    assert cloud.messages == ["A film beside it"]
    assert house.command("retry", "unbegun").returncode == 0
    house.until_done("unbegun")


@pytest.mark.slow
def test_again_while_something_is_still_arriving_waits_for_it_and_pays_once(house: House, cloud: Cloud):
    house.project("early", "A film bought again too early")
    house.start()
    house.until_done("early", 1)
    whole = photo("late", (400, 300))
    house.write("early/late.jpg", whole[: len(whole) // 2])
    house.until(lambda: house.file("early/late.jpg"))
    assert house.command("again", "early").returncode == 0
    house.project("meanwhile", "A film made meanwhile")
    house.until_done("meanwhile")
    with (house.inbox / "early/late.jpg").open("ab") as copy:
        copy.write(whole[len(whole) // 2 :])
    house.until_done("early", 2)
    house.project("after", "A film made after it")
    house.until_done("after")
    assert cloud.messages.count("A film bought again too early") == 2
    assert len(cloud.messages) == 4, "the media that are there go up with the one message"
    assert cloud.count("upload") == 2 + 2 + 3 + 2


@pytest.mark.slow
def test_a_cancelled_film_counts_as_over_for_once(house: House, cloud: Cloud):
    cloud.film.gate.clear()
    house.project("over", "A film that is over")
    house.start()
    house.until(lambda: cloud.count("poll") > 1)
    assert house.command("cancel", "over").returncode == 0
    house.until_state("over", "cancelled")
    assert house.stop() == 0
    assert house.once() == 0


@pytest.mark.slow
def test_a_first_start_with_many_films_buys_nothing_until_retry(house: House, cloud: Cloud):
    for number in range(6):
        house.project(f"film-{number}", f"Film number {number}")
    house.start()
    rows = house.until(
        lambda: (
            len(house.rows()) == 6 and all("first start" in r["detail"] for r in house.rows().values()) and house.rows()
        )
    )
    assert {row["state"] for row in rows.values()} == {"queued"}
    assert {row["needs"] for row in rows.values()} == {None}
    assert cloud.count("run_sse") == 0
    assert house.command("retry", "film-3").returncode == 0
    house.until_done("film-3")
    assert cloud.messages == ["Film number 3"]
    assert house.stop() == 0
    assert house.once() == 1
    assert cloud.messages == ["Film number 3"]
    assert house.command("retry", "--all").returncode == 0
    assert house.once() == 0
    assert sorted(cloud.messages) == [f"Film number {number}" for number in range(6)]


@pytest.mark.slow
def test_the_daily_limit_holds_and_retry_does_not_lift_it(house: House, cloud: Cloud):
    house.configure({"service": {"paid_messages_a_day": 1}})
    house.project("a", "The first film of the day")
    house.start()
    house.until_done("a")
    house.project("b", "The second film of the day")
    row = house.until(
        lambda: house.row("b").get("state") == "queued" and "daily limit" in house.row("b")["detail"] and house.row("b")
    )
    assert row["needs"] is None
    assert house.command("retry", "b").returncode == 0
    house.until(lambda: "daily limit" in house.row("b")["detail"])
    assert house.stop() == 0
    assert house.once() == 1
    assert cloud.messages == ["The first film of the day"]


@pytest.mark.slow
def test_a_project_that_there_is_not_is_named_with_what_to_do(house: House):
    house.project("there", "A film that is there")
    assert house.once() == 0
    for verb in ("retry", "again", "cancel", "log", "link"):
        wrong = house.command(verb, "their")
        assert wrong.returncode == 2
        assert "their" in wrong.stderr
        assert "Traceback" not in wrong.stderr


def test_commands_before_any_run_say_how_to_begin(house: House):
    for words in (
        ("status",),
        ("log", "x"),
        ("retry", "x"),
        ("retry", "--all"),
        ("again", "x"),
        ("cancel", "x"),
        ("link", "x"),
    ):
        said = house.command(*words)
        assert "Traceback" not in said.stdout + said.stderr
        assert "nemo-watch run" in said.stdout + said.stderr, words


# -- status and log ------------------------------------------------------------------------------------------------------------


def test_status_says_the_same_as_the_file_and_in_its_exit_code_whether_someone_is_needed(house: House, cloud: Cloud):
    house.project("fine", "A fine film")
    house.write("fine/notes.pdf", b"%PDF-1.4 no photo")
    house.start()
    house.until_done("fine")
    house.until(lambda: cloud.calls[-1].answered)
    said = house.command("status", "--json")
    told = json.loads(said.stdout)
    assert said.returncode == 0
    assert set(told) == {"projects", "files", "service", "watching"}
    assert told["projects"] == house.status()["projects"]
    assert told["files"] == [{"path": "fine/notes.pdf", "project": "fine", "reason": told["files"][0]["reason"]}]
    assert told["service"]["backend"] == "cloud"
    assert set(told["service"]["credits"]) == {"available", "frozen", "total"}
    assert set(told["watching"]) == {"mode", "problems"}
    assert house.command("status", "fine").returncode == 0
    assert "Setting up..." in house.command("log", "fine").stdout
    assert "100" in house.command("credits").stdout
    link = house.command("link", "fine")
    assert "https://nemovideo.com/workspace/claim?ct=clm_" in link.stdout
    clm = link.stdout.partition("ct=")[2].split()[0]
    assert not house.holding(clm.encode()), "stored nowhere"
    cloud.fault("run_sse", "every", code=2001)
    house.write("fine/prompt.txt", "A fine film that costs too much")
    house.until_state("fine", "needs_you")
    assert house.command("status").returncode == 1


# -- stopping ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_a_signal_ends_an_idle_daemon_with_0_and_at_once(house: House, number: signal.Signals):
    house.start()
    house.until((house.outbox / "status.json").exists)
    house.signal(number)
    assert house.ended(30) == 0


def test_a_paid_stream_that_outlasts_stop_wait_is_cut_and_found_out_later(house: House, cloud: Cloud):
    house.configure({"service.pace": {"stop_wait": "1s"}})
    stream = cloud.hook("run_sse", "part", lambda: house.signal(signal.SIGTERM), holds=True)
    house.project("cut", "A film that is cut")
    house.start()
    assert stream.happened.wait(WITHIN_S)
    assert house.ended(30) == 0
    stream.released.set()
    house.start()
    house.until_done("cut")
    assert cloud.messages == ["A film that is cut"]
