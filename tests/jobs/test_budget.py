"""The model of what wishes cost, by the README's own examples."""

from __future__ import annotations

from tests.jobs.budget import Ledger, key_of


def ledger(*wishes: tuple[str, str]) -> Ledger:
    """Wishes as words and media, a letter each."""
    made = Ledger()
    for words, media in wishes:
        made.wants(tuple(words), frozenset(media))
    return made


def budgets(made: Ledger, *texts: str) -> list[int]:
    return [made.budget(key_of(text)) for text in texts]


def test_a_film_is_paid_once_however_often_it_is_saved():
    assert budgets(ledger(("A", "1"), ("A", "1")), "A", "B") == [1, 0]


def test_only_what_follows_the_common_beginning_is_sent():
    assert budgets(ledger(("A", "1"), ("AB", "1"), ("ABC", "1")), "A", "B", "C") == [1, 1, 1]


def test_a_changed_beginning_sends_all():
    assert budgets(ledger(("AB", "1"), ("CB", "1")), "A", "B", "C") == [1, 2, 1]


def test_there_and_back_is_a_new_version():
    assert budgets(ledger(("A", "1"), ("B", "1"), ("A", "1")), "A", "B") == [2, 1]


def test_words_taken_back_cost_nothing():
    assert budgets(ledger(("AB", "1"), ("A", "1"), ("AB", "1")), "A", "B") == [1, 1]


def test_added_media_send_the_last_message_with_their_names():
    assert budgets(ledger(("AB", "1"), ("AB", "12")), "A", "B", "B\n\n2", "A\n\n2", "B\n\n1, 2") == [1, 1, 1, 0, 0]


def test_what_is_taken_away_costs_nothing():
    assert budgets(ledger(("A", "12"), ("A", "1"), ("A", "12")), "A", "A\n\n2") == [1, 1]


def test_again_pays_the_whole_text_once_more():
    made = ledger(("AB", "1"))
    made.asks_again()
    assert budgets(made, "A", "B") == [2, 2]


def test_a_copy_of_what_stays_is_free_and_its_edit_pays_the_whole_text():
    made = ledger(("A", "1"))
    copy = made.copied()
    assert budgets(copy, "A") == [0]
    copy.wants(("A", "B"), frozenset("1"))
    assert budgets(copy, "A", "B") == [1, 1]


def test_a_copy_of_what_has_changed_since_may_be_bought():
    made = ledger(("A", "1"))
    copy = made.copied()
    made.wants(("B",), frozenset("1"))
    assert budgets(copy, "A") == [1]


def test_a_copy_of_what_is_left_of_a_film_may_be_bought():
    made = ledger(("A", "12"), ("A", "2"))
    assert budgets(made.copied(), "A") == [1]
