"""Root acts as the state folder's owner; who has no access is told the command that works."""

from __future__ import annotations

import os
import pwd
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from nemo_watch.commands.acting import command_that_works, pinned
from nemo_watch.config import load
from tests.commands.conftest import row

ROOT = Path(__file__).parents[2]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account")
NOBODY = pwd.getpwnam("nobody")

AS_NOBODY = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
from nemo_watch.commands.reaching import keep_python_reachable
keep_python_reachable()
os.setgroups([]); os.setresgid({NOBODY.pw_gid}, {NOBODY.pw_gid}, {NOBODY.pw_gid}); os.setresuid({NOBODY.pw_uid}, {NOBODY.pw_uid}, {NOBODY.pw_uid})
from nemo_watch.commands.main import main
sys.exit(main(sys.argv[1:]))
"""
AS_ROOT = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from nemo_watch.commands.main import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture
def house(config, tmp_path_factory):
    """The configured folders where every account can reach them."""
    for folder in (*config.folders.state.parents, *config.folders.inbox.parents):
        if folder.is_relative_to(Path(tmp_path_factory.getbasetemp()).parent.parent) and folder != Path("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o011)
    return config


def process(code: str, *arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    env = {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, env=env, cwd="/")


@needs_root
@pytest.mark.parametrize(
    "arguments",
    [["retry", "beach trip"], ["cancel", "beach trip"], ["again", "beach trip"], ["link", "beach trip"], ["credits"]],
)
def test_without_access_to_the_state_folder_the_command_that_works_is_told(house, home, arguments):
    done = process(AS_NOBODY, *arguments, home=home)
    assert done.returncode == 2, done.stderr
    told = shlex.split(done.stderr.splitlines()[-1])
    assert told[0] == "sudo"
    assert told[-len(arguments) :] == arguments
    assert f"--state {house.folders.state}" in " ".join(told)
    assert "Traceback" not in done.stderr


@needs_root
def test_without_access_to_the_state_folder_status_and_log_come_from_the_outbox(house, home, tell):
    tell(row("beach"))
    (house.folders.outbox / "beach").mkdir()
    (house.folders.outbox / "beach" / "project.log").write_text("a story\n")
    done = process(AS_NOBODY, "status", home=home)
    assert (done.returncode, done.stdout, done.stderr) == (0, "beach  v1  Done\n", "")
    told = process(AS_NOBODY, "log", "beach", home=home)
    assert (told.stdout, told.stderr) == ("a story\n", "")


@needs_root
def test_log_says_of_an_outbox_that_may_not_be_read_what_status_says(house, home, tell):
    tell(row("beach"))
    house.folders.outbox.chmod(0o700)
    for arguments in (["status"], ["log", "beach"]):
        done = process(AS_NOBODY, *arguments, home=home)
        assert done.returncode == 2
        assert done.stderr.endswith("cannot be read (Permission denied); ask its owner for the right to read it.\n")


@pytest.mark.parametrize(
    ("mode", "told"),
    [(0o500, "is closed to its own account. Open it: chmod 700 "), (0o700, "its disk can only be read")],
)
def test_ones_own_state_folder_that_cannot_be_written_is_no_other_accounts(run, config, monkeypatch, mode, told):
    monkeypatch.setattr("nemo_watch.commands.acting.may_use", lambda _state: False)  # root may use any
    config.folders.state.chmod(mode)
    ended = run("retry", "beach")
    config.folders.state.chmod(0o700)
    assert ended.code == 2
    assert told in ended.err
    assert "sudo" not in ended.err


def test_a_state_folder_that_is_a_file_is_told_as_one(run, config):
    config.folders.state.rmdir()
    config.folders.state.write_text("")
    ended = run("retry", "beach")
    assert ended.code == 2
    assert f"{config.folders.state} is not a folder. Choose another: --state" in ended.err


@needs_root
@pytest.mark.parametrize("arguments", [["retry", "beach"], ["status"], ["doctor"]])
def test_root_becomes_the_owner_and_leaves_nothing_of_roots_behind(house, home, films, tell, arguments):
    from nemo_watch.errors import FilmState

    tell(row("beach", "failed"))
    films.add("beach", FilmState.FAILED)
    films.store.close()
    state = house.folders.state
    for path in (state, *state.iterdir()):
        os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)
    done = process(AS_ROOT, *arguments, home=home)
    assert "Traceback" not in done.stderr, done.stderr
    assert {path.stat().st_uid for path in (state, *state.iterdir())} == {NOBODY.pw_uid}
    if arguments[0] == "retry":
        assert "beach (failed)" in done.stdout


def test_the_command_that_works_names_the_owner(config, monkeypatch):
    monkeypatch.setattr("nemo_watch.commands.acting._owner_name", lambda _state: "nemo")
    monkeypatch.setattr("nemo_watch.commands.acting._program", lambda: "nemo-watch")
    fixed = replace(
        config,
        sources=dict.fromkeys(("folders.inbox", "folders.outbox", "folders.state"), "/etc/nemo-watch/config.toml:1"),
    )
    assert command_that_works(fixed, ["retry", "beach-trip"]) == "sudo -u nemo nemo-watch retry beach-trip"


def test_what_this_accounts_home_told_is_told_to_the_other_account(home):
    (home / "own.toml").write_text(f'[folders]\ninbox = "{home}/i"\noutbox = "{home}/o"\n')
    config = load(path=home / "own.toml")
    assert pinned(config, ["retry", "x"]) == [
        "--config",
        str(home / "own.toml"),
        "--state",
        str(home / ".local/state/nemo-watch"),
    ]
    assert pinned(config, ["--config=own.toml", "--state", "/s", "retry", "x"]) == []
