"""The timeline, drawn to scale and told in words."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outbox_samples import TIMELINE

from nemo_watch.model import Segment, Track
from nemo_watch.outbox.drawing import SEGMENTS_MAX, TRACKS_MAX, time_text, timeline_figure, timeline_words

SEGMENTS = st.builds(
    Segment, name=st.text(st.characters()), start_ms=st.integers(), duration_ms=st.integers(),
    volume=st.none() | st.floats(allow_nan=False), text=st.none() | st.text(st.characters()),
)  # fmt: skip
TRACKS = st.builds(Track, kind=st.text(st.characters()), segments=st.lists(SEGMENTS, max_size=5).map(tuple))


def pieces(html: str) -> list[tuple[float, float]]:
    return [(float(x), float(width)) for x, width in re.findall(r'<svg x="([\d.]+)%" width="([\d.]+)%"', html)]


def test_tracks_are_drawn_to_scale():
    assert pieces(timeline_figure(TIMELINE)) == [
        (0, 35), (35, 25), (60, 40),  # the pictures
        (0, 100),  # the music
        (0, 30), (70, 25),  # the titles
    ]  # fmt: skip


def test_each_kind_has_its_lane():
    assert re.findall(r'class="lane (\w+)"', timeline_figure(TIMELINE)) == ["video", "audio", "text"]
    assert 'class="lane other"' in timeline_figure([Track("Track 9", (Segment("x", 0, 1),))])


def test_a_volume_is_drawn_at_its_height():
    assert '<rect class="loud" y="65%" width="100%" height="35%"/>' in timeline_figure(TIMELINE)


def test_the_words_say_the_same():
    assert re.sub(r"<[^>]+>", " ", timeline_words(TIMELINE)).split("  ")[1:3] == [
        " Video :",
        "sunrise.mov  (0 s – 3.5 s) ",
    ] or ("<li><bdi>Video</bdi>: <bdi>sunrise.mov</bdi> (0 s – 3.5 s)</li>" in timeline_words(TIMELINE))
    assert "<li><bdi>BGM</bdi>: <bdi>Lo-fi, warm and slow</bdi> (0 s – 10 s, 35%)</li>" in timeline_words(TIMELINE)
    assert "<li><bdi>Title</bdi>: <bdi>城市之梦</bdi> (7 s – 9.5 s)</li>" in timeline_words(TIMELINE)


@pytest.mark.parametrize(
    "tracks",
    [(), (Track("Video", ()),), (Track("Video", (Segment("x", 0, 0),)),), (Track("V", (Segment("x", -5, -5),)),)],
)
def test_nothing_to_draw(tracks):
    assert timeline_figure(tracks) == ""


def test_an_endless_timeline_is_cut():
    segments = tuple(Segment(f"clip {n}", n * 100, 100) for n in range(SEGMENTS_MAX + 50))
    tracks = [Track("Video", segments)] * (TRACKS_MAX + 3)
    assert len(pieces(timeline_figure(tracks))) == SEGMENTS_MAX * TRACKS_MAX
    assert f"and {len(segments) * len(tracks) - SEGMENTS_MAX * TRACKS_MAX} more" in timeline_words(tracks)


@settings(max_examples=40)
@given(st.lists(TRACKS, max_size=4))
def test_any_timeline_is_well_formed_and_stays_inside_its_frame(tracks):
    for html in (timeline_figure(tracks), timeline_words(tracks)):
        if html:
            ET.fromstring(html)  # noqa: S314  our own
    assert all(0 <= x <= 100 and 0 < width <= 100 for x, width in pieces(timeline_figure(tracks)))
    assert timeline_figure(tracks).count("<line") <= 8


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0, "0 s"), (500, "0.5 s"), (10_000, "10 s"), (59_900, "59.9 s"), (65_000, "1:05"), (3_600_000, "1:00:00")],
)
def test_times_as_people_write_them(ms, text):
    assert time_text(ms) == text
