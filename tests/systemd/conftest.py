"""A machine with a real systemd, booted in namespaces; skips, and says why, where this one cannot do that."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
BOOT_S = 30.0
"""Seconds to wait for a boot that takes about one."""

LAUNCHER = f"""#!{sys.executable}
import sys
sys.path.insert(0, {str(REPOSITORY)!r})
from nemo_watch.commands.main import main
sys.exit(main())
"""


class Machine:
    """The booted machine: commands run in it as root, or as an account."""

    def __init__(self, init: int) -> None:
        self._enter = ["nsenter", "-t", str(init), "-m", "-p", "-i", "-u", "-n", "-C", "-r", "-w"]

    def run(self, *command: str, check: bool = True, **settings: object) -> subprocess.CompletedProcess[str]:
        """Run a command in the machine; its output as text."""
        env = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/root", "LANG": "C.UTF-8"}
        done = subprocess.run(
            [*self._enter, *command], capture_output=True, text=True, env=env, timeout=120, **settings
        )  # type: ignore[call-overload]
        assert not check or done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done  # type: ignore[no-any-return]

    def sh(self, script: str, check: bool = True) -> str:
        """Run a shell script in the machine; what it prints."""
        return self.run("bash", "-eu", "-c", script, check=check).stdout.strip()

    def show(self, name: str) -> str:
        """A property of the unit, as systemd knows it now."""
        return self.sh(f"systemctl show nemo-watch -p {name} --value")

    def wait(self, condition: str, seconds: int = 60) -> None:
        """Until a shell condition holds; fails, with the journal, when it never does."""
        done = self.run("timeout", str(seconds), "bash", "-c", f"until {condition}; do sleep 0.1; done", check=False)
        assert done.returncode == 0, f"never: {condition}\n{self.journal()}"

    def journal(self) -> str:
        """What the service said, for a test that fails."""
        return self.sh(
            "journalctl --sync; systemctl status nemo-watch --no-pager -n 0 || true; journalctl -u nemo-watch --no-pager -n 60",
            check=False,
        )


def _why_not() -> str | None:
    if os.geteuid() != 0:
        return "a machine can be booted by root only"
    missing = [name for name in ("setpriv", "unshare", "nsenter", "systemctl") if shutil.which(name) is None]
    if missing or not Path("/lib/systemd/systemd").exists():
        return f"there is no systemd to boot here ({', '.join(missing) or '/lib/systemd/systemd'} missing)"
    if " cgroup2 " not in Path("/proc/mounts").read_text("utf-8"):
        return "no cgroup2 hierarchy is mounted"
    return None


@pytest.fixture(scope="session")
def booted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    if reason := _why_not():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("machine")
    folder.chmod(0o755)
    paths = [str(REPOSITORY), sys.prefix, sys.base_prefix]
    # The socket must be closed once it has told: PID 1 waits for a reader that does not read.
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready, (folder / "boot.log").open("wb") as log:
        ready.bind(str(folder / "notify"))
        ready.settimeout(BOOT_S)
        script = Path(__file__).parent / "boot.sh"
        tied = ["setpriv", "--pdeathsig", "KILL"]  # a test run that is killed takes its machine with it
        boot = subprocess.Popen([*tied, "bash", str(script), str(folder), *paths], stdout=log, stderr=log)
        up = _is_up(ready)
    try:
        if not up:
            said = "".join((folder / name).read_text("utf-8", "replace") for name in ("boot.log", "console.log"))
            pytest.skip(f"systemd does not boot in namespaces here: {said[-500:] or 'it said nothing'}")
        init = int(Path(f"/proc/{boot.pid}/task/{boot.pid}/children").read_text("ascii").split()[0])
        machine = Machine(init)
        machine.run("tee", "/usr/local/bin/nemo-watch", input=LAUNCHER)
        machine.sh("chmod 755 /usr/local/bin/nemo-watch")
        yield machine
    finally:
        boot.send_signal(signal.SIGKILL)  # unshare takes the whole machine with it
        boot.wait()
        _remove_groups(folder / "cgroup")


def _is_up(ready: socket.socket) -> bool:
    """Whether systemd has told that the boot is over. Source: systemd "Container Interface", NOTIFY_SOCKET."""
    try:
        while b"READY=1" not in ready.recv(4096):
            pass
    except TimeoutError:
        return False
    return True


def _remove_groups(told: Path) -> None:
    """Take the control groups away; the kernel needs a moment until the last process is gone."""
    if not told.exists():
        return
    group = Path(told.read_text("utf-8").strip())
    for _ in range(50):
        for path, _folders, _files in os.walk(group, topdown=False):
            try:
                Path(path).rmdir()
            except OSError:
                signal.sigtimedwait([], 0.1)
        if not group.exists():
            return
