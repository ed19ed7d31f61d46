"""The configuration: every problem at once, each with its place; nothing is guessed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nemo_watch.config import Folders, config_paths, folder_problems, load
from nemo_watch.errors import UsageError
from nemo_watch.keys import DURATION_MAX_S, FOREVER, duration_s, size_bytes


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path)}


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return path


def test_every_key_has_a_default(env):
    config = load(env)
    assert config.service.backend == "cloud"
    assert config.inbox.settle_s == 5.0
    assert config.service.pace.recovery_waits_s == (30.0, 60.0, 60.0, 60.0, 60.0)


def test_a_file_says_it_in_words(env, tmp_path):
    path = written(
        tmp_path,
        '[inbox]\nsettle = "0.5s"\nprompt_wait = "forever"\nmax_file = "2GB"\n[service.pace]\nrender_poll = "2m"\n',
    )
    config = load(env, path=path)
    assert config.inbox.settle_s == 0.5
    assert config.inbox.prompt_wait_s == FOREVER
    assert config.inbox.max_file_bytes == 2_000_000_000
    assert config.service.pace.render_poll_s == 120.0
    assert config.sources["inbox.settle"] == f"{path}:2"


def test_all_problems_are_told_at_once_with_key_and_line(env, tmp_path):
    path = written(
        tmp_path,
        '[inbox]\nsettel = "5s"\nrescan = 30\n\n[service]\nbackend = "moon"\npaid_messages_a_day = -1\n\n[unknown]\nx = 1\n',
    )
    with pytest.raises(UsageError) as wrong:
        load(env, path=path)
    told = str(wrong.value).splitlines()
    assert len(told) == 5
    assert f"{path}:2: inbox.settel: is not known; did you mean inbox.settle?" in told
    assert any(line.startswith(f"{path}:3: inbox.rescan: must be a duration") for line in told)
    assert any(line.startswith(f"{path}:6: service.backend: must be") for line in told)
    assert any(line.startswith(f"{path}:7: service.paid_messages_a_day") for line in told)
    assert any("unknown.x" in line for line in told)


@pytest.mark.parametrize("text", ["[inbox\n", "\x00", "a = "])
def test_a_file_that_is_no_toml_is_named(env, tmp_path, text):
    with pytest.raises(UsageError, match=r"config\.toml: is not TOML"):
        load(env, path=written(tmp_path, text))


def test_a_missing_file_is_named(env, tmp_path):
    with pytest.raises(UsageError, match=r"gone\.toml: cannot be read"):
        load(env, path=tmp_path / "gone.toml")


def test_options_come_before_the_environment_before_the_file(env, tmp_path):
    path = written(tmp_path, '[service]\nurl = "http://file.example"\n')
    env["NEMO_API_URL"] = "http://env.example/"
    assert load(env, path=path).service.url == "http://env.example"
    assert load(env, path=path, options={"service.url": "http://option.example"}).service.url == "http://option.example"


def test_the_named_file_is_read_before_the_users_and_the_systems(env):
    assert [str(p) for p in config_paths(env | {"NEMO_WATCH_CONFIG": "/x.toml"})] == ["/x.toml"]
    assert [p.name for p in config_paths(env)] == ["config.toml", "config.toml"]


def test_folders_may_not_contain_one_another(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert folder_problems(Folders(tmp_path / "a", tmp_path / "b", tmp_path / "c")) == []
    assert folder_problems(Folders(tmp_path / "a", tmp_path / "a" / "b", tmp_path / "c"))
    assert folder_problems(Folders(tmp_path / "a", tmp_path / "link", tmp_path / "c"))
    assert len(folder_problems(Folders(tmp_path, tmp_path, tmp_path))) == 3


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30.0), ("2m", 120.0), ("0.5s", 0.5), ("1h", 3600.0), ("100ms", 0.1)]
)
def test_durations(text, seconds):
    assert duration_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["30", 30, "", "-5s", "5 parsecs", None, "nans"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="duration"):
        duration_s(text)


def test_sizes():
    assert size_bytes("500MB") == 500_000_000
    assert size_bytes("1MiB") == 2**20


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("[service]\ntoken", "service.token: is not known; the token is no setting: it comes from NEMO_TOKEN, or from"),
        ("[inbox]\nfoo", "inbox.foo: is not known"),
        ("[inbox]\nsettel", "inbox.settel: is not known; did you mean inbox.settle?"),
        ("[outbox]\nsettle", "outbox.settle: is not known; did you mean inbox.settle?"),
        ("[serivce]\nbackend", "serivce.backend: is not known; did you mean service.backend?"),
    ],
)
def test_the_nearest_key_is_one_that_may_be_meant(env, tmp_path, key, told):
    with pytest.raises(UsageError) as wrong:
        load(env, path=written(tmp_path, f'{key} = "x"\n'))
    line = str(wrong.value).partition(":2: ")[2]
    assert line.startswith(told)
    assert ("did you mean" in line) == ("did you mean" in told)


def test_a_key_that_stands_twice_is_told_with_both_lines(env, tmp_path):
    path = written(tmp_path, '[inbox]\nsettle = "1s"\nrescan = "9s"\nsettle = "2s"\n')
    with pytest.raises(UsageError) as wrong:
        load(env, path=path)
    assert str(wrong.value) == f"{path}:4: inbox.settle: stands twice, first on line 2; keep one of them"


def test_a_file_that_was_replaced_where_the_service_cannot_see_it_is_refused(env, tmp_path, monkeypatch):
    """As a file that is bound into a service looks when an editor has saved by another of its name. Source: stat(2), st_nlink."""
    path = written(tmp_path, '[inbox]\nsettle = "1s"\n')
    whole, file = os.fstat, path.stat()

    def without_a_name(handle: int) -> os.stat_result:
        found = whole(handle)
        return os.stat_result((*found[:3], 0, *found[4:])) if os.path.samestat(found, file) else found

    monkeypatch.setattr(os, "fstat", without_a_name)
    with pytest.raises(UsageError, match="was replaced; restart nemo-watch"):
        load(env, path=path)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("folders.inbox", '"~nosuch/x"', "begins with ~nosuch, and there is no such home"),
        ("folders.outbox", '"/a\\u0000b"', "must not hold a NUL character"),
        ("inbox.max_file", f'"{"9" * 400}GB"', "must be at most"),
        ("inbox.rescan", '"9999999999d"', "must be at most"),
        ("inbox.prompt_wait", f'"{"9" * 400}d"', "must be at most"),
        ("service.pace.recovery_waits", '["1s", "3651d"]', "must be at most"),
        ("service.projects_at_once", "9" * 40, "must be a whole number from 1 to"),
        ("service.url", '"http://127.0.0.1:abc"', "has a port that is none"),
        ("service.url", '"http://127.0.0.1:99999"', "has a port that is none"),
        ("service.url", '"http://127.0.0.1:0"', "has a port that is none"),
        ("service.url", '"http://a b.example"', "must be an http:// or https:// address"),
        ("service.skill_version", '"é"', "must be one line of plain characters"),
        ("service.skill_version", '"1.0\\n2"', "must be one line of plain characters"),
    ],
)
def test_a_value_that_would_fail_later_is_told_with_key_and_line(env, tmp_path, key, value, told):
    table, _, name = key.rpartition(".")
    path = written(tmp_path, f"[{table}]\n{name} = {value}\n")
    with pytest.raises(UsageError) as wrong:
        load(env, path=path)
    assert str(wrong.value).startswith(f"{path}:2: {key}: {told}")


def test_the_longest_duration_is_one_that_can_be_waited_for():
    assert duration_s("3650d") == DURATION_MAX_S


def test_a_configuration_in_a_home_that_is_not_there_is_told(env):
    with pytest.raises(UsageError, match="environment NEMO_WATCH_CONFIG: begins with ~nosuch"):
        load(env | {"NEMO_WATCH_CONFIG": "~nosuch/x"})


@pytest.mark.parametrize("text", ["ü", "a\nb", "a b"])
def test_a_client_id_that_no_header_can_hold_is_told(env, text):
    with pytest.raises(UsageError, match="environment NEMO_CLIENT_ID: must be one line of plain characters"):
        load(env | {"NEMO_CLIENT_ID": text})
    assert load(env | {"NEMO_CLIENT_ID": " mine\n"}).client_id == " mine\n"  # whoever reads it trims it


def test_a_space_at_the_end_of_a_folders_name_is_part_of_it(env, tmp_path):
    config = load(env, options={"folders.inbox": f"{tmp_path}/trail "})
    assert config.folders.inbox == tmp_path / "trail "
