"""What was bought is known although the journal is lost: the receipts in the outbox count, each message of them."""

from __future__ import annotations

import tomllib

import pytest

from nemo_watch.errors import FilmState, Need


async def messages(house) -> list[str]:
    return [entry["message"] for entry in await house.log() if entry["path"] == "/run_sse"]


async def uploads(house) -> int:
    return len([entry for entry in await house.log() if "upload-video" in entry["path"]])


def lose_journal(house) -> None:
    for file in house.config.folders.state.glob("journal.db*"):
        file.unlink()
    house.overviews.clear()


async def test_an_edit_that_changed_nothing_is_not_sent_again(house):
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await house.until_state("trip", "done", 1)
        house.prompt("trip/prompt.txt", "one\n---\nxyzzy")
        await house.until(lambda: (row := house.row("trip")) and "changed nothing" in row.detail)
    lose_journal(house)
    async with house.daemon():
        await house.until_state("trip", "done", 1)
        house.prompt("trip/prompt.txt", 'one\n---\nxyzzy\n---\nadd a title "Two"')
        await house.until_state("trip", "done", 2)
    assert await messages(house) == ["one", "xyzzy", 'add a title "Two"']


async def test_what_was_paid_and_not_rendered_is_rendered_and_not_paid_again(house):
    await house.script({"call": "render", "at": 1, "do": {"code": 402}})
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await house.until_state("trip", "needs_you")
    lose_journal(house)
    async with house.daemon():
        await house.until_state("trip", "done")
    assert await messages(house) == ["one"]


@pytest.mark.parametrize("taken", [True, False])
async def test_a_message_in_doubt_is_not_sent_again(house, taken):
    """The line breaks before a word comes; the service has, or has not, taken it. Without the journal nobody knows better."""
    await house.script({"call": "run_sse", "at": 1, "do": {"reset": "after", "taken": taken}})
    ends = FilmState.DONE if taken else FilmState.NEEDS_YOU
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await house.until_state("trip", ends)
    lose_journal(house)
    async with house.daemon():
        await house.until_state("trip", ends)
    assert len(await messages(house)) == 1


async def test_photos_that_lie_in_the_session_do_not_go_up_again(house):
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await house.until_state("trip", "done", 1)
    lose_journal(house)
    async with house.daemon():
        await house.until_state("trip", "done", 1)
        house.prompt("trip/prompt.txt", 'one\n---\nadd a title "Two"')
        await house.until_state("trip", "done", 2)
    assert await uploads(house) == 1


async def test_an_older_journal_takes_over_the_versions_that_it_misses(house):
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await house.until_state("trip", "done", 1)
    older = {file: file.read_bytes() for file in house.config.folders.state.glob("journal.db*")}
    async with house.daemon():
        house.prompt("trip/prompt.txt", 'one\n---\nadd a title "Two"')
        await house.until_state("trip", "done", 2)
    lose_journal(house)
    for file, data in older.items():
        file.write_bytes(data)
    async with house.daemon():
        row = await house.until_state("trip", "done", 2)
        assert row.video == "trip/trip.mp4"
    assert await messages(house) == ["one", 'add a title "Two"']


async def test_the_receipt_tells_what_was_taken_and_what_the_balance_was(house):
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await house.until_state("trip", "done", 1)
    table = tomllib.loads((house.outbox / "trip/project.toml").read_text())
    (version,) = table["films"][0]["versions"]
    assert version["finished"] is True
    assert version["messages"] == ["one"]
    assert version["credits_before"] == 1000
    assert version["credits_after"] <= 1000
    assert version["render_id"].startswith("render_")


async def test_an_older_journal_beside_an_open_job_takes_its_version_over_and_pays_nothing_twice(house):
    """The journal was restored from before the second version, which was paid and waits to be exported."""
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await house.until_state("trip", "done", 1)
    older = {file: file.read_bytes() for file in house.config.folders.state.glob("journal.db*")}
    await house.script({"call": "render", "at": 1, "do": {"status": 402}})
    async with house.daemon():
        house.prompt("trip/prompt.txt", 'one\n---\nadd a title "Two"')
        await house.until_state("trip", "needs_you")
    lose_journal(house)
    for file, data in older.items():
        file.write_bytes(data)
    async with house.daemon():
        await house.until_state("trip", "done", 2)  # exported now, which is free
        house.prompt("trip/prompt.txt", 'one\n---\nadd a title "Two"\n---\nmake it slower')
        await house.until_state("trip", "done", 3)
    assert await messages(house) == ["one", 'add a title "Two"', "make it slower"]


async def test_what_did_not_go_up_is_still_known_after_the_journal_was_lost(house):
    await house.script({"call": "upload", "at": 1, "do": {"code": 4002}})
    house.photo("trip/a.jpg")
    house.photo("trip/b.jpg", "red")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await house.until_state("trip", "done", 1)
    lose_journal(house)
    async with house.daemon():
        await house.until_state("trip", "done", 1)
        house.prompt("trip/prompt.txt", 'one\n---\nadd a title "Two"')
        await house.until_state("trip", "done", 2)
    assert (
        await uploads(house) == 3
    )  # the one that was refused is tried with the next version; the other lies in the session


async def test_in_a_shared_session_an_edit_after_a_lost_journal_asks_before_it_works_on_anothers_timeline(house):
    for name in ("a", "b"):
        house.photo(f"wedding/{name}.jpg", "red" if name == "a" else "blue")
        house.prompt(f"wedding/{name}.txt", f"{name} one")
    async with house.daemon():
        await house.until_state("wedding/a", "done")
        await house.until_state("wedding/b", "done")
    lose_journal(house)
    async with house.daemon():
        await house.until_state("wedding/a", "done")
        await house.until_state("wedding/b", "done")
        house.prompt("wedding/a.txt", "a one\n---\na two")
        row = await house.until_state("wedding/a", "needs_you")
        assert row.needs is Need.DECISION
    assert sorted(await messages(house)) == ["a one", "b one"]


SECRET = "https://ann:s3cret-pw@example.org/a.jpg?sig=0123456789abcdef"


async def test_an_address_with_a_password_is_known_again_and_shown_nowhere(house):
    """Only the service and the journal are told it; the receipt knows it by its fingerprint."""
    taken = {"code": 0, "data": {"files": []}}
    await house.script({"call": "upload", "at": 2, "do": {"status": 200, "body": taken}})
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    house.prompt("trip/urls.txt", SECRET)
    async with house.daemon():
        await house.until_state("trip", "done", 1)
    lose_journal(house)
    async with house.daemon():
        await house.until_state("trip", "done", 1)
        house.prompt("trip/prompt.txt", 'one\n---\nadd a title "Two"')
        await house.until_state("trip", "done", 2)
    assert await messages(house) == ["one", 'add a title "Two"']
    assert len([entry for entry in await house.log() if "upload-video" in entry["path"]]) == 2  # the photo, the address
    for file in house.outbox.rglob("*"):
        assert file.is_dir() or not any(part in file.read_bytes() for part in (b"s3cret-pw", b"0123456789abcdef")), file
    table = tomllib.loads((house.outbox / "trip/project.toml").read_text())
    assert all("***@example.org/a.jpg" in v["urls"][0] for v in table["films"][0]["versions"])


async def test_a_refused_address_with_a_password_is_told_masked(house):
    taken = {"code": 0, "data": {"files": []}}
    await house.script(
        {"call": "upload", "at": 2, "do": {"code": 4001}},
        {"call": "upload", "at": 3, "do": {"status": 200, "body": taken}},
    )
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    house.prompt("trip/urls.txt", f"ftp://x\n{SECRET}\nno address\n" + "# \n" * 7 + "ftp://y\n")
    async with house.daemon():
        await house.until_state("trip", "done")
    told = [file.reason for file in house.overviews[-1].files]
    assert told[0].startswith("line 1: not an http")
    assert told[1].startswith("line 3: not a URL")
    assert told[2].startswith("line 11: not an http")
    assert told[3].startswith("NemoVideo does not take https://***@example.org/a.jpg?sig=***. It said: code 4001")
    assert "The address must open without a login." in told[3]
    assert all(b"s3cret-pw" not in file.read_bytes() for file in house.outbox.rglob("*") if file.is_file())
