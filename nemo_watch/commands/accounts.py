"""Who the system's service runs as, and folders made for that account.

A daemon that is not the inbox's owner writes prompts nobody can edit and videos nobody may take; so the owner of the inbox
is the first choice, and root never is one.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from nemo_watch.commands.units import Account
from nemo_watch.errors import UsageError
from nemo_watch.status import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemo_watch.config import Folders

DYNAMIC = "nemo-watch"


def service_account(folders: Folders, run_as: str | None, env: Mapping[str, str]) -> Account:
    """The account: the one that was named, else the inbox's owner, else one of systemd's own for a folder shared by a group,
    else whoever called sudo. Raises: UsageError when none of these is there, or the one named is unknown.
    """
    if run_as is not None:
        return fixed(_known(run_as))
    found = _status(folders.inbox)
    if found is not None and found.st_uid != 0:
        return fixed(_numbered(found.st_uid, folders.inbox))
    if found is not None and found.st_gid != 0 and found.st_mode & stat.S_IWGRP:
        return Account(DYNAMIC, dynamic=True, groups=(grp.getgrgid(found.st_gid).gr_name,))
    if env.get("SUDO_USER") and env["SUDO_USER"] != "root":
        return fixed(_known(env["SUDO_USER"]))
    raise UsageError(
        f"The inbox {shown(str(folders.inbox))} belongs to root, or is not there, so it cannot be told who the service is to run as. "
        "Say who: --run-as USER. For a folder shared by a group: chgrp GROUP and chmod 2775 the inbox and the outbox first."
    )


def fixed(entry: pwd.struct_passwd) -> Account:
    """An account that exists on this machine, with its own group."""
    if entry.pw_uid == 0:
        raise UsageError(
            "The service does not run as root: it needs none of root's rights, and it decodes foreign files."
        )
    return Account(entry.pw_name, group=grp.getgrgid(entry.pw_gid).gr_name)


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

    A shared folder gets the account's group, setgid: what is put in stays the group's.
    """
    if folder.is_dir():
        return False
    missing = [folder, *(parent for parent in folder.parents if not parent.exists())]
    folder.mkdir(parents=True)
    if private:
        folder.chmod(0o700)
    if account is None:
        return True
    uid, gid = _numbers(account)
    for path in missing if not account.dynamic else [folder]:
        os.chown(path, uid, gid)
    if not private:
        folder.chmod(0o2775)
    return True


def _numbers(account: Account) -> tuple[int, int]:
    if account.dynamic:
        return 0, grp.getgrnam(account.groups[0]).gr_gid
    entry = pwd.getpwnam(account.user)
    return entry.pw_uid, entry.pw_gid
