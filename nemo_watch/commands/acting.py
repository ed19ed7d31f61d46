"""Who a command acts as: root becomes the state folder's owner; who may not use that folder is told the command that works.

Nothing is read from or written to the state folder before; a file that root left there would lock the daemon out.
Source: README "Commands"; setresuid(2), initgroups(3).
"""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from nemo_watch.commands.reaching import keep_python_reachable
from nemo_watch.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from nemo_watch.config import Config

SYSTEM_CONFIG: Final = Path("/etc/nemo-watch/config.toml")
_EVERYONES_FOLDERS: Final = ("/usr/bin", "/usr/local/bin", "/bin")  # where sudo looks. Source: sudoers(5) secure_path


def become_owner(config: Config) -> None:
    """As root: from now on be the state folder's owner, for good. As anyone else, or where root owns it: nothing."""
    from nemo_watch.daemon.wiring import state_owner

    owner = state_owner(config)
    if os.geteuid() != 0 or owner is None or owner[0] == 0:
        return
    uid, gid = owner
    keep_python_reachable()
    name = account_name(uid)
    if name is None:
        os.setgroups([gid])
    else:
        os.initgroups(name, gid)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def need_state(config: Config, options: argparse.Namespace) -> None:
    """Become the owner, then make sure that the state folder can be used.

    Raises: UsageError with the command that would work, how the folder is put right, or (where there is none) how to begin.
    """
    become_owner(config)
    state = config.folders.state
    if may_use(state):
        return
    if _is_absent(state):
        raise UsageError(f"Nothing has run here yet: there is no {state}. Start with: nemo-watch run")
    raise UsageError(
        _own_obstacle(state)
        or f"The state folder {state} belongs to another account. This works:\n  {command_that_works(config, options.typed)}"
    )


def _own_obstacle(state: Path) -> str | None:
    """What bars this account from its own state folder, and what to do; None where the folder is not its own."""
    try:
        found = state.stat()
    except OSError:
        return None
    if not stat.S_ISDIR(found.st_mode):
        return f"{state} is not a folder. Choose another: --state, or folders.state in the configuration"
    if found.st_uid != os.geteuid():
        return None
    if found.st_mode & stat.S_IRWXU != stat.S_IRWXU:
        return f"The state folder {state} is closed to its own account. Open it: chmod 700 {shlex.quote(str(state))}"
    return f"The state folder {state} cannot be written: its disk can only be read. Mount it so that it can be written."


def may_use(state: Path) -> bool:
    """Whether this process may read and change what is in the state folder."""
    return os.access(state, os.R_OK | os.W_OK | os.X_OK)


def _is_absent(state: Path) -> bool:
    try:
        state.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:  # a closed folder above it: it is there for all we know
        return False
    return False


def command_that_works(config: Config, typed: Sequence[str]) -> str:
    """What was typed, as the state folder's owner would have to type it."""
    owner = _owner_name(config.folders.state)
    sudo = ["sudo"] if owner is None else ["sudo", "-u", owner]  # as root the command becomes the owner by itself
    return shlex.join([*sudo, _program(), *pinned(config, typed), *typed])


def pinned(config: Config, typed: Sequence[str]) -> list[str]:
    """The options that another account needs so as to read the same configuration: what this one's home told."""
    given = {word.partition("=")[0] for word in typed}
    pins: list[str] = []
    if config.path is not None and config.path != SYSTEM_CONFIG and "--config" not in given:
        pins += ["--config", str(config.path)]
    for name in ("inbox", "outbox", "state"):
        if f"folders.{name}" not in config.sources and f"--{name}" not in given:
            pins += [f"--{name}", str(getattr(config.folders, name))]
    return pins


def account_name(uid: int) -> str | None:
    """The account's name, None for a number without one."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None


def _owner_name(state: Path) -> str | None:
    try:
        uid = state.stat().st_uid
    except OSError:  # a DynamicUser's folder lies under one that only root may enter
        return None
    return None if uid == 0 else account_name(uid)


def _program() -> str:
    name = "nemo-watch"
    if shutil.which(name, path=":".join(_EVERYONES_FOLDERS)):
        return name
    return shutil.which(name) or (os.path.abspath(sys.argv[0]) if sys.argv[0] else name)  # noqa: PTH100  links stay
