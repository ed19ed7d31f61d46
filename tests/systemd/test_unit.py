"""`systemd/nemo-watch.service` under a real systemd: what an operator trusts it to do."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.systemd.conftest import Machine

pytestmark = pytest.mark.systemd

UNIT = Path(__file__).parents[2] / "systemd" / "nemo-watch.service"
INBOX, OUTBOX, STATE = "/srv/nemo-watch/inbox", "/srv/nemo-watch/outbox", "/var/lib/nemo-watch"
TOKEN = "nmv_usr_for_a_test"
CONFIG = """
[service]
backend = "studio"
[service.pace]
stop_wait = "1s"
[inbox]
settle = "200ms"
project_settle = "400ms"
prompt_wait = "1s"
rescan = "500ms"
"""
WATCHDOG_S = 3

# The test's Python may lie in a home, which the unit hides; everything else is the unit as it is shipped.
DROP_IN = f"""[Service]
WatchdogSec={WATCHDOG_S}s
RestartSec=200ms
ProtectHome=tmpfs
BindReadOnlyPaths=-{sys.base_prefix} -{sys.prefix} -{UNIT.parents[1]}
"""


@pytest.fixture
def machine(booted: Machine) -> Iterator[Machine]:
    """The machine with the unit installed as an administrator would by hand, not yet started."""
    booted.sh(
        "id nemo-watch >/dev/null 2>&1 || useradd --system --user-group --groups users nemo-watch;"
        f"install -d -m 2775 -g users {INBOX} {OUTBOX}; install -d -m 755 /etc/nemo-watch;"
        "install -d /etc/systemd/system/nemo-watch.service.d"
    )
    for path, text in (
        ("/etc/nemo-watch/token", TOKEN + "\n"),
        ("/etc/nemo-watch/config.toml", CONFIG),
        ("/etc/systemd/system/nemo-watch.service", UNIT.read_text("utf-8")),
        ("/etc/systemd/system/nemo-watch.service.d/test.conf", DROP_IN),
    ):
        booted.run("tee", path, input=text)
    booted.sh("chmod 600 /etc/nemo-watch/token; systemctl daemon-reload; systemctl reset-failed nemo-watch || true")
    yield booted
    booted.sh(
        f"set +e; systemctl kill -s KILL nemo-watch; systemctl stop nemo-watch; umount -l {INBOX}; rm -rf {INBOX} {OUTBOX} {STATE};"
        "rm -rf /etc/systemd/system/nemo-watch.service* /etc/nemo-watch; systemctl daemon-reload",
        check=False,
    )


@pytest.fixture
def running(machine: Machine) -> Machine:
    """The same, started: `systemctl start` comes back when the daemon has said READY."""
    machine.sh("systemctl start nemo-watch || { journalctl -u nemo-watch -n 40 --no-pager >&2; false; }")
    assert machine.show("ActiveState") == "active"
    return machine


def drop_photo(machine: Machine, project: str, prompt: str | None) -> None:
    """Put a project into the inbox as a member of its group would."""
    folder = f"{INBOX}/{project}"
    machine.sh(f"umask 002; mkdir {folder}")
    if prompt is not None:
        machine.run("tee", f"{folder}/prompt.txt", input=prompt)
    machine.sh(
        f'{sys.executable} -c \'from PIL import Image; Image.new("RGB", (320, 240), "teal").save("{folder}/IMG_1.jpg")\''
    )


def test_it_says_what_it_does_right_now(running: Machine) -> None:
    assert running.show("StatusText") == "watching the inbox"
    assert running.show("NotifyAccess") == "main"


def test_photos_dropped_become_a_video_that_the_group_can_read(running: Machine) -> None:
    drop_photo(running, "beach-trip", "Make a film of two seconds without music.")
    running.wait(f"[ -e {OUTBOX}/beach-trip/beach-trip.mp4 ]", 100)
    assert running.sh(f"head -c 8 {OUTBOX}/beach-trip/beach-trip.mp4 | tail -c 4") == "ftyp"
    assert running.sh(f"stat -c %G {OUTBOX}/beach-trip/beach-trip.mp4") == "users"
    running.wait("systemctl show nemo-watch -p StatusText --value | grep -q done")


def test_a_prompt_that_it_writes_can_be_edited_by_the_group(running: Machine) -> None:
    drop_photo(running, "garden", None)
    running.wait(f"[ -e {INBOX}/garden/prompt.txt ]")
    assert running.sh(f"stat -c '%G %A' {INBOX}/garden/prompt.txt").startswith("users -rw-rw")


def test_it_runs_as_its_account_without_any_right(running: Machine) -> None:
    status = running.sh(f"cat /proc/{running.show('MainPID')}/status")
    facts = dict(line.split(":", 1) for line in status.splitlines())
    assert facts["Uid"].split()[0] == running.sh("id -u nemo-watch")
    assert facts["NoNewPrivs"].strip() == "1"
    assert facts["Seccomp"].strip() == "2"
    assert int(facts["CapEff"], 16) == int(facts["CapBnd"], 16) == 0
    assert running.sh(f"stat -c '%a' {STATE}") == "700"


def test_even_root_could_write_nowhere_but_in_its_folders(running: Machine) -> None:
    inside = f"nsenter -t {running.show('MainPID')} -m"
    for place in ("/etc", "/usr", "/srv", "/var", "/var/lib", "/opt"):
        assert running.run(*inside.split(), "touch", f"{place}/x", check=False).returncode != 0, place
    running.sh(f"{inside} touch {INBOX}/x {OUTBOX}/x {STATE}/x")


def test_homes_and_temporary_files_of_others_are_not_there(running: Machine) -> None:
    running.sh("touch /home/secret /root/secret /tmp/secret")
    inside = f"nsenter -t {running.show('MainPID')} -m"
    for place in ("/home", "/root", "/tmp"):
        assert running.run(*inside.split(), "ls", f"{place}/secret", check=False).returncode != 0, place


def test_the_token_reaches_it_and_nothing_shows_it(running: Machine) -> None:
    pid = running.show("MainPID")
    found = running.sh(f"tr '\\0' '\\n' < /proc/{pid}/environ | sed -n 's/^CREDENTIALS_DIRECTORY=//p'")
    assert running.sh(f"cat /proc/{pid}/root{found}/nemo_token") == TOKEN
    assert TOKEN not in running.sh(
        f"cat /proc/{pid}/environ /proc/{pid}/cmdline | tr '\\0' ' '; journalctl -u nemo-watch --no-pager"
    )
    assert running.sh(f"grep -rl {TOKEN} {STATE}/ {OUTBOX} || true") == ""


def test_without_its_token_file_it_does_not_start_and_does_not_try_again(machine: Machine) -> None:
    machine.sh("rm /etc/nemo-watch/token; systemctl start nemo-watch", check=False)
    assert machine.show("ActiveState") == "failed"
    assert machine.show("NRestarts") == "0"
    assert "redential" in machine.journal()


def test_a_wrong_configuration_is_for_a_person_and_not_tried_again(machine: Machine) -> None:
    machine.run("tee", "/etc/nemo-watch/config.toml", input="[inbox]\nsetle = 5\n")
    machine.sh("systemctl start nemo-watch", check=False)
    machine.wait("systemctl is-failed nemo-watch")
    assert machine.show("ExecMainStatus") == "2"
    assert machine.show("NRestarts") == "0"
    assert "did you mean inbox.settle" in machine.journal()


def test_a_killed_daemon_comes_back(running: Machine) -> None:
    before = running.show("MainPID")
    running.sh("systemctl kill -s KILL --kill-who=main nemo-watch")
    running.wait("[ $(systemctl show nemo-watch -p NRestarts --value) = 1 ] && systemctl is-active nemo-watch")
    assert running.show("MainPID") != before


def test_a_daemon_whose_loop_hangs_is_killed_and_comes_back(running: Machine) -> None:
    running.sh("systemctl kill -s STOP --kill-who=main nemo-watch")
    running.wait("[ $(systemctl show nemo-watch -p NRestarts --value) = 1 ] && systemctl is-active nemo-watch")
    assert "Watchdog timeout" in running.journal()


def test_a_reload_keeps_the_same_daemon_and_refuses_a_bad_configuration(running: Machine) -> None:
    before = running.show("MainPID")
    running.run("tee", "/etc/nemo-watch/config.toml", input=CONFIG + "setle = 5\n")
    running.sh("systemctl reload nemo-watch")
    running.wait("[ $(systemctl show nemo-watch -p ActiveState --value) = active ]")
    assert running.show("MainPID") == before
    running.wait("journalctl --sync && journalctl -u nemo-watch --no-pager | grep -q 'config.refused'")
    drop_photo(running, "after", None)
    running.wait(f"[ -e {INBOX}/after/prompt.txt ]")


def test_a_stop_is_clean(running: Machine) -> None:
    running.sh("systemctl stop nemo-watch")
    assert running.show("ActiveState") == "inactive"
    assert running.show("Result") == "success"
    assert running.show("ExecMainStatus") == "0"


def test_an_inbox_that_is_unmounted_stops_nothing_and_goes_on_when_it_is_back(machine: Machine) -> None:
    machine.sh(
        f"mkdir -p /mnt/drive; mount -t tmpfs tmpfs /mnt/drive; install -d -m 2775 -g users /mnt/drive/in; mount --bind /mnt/drive/in {INBOX}"
    )
    machine.sh("systemctl start nemo-watch")
    machine.sh(f"umount -l {INBOX}")
    machine.wait("systemctl show nemo-watch -p NRestarts --value | grep -qx 0 && systemctl is-active nemo-watch")
    machine.sh(f"mount --bind /mnt/drive/in {INBOX}")
    drop_photo(machine, "back", None)
    machine.wait(f"[ -e {INBOX}/back/prompt.txt ]")
    assert machine.show("NRestarts") == "0"


def test_root_at_the_command_line_acts_as_the_service_account(running: Machine) -> None:
    drop_photo(running, "garden", "Make a film of two seconds without music.")
    running.wait(f"grep -q garden {OUTBOX}/status.json")
    options = f"--inbox {INBOX} --outbox {OUTBOX} --state {STATE}"
    assert "garden" in running.sh(f"nemo-watch cancel garden {options}")
    owners = running.sh(f"find {STATE} -printf '%U\\n' | sort -u").split()
    assert owners == [running.sh(f"stat -c %u {STATE}")]
