"""Which project of the journal a folder of the inbox is: renamed, moved, come back, or new. Pure.

It must never take a copy for its original, nor another folder for one that left: what was paid for it would be lost.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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
    present: Mapping[str, FolderIdentity],
) -> KnownProject | None:
    """The journal's project that a folder of the inbox is, None for a new one.

    `media` are the folder's media by content, None while they are not known; `present` are all folders that are in the inbox now.
    A renamed folder stays the same project, whatever stands under its old name: same device, inode and birth time; or the same inode
    and shared media, because inodes are reused at once. A folder that came back under its name is the same when it shares media,
    unless the one that was known there is in the inbox under another name: then it is a copy.
    """
    for candidate in known:
        if candidate.folder == folder and candidate.identity == found:
            return candidate
    for candidate in known:
        if found.birth_ns is not None and candidate.identity == found:
            return candidate
    shared = [c for c in known if media and (c.media & frozenset(media))]
    for candidate in shared:
        if candidate.folder not in present and candidate.identity.inode == found.inode:
            return candidate
    elsewhere = {identity for name, identity in present.items() if name != folder and identity.birth_ns is not None}
    for candidate in known:
        if candidate.folder != folder or candidate.identity in elsewhere:
            continue
        if media is None or candidate in shared or not candidate.media:
            return candidate
    return None
