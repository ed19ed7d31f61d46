"""The money decision: each rule of versions, additions, copies and the brake, as examples and as properties."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemo_watch.errors import Cause, FilmState, Need
from nemo_watch.jobs import planning
from nemo_watch.jobs.decisions import (
    READING,
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
    WritePrompt,
)
from nemo_watch.jobs.planning import decision, held_by_brake, identity
from nemo_watch.jobs.recognising import KnownProject, same_project
from nemo_watch.model import Backend, FolderIdentity, JobState, MediaKind, Medium, Order, OrderKind, Words

RULES = Rules(Backend.CLOUD, prompt_wait_s=120.0, max_files=100)


def medium(name: str, content: str | None = None, kind: MediaKind = MediaKind.IMAGE) -> Medium:
    return Medium(f"trip/{name}", name, kind, 10, content or f"sha-{name}")


def wish(*messages: str, media: tuple[Medium, ...] = (medium("a.jpg"),), **changes: object) -> Wish:
    words = Words(messages) if messages else None
    base = Wish("trip", media, (), words, ready=True, quiet_s=1000.0)
    return replace(base, **changes)


def sent(*messages: str, media: tuple[Medium, ...] = (medium("a.jpg"),), session: int | None = 1) -> Sent:
    return Sent(messages, {m.sha256: m.path for m in media}, (), session)


def done(number: int = 1, version: int = 1) -> JobNow:
    order = Order(OrderKind.MESSAGES, Backend.CLOUD, (), (), (), ())
    return JobNow(number, version, JobState.DONE, order, sent_any=True, video="trip/trip-v1.mp4")


def decide(w: Wish, past: Past | None = None, rules: Rules = RULES, bought=None, routed=None, making=None):
    return decision(w, past or Past(), rules, Market(bought or {}, making or {}), routed)


def test_a_new_film_sends_its_whole_text_in_a_new_session():
    placed = decide(wish("make it", "then this"))
    assert isinstance(placed, Place)
    assert placed.order.send == ("make it", "then this")
    assert placed.order.session is None
    assert placed.version == 1


def test_a_film_without_a_prompt_gets_one():
    assert decide(wish()) == WritePrompt()


def test_an_unedited_template_waits_for_an_edit_and_says_when_it_goes_on():
    w = wish("default", quiet_s=20.0)
    waiting = decide(replace(w, words=Words(("default",), template=True)))
    assert isinstance(waiting, Wait)
    assert waiting.state is FilmState.WAITING_FOR_PROMPT
    assert waiting.again_in_s == 100.0


def test_once_waits_for_no_edit_unless_the_wait_is_for_ever():
    w = replace(wish("default", quiet_s=0.0), words=Words(("default",), template=True))
    assert isinstance(decide(w, rules=replace(RULES, once=True)), Place)
    forever = replace(RULES, once=True, prompt_wait_s=float("inf"))
    assert isinstance(decide(w, rules=forever), Wait)


def test_an_edited_template_starts_at_once():
    assert isinstance(decide(wish("my own words", quiet_s=0.0)), Place)


def test_a_prompt_without_photos_waits():
    waiting = decide(wish("make it", media=()))
    assert waiting == Wait(FilmState.SETTLING, "no photos yet")


def test_words_alone_are_enough_when_an_empty_urls_file_says_so():
    assert isinstance(decide(wish("make it", media=(), from_words=True)), Place)


def test_audio_alone_waits_for_a_picture():
    waiting = decide(wish("make it", media=(medium("song.mp3", kind=MediaKind.AUDIO),)))
    assert isinstance(waiting, Wait)
    assert "picture" in waiting.detail


def test_an_emptied_prompt_waits_for_words():
    waiting = decide(replace(wish(), words=Words(())))
    assert isinstance(waiting, Wait)
    assert waiting.state is FilmState.WAITING_FOR_PROMPT


def test_a_deleted_prompt_changes_nothing():
    past = Past(version=1, sent=sent("make it"), job=done(), words=("make it",))
    assert decide(wish(), past) == Keep()


def test_saving_without_a_change_does_nothing():
    past = Past(version=1, sent=sent("make it"), job=done())
    assert decide(wish("make it"), past) == Keep()


def test_only_what_follows_the_common_beginning_is_sent():
    past = Past(version=1, sent=sent("one", "two"), job=done())
    placed = decide(wish("one", "two", "three"), past)
    assert isinstance(placed, Place)
    assert placed.order.send == ("three",)
    assert placed.order.session == 1
    assert placed.version == 2


def test_a_changed_first_message_sends_all():
    past = Past(version=1, sent=sent("one", "two"), job=done())
    placed = decide(wish("uno", "two"), past)
    assert isinstance(placed, Place)
    assert placed.order.send == ("uno", "two")


def test_a_b_a_is_a_new_version():
    past = Past(version=2, sent=sent("B"), job=done(2, 2))
    placed = decide(wish("A"), past, bought={identity(Backend.CLOUD, ["sha-a.jpg"], (), ("A",)): "trip/trip-v1.mp4"})
    assert isinstance(placed, Place)
    assert placed.order.kind is OrderKind.MESSAGES
    assert placed.order.send == ("A",)
    assert placed.version == 3


def test_added_media_send_the_last_message_again_with_their_names():
    past = Past(version=1, sent=sent("one", "two"), job=done())
    placed = decide(wish("one", "two", media=(medium("a.jpg"), medium("b.jpg"))), past)
    assert isinstance(placed, Place)
    assert placed.order.send == ("two\n\nb.jpg",)
    assert placed.order.wish == ("one", "two")


def test_added_media_wait_for_an_edit_first():
    past = Past(version=1, sent=sent("one"), job=done())
    waiting = decide(wish("one", media=(medium("a.jpg"), medium("b.jpg")), quiet_s=30.0), past)
    assert isinstance(waiting, Wait)
    assert waiting.again_in_s == 90.0
    assert "b.jpg" in waiting.detail


@pytest.mark.parametrize(
    "media",
    [(), (medium("a.jpg", "other content"),), (medium("renamed.jpg", "sha-a.jpg"),)],
    ids=["removed", "replaced", "renamed"],
)
def test_removed_replaced_or_renamed_media_change_nothing(media):
    past = Past(version=1, sent=sent("one"), job=done())
    assert decide(wish("one", media=media), past) == Keep()


def test_a_new_message_says_which_media_are_gone_but_still_in_the_session():
    past = Past(version=1, sent=sent("one", media=(medium("a.jpg"), medium("b.jpg"))), job=done())
    placed = decide(wish("one", "two"), past)
    assert isinstance(placed, Place)
    assert placed.order.removed == ("b.jpg",)


def test_a_film_bought_before_is_handed_over():
    bought = {identity(Backend.CLOUD, ["sha-a.jpg"], (), ("make it",)): "trip/trip-v1.mp4"}
    placed = decide(wish("make it"), bought=bought)
    assert isinstance(placed, Place)
    assert placed.order.kind is OrderKind.REUSE
    assert placed.order.source == "trip/trip-v1.mp4"
    assert placed.order.send == ()


def test_a_copy_of_a_film_that_is_being_made_waits_for_its_video():
    making = {identity(Backend.CLOUD, ["sha-a.jpg"], (), ("make it",)): "trip"}
    waiting = decide(wish("make it"), making=making)
    assert isinstance(waiting, Wait)
    assert waiting.state is FilmState.QUEUED
    assert "trip" in waiting.detail


def test_a_copy_once_edited_sends_its_whole_text_in_its_own_session():
    past = Past(version=1, sent=sent("one", session=None), job=done())
    placed = decide(wish("one", "two"), past)
    assert isinstance(placed, Place)
    assert placed.order.send == ("one", "two")
    assert placed.order.session is None


def test_another_backend_is_another_film():
    bought = {identity(Backend.STUDIO, ["sha-a.jpg"], (), ("make it",)): "trip/trip-v1.mp4"}
    placed = decide(wish("make it"), bought=bought)
    assert isinstance(placed, Place)
    assert placed.order.kind is OrderKind.MESSAGES


def parked(
    cause: Cause, *, sent_any: bool, words: tuple[str, ...] = ("one",), state: JobState = JobState.PARKED
) -> JobNow:
    order = Order(OrderKind.MESSAGES, Backend.CLOUD, (medium("a.jpg"),), (), words, words)
    return JobNow(7, 1, state, order, cause, sent_any=sent_any)


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.WORKING, JobState.CANCELLED])
def test_edits_wait_while_a_version_is_being_made(state):
    past = Past(job=replace(parked(Cause.SURPRISE, sent_any=False), state=state, cause=None))
    assert decide(wish("other"), past) == Keep()


def test_edits_wait_for_a_decision():
    past = Past(sent=sent("one"), job=parked(Cause.MESSAGE_UNSURE, sent_any=True))
    assert decide(wish("other"), past) == Keep()


@pytest.mark.parametrize("cause", [Cause.OUT_OF_CREDITS, Cause.NOTHING_LEFT, Cause.TOKEN_REJECTED, Cause.NETWORK_DOWN])
def test_an_edit_replaces_text_that_was_not_sent(cause):
    placed = decide(wish("other"), Past(job=parked(cause, sent_any=False)))
    assert isinstance(placed, Place)
    assert placed.replaces == 7
    assert placed.order.send == ("other",)
    assert placed.version == 1


def test_a_waiting_film_without_an_edit_is_not_ordered_again():
    for cause in (Cause.OUT_OF_CREDITS, Cause.NETWORK_DOWN, Cause.TOKEN_REJECTED):
        assert decide(wish("one"), Past(job=parked(cause, sent_any=False))) == Keep()


def waiting_for_files(cause: Cause, media: tuple[Medium, ...]) -> JobNow:
    order = Order(OrderKind.MESSAGES, Backend.CLOUD, media, (), ("make it",), ("make it",), bought_again=True)
    return JobNow(7, 2, JobState.PARKED, order, cause)


@pytest.mark.parametrize("cause", [Cause.MEDIA_GONE, Cause.FILE_CHANGED])
def test_an_order_whose_files_lie_elsewhere_now_is_placed_anew_with_their_places_of_today(cause):
    before, now = (medium("a.jpg", "one"), medium("a (2).jpg", "one")), (medium("best.jpg", "one"),)
    placed = decide(
        wish("make it", media=now),
        Past(version=1, sent=sent("make it", media=now), job=waiting_for_files(cause, before)),
    )
    assert isinstance(placed, Place)
    assert placed.order == replace(waiting_for_files(cause, before).order, media=now)
    assert (placed.version, placed.replaces) == (2, 7)


@pytest.mark.parametrize(
    ("now", "changes", "ready"),
    [
        ("a.jpg", {}, True),
        ("b.jpg", {"cause": Cause.NETWORK_DOWN}, True),
        ("b.jpg", {"sent_any": True}, True),
        ("b.jpg", {}, False),
    ],
)
def test_an_order_that_waits_for_something_else_stands(now, changes, ready):
    media = (medium(now, "one"),)
    job = replace(waiting_for_files(Cause.MEDIA_GONE, (medium("a.jpg", "one"),)), **changes)
    past = Past(version=1, sent=sent("make it", media=media), job=job)
    assert decide(wish("make it", media=media, ready=ready), past) == Keep()


def test_a_file_that_arrives_in_a_finished_project_is_told():
    past = Past(version=1, sent=sent("make it"), job=done())
    w = wish("make it", ready=False, busy_with="trip/b.jpg is still arriving")
    assert decide(w, past) == Wait(FilmState.SETTLING, "trip/b.jpg is still arriving")
    for nothing in (None, READING):
        assert decide(replace(w, busy_with=nothing), past) == Keep()


def test_the_answer_to_a_question_is_the_next_edit_in_the_same_session():
    past = Past(sent=sent("one"), job=parked(Cause.SERVICE_ASKS, sent_any=True))
    placed = decide(wish("vertical, please"), past)
    assert isinstance(placed, Place)
    assert placed.order.send == ("vertical, please",)
    assert placed.order.session == 1
    assert placed.replaces == 7


def test_an_edit_of_the_unsent_rest_keeps_what_was_sent():
    past = Past(sent=sent("one"), job=parked(Cause.OUT_OF_CREDITS, sent_any=True, words=("one", "two")))
    placed = decide(wish("one", "another"), past)
    assert isinstance(placed, Place)
    assert placed.order.send == ("another",)


def test_a_failed_film_is_not_tried_again_by_itself():
    past = Past(sent=sent("one"), job=parked(Cause.RENDER_FAILED, sent_any=True, state=JobState.FAILED))
    assert decide(wish("one"), past) == Keep()


def test_an_unreadable_prompt_asks_for_a_plain_one():
    w = wish("x", trouble=(Cause.PROMPT_UNREADABLE, {"file": "trip/prompt.txt", "reason": "it is rich text"}))
    waiting = decide(w)
    assert isinstance(waiting, Wait)
    assert waiting.needs is Need.FILE


def test_too_many_files_are_said_in_words():
    waiting = decide(wish("x", media=tuple(medium(f"{n}.jpg") for n in range(101))))
    assert isinstance(waiting, Wait)
    assert "101" in waiting.detail


def test_credits_and_status_are_answered_once_each_time_they_are_written():
    past = Past(version=1, sent=sent("one"), job=done())
    assert decide(wish("credits"), past, routed=Routed.CREDITS) == Answer(Routed.CREDITS, ("credits",))
    assert decide(wish("credits"), replace(past, answered=("credits",)), routed=Routed.CREDITS) == Keep()


def test_export_renders_the_session_again_and_sends_nothing():
    past = Past(version=1, sent=sent("one"), job=done())
    placed = decide(wish("export"), past, routed=Routed.EXPORT)
    assert isinstance(placed, Place)
    assert placed.order.kind is OrderKind.EXPORT
    assert placed.order.send == ()
    assert placed.order.session == 1
    assert placed.version == 2


def test_export_without_a_timeline_asks_for_words():
    waiting = decide(wish("export"), routed=Routed.EXPORT)
    assert isinstance(waiting, Wait)
    assert waiting.needs is Need.ANSWER


def test_upload_brings_new_media_up_and_sends_nothing():
    placed = decide(wish("upload"), routed=Routed.UPLOAD)
    assert isinstance(placed, Place)
    assert placed.order.kind is OrderKind.UPLOAD
    assert placed.order.send == ()


def test_again_buys_the_whole_text_in_a_new_session():
    placed = planning.again(wish("one", "two"), Past(version=1, sent=sent("one", "two"), job=done()), RULES)
    assert placed is not None
    assert placed.order.send == ("one", "two")
    assert placed.order.session is None
    assert placed.order.bought_again
    assert placed.version == 2


def test_text_that_was_taken_back_before_it_was_sent_is_withdrawn():
    waiting = parked(Cause.OUT_OF_CREDITS, sent_any=False, words=("one", "two"))
    assert decide(wish("one"), Past(version=1, sent=sent("one"), job=waiting)) == Withdraw(7)


def test_what_was_bought_on_purpose_is_not_withdrawn():
    waiting = parked(Cause.OUT_OF_CREDITS, sent_any=False)
    waiting = replace(waiting, order=replace(waiting.order, bought_again=True))
    assert decide(wish("one"), Past(version=1, sent=sent("one"), job=waiting)) == Keep()


def test_added_media_saved_anew_while_they_wait_are_ordered_as_they_are_now():
    again = ("one\n\nb.jpg",)
    old = replace(parked(Cause.FILE_CHANGED, sent_any=False), order=Order(
        OrderKind.MESSAGES, Backend.CLOUD, (medium("a.jpg"), medium("b.jpg", "old")), (), ("one",), again, session=1,
    ))  # fmt: skip
    now = wish("one", media=(medium("a.jpg"), medium("b.jpg", "new")))
    placed = decide(now, Past(version=1, sent=sent("one"), job=old))
    assert isinstance(placed, Place)
    assert placed.replaces == 7
    assert [m.sha256 for m in placed.order.media] == ["sha-a.jpg", "new"]


@pytest.mark.parametrize(
    "unfit",
    [wish("one", media=()), wish("one", trouble=(Cause.PROMPT_UNREADABLE, {})), replace(wish(), words=Words(()))],
    ids=["no media", "unreadable", "no words"],
)
def test_again_buys_nothing_that_could_not_be_made(unfit):
    assert planning.again(unfit, Past(version=1, sent=sent("one"), job=done()), RULES) is None


def test_again_takes_the_place_of_a_job_that_has_not_begun():
    queued = replace(parked(Cause.SURPRISE, sent_any=False), state=JobState.QUEUED, cause=None)
    placed = planning.again(wish("one"), Past(version=1, sent=sent("one"), job=queued), RULES)
    assert placed is not None
    assert placed.replaces == 7


# -- the brake -----------------------------------------------------------------------------------------------------------------


def test_a_first_start_buys_up_to_five_films():
    assert held_by_brake({1, 2, 3, 4, 5}, ever_paid=False, held=()) == frozenset()


def test_a_first_start_with_six_films_buys_none():
    assert held_by_brake(set(range(6)), ever_paid=False, held=()) == frozenset(range(6))


def test_once_one_was_released_the_others_stay_held_and_newcomers_are_free():
    assert held_by_brake({9}, ever_paid=True, held={2, 3}) == frozenset({2, 3})


# -- which project is which ----------------------------------------------------------------------------------------------------

HERE = FolderIdentity(1, 100, 5)
KNOWN = KnownProject(1, "trip", HERE, frozenset({"sha-a"}))


@pytest.mark.parametrize(
    ("folder", "found", "media", "present", "same"),
    [
        ("trip", HERE, ["sha-a"], ["trip"], True),
        ("holiday", HERE, ["sha-a"], ["holiday"], True),
        ("holiday", HERE, ["sha-z"], ["holiday"], True),
        ("copy", FolderIdentity(1, 101, 6), ["sha-a"], ["trip", "copy"], False),
        ("new", FolderIdentity(1, 100, 9), ["sha-z"], ["new"], False),
        ("moved", FolderIdentity(2, 100, 9), ["sha-a"], ["moved"], True),
        ("trip", FolderIdentity(1, 300, 9), ["sha-a"], ["trip"], True),
        ("trip", FolderIdentity(1, 300, 9), ["sha-z"], ["trip"], False),
    ],
    ids=[
        "same",
        "renamed",
        "renamed-and-emptied",
        "copied",
        "inode-reused",
        "moved",
        "came-back",
        "another-of-that-name",
    ],
)
def test_a_folder_is_known_again(folder, found, media, present, same):
    there = {name: found if name == folder else HERE for name in present}
    assert (same_project(folder, found, media, [KNOWN], there) is not None) is same


@pytest.mark.parametrize("media", [["sha-a"], None])
def test_a_folder_that_was_renamed_is_told_from_a_copy_that_took_its_old_name(media):
    """`mv trip holiday; cp -r holiday trip`: what was paid belongs to the one that was renamed."""
    copy = FolderIdentity(1, 300, 9)
    there = {"trip": copy, "holiday": HERE}
    assert same_project("holiday", HERE, media, [KNOWN], there) is KNOWN
    assert same_project("trip", copy, media, [KNOWN], there) is None


# -- properties ----------------------------------------------------------------------------------------------------------------

messages = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4).map(tuple)


@given(before=messages, now=messages)
def test_what_is_sent_follows_a_common_beginning_and_completes_the_wish(before, now):
    past = Past(version=1, sent=sent(*before), job=done())
    decided = decide(wish(*now), past)
    if isinstance(decided, Keep):
        assert before[: len(now)] == now
    else:
        assert isinstance(decided, Place)
        kept = len(now) - len(decided.order.send)
        assert now[:kept] == before[:kept]
        assert now[kept:] == decided.order.send
        assert kept == len(before) or before[kept] != now[kept]


@given(now=messages)
def test_a_second_look_at_a_film_that_was_just_sent_orders_nothing(now):
    placed = decide(wish(*now))
    assert isinstance(placed, Place)
    past = Past(version=1, sent=sent(*placed.order.wish), job=done())
    assert decide(wish(*now), past) == Keep()


@given(st.permutations([medium("a.jpg"), medium("b.jpg"), medium("c.jpg")]))
def test_the_order_of_media_makes_no_new_purchase(media):
    bought = {identity(Backend.CLOUD, ["sha-a.jpg", "sha-b.jpg", "sha-c.jpg"], (), ("x",)): "v.mp4"}
    placed = decide(wish("x", media=tuple(media)), bought=bought)
    assert isinstance(placed, Place)
    assert placed.order.kind is OrderKind.REUSE
