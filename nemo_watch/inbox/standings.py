"""Where files stand, as values: what settling makes of listings and verdicts, and what it asks about.

Nothing here decides anything. Facts: README "The inbox".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from nemo_watch.model import Sighting


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A file that is not at rest, and why.

    `holds` is False once it has stood still so long that loose neighbours go on without it; `unread` says that it cannot be read.
    """

    sighting: Sighting
    reason: str
    holds: bool = True
    unread: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """Where every file of one project folder (or of the inbox itself: LOOSE) stands.

    `unreadable` are folders in it (or itself) whose contents are unknown, with the reason. The same object is given again while
    nothing in it has changed, so that what is made of it can be kept.
    """

    folder: str
    at_rest: tuple[Sighting, ...] = ()
    unsettled: tuple[Unsettled, ...] = ()
    alone: tuple[tuple[Sighting, str], ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Due:
    """A sighting whose wholeness is asked for, unchanged for `unchanged_s` seconds.

    `thorough`: decode it, for its end mark is missing, or it has holes, and it has not changed for long. `read_through`: read it all, for that
    could not be done before.
    """

    sighting: Sighting
    thorough: bool = False
    unchanged_s: float = 0.0
    read_through: bool = False


class Doubt(StrEnum):
    """Why an empty listing is not taken for an emptied inbox."""

    SUDDEN = "sudden"  # it was full a moment ago; or another folder stands in its place
    ELSEWHERE = "elsewhere"  # it lies on another disk than the inbox that was known: that one is not mounted
