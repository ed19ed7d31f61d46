from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import nemo_watch
from nemo_watch.commands import main as program
from nemo_watch.commands import status
from nemo_watch.commands.grammar import COMMANDS, command_line, overview
from nemo_watch.errors import Cause, Trouble, UsageError
from tests.commands.conftest import row

ROOT = Path(__file__).parents[2]
HEAVY = (
    "argparse",
    "httpx",
    "PIL",
    "numpy",
    "cv2",
    "structlog",
    "sqlalchemy",
    "rich",
    "asyncio",
    "typing",
    "dataclasses",
)


def process(*arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "nemo_watch.commands.main", *arguments],
        env=env,
        capture_output=True,
        text=True,
        **settings,
    )  # type: ignore[call-overload,no-any-return]


def test_help_imports_next_to_nothing():
    code = (
        "import sys; before = set(sys.modules); from nemo_watch.commands.main import main; main(['--help']);"
        f"print([name for name in {HEAVY!r} if name in set(sys.modules) - before], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert done.stderr.strip() == "[]"
    assert done.stdout == overview()


@pytest.mark.parametrize("command", ["status", "retry", "doctor"])
def test_parsing_a_command_imports_nothing_that_other_commands_need(command):
    code = (
        "import sys; from nemo_watch.commands.grammar import command_line;"
        f"command_line([{command!r}]); print([name for name in ('httpx', 'sqlalchemy', 'rich', 'structlog') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"


def test_every_command_has_a_module_that_runs_it():
    from importlib import import_module

    for name in COMMANDS:
        assert callable(import_module(f"nemo_watch.commands.{name}").run)


def test_help_names_every_command_and_is_the_same_after_an_option(run):
    shown = run("--help")
    assert shown.code == 0
    assert all(f"  {name} " in shown.out for name in COMMANDS)
    assert run("--studio", "--help").out == shown.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_tells_its_own_arguments(run, command):
    shown = run(command, "--help")
    assert shown.code == 0
    assert COMMANDS[command][0].split(",")[0].split()[0] in shown.out
    assert "--config FILE" in shown.out


def test_the_version_is_the_packages(run):
    assert run("--version").out == f"nemo-watch {nemo_watch.__version__}\n"


@pytest.mark.parametrize("arguments", [["retr"], ["status", "--jsn"], ["retry", "a", "b"], ["service", "instal"], []])
def test_wrong_usage_ends_with_2_and_says_why(run, arguments):
    ended = run(*arguments)
    assert ended.code == 2
    assert ended.err
    assert ended.out == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--inbox", "/x", "--studio", "status", "beach", "--json"],
        ["status", "beach", "--json", "--inbox", "/x", "--studio"],
        ["--studio", "status", "--inbox", "/x", "beach", "--json"],
    ],
)
def test_options_stand_before_or_after_a_commands_own_arguments(arguments):
    options = command_line(arguments).parse_args(arguments)
    assert (options.command, options.inbox, options.studio, options.project, options.json) == (
        "status",
        "/x",
        True,
        "beach",
        True,
    )


def test_a_project_may_be_called_like_a_command():
    options = command_line(["log", "retry"]).parse_args(["log", "retry"])
    assert (options.command, options.project) == ("log", "retry")


@pytest.mark.parametrize(
    "arguments",
    [["status", "--inbox", "~nosuch/x"], ["status", "--config", "~nosuch/x"], ["init", "--config", "~nosuch/x"],
     ["studio", "--folder", "~nosuch/x"], ["studio", "--script", "~nosuch/x"]],
)  # fmt: skip
def test_a_home_that_is_not_there_is_wrong_usage(run, arguments):
    ended = run(*arguments)
    assert ended.code == 2
    assert "begins with ~nosuch, and there is no such home" in ended.err


def test_every_problem_of_a_configuration_is_told_and_the_code_is_2(run, home):
    (home / "bad.toml").write_text('[inbox]\nsetle = "5s"\nrescan = 3\n[servise]\nurl = "x"\n')
    ended = run("status", "--config", str(home / "bad.toml"))
    assert ended.code == 2
    assert len(ended.err.splitlines()) == 3
    assert f"{home}/bad.toml:2: inbox.setle" in ended.err
    assert "did you mean inbox.settle?" in ended.err
    assert ended.out == ""


def raising(error: BaseException) -> Callable[[object], int]:
    def _run(_options: object) -> int:
        raise error

    return _run


def test_a_trouble_is_told_in_the_tables_words_without_a_traceback(run, monkeypatch):
    monkeypatch.setattr(status, "run", raising(Trouble(Cause.NETWORK_DOWN, reason="no route")))
    ended = run("status")
    assert ended.code == 1
    assert ended.err == "nemo-watch: NemoVideo cannot be reached (no route).\nTry again in a while.\n"


def test_ctrl_c_ends_a_command_without_a_traceback(run, monkeypatch):
    monkeypatch.setattr(status, "run", raising(KeyboardInterrupt()))
    ended = run("status")
    assert (ended.code, ended.err) == (program.INTERRUPTED, "")


def test_usage_errors_of_several_problems_are_told_line_by_line(run, monkeypatch):
    monkeypatch.setattr(status, "run", raising(UsageError("one", "two")))
    assert run("status").err == "nemo-watch: one\nnemo-watch: two\n"


def test_a_reader_that_has_seen_enough_is_no_error():
    reading, writing = os.pipe()
    os.close(reading)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "nemo_watch.commands.main", "completion", "bash"],
        stdout=writing,
        stderr=subprocess.PIPE,
        env=env,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


LONG = 100_000  # characters: more than any buffer holds back


@pytest.mark.parametrize(
    "arguments",
    [["completion", "bash"], ["log", "short"], ["log", "long"], ["log", "long", "-f"], ["status"], ["--version"]],
)
def test_a_full_disk_behind_stdout_is_told_in_one_line_and_ends_with_1(config, tell, arguments):
    tell(row("short"), row("long"))
    for name, story in (("short", "one\n"), ("long", "x" * LONG + "\n")):
        (config.folders.outbox / name).mkdir()
        (config.folders.outbox / name / "project.log").write_text(story)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "nemo_watch.commands.main", *arguments],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    told = [line for line in done.stderr.splitlines() if "is not running" not in line]
    assert told == ["nemo-watch: what was asked for cannot be written to stdout (No space left on device)."]
    assert done.returncode == 1


def test_an_error_of_our_own_is_not_laid_on_stdout(run, monkeypatch):
    monkeypatch.setattr(status, "run", raising(OSError("ours")))
    with pytest.raises(OSError, match="ours"):
        run("status")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_take_what_is_said(config, tell, closed):
    tell(row("beach", "failed"))
    command = f'exec "{sys.executable}" -m nemo_watch.commands.main status {closed}'
    done = subprocess.run(
        ["sh", "-c", command], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert done.returncode == 1  # the film failed
    assert "Traceback" not in done.stderr


def test_a_name_that_the_terminal_cannot_show_ends_nothing(home):
    outbox = home / "out"
    outbox.mkdir()
    done = process("log", "海边", "--outbox", str(outbox), cwd=home)
    assert done.returncode == 2
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-m", "nemo_watch.commands.main", "status", "--outbox", str(home / "海")],
        env=env,
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in done.stderr
    assert "\\u6d77" in done.stderr
