"""A draft as received → its timeline, its one-line summary, whether it can be exported, and what changed.

Any JSON gives a timeline or "not ready", never a failure; the draft itself is only read. Pure.
Source: API text "Draft JSON uses short keys" and its example summary.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from nemo_watch.nemo.fields import length_ms_in, name_in, number, start_ms_in, text_in, volume_percent_in

if TYPE_CHECKING:
    from collections.abc import Mapping

VIDEO, AUDIO, TEXT = 0, 1, 7  # Source: API text, `tt`
_LABELS: Final = {VIDEO: "Video", AUDIO: "BGM", TEXT: "Title"}
_SEGMENTS_SHOWN: Final = 8  # of one track in the summary line; a film of fifty photos is told by its beginning
_SEGMENTS_READ: Final = 10_000  # of a draft; a hundred times the longest film, and half a second of work at most
_CHANGES_TOLD: Final = 40  # lines; what changed beyond that is told by the new summary

# Keys that date a save or a read, not the content. A `timestamp` does so for the whole draft only: in a piece it is a place.
_SAVE_DATES: Final = frozenset({"updated_at", "updatedAt", "last_modified", "lastModified"})
_DRAFTS_SAVE_DATES: Final = _SAVE_DATES | {"timestamp", "saved_at", "savedAt"}

# Parts of a link's query that only expire and are signed anew at every read; all others tell what the link leads to.
# Source: the signed links of CloudFront, S3, Google Cloud Storage, Azure (SAS), Alibaba, Tencent and Volcano storage.
_EXPIRING: Final = re.compile(
    r"(?i)(?<=[?&])(?:x-(?:amz|goog|oss|tos|cos)-[\w-]*|q-[\w-]+|x-expires|x-signature|expir(?:es?|y|ation)(?:_?(?:in|at|time))?|exp|"
    r"signature|sign|sig|policy|key-pair-id|awsaccesskeyid|googleaccessid|ossaccesskeyid|(?:x-[\w-]*)?(?:security-|access_|auth_)?token|"
    r"auth_key|hdn(?:ea|ts|tl)|hmac|nonce|ts|timestamp|_|e|st|se|skt|ske|wssecret|wstime)"
    r"=[^&#\s\"'<>\\]*&?"
)


@dataclass(frozen=True, slots=True)
class Segment:
    """One piece of a track. Times in milliseconds; `volume` in percent; None where the draft does not say."""

    name: str
    start_ms: int
    duration_ms: int
    volume: int | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Track:
    """One track: its type number as the draft gives it (-1 when it gives none), its label, its segments in order."""

    kind: int
    label: str
    segments: tuple[Segment, ...] = ()


@dataclass(frozen=True, slots=True)
class Timeline:
    """The tracks of a draft; `ready` tells whether there is anything to export."""

    tracks: tuple[Track, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether some track holds a segment."""
        return any(track.segments for track in self.tracks)

    @property
    def duration_ms(self) -> int:
        """Where the last segment ends, in milliseconds."""
        return max((s.start_ms + s.duration_ms for track in self.tracks for s in track.segments), default=0)


def exportable(draft: object) -> bool:
    """Whether `draft` can be rendered: some track in `t` has a segment in `sg`. Source: README "When a draft is ready"."""
    return any(_segments(track) for track in _tracks(draft))


def timeline(draft: object) -> Timeline:
    """The timeline of `draft`; of anything that is no draft, an empty one."""
    tracks: list[Track] = []
    left = _SEGMENTS_READ
    for raw in _tracks(draft)[:_SEGMENTS_READ]:
        tracks.append(_track(raw, left))
        left -= len(tracks[-1].segments)
    return Timeline(tuple(tracks))


def summary(draft: object) -> str:
    """The timeline in one line, as the service's text shows it."""
    tracks = timeline(draft).tracks
    if not tracks:
        return "Timeline (0 tracks): nothing to export yet"
    head = f"Timeline ({len(tracks)} track{'s' if len(tracks) != 1 else ''}):"
    return " ".join([head, *(f"{place}. {_told(track)}" for place, track in enumerate(tracks, 1))])


def changes(before: object, after: object) -> list[str]:
    """What is different in `after`, one line a change; empty when nothing is. Moved or altered pieces say so."""
    old, new = _lines(before), _lines(after)
    gone = list((old - new).elements())[:_CHANGES_TOLD]
    come = list((new - old).elements())[:_CHANGES_TOLD]
    lines: list[str] = []
    for piece in come:
        same = next((other for other in gone if _same_piece(other, piece)), None)
        if same is None:
            lines.append(f"{piece[0]} added: {_described(*piece)}")
            continue
        gone.remove(same)
        lines.append(f"{piece[0]} changed: {_described(*same)} → {_described(*piece)}")
    lines += [f"{piece[0]} removed: {_described(*piece)}" for piece in gone]
    if not lines and fingerprint(before) != fingerprint(after):
        lines.append("The look or the settings of the timeline changed.")
    return lines[:_CHANGES_TOLD]


def fingerprint(draft: object) -> str:
    """A digest that is equal for equal drafts, whatever the order of keys, the signatures of links and the dates of saving."""
    digest = hashlib.sha256()
    stack = [draft]
    undated = _DRAFTS_SAVE_DATES
    while stack:  # a stack of our own: a draft may be nested deeper than Python calls can be
        node = stack.pop()
        if isinstance(node, dict):
            keys = sorted(key for key in node if key not in undated)
            digest.update(f"{{{len(keys)}".encode())
            for key in keys:
                stack += [node[key], str(key)]
        elif isinstance(node, list):
            digest.update(f"[{len(node)}".encode())
            stack += node
        else:
            digest.update(repr(_lasting(node)).encode("utf-8", "surrogatepass") + b"\0")
        undated = _SAVE_DATES  # only the first node is the draft itself
    return digest.hexdigest()


def _lasting(value: object) -> object:
    """`value` without what changes from read to read: the signatures in its links."""
    if isinstance(value, str) and "://" in value and "?" in value:
        return _EXPIRING.sub("", value).rstrip("?&")
    return value


def _tracks(draft: object) -> list[Mapping[str, Any]]:
    tracks = draft.get("t") if isinstance(draft, dict) else None
    return [track for track in tracks if isinstance(track, dict)] if isinstance(tracks, list) else []


def _segments(track: Mapping[str, Any]) -> list[object]:
    segments = track.get("sg")
    return segments if isinstance(segments, list) else []


def _track(track: Mapping[str, Any], at_most: int) -> Track:
    kind = number(track.get("tt"))
    kind = int(kind) if kind is not None else -1
    segments: list[Segment] = []
    end_ms = 0
    for raw in _segments(track)[:at_most]:
        segment = _segment(raw if isinstance(raw, dict) else {}, kind, end_ms)
        end_ms = segment.start_ms + segment.duration_ms
        segments.append(segment)
    return Track(kind, _LABELS.get(kind, f"Track of type {kind}" if kind >= 0 else "Track"), tuple(segments))


def _segment(raw: dict[str, Any], kind: int, previous_end_ms: int) -> Segment:
    """One segment; without a start of its own it follows the one before."""
    start_ms = start_ms_in(raw)
    text = text_in(raw) if kind == TEXT else None
    return Segment(
        name=text or name_in(raw) or "untitled",
        start_ms=previous_end_ms if start_ms is None else start_ms,
        duration_ms=length_ms_in(raw) or 0,
        volume=None if kind == TEXT else volume_percent_in(raw),
        text=text,
    )


def _told(track: Track) -> str:
    """One track as the summary tells it."""
    shown = [_described(track.label, segment) for segment in track.segments[:_SEGMENTS_SHOWN]]
    more = len(track.segments) - len(shown)
    return f"{track.label}: " + (", ".join(shown) + (f", … and {more} more" if more else "") if shown else "empty")


def _described(label: str, segment: Segment) -> str:
    """`Lo-fi (0-10s, 35%)`; words in quotes; a clip's own full volume is not worth a word."""
    name = f'"{segment.text}"' if segment.text is not None else segment.name
    times = f"{_seconds(segment.start_ms)}-{_seconds(segment.start_ms + segment.duration_ms)}s"
    told = segment.volume is not None and (label == _LABELS[AUDIO] or segment.volume != 100)
    return f"{name} ({times}, {segment.volume}%)" if told else f"{name} ({times})"


def _seconds(milliseconds: int) -> str:
    """Seconds with at most one decimal."""
    return f"{milliseconds / 1000:.1f}".removesuffix(".0")


def _lines(draft: object) -> Counter[tuple[str, Segment]]:
    return Counter((track.label, segment) for track in timeline(draft).tracks for segment in track.segments)


def _same_piece(old: tuple[str, Segment], new: tuple[str, Segment]) -> bool:
    """Whether two pieces are one that was altered: the same name, or words at the same place."""
    if old[0] != new[0]:
        return False
    one, other = old[1], new[1]
    return one.name == other.name or (one.text is not None and one.start_ms == other.start_ms)
