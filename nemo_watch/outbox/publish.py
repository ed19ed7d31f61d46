"""A finished video → the outbox, whole or not at all; and what stands beside it: reply, timeline, story, what is needed.

A version that exists is never overwritten. Every act may be repeated after a kill between any two of its steps, and ends in
the same place. All of it blocks (fsync): callers run it off the event loop. Source: README "The outbox" and "Promises", 3 and 5.
"""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from typing import TYPE_CHECKING, Final

from nemo_watch.errors import Cause, Trouble
from nemo_watch.outbox import disk, needs, videos
from nemo_watch.shown import shown, shown_lines

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

LOG_BYTES_MAX: Final = 1_000_000
"""Bytes of one `project.log`; one older one is kept beside it."""
LINE_CHARACTERS_MAX: Final = 2_000
"""Characters of one line in `project.log`."""
TEXT_BYTES_MAX: Final = 16_000_000
"""Bytes of a `NEEDS-YOU.txt` that is read back."""
BEGINNING_BYTES: Final = 4_000
"""Bytes of a file in which its mark is looked for."""

NEEDS: Final = "NEEDS-YOU.txt"
LOG: Final = "project.log"


def text_name(folder: str, stem: str, what: str) -> str:
    """The name of a film's `reply` or `timeline`: plain for the folder's own film, `a.reply.txt` in batch style."""
    return f"{what}.txt" if stem in {"", folder} else f"{stem}.{what}.txt"


class OutboxFolder:
    """The outbox at `root` (which may itself be a link; nothing below it may).

    `folder` is a project's folder and `stem` a film's stem in it, as `names` made them; the folder's own film has the
    folder's name, and `""` means the same. Every method raises Trouble NO_SPACE or OUTBOX_UNWRITABLE when the disk
    refuses.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._needs_lock = threading.Lock()  # NEEDS-YOU.txt is read, changed and written; two films may do so at once

    # -- videos --

    def part_path(self, folder: str, stem: str, version: int) -> Path:
        """Where to put the video while it is being fetched; always the same for one version, so that a restart resumes.

        The project's folder is made. The file is not: who fetches makes it, and may find an earlier beginning of it.
        """
        with self._opened(folder, make=True):
            return self.root / folder / self._part(folder, stem, version)

    def publish_video(self, folder: str, stem: str, version: int, part: Path) -> str:
        """The fetched video becomes this version and the newest; its path relative to the outbox.

        Raises: Trouble DOWNLOAD_BROKEN when it is not a whole MP4 (it is then removed, to be fetched from its beginning) or
        is gone; OUTBOX_UNWRITABLE also when another video bears this version's name.
        """
        if part != self.root / folder / disk.plain_name(part.name):
            raise ValueError("a video is published from its own project's folder: see part_path")
        name = videos.video_name(stem or folder, version)
        with self._opened(folder, make=True) as at:
            fetched = disk.status_of(at, part.name) is not None
            problem = videos.problem(at, part.name if fetched else name)  # not there: published, then killed
            if problem is not None:
                if fetched:
                    disk.remove_file(at, part.name)
                raise Trouble(Cause.DOWNLOAD_BROKEN, reason=problem)
            if fetched:
                self._place(at, folder, part.name, name)
            videos.point_newest(at, stem or folder, version)
        return f"{folder}/{name}"

    def hand_over(self, source: str, folder: str, stem: str, version: int) -> str:
        """A video that exists (`source`, relative to the outbox) is this version too; its path relative to the outbox.

        Raises: Trouble RENDER_FAILED when the source is gone or no whole video.
        """
        source_folder, _, source_name = source.partition("/")
        name = videos.video_name(stem or folder, version)
        if not (_plain(source_folder) and _plain(source_name) and self._has(source_folder)):
            raise _source_trouble(source, "it is gone")
        with self._opened(source_folder) as source_at, self._opened(folder, make=True) as at:
            problem = videos.problem(source_at, source_name)
            if problem is not None:
                raise _source_trouble(source, problem)
            part = self._part(folder, stem, version)
            disk.remove_file(at, part)  # half a copy, or a second name, from before a kill
            if not disk.same_contents(source_at, source_name, at, name):
                disk.link_or_copy(source_at, source_name, at, part)
                self._place(at, folder, part, name)
            videos.point_newest(at, stem or folder, version)
        return f"{folder}/{name}"

    def _part(self, folder: str, stem: str, version: int) -> str:
        return f".{disk.plain_name(videos.video_name(stem or folder, version))}{disk.PART_ENDING}"

    def _place(self, at: int, folder: str, part: str, name: str) -> None:
        try:
            videos.place(at, part, name)
        except FileExistsError as error:
            reason = f"{name} is there already and holds another video, which is never overwritten"
            raise Trouble(Cause.OUTBOX_UNWRITABLE, folder=str(self.root / folder), reason=reason) from error

    # -- words --

    def write_reply(self, folder: str, stem: str, text: str) -> None:
        """What the service said stands in `reply.txt`."""
        self._write(folder, text_name(folder, stem, "reply"), text)

    def write_timeline(self, folder: str, stem: str, text: str) -> None:
        """The timeline's summary stands in `timeline.txt`."""
        self._write(folder, text_name(folder, stem, "timeline"), text)

    def write_needs(self, folder: str, stem: str, text: str | None) -> None:
        """What this film asks of the person stands in the project's `NEEDS-YOU.txt`; None takes it out.

        The file goes when no film of the project asks for anything.
        """
        with self._needs_lock:
            if text is None and not self._has(folder):
                return
            with self._opened(folder, make=True) as at:
                before = disk.read_file(at, NEEDS, TEXT_BYTES_MAX)
                known = needs.parsed((before or b"").decode("utf-8", "replace"), folder)
                after = needs.rendered(known | {stem or folder: text}, folder)
                _replace_or_remove(at, NEEDS, after, before)

    def write_account_needs(self, text: str | None) -> None:
        """What the whole account asks for stands in the outbox's own `NEEDS-YOU.txt`; None removes it."""
        with self._opened(None) as at:
            _replace_or_remove(at, NEEDS, text, disk.read_file(at, NEEDS, TEXT_BYTES_MAX))

    def log(self, folder: str, line: str, at: datetime) -> None:
        """One more line in the project's story, with the local time; the file is turned over at 1 MB."""
        stamp = at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        data = _bytes(f"{stamp}  {shown(line)[:LINE_CHARACTERS_MAX]}\n")
        with self._opened(folder, make=True) as folder_at:
            found = disk.status_of(folder_at, LOG)
            if found is not None and found.st_size + len(data) > LOG_BYTES_MAX:
                os.rename(LOG, f"{LOG}.1", src_dir_fd=folder_at, dst_dir_fd=folder_at)
            with disk.opened_file(folder_at, LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND) as handle:
                disk.write_all(handle, data)

    # -- for the receipts and the gallery --

    def read(self, folder: str, name: str, bytes_max: int) -> bytes | None:
        """A project's file, links not followed; None when it or the folder is not there."""
        if not self._has(folder):
            return None
        with self._opened(folder) as at:
            return disk.read_file(at, disk.plain_name(name), bytes_max)

    def replace(self, folder: str | None, name: str, data: bytes) -> None:
        """A project's file (or the outbox's own, `folder` None) holds `data`, whole or not at all."""
        with self._opened(folder, make=True) as at:
            disk.replace_file(at, name, data)

    def remove(self, name: str, mark: bytes) -> None:
        """The outbox's own file is not there (any more), if `mark` stands at its beginning: another file of that name is a person's."""
        with self._opened(None) as at:
            found = disk.status_of(at, disk.plain_name(name))
            if found is None or not stat.S_ISREG(found.st_mode):
                return
            with disk.opened_file(at, name) as handle:
                is_ours = mark in os.read(handle, BEGINNING_BYTES)
            if is_ours:
                disk.remove_file(at, name)

    def keep_copy(self, folder: str, name: str, copy_name: str) -> None:
        """The file's present contents are kept as `copy_name`, or under the next free number."""
        with self._opened(folder) as at:
            number, free = 1, disk.plain_name(copy_name)
            while disk.status_of(at, free) is not None:
                if disk.same_contents(at, name, at, free):
                    return
                number += 1
                free = f"{copy_name}-{number}"
            disk.link_or_copy(at, name, at, free)

    def folders(self) -> tuple[str, ...]:
        """The projects' folders in the outbox, in order of their names; links and hidden ones are none."""
        with self._opened(None) as at, os.scandir(at) as entries:
            found = [e.name for e in entries if not e.name.startswith(".") and e.is_dir(follow_symlinks=False)]
        return tuple(sorted(found))

    def taken_names(self) -> tuple[str, ...]:
        """Every name in the outbox, whatever bears it: a new project's folder takes none of them."""
        with self._opened(None) as at:
            return tuple(os.listdir(at))  # noqa: PTH208  by handle

    def versions(self, folder: str, stem: str) -> tuple[int, ...]:
        """The versions of a film that lie in the outbox, newest first."""
        if not self._has(folder):
            return ()
        with self._opened(folder) as at:
            return tuple(sorted(videos.versions(at, stem or folder), reverse=True))

    def clear_leftovers(self, before: datetime, keep: Collection[Path] = ()) -> int:
        """Temporary files of ours that nothing has touched since `before` are gone, but for `keep`; how many there were."""
        count = self._clear(None, before, keep)
        return count + sum(self._clear(folder, before, keep) for folder in self.folders())

    def _clear(self, folder: str | None, before: datetime, keep: Collection[Path]) -> int:
        base = self.root if folder is None else self.root / folder
        cleared = 0
        with self._opened(folder) as at:
            for name in _part_names(at):
                found = disk.status_of(at, name)
                if found and base / name not in keep and _stale(found, before):
                    disk.remove_file(at, name)
                    cleared += 1
        return cleared

    def _write(self, folder: str, name: str, text: str) -> None:
        self.replace(folder, disk.plain_name(name), _bytes(shown_lines(text).rstrip("\n") + "\n"))

    def _has(self, folder: str) -> bool:
        with self._opened(None) as at:
            return disk.status_of(at, disk.plain_name(folder)) is not None

    def _opened(self, folder: str | None, *, make: bool = False) -> AbstractContextManager[int]:
        return _told(self.root, folder, make=make)


@contextlib.contextmanager
def _told(root: Path, folder: str | None, *, make: bool) -> Iterator[int]:
    with (
        disk.told_as_trouble(root if folder is None else root / folder),
        disk.opened_folder(root, folder, make=make) as at,
    ):
        yield at


def _source_trouble(source: str, problem: str) -> Trouble:
    return Trouble(Cause.RENDER_FAILED, reason=f"the earlier video {source} cannot be used, {problem}")


def _plain(name: str) -> bool:
    try:
        return bool(os.fsencode(disk.plain_name(name)))
    except ValueError:  # a path, or what no file system can hold
        return False


def _replace_or_remove(at: int, name: str, text: str | None, before: bytes | None) -> None:
    if text is None:
        if before is not None:
            disk.remove_file(at, name)
            os.fsync(at)
    elif _bytes(text) != before:
        disk.replace_file(at, name, _bytes(text))


def _part_names(at: int) -> list[str]:
    return [name for name in os.listdir(at) if name.startswith(".") and name.endswith(disk.PART_ENDING)]


def _stale(found: os.stat_result, before: datetime) -> bool:
    """A regular file that neither its contents nor its names have changed since: a fresh link has an old mtime."""
    return stat.S_ISREG(found.st_mode) and max(found.st_mtime, found.st_ctime) < before.timestamp()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")
