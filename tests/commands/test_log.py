from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from nemo_watch.commands.log import followed_lines, log_path, told_lines
from nemo_watch.errors import UsageError
from nemo_watch.model import FilmReceipt, ProjectReceipt
from nemo_watch.outbox.publish import OutboxFolder
from nemo_watch.outbox.receipt import write_receipt
from tests.commands.conftest import row


@pytest.fixture
def story(tmp_path: Path) -> Path:
    return tmp_path / "project.log"


class Events:
    """What happens each time that there is nothing new to follow."""

    def __init__(self, *events) -> None:
        self.left = list(events)

    def __call__(self) -> None:
        self.left.pop(0)()


def add(path: Path, text: str):
    def _add() -> None:
        with path.open("a") as file:
            file.write(text)

    return _add


def rotate(path: Path):
    return lambda: path.rename(path.with_name("project.log.1"))


# -- the command ---------------------------------------------------------------------------------------------------------------


def test_a_story_is_told_whole_the_older_file_first(run, config):
    folder = config.folders.outbox / "beach"
    folder.mkdir()
    (folder / "project.log.1").write_text("one\n")
    (folder / "project.log").write_text("two\nthree without an end")
    assert run("log", "beach/a").out == "one\ntwo\nthree without an end\n"


def test_nothing_in_a_story_steers_the_terminal(run, config):
    (config.folders.outbox / "beach").mkdir()
    (config.folders.outbox / "beach" / "project.log").write_bytes(b"a\x1b[2Jb\xff\n")
    assert run("log", "beach").out == "a\\x1b[2Jb\ufffd\n"


def test_a_project_without_a_story_and_an_unknown_one_are_told_apart(run, config, tell):
    tell(row("new", "waiting_for_prompt"), row("garden"))
    assert "no story yet" in run("log", "new").err
    ended = run("log", "gardn")
    assert ended.code == 2
    assert "Did you mean garden?" in ended.err


def test_an_unknown_film_of_a_known_project_is_wrong_usage_with_near_names(run, config, tell):
    tell(row("wedding/anna"), row("wedding/ben"))
    (config.folders.outbox / "wedding").mkdir()
    (config.folders.outbox / "wedding" / "project.log").write_text("one\n")
    ended = run("log", "wedding/ana")
    assert (ended.code, ended.out) == (2, "")
    assert "Did you mean wedding/anna" in ended.err
    assert run("log", "wedding/anna").out == "one\n"
    assert run("log", "wedding/").out == "one\n"


def test_a_film_that_only_its_receipt_knows_has_its_story(run, config, tell):
    tell(row("garden"))
    film = FilmReceipt("wedding/a", "a", ())
    (config.folders.outbox / "wedding").mkdir()
    (config.folders.outbox / "wedding" / "project.log").write_text("one\n")
    write_receipt(OutboxFolder(config.folders.outbox), ProjectReceipt("wedding", "wedding", (film,)))
    assert run("log", "wedding/a").out == "one\n"
    assert run("log", "wedding/b").code == 2


def test_a_story_that_cannot_be_read_is_told_with_its_file(run, config):
    (config.folders.outbox / "beach").mkdir()
    (config.folders.outbox / "beach" / "project.log.1").mkdir()
    (config.folders.outbox / "beach" / "project.log").write_text("one\n")
    ended = run("log", "beach")
    assert ended.code == 2
    assert "project.log cannot be read (Is a directory)" in ended.err


def test_before_any_run_it_says_how_to_begin(run, config):
    ended = run("log", "beach")
    assert ended.code == 2
    assert "nemo-watch run" in ended.err


# -- where it stands -------------------------------------------------------------------------------------------------------------


def test_a_receipt_tells_which_folder_is_a_projects_own(tmp_path):
    outbox = OutboxFolder(tmp_path)
    for project, folder in (("Beach", "Beach"), ("beach", "beach-2")):
        (tmp_path / folder).mkdir()
        write_receipt(outbox, ProjectReceipt(project, folder, ()))
    assert log_path(tmp_path, "beach") == tmp_path / "beach-2" / "project.log"
    assert log_path(tmp_path, "Beach/a") == tmp_path / "Beach" / "project.log"


def test_a_folder_with_another_projects_receipt_is_not_taken_for_this_one(tmp_path):
    (tmp_path / "beach").mkdir()
    (tmp_path / "beach" / "project.log").write_text("secret of another\n")
    write_receipt(OutboxFolder(tmp_path), ProjectReceipt("bea\u200dch", "beach", ()))
    with pytest.raises(UsageError):
        log_path(tmp_path, "beach")


@pytest.mark.parametrize("name", ["..", "../x", "/etc", ".", ""])
def test_a_name_leads_out_of_no_outbox(tmp_path, name):
    outbox = tmp_path / "out"
    outbox.mkdir()
    (tmp_path / "project.log").write_text("outside\n")
    with pytest.raises(UsageError):
        log_path(outbox, name)


# -- following -------------------------------------------------------------------------------------------------------------------


def test_following_tells_what_is_there_and_then_what_comes(story):
    add(story, "one\n")()
    lines = followed_lines(story, Events(add(story, "two\nthree\n")))
    assert list(islice(lines, 3)) == ["one", "two", "three"]


def test_a_line_is_told_when_it_is_whole(story):
    add(story, "on")()
    lines = followed_lines(story, Events(add(story, "e\ntw"), add(story, "o\n")))
    assert list(islice(lines, 2)) == ["one", "two"]


def test_a_rotated_log_is_finished_before_the_new_one_begins(story):
    add(story, "one\n")()

    def rotated() -> None:
        add(story, "two\n")()
        rotate(story)()
        add(story, "three\n")()

    lines = followed_lines(story, Events(rotated, lambda: None, add(story, "four\n")))
    assert list(islice(lines, 4)) == ["one", "two", "three", "four"]


def test_a_log_that_is_away_for_a_moment_is_waited_for(story):
    lines = followed_lines(story, Events(add(story, "one\n"), rotate(story), add(story, "two\n"), lambda: None))
    assert list(islice(lines, 2)) == ["one", "two"]


def test_a_log_that_was_emptied_is_read_from_its_beginning(story):
    add(story, "a long first line\n")()
    lines = followed_lines(story, Events(lambda: story.write_text("new\n"), lambda: None))
    assert list(islice(lines, 2)) == ["a long first line", "new"]


def test_ctrl_c_ends_following_with_0(run, config, monkeypatch):
    (config.folders.outbox / "beach").mkdir()
    (config.folders.outbox / "beach" / "project.log").write_text("one\n")

    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", interrupted)
    ended = run("log", "beach", "-f")
    assert (ended.code, ended.out) == (0, "one\n")


def test_no_story_at_all_has_no_lines(story):
    assert list(told_lines(story)) == []
