"""Scripts: what can be said in them, and which fault is due when."""

from __future__ import annotations

import tomllib

import pytest

from nemo_watch.studio.faults import merge_patched
from nemo_watch.studio.script import Call, Fault, Play, call_named, read_script
from nemo_watch.studio.settings import Settings

SCRIPT = """
[settings]
generation_cost = 100
pace_s = 0.0

[[rules]]
call = "run_sse"
at = 2
do = { break_after = 3 }

[[rules]]
call = "poll"
at = "every"
do = { shape = "data" }

[[rules]]
call = "run_sse"
match = "wedding"
times = 2
do = { raise = "RuntimeError: boom" }
"""


def played(*rules: dict[str, object]) -> Play:
    return Play(read_script({"rules": list(rules)}))


class TestReading:
    def test_a_script_is_toml_or_json(self):
        script = read_script(tomllib.loads(SCRIPT))
        assert [rule.call for rule in script.rules] == [Call.RUN_SSE, Call.POLL, Call.RUN_SSE]
        assert script.rules[2].do.crash == "RuntimeError: boom"
        assert script.settings_over(Settings(edit_cost=7)) == Settings(generation_cost=100, edit_cost=7, pace_s=0)

    @pytest.mark.parametrize(
        ("data", "where"),
        [
            ({"rules": [{"call": "pole", "do": {}}]}, "$.rules[0].call"),
            ({"rules": [{"call": "poll", "do": {"statsu": 1}}]}, "statsu"),
            ({"rules": [{"call": "poll"}]}, "do"),
            ({"rule": []}, "rule"),
            ({"rules": [{"call": "poll", "at": "often", "do": {}}]}, "$.rules[0].at"),
        ],
    )
    def test_a_wrong_script_says_where_it_is_wrong(self, data, where):
        with pytest.raises(ValueError, match=where.replace("$", r"\$").replace("[", r"\[")):
            read_script(data)

    @pytest.mark.parametrize(
        "settings",
        [{"prallel": 2}, {"parallel": 0}, {"credits": "many"}, {"pace_s": -1}, {"silent_percent": 101}],
    )
    def test_impossible_settings_are_refused(self, settings):
        with pytest.raises(ValueError, match=next(iter(settings))):
            read_script({"settings": settings}).settings_over(Settings())


class TestPlaying:
    def test_a_rule_is_due_at_its_call_and_as_often_as_it_says(self):
        play = played({"call": "upload", "at": 2, "times": 2, "do": {"status": 503}})
        due = [play.fault_for(Call.UPLOAD) is not None for _ in range(5)]
        assert due == [False, True, True, False, False]

    def test_calls_of_other_kinds_do_not_count(self):
        play = played({"call": "upload", "at": 2, "do": {"status": 503}})
        assert play.fault_for(Call.UPLOAD) is None
        for call in (Call.POLL, None, Call.STATE):
            assert play.fault_for(call) is None
        assert play.fault_for(Call.UPLOAD) == Fault(status=503)

    def test_every_means_every(self):
        play = played({"call": "poll", "at": "every", "do": {"shape": "data"}})
        assert all(play.fault_for(Call.POLL) for _ in range(3))

    def test_a_match_is_looked_for_in_path_and_message_and_only_matching_calls_count(self):
        play = played({"call": "run_sse", "match": "wedding", "at": 2, "do": {"silent": True}})
        words = ["a wedding", "a beach", "the wedding again"]
        assert [play.fault_for(Call.RUN_SSE, f"/run_sse\n{word}") is not None for word in words] == [False, False, True]

    def test_the_first_rule_that_is_due_wins_and_the_others_count_on(self):
        play = played(
            {"call": "token", "do": {"code": 429}},
            {"call": "token", "at": 2, "do": {"status": 500}},
        )
        assert [play.fault_for(Call.TOKEN) for _ in range(3)] == [Fault(code=429), Fault(status=500), None]


@pytest.mark.parametrize(
    ("fault", "performed"),
    [
        ({}, True),
        ({"delay": 1.0, "truncate": 3, "merge": {}}, True),
        ({"reset": "after"}, True),
        ({"hang": "after"}, True),
        ({"hang": 100}, True),
        ({"break_after": 0}, True),
        ({"reset": "before"}, False),
        ({"hang": "before"}, False),
        ({"code": 2001}, False),
        ({"status": 500}, False),
        ({"redirect": "self"}, False),
        ({"events": []}, False),
        ({"error_event": "2001"}, False),
        ({"raise": "boom"}, False),
        ({"status": 500, "taken": True}, True),
        ({"break_after": 0, "taken": False}, False),
    ],
)
def test_a_fault_performs_the_call_unless_it_stands_in_its_place(fault, performed):
    assert read_script({"rules": [{"call": "run_sse", "do": fault}]}).rules[0].do.performed is performed


@pytest.mark.parametrize(
    ("method", "path", "call"),
    [
        ("POST", "/api/auth/anonymous-token", Call.TOKEN),
        ("POST", "/api/tasks/me/with-session/nemo_agent", Call.SESSION),
        ("POST", "/run_sse", Call.RUN_SSE),
        ("POST", "/api/upload-video/nemo_agent/me/123", Call.UPLOAD),
        ("GET", "/api/credits/balance/simple", Call.CREDITS),
        ("GET", "/api/state/nemo_agent/me/123/latest", Call.STATE),
        ("POST", "/api/render/proxy/lambda", Call.RENDER),
        ("GET", "/api/render/proxy/lambda/render_1", Call.POLL),
        ("GET", "/api/render/proxy/render_1/download", Call.DOWNLOAD),
        ("GET", "/download/abc/render_1.mp4", Call.DOWNLOAD),
        ("POST", "/api/auth/claim-token", Call.CLAIM),
        ("GET", "/run_sse", None),
        ("GET", "/__studio/log", None),
        ("POST", "/api/render/proxy/lambda/render_1", None),
    ],
)
def test_every_call_of_the_api_has_a_name(method, path, call):
    assert call_named(method, path) is call


@pytest.mark.parametrize(
    ("value", "patch", "merged"),
    [
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": None}}, {"a": {"c": 2}}),
        ({"a": 1}, {"a": {"b": None, "c": [1]}}, {"a": {"c": [1]}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ([1], {"a": 1}, {"a": 1}),
        ({"a": 1}, [], []),
    ],
)
def test_a_merge_patch_merges_objects_removes_nulls_and_replaces_all_else(value, patch, merged):
    assert merge_patched(value, patch) == merged
