from __future__ import annotations

import re
import stat
import tomllib
from dataclasses import replace
from pathlib import Path

from nemo_watch import keys
from nemo_watch.commands.init import TEMPLATE, config_text
from nemo_watch.config import load

DOCUMENTED = Path(__file__).parents[2] / "config" / "nemo-watch.toml"
KEYS = frozenset(keys.KEYS)


def flat(table, prefix=""):
    for name, value in table.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def test_the_documented_default_is_the_built_in_one(home):
    documented = load({"HOME": str(home)}, path=DOCUMENTED)
    built_in = load({"HOME": str(home)})
    assert replace(documented, sources={}, path=None) == replace(built_in, sources={}, path=None)


def test_the_documented_default_names_every_key():
    assert set(flat(tomllib.loads(DOCUMENTED.read_text("utf-8")))) == KEYS


def test_every_key_is_explained_in_the_lines_above_it():
    lines = DOCUMENTED.read_text("utf-8").splitlines()
    keys = [number for number, line in enumerate(lines) if re.match(r"\w+ = ", line)]
    assert len(keys) == len(KEYS)
    assert all(lines[number - 1].startswith("# ") for number in keys)


def test_the_documented_default_and_what_init_writes_are_one_text():
    assert DOCUMENTED.read_text("utf-8") == TEMPLATE.read_text("utf-8")


def test_init_makes_the_folders_and_a_configuration_and_says_what_comes_next(run, home):
    ended = run("init")
    assert ended.code == 0
    assert (home / "nemo-watch" / "inbox").is_dir()
    assert (home / "nemo-watch" / "outbox").is_dir()
    assert stat.S_IMODE((home / ".local/state/nemo-watch").stat().st_mode) == 0o700
    assert f"config  {home}/.config/nemo-watch/config.toml written" in ended.out
    assert "nemo-watch run" in ended.out


def test_what_init_wrote_is_read_back_with_the_chosen_folders(run, home):
    run("init", "--inbox", str(home / 'my "photos"'), "--outbox", str(home / "out"), "--studio")
    config = load()
    assert config.path == home / ".config/nemo-watch/config.toml"
    assert config.folders.inbox == home / 'my "photos"'
    assert config.folders.outbox == home / "out"
    assert config.service.backend == "studio"
    assert set(config.sources) == {"folders.inbox", "folders.outbox", "folders.state", "service.backend"}


def test_keys_that_nobody_chose_stay_comments_so_that_defaults_stay_defaults(home):
    text = config_text(TEMPLATE.read_text("utf-8"), load())
    assert '#settle = "5s"' in text
    assert set(flat(tomllib.loads(text))) == {"folders.inbox", "folders.outbox", "folders.state"}
    uncommented = re.sub(r"^#(\w+ = )", r"\1", text, flags=re.MULTILINE)
    assert set(flat(tomllib.loads(uncommented))) == KEYS


def test_init_never_overwrites_and_never_changes_what_is_there(run, home):
    run("init")
    path = home / ".config/nemo-watch/config.toml"
    path.write_text(path.read_text() + "# mine\n")
    (home / "nemo-watch/inbox").chmod(0o750)
    before = path.read_text()
    again = run("init")
    assert again.code == 0
    assert path.read_text() == before
    assert stat.S_IMODE((home / "nemo-watch/inbox").stat().st_mode) == 0o750
    assert "stays as it is" in again.out


def test_a_configuration_named_by_option_is_written_where_it_is_named(run, home):
    assert run("init", "--config", str(home / "own" / "nw.toml"), "--inbox", str(home / "in")).code == 0
    assert load(path=home / "own" / "nw.toml").folders.inbox == home / "in"
    assert not (home / ".config").exists()


def test_folders_inside_one_another_are_refused_before_anything_is_made(run, home):
    ended = run("init", "--inbox", str(home / "a"), "--outbox", str(home / "a" / "b"))
    assert ended.code == 2
    assert not (home / "a").exists()
