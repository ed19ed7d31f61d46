"""Folders and files by handle: every step opened from the one before, no link followed, plus what only the system can tell.

It must never open a path of more than one part: between two looks at a path anyone may swap a folder for a link.
Facts: openat(2), statx(2), renameat2(2), statfs(2), fcntl(2) "Leases"; costs in microseconds were measured.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import re
import signal
import stat
import struct
from collections.abc import Iterator
from typing import Final

from nemo_watch.inbox.verdicts import Span
from nemo_watch.model import FolderIdentity

FOLDER_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: opening a FIFO that took a file's place must not hang
FILE_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

HOLES_MAX: Final = 10_000  # in one file; a file of so many is a download of pieces

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_STATX_BTIME: Final = 0x800
_AT_EMPTY_PATH: Final = 0x1000
_RENAME_NOREPLACE: Final = 1
_IN_DELETE_SELF: Final = 0x400
_MOUNTS: Final = "/proc/self/mountinfo"  # the fifth field is the mount point, spaces and the like in octal: proc(5)
_STATX_MASK_AT, _STATX_BTIME_AT = 0, 80  # offsets in struct statx: stx_mask u32; stx_btime s64 seconds, u32 nanoseconds

# Source: linux/magic.h and statfs(2). On these another machine may write, and inotify and leases say nothing of it.
NETWORK_FILE_SYSTEMS: Final[dict[int, str]] = {
    0x6969: "NFS",
    0x517B: "SMB",
    0xFE534D42: "SMB",
    0xFF534D42: "CIFS",
    0x00C36400: "Ceph",
    0x5346414F: "AFS",
    0x6B414653: "AFS",
    0x01021997: "9P",
    0x73757245: "Coda",
    0x65735546: "FUSE",
    0x786F4256: "VirtualBox shared folder",
    0xBACBACBC: "VMware shared folder",
}


def opened_root(path: str) -> int:
    """A handle of the inbox itself; the configured path may lead through links. Raises OSError."""
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


@contextlib.contextmanager
def folder_at(root: int, parts: list[str]) -> Iterator[int]:
    """A handle of the folder `parts` below `root`, each step without following links; closed at the end. Raises OSError."""
    handle = os.dup(root)
    try:
        for part in parts:
            inner = os.open(part, FOLDER_FLAGS, dir_fd=handle)
            os.close(handle)
            handle = inner
        yield handle
    finally:
        os.close(handle)


def identity_of(handle: int) -> FolderIdentity:
    """Which folder this handle holds."""
    found = os.fstat(handle)
    return FolderIdentity(found.st_dev, found.st_ino, birth_ns(handle))


def birth_ns(handle: int) -> int | None:
    """When the file or folder was made, in nanoseconds since 1970; None where the file system does not tell."""
    buffer = ctypes.create_string_buffer(256)
    try:
        failed = _LIBC.statx(handle, b"", _AT_EMPTY_PATH, _STATX_BTIME, buffer)
    except AttributeError:  # a C library without statx
        return None
    if failed or not struct.unpack_from("=I", buffer, _STATX_MASK_AT)[0] & _STATX_BTIME:
        return None
    seconds, nanoseconds = struct.unpack_from("=qI", buffer, _STATX_BTIME_AT)
    return int(seconds) * 10**9 + int(nanoseconds)


def mounts_to(path: str) -> tuple[bytes, ...]:
    """What is mounted on the way to a path (absolute, without links), the last on top; asked without touching any of it. () where nobody tells."""
    try:
        with open(_MOUNTS, "rb") as listed:  # noqa: PTH123  as bytes, line by line
            lines = [line for line in listed if _is_on_the_way(line.split(b" ")[4], os.fsencode(path))]
    except OSError:
        return ()
    return tuple(lines)


def _is_on_the_way(point: bytes, path: bytes) -> bool:
    point = re.sub(rb"\\([0-7]{3})", lambda octal: bytes([int(octal[1], 8)]), point)
    return path == point or path.startswith(point.rstrip(b"/") + b"/")


def network_file_system(handle: int) -> str | None:
    """The name of the network file system that the handle lies on, or None for a local one."""
    buffer = ctypes.create_string_buffer(256)
    if _LIBC.fstatfs(handle, buffer):
        return None
    return NETWORK_FILE_SYSTEMS.get(
        struct.unpack_from("=l" if struct.calcsize("l") == 4 else "=q", buffer)[0] & 0xFFFFFFFF
    )


def may_watch_more() -> bool:
    """Whether the kernel gives this user one more inotify watch; True where that cannot be told. The watch is given back at once."""
    queue = _LIBC.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
    if queue < 0:
        return True
    try:
        return bool(_LIBC.inotify_add_watch(queue, b"/", _IN_DELETE_SELF) >= 0 or ctypes.get_errno() != errno.ENOSPC)
    finally:
        os.close(queue)


def has_writer(handle: int) -> bool | None:
    """Whether any process holds the file open for writing; None where that cannot be told.

    A read lease is granted only while nobody writes; it is given back at once. Takes about 15 µs; needs the file's owner or
    CAP_LEASE, and a local file system. A writer that comes within these microseconds makes the kernel send a signal: one
    that is ignored by default is chosen, because SIGIO would end the process.
    """
    if network_file_system(handle):
        return None
    try:
        fcntl.fcntl(handle, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return True if error.errno == errno.EAGAIN else None
    with contextlib.suppress(OSError):
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


def holes(handle: int, size_bytes: int) -> tuple[Span, ...]:
    """The stretches that were never written: the size was set first, room was reserved, or a sparse copy left zeros out.

    Told by whole blocks; nothing where the file system does not tell, and no more than the first `HOLES_MAX`.
    """
    found: list[Span] = []
    end = 0
    try:
        while len(found) < HOLES_MAX and (start := os.lseek(handle, end, os.SEEK_HOLE)) < size_bytes:
            end = _data_from(handle, start, size_bytes)
            found.append(Span(start, end))
    except OSError:
        return tuple(found)
    finally:
        os.lseek(handle, 0, os.SEEK_SET)
    return tuple(found)


def _data_from(handle: int, start: int, size_bytes: int) -> int:
    """Where data begins behind the hole that begins at `start`. Raises OSError."""
    try:
        return os.lseek(handle, start, os.SEEK_DATA)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return size_bytes  # none to the end


def rename_new(source: int, old: str, target: int, new: str) -> None:
    """Renames without ever replacing anything, even in a race. Raises FileExistsError, or another OSError."""
    old_bytes, new_bytes = os.fsencode(old), os.fsencode(new)
    try:
        if _LIBC.renameat2(source, old_bytes, target, new_bytes, _RENAME_NOREPLACE) == 0:
            return
        code = ctypes.get_errno()
    except AttributeError:  # a C library without renameat2
        code = errno.ENOSYS
    if code not in {errno.EINVAL, errno.ENOSYS, errno.ENOTTY, errno.EOPNOTSUPP, errno.EPERM}:
        raise OSError(code, os.strerror(code), old, None, new)
    _rename_by_link(source, old, target, new)


def _rename_by_link(source: int, old: str, target: int, new: str) -> None:
    """The same for file systems without that call (NFS, FAT): a hard link is never made over a file either."""
    try:
        if not stat.S_ISDIR(os.stat(old, dir_fd=source, follow_symlinks=False).st_mode):
            os.link(old, new, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
            os.unlink(old, dir_fd=source)
            return
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}:
            raise
    with contextlib.suppress(FileNotFoundError):
        os.stat(new, dir_fd=target, follow_symlinks=False)
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), new)
    os.rename(old, new, src_dir_fd=source, dst_dir_fd=target)
