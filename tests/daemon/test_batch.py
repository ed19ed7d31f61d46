"""Several films of one folder in one session: each its own words, its own render, and none in another's way."""

from __future__ import annotations

from nemo_watch.errors import FilmState, Need


def wedding(house) -> None:
    for name, colour in (("a", "red"), ("b", "blue")):
        house.photo(f"wedding/{name}.jpg", colour)
        house.prompt(f"wedding/{name}.txt", f"film {name}")


def drawn(house, video: str) -> bytes:
    """The draft that a video was made of, as the quick renderer wrote it."""
    return (house.outbox / f"wedding/{video}.mp4").read_bytes().partition(b"draft=")[2].partition(b", media_folder=")[0]


async def messages(house) -> list[str]:
    return [entry["message"] for entry in await house.log() if entry["path"] == "/run_sse"]


async def test_an_export_renders_the_films_own_timeline_and_not_the_sessions_newest(house):
    wedding(house)
    async with house.daemon():
        await house.until_state("wedding/a", "done")
        await house.until_state("wedding/b", "done")
        house.prompt("wedding/a.txt", "export")
        await house.until_state("wedding/a", "done", 2)
    first, second, exported = (drawn(house, name) for name in ("a-v1", "b-v1", "a-v2"))
    assert exported == first
    assert exported != second


async def test_a_film_in_doubt_keeps_its_session_and_no_other_film_from_its_own(house):
    """The first film asks for a decision: the second gets a session of its own, for what lies in the shared one is in doubt."""
    await house.script({"call": "run_sse", "at": 1, "do": {"reset": "after", "taken": False}})
    wedding(house)
    async with house.daemon():
        row = await house.until_state("wedding/a", "needs_you")
        assert row.needs is Need.DECISION
        await house.until_state("wedding/b", "done")
    assert len([entry for entry in await house.log() if "with-session" in entry["path"]]) == 2
    assert await messages(house) == ["film a", "film b"]


async def test_an_edit_waits_while_another_film_of_its_session_asks_for_a_decision(house):
    wedding(house)
    async with house.daemon():
        await house.until_state("wedding/a", "done")
        await house.until_state("wedding/b", "done")
        await house.script({"call": "run_sse", "at": 1, "do": {"reset": "after", "taken": False}})
        house.prompt("wedding/a.txt", "another film a")
        await house.until_state("wedding/a", "needs_you")
        house.prompt("wedding/b.txt", "film b\n---\nwarm colours")
        row = await house.until(
            lambda: (row := house.row("wedding/b")) and "wedding/a is decided" in row.detail and row
        )
        assert row.state is FilmState.QUEUED
        await house.ask("retry", "wedding/a")  # what stands in the session is film b: there is nothing of a to render
        await house.until(lambda: "wedding/a is decided" in house.row("wedding/b").detail)
        assert not (house.outbox / "wedding/a-v2.mp4").exists()
        await house.ask("again", "wedding/a")
        await house.until_state("wedding/a", "done", 2)
        await house.until_state("wedding/b", "done", 2)
    assert sorted((await messages(house))[3:]) == ["another film a", "warm colours"]


async def test_an_edit_that_would_work_on_another_films_timeline_asks_first(house):
    wedding(house)
    async with house.daemon():
        await house.until_state("wedding/a", "done")
        await house.until_state("wedding/b", "done")
        house.prompt("wedding/a.txt", "film a\n---\nadd a title")
        row = await house.until_state("wedding/a", "needs_you")
        assert row.needs is Need.DECISION
        assert "Another film of this folder" in row.detail
        house.prompt("wedding/b.txt", "film b\n---\nwarm colours")  # b is the newest: it goes on
        await house.until_state("wedding/b", "done", 2)
        await house.ask("again", "wedding/a")
        await house.until_state("wedding/a", "done", 2)
    assert await messages(house) == ["film a", "film b", "warm colours", "film a", "add a title"]


async def test_a_cancelled_film_of_which_not_all_is_known_keeps_its_session_from_others(house):
    await house.script({"call": "run_sse", "at": 1, "do": {"reset": "after", "taken": False}})
    house.photo("wedding/a.jpg", "red")
    house.prompt("wedding/a.txt", "film a")
    async with house.daemon():
        await house.until_state("wedding/a", "needs_you")
        await house.ask("cancel", "wedding/a")
        await house.until_state("wedding/a", "cancelled")
        house.photo("wedding/b.jpg", "blue")
        house.prompt("wedding/b.txt", "film b")
        await house.until_state("wedding/b", "done")
        await house.ask("retry", "wedding/a")
        row = await house.until_state("wedding/a", "needs_you")
        assert row.needs is Need.DECISION
    assert not (house.outbox / "wedding/a.mp4").exists()
    assert await messages(house) == ["film a", "film b"]


async def test_status_tells_the_films_own_timeline(house):
    wedding(house)
    async with house.daemon():
        await house.until_state("wedding/a", "done")
        await house.until_state("wedding/b", "done")
        house.prompt("wedding/a.txt", "status")
        await house.until(lambda: "is answered" in house.row("wedding/a").detail)
    reply = (house.outbox / "wedding/a.reply.txt").read_text()
    assert reply == (house.outbox / "wedding/a.timeline.txt").read_text()
