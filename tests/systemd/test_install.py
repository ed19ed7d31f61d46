"""`nemo-watch service install` and `uninstall` under a real systemd, for the system and for a user."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.systemd.conftest import Machine

pytestmark = pytest.mark.systemd

CONFIG = '[service]\nbackend = "studio"\n[inbox]\nsettle = "200ms"\nproject_settle = "400ms"\nrescan = "500ms"\n'
AWKWARD = '/srv/Ann\'s "photos", 100% $HOME: new'
"""Everything that a unit file gives a meaning of its own."""


@pytest.fixture
def machine(booted: Machine) -> Iterator[Machine]:
    """The machine with an account `ann`, and a system's configuration with short waits."""
    booted.sh("id ann >/dev/null 2>&1 || useradd --create-home ann; install -d /etc/nemo-watch")
    booted.run("tee", "/etc/nemo-watch/config.toml", input=CONFIG)
    booted.sh("systemctl reset-failed nemo-watch || true")
    yield booted
    booted.sh(
        "set +e; nemo-watch service uninstall; systemctl stop user@$(id -u ann) nemo-watch; userdel --force --remove ann;"
        "rm -rf /etc/nemo-watch /srv/Ann* /var/lib/nemo-watch",
        check=False,
    )


def install(machine: Machine, inbox: str, outbox: str, *more: str) -> str:
    """Install for these folders; what it said."""
    return machine.run("nemo-watch", "service", "install", "--inbox", inbox, "--outbox", outbox, *more).stdout


def drop_photo(machine: Machine, folder: str) -> None:
    """A project with one photo, put there by ann."""
    quoted = shlex.quote(folder)
    make = "from PIL import Image; import sys; Image.new('RGB', (320, 240)).save(sys.argv[1] + '/IMG_1.jpg')"
    machine.sh(f"mkdir {quoted}; {sys.executable} -c {shlex.quote(make)} {quoted}; chown -R ann: {quoted}")


def test_folders_with_awkward_names_are_the_ones_that_are_watched(machine: Machine) -> None:
    said = install(machine, f"{AWKWARD}/in", f"{AWKWARD}/out", "--run-as", "ann")
    assert "unit    /etc/systemd/system/nemo-watch.service written" in said
    assert "systemctl daemon-reload" in said
    assert machine.show("ActiveState") == "active"
    drop_photo(machine, f"{AWKWARD}/in/garden")
    machine.wait(f"[ -e {shlex.quote(AWKWARD)}/in/garden/prompt.txt ] && [ -e {shlex.quote(AWKWARD)}/out/status.json ]")


def test_an_inbox_in_a_home_is_watched_by_its_owner_who_sees_no_other_home(machine: Machine) -> None:
    machine.sh("su ann -c 'mkdir -p ~/nemo/in ~/nemo/out; touch ~/diary'")
    install(machine, "/home/ann/nemo/in", "/home/ann/nemo/out")
    assert machine.show("User") == "ann"
    drop_photo(machine, "/home/ann/nemo/in/garden")
    machine.wait("[ -e /home/ann/nemo/in/garden/prompt.txt ]")
    assert machine.sh("stat -c %U /home/ann/nemo/in/garden/prompt.txt") == "ann"
    inside = machine.sh(f"nsenter -t {machine.show('MainPID')} -m ls -A /home/ann")
    assert inside == "nemo"


def test_it_is_started_at_boot_and_a_second_install_changes_nothing(machine: Machine) -> None:
    install(machine, f"{AWKWARD}/in", f"{AWKWARD}/out", "--run-as", "ann")
    assert machine.sh("systemctl is-enabled nemo-watch") == "enabled"
    assert "is up to date" in install(machine, f"{AWKWARD}/in", f"{AWKWARD}/out", "--run-as", "ann")


def test_a_folder_of_roots_is_not_taken_without_a_word_about_who(machine: Machine) -> None:
    machine.sh(f"mkdir -p {shlex.quote(AWKWARD)}/in")
    refused = machine.run(
        "nemo-watch", "service", "install", "--inbox", f"{AWKWARD}/in", "--outbox", f"{AWKWARD}/out", check=False
    )
    assert refused.returncode == 2
    assert "--run-as USER" in refused.stderr


def test_uninstall_stops_it_and_leaves_everything_else(machine: Machine) -> None:
    install(machine, f"{AWKWARD}/in", f"{AWKWARD}/out", "--run-as", "ann")
    said = machine.sh("nemo-watch service uninstall")
    assert "taken away" in said
    assert machine.show("LoadState") == "not-found"
    machine.sh(f"[ -d {shlex.quote(AWKWARD)}/in ] && [ -d /var/lib/nemo-watch ] && [ -e /etc/nemo-watch/config.toml ]")
    assert "nothing to do" in machine.sh("nemo-watch service uninstall")


# -- a user's own ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def ann(machine: Machine) -> str:
    """Ann's own systemd, running; what comes before a command of hers. Her Python must not lie in root's home."""
    if "/root" in (sys.prefix, sys.base_prefix)[1]:
        machine.sh("chmod 711 /root")  # the machine is a throw-away copy
    machine.sh("systemctl start user@$(id -u ann)")
    return "su ann -c "


def as_ann(machine: Machine, command: str) -> str:
    """Run a shell command as ann, with her session's environment."""
    return machine.sh(f"su ann -c {shlex.quote('export XDG_RUNTIME_DIR=/run/user/$(id -u); ' + command)}")


def test_a_users_service_runs_in_the_users_own_manager_and_writes_only_its_folders(machine: Machine, ann: str) -> None:
    as_ann(
        machine,
        "mkdir -p ~/.config/nemo-watch; cp /etc/nemo-watch/config.toml ~/.config/nemo-watch/; touch ~/diary; echo nmv_ann > ~/.config/nemo-watch/token",
    )
    said = as_ann(machine, "nemo-watch service install --user")
    assert "systemctl --user daemon-reload" in said
    assert as_ann(machine, "systemctl --user is-active nemo-watch") == "active"
    drop_photo(machine, "/home/ann/nemo-watch/inbox/garden")
    machine.wait("[ -e /home/ann/nemo-watch/inbox/garden/prompt.txt ]")
    pid = as_ann(machine, "systemctl --user show nemo-watch -p MainPID --value")
    assert set(machine.sh(f"nsenter -t {pid} -m ls -A /home/ann").split()) <= {"nemo-watch", ".local", ".config"}
    assert (
        machine.run("nsenter", "-t", pid, "-m", "touch", "/home/ann/.config/nemo-watch/x", check=False).returncode != 0
    )
    credentials = machine.sh(f"tr '\\0' '\\n' < /proc/{pid}/environ | sed -n 's/^CREDENTIALS_DIRECTORY=//p'")
    assert machine.sh(f"nsenter -t {pid} -m cat {credentials}/nemo_token") == "nmv_ann"
    facts = dict(line.split(":", 1) for line in machine.sh(f"cat /proc/{pid}/status").splitlines())
    assert (facts["NoNewPrivs"].strip(), facts["Seccomp"].strip()) == ("1", "2")
    assert int(facts["CapEff"], 16) == 0
    as_ann(machine, "nemo-watch service uninstall --user")
    assert not machine.sh("ls /home/ann/.config/systemd/user/nemo-watch.service || true")


def test_a_users_first_service_reads_the_configuration_that_install_wrote_and_reloads_what_an_editor_saved(
    machine: Machine, ann: str
) -> None:
    """Nothing is there before: install writes the configuration, the service sees it, and every later saving of it."""
    machine.sh("rm /etc/nemo-watch/config.toml")
    as_ann(machine, "nemo-watch service install --user --studio")
    home = "/home/ann/.config/nemo-watch/config.toml"
    pid = as_ann(machine, "systemctl --user show nemo-watch -p MainPID --value")
    assert machine.sh(f"nsenter -t {pid} -m cat {home}") == machine.sh(f"cat {home}")
    for words in ("first words", "second words"):
        changed = CONFIG.replace("[inbox]", f'[inbox]\ndefault_prompt = "{words}"')
        folders = "[folders]\n" + machine.sh(f"grep -E '^(inbox|outbox|state) = ' {home}") + "\n"
        machine.run("tee", f"{home}.new", input=folders + changed)
        machine.sh(f"chown ann: {home}.new; mv {home}.new {home}")
        as_ann(machine, "systemctl --user reload nemo-watch")
        drop_photo(machine, f"/home/ann/nemo-watch/inbox/{words.split()[0]}")
        machine.wait(f"grep -q '{words}' /home/ann/nemo-watch/inbox/{words.split()[0]}/prompt.txt")
    assert as_ann(machine, "systemctl --user show nemo-watch -p MainPID --value") == pid
    machine.sh(f"kill -KILL {pid}")
    again = "systemctl --user show nemo-watch -p NRestarts --value"
    machine.wait(f"[ $(su ann -c 'export XDG_RUNTIME_DIR=/run/user/$(id -u); {again}') = 1 ]")
    unit = "/home/ann/.config/systemd/user/nemo-watch.service"
    machine.sh(f"cp {unit} /tmp/before")
    said = as_ann(machine, "nemo-watch service install --user")
    assert "is up to date" in said, machine.sh(f"diff /tmp/before {unit} || true")
    as_ann(machine, "systemctl --user reload nemo-watch; nemo-watch service uninstall --user")
