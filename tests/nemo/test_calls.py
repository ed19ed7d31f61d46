"""What goes into a request, and what cannot. API text, table "Header"."""

from __future__ import annotations

import pytest

from nemo_watch.errors import Cause, Trouble
from nemo_watch.nemo.calls import Request, platform_of, render_status_request, state_request
from nemo_watch.nemo.multipart import file_part, safe_name


@pytest.mark.parametrize(
    ("path", "env", "platform"),
    [
        ("/home/a/.clawhub/skills/x", {}, "clawhub"),
        ("C:\\Users\\a\\.Cursor\\x", {}, "cursor"),
        ("/usr/lib/python3/x", {}, "unknown"),
        ("/home/a/.clawhub/x", {"SKILL_SOURCE": "cursor"}, "cursor"),
        ("/x", {"SKILL_SOURCE": "a\r\nb"}, "unknown"),
        ("/x", {"SKILL_SOURCE": "  "}, "unknown"),
    ],
)
def test_the_platform_is_told_by_the_environment_then_by_the_install_path(path, env, platform):
    assert platform_of(path, env) == platform


@pytest.mark.parametrize("name", ["../../api/auth", "a/b?c#d", "..", "\ud800"])
def test_what_the_service_calls_its_things_stays_one_segment_of_the_path(name):
    assert state_request(name).path.count("/") == 6
    assert not {"?", "#"} & set(state_request(name).path)
    assert ".." not in render_status_request(name).path.split("/")


def test_a_body_that_no_json_can_hold_is_refused():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(Trouble) as raised:
        Request("POST", "/x", json={"draft": deep}).body()
    assert raised.value.cause is Cause.REQUEST_REFUSED
    while deep:
        deep = deep[0]


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("photo.jpg", "photo.jpg"),
        ('a"b\r\nX-Evil: 1.jpg', "a%22b__X-Evil: 1.jpg"),
        ("照片 1.PNG", "照片 1.PNG"),
        ("../../etc/x.png", "x.png"),
        ("a\\b.mp4", "b.mp4"),
        ("caf\udce9.jpg", "caf?.jpg"),
        ("", "file"),
        ("x" * 300 + ".jpeg", "x" * 195 + ".jpeg"),
        ("照" * 100 + ".jpg", "照" * 65 + ".jpg"),
    ],
)
def test_a_file_name_is_safe_in_a_header(name, safe):
    assert safe_name(name) == safe
    head = file_part(name, "b").head
    assert head.count(b"\r\n") == 4
    assert len(safe.encode()) <= 200
