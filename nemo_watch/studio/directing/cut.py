"""A draft taken apart for editing, and put together again: pictures, music, texts and what is noted about the film.

Segments stay the dicts that they are, so what a person wrote into them by hand is kept. Pure; nothing is changed in place.
Source: README "When a draft is ready".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nemo_watch.studio.drawing.plan import AUDIO, SEGMENT_MS, TEXT, VIDEO

Segment = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Cut:
    """The parts of a draft. `others` are tracks that editing does not know; they pass through."""

    meta: Mapping[str, Any] = field(default_factory=dict)
    pictures: tuple[Segment, ...] = ()
    music: tuple[Segment, ...] = ()
    texts: tuple[Segment, ...] = ()
    others: tuple[Mapping[str, Any], ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def duration_ms(self) -> int:
        """The film's length: the pictures stand one after another."""
        return sum(length_ms(segment) for segment in self.pictures)

    @property
    def body(self) -> tuple[Segment, ...]:
        """The pictures without the end card."""
        return tuple(segment for segment in self.pictures if meta_of(segment).get("card") != "ending")

    @property
    def end_card(self) -> Segment | None:
        """The end card, where there is one."""
        return next((segment for segment in self.pictures if meta_of(segment).get("card") == "ending"), None)


def meta_of(segment: Mapping[str, Any]) -> Mapping[str, Any]:
    """A segment's metadata, empty where a hand has removed it."""
    meta = segment.get("m")
    return meta if isinstance(meta, Mapping) else {}


def length_ms(segment: Segment) -> int:
    """A segment's duration in ms, the usual one where none stands."""
    value = segment.get("d")
    return (
        round(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e9
        else SEGMENT_MS
    )


def keys_in(meta: Mapping[str, Any], name: str) -> set[str]:
    """The texts of a list in the metadata; of anything else, none."""
    value = meta.get(name)
    return {item for item in value if isinstance(item, str)} if isinstance(value, list) else set()


def number_in(meta: Mapping[str, Any], name: str) -> float | None:
    """A positive number of ms in the metadata, at most an hour; of anything else, None."""
    value = meta.get(name)
    fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 3_600_000
    return float(value) if fits and isinstance(value, int | float) else None


def segment(d_ms: float, **meta: object) -> Segment:
    """A new segment of `d_ms`."""
    return {"d": round(d_ms), "m": meta}


def changed(part: Segment, d_ms: float | None = None, **meta: object) -> Segment:
    """The segment with another duration or metadata; a value of None takes the key out."""
    merged = {key: value for key, value in {**meta_of(part), **meta}.items() if value is not None}
    return {**part, **({} if d_ms is None else {"d": round(d_ms)}), "m": merged}


def cut_of(draft: Mapping[str, Any] | None) -> Cut:
    """The parts of a draft; of None, an empty film."""
    if not draft:
        return Cut()
    by_kind: dict[int, list[Segment]] = {VIDEO: [], AUDIO: [], TEXT: []}
    others: list[Mapping[str, Any]] = []
    listed = draft.get("t")
    for track in listed if isinstance(listed, list) else []:
        if not isinstance(track, Mapping):
            continue
        kind = track.get("tt", VIDEO)
        parts = [part for part in track.get("sg") or () if isinstance(part, Mapping)] if _has_list(track) else []
        if not isinstance(kind, int | float) or kind not in by_kind or (kind == VIDEO and by_kind[VIDEO]):
            others.append(track)
        else:
            by_kind[int(kind)] += parts
    meta = draft.get("m")
    return Cut(
        dict(meta) if isinstance(meta, Mapping) else {},
        tuple(by_kind[VIDEO]),
        tuple(by_kind[AUDIO]),
        tuple(by_kind[TEXT]),
        tuple(others),
        {key: value for key, value in draft.items() if key not in ("t", "d", "m")},
    )


def draft_of(cut: Cut) -> dict[str, Any]:
    """The draft of these parts: pictures laid one after another, empty tracks left out."""
    tracks: list[Mapping[str, Any]] = []
    at = 0
    pictures = []
    for part in cut.pictures:
        pictures.append(changed(part, length_ms(part), start=at))
        at += length_ms(part)
    for kind, parts in ((VIDEO, pictures), (AUDIO, cut.music), (TEXT, cut.texts)):
        if parts:
            tracks.append({"tt": kind, "sg": list(parts)})
    return {"t": [*tracks, *cut.others], "d": at, "m": dict(cut.meta), **cut.extra}


def _has_list(track: Mapping[str, Any]) -> bool:
    return isinstance(track.get("sg"), list)
