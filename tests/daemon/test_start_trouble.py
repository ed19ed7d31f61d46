"""A start on a locked journal, on a full disk, on a journal that lost what it held; and disks that are full for the account alone.

What passes ends with 1, after which systemd starts it again; what is for a person ends with 2, and no file is touched.
Source: README "Commands"; systemd/nemo-watch.service, RestartPreventExitStatus=.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest

from nemo_watch import logs
from nemo_watch.commands.main import main
from nemo_watch.commands.run import remedy
from nemo_watch.config import load
from nemo_watch.daemon import supervise, wiring
from nemo_watch.daemon.wiring import only_daemon
from nemo_watch.errors import Cause, Trouble, UsageError
from nemo_watch.jobs import opening
from nemo_watch.jobs.store import Store
from nemo_watch.nemo.tokens import FileTokens


def full(*_arguments, **_options):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    for name in ("inbox", "outbox", "state"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.fixture
def started(folders, monkeypatch, capsys):
    """`nemo-watch run --once` on these folders: its exit code and what it said. This process keeps its signals and its log."""
    monkeypatch.setattr(supervise, "_heed_signals_at_the_edges", lambda _code: None)
    monkeypatch.setattr(logs, "configure", lambda: None)
    monkeypatch.setattr(opening, "_LOCK_WAIT_S", 0.01)
    monkeypatch.setenv("NEMO_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("NOTIFY_SOCKET", "@nobody-listens-here")
    chosen = [f"--{name}={folders / name}" for name in ("inbox", "outbox", "state")]

    def start(command: str = "run", *more: str) -> tuple[int, str]:
        code = main([command, *(more or ("--once",)), *chosen])
        return code, capsys.readouterr().err

    return start


def test_a_locked_journal_is_told_as_such_and_tried_again(folders, started):
    journal = folders / "state/journal.db"
    opening.open_sqlite(journal).close()
    with closing(sqlite3.connect(journal, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        code, said = started()
        command = started("retry", "f")
    assert (code, command[0]) == (1, 1)
    told = f"nemo-watch: The journal {journal} cannot be written (another program has locked it)."
    assert said == f"{told} Put that right; nemo-watch starts again by itself.\n"
    assert command[1] == f"{told}\nTry again in a while.\n"


def test_an_inbox_that_is_a_file_or_is_not_there_is_for_a_person_and_told_as_it_is(folders, started):
    inbox = folders / "inbox"
    inbox.rmdir()
    assert started() == (
        2,
        f"nemo-watch: The inbox {inbox} does not exist. Make it (mkdir -p '{inbox}'), or run: nemo-watch init\n",
    )
    inbox.write_text("")
    assert started() == (2, f"nemo-watch: The inbox {inbox} is a file and no folder. Choose another with --inbox.\n")


@pytest.mark.parametrize("makes", ["the state folder", "the lock", "the journal"])
def test_a_full_disk_is_told_as_such_and_tried_again(folders, started, monkeypatch, makes):
    if makes == "the state folder":
        (folders / "state").rmdir()
        monkeypatch.setattr(Path, "mkdir", full)
    else:
        real, name = os.open, "lock" if makes == "the lock" else "journal.db.new"
        refuse = lambda path, *more: full() if Path(path).name == name else real(path, *more)  # noqa: E731
        monkeypatch.setattr(os, "open", refuse)
    code, said = started()
    assert code == 1
    assert "The disk that holds" in said
    assert said.endswith(" is full. Free some space; nemo-watch starts again by itself.\n")


def test_a_read_only_disk_is_tried_again_and_a_folder_of_another_is_for_a_person(folders, started, monkeypatch):
    def refuse(why):
        def refused(*_arguments):
            raise OSError(why, os.strerror(why))

        return refused

    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", lambda *_: None)
        patch.setattr(os, "open", refuse(errno.EROFS))
        code, said = started()
    assert (code, "cannot be written (Read-only file system)" in said) == (1, True)
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse(errno.EACCES))
        code, said = started()
    assert (code, "cannot be used (Permission denied)" in said) == (2, True)


def test_the_lock_holds_on_a_full_disk_without_the_number_of_its_holder(folders, monkeypatch):
    config = load({"HOME": str(folders)}, options={"folders.state": str(folders / "state")})
    monkeypatch.setattr(os, "pwrite", full)
    with wiring.only_daemon(config):
        assert wiring.daemon_is_running(config)
        assert not wiring.poke_daemon(config)
        with pytest.raises(UsageError, match="already running"), wiring.only_daemon(config):
            pass


@pytest.mark.parametrize("kind", ["cut to nothing", "no journal"])
def test_a_journal_that_lost_what_it_held_or_is_none_is_for_a_person_and_not_touched(folders, started, kind):
    journal = folders / "state/journal.db"
    journal.write_bytes(b"" if kind == "cut to nothing" else b"something else entirely" * 300)
    before = journal.read_bytes()
    (folders / "outbox/trip").mkdir()
    (folders / "outbox/trip/project.toml").write_text("")
    for said in (started(), started("retry", "trip")):
        assert said[0] == 2
        assert "left as it is" in said[1]
    assert journal.read_bytes() == before
    assert sorted(path.name for path in journal.parent.iterdir()) == ["journal.db", "lock"]


def test_who_starts_it_again_is_told_as_it_is():
    under_systemd, by_hand = {"NOTIFY_SOCKET": "/run/systemd/notify"}, {"NOTIFY_SOCKET": ""}
    assert remedy(Trouble(Cause.NO_SPACE), under_systemd) == "Free some space; nemo-watch starts again by itself."
    assert remedy(Trouble(Cause.OUTBOX_UNWRITABLE), by_hand).endswith("start it again then: nemo-watch run.")


# -- a full disk for the account -----------------------------------------------------------------------------------------------


async def test_a_film_is_made_although_its_token_cannot_be_kept(house, monkeypatch):
    monkeypatch.setattr(FileTokens, "keep_token", full)
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        await house.until_state("trip", "done")
    assert len([entry for entry in await house.log() if "anonymous-token" in entry["path"]]) == 1


async def test_a_first_start_on_a_full_disk_waits_with_the_reason_and_goes_on_by_itself(house, monkeypatch):
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    with monkeypatch.context() as patch:
        patch.setattr(FileTokens, "keep_client_id", full)
        async with house.daemon():
            row = await house.until_state("trip", "needs_you")
            assert (row.needs, row.detail) == ("space", "The disk that holds the state folder is full.")
            assert not [entry for entry in await house.log() if "anonymous-token" in entry["path"]]
            patch.undo()
            await house.until_state("trip", "done")


# -- 402 -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["token", "session", "run_sse"])
async def test_a_402_where_nothing_is_exported_speaks_of_no_export_and_retry_goes_on(house, call):
    await house.script({"call": call, "at": 1, "do": {"code": 402}})
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon():
        row = await house.until_state("trip", "failed")
        assert "export" not in row.detail
        assert "your plan does not allow it" in row.detail
        await house.ask("retry", "trip")
        await house.until_state("trip", "done")
    assert (house.outbox / "trip/trip.mp4").exists()


async def test_a_stop_does_not_wait_for_a_round_that_waits_for_a_journal_that_does_not_answer(house, monkeypatch):
    monkeypatch.setattr("nemo_watch.daemon.serving.REST_S", 0.1)
    stuck, released, original = asyncio.Event(), threading.Event(), Store._run
    loop = asyncio.get_running_loop()

    def hangs(self, batch):
        loop.call_soon_threadsafe(stuck.set)
        released.wait(30)
        return original(self, batch)

    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon() as daemon:
        await house.until_state("trip", "done")
        monkeypatch.setattr(Store, "_run", hangs)
        house.photo("later/b.jpg", "red")
        async with asyncio.timeout(120):
            await stuck.wait()
            daemon._stop()
            assert await house.task == 0
        released.set()


# -- a state folder that was there before --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["journal.db", "lock", None])
def test_a_state_folder_that_others_could_look_into_is_closed_to_them(house, name):
    state = house.config.folders.state
    state.mkdir(mode=0o755)
    if name is not None:
        (state / name).touch()
    with only_daemon(house.config):
        assert stat.S_IMODE(state.stat().st_mode) == 0o700


def test_a_folder_with_other_things_in_it_is_left_as_it_is(house):
    state = house.config.folders.state
    state.mkdir(mode=0o755)
    (state / "diary").touch()
    with only_daemon(house.config):
        assert stat.S_IMODE(state.stat().st_mode) == 0o755
