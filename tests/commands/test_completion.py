from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from nemo_watch.commands.completion import SCRIPTS
from nemo_watch.commands.grammar import COMMANDS
from tests.commands.conftest import row

needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")


@pytest.mark.parametrize("shell", SCRIPTS)
def test_every_command_is_in_every_script(run, shell):
    script = run("completion", shell).out
    assert all(name in script for name in COMMANDS)
    assert "--follow" in script or "-l follow" in script


@pytest.mark.parametrize("shell", SCRIPTS)
def test_every_script_is_one_that_its_shell_understands(run, shell):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    done = subprocess.run([shell, "-n"], input=run("completion", shell).out, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def completed(script: str, names: list[str], home: Path, *words: str) -> list[str]:
    """What bash offers for the last of these words."""
    (home / "nemo-watch").write_text("#!/bin/sh\n" + "".join(f"echo '{name}'\n" for name in names))
    (home / "nemo-watch").chmod(0o755)
    typed = " ".join(f"'{word}'" for word in ("nemo-watch", *words))
    ask = f"{script}\nCOMP_WORDS=({typed}); COMP_CWORD={len(words)}; _nemo_watch; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    done = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, env={"PATH": f"{home}:/usr/bin:/bin"})
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if line]


@needs_bash
def test_bash_offers_commands_options_choices_and_projects(home):
    script = SCRIPTS["bash"]()
    assert completed(script, [], home, "st") == ["status", "studio"]
    assert completed(script, [], home, "status", "--j") == ["--json"]
    assert completed(script, [], home, "--studio", "service", "un") == ["uninstall"]
    assert completed(script, ["beach", "bella vista", "garden"], home, "retry", "be") == ["beach", "bella\\ vista"]
    assert completed(script, ["beach"], home, "doctor", "be") == []


@needs_bash
def test_a_name_is_never_run_as_a_command(home):
    script = SCRIPTS["bash"]()
    assert completed(script, [f"$(touch {home}/pwned)", "`id`"], home, "retry", "") != []
    assert not (home / "pwned").exists()


def test_the_names_are_those_of_the_outbox_that_can_be_typed(run, tell):
    tell(row("wedding/a"), row("wedding/b"), row("海边"), row("bad\x1b"))
    assert run("completion", "names").out.splitlines() == ["wedding", "wedding/a", "wedding/b", "海边"]


def test_where_nothing_is_known_there_are_no_names_and_no_complaint(run, home):
    (home / "c.toml").write_text("broken")
    for arguments in ((), ("--config", str(home / "c.toml"))):
        ended = run("completion", "names", *arguments)
        assert (ended.code, ended.out, ended.err) == (0, "", "")
