from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_watch.studio.drawing.plan import FilmPlan, Unplannable, film_plan, without_shots


def draft(*durations: float, **meta: Any) -> dict[str, Any]:
    return {"t": [{"tt": 0, "sg": [{"d": d, "m": {"name": f"{n}.jpg"}} for n, d in enumerate(durations)]}], "m": meta}


def test_shots_stand_in_whole_frames_without_gap_and_last_as_long_as_the_draft() -> None:
    plan = film_plan(draft(1_010, 1_010, 1_010))
    assert [shot.start for shot in plan.shots] == [0, 30, 61]
    assert plan.frames == 91
    assert [plan.life(index) for index in range(3)] == [45, 46, 30]


def test_a_draft_with_only_the_documented_keys_has_sensible_defaults() -> None:
    plan = film_plan({"t": [{"tt": 0, "sg": [{"m": {"name": "a.jpg"}}, {"m": {"name": "b.jpg"}}]}], "d": 10_000})
    assert (plan.canvas.width, plan.canvas.height, plan.canvas.fps) == (1920, 1080, 30)
    assert plan.duration_ms == 10_000
    assert [shot.transition for shot in plan.shots] == ["crossfade", "crossfade"]
    assert plan.shots[0].overlap == 0


def test_a_transition_never_takes_more_than_half_of_a_neighbour() -> None:
    plan = film_plan(draft(200, 5_000, 200))
    assert [shot.overlap for shot in plan.shots] == [0, 3, 3]


def test_a_missing_shot_gives_its_time_to_the_one_before_so_that_the_film_keeps_its_length() -> None:
    plan = film_plan(draft(1_000, 2_000, 3_000))
    for missing in ({0}, {1}, {2}, {0, 1}, {1, 2}):
        assert without_shots(plan, missing).frames == plan.frames
        assert len(without_shots(plan, missing).shots) == 3 - len(missing)
    with pytest.raises(Unplannable, match="None of the pictures"):
        without_shots(plan, {0, 1, 2})


@pytest.mark.parametrize(
    "nothing", [None, [], "x", {}, {"t": []}, {"t": [{"tt": 0, "sg": []}]}, {"t": [{"tt": 1, "sg": [{"d": 5}]}]}]
)
def test_a_draft_with_nothing_to_show_is_refused_with_a_sentence(nothing: Any) -> None:
    with pytest.raises(Unplannable, match=r"\.$"):
        film_plan(nothing)


def test_texts_alone_are_a_film_on_a_painted_ground() -> None:
    plan = film_plan({"t": [{"tt": 7, "sg": [{"d": 2_000, "m": {"text": "Hello"}}, {"d": 1_000, "text": "there"}]}]})
    assert plan.shots[0].is_card
    assert plan.duration_ms == 3_000
    assert [(caption.start, caption.end, caption.text) for caption in plan.captions] == [
        (0, 60, "Hello"),
        (60, 90, "there"),
    ]


@pytest.mark.parametrize(
    ("own", "common", "volume", "duck"),
    [
        ({}, {}, 0.6, 0.3),
        ({"duck": 1}, {}, 0.6, 1.0),
        ({"duck": False}, {}, 0.6, 1.0),
        ({"duck": 0.5}, {}, 0.6, 0.5),
        ({}, {"volume": 0.4, "duck": 1}, 0.4, 1.0),
        ({"volume": 0.9}, {"volume": 0.4}, 0.9, 0.3),
    ],
)
def test_music_plays_under_clips_or_over_them_and_a_track_speaks_for_its_segments(
    own: dict[str, Any], common: dict[str, Any], volume: float, duck: float
) -> None:
    whole = draft(4_000)
    whole["t"] = [*whole["t"], {"tt": 1, "m": common, "sg": [{"d": 4_000, "m": {"name": "Lo-fi", **own}}]}]
    [cue] = film_plan(whole).cues
    assert (cue.volume, cue.duck) == (volume, duck)


def test_a_video_track_that_is_silent_mutes_its_clips() -> None:
    whole = draft(1_000, 1_000)
    whole["t"][0]["m"] = {"volume": 0}
    assert [shot.volume for shot in film_plan(whole).shots] == [0, 0]


def test_painted_cards_alone_are_no_film_when_the_pictures_are_missing() -> None:
    whole = draft(1_000)
    whole["t"][0]["sg"].append({"d": 1_000, "m": {"scene": "sunset"}})
    plan = film_plan(whole)
    with pytest.raises(Unplannable, match="None of the pictures"):
        without_shots(plan, {0})


def test_an_audio_segment_of_percent_is_a_volume_and_ends_with_the_film() -> None:
    whole = {**draft(4_000)}
    whole["t"] = [*whole["t"], {"tt": 1, "sg": [{"d": 90_000, "m": {"name": "Lo-fi", "volume": 35, "start": 1_000}}]}]
    (cue,) = film_plan(whole).cues
    assert (cue.start_ms, cue.length_ms, cue.volume, cue.name) == (1_000, 3_000, 0.35, "Lo-fi")


def test_more_than_an_hour_is_refused() -> None:
    with pytest.raises(Unplannable, match="hour"):
        film_plan(draft(3_000_000, 3_000_000))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.sampled_from(
                ["t", "tt", "sg", "d", "m", "name", "key", "start", "text", "width", "fps", "in", "transition"]
            ),
            inner,
        )
    ),
    max_leaves=30,
)


@given(JSON)
@settings(max_examples=150, deadline=None)
def test_any_json_is_a_plan_or_a_sentence(value: Any) -> None:
    problem = ""
    try:
        plan = film_plan(value)
    except Unplannable as refused:
        problem = str(refused)
    if problem:
        assert problem.endswith(".")
    else:
        check(plan)


@given(st.lists(st.floats(-10, 100_000) | st.none(), min_size=1, max_size=20), st.integers(1, 60))
@settings(max_examples=100, deadline=None)
def test_shots_follow_one_another_and_no_three_are_seen_at_once(durations: list[float], fps: int) -> None:
    check(film_plan(draft(*durations, fps=fps)))


def check(plan: FilmPlan) -> None:
    at = 0
    for shot in plan.shots:
        assert shot.start == at
        assert shot.frames >= 1
        assert 0 <= shot.overlap <= shot.frames
        at += shot.frames
    assert plan.frames == at
    assert plan.canvas.width % 2 == plan.canvas.height % 2 == 0
    assert all(0 <= caption.start < caption.end for caption in plan.captions)
