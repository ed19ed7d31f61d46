"""The outbox's disk, by handles: a folder is opened once, links not followed, and everything happens inside that handle.

So a folder that is swapped for a link between two calls leads nowhere. Files appear whole or not at all: a hidden name on
the same file system, fsync, rename. Every OSError becomes a `Trouble` here, where the call stands, with its cause kept.
Source: open(2) O_NOFOLLOW, rename(2) (two hard links of one file: nothing happens), link(2) and its errors.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from typing import TYPE_CHECKING, Final

from nemo_watch.errors import Cause, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PART_ENDING: Final = ".nemo-watch.part"
"""How every temporary name ends; it begins with a dot. Nothing else is ever cleared away."""

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_NO_HARD_LINKS: Final = frozenset(
    # FAT, exFAT and many network shares; and another file system, a link count used up, a kernel that guards links.
    {errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EXDEV, errno.EMLINK, errno.EINVAL}
)
_REASONS: Final = {errno.ELOOP: "it is a link", errno.ENOENT: "it is not there"}
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_CHUNK_BYTES: Final = 1 << 20


@contextlib.contextmanager
def told_as_trouble(place: Path) -> Iterator[None]:
    """Within, an OSError becomes NO_SPACE or OUTBOX_UNWRITABLE, told of `place`."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise Trouble(Cause.NO_SPACE, folder=str(place)) from error
        reason = _REASONS.get(error.errno or 0) or error.strerror or type(error).__name__
        raise Trouble(Cause.OUTBOX_UNWRITABLE, folder=str(place), reason=reason) from error


# -- folders -----------------------------------------------------------------------------------------


@contextlib.contextmanager
def opened_folder(root: Path, name: str | None, *, make: bool = False) -> Iterator[int]:
    """A handle on the outbox itself (`name` None; its own path may be a link) or on a project's folder in it (may not).

    Raises: OSError; ValueError when `name` is more than one plain name.
    """
    handle = os.open(root, _FOLDER)
    try:
        if name is not None:
            outer, handle = handle, _inner_folder(handle, plain_name(name), make=make)
            os.close(outer)
        yield handle
    finally:
        os.close(handle)


def _inner_folder(root: int, name: str, *, make: bool) -> int:
    try:
        return _open_folder(root, name)
    except FileNotFoundError:
        if not make:
            raise
    with contextlib.suppress(FileExistsError):  # another film of the project was faster
        os.mkdir(name, dir_fd=root)
        os.fsync(root)
    return _open_folder(root, name)


def _open_folder(root: int, name: str) -> int:
    try:
        return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=root)
    except NotADirectoryError as error:
        if stat.S_ISLNK(os.lstat(name, dir_fd=root).st_mode):  # Linux says ENOTDIR of a link here
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from error
        raise


def plain_name(name: str) -> str:
    """The name itself, when it is one that stays where it is put. Raises: ValueError else."""
    if name in {"", ".", ".."} or "/" in name or "\0" in name:
        raise ValueError(f"not a plain name: {name!r}")
    return name


# -- files -------------------------------------------------------------------------------------------


def status_of(at: int, name: str) -> os.stat_result | None:
    """What lies under this name, links not followed; None when nothing does."""
    try:
        return os.lstat(name, dir_fd=at)
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def opened_file(at: int, name: str, flags: int = os.O_RDONLY) -> Iterator[int]:
    """A handle on a regular file. Raises: OSError, also when it is a link, a FIFO or anything else."""
    # Without O_NONBLOCK a FIFO of this name would hang the daemon.
    handle = os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666, dir_fd=at)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, f"{name} is not a file")
        yield handle
    finally:
        os.close(handle)


def read_file(at: int, name: str, bytes_max: int) -> bytes | None:
    """A small file's contents; None when it is not there. Raises: OSError, EFBIG when it is larger than `bytes_max`."""
    try:
        with opened_file(at, name) as handle:
            data = b""
            while chunk := os.read(handle, _CHUNK_BYTES):
                data += chunk
                if len(data) > bytes_max:
                    raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
            return data
    except FileNotFoundError:
        return None


def write_all(handle: int, data: bytes) -> None:
    """All of `data` to a handle, however few bytes the system takes at a time."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]


def replace_file(at: int, name: str, data: bytes) -> None:
    """The file holds `data`; whenever the power is cut, it is the old one or the new one, and never half of it."""
    temporary = f".{plain_name(name)}.{secrets.token_hex(4)}{PART_ENDING}"
    try:
        with opened_file(at, temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as handle:
            write_all(handle, data)
            os.fsync(handle)
        os.rename(temporary, name, src_dir_fd=at, dst_dir_fd=at)
    except OSError:
        with contextlib.suppress(OSError):
            remove_file(at, temporary)
        raise
    os.fsync(at)


def remove_file(at: int, name: str) -> None:
    """The file is not there (any more)."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=at)


def link_or_copy(source_at: int, source: str, at: int, name: str) -> None:
    """`name`, which must not exist, has the source's contents: a hard link, or a durable copy where links cannot be."""
    try:
        os.link(source, name, src_dir_fd=source_at, dst_dir_fd=at, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        _copy(source_at, source, at, name)


def _copy(source_at: int, source: str, at: int, name: str) -> None:
    try:
        with (
            opened_file(source_at, source) as reading,
            opened_file(at, name, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as writing,
        ):
            while chunk := os.read(reading, _CHUNK_BYTES):
                write_all(writing, chunk)
            os.fsync(writing)
    except FileExistsError:
        raise
    except OSError:
        with contextlib.suppress(OSError):
            remove_file(at, name)
        raise


def move_unless_taken(at: int, source: str, name: str) -> None:
    """`source` is called `name`, never over an existing file. Repeatable after a kill at any point.

    Raises: FileExistsError when the name is taken.
    """
    try:
        os.link(source, name, src_dir_fd=at, dst_dir_fd=at, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        # Without links there is no atomic way; one film has one writer, so only a person could come in between.
        if status_of(at, name) is not None:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name) from error
        os.rename(source, name, src_dir_fd=at, dst_dir_fd=at)
    else:
        os.fsync(at)  # the new name is durable before the old one goes
        os.unlink(source, dir_fd=at)
    os.fsync(at)


def same_contents(at: int, name: str, other_at: int, other: str) -> bool:
    """Whether two regular files are one, or equal byte for byte. False when one is missing or no regular file."""
    one, two = status_of(at, name), status_of(other_at, other)
    if one is None or two is None or not (stat.S_ISREG(one.st_mode) and stat.S_ISREG(two.st_mode)):
        return False
    if os.path.samestat(one, two):
        return True
    return one.st_size == two.st_size and _equal_bytes(at, name, other_at, other)


def _equal_bytes(at: int, name: str, other_at: int, other: str) -> bool:
    with opened_file(at, name) as one, opened_file(other_at, other) as two:
        while True:
            chunk = _read_full(one)
            if chunk != _read_full(two):
                return False
            if not chunk:
                return True


def _read_full(handle: int) -> bytes:
    data = b""
    while len(data) < _CHUNK_BYTES and (chunk := os.read(handle, _CHUNK_BYTES - len(data))):
        data += chunk
    return data
