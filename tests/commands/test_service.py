"""service install and uninstall where no systemd is asked; a real one is asked in tests/systemd."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nemo_watch.commands import service
from nemo_watch.commands.accounts import service_account
from nemo_watch.commands.grammar import command_line
from nemo_watch.commands.service import Machine, install, this_machine, uninstall, with_system_folders
from nemo_watch.config import Folders, load
from nemo_watch.errors import UsageError

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders away")


class Systemctl:
    """Remembers what it was asked to do; fails where told."""

    def __init__(self, *failing: str) -> None:
        self.asked: list[str] = []
        self.failing = failing

    def __call__(self, command: tuple[str, ...]) -> int:
        self.asked.append(" ".join(command))
        return int(any(word in command for word in self.failing))


@pytest.fixture(autouse=True)
def _program(home, monkeypatch):
    """A program `nemo-watch` on the PATH."""
    (home / "bin").mkdir()
    (home / "bin" / "nemo-watch").write_text("#!/bin/sh\n")
    (home / "bin" / "nemo-watch").chmod(0o755)
    monkeypatch.setenv("PATH", f"{home}/bin:{os.environ['PATH']}")


def machine(home: Path, systemctl: Systemctl, *, live: bool = True) -> Machine:
    own = home / ".config" / "nemo-watch"
    return Machine(
        home / ".config/systemd/user", own / "config.toml", own / "token", ("systemctl", "--user"), live, systemctl
    )


def options(*more: str):
    words = ["service", "install", "--user", *more]
    found = command_line(words).parse_args(words)
    found.typed = words
    return found


def test_install_writes_the_unit_makes_the_folders_and_switches_it_on(home, capsys):
    systemctl = Systemctl()
    assert install(options("--inbox", str(home / "in"), "--outbox", str(home / "out")), machine(home, systemctl)) == 0
    unit = (home / ".config/systemd/user/nemo-watch.service").read_text()
    assert (
        f"ExecStart={home}/bin/nemo-watch run --config {home}/.config/nemo-watch/config.toml --inbox {home}/in"
        f" --outbox {home}/out --state {home}/.local/state/nemo-watch\n" in unit
    )
    assert (home / "in").is_dir()
    assert (home / "out").is_dir()
    assert systemctl.asked == [
        "systemctl --user daemon-reload",
        "systemctl --user enable nemo-watch",
        "systemctl --user restart nemo-watch",
    ]
    said = capsys.readouterr().out
    assert all(f"run     {command}" in said for command in systemctl.asked)
    assert "It runs." in said


def test_other_commands_find_the_folders_of_an_installed_service(home):
    install(options("--inbox", str(home / "in"), "--outbox", str(home / "out")), machine(home, Systemctl()))
    assert load().folders.inbox == home / "in"


def test_a_configuration_in_force_is_named_in_the_unit_and_left_alone(home):
    (home / "own.toml").write_text(f'[folders]\ninbox = "{home}/mine"\n')
    install(options("--config", str(home / "own.toml")), machine(home, Systemctl()))
    unit = (home / ".config/systemd/user/nemo-watch.service").read_text()
    assert f"run --config {home}/own.toml --inbox {home}/mine" in unit
    assert not (home / ".config/nemo-watch").exists()


def test_the_configuration_that_install_writes_is_in_the_unit_with_its_folder_and_a_second_install_changes_nothing(
    home, capsys
):
    install(options("--studio"), machine(home, Systemctl()))
    path = home / ".config/systemd/user/nemo-watch.service"
    unit = path.read_text()
    bound = next(line for line in unit.splitlines() if line.startswith("BindReadOnlyPaths=") and "%t" not in line)
    assert f"-{home}/.config/nemo-watch" in bound.partition("=")[2].split()
    assert "--studio" not in unit  # the configuration says it, and may come to say otherwise
    install(options(), machine(home, Systemctl()))
    assert path.read_text() == unit
    assert "is up to date" in capsys.readouterr().out


def test_a_studio_that_was_asked_for_beside_a_configuration_is_in_the_unit(home):
    (home / "own.toml").write_text("")
    install(options("--config", str(home / "own.toml"), "--studio"), machine(home, Systemctl()))
    assert " --studio\n" in (home / ".config/systemd/user/nemo-watch.service").read_text()


def test_folders_that_the_configuration_does_not_name_are_told_with_the_options_that_reach_them(home, capsys):
    install(options(), machine(home, Systemctl()))
    assert "See: nemo-watch status, and" in capsys.readouterr().out
    install(options("--inbox", str(home / "other in"), "--outbox", str(home / "out")), machine(home, Systemctl()))
    said = capsys.readouterr().out
    told = f" --inbox '{home}/other in' --outbox {home}/out --state {home}/.local/state/nemo-watch"
    assert f"config.toml does not name these folders: set [folders] there, or give every command{told}\n" in said
    assert f"See: nemo-watch status{told}, and" in said


def test_a_configuration_of_ones_own_is_named_to_the_other_commands(home, capsys):
    (home / "own.toml").write_text(f'[folders]\ninbox = "{home}/mine"\n')
    install(options("--config", str(home / "own.toml")), machine(home, Systemctl()))
    assert f"See: nemo-watch status --config {home}/own.toml, and" in capsys.readouterr().out


def test_the_program_that_runs_is_the_one_that_is_installed(home, monkeypatch):
    (home / "venv").mkdir()
    (home / "venv/nemo-watch").write_text("#!/bin/sh\n")
    (home / "venv/nemo-watch").chmod(0o755)
    monkeypatch.setattr(service.sys, "argv", [f"{home}/venv/nemo-watch", "service", "install"])
    install(options(), machine(home, Systemctl()))
    assert f"ExecStart={home}/venv/nemo-watch run" in (home / ".config/systemd/user/nemo-watch.service").read_text()


def test_a_token_that_is_there_is_given_to_the_service_and_not_shown(home, capsys):
    token = home / ".config/nemo-watch/token"
    token.parent.mkdir(parents=True)
    token.write_text("nmv_5ecret")
    install(options(), machine(home, Systemctl()))
    unit = (home / ".config/systemd/user/nemo-watch.service").read_text()
    assert f"LoadCredential=nemo_token:{token}" in unit
    assert "5ecret" not in unit + capsys.readouterr().out


def test_where_no_systemd_runs_the_commands_are_told(home, capsys):
    systemctl = Systemctl()
    assert install(options(), machine(home, systemctl, live=False)) == 0
    assert systemctl.asked == []
    assert "  systemctl --user daemon-reload\n" in capsys.readouterr().out


def test_a_systemctl_that_fails_is_told_and_the_rest_is_done(home, capsys):
    systemctl = Systemctl("enable")
    assert install(options(), machine(home, systemctl)) == 1
    assert len(systemctl.asked) == 3
    assert "journalctl --user -u nemo-watch" in capsys.readouterr().err


def test_a_folder_that_no_unit_can_name_is_refused_before_anything_is_made(home):
    with pytest.raises(UsageError):
        install(options("--inbox", str(home / "a\nb")), machine(home, Systemctl()))
    assert not (home / ".config").exists()
    assert not (home / "nemo-watch").exists()


def test_uninstall_takes_the_unit_away_and_leaves_everything_else(home, capsys):
    systemctl = Systemctl()
    place = machine(home, systemctl)
    install(options(), place)
    systemctl.asked.clear()
    assert uninstall(place) == 0
    assert systemctl.asked == ["systemctl --user disable --now nemo-watch", "systemctl --user daemon-reload"]
    assert not (home / ".config/systemd/user/nemo-watch.service").exists()
    assert (home / "nemo-watch/inbox").is_dir()
    assert (home / ".config/nemo-watch/config.toml").exists()
    assert uninstall(place) == 0
    assert "nothing to do" in capsys.readouterr().out


def test_the_systems_unit_is_roots_to_write(run, monkeypatch):
    monkeypatch.setattr(service.os, "geteuid", lambda: 1000)
    ended = run("service", "install")
    assert ended.code == 2
    assert "sudo " in ended.err
    assert "nemo-watch service install --user" in ended.err


def test_a_systems_service_has_nothing_in_roots_home(home):
    folders = with_system_folders(load(options={"folders.outbox": "/data/out"})).folders
    assert folders == Folders(Path("/srv/nemo-watch/inbox"), Path("/data/out"), Path("/var/lib/nemo-watch"))


def test_the_places_of_a_user_and_of_the_system(home):
    user = this_machine({"HOME": str(home), "XDG_CONFIG_HOME": str(home / "c")}, user=True)
    assert (user.units, user.token, user.live) == (home / "c/systemd/user", home / "c/nemo-watch/token", False)
    system = this_machine({}, user=False)
    assert (system.units, system.config) == (Path("/etc/systemd/system"), Path("/etc/nemo-watch/config.toml"))


# -- who it runs as ------------------------------------------------------------------------------------------------------------


def folders_at(home: Path) -> Folders:
    return Folders(home / "in", home / "out", home / "state")


@needs_root
def test_the_inboxs_owner_is_who_it_runs_as(home):
    (home / "in").mkdir()
    os.chown(home / "in", 65534, 65534)
    assert service_account(folders_at(home), None, {}).user == "nobody"


@needs_root
def test_an_account_that_could_not_write_the_inbox_is_refused_with_what_to_do(home):
    (home / "in").mkdir()
    os.chown(home / "in", 0, 1)
    with pytest.raises(UsageError, match="usermod -aG"):
        service_account(folders_at(home), "nobody", {})


@pytest.mark.parametrize("run_as", ["root", "no-such-account"])
def test_neither_root_nor_nobody_known_runs_it(home, run_as):
    with pytest.raises(UsageError):
        service_account(folders_at(home), run_as, {})


def test_where_there_is_no_inbox_yet_it_runs_as_who_called_sudo(home):
    assert service_account(folders_at(home), None, {"SUDO_USER": "nobody"}).user == "nobody"
    with pytest.raises(UsageError, match="--run-as"):
        service_account(folders_at(home), None, {})
