"""The folder as it is now: one walk by handles → sightings, and safe access to what was sighted.

It must never follow a link, wait on a FIFO, or conclude anything: an absent inbox is an absent inbox, not an empty one.
Facts: openat(2); between two looks at a path anyone may swap a folder for a link, so every step goes by the handle before it.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from nemo_watch.errors import Cause, Trouble
from nemo_watch.inbox import handles, moving
from nemo_watch.inbox.collecting import rare_collections
from nemo_watch.inbox.media import TEXT_BYTES_MAX, is_leftover
from nemo_watch.inbox.moving import Moved
from nemo_watch.inbox.pages import Page, page_of
from nemo_watch.model import FolderIdentity, Gather, Sighting

DEPTH_MAX: Final = 64  # one open handle a level; nobody nests photos deeper

_VANISHED: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})  # gone, or swapped for something else
_AWAY: Final = frozenset(  # the disk or server behind the folder, not the file
    {errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENODEV}
)


@dataclass(frozen=True, slots=True)
class Listing:
    """Everything in the inbox at one moment.

    `root` is None while the inbox is absent. `sightings` are files, links, special files, and the folders that are passed by
    (hidden, junk). `folders` are the project folders. `unreadable` names folders whose contents could not be listed, and
    entries that do not even tell what they are, with the reason: what lay there is unknown, not gone. `folder_count` counts every folder walked, the inbox included.
    """

    root: FolderIdentity | None
    sightings: tuple[Sighting, ...] = ()
    folders: Mapping[str, FolderIdentity] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    folder_count: int = 0


class Walk:
    """The walk, with a memory: an entry that has not changed keeps its Sighting object, an unchanged inbox its Listing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pages: dict[str, Page] = {}
        self._away: dict[str, Page] = {}  # folders whose disk is gone, as they were
        self._last = Listing(None)
        self._pass: _Pass | None = None

    @property
    def at(self) -> str | None:
        """The folder that is being listed just now, `""` the inbox itself; None while none is."""
        return None if self._pass is None else self._pass.at

    def listing(self) -> Listing:
        """The inbox as it is now. Never raises for what lies in it, nor for its absence."""
        try:
            root = handles.opened_root(os.fspath(self._folder))
        except OSError as error:
            return Listing(None, problems=(f"The inbox {self._folder} is not there ({error.strerror}).",))
        pass_ = self._pass = _Pass(self._pages | self._away)
        try:
            identity = handles.identity_of(root)
            with rare_collections():
                pass_.walk(root, "", 0)
        except OSError as error:
            return Listing(None, problems=(f"The inbox {self._folder} cannot be read ({error.strerror}).",))
        finally:
            self._pass = None
            os.close(root)
        self._pages, self._away = pass_.pages, pass_.away
        self._last = pass_.listing(identity, self._last)
        return self._last


class _Pass:
    """One pass of the walk."""

    def __init__(self, known: Mapping[str, Page]) -> None:
        self._known = known
        self.pages: dict[str, Page] = {}
        self.away: dict[str, Page] = {}
        self.at = ""
        self._folders: dict[str, FolderIdentity] = {}
        self._unreadable: dict[str, str] = {}
        self._changed = False

    def walk(self, handle: int, path: str, depth: int) -> None:
        """Lists one open folder and everything below it. Raises OSError only for this very folder."""
        known, self.at = self._known.get(path), path
        page = page_of(handle, path, known)
        if path and known is not None and _is_unmounted(known, page):
            self.away[path], self._unreadable[path] = known, "its disk looks unmounted"
            return
        self.pages[path] = page
        self._changed |= page is not known
        prefix = path + "/" if path else ""
        self._unreadable |= {prefix + name: reason for name, reason in page.unreadable}
        for name in page.subfolders:
            if depth < DEPTH_MAX:
                self._enter(handle, name, prefix + name, depth + 1)
            else:
                self._unreadable[prefix + name] = "it is nested too deeply"

    def _enter(self, parent: int, name: str, path: str, depth: int) -> None:
        self.at = path
        try:
            handle = os.open(name, handles.FOLDER_FLAGS, dir_fd=parent)
        except OSError as error:
            self._note(path, depth, error)
            return
        try:
            if depth == 1:
                self._folders[path] = handles.identity_of(handle)
            self.walk(handle, path, depth)
        except OSError as error:
            self._note(path, depth, error)
        finally:
            os.close(handle)

    def _note(self, path: str, depth: int, error: OSError) -> None:
        if error.errno not in _VANISHED:
            self._unreadable[path] = error.strerror or "it cannot be read"
        elif depth == 1:
            self._folders.pop(path, None)

    def listing(self, root: FolderIdentity, last: Listing) -> Listing:
        """What this pass saw; the last listing itself if that is the same."""
        same = not self._changed and self.pages.keys() == self._known.keys()
        if same and (root, self._folders, self._unreadable) == (last.root, last.folders, last.unreadable):
            return last
        sightings: list[Sighting] = []
        for page in self.pages.values():
            sightings.extend(page.sightings)
        problems = tuple(f"{path} cannot be read: {reason}." for path, reason in sorted(self._unreadable.items()))
        return Listing(root, tuple(sightings), self._folders, self._unreadable, problems, len(self.pages))


def _is_unmounted(known: Page, page: Page) -> bool:
    """Whether a folder that held something is an empty one of another disk now: the place where its own was mounted."""
    return bool(known.names) and not page.names and known.device != page.device


# -- access --------------------------------------------------------------------------------------------------------------


class InboxFolder:
    """The inbox as a place: what was sighted can be opened, safely; the few things that are ever written in it are here."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def open_file(self, sighting: Sighting) -> BinaryIO:
        """The very file that was sighted, open for reading.

        Raises: Trouble(FILE_CHANGED) if another file, a link or other contents stand there now; MEDIA_GONE if nothing does;
        FILE_UNREADABLE without the right to read it; INBOX_ABSENT if the inbox, or the disk of this file (then with `file` in the data), is away.
        """
        file = self.open_path(sighting.path)
        found = os.fstat(file.fileno())
        now = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
        if now != (sighting.device, sighting.inode, sighting.size_bytes, sighting.mtime_ns):
            file.close()
            raise Trouble(Cause.FILE_CHANGED, file=sighting.path)
        return file

    def open_path(self, path: str) -> BinaryIO:
        """The regular file of that path, whichever it is; every step without following links. Raises as `open_file`."""
        *folders, name = path.split("/")
        root = self._root()
        try:
            with handles.folder_at(root, folders) as folder:
                handle = _opened_file(folder, name)
        except OSError as error:
            raise reading_trouble(error, path, self.path) from error
        finally:
            os.close(root)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise Trouble(Cause.FILE_CHANGED, file=path)
        return os.fdopen(handle, "rb")

    def read_small(self, sighting: Sighting, limit: int) -> bytes:
        """The whole contents of a small file. Raises as `open_file`, and FILE_CHANGED beyond `limit` bytes."""
        with self.open_file(sighting) as file:
            data = file.read(limit + 1)
        if len(data) > limit or len(data) != sighting.size_bytes:
            raise Trouble(Cause.FILE_CHANGED, file=sighting.path)
        return data

    def obstacle(self, path: str) -> str | None:
        """Why what stands under a text's name can never be read as one, in words; None where a text may stand, or nothing does."""
        *folders, name = path.split("/")
        try:
            root = self._root()
        except Trouble:
            return None
        try:
            with handles.folder_at(root, folders) as folder:
                return _reason_no_text(os.stat(name, dir_fd=folder, follow_symlinks=False))
        except OSError:
            return None  # nothing stands there, or the next look says what is wrong with the folder
        finally:
            os.close(root)

    def write_new(self, path: str, data: bytes) -> bool:
        """Makes a file that was not there, whole or not at all; False, and nothing done, if the name is taken.

        It belongs to the folder's group and that group may write it. Raises: Trouble(NO_SPACE, OUTBOX_UNWRITABLE with the folder that
        refused, MEDIA_GONE if the folder is gone, INBOX_ABSENT).
        """
        *folders, name = path.split("/")
        root = self._root()
        try:
            with handles.folder_at(root, folders) as folder:
                return moving.write_new(folder, name, data)
        except OSError as error:
            raise _writing_trouble(error, path, self.path.joinpath(*folders)) from error
        finally:
            os.close(root)

    def remove_leftover(self, sighting: Sighting) -> bool:
        """Takes away what a killed `write_new` left (see `is_leftover`); never another name, nor a file of anybody else's.

        False where it was not, or could not be, taken away: it does no harm.
        """
        if not is_leftover(sighting.path):
            return False
        *folders, name = sighting.path.split("/")
        try:
            root = self._root()
        except Trouble:
            return False
        try:
            with handles.folder_at(root, folders) as folder:
                return moving.remove_leftover(folder, name, sighting)
        except OSError:
            return False
        finally:
            os.close(root)

    def move_loose(self, gather: Gather) -> Moved:
        """Moves loose files into their new project folder; returns the paths they have now, and what refused. Safe to repeat after a kill.

        A file that is already there, has vanished, cannot be moved, or is not the one sighted any more stays where it is. The folder appears
        under its name only when all else is in it. Raises as `write_new`.
        """
        root = self._root()
        try:
            return moving.move_loose(root, gather)
        except OSError as error:
            raise _writing_trouble(error, gather.folder, self.path) from error
        finally:
            os.close(root)

    def _root(self) -> int:
        try:
            return handles.opened_root(os.fspath(self.path))
        except OSError as error:
            raise Trouble(Cause.INBOX_ABSENT, folder=str(self.path), reason=error.strerror) from error


def _opened_file(folder: int, name: str) -> int:
    """A handle of the file. Raises OSError: ENODEV where a regular file answers as if its device were gone, as only a socket may."""
    try:
        return os.open(name, handles.FILE_FLAGS, dir_fd=folder)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), name) from error  # it was swapped
        raise OSError(errno.ENODEV, error.strerror, name) from error


def _reason_no_text(found: os.stat_result) -> str | None:
    if stat.S_ISLNK(found.st_mode):
        return "it is a link; links are not followed"
    if stat.S_ISDIR(found.st_mode):
        return "it is a folder"
    if not stat.S_ISREG(found.st_mode):
        return "it is not a regular file"
    return "it is too long for words" if found.st_size > TEXT_BYTES_MAX else None


def reading_trouble(error: OSError, path: str, inbox: Path) -> Trouble:
    """What an error means that came while the file was opened or read."""
    if error.errno == errno.ENOENT:
        return Trouble(Cause.MEDIA_GONE, file=path)
    if error.errno in _AWAY:
        return Trouble(Cause.INBOX_ABSENT, folder=str(inbox), reason=error.strerror, file=path)
    if error.errno in _VANISHED:
        return Trouble(Cause.FILE_CHANGED, file=path)
    return Trouble(Cause.FILE_UNREADABLE, file=path, reason=error.strerror or "unknown")


def _writing_trouble(error: OSError, path: str, folder: Path) -> Trouble:
    """What an error means that came while something was made in the folder."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return Trouble(Cause.NO_SPACE, folder=str(folder))
    if error.errno in _VANISHED:
        return Trouble(Cause.MEDIA_GONE, file=path)
    if error.errno in _AWAY:
        return Trouble(Cause.INBOX_ABSENT, folder=str(folder), reason=error.strerror)
    return Trouble(Cause.OUTBOX_UNWRITABLE, folder=str(folder), reason=error.strerror or "unknown")
