from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemo_watch.commands.quoting import command, path_word, word
from nemo_watch.commands.units import Account, Unit, example, unit_text
from nemo_watch.errors import UsageError

SHIPPED = Path(__file__).parents[2] / "systemd"
EXPOSURE_MAX = 1.2
EXPOSURE_OF_A_USERS_MAX = 1.4

UNIT = Unit(
    program=("/usr/bin/nemo-watch", "run"),
    inbox=Path("/srv/in"),
    outbox=Path("/srv/out"),
    state=Path("/var/lib/nemo-watch"),
    stop_wait_s=120,
    account=Account("ann", "people"),
)


def changed(**more: object) -> Unit:
    from dataclasses import replace

    return replace(UNIT, **more)


def settings(text: str) -> dict[str, str]:
    """The unit's settings; of one that stands twice, the last."""
    return dict(line.split("=", 1) for line in text.splitlines() if re.match(r"[A-Z]\w+=", line))


# -- what is shipped -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "user"), [("nemo-watch.service", False), ("nemo-watch-user.service", True)])
def test_the_units_in_the_repository_are_made_from_the_templates(name, user):
    assert (SHIPPED / name).read_text("utf-8") == example(user=user)


@pytest.mark.parametrize("user", [False, True])
def test_every_line_has_its_reason_above_it(user):
    lines = example(user=user).splitlines()
    for number, line in enumerate(lines):
        if re.match(r"[A-Z]\w+=", line) and not line.startswith(("Description=", "Documentation=", "WantedBy=")):
            block = next(above for above in reversed(lines[:number]) if not re.match(r"[A-Z]\w+=", above))
            assert block.startswith("#"), line


def exposure(path: Path) -> float:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(path)], capture_output=True, text=True
    )
    return float(re.search(r"exposure level for .*: ([\d.]+)", done.stdout)[1])


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("user", [False, True])
def test_the_units_expose_little(tmp_path, user):
    text = example(user=user)
    path = tmp_path / "nemo-watch.service"
    path.write_text(text)
    if user:  # a user's manager never runs anything as root; the analysis, which takes it for the system's, cannot know
        assert exposure(path) <= EXPOSURE_OF_A_USERS_MAX
        path.write_text(text.replace("[Service]", "[Service]\nUser=ann"))
    assert exposure(path) <= EXPOSURE_MAX


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_a_unit_in_a_home_exposes_no_more(tmp_path):
    homely = changed(
        inbox=Path("/home/ann/in"),
        outbox=Path("/home/ann/out"),
        readable=(Path("/home/ann/.local/bin"),),
        token=Path("/etc/t"),
    )
    (tmp_path / "nemo-watch.service").write_text(unit_text(homely))
    assert exposure(tmp_path / "nemo-watch.service") <= EXPOSURE_MAX


# -- what is written for whom --------------------------------------------------------------------------------------------------


def test_a_unit_says_who_where_and_how_long():
    found = settings(unit_text(UNIT))
    assert (found["User"], found["Group"]) == ("ann", "people")
    assert found["ExecStart"] == "/usr/bin/nemo-watch run"
    assert found["ReadWritePaths"] == "-/srv/in -/srv/out"
    assert found["StateDirectory"] == "nemo-watch"
    assert found["ProtectHome"] == "yes"
    assert found["TimeoutStopSec"] == "150s"
    assert found["RestartPreventExitStatus"].split()[0] == "2"
    assert "DynamicUser" not in found


def test_stopping_takes_as_long_as_a_paid_message_may():
    assert settings(unit_text(changed(stop_wait_s=600.5)))["TimeoutStopSec"] == "630.5s"


def test_of_a_home_only_the_folders_are_shown():
    found = settings(
        unit_text(
            changed(
                inbox=Path("/home/ann/in"), readable=(Path("/home/eve/.pyenv"), Path("/usr"), Path("/home/ann/in/x"))
            )
        )
    )
    assert found["ProtectHome"] == "tmpfs"
    assert found["BindPaths"] == "-/home/ann/in"
    assert found["BindReadOnlyPaths"] == "-/home/eve/.pyenv"
    assert found["ReadWritePaths"] == "-/srv/out"


def test_a_state_folder_elsewhere_is_opened_by_hand():
    found = settings(unit_text(changed(state=Path("/srv/state"))))
    assert "StateDirectory" not in found
    assert found["ReadWritePaths"] == "-/srv/in -/srv/out -/srv/state"


def test_a_state_folder_below_var_lib_is_made_by_systemd():
    assert settings(unit_text(changed(state=Path("/var/lib/nemo/a b"))))["StateDirectory"] == '"nemo/a b"'


def test_the_token_is_asked_for_only_where_there_is_one():
    assert "LoadCredential" not in settings(unit_text(UNIT))
    assert (
        settings(unit_text(changed(token=Path("/etc/nemo-watch/token"))))["LoadCredential"]
        == "nemo_token:/etc/nemo-watch/token"
    )


def test_a_users_unit_names_no_account_and_opens_its_state_itself():
    found = settings(unit_text(changed(account=None, state=Path("/var/lib/x"))))
    assert "User" not in found
    assert "StateDirectory" not in found
    assert found["PrivateUsers"] == "yes"
    assert "PrivateIPC" not in found  # with it every reload fails; tests/systemd reloads one
    assert found["ReadWritePaths"] == "-/srv/in -/srv/out -/var/lib/x"


def test_no_blank_of_a_template_is_left():
    for unit in (UNIT, changed(account=None)):
        assert not re.search(r"@[A-Z_]+@", unit_text(unit))


# -- quoting -------------------------------------------------------------------------------------------------------------------


def read_back(text: str) -> list[str]:
    """The words of a setting as systemd reads them. Source: systemd.syntax(7) "Quoting", systemd.unit(5) "Specifiers"."""
    words, current, quoted, escaped, open_ = [], "", False, False, False
    for character in text:
        if escaped:
            current, escaped = current + character, False
        elif character == "\\":
            escaped = True
        elif character == '"':
            quoted, open_ = not quoted, True
        elif character == " " and not quoted:
            words += [current] if open_ or current else []
            current, open_ = "", False
        else:
            current += character
    words += [current] if open_ or current else []
    return [each.replace("%%", "%") for each in words]


printable = st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" "), min_size=1).map(
    lambda text: "/" + text
)


@given(st.lists(printable, min_size=1))
def test_paths_are_read_back_as_they_were(paths):
    assert read_back(" ".join(path_word(path, optional=True) for path in paths)) == ["-" + path for path in paths]


@given(printable, st.lists(printable))
def test_a_command_line_is_read_back_as_it_was(program, arguments):
    first, *others = read_back(command([program, *arguments]))
    assert first == program
    assert [other.replace("$$", "$") for other in others] == arguments


@given(printable)
def test_no_specifier_is_left_alone(path):
    assert re.fullmatch(r"(?:[^%]|%%)*", word(path), re.DOTALL)


def test_plain_words_stay_plain():
    assert (
        command(["/usr/bin/nemo-watch", "run", "--inbox", "/srv/nemo-watch/in_box.1"])
        == "/usr/bin/nemo-watch run --inbox /srv/nemo-watch/in_box.1"
    )


def test_a_colon_is_quoted_where_it_would_part_source_and_target():
    assert path_word("/a:b") == '"/a:b"'


@pytest.mark.parametrize("path", ["/a\nExecStartPre=/bin/evil", "/a\x1b", "/a\udcff", "/a\tb"])
def test_what_no_unit_file_can_hold_is_refused(path):
    for quote in (word, path_word):
        with pytest.raises(UsageError):
            quote(path)
    with pytest.raises(UsageError):
        unit_text(changed(inbox=Path(path)))
