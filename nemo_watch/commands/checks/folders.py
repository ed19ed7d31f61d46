"""The three folders: are they there, may they be used, can people edit the prompts, is there room."""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from nemo_watch.commands.checks.finding import Finding, fine, note, wrong
from nemo_watch.shown import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nemo_watch.config import Config

ROOM_BYTES_MIN: Final = 1_000_000_000
"""Free bytes below which `doctor` objects: about two of the largest files that go up."""
PROMPTS_MAX: Final = 1_000
"""Projects whose prompt is looked at."""


def folder_findings(config: Config) -> Iterator[Finding]:
    """All that can be said of the folders. The prompts are looked at only where there is an inbox."""
    folders = config.folders
    yield _folder("inbox", folders.inbox, needed=os.R_OK | os.W_OK | os.X_OK, verb="read and written")
    yield _folder("outbox", folders.outbox, needed=os.W_OK | os.X_OK, verb="written")
    yield _state(folders.state)
    if folders.inbox.is_dir():
        yield _prompts(folders.inbox, folders.state)
    for name, folder in (("outbox", folders.outbox), ("state", folders.state)):
        yield _room(name, folder)


def _folder(name: str, folder: Path, *, needed: int, verb: str) -> Finding:
    place = shown(str(folder))
    if not os.path.lexists(folder):
        return wrong(name, f"{place} is not there", "make it: nemo-watch init (or mount the drive that holds it)")
    if not folder.is_dir():
        return _no_folder(name, folder)
    if not os.access(folder, needed):
        return wrong(
            name,
            f"{place} cannot be {verb} by {_account(os.geteuid())}",
            f"give it the right: {_take_over(folder, os.geteuid())}",
        )
    return fine(name, f"{place} can be {verb}")


def _no_folder(name: str, folder: Path) -> Finding:
    todo = f"choose another: --{name}, or folders.{name} in the configuration"
    return wrong(name, f"{shown(str(folder))} is not a folder", todo)


def _state(state: Path) -> Finding:
    place = shown(str(state))
    try:
        found = state.stat()
    except FileNotFoundError:
        return note("state", f"{place} is not there yet", "nothing: it is made at the first start")
    except NotADirectoryError:  # it lies below a file
        return _no_folder("state", state)
    except OSError as error:
        return note(
            "state",
            f"{place} cannot be looked at ({error.strerror})",
            "run as root, doctor acts as its owner: sudo nemo-watch doctor",
        )
    if not stat.S_ISDIR(found.st_mode):
        return _no_folder("state", state)
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return wrong(
            "state",
            f"{place} is open to others (mode {stat.S_IMODE(found.st_mode):04o})",
            f"close it: chmod 700 {shlex.quote(str(state))}",
        )
    if not os.access(state, os.R_OK | os.W_OK | os.X_OK):
        if found.st_uid == os.geteuid():
            todo = f"open it: chmod 700 {shlex.quote(str(state))}, on a disk that can be written"
            return wrong("state", f"{place} cannot be read and written by its own account", todo)
        owner = _account(found.st_uid)
        return note(
            "state", f"{place} belongs to {owner}", f"as {owner}, or as root, doctor sees more: sudo nemo-watch doctor"
        )
    return fine("state", f"{place} is closed to others")


# -- can the person edit the prompts? ------------------------------------------------------------------------------------------


def _prompts(inbox: Path, state: Path) -> Finding:
    """The daemon writes prompts as the state folder's owner; the people are the inbox's owner and its group."""
    try:
        daemon = state.stat().st_uid
    except OSError:
        daemon = os.geteuid()
    found = inbox.stat()
    if (locked := locked_prompt(inbox)) is not None:
        return wrong(
            "prompts",
            f"{shown(str(locked))} cannot be edited by {_account(os.geteuid())}",
            f"open it to its group: {_share(locked)}",
        )
    if daemon == found.st_uid:
        return fine("prompts", f"prompts and people are both {_account(daemon)}'s")
    if not found.st_mode & stat.S_ISGID or not found.st_mode & stat.S_IWGRP:
        return wrong(
            "prompts",
            f"{_account(daemon)} writes prompts that {_account(found.st_uid)} may not be able to edit: the inbox is not shared by a group",
            f"share it: {_share(inbox)}",
        )
    if found.st_uid != 0 and not _is_member(found.st_uid, found.st_gid):
        group = _group(found.st_gid)
        return wrong(
            "prompts",
            f"{_account(found.st_uid)} is not in the inbox's group {group}",
            f"add: usermod -aG {group} {_account(found.st_uid)}, then log in again",
        )
    return fine("prompts", f"they belong to the group {_group(found.st_gid)}, which may edit them")


def locked_prompt(inbox: Path) -> Path | None:
    """A prompt that is there and that whoever asks could not edit; the first of them."""
    with os.scandir(inbox) as entries:
        projects = [
            Path(entry.path)
            for _, entry in zip(range(PROMPTS_MAX), entries, strict=False)
            if entry.is_dir(follow_symlinks=False)
        ]
    for project in projects:
        prompt = project / "prompt.txt"
        if prompt.is_file() and not os.access(prompt, os.W_OK):
            return prompt
    return None


def _is_member(uid: int, gid: int) -> bool:
    try:
        entry = pwd.getpwuid(uid)
        return gid in os.getgrouplist(entry.pw_name, entry.pw_gid)
    except KeyError:
        return False


# -- room ------------------------------------------------------------------------------------------------------------------------


def _room(name: str, folder: Path) -> Finding:
    there = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        free = shutil.disk_usage(there).free
        names_left = os.statvfs(there)
    except OSError as error:
        return wrong(
            f"room ({name})", f"cannot be told ({error.strerror})", f"look at the drive that holds {shown(str(there))}"
        )
    if free < ROOM_BYTES_MIN:
        return wrong(
            f"room ({name})", f"{free / 1e9:.1f} GB free", "make room: videos wait for it, and go on by themselves"
        )
    if names_left.f_files and not names_left.f_favail:
        return wrong(
            f"room ({name})", "no file can be made any more (out of inodes)", "remove many small files from that drive"
        )
    return fine(f"room ({name})", f"{free / 1e9:.1f} GB free")


# -- words -----------------------------------------------------------------------------------------------------------------------


def _account(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"account {uid}"


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _take_over(folder: Path, uid: int) -> str:
    return f"sudo chown {_account(uid)} {shlex.quote(str(folder))}"


def _share(path: Path) -> str:
    quoted = shlex.quote(str(path))
    return (
        f"sudo chmod g+rw {quoted}"
        if path.is_file()
        else f"sudo chgrp GROUP {quoted} && sudo chmod 2775 {quoted} (GROUP: one that both are in)"
    )
