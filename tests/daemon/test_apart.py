"""What goes wrong for one film, one session or one account is not another's trouble."""

from __future__ import annotations

import shutil
import signal

import httpx
import sqlalchemy as sa

from nemo_watch.daemon.wiring import open_journal
from nemo_watch.errors import FilmState
from nemo_watch.jobs import tables


async def messages(house) -> list[str]:
    return [entry["message"] for entry in await house.log() if entry["path"] == "/run_sse"]


async def test_an_outbox_folder_that_refuses_stops_one_film_only(house):
    (house.outbox / "trip").write_text("a file stands where the folder should be")
    (house.outbox / "trip").chmod(0o400)
    for name in ("trip", "walk"):
        house.photo(f"{name}/a.jpg", "red" if name == "trip" else "blue")
        house.prompt(f"{name}/prompt.txt", name)
    async with house.daemon():
        await house.until_state("walk", "done")
        await house.until(lambda: house.row("trip"))


async def test_free_films_are_not_held_by_the_brake_of_a_first_start(house):
    """Six films to pay for, and copies of one that was bought: what is free is handed over at once."""
    house.photo("bought/a.jpg", "white")
    house.prompt("bought/prompt.txt", "bought")
    async with house.daemon():
        await house.until_state("bought", "done")
    for file in house.config.folders.state.glob("journal.db*"):
        file.unlink()
    shutil.copytree(house.inbox / "bought", house.inbox / "copy")
    for number in range(6):
        house.photo(f"p{number}/a.jpg", f"#{number}{number}4455")
        house.prompt(f"p{number}/prompt.txt", f"film {number}")
    house.overviews.clear()
    async with house.daemon():
        await house.until_state("copy", "done")
        for number in range(6):
            await house.until_state(f"p{number}", "queued")
    assert await messages(house) == ["bought"]


async def test_an_unreadable_urls_txt_is_told_and_mended_by_saving_it_plain(house):
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    (house.inbox / "trip/urls.txt").write_bytes(b"{\\rtf1 https://example.org/a.mp4}")
    async with house.daemon():
        row = await house.until_state("trip", "needs_you")
        assert "urls.txt" in row.detail
        house.prompt("trip/urls.txt", "")
        await house.until_state("trip", "done")


async def test_a_session_of_another_account_is_out_of_reach_and_not_gone(house):
    """Another token's session: the film asks, and the session stays known for when that token is back."""
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await house.until_state("trip", "done")
    await rename_account(house, "another")
    house.overviews.clear()
    async with house.daemon():
        await house.until_state("trip", "done")
        house.prompt("trip/prompt.txt", "one\n---\nwarm colours")
        row = await house.until_state("trip", "needs_you")
        assert "again trip" in (house.outbox / "trip/NEEDS-YOU.txt").read_text(), row
    assert await messages(house) == ["one"]
    store = open_journal(house.config)
    try:
        assert await store.read(lambda c: c.scalar(sa.select(tables.session.c.gone))) == 0
    finally:
        store.close()
    await rename_account(house, None)
    house.overviews.clear()
    async with house.daemon():
        await house.until_state("trip", "done", 2)  # by itself, now that the token is back
    assert await messages(house) == ["one", "warm colours"]


async def test_a_new_token_of_the_same_account_goes_on_in_the_session(house):
    """The service is asked, and opens the session: what was paid for is not bought again."""
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await house.until_state("trip", "done")
    await rename_account(house, f"token:old@{httpx.URL(house.config.service.url).netloc.decode()}")
    house.overviews.clear()
    async with house.daemon():
        house.prompt("trip/prompt.txt", "one\n---\nwarm colours")
        await house.until_state("trip", "done", 2)
    assert await messages(house) == ["one", "warm colours"]
    assert len([entry for entry in await house.log() if "with-session" in entry["path"]]) == 1


async def rename_account(house, name: str | None) -> None:
    """Call the account of the only session `name`; None: what it was called before."""
    store = open_journal(house.config)
    try:
        account = await store.read(lambda c: c.scalar(sa.select(tables.session.c.account)))
        known = getattr(house, "account", account)
        house.account = known
        await store.do(lambda c: c.execute(tables.session.update().values(account=name or known)) and None)
    finally:
        store.close()


async def test_a_wish_to_cancel_outlives_the_daemon(house):
    """The render is under way; the daemon ends before it can carry the wish out; the next one does."""
    await house.script({"call": "poll", "at": 1, "times": 9, "do": {"delay": 3.0}})
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await house.until(lambda: (row := house.row("trip")) and "rendering" in row.detail)
    await house.ask("cancel", "trip")
    house.overviews.clear()
    async with house.daemon():
        row = await house.until_state("trip", "cancelled")
        assert row.state is FilmState.CANCELLED
    assert not list((house.outbox / "trip").glob("*.mp4"))


def test_a_hangup_at_the_edges_does_not_end_the_daemon():
    from nemo_watch.daemon.supervise import _heed_signals_at_the_edges

    before = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)}
    try:
        _heed_signals_at_the_edges(0)
        signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert callable(signal.getsignal(signal.SIGTERM))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
