"""Any JSON gives a timeline or "not ready". API text "Draft JSON uses short keys"."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_watch.nemo.draft import changes, exportable, fingerprint, summary, timeline

DRAFT = {
    "t": [
        {"tt": 0, "sg": [{"d": 10000, "m": {"name": "city timelapse"}}]},
        {"tt": 1, "sg": [{"d": 10000, "m": {"name": "Lo-fi", "volume": 0.35}}]},
        {"tt": 7, "sg": [{"d": 3000, "m": {"text": "Urban Dreams"}}]},
    ]
}
LINE = (
    'Timeline (3 tracks): 1. Video: city timelapse (0-10s) 2. BGM: Lo-fi (0-10s, 35%) 3. Title: "Urban Dreams" (0-3s)'
)


def changed(edit):
    draft = copy.deepcopy(DRAFT)
    edit(draft["t"])
    return draft


def test_the_summary_is_the_line_that_the_service_shows():
    assert summary(DRAFT) == LINE


@pytest.mark.parametrize(
    ("segment", "told"),
    [
        ({"d": 2500, "start": 3000, "filename": "a.jpg"}, "a.jpg (3-5.5s)"),
        ({"duration_ms": 2000, "m": {"start_s": 1.5, "title": "x"}}, "x (1.5-3.5s)"),
        ({"m": {"target": {"start": 1000, "duration": 1000}}, "url": "https://c/v/b%20c.mp4?sig=1"}, "b c.mp4 (1-2s)"),
        ({"start": 1000, "end": 4000, "name": "y"}, "y (1-4s)"),
        ({"d": "2000", "name": "z", "volume": 35}, "z (0-2s, 35%)"),
        ({}, "untitled (0-0s)"),
        ("odd", "untitled (0-0s)"),
        ({"d": float("nan"), "name": "\x1b[2Jn"}, "[2Jn (0-0s)"),
    ],
)
def test_fields_are_found_wherever_they_stand(segment, told):
    assert summary({"t": [{"tt": 0, "sg": [segment]}]}) == f"Timeline (1 track): 1. Video: {told}"


def test_segments_without_a_start_follow_one_another():
    pieces = timeline({"t": [{"tt": 0, "sg": [{"d": 1000}, {"d": 2000}]}]}).tracks[0].segments
    assert [(piece.start_ms, piece.duration_ms) for piece in pieces] == [(0, 1000), (1000, 2000)]


@pytest.mark.parametrize(
    "draft", [None, [], "x", 3, {}, {"t": None}, {"t": {}}, {"t": [{"sg": []}]}, {"t": [{"sg": {}}]}]
)
def test_what_has_no_segment_is_not_ready(draft):
    assert not exportable(draft)
    assert not timeline(draft).ready
    assert summary(draft)


def test_a_title_that_was_added_is_told_in_one_line():
    assert changes({"t": DRAFT["t"][:2]}, DRAFT) == ['Title added: "Urban Dreams" (0-3s)']


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda t: t.pop(2), ['Title removed: "Urban Dreams" (0-3s)']),
        (lambda t: t[1]["sg"][0]["m"].update(volume=0.5), ["BGM changed: Lo-fi (0-10s, 35%) → Lo-fi (0-10s, 50%)"]),
        (lambda t: t[2]["sg"][0]["m"].update(text="Hi"), ['Title changed: "Urban Dreams" (0-3s) → "Hi" (0-3s)']),
        (lambda t: t[0]["sg"][0].update(filter="sepia"), ["The look or the settings of the timeline changed."]),
        (lambda t: t[0].update(updated_at=5), []),
        (lambda t: None, []),
    ],
)
def test_changes_are_told_by_what_they_are(edit, told):
    assert changes(DRAFT, changed(edit)) == told


def test_a_fingerprint_sees_every_change_but_key_order_link_queries_and_read_dates():
    one = {"a": [1, {"u": "https://c/x.mp4?sig=1"}], "b": "t", "updatedAt": 1}
    same = {"updatedAt": 2, "b": "t", "a": [1, {"u": "https://c/x.mp4?sig=2"}]}
    assert fingerprint(one) == fingerprint(same)
    others = [{**one, "b": "u"}, {**one, "a": [{"u": "https://c/x.mp4"}, 1]}, {**one, "c": None}, [one], None, {}, []]
    assert len({fingerprint(other) for other in [one, *others]}) == len(others) + 1


SIGNED = [
    "Expires=1&Signature=a&Key-Pair-Id=K&Policy=p", "X-Amz-Date=1&X-Amz-Expires=60&X-Amz-Signature=b", "token=1", "sig=c&st=1&se=2",
    "e=17&token=x:y", "X-Goog-Signature=d", "auth_key=1-2-3", "AWSAccessKeyId=A&Expires=9&Signature=q",
]  # fmt: skip


@pytest.mark.parametrize("signed", SIGNED)
def test_a_fingerprint_does_not_see_that_a_link_was_signed_anew(signed):
    def of(query):
        return fingerprint({"t": [{"sg": [{"m": {"url": f"https://c/my clip.mp4{query}"}}]}]})

    again = signed.replace("=", "=z")
    assert of(f"?{signed}") == of(f"?{again}") == of("")
    assert of(f"?id=1&{signed}") == of(f"?{again}&id=1") == of("?id=1")
    assert of(f"?id=1&{signed}") != of(f"?id=2&{signed}")
    assert of(f"?{signed}#t=1") != of(f"?{signed}#t=2")


def test_a_swap_that_only_the_query_of_a_link_tells_is_a_change():
    one, other = ({"t": [{"sg": [{"m": {"url": f"https://c/get?id={n}", "name": "x"}}]}]} for n in (1, 2))
    assert changes(one, other) == ["The look or the settings of the timeline changed."]


def test_a_timestamp_dates_a_whole_draft_and_is_a_place_inside_a_piece():
    def of(place, saved):
        return fingerprint({"t": [{"sg": [{"m": {"timestamp": place}}]}], "timestamp": saved, "updated_at": saved})

    assert of(1, 1) == of(1, 2)
    assert of(1, 1) != of(2, 1)


def test_a_draft_nested_beyond_pythons_own_depth_is_read():
    deep = {}
    for _ in range(50_000):
        deep = {"t": [deep]}
    assert fingerprint(deep) != fingerprint({})
    assert not exportable(deep)
    assert changes({}, deep) == ["The look or the settings of the timeline changed."]
    while deep:
        deep = deep["t"][0]


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["t", "tt", "sg", "d", "m", "name", "text", "start", "volume", "end", "url"]), inner
        )
    ),
    max_leaves=25,
)


@given(any_json, any_json)
@settings(max_examples=30, deadline=None)
def test_any_json_gives_a_timeline_a_summary_and_changes(before, after):
    assert exportable(after) == timeline(after).ready
    summary(after).encode()
    assert all(line.isprintable() for line in changes(before, after))
    assert changes(before, before) == []
    assert changes(before, after) or fingerprint(before) == fingerprint(after)
