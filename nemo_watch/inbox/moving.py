"""The two things that are ever written in the inbox: a prompt that was not there, and loose files into a folder of their own.

Only what such a writing left behind when it was killed is ever taken away. It must never replace, delete or change a file of a person's. Every step may be the last one before a kill: repeated, it
finishes what was begun.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from nemo_watch.inbox import handles
from nemo_watch.inbox.media import STAGING_PREFIX, Role, role_of, temporary_name
from nemo_watch.model import Gather, Sighting

_SHARED_FILE: Final = 0o664


def staging_name(folder: str) -> str:
    """The name under which a project folder is filled."""
    return STAGING_PREFIX + folder


def write_new(folder: int, name: str, data: bytes) -> bool:
    """Makes the file `name` in the open folder, whole or not at all; False if the name is taken. Raises OSError."""
    if _exists(folder, name):
        return False
    temporary = temporary_name(name)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary, dir_fd=folder)
    try:
        _written(folder, temporary, data)
        handles.rename_new(folder, temporary, folder, name)
    except FileExistsError:
        return False
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder)
    os.fsync(folder)
    return True


def remove_leftover(folder: int, name: str, sighting: Sighting) -> bool:
    """Takes away what a killed `write_new` left: a regular file of this very user's, with no other name, still as it was sighted.

    False, and nothing done, where it is anything else. Raises OSError.
    """
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        seen = (sighting.device, sighting.inode, sighting.size_bytes, sighting.mtime_ns)
        is_ours = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and found.st_nlink == 1
        if not is_ours or (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns) != seen:
            return False
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return False
    return True


def _written(folder: int, name: str, data: bytes) -> None:
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
    with os.fdopen(handle, "wb") as file:
        _share(handle, folder, _SHARED_FILE)
        file.write(data)
        file.flush()
        os.fsync(handle)


def _share(handle: int, like: int, mode: int) -> None:
    """Gives the file or folder the group of the folder `like` and the mode, as far as that is allowed."""
    with contextlib.suppress(PermissionError):
        os.fchown(handle, -1, os.fstat(like).st_gid)
    with contextlib.suppress(OSError):  # file systems without modes (FAT, SMB) refuse
        os.fchmod(handle, mode)


@dataclass(frozen=True, slots=True)
class Moved:
    """The `paths` that lie in the project folder now, and the loose files that the system `refused` to move, with its reason."""

    paths: tuple[str, ...] = ()
    refused: tuple[tuple[Sighting, str], ...] = ()


def move_loose(root: int, gather: Gather) -> Moved:
    """Moves the gather's files into its folder; one that cannot be moved stays, and holds up no other. Raises OSError for the folder.

    A new folder is filled under its staging name and appears by one rename. One that exists (a sidecar's folder, a repetition after
    a kill) takes the rest in.
    """
    staged = staging_name(gather.folder)
    if _exists(root, gather.folder):
        with _opened(root, gather.folder) as folder:
            moved = _moved_into(root, folder, gather)
            _unstage(root, staged, folder)
        return moved
    with contextlib.suppress(FileExistsError):
        os.mkdir(staged, 0o700, dir_fd=root)
    with _opened(root, staged) as folder:
        _share(folder, root, stat.S_IMODE(os.fstat(root).st_mode) | 0o700)
        moved = _moved_into(root, folder, gather)
        if _names(folder):
            handles.rename_new(root, staged, root, gather.folder)
        else:
            os.rmdir(staged, dir_fd=root)  # every file has left meanwhile: nothing to gather
    os.fsync(root)
    return moved


def _moved_into(root: int, folder: int, gather: Gather) -> Moved:
    moved: list[str] = []
    refused: list[tuple[Sighting, str]] = []
    for sighting in gather.files:
        if refused and not moved and role_of(sighting.path) is not Role.MEDIA:
            break  # words go last, and not alone: what they speak for has stayed
        try:
            if _move(root, folder, sighting) or _exists(folder, sighting.path):
                moved.append(sighting.path)
        except OSError as error:  # it alone: made unchangeable, another user's, a mount point
            refused.append((sighting, error.strerror or "unknown"))
    os.fsync(folder)
    return Moved(tuple(f"{gather.folder}/{name}" for name in moved), tuple(refused))


def _move(root: int, folder: int, sighting: Sighting) -> bool:
    """Moves one loose file if it is still the one sighted, never over another."""
    try:
        found = os.stat(sighting.path, dir_fd=root, follow_symlinks=False)
        seen = (sighting.device, sighting.inode, sighting.size_bytes, sighting.mtime_ns)
        if (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns) != seen:
            return False
        handles.rename_new(root, sighting.path, folder, sighting.path)
    except (FileNotFoundError, FileExistsError):
        return False
    return True


def _unstage(root: int, staged: str, folder: int) -> None:
    """Empties what a kill left under the staging name into the folder that has appeared by other means meanwhile."""
    try:
        left = os.open(staged, handles.FOLDER_FLAGS, dir_fd=root)
    except OSError:
        return
    try:
        for name in _names(left):
            with contextlib.suppress(FileExistsError):
                handles.rename_new(left, name, folder, name)
    finally:
        os.close(left)
    with contextlib.suppress(OSError):
        os.rmdir(staged, dir_fd=root)


def _names(folder: int) -> list[str]:
    return os.listdir(folder)


@contextlib.contextmanager
def _opened(root: int, name: str) -> Iterator[int]:
    handle = os.open(name, handles.FOLDER_FLAGS, dir_fd=root)
    try:
        yield handle
    finally:
        os.close(handle)


def _exists(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ENAMETOOLONG}:
            return False
        raise
    return True
