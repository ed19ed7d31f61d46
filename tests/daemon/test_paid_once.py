"""What was paid for reaches the person, and nothing is paid for that cannot: the corners of edits, refusals and questions."""

from __future__ import annotations

import asyncio
import threading

import httpx
import pytest

from nemo_watch import masking
from nemo_watch.errors import FilmState, Need
from nemo_watch.jobs.store import Store

SUBMIT = "/api/render/proxy/lambda"


async def messages(house) -> list[str]:
    return [entry["message"] for entry in await house.log() if entry["path"] == "/run_sse"]


async def uploads(house) -> list[dict]:
    return [entry for entry in await house.log() if "upload-video" in entry["path"]]


async def refill(house, total: int) -> None:
    async with httpx.AsyncClient() as client:
        (await client.post(f"{house.config.service.url}/__studio/credits", json={"total": total})).raise_for_status()


async def test_an_edit_that_was_paid_and_never_rendered_is_rendered_with_the_next_one(house):
    """The first export is blocked; the next message changes nothing: the timeline was paid for, and no video of it exists."""
    await house.script({"call": "render", "at": 1, "do": {"code": 402}})
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await house.until_state("trip", "needs_you")
        house.prompt("trip/prompt.txt", "one\n---\nxyzzy")
        row = await house.until_state("trip", "done")
        assert row.video == "trip/trip.mp4"
    assert await messages(house) == ["one", "xyzzy"]


async def test_a_film_of_a_batch_for_which_nothing_was_changed_gets_no_video_of_another(house):
    house.photo("wedding/a.jpg", "red")
    house.prompt("wedding/a.txt", "film a")
    said = [{"content": {"role": "model", "parts": [{"text": "I could not do that."}]}}]
    async with house.daemon():
        await house.until_state("wedding/a", "done")
        await house.script({"call": "run_sse", "at": 1, "do": {"events": said}})
        house.photo("wedding/b.jpg", "blue")
        house.prompt("wedding/b.txt", "xyzzy")
        row = await house.until(lambda: (r := house.row("wedding/b")) and "changed nothing" in r.detail and r)
    assert (row.state, row.video) == (FilmState.DONE, None)
    assert not (house.outbox / "wedding/b.mp4").exists()
    assert len([entry for entry in await house.log() if "with-session" in entry["path"]]) == 1


async def test_after_a_refusal_the_balance_must_rise_above_what_it_was_then(house):
    """Refused at 1000, refused again at 1500: at 1500 it is not tried a third time."""
    await house.script({"call": "run_sse", "at": 1, "times": 2, "do": {"code": 2001}})
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await house.until_state("trip", "needs_you")
        await refill(house, 1500)
        await house.until_sent("/run_sse", 2)
        await house.until_sent("/api/credits/balance/simple", 8)  # looked at again and again, and nothing is sent
        assert len(await messages(house)) == 2
        await refill(house, 2000)
        await house.until_state("trip", "done")
    assert len(await messages(house)) == 3  # two explicit refusals, one that was taken


async def test_a_film_without_credits_stays_as_it_is_told_while_the_balance_is_looked_at(house):
    await house.script({"call": "run_sse", "at": "every", "do": {"code": 2001}})
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await house.until_state("trip", "needs_you")
        seen = len(house.overviews)
        await house.until_sent("/api/credits/balance/simple", 12)
    assert {row.state for overview in house.overviews[seen:] for row in overview.films} <= {FilmState.NEEDS_YOU}


async def test_an_address_that_is_refused_is_left_out_and_the_film_goes_on(house):
    taken = {"code": 0, "data": {"files": [{"filename": "good.jpg"}]}}
    await house.script(
        {"call": "upload", "at": 2, "times": 2, "do": {"code": 4001}},
        {"call": "upload", "at": 4, "do": {"status": 200, "body": taken}},
    )
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    house.prompt("trip/urls.txt", "https://example.org/bad.xyz\nhttps://example.org/good.jpg\n")
    async with house.daemon():
        await house.until_state("trip", "done")
    reply = (house.outbox / "trip/reply.txt").read_text()
    assert "NemoVideo does not take https://example.org/bad.xyz. It said: code 4001" in reply
    assert "The address must open without a login. Use mp4, mov" in reply
    assert "good.jpg." not in reply
    [told] = house.overviews[-1].files
    assert told.path == "trip/urls.txt"
    assert told.reason.startswith("NemoVideo does not take https://example.org/bad.xyz.")


async def test_a_file_that_did_not_go_up_is_told_with_the_reason_until_it_is_taken_away(house):
    await house.script({"call": "upload", "at": 1, "do": {"code": 4002}})
    house.photo("trip/a.jpg")
    house.photo("trip/b.jpg", "red")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await house.until_state("trip", "done")
    [told] = house.overviews[-1].files
    assert (told.path, told.project) == ("trip/a.jpg", "trip")
    assert told.reason.startswith("a.jpg is too large for NemoVideo")
    async with house.daemon():  # after a restart it is known from the journal
        await house.until(lambda: house.overviews[-1].files == (told,))
        (house.inbox / "trip/a.jpg").unlink()
        await house.until(lambda: house.overviews[-1].files == ())


@pytest.mark.parametrize(("code", "advice"), [(4001, "Use mp4, mov, avi"), (4002, "Compress or trim it.")])
async def test_when_every_file_is_refused_the_person_reads_what_to_do(house, code, advice):
    await house.script({"call": "upload", "at": "every", "do": {"code": code}})
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        row = await house.until_state("trip", "needs_you")
        assert row.needs is Need.FILE
        await house.until((house.outbox / "trip/NEEDS-YOU.txt").exists)
    assert advice in (house.outbox / "trip/NEEDS-YOU.txt").read_text()
    assert await messages(house) == []


async def test_a_question_is_answered_before_the_next_message_is_paid(house):
    await house.script({"call": "run_sse", "at": 1, "do": {"ask": "Which song would you like?"}})
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", 'make a film\n---\nadd a title "Red"')
    async with house.daemon():
        row = await house.until_state("trip", "needs_you")
        assert row.needs is Need.ANSWER
        assert await messages(house) == ["make a film"]
        house.prompt("trip/prompt.txt", 'make a film\n---\nmake it a calm one\n---\nadd a title "Red"')
        await house.until_state("trip", "done")
    assert await messages(house) == ["make a film", "make it a calm one", 'add a title "Red"']


async def test_an_export_does_not_swallow_photos_that_were_added(house):
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await house.until_state("trip", "done", 1)
        house.photo("trip/new.jpg", "red")
        house.prompt("trip/prompt.txt", "export")
        await house.until_state("trip", "done", 2)
        house.prompt("trip/prompt.txt", "one")
        await house.until_state("trip", "done", 3)
    assert await messages(house) == ["one", "one\n\nnew.jpg"]


async def test_photos_uploaded_before_a_word_is_said_go_up_once(house):
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "upload")
    async with house.daemon():
        await house.until(lambda: (r := house.row("trip")) and "nothing was sent" in r.detail)
        house.prompt("trip/prompt.txt", "one")
        await house.until(lambda: (r := house.row("trip")) and r.video)
    assert len(await uploads(house)) == 1
    assert len([entry for entry in await house.log() if "with-session" in entry["path"]]) == 1


async def test_what_the_service_repeats_of_the_token_reaches_no_file_of_the_outbox(house):
    token = "an-ordinary-looking-secret-0815"
    await house.script(
        {"call": "run_sse", "at": 1, "do": {"say": f"Your token is {token}. Which song would you like?"}}
    )

    masking.mask(token)
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await house.until_state("trip", "done")
    told = [file.read_bytes() for file in house.outbox.rglob("*") if file.is_file()]
    assert not any(token.encode() in data for data in told)
    assert "***" in (house.outbox / "trip/reply.txt").read_text()


async def test_a_rate_limit_says_when_it_goes_on(house):
    await house.script({"call": "session", "at": 1, "times": 12, "do": {"code": 429}})
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        row = await house.until(  # while the wait lasts; the next one is longer
            lambda: (r := house.row("trip")) and "slow down" in r.detail and "It goes on at " in r.detail and r
        )
        assert row.state is FilmState.QUEUED
        assert row.detail.partition("It goes on at ")[2].count(":") == 2
        await house.until_state("trip", "done")


async def test_a_stop_while_the_intent_is_being_written_asks_nobody_about_a_message_that_was_never_sent(
    house, monkeypatch
):
    """The commit of the intent takes its time (a busy disk); the stop comes meanwhile."""
    loop, there, go_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
    original = Store._run

    def slow(self, batch):
        outcomes = original(self, batch)
        if not there.is_set() and any("Journal.intent" in getattr(work, "__qualname__", "") for work, *_ in batch):
            loop.call_soon_threadsafe(there.set)
            go_on.wait(10)
        return outcomes

    monkeypatch.setattr(Store, "_run", slow)
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon() as daemon:
        async with asyncio.timeout(120):
            await there.wait()
        stopping = asyncio.create_task(daemon._dispatcher.stop(10.0))
        await asyncio.sleep(0)
        go_on.set()
        await stopping
    assert await messages(house) == []
    async with house.daemon():
        await house.until_state("trip", "done")
    assert await messages(house) == ["one"]
