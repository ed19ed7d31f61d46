"""A film's timeline → HTML: one lane a track, drawn to scale, and the same in words. Pure.

Percentages and SVG attributes only, no inline style: the page's content policy forbids those. Names come from the service
and are cut, cleaned and escaped here.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from nemo_watch.shown import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemo_watch.model import Segment, Track

TRACKS_MAX: Final = 12
SEGMENTS_MAX: Final = 150
"""Per track: drawn narrower than a few pixels, more of them say nothing, and a page holds a thousand films."""
LABEL_CHARACTERS_MAX: Final = 60

_STEPS_MS: Final = tuple(
    seconds * 1000 for seconds in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600)
)
_LANES: Final = {"video": "video", "bgm": "audio", "audio": "audio", "music": "audio", "title": "text", "text": "text"}


def timeline_figure(tracks: Sequence[Track]) -> str:
    """The timeline as an HTML figure, `""` when there is nothing to draw. Hidden from screen readers: see `timeline_words`."""
    total_ms = max((_end_ms(segment) for track in tracks for segment in track.segments), default=0)
    if total_ms <= 0:
        return ""
    lanes = "".join(
        f'<span class="kind" dir="auto">{_label(track.kind)}</span>{_lane(track, total_ms)}'
        for track in tracks[:TRACKS_MAX]
    )
    return f'<figure class="timeline" aria-hidden="true">{lanes}{_ruler(total_ms)}</figure>'


def timeline_words(tracks: Sequence[Track]) -> str:
    """The timeline as an HTML list, one line a piece: for who cannot see the drawing, and for who wants it exact."""
    lines = [
        f"<li>{_bdi(track.kind)}: {_bdi(_title(segment))} ({_span(segment)})</li>"
        for track in tracks[:TRACKS_MAX]
        for segment in track.segments[:SEGMENTS_MAX]
    ]
    left_out = sum(len(track.segments) for track in tracks) - len(lines)
    if left_out > 0:
        lines.append(f"<li>and {left_out} more</li>")
    return f'<ol class="spoken">{"".join(lines)}</ol>' if lines else ""


def time_text(ms: int) -> str:
    """A time as people write it: `0.5 s`, `10 s`, `1:05`, `1:00:00`."""
    if ms < 60_000:
        return f"{ms / 1000:.1f}".removesuffix(".0") + " s"
    seconds = ms // 1000
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes}:{seconds % 60:02}"


def _lane(track: Track, total_ms: int) -> str:
    pieces = "".join(_piece(segment, total_ms) for segment in track.segments[:SEGMENTS_MAX])
    return f'<svg class="lane {_LANES.get(track.kind.casefold(), "other")}">{pieces}</svg>'


def _piece(segment: Segment, total_ms: int) -> str:
    start = _percent(segment.start_ms, total_ms)
    width = max(0.3, _percent(segment.duration_ms, total_ms))
    loud = ""
    if segment.volume is not None:
        height = 100 * min(1.0, max(0.0, segment.volume))
        loud = f'<rect class="loud" y="{100 - height:.0f}%" width="100%" height="{height:.0f}%"/>'
    return (
        f'<svg x="{start:.2f}%" width="{width:.2f}%" height="100%">'
        f"<title>{_label(_title(segment))} ({_span(segment)})</title>"
        f'<rect width="100%" height="100%" rx="4"/>{loud}'
        f'<text x="7" y="50%" dominant-baseline="central">{_label(_title(segment))}</text></svg>'
    )


def _ruler(total_ms: int) -> str:
    step_ms = next((step for step in _STEPS_MS if total_ms <= step * 6), max(1, total_ms // 5))
    marks = []
    for at_ms in range(0, total_ms + 1, step_ms):
        x = _percent(at_ms, total_ms)
        anchor = "start" if at_ms == 0 else "end" if x > 93 else "middle"
        marks.append(
            f'<line x1="{x:.2f}%" x2="{x:.2f}%" y2="3"/>'
            f'<text x="{x:.2f}%" y="13" text-anchor="{anchor}">{time_text(at_ms)}</text>'
        )
    return f'<svg class="ruler">{"".join(marks)}</svg>'


def _span(segment: Segment) -> str:
    span = f"{time_text(max(0, segment.start_ms))} – {time_text(_end_ms(segment))}"
    return span if segment.volume is None else f"{span}, {min(1.0, max(0.0, segment.volume)):.0%}"


def _end_ms(segment: Segment) -> int:
    return max(0, segment.start_ms) + max(0, segment.duration_ms)


def _percent(ms: int, total_ms: int) -> float:
    return min(100.0, max(0, ms) * 100 / total_ms)


def _title(segment: Segment) -> str:
    return segment.text or segment.name


def _label(text: str) -> str:
    cut = text if len(text) <= LABEL_CHARACTERS_MAX else text[:LABEL_CHARACTERS_MAX] + "…"
    return escape(shown(cut))


def _bdi(text: str) -> str:
    return f"<bdi>{_label(text)}</bdi>"
