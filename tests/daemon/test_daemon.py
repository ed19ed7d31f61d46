"""The daemon as a whole, in this process: what lies in the inbox, what is asked of the service, what people read."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import threading
from dataclasses import replace

import pytest
import structlog
from structlog.testing import capture_logs

from nemo_watch.config import load
from nemo_watch.daemon.looks import Looks
from nemo_watch.daemon.recall import Recall
from nemo_watch.errors import ConfigProblem, FilmState, Need, UsageError
from nemo_watch.jobs.dispatch import Dispatcher
from nemo_watch.logs import Kind, configure


async def messages(house) -> list[str]:
    """The texts of the messages that were sent, in order."""
    return [entry["message"] for entry in await house.log() if entry["path"] == "/run_sse"]


async def test_photos_and_words_become_a_video(house):
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "Make a film\n")
    async with house.daemon():
        row = await house.until_state("trip", "done")
    assert row.video == "trip/trip.mp4"
    assert (house.outbox / "trip/trip-v1.mp4").is_file()
    assert await messages(house) == ["Make a film"]
    status = json.loads((house.outbox / "status.json").read_text())
    assert [p["state"] for p in status["projects"]] == ["done"]
    assert not (house.outbox / "trip/NEEDS-YOU.txt").exists()


async def test_a_prompt_is_written_and_waited_for(house):
    house.photo("trip/a.jpg")
    async with house.daemon():
        await house.until_state("trip", "done")
    assert "# " in (house.inbox / "trip/prompt.txt").read_text()
    assert await messages(house) == [house.config.inbox.default_prompt]


async def test_an_edit_makes_the_next_version_in_the_same_session(house):
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await house.until_state("trip", "done", 1)
        house.prompt("trip/prompt.txt", 'one\n---\nadd a title "Two"')
        await house.until_state("trip", "done", 2)
    assert await messages(house) == ["one", 'add a title "Two"']
    assert sorted(f.name for f in (house.outbox / "trip").glob("*.mp4")) == ["trip-v1.mp4", "trip-v2.mp4", "trip.mp4"]
    created = [entry for entry in await house.log() if "with-session" in entry["path"]]
    assert len(created) == 1


async def test_an_edit_that_changes_nothing_renders_no_new_video(house):
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await house.until_state("trip", "done", 1)
        house.prompt("trip/prompt.txt", "one\n---\nxyzzy")
        row = await house.until(lambda: (r := house.row("trip")) and "changed nothing" in r.detail and r)
    assert (row.state, row.version, row.video) == (FilmState.DONE, 1, "trip/trip.mp4")


async def test_loose_files_are_gathered(house):
    house.photo("a.jpg")
    house.photo("cat.jpg", "orange")
    house.prompt("cat.txt", "a film of the cat")
    async with house.daemon():
        await house.until_state("cat", "done")
        await house.until(
            lambda: any(r.name.startswith("20") and r.state is FilmState.DONE for r in house.overviews[-1].films)
        )
    assert not list(house.inbox.glob("*.jpg"))


async def test_batch_style_shares_one_session(house):
    for name, colour in (("a", "red"), ("b", "blue")):
        house.photo(f"wedding/{name}.jpg", colour)
        house.prompt(f"wedding/{name}.txt", f"film {name}")
    async with house.daemon():
        await house.until_state("wedding/a", "done")
        await house.until_state("wedding/b", "done")
    log = await house.log()
    assert len([entry for entry in log if "with-session" in entry["path"]]) == 1
    assert sorted(await messages(house)) == ["film a", "film b"]
    assert (house.outbox / "wedding/a.mp4").is_file()
    assert (house.outbox / "wedding/b.reply.txt").is_file()


async def test_a_copied_folder_is_answered_with_the_video_that_exists(house):
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await house.until_state("trip", "done")
        shutil.copytree(house.inbox / "trip", house.inbox / "copy")
        row = await house.until_state("copy", "done")
        assert row.version == 1
        (house.inbox / "trip").rename(house.inbox / "renamed")
        await house.until_state("renamed", "done")
    assert await messages(house) == ["one"]
    assert (house.outbox / "copy/copy-v1.mp4").read_bytes() == (house.outbox / "trip/trip-v1.mp4").read_bytes()
    assert not (house.outbox / "renamed").exists()


async def test_two_copies_dropped_at_once_are_bought_once(house):
    for name in ("one", "two"):
        house.photo(f"{name}/a.jpg")
        house.prompt(f"{name}/prompt.txt", "the same")
    async with house.daemon():
        await house.until_state("one", "done")
        await house.until_state("two", "done")
    assert await messages(house) == ["the same"]


async def test_a_folder_that_is_renamed_while_its_film_waits_for_its_turn_is_made_under_its_new_name(
    house, monkeypatch
):
    original, may_start = Dispatcher.start, asyncio.Event()

    async def later(self, jobs, held):
        if may_start.is_set():
            await original(self, jobs, held)

    monkeypatch.setattr(Dispatcher, "start", later)
    house.photo("trip/a.jpg")
    house.photo("trip/b.jpg", "red")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await house.until_state("trip", "queued")
        (house.inbox / "trip").rename(house.inbox / "summer")
        (house.inbox / "summer/b.jpg").rename(house.inbox / "summer/best.jpg")
        may_start.set()
        await house.until_state("summer", "done")
    assert await messages(house) == ["one"]


@pytest.mark.parametrize("wait", ["forever", "1h"])
async def test_a_folder_under_the_name_of_one_that_left_does_not_ask_for_what_that_asked(house, wait):
    config = replace(
        house.config, inbox=replace(house.config.inbox, prompt_wait_s=float("inf") if wait == "forever" else 3600.0)
    )
    house.config = config
    house.prompt("a/prompt.txt", "a film about my cat Tom")
    async with house.daemon():
        await house.until(lambda: (r := house.row("a")) and "no photos yet" in r.detail)
        (house.inbox / "a").rename(house.inbox.parent / "elsewhere")
        await house.until(lambda: not house.row("a"))
        house.photo("a/b.jpg", "red")
        await house.until_state("a", "waiting_for_prompt")
        await house.until((house.inbox / "a/prompt.txt").exists)
    assert await messages(house) == []


async def test_a_copy_of_a_folder_that_waits_for_an_edit_waits_as_well(house):
    house.config = replace(house.config, inbox=replace(house.config.inbox, prompt_wait_s=float("inf")))
    house.photo("trip/a.jpg")
    async with house.daemon():
        await house.until_state("trip", "waiting_for_prompt")
        await house.until((house.inbox / "trip/prompt.txt").exists)
        shutil.copytree(house.inbox / "trip", house.inbox / "copy")
        await house.until_state("copy", "waiting_for_prompt")
        (house.inbox / "copy/prompt.txt").unlink()
        house.photo("other/a.jpg", "red")
        house.prompt("other/prompt.txt", "another film")
        await house.until_state("other", "done")
        assert await messages(house) == ["another film"]
        house.prompt("copy/prompt.txt", "mine")
        await house.until_state("copy", "done")
    assert await messages(house) == ["another film", "mine"]


async def test_a_lost_journal_buys_nothing_again(house):
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await house.until_state("trip", "done")
    for file in house.config.folders.state.glob("journal.db*"):
        file.unlink()
    house.overviews.clear()
    async with house.daemon():
        await house.until_state("trip", "done")
        house.prompt("trip/prompt.txt", 'one\n---\nadd a title "Two"')
        await house.until_state("trip", "done", 2)
    assert await messages(house) == ["one", 'add a title "Two"']


async def test_no_credits_asks_and_goes_on_by_itself_after_a_refill(house):
    await house.script({"call": "run_sse", "at": 1, "do": {"code": 2001}})
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        row = await house.until_state("trip", "needs_you")
        assert row.needs is Need.CREDITS
        assert "register?bind=" in (house.outbox / "trip/NEEDS-YOU.txt").read_text()
        assert (house.outbox / "NEEDS-YOU.txt").is_file()
        await _refill(house)
        await house.until_state("trip", "done")
        await house.until(lambda: not (house.outbox / "NEEDS-YOU.txt").exists())
    assert not (house.outbox / "trip/NEEDS-YOU.txt").exists()


async def _refill(house) -> None:
    import httpx

    async with httpx.AsyncClient() as client:
        (await client.post(f"{house.config.service.url}/__studio/credits", json={"total": 5000})).raise_for_status()


async def test_a_blocked_export_is_retried_without_paying(house):
    await house.script({"call": "render", "at": 1, "do": {"code": 402}})
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        row = await house.until_state("trip", "needs_you")
        assert row.needs is Need.PLAN
        await house.ask("retry", "trip")
        await house.until_state("trip", "done")
    assert await messages(house) == ["one"]


async def test_again_buys_on_purpose_in_a_new_session(house):
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await house.until_state("trip", "done")
        await house.ask("again", "trip")
        await house.until_state("trip", "done", 2)
    assert await messages(house) == ["one", "one"]
    assert len([entry for entry in await house.log() if "with-session" in entry["path"]]) == 2


async def test_a_video_that_was_taken_away_is_not_made_again_unasked(house):
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await house.until_state("trip", "done")
        for video in (house.outbox / "trip").glob("*.mp4"):
            video.unlink()
        await house.until(lambda: house.row("trip").video is None)
        assert house.row("trip").state is FilmState.DONE
        await house.ask("retry", "trip")
        await house.until(lambda: house.row("trip").video is not None)
    assert await messages(house) == ["one"]


@pytest.mark.parametrize(("words", "said"), [("credits", "1000"), ("status", "Timeline"), ("导出", None)])
async def test_routing_words_are_obeyed_and_cost_nothing(house, words, said):
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await house.until_state("trip", "done")
        house.prompt("trip/prompt.txt", words)
        if said is None:
            await house.until_state("trip", "done", 2)
        else:
            reply = house.outbox / "trip/reply.txt"
            await house.until(lambda: said in reply.read_text())
        house.prompt("trip/prompt.txt", "one")
        await house.until(lambda: house.row("trip").state is FilmState.DONE)
    assert await messages(house) == ["one"]


async def test_a_first_start_with_many_films_buys_none_until_released(house):
    for number in range(6):
        house.photo(f"p{number}/a.jpg", f"#{number}{number}4455")
        house.prompt(f"p{number}/prompt.txt", f"film {number}")
    async with house.daemon():
        for number in range(6):
            await house.until_state(f"p{number}", "queued")
        assert "nemo-watch retry" in house.row("p0").detail or "first start" in house.row("p0").detail
        assert await messages(house) == []
        await house.ask("retry", "p3")
        await house.until_state("p3", "done")
    assert await messages(house) == ["film 3"]


async def test_an_unreadable_prompt_is_told_and_mended_by_saving_it_plain(house):
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "{\\rtf1 hello}")
    async with house.daemon():
        row = await house.until_state("trip", "needs_you")
        assert row.needs is Need.FILE
        assert "plain text" in (house.outbox / "trip/NEEDS-YOU.txt").read_text()
        house.prompt("trip/prompt.txt", "one")
        await house.until_state("trip", "done")


async def test_once_ends_when_nothing_can_move(house):
    house.photo("trip/a.jpg")
    async with house.daemon(once=True):
        assert await house.task == 0
    assert house.row("trip").state is FilmState.DONE


async def test_once_tells_that_someone_is_needed(house):
    house.prompt("empty/prompt.txt", "words without photos")
    async with house.daemon(once=True):
        assert await house.task == 1


async def test_once_waits_for_a_look_that_takes_longer_than_the_rounds(house, monkeypatch):
    """A large inbox on a slow server: what is not looked through yet is not nothing."""
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    original, answered = Looks._look_and_tend, threading.Event()

    def slow(self):
        answered.wait()
        return original(self)

    monkeypatch.setattr(Looks, "_look_and_tend", slow)
    async with house.daemon(once=True):
        await house.until(lambda: house.overviews and house.overviews[-1].watching.problems)
        with pytest.raises(TimeoutError):  # several rounds of 100 ms
            await asyncio.wait_for(asyncio.shield(house.task), 0.5)
        answered.set()
        assert await house.task == 0
    assert house.row("trip").state is FilmState.DONE


@pytest.mark.parametrize("way", ["hangs", "away"])
async def test_once_ends_with_1_when_nobody_knows_what_lies_in_the_inbox(house, monkeypatch, way):
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon(once=True):
        assert await house.task == 0
    monkeypatch.setattr("nemo_watch.daemon.serving.LOOK_LIMIT_S", 0.3)
    original, answered = Looks._look_and_tend, threading.Event()
    if way == "away":
        house.inbox.rename(house.inbox.with_name("elsewhere"))
        answered.set()

    def hangs(self):
        answered.wait()
        return original(self)

    monkeypatch.setattr(Looks, "_look_and_tend", hangs)
    try:
        async with house.daemon(once=True):
            assert await house.task == 1
    finally:
        answered.set()
    assert house.row("trip").state is FilmState.DONE


async def test_a_round_that_goes_wrong_is_not_the_end(house, monkeypatch):
    monkeypatch.setattr("nemo_watch.daemon.serving._AFTER_A_STUMBLE_S", 0.01)
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon() as daemon:
        original, calls = daemon._rounds.recall.known, []

        async def stumbles():
            calls.append(1)
            if len(calls) == 3:
                raise RuntimeError("what nobody foresaw")
            return await original()

        monkeypatch.setattr(Recall, "known", lambda _self: stumbles())
        await house.until_state("trip", "done")
    assert len(calls) > 3


async def test_a_round_that_always_goes_wrong_is_told_and_ends_once_with_1(house, monkeypatch):
    monkeypatch.setattr("nemo_watch.daemon.serving._AFTER_A_STUMBLE_S", 0.01)

    async def stumbles(_self):
        raise RuntimeError("what nobody foresaw")

    monkeypatch.setattr("nemo_watch.daemon.recall.Recall.known", stumbles)
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon(once=True):
        assert await house.task == 1
    assert any(
        "stumbled over something it does not know (RuntimeError)" in p for p in house.overviews[-1].watching.problems
    )


async def test_a_reload_takes_new_settings_and_refuses_bad_ones(house, tmp_path):
    async with house.daemon(reload=lambda: house.config) as daemon:
        daemon._reload(lambda: replace(house.config, outbox=replace(house.config.outbox, gallery=False)))
        assert daemon._telling.config.outbox.gallery is False

        def bad():
            raise UsageError("nonsense")

        daemon._reload(bad)
        daemon._reload(lambda: load({"HOME": str(tmp_path)}))  # other folders: not while it runs
        assert daemon._config.folders == house.config.folders


@pytest.mark.parametrize("way", ["reload", "restart"])
async def test_a_daily_limit_that_is_raised_lets_the_films_go_on_that_wait_for_it(house, way):
    def limited(messages):
        return replace(house.config, service=replace(house.config.service, paid_messages_a_day=messages))

    house.config = limited(0)
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon() as daemon:
        await house.until(lambda: house.row("trip") and "daily limit" in house.row("trip").detail)
        if way == "reload":
            daemon._reload(lambda: limited(1))
            await house.until_state("trip", "done")
    if way == "restart":
        house.config = limited(1)
        async with house.daemon():
            await house.until_state("trip", "done")
    assert await messages(house) == ["one"]


@pytest.mark.parametrize("error", [RuntimeError("Could not determine home directory."), OverflowError("too large")])
async def test_a_configuration_that_no_reader_foresaw_is_refused_and_the_old_one_stays(house, error):
    def unforeseen():
        raise error

    async with house.daemon() as daemon:
        with capture_logs() as lines:
            daemon._reload(unforeseen)
        assert [line["event"] for line in lines] == ["config.refused"]
        assert str(error) in lines[0]["problem"]
        assert f"the old one stays: it cannot be read ({type(error).__name__}" in daemon._status()
        assert daemon._config == house.config


async def test_a_reload_takes_new_addresses_and_refuses_what_it_cannot_take(house, monkeypatch):
    """Whatever a reload says it has taken over is in force; what it cannot take over it refuses, and says so."""
    adopted = []
    monkeypatch.setattr("nemo_watch.outbox.notify._apprise", lambda urls: adopted.append(urls) or object())
    config = house.config
    inbox, pace = config.inbox, config.service.pace
    fixed = {
        "inbox.watch": replace(config, inbox=replace(inbox, watch="polling")),
        "inbox.language": replace(config, inbox=replace(inbox, language="ja")),
        "service.pace.stop_wait": replace(config, service=replace(config.service, pace=replace(pace, stop_wait_s=9.0))),
        "service.pace.balance_check": replace(
            config, service=replace(config.service, pace=replace(pace, balance_check_s=9.0))
        ),
    }
    async with house.daemon(reload=lambda: config) as daemon:
        daemon._reload(lambda: replace(config, notify=replace(config.notify, urls=("json://new.example/",))))
        assert adopted == [("json://new.example/",)]
        quicker = replace(config, service=replace(config.service, pace=replace(pace, request_limit_s=7.0)))
        daemon._reload(lambda: quicker)
        assert daemon._chores.service.client._asker.pace.request_limit_s == 7.0
        for key, other in fixed.items():
            with capture_logs() as lines:
                daemon._reload(lambda other=other: other)
            assert [line["problem"] for line in lines if line["event"] == "config.refused"] == [
                f"{key}: cannot change while nemo-watch runs; restart it"
            ]
        assert daemon._config == quicker


async def test_what_concerns_the_whole_account_is_told_in_no_films_name(house, monkeypatch):
    told = []

    async def tell(_self, event, title, _body, _key):
        told.append((event, title))
        return True

    monkeypatch.setattr("nemo_watch.outbox.notify.Notifier.tell", tell)
    await house.script(
        {"call": "run_sse", "at": 1, "do": {"code": 2001}}, {"call": "render", "at": 1, "do": {"code": 402}}
    )
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await house.until(lambda: ("needs_you", "nemo-watch: needs you") in told)
    assert "trip: needs you" not in [title for _, title in told]


async def test_every_problem_of_every_refused_reload_has_its_line(house):
    """Fourteen problems at once, and the next refusal within the minute: none is cut, none left out."""
    many = [ConfigProblem("config.toml:1", f"inbox.key{n}", "is not known; " + "x" * 100) for n in range(14)]

    def refused(*problems):
        def reload():
            raise UsageError(*problems)

        return reload

    stream = io.StringIO()
    try:
        configure(stream, kind=Kind.JSON)
        async with house.daemon(reload=lambda: house.config) as daemon:
            daemon._reload(refused(*many))
            daemon._reload(refused(ConfigProblem("config.toml", "", "cannot be read (Is a directory)")))
    finally:
        structlog.reset_defaults()
    told = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["problem"] for line in told if line["event"] == "config.refused"] == [
        *map(str, many), "config.toml: cannot be read (Is a directory)",
    ]  # fmt: skip


async def test_stopping_in_the_middle_is_resumed(house):
    """The render is on its way when the daemon stops; the next one fetches it and pays nothing."""
    await house.script({"call": "poll", "at": 1, "times": 2, "do": {"delay": 3.0}})
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await house.until(lambda: (row := house.row("trip")) and "rendering" in row.detail)
    house.overviews.clear()
    async with house.daemon():
        await house.until_state("trip", "done")
    assert await messages(house) == ["one"]
    submitted = [e for e in await house.log() if e["method"] == "POST" and e["path"] == "/api/render/proxy/lambda"]
    assert len(submitted) == 1


async def test_an_inbox_that_goes_away_is_a_pause(house):
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await house.until_state("trip", "done")
        house.inbox.rename(house.inbox.with_name("elsewhere"))
        await house.until(lambda: house.overviews[-1].watching.problems)
        assert house.row("trip").state is FilmState.DONE
        house.inbox.with_name("elsewhere").rename(house.inbox)
        await house.until(lambda: not house.overviews[-1].watching.problems)
    assert await messages(house) == ["one"]
