"""Every rule of versions and purchases as a property: whatever the words, the media and the past, it holds. README "Versions"."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nemo_watch.errors import FAILURES, Cause, FilmState, Move, Need
from nemo_watch.jobs import planning
from nemo_watch.jobs.decisions import (
    Answer,
    JobNow,
    Keep,
    Market,
    Past,
    Place,
    Routed,
    Rules,
    Sent,
    Wait,
    Wish,
    Withdraw,
)
from nemo_watch.jobs.planning import FIRST_START_MAX, decision, held_by_brake, identity, is_paid
from nemo_watch.model import Backend, JobState, MediaKind, Medium, Order, OrderKind, Words

RULES = Rules(Backend.CLOUD, prompt_wait_s=120.0, max_files=100)
EMPTY = Market({}, {})
POOL = [Medium(f"trip/{n}.jpg", f"{n}.jpg", MediaKind.IMAGE, 10, f"sha-{n}") for n in "abcd"]

messages = st.lists(st.sampled_from(["x", "y", "z"]), min_size=1, max_size=4).map(tuple)
media = st.lists(st.sampled_from(POOL), min_size=1, max_size=4, unique=True).map(tuple)
urls = st.lists(st.sampled_from(["https://e.org/1", "https://e.org/2"]), max_size=2, unique=True).map(tuple)
backends = st.sampled_from(list(Backend))


def wish(words: tuple[str, ...], files: tuple[Medium, ...], links: tuple[str, ...] = (), **changes: object) -> Wish:
    base = Wish("trip", files, links, Words(words), ready=True, quiet_s=1000.0)
    return replace(base, **changes)


def past_of(words: tuple[str, ...], files: tuple[Medium, ...], links: tuple[str, ...] = (), **changes: object) -> Past:
    """A film of which `words` were sent with these media, and which has its video."""
    sent = Sent(words, {m.sha256: m.path for m in files}, links, session=7)
    base = Past(version=1, sent=sent, job=job_of(words, files, links))
    return replace(base, **changes)


def job_of(words: tuple[str, ...], files: tuple[Medium, ...], links: tuple[str, ...] = (), **changes: object) -> JobNow:
    order = Order(OrderKind.MESSAGES, Backend.CLOUD, files, links, words, words)
    base = JobNow(1, 1, JobState.DONE, order, sent_any=True, video="trip/trip-v1.mp4")
    return replace(base, **changes)


def decide(w: Wish, past: Past, *, market: Market = EMPTY, routed: Routed | None = None, rules: Rules = RULES):
    return decision(w, past, rules, market, routed)


@given(messages, media, urls)
def test_a_new_film_sends_its_whole_text_once_in_a_session_of_its_own(words, files, links):
    placed = decide(wish(words, files, links), Past())
    assert isinstance(placed, Place)
    assert (placed.order.send, placed.order.session, placed.version) == (words, None, 1)
    assert placed.order.media == files


@given(messages, media, urls, messages, media, urls, backends, backends)
def test_only_the_very_same_purchase_is_answered_with_what_exists(w1, m1, u1, w2, m2, u2, b1, b2):
    """Backend, media by content, addresses and messages: names, paths and the order of media make no difference."""
    market = Market({identity(b1, [m.sha256 for m in m1], u1, w1): "other/other.mp4"}, {})
    renamed = tuple(replace(m, path=f"copy/{m.name}", name=f"renamed-{m.name}") for m in reversed(m2))
    placed = decide(wish(w2, renamed, u2), Past(), market=market, rules=replace(RULES, backend=b2))
    assert isinstance(placed, Place)
    same = (b1, {m.sha256 for m in m1}, u1, w1) == (b2, {m.sha256 for m in m2}, u2, w2)
    assert (placed.order.kind is OrderKind.REUSE) is same
    assert is_paid(placed.order) is (not same and b2 is Backend.CLOUD)


@given(messages, media, urls)
def test_a_film_that_is_just_being_bought_elsewhere_is_waited_for(words, files, links):
    making = {identity(Backend.CLOUD, [m.sha256 for m in files], links, words): "other"}
    waits = decide(wish(words, files, links), Past(), market=Market({}, making))
    assert isinstance(waits, Wait)
    assert waits.state is FilmState.QUEUED


@given(messages, media, urls)
def test_saving_without_a_change_does_nothing(words, files, links):
    assert decide(wish(words, files, links), past_of(words, files, links)) == Keep()


@given(messages, media, st.data())
def test_removing_or_replacing_media_changes_nothing_until_the_words_do(words, files, data):
    left = data.draw(st.lists(st.sampled_from(files), unique=True).map(tuple))
    replaced = tuple(replace(m, sha256=f"new-{m.sha256}") if data.draw(st.booleans()) else m for m in left)
    assert decide(wish(words, replaced), past_of(words, files)) == Keep()
    placed = decide(wish((*words, "more"), replaced), past_of(words, files))
    assert isinstance(placed, Place)
    gone = {m.name for m in files if m.sha256 not in {r.sha256 for r in replaced}}
    assert set(placed.order.removed) == gone


@given(messages, media, media, st.booleans())
def test_added_media_send_the_last_message_again_with_their_names_after_the_wait(words, before, added, waited):
    new = tuple(m for m in added if m not in before)
    assume(new)
    w = wish(words, (*before, *new), quiet_s=1000.0 if waited else 1.0)
    decided = decide(w, past_of(words, before))
    if not waited:
        assert isinstance(decided, Wait)
        assert decided.again_in_s is not None
        return
    assert isinstance(decided, Place)
    assert decided.order.send == (f"{words[-1]}\n\n{', '.join(m.name for m in new)}",)
    assert (decided.order.wish, decided.order.session) == (words, 7)


@given(messages, messages, media)
def test_going_back_to_earlier_words_is_a_new_version_and_never_a_reuse(first, second, files):
    """A → B → A: what was bought for this very film is not handed over for an edit."""
    assume(first != second and second[: len(first)] != first and first[: len(second)] != second)
    market = Market({identity(Backend.CLOUD, [m.sha256 for m in files], (), first): "trip/trip-v1.mp4"}, {})
    placed = decide(wish(first, files), past_of(second, files, version=2), market=market)
    assert isinstance(placed, Place)
    assert placed.order.kind is OrderKind.MESSAGES
    assert placed.version == 3
    assert placed.order.send


@given(messages, messages, media, st.sampled_from([JobState.QUEUED, JobState.WORKING, JobState.CANCELLED]))
def test_an_edit_waits_while_a_version_is_being_made_or_the_film_is_cancelled(sent, now, files, state):
    assert decide(wish(now, files), past_of(sent, files, job=job_of(sent, files, state=state, video=None))) == Keep()


DECISIONS = [cause for cause, failure in FAILURES.items() if failure.needs is Need.DECISION]
ASKS = [
    cause
    for cause, failure in FAILURES.items()
    if failure.needs not in {None, Need.DECISION} and failure.move is not Move.LEAVE_OUT
]


@given(messages, messages, media, st.sampled_from(DECISIONS))
def test_nothing_is_bought_while_a_person_has_to_decide(sent, now, files, cause):
    parked = job_of(sent, files, state=JobState.PARKED, cause=cause, video=None)
    assert decide(wish(now, files), past_of(sent, files, job=parked)) == Keep()


@given(messages, messages, media, st.sampled_from(ASKS))
def test_in_any_other_stop_an_edit_takes_the_place_of_what_was_not_sent(old, now, files, cause):
    """Nothing of `old` was taken: the last text wins, as a whole."""
    parked = job_of(old, files, state=JobState.PARKED, cause=cause, video=None, sent_any=False)
    decided = decide(wish(now, files), Past(job=parked))
    if now == old:
        assert decided == Keep()
    else:
        assert isinstance(decided, Place)
        assert decided.order.send == now
        assert decided.replaces == parked.id


@given(messages, messages, media)
def test_text_that_was_taken_back_before_it_was_sent_is_not_sent(sent, more, files):
    waiting = JobNow(
        2, 2, JobState.PARKED,
        Order(OrderKind.MESSAGES, Backend.CLOUD, files, (), (*sent, *more), more, session=7),
        cause=Cause.OUT_OF_CREDITS, sent_any=False,
    )  # fmt: skip
    assert decide(wish(sent, files), past_of(sent, files, job=waiting)) == Withdraw(2)


@given(messages, media, st.sampled_from(list(Routed)), st.booleans())
def test_routing_words_cost_nothing_and_are_no_part_of_the_films_words(words, files, routed, made):
    past = past_of(words, files) if made else Past()
    decided = decide(wish((routed.value,), files), past, routed=routed)
    if isinstance(decided, Place):
        assert not is_paid(decided.order)
        assert decided.order.wish == (words if made else ())
    else:
        assert isinstance(decided, Answer | Wait)
    answered = replace(past, answered=(routed.value,))
    assert not isinstance(decide(wish((routed.value,), files), answered, routed=routed), Place | Answer)


@given(messages, messages, media, media)
def test_again_buys_the_whole_text_in_a_new_session_with_what_is_there_now(sent, now, before, files):
    placed = planning.again(wish(now, files), past_of(sent, before), RULES)
    assert placed is not None
    order = placed.order
    assert (order.send, order.session, order.media, order.bought_again) == (now, None, files, True)


@given(messages, media)
def test_a_copy_that_is_edited_gets_a_session_of_its_own_and_its_whole_text(words, files):
    handed_over = Past(
        version=1, sent=Sent(words, {m.sha256: m.path for m in files}, (), session=None), job=job_of(words, files)
    )
    placed = decide(wish((*words, "more"), files), handed_over)
    assert isinstance(placed, Place)
    assert (placed.order.send, placed.order.session) == ((*words, "more"), None)


@given(messages, media)
def test_a_deleted_prompt_changes_nothing(words, files):
    gone = replace(wish(words, files), words=None)
    assert decide(gone, replace(past_of(words, files), words=words)) == Keep()


@given(st.sets(st.integers(1, 30), max_size=12), st.booleans(), st.sets(st.integers(1, 30), max_size=6))
def test_the_brake_holds_a_first_start_and_never_lets_go_of_what_it_holds(to_pay, ever_paid, held):
    now = held_by_brake(to_pay, ever_paid=ever_paid, held=held)
    assert held <= now
    if not ever_paid and (held or len(to_pay) > FIRST_START_MAX):
        assert to_pay <= now
    if ever_paid:
        assert now == held
    assert now <= to_pay | held


@pytest.mark.parametrize("rest", ["photos", "words"])
@given(messages, media)
def test_music_alone_and_words_alone_are_not_bought(rest, words, files):
    songs = tuple(replace(m, kind=MediaKind.AUDIO) for m in files) if rest == "photos" else ()
    waits = decide(wish(words, songs), Past())
    assert isinstance(waits, Wait)
    assert isinstance(decide(wish(words, songs, from_words=True), Past()), Place)
