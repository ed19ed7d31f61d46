"""Who the system's service runs as, and folders made for that account.

A daemon that is not the inbox's owner writes prompts nobody can edit and videos nobody may take; so the owner of the inbox
is the first choice, and root never is one.
"""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path
from typing import TYPE_CHECKING

from nemo_watch.commands.units import Account
from nemo_watch.errors import UsageError
from nemo_watch.shown import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemo_watch.config import Folders


def service_account(folders: Folders, run_as: str | None, env: Mapping[str, str]) -> Account:
    """The account that was named, else the inbox's owner, else (there is no inbox yet) whoever called sudo.

    Raises: UsageError when none of these is there, is known, or is anybody but root.
    """
    found = _status(folders.inbox)
    if run_as is not None:
        entry = _known(run_as)
    elif found is not None and found.st_uid != 0:
        entry = _numbered(found.st_uid, folders.inbox)
    elif found is None and env.get("SUDO_USER", "root") != "root":
        entry = _known(env["SUDO_USER"])
    else:
        raise UsageError(_who(folders.inbox, found))
    if entry.pw_uid == 0:
        raise UsageError(
            "The service does not run as root: it needs none of root's rights, and it decodes foreign files."
        )
    _check_groups(entry, folders.inbox, found)
    return Account(entry.pw_name, grp.getgrgid(entry.pw_gid).gr_name)


def _who(inbox: Path, found: os.stat_result | None) -> str:
    """What to say when it cannot be told who the service is to run as."""
    there = "is not there yet" if found is None else "belongs to root"
    groups = f" --groups {grp.getgrgid(found.st_gid).gr_name}" if found is not None and found.st_gid != 0 else ""
    return (
        f"The inbox {shown(str(inbox))} {there}, so it cannot be told who the service is to run as. Say who: --run-as USER\n"
        f"For an account of its own: useradd --system --user-group{groups} nemo-watch, and then --run-as nemo-watch"
    )


def _check_groups(entry: pwd.struct_passwd, inbox: Path, found: os.stat_result | None) -> None:
    """Raises: UsageError when the inbox is shared by a group, and the account is neither its owner nor in that group."""
    if found is None or found.st_uid == entry.pw_uid or found.st_gid in os.getgrouplist(entry.pw_name, entry.pw_gid):
        return
    group = grp.getgrgid(found.st_gid).gr_name
    raise UsageError(
        f"{entry.pw_name} is neither the owner of {shown(str(inbox))} nor in its group {group}. "
        f"Share the folder and let it in: chmod 2775 the inbox and the outbox, then usermod -aG {group} {entry.pw_name}"
    )


def _known(name: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(name)
    except KeyError as error:
        raise UsageError(
            f"There is no account called {shown(name)}. Make it first: useradd --system {shown(name)}"
        ) from error


def _numbered(uid: int, inbox: Path) -> pwd.struct_passwd:
    try:
        return pwd.getpwuid(uid)
    except KeyError as error:
        raise UsageError(
            f"The owner of {shown(str(inbox))}, number {uid}, has no account here. Say who: --run-as USER"
        ) from error


def _status(folder: Path) -> os.stat_result | None:
    try:
        return folder.stat()
    except FileNotFoundError:
        return None


def make_for(folder: Path, account: Account | None, *, private: bool) -> bool:
    """Make the folder (and those above it) for this account, whoever runs this; whether it was missing. Raises: OSError.

    A folder that is not `private` gets the account's group, setgid: what is put in stays the group's.
    """
    if folder.is_dir():
        return False
    missing = [folder, *(parent for parent in folder.parents if not parent.exists())]
    folder.mkdir(parents=True)
    if account is not None:
        entry = pwd.getpwnam(account.user)
        for path in missing:
            os.chown(path, entry.pw_uid, entry.pw_gid)
    if private:
        folder.chmod(0o700)
    elif account is not None:
        folder.chmod(0o2775)
    return True
