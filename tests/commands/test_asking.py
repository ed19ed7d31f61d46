"""retry, again and cancel: what a person asks for becomes rows of the journal."""

from __future__ import annotations

import pytest

from nemo_watch.errors import FilmState
from nemo_watch.jobs import records


def test_retry_asks_for_every_film_of_a_project(run, films):
    films.add("wedding/a", FilmState.FAILED)
    films.add("wedding/b", FilmState.NEEDS_YOU)
    films.add("beach", FilmState.FAILED)
    ended = run("retry", "wedding")
    assert ended.code == 0
    assert films.asked() == [("retry", "wedding/a"), ("retry", "wedding/b")]
    assert "wedding/a (failed): " in ended.out
    assert "as soon as it starts: nemo-watch run" in ended.out


def test_one_film_of_a_project_can_be_named(run, films):
    films.add("wedding/a", FilmState.FAILED)
    films.add("wedding/b", FilmState.FAILED)
    run("retry", "wedding/b")
    assert films.asked() == [("retry", "wedding/b")]


def test_a_name_that_a_shell_completed_is_understood(run, films):
    films.add("beach", FilmState.FAILED)
    assert run("retry", "beach/").code == 0


def test_asking_twice_is_asking_once(run, films):
    films.add("beach", FilmState.FAILED)
    run("retry", "beach")
    run("retry", "beach")
    run("cancel", "beach")
    assert films.asked() == [("retry", "beach"), ("cancel", "beach")]


def test_retry_all_leaves_what_is_done_at_work_or_cancelled_by_someone(run, films):
    for state in FilmState:
        films.add(state.value, state)
    run("retry", "--all")
    assert {name for _, name in films.asked()} == {"failed", "needs_you", "queued"}


def test_retry_all_with_nothing_to_try_says_so(run, films):
    films.add("beach", FilmState.DONE)
    ended = run("retry", "--all")
    assert (ended.code, ended.out) == (0, "There is nothing to try again.\n")


@pytest.mark.parametrize("arguments", [[], ["beach", "--all"]])
def test_retry_wants_either_a_project_or_all(run, films, arguments):
    ended = run("retry", *arguments)
    assert ended.code == 2
    assert films.asked() == []


def test_cancel_passes_over_what_is_over(run, films):
    films.add("wedding/a", FilmState.DONE)
    films.add("wedding/b", FilmState.WORKING)
    run("cancel", "wedding")
    assert films.asked() == [("cancel", "wedding/b")]


def test_what_is_cancelled_is_told_how_it_is_taken_up_again(run, films):
    films.add("odd files", FilmState.QUEUED)
    assert "to take it up again: nemo-watch retry 'odd files'\n" in run("cancel", "odd files").out


def test_cancelling_what_is_done_says_that_there_is_nothing_to_cancel(run, films):
    films.add("beach", FilmState.DONE)
    assert "nothing to cancel" in run("cancel", "beach").out
    assert films.asked() == []


@pytest.mark.parametrize("verb", ["retry", "cancel", "again"])
def test_an_unknown_project_is_wrong_usage_with_near_names(run, films, verb):
    films.add("beach-trip", FilmState.FAILED)
    ended = run(verb, "beach-trp")
    assert ended.code == 2
    assert "Did you mean beach-trip?" in ended.err
    assert films.asked() == []


@pytest.mark.parametrize("verb", ["retry", "cancel", "again", "link"])
def test_before_any_run_they_say_how_to_begin_and_make_no_journal(run, config, verb):
    ended = run(verb, "beach")
    assert ended.code == 2
    assert "nemo-watch run" in ended.err
    assert list(config.folders.state.iterdir()) == []


def test_of_two_films_of_one_name_the_newest_is_meant(run, films):
    films.add("beach", FilmState.FAILED)

    def renamed(connection):
        from nemo_watch.jobs import tables

        connection.execute(tables.project.update().values(folder="gone"))

    films.store.submit(renamed).result()
    newest = films.add("beach", FilmState.FAILED)
    run("retry", "beach")
    asked = films.store.submit(records.open_requests).result()
    assert [request.film for request in asked] == [newest]


def test_a_running_daemon_is_poked_and_no_start_is_advised(run, films, config, monkeypatch):
    from nemo_watch.daemon import wiring

    poked = []
    monkeypatch.setattr(wiring, "poke_daemon", lambda found: poked.append(found) or True)
    films.add("beach", FilmState.FAILED)
    ended = run("retry", "beach")
    assert len(poked) == 1
    assert "as soon as it starts" not in ended.out


# -- again ---------------------------------------------------------------------------------------------------------------------


def test_again_says_how_many_messages_it_pays(run, films, config):
    films.add("beach")
    (config.folders.inbox / "beach").mkdir()
    (config.folders.inbox / "beach" / "prompt.txt").write_text("# help\nA film\n---\nwith music\n---\nand a title\n")
    ended = run("again", "beach")
    assert ended.code == 0
    assert "this pays 3 messages" in ended.out
    assert films.asked() == [("again", "beach")]


def test_again_counts_a_sidecars_messages(run, films, config):
    films.add("wedding/a")
    (config.folders.inbox / "wedding").mkdir()
    (config.folders.inbox / "wedding" / "a.txt").write_text("One message\n")
    assert "this pays 1 message\n" in run("again", "wedding/a").out


def test_again_with_the_studio_is_free_and_says_so(run, films, config):
    number = films.add("beach")
    films.store.submit(lambda c: records.write_film(c, number, words=["a", "b"])).result()
    assert "free" in run("again", "beach", "--studio").out


def test_again_counts_the_words_last_seen_when_the_prompt_is_gone(run, films):
    number = films.add("beach")
    films.store.submit(lambda c: records.write_film(c, number, words=["a", "b"])).result()
    assert "this pays 2 messages" in run("again", "beach").out


def routing_word(films, config, name: str) -> int:
    """A film whose prompt is a routing word; its number."""
    number = films.add(name)
    (config.folders.inbox / name).mkdir()
    (config.folders.inbox / name / "prompt.txt").write_text("export\n")
    return number


def test_again_counts_the_words_last_seen_when_the_prompt_is_a_routing_word(run, films, config):
    number = routing_word(films, config, "beach")
    films.store.submit(lambda c: records.write_film(c, number, words=["a", "b", "c"])).result()
    assert "this pays 3 messages" in run("again", "beach").out


def test_again_with_nothing_but_a_routing_word_buys_nothing(run, films, config):
    routing_word(films, config, "beach")
    ended = run("again", "beach")
    assert ended.code == 2
    assert "no words yet" in ended.err
    assert films.asked() == []


def test_again_without_any_words_buys_nothing(run, films):
    films.add("beach")
    ended = run("again", "beach")
    assert ended.code == 2
    assert "no words yet" in ended.err
    assert films.asked() == []


def test_again_wants_one_film_because_each_is_paid(run, films):
    films.add("wedding/a")
    films.add("wedding/b")
    ended = run("again", "wedding")
    assert ended.code == 2
    assert "Name one: wedding/a, wedding/b" in ended.err
    assert films.asked() == []


def test_again_takes_a_folders_own_film_by_its_name(run, films, config):
    number = films.add("wedding")
    films.add("wedding/a")
    films.store.submit(lambda c: records.write_film(c, number, words=["a"])).result()
    assert run("again", "wedding").code == 0
    assert films.asked() == [("again", "wedding")]


def test_again_waits_for_a_film_that_is_being_made(run, films):
    films.add("beach", FilmState.WORKING)
    ended = run("again", "beach")
    assert ended.code == 2
    assert "nemo-watch cancel beach" in ended.err


# -- a journal that can be read and not written ----------------------------------------------------------------------------------


def test_a_command_waits_for_a_locked_journal_only_so_long_and_says_why(run, films, config, monkeypatch):
    import sqlite3

    from nemo_watch.commands import asking

    films.add("beach", FilmState.FAILED)
    films.store.close()
    monkeypatch.setattr(asking, "PATIENCE_S", 0.0)
    with sqlite3.connect(config.folders.state / "journal.db", isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        ended = run("cancel", "beach")
        other.execute("ROLLBACK")
    assert ended.code == 1
    assert "another program has locked it" in ended.err
