"""One open folder → its page: names, facts and sightings, as cheaply as Python can ask for them.

It must never follow a link, and never skip asking the system about an entry: that a folder's own time is unchanged says nothing about its files.
Facts (measured): `listdir` and `stat` by folder handle, with nothing kept, are 0.8 of a bare `scandir` + `stat` walk, so that is the floor;
a frozen dataclass's own constructor would be a third of a first scan, the garbage collector another fifth.
"""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from operator import attrgetter
from typing import Any, Final

from nemo_watch.inbox.media import reason_to_pass_by
from nemo_watch.model import EntryKind, Sighting

_Facts = tuple[int, int, int, int]  # a change of the mode changes the ctime; the device is the folder's, asked for once

_lstat = os.lstat
_facts_of: Final = attrgetter("st_ctime_ns", "st_mtime_ns", "st_size", "st_ino")
_all_of: Final = attrgetter("st_mode", "st_dev", "st_ctime_ns", "st_mtime_ns", "st_size", "st_ino")
_KINDS: Final = {stat.S_IFREG: EntryKind.FILE, stat.S_IFDIR: EntryKind.FOLDER, stat.S_IFLNK: EntryKind.LINK}

# Whole columns through the slots' own setters: the sightings of a folder are filled without one line of Python for each.
_FIELDS: Final = ("path", "kind", "device", "ctime_ns", "mtime_ns", "size_bytes", "inode")
_SETTERS: Final[tuple[Callable[[Sighting, Any], None], ...]] = tuple(
    getattr(Sighting, name).__set__ for name in _FIELDS
)


@dataclass(frozen=True, slots=True)
class Page:
    """One folder as it was: names and facts as the system gave them, and what was made of them."""

    device: int
    names: Sequence[str]
    facts: Sequence[_Facts]
    sightings: Sequence[Sighting]
    subfolders: tuple[str, ...]
    unreadable: tuple[
        tuple[str, str], ...
    ] = ()  # entries that the system tells nothing of (a dead mount, a bad spot), and why


def page_of(handle: int, path: str, known: Page | None) -> Page:
    """The page of the open folder `path` (relative to the inbox); `known` itself if nothing in it has changed. Raises OSError."""
    names = os.listdir(handle)
    device = os.fstat(handle).st_dev
    if known is not None and known.device != device:
        known = None  # another disk stands there: whatever it shows, these are not the files that were seen
    if known is not None and known.names == names and _current(handle, names) == known.facts:
        return known
    return _made(handle, device, path, names, known)


def _current(handle: int, names: Sequence[str]) -> list[_Facts] | None:
    """The facts of these entries; None if one has vanished or does not answer. Nine tenths of a second listing's time are spent in this line."""
    try:
        return [_facts_of(_lstat(name, dir_fd=handle)) for name in names]
    except OSError:
        return None


def _made(handle: int, device: int, path: str, names: Sequence[str], known: Page | None) -> Page:
    """The page made anew; sightings of entries that did not change are taken over, names that vanish meanwhile are left out."""
    names, entries, unreadable = _entries(handle, names)
    if not names:
        return Page(device, names, [], (), (), unreadable)
    modes, devices, *facts = zip(*entries, strict=True)
    kind_of_mode = {mode: _KINDS.get(stat.S_IFMT(mode), EntryKind.OTHER) for mode in set(modes)}
    kinds = [kind_of_mode[mode] for mode in modes]
    subfolders: dict[str, None] = {}
    if EntryKind.FOLDER in kind_of_mode.values():
        folders = (name for name, kind in zip(names, kinds, strict=True) if kind is EntryKind.FOLDER)
        subfolders = {name: None for name in folders if reason_to_pass_by(name) is None}
    sightings = _sightings(path + "/" if path else "", names, (kinds, devices, *facts), subfolders)
    if known is not None:
        sightings = _taken_over(sightings, known)
    return Page(device, names, list(zip(*facts, strict=True)), sightings, tuple(subfolders), unreadable)


def _entries(
    handle: int, names: Sequence[str]
) -> tuple[Sequence[str], list[tuple[int, ...]], tuple[tuple[str, str], ...]]:
    """Each name with all that is asked of it; without those that have vanished since they were listed, and those that do not answer apart."""
    try:
        return names, [_all_of(_lstat(name, dir_fd=handle)) for name in names], ()
    except OSError:
        there: dict[str, tuple[int, ...]] = {}
        unreadable = []
        for name in names:
            try:
                there[name] = _all_of(_lstat(name, dir_fd=handle))
            except FileNotFoundError:
                continue
            except PermissionError:
                raise  # the right that is missing is one to this folder, not to the entry
            except OSError as error:  # the disk or server behind this one entry: it holds up no other
                unreadable.append((name, error.strerror or "it cannot be read"))
        return list(there), list(there.values()), tuple(unreadable)


def _sightings(
    prefix: str, names: Sequence[str], columns: Iterable[Sequence[object]], subfolders: Mapping[str, None]
) -> list[Sighting]:
    """The sightings of all entries but the subfolders that are entered; `columns` are in the order of the fields behind the path."""
    made = list(map(object.__new__, repeat(Sighting, len(names))))
    paths = [prefix + name for name in names]
    for setter, column in zip(_SETTERS, (paths, *columns), strict=True):
        deque(map(setter, made, column), maxlen=0)
    if not subfolders:
        return made
    return [sighting for sighting, name in zip(made, names, strict=True) if name not in subfolders]


def _taken_over(sightings: Sequence[Sighting], known: Page) -> list[Sighting]:
    old = {sighting.path: sighting for sighting in known.sightings}
    kept = ((made, old.get(made.path)) for made in sightings)
    return [made if before is None or before != made else before for made, before in kept]
