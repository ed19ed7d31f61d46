"""Listings over time → files at rest, and for how long each project has been quiet. A fold: it keeps no clock and no disk.

It must never take an absence for a deletion: a slow NAS answers with an empty listing (watchdog #802), an unmounted inbox looks like an
emptied one (syncthing #762), a folder that cannot be read still holds what it held.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from nemo_watch.inbox.media import Role, is_leftover
from nemo_watch.inbox.standings import Doubt, Due, Standing, Unsettled
from nemo_watch.inbox.tracking import STALE_S, Pace, Track, tracked
from nemo_watch.inbox.verdicts import Verdict, Wholeness
from nemo_watch.model import FolderIdentity, Sighting

if TYPE_CHECKING:
    from nemo_watch.inbox.listing import Listing

EMPTY_LOOKS: Final = 3  # an inbox that was full and is empty must be empty in so many looks running
LOOSE: Final = ""  # the key of what lies in the inbox itself


@dataclass(slots=True, eq=False)
class _Shelf:
    """The files of one project folder."""

    tracks: dict[str, Track] = field(default_factory=dict)
    pending: dict[str, Track] = field(default_factory=dict)  # those about which something is still to be found out
    changed_s: float = 0.0
    unreadable: tuple[tuple[str, str], ...] = ()
    leftover: Track | None = None  # what a kill left of our own writing
    standing: Standing | None = None


class Settling:
    """The memory of what was seen, and since when. Feed it listings and verdicts; ask it where files stand.

    Durations and times are seconds of one monotonic clock. `absent` tells whether the inbox of the last listing is away, or so suddenly
    empty that it is doubted (`doubt`); `folders` are the project folders as last known. `root_known` is what `root` was in an earlier process.
    """

    def __init__(self, pace: Pace, project_settle_s: float, root_known: FolderIdentity | None = None) -> None:
        self._pace = pace
        self._project_settle_s = project_settle_s
        self._shelves: dict[str, _Shelf] = {}
        self._last: Listing | None = None
        self._root: FolderIdentity | None = None
        self._empty_looks = 0
        self.root = root_known
        self.absent = True
        self.doubt: Doubt | None = None
        self.folders: dict[str, FolderIdentity] = {}

    # -- what was seen ---------------------------------------------------------------------------------------------------

    def observed(self, listing: Listing, now_s: float) -> None:
        """Takes in one listing. An absent inbox, or one that is suddenly empty, changes nothing: that is a pause."""
        self.doubt = self._doubt(listing)
        self.absent = listing.root is None or self.doubt is not None
        if self.absent:
            return
        self._root, self._empty_looks = listing.root, 0
        if not _is_empty(listing):
            self.root = listing.root
        if listing is not self._last:
            self._compare(listing, now_s)
            self._last = listing
        for shelf in self._shelves.values():
            for track in shelf.pending.values():
                track.seen_s = now_s

    def _doubt(self, listing: Listing) -> Doubt | None:
        """Why an empty listing is no emptied inbox: never if it is on another disk, or another folder than before (unmounted), else till seen thrice."""
        if listing.root is None or not _is_empty(listing):
            return None
        if self.root is not None and _is_elsewhere(listing.root, self.root):
            return Doubt.ELSEWHERE
        if not any(shelf.tracks for shelf in self._shelves.values()):
            return None
        if listing.root != self._root:
            return Doubt.SUDDEN
        self._empty_looks += 1
        return Doubt.SUDDEN if self._empty_looks < EMPTY_LOOKS else None

    def _compare(self, listing: Listing, now_s: float) -> None:
        by_folder: dict[str, list[Sighting]] = {LOOSE: [], **{folder: [] for folder in listing.folders}}
        for sighting in listing.sightings:
            folder, slash, _ = sighting.path.partition("/")
            by_folder[folder if slash else LOOSE].append(sighting)
        unreadable: dict[str, tuple[tuple[str, str], ...]] = {}
        for path, reason in sorted(listing.unreadable.items()):
            folder = path.partition("/")[0]
            unreadable[folder] = (*unreadable.get(folder, ()), (path, reason))
        for folder in self._shelves.keys() - by_folder.keys() - unreadable.keys():
            del self._shelves[folder]
        for folder in by_folder.keys() | unreadable.keys():
            shelf = self._shelves.setdefault(folder, _Shelf(changed_s=now_s))
            self._compare_shelf(shelf, by_folder.get(folder, []), unreadable.get(folder, ()), now_s)
        kept = {folder: self.folders[folder] for folder in unreadable if folder in self.folders}
        self.folders = {**listing.folders, **kept}

    def _compare_shelf(
        self, shelf: _Shelf, sightings: list[Sighting], unreadable: tuple[tuple[str, str], ...], now_s: float
    ) -> None:
        before, after = shelf.tracks, {}
        for sighting in sightings:
            track = before.get(sighting.path)
            if track is None or (track.sighting is not sighting and track.sighting != sighting):
                track = tracked(sighting, track, now_s, self._pace)
                shelf.pending[sighting.path] = track
                if is_leftover(sighting.path):
                    shelf.leftover = track
                _touch(shelf, track, now_s)
            after[sighting.path] = track
        for path in before.keys() - after.keys():
            if any(path == hidden or path.startswith(hidden + "/") for hidden, _ in unreadable):
                after[path] = before[path]  # unknown, not gone
            else:
                shelf.pending.pop(path, None)
                _touch(shelf, before[path], now_s)
        if shelf.unreadable != unreadable:
            shelf.unreadable, shelf.changed_s, shelf.standing = unreadable, now_s, None
        shelf.tracks = after

    # -- wholeness -------------------------------------------------------------------------------------------------------

    def due(self, now_s: float) -> Iterator[Due]:
        """The sightings whose wholeness is worth asking for now."""
        for shelf in self._shelves.values():
            for track in shelf.pending.values():
                if track.due_s() <= now_s:
                    thorough = track.is_found(Wholeness.CUT, Wholeness.SPARSE)
                    yield Due(track.sighting, thorough, now_s - track.since_s, track.read_through)

    def judged(self, due: Due, verdict: Verdict, now_s: float) -> None:
        """Takes in a verdict; one on a file that has changed since is forgotten."""
        shelf = self._shelf(due.sighting.path)
        track = shelf.tracks.get(due.sighting.path) if shelf else None
        if track is not None and track.sighting is due.sighting:
            track.judged(verdict, now_s, thorough=due.thorough)

    def unread(self, path: str, verdict: Verdict, now_s: float) -> None:
        """Takes in that a file's contents could not be read, whatever was found of its ends: it is not at rest until they can be."""
        shelf = self._shelf(path)
        track = shelf.tracks.get(path) if shelf else None
        if shelf is not None and track is not None and track.counts:
            track.judged(verdict, now_s, thorough=False)
            track.read_through = True
            shelf.pending[path], shelf.standing = track, None

    def _shelf(self, path: str) -> _Shelf | None:
        folder, slash, _ = path.partition("/")
        return self._shelves.get(folder if slash else LOOSE)

    def leftovers(self, now_s: float) -> list[Sighting]:
        """Files of our own writing that a kill left behind: unchanged for so long that nothing can be writing them."""
        found = ((shelf.tracks, shelf.leftover) for shelf in self._shelves.values() if shelf.leftover is not None)
        return [
            track.sighting
            for tracks, track in found
            if tracks.get(track.sighting.path) is track and now_s - track.since_s >= STALE_S
        ]

    # -- where files stand -----------------------------------------------------------------------------------------------

    def standings(self, now_s: float) -> tuple[Standing, ...]:
        """Where the files stand, one value for each project folder and one for the loose files."""
        return tuple(_standing(folder, shelf, now_s) for folder, shelf in self._shelves.items())

    def quiet_s(self, folder: str, now_s: float) -> float:
        """For how long nothing that counts has changed in the folder."""
        return now_s - self._shelves[folder].changed_s

    def next_due_s(self, now_s: float) -> float | None:
        """In how many seconds the next look is worth it if nothing wakes us before; None if time alone changes nothing."""
        waits = [point - now_s for point in self._turning_points_s(now_s) if point > now_s]
        if self._empty_looks:
            waits.append(max(self._pace.settle_s, 1.0))
        return min((wait for wait in waits if wait != float("inf")), default=None)

    def _turning_points_s(self, now_s: float) -> Iterator[float]:
        for shelf in self._shelves.values():
            yield shelf.changed_s + self._project_settle_s
            for track in shelf.pending.values():
                if not track.is_decided(now_s):
                    yield from track.turning_points_s()


def _is_empty(listing: Listing) -> bool:
    return not (listing.sightings or listing.folders or listing.unreadable)


def _is_elsewhere(now: FolderIdentity, known: FolderIdentity) -> bool:
    """Whether it is another folder on another disk. The same folder may come back under another device number, after a restart of the machine."""
    same = known.birth_ns is not None and (now.inode, now.birth_ns) == (known.inode, known.birth_ns)
    return now.device != known.device and not same


def _touch(shelf: _Shelf, track: Track, now_s: float) -> None:
    """Notes that a file came, changed or went; one that takes part in nothing does not make its project wait."""
    shelf.standing = None
    if track.counts:
        shelf.changed_s = now_s


def _standing(folder: str, shelf: _Shelf, now_s: float) -> Standing:
    decided = [path for path, track in shelf.pending.items() if track.is_decided(now_s)]
    for path in decided:
        del shelf.pending[path]
    standing = shelf.standing
    if standing is None or decided or shelf.pending:
        made = _made_standing(folder, shelf, now_s)
        standing = shelf.standing = standing if made == standing and standing is not None else made
    return standing


def _made_standing(folder: str, shelf: _Shelf, now_s: float) -> Standing:
    at_rest, unsettled, alone = [], [], []
    unreadable = dict(shelf.unreadable)
    for path, track in shelf.tracks.items():
        if path in unreadable:
            continue  # it is named there
        reason = track.unsettled_reason(now_s) if path in shelf.pending else None
        if reason is not None:
            unread = track.is_unread and track.role is not Role.ARRIVING  # what has no name yet need not be readable
            unsettled.append(Unsettled(track.sighting, reason, not track.is_stuck(now_s), unread))
        elif (alone_because := track.alone_reason()) is not None:
            alone.append((track.sighting, alone_because))
        else:
            at_rest.append(track.sighting)
    return Standing(folder, tuple(at_rest), tuple(unsettled), tuple(alone), shelf.unreadable)
