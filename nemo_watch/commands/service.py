"""`service install [--user]` and `uninstall`: the systemd unit for these folders, written, switched on, taken away again.

What is done is said line by line, with the very commands, so that it can be done by hand where there is no systemd.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nemo_watch.commands.accounts import service_account
from nemo_watch.commands.configuring import configured
from nemo_watch.commands.speaking import say, tell
from nemo_watch.commands.units import NAME, Unit, unit_text
from nemo_watch.errors import UsageError
from nemo_watch.shown import shown

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from nemo_watch.config import Config

SYSTEM_INBOX = Path("/srv/nemo-watch/inbox")
SYSTEM_OUTBOX = Path("/srv/nemo-watch/outbox")
SYSTEM_STATE = Path("/var/lib/nemo-watch")


@dataclass(frozen=True, slots=True)
class Machine:
    """Where units, configurations and tokens lie, and whether a manager is there that can be asked."""

    units: Path
    config: Path
    token: Path
    systemctl: tuple[str, ...]
    live: bool
    perform: Callable[[tuple[str, ...]], int]


def run(options: argparse.Namespace) -> int:
    """Install or uninstall."""
    if not options.user and os.geteuid() != 0:
        again = shlex.join(["sudo", shutil.which("nemo-watch") or sys.argv[0], *options.typed])
        raise UsageError(
            f"The system's unit is root's to write. This works:\n  {again}\nOr a service of your own: nemo-watch service {options.verb} --user"
        )
    machine = this_machine(os.environ, user=options.user)
    try:
        if options.verb == "uninstall":
            return uninstall(machine)
        return install(options, machine)
    except OSError as error:
        raise UsageError(f"{error.filename} cannot be written ({error.strerror}).") from error


def this_machine(env: Mapping[str, str], *, user: bool) -> Machine:
    """The places of this machine, for the system or for this user."""
    home = Path(env.get("XDG_CONFIG_HOME") or Path(env.get("HOME", "/")) / ".config")
    if user:
        running = bool(env.get("XDG_RUNTIME_DIR")) and Path(env["XDG_RUNTIME_DIR"], "systemd").is_dir()
        units, own = home / "systemd" / "user", home / "nemo-watch"
    else:
        running = Path("/run/systemd/system").is_dir()  # Source: sd_booted(3)
        units, own = Path("/etc/systemd/system"), Path("/etc/nemo-watch")
    return Machine(
        units=units,
        config=own / "config.toml",
        token=own / "token",
        systemctl=("systemctl", "--user") if user else ("systemctl",),
        live=running and shutil.which("systemctl") is not None,
        perform=_perform,
    )


# -- install -----------------------------------------------------------------------------------------------------------------


def install(options: argparse.Namespace, machine: Machine) -> int:
    """Make the folders, write the unit and (where no configuration tells the folders yet) the configuration, switch it on."""
    config = configured(options)
    if not options.user:
        config = with_system_folders(config)
    unit = wanted_unit(config, options, machine)
    text = unit_text(unit)  # before anything is made: a folder that no unit can name ends it here
    _make_folders(unit)
    if config.path is None:
        from nemo_watch.commands.init import written_config

        say(written_config(machine.config, config))
    elsewhere = folders_named(config, os.environ)
    if elsewhere.startswith(" --inbox "):
        say(
            f"config  {shown(str(config.path))} does not name these folders: set [folders] there, or give every command{elsewhere}"
        )
    machine.units.mkdir(parents=True, exist_ok=True)
    path = machine.units / NAME
    before = path.read_text("utf-8") if path.exists() else None
    path.write_text(text, "utf-8")
    say(f"unit    {path} {'written' if before is None else 'written anew' if before != text else 'is up to date'}")
    if unit.token is None:
        say(f"token   none: free anonymous credits are used. For one of your own see the unit, and {machine.token}")
    enable = [
        (*machine.systemctl, "daemon-reload"),
        (*machine.systemctl, "enable", "nemo-watch"),
        (*machine.systemctl, "restart", "nemo-watch"),
    ]
    return _switched(machine, enable, f"It runs. See: nemo-watch status{elsewhere}, and {_journal(machine)}")


def folders_named(config: Config, env: Mapping[str, str]) -> str:
    """The options with which other commands find these folders, each after a space; "" where they find them without."""
    from nemo_watch.config import load

    options = "" if config.path is None else f" --config {shlex.quote(str(config.path.absolute()))}"
    for found, path in (("", None), (options, config.path)):
        with suppress(UsageError):
            if load(env, path=path).folders == config.folders:
                return found
    named = ((name, str(getattr(config.folders, name))) for name in ("inbox", "outbox", "state"))
    return "".join(f" --{name} {shlex.quote(folder)}" for name, folder in named)


def with_system_folders(config: Config) -> Config:
    """The folders of a system's service, where nothing says others: none of them in root's home."""
    from dataclasses import replace

    usual = {"inbox": SYSTEM_INBOX, "outbox": SYSTEM_OUTBOX, "state": SYSTEM_STATE}
    untold = {name: folder for name, folder in usual.items() if f"folders.{name}" not in config.sources}
    return replace(config, folders=replace(config.folders, **untold))


def wanted_unit(config: Config, options: argparse.Namespace, machine: Machine) -> Unit:
    """The unit for this configuration. Raises: UsageError when it cannot be told who it is to run as."""
    folders = config.folders
    path = (
        machine.config if config.path is None else config.path.absolute()
    )  # where there is none, it is about to be written
    program = [_program(), "run", "--config", str(path)]
    program += ["--inbox", str(folders.inbox), "--outbox", str(folders.outbox), "--state", str(folders.state)]
    if config.sources.get("service.backend", "").startswith("option") and config.path is not None:
        program.append("--studio")
    return Unit(
        program=tuple(program),
        inbox=folders.inbox,
        outbox=folders.outbox,
        state=folders.state,
        stop_wait_s=config.service.pace.stop_wait_s,
        account=None if options.user else service_account(folders, options.run_as, os.environ),
        readable=_needed(Path(program[0]), path, machine),
        token=machine.token if machine.token.exists() else None,
    )


def _program() -> str:
    own = Path(sys.argv[0]).name == "nemo-watch" and shutil.which(sys.argv[0])
    found = own or shutil.which("nemo-watch")
    if found is None:
        raise UsageError(
            "The program nemo-watch is not on the PATH, so no unit can start it. Install it first: pip install nemo-watch"
        )
    return os.path.abspath(found)  # noqa: PTH100  links stay: an upgrade may move what they point to


def _needed(program: Path, config: Path, machine: Machine) -> tuple[Path, ...]:
    """What the daemon reads to start: its Python with the packages, the program and what it is a link to, the configuration.

    Of the configuration's own folder all of it: an editor saves by another file of the same name, which a bound file never shows.
    Elsewhere, in a home maybe, nothing beside the file is the service's business.
    """
    wanted = [Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parents[2], program, program.resolve()]
    wanted.append(config.parent if config.parent == machine.config.parent else config)
    outer: list[Path] = []
    for path in sorted({path.absolute() for path in wanted}, key=lambda path: (len(path.parts), str(path))):
        if not any(other in path.parents for other in outer):
            outer.append(path)
    return tuple(outer)


def _make_folders(unit: Unit) -> None:
    """Make what is missing, for the account that will use it; the state folder under /var/lib is made by systemd itself."""
    from nemo_watch.commands.accounts import make_for
    from nemo_watch.commands.units import state_directory

    for name, folder in (("inbox", unit.inbox), ("outbox", unit.outbox)):
        made = make_for(folder, unit.account, private=False)
        say(f"{name:7} {shown(str(folder))} {'made' if made else 'is there already'}")
    if unit.account is None or state_directory(unit.state) is None:
        made = make_for(unit.state, unit.account, private=True)
        say(f"state   {shown(str(unit.state))} {'made' if made else 'is there already'}")
    else:
        say(f"state   {shown(str(unit.state))} is made by systemd")


# -- uninstall ---------------------------------------------------------------------------------------------------------------


def uninstall(machine: Machine) -> int:
    """Stop it, switch it off and take the unit away; configuration, folders and videos stay."""
    path = machine.units / NAME
    if not path.exists():
        say(f"There is no {path}; nothing to do.")
        return 0
    code = _switched(machine, [(*machine.systemctl, "disable", "--now", "nemo-watch")], "It is stopped.")
    path.unlink()
    say(f"unit    {path} taken away; the configuration, the folders and everything in them stay")
    if machine.live:
        code = max(code, _performed(machine, (*machine.systemctl, "daemon-reload")))
    return code


# -- systemctl ---------------------------------------------------------------------------------------------------------------


def _switched(machine: Machine, commands: list[tuple[str, ...]], done: str) -> int:
    if not machine.live:
        say("systemd is not running here. Where it is, run:")
        for command in commands:
            say(f"  {shlex.join(command)}")
        return 0
    if sum(_performed(machine, command) for command in commands):  # each of them, whatever became of the one before
        tell(f"Not everything went well. See: {_journal(machine)}")
        return 1
    say(done)
    return 0


def _performed(machine: Machine, command: tuple[str, ...]) -> int:
    say(f"run     {shlex.join(command)}")
    sys.stdout.flush()
    return machine.perform(command)


def _perform(command: tuple[str, ...]) -> int:
    return subprocess.run(command, check=False).returncode


def _journal(machine: Machine) -> str:
    return "journalctl --user -u nemo-watch" if "--user" in machine.systemctl else "journalctl -u nemo-watch"
