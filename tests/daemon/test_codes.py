"""Every code of the service, as a person meets it: what goes on by itself, what is asked, in which words. API text "Error Codes"."""

from __future__ import annotations

import httpx
import pytest

from nemo_watch.errors import FilmState


async def log_of(house) -> list[str]:
    """The calls of the service, one line each."""
    return [
        f"{entry['method']} {entry['path']} -> {entry['status']} {entry.get('code') or ''}".strip()
        for entry in await house.log()
        if not entry["path"].startswith("/__studio")
    ]


async def test_a_film_that_meets_1001_1002_429_and_2001_ends_with_one_video_and_no_help_but_a_refill(house):
    await house.script(
        {"call": "session", "at": 1, "do": {"code": 1001}},
        {"call": "upload", "at": 1, "do": {"code": 1002}},
        {"call": "run_sse", "at": 1, "do": {"code": 429, "headers": {"Retry-After": "0"}}},
        {"call": "run_sse", "at": 2, "do": {"code": 2001}},
    )
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await house.until_state("trip", "needs_you")
        async with httpx.AsyncClient() as client:
            (await client.post(f"{house.config.service.url}/__studio/credits", json={"total": 5000})).raise_for_status()
        await house.until_state("trip", "done")
    log = await house.log()
    print("\n".join(await log_of(house)))
    story = (house.outbox / "trip/project.log").read_text()
    print(story)
    sent = [entry for entry in log if entry["path"] == "/run_sse"]
    assert len(sent) == 3  # two explicit refusals, and the one that was taken
    assert len([entry for entry in log if "anonymous-token" in entry["path"]]) == 2
    assert len({entry["headers"].get("x-client-id") for entry in log if "anonymous-token" in entry["path"]}) == 1
    assert len([entry for entry in log if "with-session" in entry["path"]]) == 3  # refused; lost; the one that is kept
    assert sorted(path.name for path in (house.outbox / "trip").glob("*.mp4")) == ["trip-v1.mp4", "trip.mp4"]
    assert not (house.outbox / "trip/NEEDS-YOU.txt").exists()


CODES = [
    # call, code, state, what the person reads of it
    ("session", 1001, FilmState.DONE, ""),
    ("run_sse", 1001, FilmState.DONE, ""),
    ("upload", 1002, FilmState.DONE, "The editing session was lost before anything was paid; making a new one."),
    ("run_sse", 1002, FilmState.DONE, "The editing session was lost before anything was paid; making a new one."),
    ("render", 1002, FilmState.NEEDS_YOU, "To make it anew, which pays 1 message(s): nemo-watch again trip"),
    ("run_sse", 2001, FilmState.NEEDS_YOU, "https://nemovideo.com/register?bind="),
    ("upload", 4001, FilmState.NEEDS_YOU, "Use mp4, mov, avi, webm, mkv, jpg, png, gif, webp, mp3, wav, m4a or aac."),
    ("upload", 4002, FilmState.NEEDS_YOU, "Compress or trim it."),
    ("session", 400, FilmState.DONE, ""),
    ("render", 402, FilmState.NEEDS_YOU, "Register or choose a plan at https://nemovideo.com, then run: nemo-watch retry trip"),
    ("session", 429, FilmState.DONE, ""),
    ("run_sse", 429, FilmState.DONE, ""),
]  # fmt: skip


@pytest.mark.parametrize(("call", "code", "state", "said"), CODES, ids=lambda value: str(value)[:20])
async def test_each_code_ends_as_its_row_says_and_is_told_in_these_words(house, call, code, state, said):
    await house.script({"call": call, "at": 1, "do": {"code": code}})
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await house.until_state("trip", state.value)
        if state is FilmState.NEEDS_YOU:
            await house.until((house.outbox / "trip/NEEDS-YOU.txt").exists)
            assert said in (house.outbox / "trip/NEEDS-YOU.txt").read_text()
    assert said in (house.outbox / "trip/project.log").read_text()
    taken = [entry for entry in await house.log() if entry["path"] == "/run_sse"]
    assert len(taken) <= 2  # an explicit refusal, and the one that was taken
