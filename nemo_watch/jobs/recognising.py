"""Which project of the journal a folder of the inbox is: renamed, moved, come back, or new. Pure.

It must never take a copy for its original, nor another folder for one that left: what was paid for it would be lost.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from nemo_watch.model import FolderIdentity


@dataclass(frozen=True, slots=True)
class KnownProject:
    """A project of the journal: its folder's name and identity when last seen, and its media by content."""

    id: int
    folder: str
    identity: FolderIdentity
    media: frozenset[str]


def same_project(
    folder: str,
    found: FolderIdentity,
    media: Collection[str] | None,
    known: Sequence[KnownProject],
    present: Collection[str],
) -> KnownProject | None:
    """The journal's project that a folder of the inbox is, None for a new one.

    `media` are the folder's media by content, None while they are not known; `present` are the names of all folders that are
    in the inbox now. A renamed folder stays the same project: same device, inode and birth time; or the same inode and shared
    media, because inodes are reused at once. A folder that came back under its name is the same when it shares media.
    """
    for candidate in known:
        if candidate.folder == folder and candidate.identity == found:
            return candidate
    absent = [candidate for candidate in known if candidate.folder not in present]
    for candidate in absent:
        if found.birth_ns is not None and candidate.identity == found:
            return candidate
    shared = [c for c in known if media and (c.media & frozenset(media))]
    for candidate in shared:
        if candidate in absent and candidate.identity.inode == found.inode:
            return candidate
    same_name = [candidate for candidate in known if candidate.folder == folder]
    for candidate in same_name:
        if media is None or candidate in shared or not candidate.media:
            return candidate
    return None
