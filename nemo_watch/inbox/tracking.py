"""One file over time: since when it is unchanged, what was found out about it, and what that makes of it.

It must never judge by the file's own times: the clock is ours, a change is inequality with what was seen. Facts: fixed hold times are too
short for big copies and too long for small (chokidar #675); a file whose copy paused must not be dropped for ever (paperless-ng #1159).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from nemo_watch.inbox.media import EMPTY, Role, reason_left_alone, role_of
from nemo_watch.inbox.verdicts import Verdict, Wholeness
from nemo_watch.model import EntryKind, Sighting

PATIENCE_S: Final = (
    60.0  # unchanged for so long, a file that decodes counts as whole; until then nobody is told to worry
)
SPARSE_PATIENCE_S: Final = (
    300.0  # a file with holes that nobody has open for writing, unchanged for so long, is a sparse copy
)
SPARSE_BLIND_S: Final = (
    1_800.0  # the same where nobody can tell who has it open (a network mount, another owner's file)
)
STALE_S: Final = 120.0  # a temporary file that has not changed for so long was forgotten and holds nothing up
PAUSE_MAX_S: Final = 120.0  # a file that stood still for longer and then grows was written anew, not resumed
_AGAIN_S: Final = (1.0, 30.0)  # the shortest and longest wait before a writer is looked for again
_NEVER: Final = float("inf")

ARRIVING: Final = "is still arriving"
_FINAL: Final = frozenset({Wholeness.WHOLE, Wholeness.NOT_MEDIA})
_UNREAD: Final = frozenset({Wholeness.UNREADABLE, Wholeness.REFUSED})
_PASSING: Final = _UNREAD | {Wholeness.WRITING, Wholeness.CHANGED}  # may end without a change of the file
_INCOMPLETE: Final = _UNREAD | {Wholeness.CUT, Wholeness.HOLLOW, Wholeness.WRITING, Wholeness.CHANGED}


@dataclass(frozen=True, slots=True)
class Pace:
    """The settings that a file goes by: the most bytes that a medium may have, and seconds.

    `rescan_s` is the longest that a file which cannot be read goes untried.
    """

    settle_s: float
    max_file_bytes: int
    rescan_s: float = 30.0


@dataclass(slots=True, eq=False)
class Track:
    """What is known of one file. Times are our own monotonic seconds.

    `reason` is why it is left alone by its name, kind or size. `pause_s` is the longest that it stood still before it grew on.
    `failed_s` is since when it cannot be read.
    """

    sighting: Sighting
    role: Role
    reason: str | None
    since_s: float
    seen_s: float
    pace: Pace
    pause_s: float = 0.0
    verdict: Verdict | None = None
    verdict_s: float = 0.0
    thorough: bool = False  # the verdict came from a decoder
    failed_s: float | None = None
    read_through: bool = False  # its contents could not be read once: now all of them are to be tried

    @property
    def counts(self) -> bool:
        """Whether a change of this file is a change of its project, and its wholeness matters: it takes part, may yet, or is arriving."""
        is_file = self.sighting.kind is EntryKind.FILE
        return self.reason is None or self.reason == EMPTY or (self.role is Role.ARRIVING and is_file)

    @property
    def hold_s(self) -> float:
        """How long it must be unchanged: longer than its writer was seen to pause, twice over."""
        return max(self.pace.settle_s, 2 * self.pause_s)

    @property
    def patience_s(self) -> float:
        """How long it must be unchanged before its missing end is taken as it is."""
        return max(PATIENCE_S, self.hold_s)

    def is_found(self, *kinds: Wholeness) -> bool:
        """Whether the verdict is one of these."""
        return self.verdict is not None and self.verdict.wholeness in kinds

    def due_s(self) -> float:
        """When its wholeness is to be asked for (again)."""
        if not self.counts:
            return _NEVER
        if self.verdict is None:
            return self.since_s + self.hold_s
        if self.is_found(Wholeness.CUT) and not self.thorough:
            return self.since_s + self.patience_s
        if self.is_found(Wholeness.SPARSE):
            was_patient = self.verdict_s - self.since_s >= SPARSE_PATIENCE_S
            return self.since_s + (SPARSE_BLIND_S if was_patient else SPARSE_PATIENCE_S)
        if self.is_found(*_PASSING):
            return self.verdict_s + self._again_s()
        return _NEVER

    def _again_s(self) -> float:
        """The longer nothing has changed, or it has failed, the less often it is asked again; a missing right at every rescan."""
        shortest, longest = _AGAIN_S
        if self.is_unread and self.failed_s is not None:
            longest = self.pace.rescan_s
            wait_s = longest if self.is_found(Wholeness.REFUSED) else (self.verdict_s - self.failed_s) / 4
            return min(max(shortest, wait_s), max(shortest, longest))
        settle_s = self.pace.settle_s
        return min(max(shortest, settle_s, (self.verdict_s - self.since_s) / 4), max(longest, settle_s))

    def judged(self, verdict: Verdict, now_s: float, *, thorough: bool) -> None:
        """Takes in a verdict."""
        self.verdict, self.verdict_s, self.thorough = verdict, now_s, thorough
        if not self.is_unread:
            self.failed_s, self.read_through = None, False
        elif self.failed_s is None:
            self.failed_s = now_s

    @property
    def is_unread(self) -> bool:
        """Whether it could not be read when it was last tried."""
        return self.is_found(*_UNREAD)

    def is_decided(self, now_s: float) -> bool:
        """Whether nothing more is to be found out about this very sighting."""
        if not self.counts:
            return True
        if self.is_found(*_FINAL):
            return self.role is not Role.ARRIVING or self._is_stale(now_s)
        return self.is_found(Wholeness.ENDLESS) and self._is_patient(now_s)

    def unsettled_reason(self, now_s: float) -> str | None:
        """Why this undecided file is not at rest; None if it is left alone all the same."""
        if self.verdict is None:
            return ARRIVING
        if self.role is Role.ARRIVING:
            return ARRIVING if not self._is_stale(now_s) or self.is_found(Wholeness.WRITING) else None
        if self.is_found(Wholeness.CUT, Wholeness.ENDLESS) and not self._is_patient(now_s):
            return ARRIVING
        return self.verdict.reason or ARRIVING

    def alone_reason(self) -> str | None:
        """Why this file takes part in nothing; None if it does take part."""
        if self.reason is not None:
            return self.reason
        if self.verdict is not None and self.is_found(Wholeness.NOT_MEDIA):
            return self.verdict.reason
        return None

    def is_stuck(self, now_s: float) -> bool:
        """Whether it has stood still, incomplete, for so long that loose neighbours should not wait for it."""
        if self.is_found(Wholeness.SPARSE):
            return now_s - self.since_s > SPARSE_PATIENCE_S
        return self.is_found(*_INCOMPLETE) and self._is_patient(now_s)

    def turning_points_s(self) -> tuple[float, ...]:
        """The moments at which it may stand differently although it does not change."""
        if self.role is Role.ARRIVING and self.verdict is not None:
            return self.due_s(), self.since_s + STALE_S
        return self.due_s(), self.since_s + self.patience_s

    def _is_patient(self, now_s: float) -> bool:
        return now_s - self.since_s >= self.patience_s

    def _is_stale(self, now_s: float) -> bool:
        return now_s - self.since_s >= STALE_S


def tracked(sighting: Sighting, before: Track | None, now_s: float, pace: Pace) -> Track:
    """The track of a sighting that is new, or differs from the one `before`."""
    role = role_of(sighting.path) if sighting.kind is EntryKind.FILE else Role.ALONE
    reason = reason_left_alone(sighting, pace.max_file_bytes)
    track = Track(sighting, role, reason, now_s, now_s, pace)
    if before is not None and role is Role.MEDIA and before.sighting.inode == sighting.inode:
        pause_s = before.seen_s - before.since_s
        if before.sighting.size_bytes == sighting.size_bytes or pause_s > PAUSE_MAX_S:
            pause_s = 0.0
        track.pause_s = max(before.pause_s, pause_s)
    return track
