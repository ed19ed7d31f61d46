"""The studio's rules about accounts, sessions and renders, without a clock or a disk."""

from __future__ import annotations

import msgspec
import pytest

from nemo_watch.studio.answers import Code, RefusedError, RenderRefusedError
from nemo_watch.studio.world import Account, Render, Session, Upload, World, exportable, fair_next, raw_video

TOKEN = "t"
DRAFT = {"t": [{"tt": 0, "sg": [{"d": 1000}]}, {"tt": 1, "sg": [{"d": 1000}]}], "d": 1000, "unknown": {"kept": 1.5}}


def account(user_id: str = "7", client_id: str = "c", token: str = TOKEN, expires_at: float = 100.0) -> Account:
    return Account(user_id, client_id, token, expires_at, total=100)


def world_with_session() -> tuple[World, Session]:
    world = World()
    world.issue_token(account(), 0, cap=False)
    return world, world.open_session("123", "task", "7", "en", now=0)


def render(render_id: str = "render_1", user_id: str = "7", session_id: str = "123", link: str = "l1") -> Render:
    return Render(render_id, user_id, session_id, DRAFT, link)


def upload(key: str) -> Upload:
    return Upload(key, "a.jpg", "image", 4, 3, 0, has_sound=False)


class TestTokens:
    def test_a_client_id_gets_its_token_again_while_it_is_valid(self):
        world = World()
        first = world.issue_token(account(), 0, cap=False)
        assert world.issue_token(account("8", token="other"), 99.0, cap=False) is first

    def test_an_expired_token_is_replaced_and_the_account_with_its_credits_stays(self):
        world = World()
        world.issue_token(account(), 0, cap=False)
        world.set_credits(30)
        renewed = world.issue_token(account("8", token="new", expires_at=900), 100.0, cap=True)
        assert (renewed.user_id, renewed.token, renewed.total) == ("7", "new", 30)
        with pytest.raises(RefusedError) as refused:
            world.account_of("t", 101.0)
        assert refused.value.code == Code.TOKEN

    def test_with_the_cap_a_second_token_in_its_time_is_a_429_that_says_when_to_come_back(self):
        world = World()
        world.issue_token(account(), 0, cap=True)
        with pytest.raises(RefusedError) as refused:
            world.issue_token(account(), 99.0, cap=True)
        assert (refused.value.status, refused.value.headers) == (429, {"Retry-After": "30"})
        assert world.issue_token(account("9", "another client", "t9"), 99.0, cap=True).user_id == "9"

    def test_a_token_ends_at_its_moment_or_when_all_are_ended(self):
        world = World()
        world.issue_token(account(), 0, cap=False)
        assert world.account_of("t", 99.9).user_id == "7"
        world.expire_tokens(50.0)
        with pytest.raises(RefusedError):
            world.account_of("t", 50.0)


class TestCredits:
    def test_work_freezes_its_price_and_takes_it_when_done(self):
        world, _ = world_with_session()
        world.reserve("7", 60)
        assert (world.accounts["7"].available, world.accounts["7"].frozen) == (40, 60)
        world.settle("7", 60, charged=True)
        assert (world.accounts["7"].total, world.accounts["7"].frozen) == (40, 0)

    def test_work_that_was_not_done_costs_nothing(self):
        world, _ = world_with_session()
        world.reserve("7", 60)
        world.settle("7", 60, charged=False)
        assert world.accounts["7"].available == 100

    def test_frozen_credits_cannot_be_spent_twice(self):
        world, _ = world_with_session()
        world.reserve("7", 60)
        with pytest.raises(RefusedError) as refused:
            world.reserve("7", 60)
        assert (refused.value.code, refused.value.status) == (Code.CREDITS, 200)

    def test_work_without_a_price_is_done_on_an_empty_account(self):
        world, _ = world_with_session()
        world.set_credits(0)
        world.reserve("7", 0)

    def test_credits_can_be_set_for_one_account_alone(self):
        world, _ = world_with_session()
        world.issue_token(account("8", "d", "u"), 0, cap=False)
        world.set_credits(5, ["8"])
        assert {key: a.total for key, a in world.accounts.items()} == {"7": 100, "8": 5}


class TestSessions:
    @pytest.mark.parametrize(("session_id", "user_id"), [("124", "7"), ("123", "8")])
    def test_an_unknown_session_and_another_users_are_both_not_found(self, session_id, user_id):
        world, _ = world_with_session()
        with pytest.raises(RefusedError) as refused:
            world.session_of(session_id, user_id)
        assert refused.value.code == Code.SESSION

    def test_uploads_stand_in_the_order_in_which_they_began(self):
        world, _ = world_with_session()
        numbers = [world.reserve_media_number("123") for _ in range(3)]
        for number in (3, 1, 2):
            world.add_uploads("123", [upload(f"{number:04d}-x.jpg")], now=1)
        assert numbers == [1, 2, 3]
        assert [u.key[:4] for u in world.sessions["123"].uploads] == ["0001", "0002", "0003"]

    def test_messages_are_counted_and_the_draft_is_replaced_whole(self):
        world, _ = world_with_session()
        assert [world.take_message("123", 1), world.take_message("123", 2)] == [1, 2]
        world.set_draft("123", DRAFT, 3)
        world.set_draft("123", {"t": []}, 4)
        assert world.sessions["123"].draft == {"t": []}


class TestRenders:
    def test_an_id_is_taken_once_in_an_account_and_again_in_another(self):
        world, _ = world_with_session()
        world.open_session("124", "task", "8", "en", now=0)
        world.submit_render(render(), 1)
        with pytest.raises(RenderRefusedError) as refused:
            world.submit_render(render(link="l2"), 2)
        assert refused.value.body == {"success": False, "error": "Render job already exists: render_1"}
        world.submit_render(render(user_id="8", session_id="124", link="l3"), 2)
        assert set(world.renders) == {"l1", "l3"}

    @pytest.mark.parametrize("draft", [{}, {"t": []}, {"t": [{"tt": 0, "sg": []}]}, {"t": "x"}, {"t": [None]}])
    def test_a_draft_without_a_segment_is_not_exportable(self, draft):
        world, _ = world_with_session()
        with pytest.raises(RenderRefusedError) as refused:
            world.submit_render(Render("render_1", "7", "123", draft, "l"), 1)
        assert refused.value.status == 400
        assert not exportable(draft)

    def test_another_users_render_is_not_found(self):
        world, _ = world_with_session()
        world.submit_render(render(), 1)
        assert world.render_of("render_1", "7").link == "l1"
        with pytest.raises(RenderRefusedError):
            world.render_of("render_1", "8")

    def test_progress_never_falls(self):
        world, _ = world_with_session()
        world.submit_render(render(), 1)
        for progress in (10, 40, 20):
            world.advance_render("l1", progress)
        assert (world.renders["l1"].status, world.renders["l1"].progress) == ("processing", 40)

    def test_news_of_a_render_that_is_gone_brings_nothing_back(self):
        world = World()
        world.advance_render("gone", 10)
        world.complete_render("gone", [])
        world.fail_render("gone", "why")
        assert world.renders == {}


class TestFairness:
    def test_the_session_served_longest_ago_is_next_and_within_it_the_oldest(self):
        waiting = [render(f"render_{n}", session_id=s, link=str(n)) for n, s in enumerate("aaabbc")]
        served: list[str] = []
        order = []
        while waiting:
            following = fair_next(waiting, served)
            assert following is not None
            waiting.remove(following)
            served = [s for s in served if s != following.session_id] + [following.session_id]
            order.append((following.session_id, following.link))
        assert order == [("a", "0"), ("b", "3"), ("c", "5"), ("a", "1"), ("b", "4"), ("a", "2")]

    def test_nothing_waiting_is_nothing_next(self):
        assert fair_next([], ["a"]) is None


class TestTheWholeWorld:
    def test_a_world_survives_being_written_and_read(self):
        world, _ = world_with_session()
        world.add_uploads("123", [upload("0001-x.jpg")], 1)
        world.set_draft("123", DRAFT, 1)
        world.add_generated("123", {"type": "video"})
        world.submit_render(render(), 1)
        assert msgspec.json.decode(msgspec.json.encode(world), type=World) == world

    def test_waking_frees_frozen_credits_and_makes_unfinished_renders_due_again(self):
        world, _ = world_with_session()
        world.reserve("7", 60)
        for link in ("l1", "l2", "l3"):
            world.submit_render(render(f"render_{link[1]}", link=link), 1)
        world.advance_render("l1", 50)
        world.complete_render("l2", ["small"])
        world.fail_render("l3", "no")
        world.wake()
        assert world.accounts["7"].available == 100
        assert [(r.link, r.status, r.progress) for r in world.unfinished_renders()] == [("l1", "pending", 0)]
        assert (world.renders["l2"].status, world.renders["l2"].warnings) == ("completed", ("small",))

    def test_old_sessions_are_forgotten_with_their_renders_but_not_while_one_is_being_made(self):
        world, _ = world_with_session()
        world.open_session("busy", "task", "7", "en", now=0)
        world.open_session("new", "task", "7", "en", now=90)
        world.submit_render(render(), 1)
        world.complete_render("l1", [])
        world.submit_render(render("render_2", session_id="busy", link="l2"), 1)
        sessions, renders = world.forget(untouched_since=50)
        assert [s.session_id for s in sessions] == ["123"]
        assert [r.link for r in renders] == ["l1"]
        assert set(world.sessions) == {"busy", "new"}
        assert set(world.renders) == {"l2"}


def test_the_raw_video_is_the_draft_without_music_and_title_and_with_everything_else():
    assert raw_video(DRAFT) == {"t": [DRAFT["t"][0]], "d": 1000, "unknown": {"kept": 1.5}}


def test_a_draft_without_video_tracks_is_its_own_raw_video():
    assert raw_video({"t": [{"tt": 7, "sg": [{}]}]}) == {"t": [{"tt": 7, "sg": [{}]}]}
