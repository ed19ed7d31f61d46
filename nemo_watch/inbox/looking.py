"""One look at the inbox: list, settle, examine what is due, group. The thin shell that joins the room.

It must never raise for what lies in the inbox, nor wait: it runs in a thread of its own, and a mount that hangs hangs only that.
Facts: README "How the code is laid out".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Final

from nemo_watch import config
from nemo_watch.inbox.announcing import Announcer
from nemo_watch.inbox.examining import examined
from nemo_watch.inbox.grouping import ProjectFiles, grouped, project_files
from nemo_watch.inbox.listing import InboxFolder, Listing, Walk
from nemo_watch.inbox.settling import Due, Settling, Standing
from nemo_watch.inbox.verdicts import Verdict
from nemo_watch.model import FolderIdentity, FoundProject, Gather, LeftAlone

EXAMINED_A_LOOK: Final = 5_000  # about a second; the rest is for the next look, which comes at once
DECODED_A_LOOK: Final = 4  # each a child process


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found. While `absent`, projects and files are unknown, not gone: the rest is empty and means nothing.

    `next_look_s` is in how many seconds another look is worth it if nothing wakes us before; None: only the rescan.
    `root` and `folder_count` are what the watch is tended with.
    """

    absent: bool
    projects: tuple[FoundProject, ...] = ()
    gathers: tuple[Gather, ...] = ()
    left_alone: tuple[LeftAlone, ...] = ()
    problems: tuple[str, ...] = ()
    next_look_s: float | None = None
    root: FolderIdentity | None = None
    folder_count: int = 0


class Lookout:
    """Looks at one inbox again and again, and remembers. Not for two threads at once."""

    def __init__(
        self,
        folder: Path,
        settings: config.Inbox,
        *,
        examine: Callable[[Due, InboxFolder], Verdict] = examined,
    ) -> None:
        self.folder = InboxFolder(folder)
        self._settings = settings
        self._examine = examine
        self._walk = Walk(folder)
        self._settling = Settling(settings.settle_s, settings.project_settle_s, settings.max_file_bytes)
        self._known: dict[str, tuple[Standing, ProjectFiles]] = {}
        self._announcer = Announcer()

    def look(self, now_s: float, local_time: datetime) -> Look:
        """The inbox as it is now. `now_s` is our own monotonic clock; `local_time` names new project folders.

        What is wrong with the inbox is logged when it comes and when it goes.
        """
        look = self._look(now_s, local_time)
        self._announcer.tell(look.problems)
        return look

    def _look(self, now_s: float, local_time: datetime) -> Look:
        listing = self._walk.listing()
        self._settling.observed(listing, now_s)
        if self._settling.absent:
            return self._absent(listing, now_s)
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
        )
        return Look(
            absent=False,
            projects=grouping.projects,
            gathers=grouping.gathers,
            left_alone=grouping.left_alone,
            problems=listing.problems,
            next_look_s=0.0 if more else self._settling.next_due_s(now_s),
            root=listing.root,
            folder_count=listing.folder_count,
        )

    def _absent(self, listing: Listing, now_s: float) -> Look:
        doubt = (
            f"The inbox {self.folder.path} is suddenly empty; waiting to see whether that is so (is its disk mounted?)."
        )
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
        decoded = 0
        for one in due[:EXAMINED_A_LOOK]:
            decoded += one.thorough
            if decoded <= DECODED_A_LOOK or not one.thorough:
                self._settling.judged(one, self._examine(one, self.folder), now_s)
        return len(due) > EXAMINED_A_LOOK or decoded > DECODED_A_LOOK

    def _files(self, standing: Standing) -> ProjectFiles:
        """A project's meaning; kept while its standing is the same."""
        known = self._known.get(standing.folder)
        return known[1] if known is not None and known[0] is standing else project_files(standing)
