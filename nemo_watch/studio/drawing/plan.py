"""Draft → film plan: every decision of the render in whole frames, before a single file is opened.

A draft may come from the director or from a person's editor: only the documented keys are sure, everything else has a
sensible default, and any JSON at all ends in a plan or in `Unplannable`. Pure: no disk, no clock.
Source: README "When a draft is ready" (`t` tracks, `tt` track type, `sg` segments, `d` duration in ms, `m` metadata).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from nemo_watch.studio import values

VIDEO, AUDIO, TEXT = 0, 1, 7
"""Track types. Source: README "When a draft is ready"."""

SIZES: Mapping[str, tuple[int, int]] = {
    "16:9": (1920, 1080),
    "9:16": (1080, 1920),
    "1:1": (1080, 1080),
    "4:5": (1080, 1350),
}
"""Canvas of each aspect in pixels; the service renders up to 1080 lines. Source: README "The service's answers"."""

TRANSITIONS = ("crossfade", "fade", "slide", "wipe", "zoom", "cut")
FITS = ("auto", "cover", "blur", "plain", "backdrop")
MOTIONS = ("in", "out", "left", "right", "up", "down", "still")
LOOKS = ("none", "bw", "warm", "cool", "vivid", "sepia", "vintage")
STYLES = ("title", "caption", "end")
MOODS = ("calm", "happy", "epic", "romantic", "sad", "lofi")

SEGMENT_MS = 3_500
"""A photo's time where a draft names none: long enough to look, short enough not to wait."""
TRANSITION_MS = 600
NONE_OPENS = "None of the pictures and clips of this film could be opened."
DUCK = 0.3
"""What is left of the music while a clip's own sound is heard; `duck` 1 (or false) plays over it as loud as ever."""
_Tracks = list[tuple[int, list[Mapping[str, Any]]]]

FILM_MS_MAX = 60 * 60 * 1000
SEGMENTS_MAX = 2_000

NONE_OPENS = "None of the pictures and clips of this film could be opened."


class Unplannable(ValueError):  # noqa: N818 - a finding about a draft, not a fault of ours
    """The draft holds nothing that could be shown, or more than a film may hold; the message is a whole sentence."""


@dataclass(frozen=True, slots=True)
class Canvas:
    """The size of the picture in pixels (even numbers) and the frames in a second."""

    width: int
    height: int
    fps: int

    def frames(self, ms: float) -> int:
        """The frame that is shown at `ms`."""
        return round(ms * self.fps / 1000)


@dataclass(frozen=True, slots=True)
class Shot:
    """One stretch of picture. `overlap` frames at its beginning are a transition out of the shot before."""

    start: int
    frames: int
    key: str
    name: str
    in_ms: int
    transition: str
    overlap: int
    fit: str
    motion: str
    scene: str
    volume: float

    @property
    def is_card(self) -> bool:
        """Whether it is painted: it names no file, or a scene (whose name is for people only)."""
        return not self.key and bool(self.scene or not self.name)


@dataclass(frozen=True, slots=True)
class Caption:
    """A text on the picture from frame `start` to before frame `end`."""

    start: int
    end: int
    text: str
    style: str


@dataclass(frozen=True, slots=True)
class Cue:
    """Music from a file, or a synthesised bed of `mood` where no file is named. `duck` is its level under clips' sound."""

    start_ms: int
    length_ms: int
    key: str
    name: str
    mood: str
    volume: float
    fade_in_ms: int
    fade_out_ms: int
    duck: float


@dataclass(frozen=True, slots=True)
class FilmPlan:
    """The whole film: what is shown in which frame, and what sounds when."""

    canvas: Canvas
    shots: tuple[Shot, ...]
    captions: tuple[Caption, ...]
    cues: tuple[Cue, ...]
    look: str
    warnings: tuple[str, ...]

    @property
    def frames(self) -> int:
        """The number of frames of the film."""
        return self.shots[-1].start + self.shots[-1].frames

    @property
    def duration_ms(self) -> int:
        """The film's length in milliseconds."""
        return round(self.frames * 1000 / self.canvas.fps)

    def life(self, index: int) -> int:
        """How many frames shot `index` is drawn for: its own and those of the transition that follows."""
        following = self.shots[index + 1].overlap if index + 1 < len(self.shots) else 0
        return self.shots[index].frames + following


def film_plan(draft: object) -> FilmPlan:
    """The plan of a draft.

    Raises `Unplannable` when nothing in it can be shown, or when it is longer than a film may be.
    """
    if not isinstance(draft, Mapping):
        raise Unplannable("The draft is not a JSON object.")
    meta = values.mapping(draft.get("m"))
    canvas = _canvas(meta)
    tracks = _tracks(draft)
    shots, warnings = _shots(draft, tracks, canvas)
    plan = FilmPlan(canvas, shots, (), (), values.choice(meta.get("look"), LOOKS, "none"), tuple(warnings))
    return replace(
        plan,
        captions=tuple(_captions(tracks, canvas, plan.duration_ms)),
        cues=tuple(_cues(tracks, plan.duration_ms)),
    )


def without_shots(plan: FilmPlan, missing: set[int]) -> FilmPlan:
    """The plan with the shots of these indexes left out; their time goes to the shot before, so the film keeps its length.

    Raises `Unplannable` when nothing remains but painted cards.
    """
    if all(shot.is_card or index in missing for index, shot in enumerate(plan.shots)):
        raise Unplannable(NONE_OPENS)
    kept: list[Shot] = []
    for index, shot in enumerate(plan.shots):
        if index not in missing:
            kept.append(shot if kept else replace(shot, start=0, frames=shot.start + shot.frames, overlap=0))
        elif kept:
            kept[-1] = replace(kept[-1], frames=kept[-1].frames + shot.frames)
    return replace(plan, shots=tuple(kept))


def _canvas(meta: Mapping[str, Any]) -> Canvas:
    aspect = meta.get("aspect")
    width, height = SIZES.get(aspect, SIZES["16:9"]) if isinstance(aspect, str) else SIZES["16:9"]
    return Canvas(
        2 * (round(values.number(meta.get("width"), width, 64, 3840)) // 2),
        2 * (round(values.number(meta.get("height"), height, 64, 3840)) // 2),
        round(values.number(meta.get("fps"), 30, 1, 60)),
    )


def _tracks(draft: Mapping[str, Any]) -> _Tracks:
    """(track type, segments) of every track that has any."""
    found = []
    for track in values.objects(draft.get("t")):
        segments = [
            values.mapping(segment) for segment in values.objects(track.get("sg")) if isinstance(segment, Mapping)
        ]
        if segments:
            common = {key: value for key, value in values.mapping(track.get("m")).items() if key in ("volume", "duck")}
            found.append((round(values.number(track.get("tt"), VIDEO, 0, 99)), _with(common, segments)))
    if sum(len(segments) for _, segments in found) > SEGMENTS_MAX:
        raise Unplannable(f"The draft has more than {SEGMENTS_MAX} segments.")
    return found


def _with(common: Mapping[str, Any], segments: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The segments of a track with what its `m` says for all of them; what a segment says itself comes first."""
    if not common:
        return segments
    return [{**segment, "m": {**common, **values.mapping(segment.get("m"))}} for segment in segments]


def _shots(draft: Mapping[str, Any], tracks: _Tracks, canvas: Canvas) -> tuple[tuple[Shot, ...], list[str]]:
    pictures = [segments for kind, segments in tracks if kind == VIDEO]
    warnings = ["Only the first video track is drawn; the others are left out."] if len(pictures) > 1 else []
    chosen = pictures[0] if pictures else _background_for_texts(tracks)
    if not chosen:
        raise Unplannable("The draft has no segments to show: generate something first.")
    default_ms = values.number(draft.get("d"), 0, 0, FILM_MS_MAX) / len(chosen) or SEGMENT_MS
    shots: list[Shot] = []
    end_ms = 0.0
    for segment in chosen:
        end_ms += values.number(segment.get("d"), default_ms, 0, FILM_MS_MAX) or default_ms
        shots.append(_shot(segment, shots[-1] if shots else None, canvas.frames(end_ms), canvas))
    if end_ms > FILM_MS_MAX:
        raise Unplannable("The draft is longer than an hour.")
    return tuple(shots), warnings


def _shot(segment: Mapping[str, Any], before: Shot | None, end: int, canvas: Canvas) -> Shot:
    """One segment as a shot that lasts until frame `end`, at least one frame; its transition fits into both neighbours."""
    meta = values.mapping(segment.get("m"))
    start = before.start + before.frames if before else 0
    frames = max(1, end - start)
    kind = values.choice(meta.get("transition"), TRANSITIONS, "crossfade")
    wished = canvas.frames(values.number(meta.get("transition_ms"), TRANSITION_MS, 0, 5_000))
    overlap = 0 if before is None or kind == "cut" else min(wished, frames // 2, before.frames // 2)
    return Shot(
        start,
        frames,
        values.words(meta.get("key")),
        values.words(meta.get("name")),
        round(values.number(meta.get("in"), 0, 0, FILM_MS_MAX)),
        kind,
        overlap,
        values.choice(meta.get("fit"), FITS, "auto"),
        values.choice(meta.get("motion"), MOTIONS, "in" if before is None or before.motion != "in" else "out"),
        values.words(meta.get("scene")),
        values.volume(meta.get("volume"), 1.0),
    )


def _background_for_texts(tracks: _Tracks) -> list[Mapping[str, Any]]:
    """One painted segment as long as the texts need: a draft of titles alone is a film too."""
    ends = [end_ms for segment, _, end_ms in _timed_texts(tracks) if _words(segment)]
    return [{"d": max(1_000.0, *ends), "m": {}}] if ends else []


def _captions(tracks: _Tracks, canvas: Canvas, film_ms: int) -> list[Caption]:
    captions = []
    for segment, start_ms, end_ms in _timed_texts(tracks):
        span = canvas.frames(min(start_ms, film_ms)), canvas.frames(min(end_ms, film_ms))
        style = values.choice(values.mapping(segment.get("m")).get("style"), STYLES, "title")
        if _words(segment) and span[1] > span[0]:
            captions.append(Caption(*span, _words(segment), style))
    return captions


def _timed_texts(tracks: _Tracks) -> Iterator[tuple[Mapping[str, Any], float, float]]:
    """Each text segment with its start and end in ms; one without a start follows the one before it."""
    for segments in (segments for kind, segments in tracks if kind == TEXT):
        end_ms = 0.0
        for segment in segments:
            start_ms = _start(segment, end_ms)
            end_ms = start_ms + (values.number(segment.get("d"), SEGMENT_MS, 0, FILM_MS_MAX) or SEGMENT_MS)
            yield segment, start_ms, end_ms


def _cues(tracks: _Tracks, film_ms: int) -> list[Cue]:
    cues = []
    for segments in (segments for kind, segments in tracks if kind == AUDIO):
        at_ms = 0.0
        for segment in segments:
            start_ms = min(_start(segment, at_ms), film_ms)
            length_ms = min(values.number(segment.get("d"), film_ms, 0, FILM_MS_MAX) or film_ms, film_ms - start_ms)
            at_ms = start_ms + length_ms
            if length_ms >= 1:
                cues.append(_cue(values.mapping(segment.get("m")), round(start_ms), round(length_ms)))
    return cues


def _cue(meta: Mapping[str, Any], start_ms: int, length_ms: int) -> Cue:
    mood = values.choice(meta.get("mood"), MOODS, "")
    named = values.words(meta.get("key")), values.words(meta.get("name"))
    key, name = ("", "") if mood else named
    return Cue(
        start_ms,
        length_ms,
        key,
        name,
        mood or ("" if any(named) else "calm"),
        values.volume(meta.get("volume"), 0.6),
        round(values.number(meta.get("fade_in"), min(800, length_ms / 4), 0, length_ms)),
        round(values.number(meta.get("fade_out"), min(2_500, length_ms / 3), 0, length_ms)),
        1.0 if meta.get("duck") is False else values.volume(meta.get("duck"), DUCK),
    )


def _words(segment: Mapping[str, Any]) -> str:
    """A text segment's words, from wherever they stand: no key for them is documented (README "When a draft is ready")."""
    meta = values.mapping(segment.get("m"))
    places = (meta.get("text"), segment.get("text"), meta.get("content"), meta.get("title"), meta.get("name"))
    return next((values.words(place).strip() for place in places if values.words(place).strip()), "")[:500]


def _start(segment: Mapping[str, Any], otherwise: float) -> float:
    meta = values.mapping(segment.get("m"))
    return values.number(meta.get("start", segment.get("start")), otherwise, 0, FILM_MS_MAX)
