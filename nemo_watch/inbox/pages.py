"""One open folder → its page: names, facts and sightings, as cheaply as Python can ask for them.

It must never follow a link, and never skip asking the system about an entry: that a folder's own time is unchanged says nothing about its files.
Facts (measured): `listdir` and `stat` by folder handle, with nothing kept, are 0.8 of a bare `scandir` + `stat` walk, so that is the floor;
a frozen dataclass's own constructor would be a third of a first scan, the garbage collector another fifth.
"""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from operator import attrgetter
from typing import Any, Final

from nemo_watch.inbox.media import reason_to_pass_by
from nemo_watch.model import EntryKind, Sighting

_Facts = tuple[int, int, int, int]  # a change of the mode changes the ctime; the device is the folder's, asked for once

_lstat = os.lstat
_facts_of: Final = attrgetter("st_ctime_ns", "st_mtime_ns", "st_size", "st_ino")
_KINDS: Final = {stat.S_IFREG: EntryKind.FILE, stat.S_IFDIR: EntryKind.FOLDER, stat.S_IFLNK: EntryKind.LINK}

# Whole columns through the slots' own setters: the sightings of a folder are filled without one line of Python for each.
_FIELDS: Final = ("path", "kind", "ctime_ns", "mtime_ns", "size_bytes", "inode", "device")
_SETTERS: Final[tuple[Callable[[Sighting, Any], None], ...]] = tuple(
    getattr(Sighting, name).__set__ for name in _FIELDS
)


@dataclass(frozen=True, slots=True)
class Page:
    """One folder as it was: names and facts as the system gave them, and what was made of them.

    `handed` are the same names as the system wants them, so that they need not be encoded again.
    """

    device: int
    names: Sequence[str]
    handed: Sequence[bytes]
    facts: Sequence[_Facts]
    sightings: Sequence[Sighting]
    subfolders: tuple[str, ...]


def page_of(handle: int, path: str, known: Page | None) -> Page:
    """The page of the open folder `path` (relative to the inbox); `known` itself if nothing in it has changed. Raises OSError."""
    names = os.listdir(handle)
    device = os.fstat(handle).st_dev
    if known is not None and known.device != device:
        known = None  # another disk stands there: whatever it shows, these are not the files that were seen
    if known is not None and known.names == names and _current(handle, known.handed) == known.facts:
        return known
    return _made(handle, device, path, names, known)


def _current(handle: int, names: Sequence[bytes]) -> list[_Facts] | None:
    """The facts of these entries; None if one has vanished. Nine tenths of a second listing's time are spent in this line."""
    try:
        return [_facts_of(_lstat(name, dir_fd=handle)) for name in names]
    except FileNotFoundError:
        return None


def _made(handle: int, device: int, path: str, names: Sequence[str], known: Page | None) -> Page:
    """The page made anew; sightings of entries that did not change are taken over, names that vanish meanwhile are left out."""
    names, entries = _entries(handle, names)
    kinds = [_KINDS.get(stat.S_IFMT(entry.st_mode), EntryKind.OTHER) for entry in entries]
    facts = [_facts_of(entry) for entry in entries]
    subfolders = tuple(
        name
        for name, kind in zip(names, kinds, strict=True)
        if kind is EntryKind.FOLDER and reason_to_pass_by(name) is None
    )
    sightings = _sightings(path + "/" if path else "", device, names, kinds, facts, frozenset(subfolders))
    if known is not None:
        sightings = _taken_over(sightings, known)
    return Page(device, names, [os.fsencode(name) for name in names], facts, sightings, subfolders)


def _entries(handle: int, names: Sequence[str]) -> tuple[Sequence[str], list[os.stat_result]]:
    """Each name with what the system knows of it; without those that have vanished since they were listed."""
    try:
        return names, [_lstat(name, dir_fd=handle) for name in names]
    except FileNotFoundError:
        there: dict[str, os.stat_result] = {}
        for name in names:
            try:
                there[name] = _lstat(name, dir_fd=handle)
            except FileNotFoundError:
                continue
        return list(there), list(there.values())


def _sightings(
    prefix: str,
    device: int,
    names: Sequence[str],
    kinds: Sequence[EntryKind],
    facts: Sequence[_Facts],
    entered: frozenset[str],
) -> list[Sighting]:
    """The sightings of all entries but the folders that are `entered`."""
    rows = zip(names, kinds, facts, strict=True)
    kept = [row for row in rows if row[0] not in entered] if entered else list(rows)
    if not kept:
        return []
    names, kinds, facts = zip(*kept, strict=True)
    made = list(map(object.__new__, repeat(Sighting, len(kept))))
    columns: tuple[Iterable[object], ...] = (
        [prefix + name for name in names],
        kinds,
        *zip(*facts, strict=True),
        repeat(device),
    )
    for setter, column in zip(_SETTERS, columns, strict=True):
        deque(map(setter, made, column), maxlen=0)
    return made


def _taken_over(sightings: Sequence[Sighting], known: Page) -> list[Sighting]:
    old = {sighting.path: sighting for sighting in known.sightings}
    kept = ((made, old.get(made.path)) for made in sightings)
    return [made if before is None or before != made else before for made, before in kept]
