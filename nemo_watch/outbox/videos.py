"""The names of a film's videos, and how they come to be: placed, never over another; the newest pointed to by rename.

Everything happens inside a handle on the project's folder and may be repeated after a kill at any point. Errors of the disk
pass as OSError: the caller says which folder it was. Source: README "The outbox".
"""

from __future__ import annotations

import os
import re
import stat

from nemo_watch.outbox import disk
from nemo_watch.outbox.mp4 import whole_mp4


def video_name(stem: str, version: int | None = None) -> str:
    """A version's file, or (None) the newest's: `beach-trip-v2.mp4`, `beach-trip.mp4`."""
    return f"{stem}.mp4" if version is None else f"{stem}-v{version}.mp4"


def place(at: int, part: str, name: str) -> None:
    """The fetched `part` is called `name`, durably. Raises: FileExistsError when another video bears that name."""
    try:
        disk.move_unless_taken(at, part, name)
    except FileExistsError:
        if not disk.same_contents(at, part, at, name):
            raise
        disk.remove_file(at, part)  # killed between the two names, last time
        os.fsync(at)


def point_newest(at: int, stem: str, version: int) -> None:
    """`<stem>.mp4` is this version, unless a later one is there already (an old job that is repeated after a kill)."""
    if max(versions(at, stem), default=version) > version:
        return
    name, newest = video_name(stem, version), video_name(stem)
    if not disk.same_contents(at, name, at, newest):
        temporary = f".{newest}{disk.PART_ENDING}"
        disk.remove_file(at, temporary)
        disk.link_or_copy(at, name, at, temporary)
        os.rename(temporary, newest, src_dir_fd=at, dst_dir_fd=at)
    os.fsync(at)


def versions(at: int, stem: str) -> list[int]:
    """The versions of a film that lie in the folder, in no order."""
    pattern = re.compile(re.escape(stem) + r"-v([1-9][0-9]{0,8})\.mp4", re.DOTALL)
    return [int(found[1]) for name in os.listdir(at) if (found := pattern.fullmatch(name))]


def problem(at: int, name: str) -> str | None:
    """None when a whole video bears this name, and then it is safe from a power cut; else why not."""
    found = disk.status_of(at, name)
    if found is None or not stat.S_ISREG(found.st_mode):
        return "it is gone"
    with disk.opened_file(at, name) as handle:
        reason = whole_mp4(handle)
        if reason is None:
            os.fsync(handle)
        return reason
