"""One look at the inbox: list, settle, examine what is due, group. The thin shell that joins the room.

It must never raise for what lies in the inbox, nor wait: it runs in a thread of its own, and a mount that hangs hangs only that.
Facts: README "How the code is laid out".
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Final

from nemo_watch import config
from nemo_watch.errors import Trouble
from nemo_watch.inbox.announcing import Announcer
from nemo_watch.inbox.examining import examined, verdict_of_trouble
from nemo_watch.inbox.grouping import ProjectFiles, grouped, project_files
from nemo_watch.inbox.listing import InboxFolder, Listing, Walk
from nemo_watch.inbox.media import natural_key
from nemo_watch.inbox.settling import LOOSE, Settling
from nemo_watch.inbox.slowly import SlowExamination
from nemo_watch.inbox.standings import Doubt, Due, Standing
from nemo_watch.inbox.tracking import Pace
from nemo_watch.inbox.verdicts import Verdict, Wholeness
from nemo_watch.model import FolderIdentity, FoundProject, Gather, LeftAlone, Sighting

EXAMINED_A_LOOK: Final = 5_000  # about a second; the rest is for the next look, which comes at once
EXAMINING_S: Final = 5.0  # nor longer than that: a slow server's files are for several looks
ASKED_AGAIN_S: Final = 1.0
PATIENCE_S: Final = 2.0  # for decoders; what takes longer goes on beside the looks

_DOUBTS: Final = {
    Doubt.SUDDEN: "is suddenly empty; waiting to see whether that is so (is its disk mounted?).",
    Doubt.ELSEWHERE: "is empty and lies on another disk than before; is its disk mounted? If this is the right one, put a file into it.",
}


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found. While `absent`, projects and files are unknown, not gone: the rest is empty and means nothing.

    `next_look_s` is in how many seconds another look is worth it if nothing wakes us before; None: only the rescan.
    `root` and `folder_count` are what the watch is tended with. `hangs`: it is absent because a look at it has not come back.
    """

    absent: bool
    projects: tuple[FoundProject, ...] = ()
    gathers: tuple[Gather, ...] = ()
    left_alone: tuple[LeftAlone, ...] = ()
    problems: tuple[str, ...] = ()
    next_look_s: float | None = None
    root: FolderIdentity | None = None
    folder_count: int = 0
    hangs: bool = False


class Lookout:
    """Looks at one inbox again and again, and remembers. Not for two threads at once, but for `unread`.

    `root_known` is what `root` was in an earlier process: an empty inbox on another disk than that counts as absent, with a problem that says
    so, until it holds something again.
    """

    def __init__(
        self,
        folder: Path,
        settings: config.Inbox,
        *,
        examine: Callable[[Due, InboxFolder], Verdict] = examined,
        root_known: FolderIdentity | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.folder = InboxFolder(folder)
        self._settings = settings
        self._examine = examine
        self._patience_s = patience_s
        self._slowly = SlowExamination(lambda due: self._examine(due, self.folder))
        self._walk = Walk(folder)
        pace = Pace(settings.settle_s, settings.max_file_bytes, settings.rescan_s)
        self._settling = Settling(pace, settings.project_settle_s, root_known)
        self._unread: deque[Trouble] = deque()
        self._examining: str | None = None  # the file that is being read
        self._unmoved: deque[tuple[Sighting, str]] = deque()
        self._refused: dict[
            Sighting, tuple[str, float]
        ] = {}  # loose files: why they cannot be moved, and when that was tried
        self._known: dict[str, tuple[Standing, ProjectFiles]] = {}
        self._announcer = Announcer()

    def look(self, now_s: float, local_time: datetime) -> Look:
        """The inbox as it is now. `now_s` is our own monotonic clock; `local_time` names new project folders.

        What is wrong with the inbox is logged when it comes and when it goes.
        """
        look = self._look(now_s, local_time)
        self._announcer.tell(look.problems)
        return look

    @property
    def at(self) -> str | None:
        """Where in the inbox a look stands just now: a folder or a file; `""` the inbox itself, None outside of a look. From any thread."""
        return self._walk.at if self._examining is None else self._examining

    @property
    def root(self) -> FolderIdentity | None:
        """The inbox's own folder as it last was when it held anything: what to hand to the next process. None while it never did."""
        return self._settling.root

    def unread(self, trouble: Trouble) -> None:
        """A file at rest could not be read (`media_of` raised): from the next look on it is not at rest until it can be. From any thread.

        A trouble that names no file, or is another, changes nothing.
        """
        self._unread.append(trouble)

    def unmoved(self, sighting: Sighting, reason: str) -> bool:
        """A loose file could not be moved into its project: it stays, with the reason, and is tried again after a rescan. From any thread.

        True if that is news of this very file.
        """
        self._unmoved.append((sighting, reason))
        return sighting not in self._refused

    def _take_in(self, now_s: float) -> None:
        """What was said from outside since the last look."""
        while self._unread:
            trouble = self._unread.popleft()
            verdict = verdict_of_trouble(trouble)
            if verdict.wholeness is not Wholeness.CHANGED:
                self._settling.unread(str(trouble.data["file"]), verdict, now_s)
        while self._unmoved:
            sighting, reason = self._unmoved.popleft()
            self._refused[sighting] = (reason, now_s)

    def _look(self, now_s: float, local_time: datetime) -> Look:
        self._take_in(now_s)
        listing = self._walk.listing()
        self._settling.observed(listing, now_s)
        if self._settling.absent:
            return self._absent(listing, now_s)
        for leftover in self._settling.leftovers(now_s):
            self.folder.remove_leftover(leftover)
        more = self._examine_due(now_s)
        standings = self._settling.standings(now_s)
        self._known = {standing.folder: (standing, self._files(standing)) for standing in standings if standing.folder}
        grouping = grouped(
            standings,
            self._settling.folders,
            {standing.folder: self._settling.quiet_s(standing.folder, now_s) for standing in standings},
            project_settle_s=self._settings.project_settle_s,
            local_time=local_time,
            gather=self._settings.loose_files == "gather",
            known={folder: files for folder, (_, files) in self._known.items()},
            refused=self._still_refused(standings, now_s),
        )
        return Look(
            absent=False,
            projects=grouping.projects,
            gathers=grouping.gathers,
            left_alone=grouping.left_alone,
            problems=(*listing.problems, *_unread_files(standings)),
            next_look_s=0.0 if more else self._next_look_s(now_s),
            root=listing.root,
            folder_count=listing.folder_count,
        )

    def _still_refused(self, standings: Iterable[Standing], now_s: float) -> dict[Sighting, str]:
        """The loose files that cannot be moved, with the reason; not those whose time has come to be tried again."""
        loose = {sighting for standing in standings if standing.folder == LOOSE for sighting in standing.at_rest}
        self._refused = {sighting: tried for sighting, tried in self._refused.items() if sighting in loose}
        return {s: reason for s, (reason, at_s) in self._refused.items() if now_s - at_s < self._settings.rescan_s}

    def _next_look_s(self, now_s: float) -> float | None:
        """In how many seconds the next look is worth it if nothing wakes us before; None: only the rescan."""
        waits = [at_s + self._settings.rescan_s - now_s for _, at_s in self._refused.values()]
        if self._slowly.is_pending:  # the longer it takes, the less often it is asked after
            waits.append(max(ASKED_AGAIN_S, now_s - self._slowly.begun_s))
        due_s = self._settling.next_due_s(now_s)
        return min((wait for wait in (*waits, *([] if due_s is None else [due_s])) if wait > 0), default=None)

    def _absent(self, listing: Listing, now_s: float) -> Look:
        doubt = f"The inbox {self.folder.path} {_DOUBTS[self._settling.doubt or Doubt.SUDDEN]}"
        return Look(
            absent=True,
            problems=listing.problems or (doubt,),
            next_look_s=self._settling.next_due_s(now_s) if listing.root else None,
            root=listing.root,
            folder_count=listing.folder_count,
        )

    def _examine_due(self, now_s: float) -> bool:
        """Examines what is due, within one look's share; True if more is left."""
        due = list(islice(self._settling.due(now_s), EXAMINED_A_LOOK + 1))
        slow = [one for one in due if one.thorough or one.read_through]
        until = time.monotonic() + EXAMINING_S
        for one in due[:EXAMINED_A_LOOK]:
            if one.thorough or one.read_through:
                continue
            if time.monotonic() > until:
                return True
            self._examining = one.sighting.path
            verdict = self._examine(one, self.folder)
            self._examining = None
            self._settling.judged(one, verdict, now_s)
        self._examine_slowly(slow, now_s)
        return len(due) > EXAMINED_A_LOOK

    def _examine_slowly(self, slow: list[Due], now_s: float) -> None:
        """Examines beside the looks what takes long, one after another; takes in what has come to its end."""
        if not slow:
            self._slowly.forget()
        until = time.monotonic() + self._patience_s
        for one in sorted(slow, key=self._slowly.is_of, reverse=True):
            verdict = self._slowly.verdict(one, now_s, max(0.0, until - time.monotonic()))
            if verdict is None:
                return
            self._settling.judged(one, verdict, now_s)

    def _files(self, standing: Standing) -> ProjectFiles:
        """A project's meaning; kept while its standing is the same."""
        known = self._known.get(standing.folder)
        return known[1] if known is not None and known[0] is standing else project_files(standing)


def _unread_files(standings: Iterable[Standing]) -> tuple[str, ...]:
    """One sentence for all files that cannot be read, however many."""
    unread = [file for standing in standings for file in standing.unsettled if file.unread]
    if not unread:
        return ()
    first = min(unread, key=lambda file: natural_key(file.sighting.path))
    why = first.reason.removeprefix("cannot be read: ")
    if len(unread) == 1:
        return (f"1 file cannot be read: {first.sighting.path} ({why}).",)
    return (f"{len(unread)} files cannot be read: the first is {first.sighting.path} ({why}).",)
