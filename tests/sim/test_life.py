"""A film's life in simulated time: the quick edit, what the service may refuse, and a kill at every call."""

from __future__ import annotations

import pytest

from nemo_watch.errors import Cause, Trouble
from nemo_watch.jobs import queue
from nemo_watch.model import JobState
from tests.sim.life import Fuse, Killed, Life, World, order
from tests.sim.world import SimOutbox

pytestmark = pytest.mark.looptime


@pytest.fixture
def life(tmp_path, clock) -> Life:
    folder = tmp_path / "outbox"
    folder.mkdir()
    fuse = Fuse()
    return Life(tmp_path / "state" / "journal.db", clock, World(), SimOutbox(folder, fuse), fuse)


async def test_photos_in_video_out(life):
    """The quick edit: uploads, one paid message, one render, one video."""
    await life.place(order("make it"))
    assert await life.live() == []
    [job] = await life.jobs()
    assert job.state == "done"
    assert job.video == "film-v1.mp4"
    assert [text for _, text in life.world.paid] == ["make it"]
    assert len(life.world.submitted) == 1
    assert sorted(name for _, name in life.world.uploads) == ["0.jpg", "1.jpg"]


async def test_what_a_render_warns_of_reaches_the_person(life):
    life.world.warnings = ("b.jpg is left out: it is damaged.", "song.mp3 could not be heard.")
    await life.place(order("make it"))
    await life.live()
    [job] = await life.jobs()
    assert job.data["detail"] == "b.jpg is left out: it is damaged. (and 1 more, see project.log)"
    told = [line for line in life.outbox.lines if line.startswith("About this video: ")]
    assert told == [f"About this video: {warning}" for warning in life.world.warnings]


async def test_messages_are_sent_in_order_each_once(life):
    await life.place(order("one", "two", "three"))
    await life.live()
    assert [text for _, text in life.world.paid] == ["one", "two", "three"]
    assert len(life.world.submitted) == 1


async def test_a_further_version_goes_on_in_the_same_session(life):
    await life.place(order("one"))
    await life.live()
    await life.place(order("one", "two", send=("two",), session=1), version=2)
    await life.live()
    assert len({session for session, _ in life.world.paid}) == 1
    assert [job.video for job in await life.jobs()] == ["film-v1.mp4", "film-v2.mp4"]
    assert len(life.world.uploads) == 2


@pytest.mark.parametrize("finishes", [True, False])
async def test_a_kill_at_every_call_pays_once_and_ends_in_one_video_or_a_decision(tmp_path, clock, finishes):
    """Before and after each call of a whole life: restarted, the film is done, or asks where nothing can be known."""
    counting = Fuse()
    await _one_life(tmp_path / "count", clock, counting, finishes)
    decisions = 0
    for after in (False, True):
        for at in range(1, counting.calls + 1):
            where = tmp_path / f"{after}-{at}"
            life, states = await _one_life(where, clock, Fuse(at, after), finishes)
            paid = [text for _, text in life.world.paid]
            assert len(paid) == len(set(paid)) <= 2, f"paid twice when killed at {at} ({after=})"
            assert len(life.world.submitted) <= 1, f"rendered twice when killed at {at} ({after=})"
            assert not list((where / "outbox").glob(".*")), "a temporary file was left"
            if states == ["done"]:
                assert len(list((where / "outbox").glob("*.mp4"))) == 1
                assert paid == ["one", "two"]
            else:
                assert states == ["parked:message_unsure"], states
                decisions += 1
    assert decisions <= (2 if finishes else 4)


async def _one_life(where, clock, fuse, finishes) -> tuple[Life, list[str]]:
    (where / "outbox").mkdir(parents=True)
    world = World(finishes_cut_messages=finishes)
    life = Life(where / "state" / "journal.db", clock, world, SimOutbox(where / "outbox", fuse), fuse)
    await life.place(order("one", "two"))
    try:
        await life.live()
    except Killed:
        life.fuse.at = None
        await life.live()
    return life, [job.state if job.cause is None else f"{job.state}:{job.cause}" for job in await life.jobs()]


# -- what the service may say ------------------------------------------------------------------------------------------------


async def test_an_explicit_refusal_lets_the_message_go_again_after_the_remedy(life):
    life.world.faults["message"] = [
        Trouble(Cause.TOKEN_EXPIRED, not_taken=True),
        Trouble(Cause.RATE_LIMITED, not_taken=True, retry_after_s=5.0),
    ]
    await life.place(order("one"))
    assert await life.live() == []
    assert [text for _, text in life.world.paid] == ["one"]


async def test_a_stream_that_broke_is_not_sent_again_but_found_out(life):
    life.world.faults["stream"] = [Trouble(Cause.MESSAGE_UNSURE)]
    await life.place(order("one"))
    assert await life.live() == []
    [job] = await life.jobs()
    assert job.state == "done"
    assert [text for _, text in life.world.paid] == ["one"]


async def test_a_stream_without_a_single_event_counts_when_the_draft_has_changed(life):
    life.world.mute = True
    await life.place(order("one"))
    assert await life.live() == []
    assert [text for _, text in life.world.paid] == ["one"]


async def test_a_refused_look_at_the_state_is_no_refusal_of_the_message(life):
    """The stream closed without a word, and the look at the state is refused: the message may have been taken all the same."""
    life.world.mute = True
    original = life.world.fault

    def fault(name: str) -> None:
        if name == "state" and len(life.world.paid) == 1 and not life.world.faults.setdefault("told", []):
            life.world.faults["told"].append(Trouble(Cause.RATE_LIMITED))
            raise Trouble(Cause.RATE_LIMITED, not_taken=True)
        original(name)

    life.world.fault = fault
    await life.place(order("one"))
    await life.live()
    assert [text for _, text in life.world.paid] == ["one"]
    assert (await life.jobs())[0].state == "done"


async def test_a_second_rate_limit_parks_instead_of_waiting_on(life):
    refusals = [Trouble(Cause.RATE_LIMITED, not_taken=True) for _ in range(2)]
    life.world.faults["message"] = refusals
    await life.place(order("one"))
    [trouble] = await life.live()
    assert trouble.cause is Cause.RATE_LIMITED
    assert [text for _, text in life.world.paid] == ["one"]


async def test_a_message_of_which_nothing_is_known_parks_for_a_decision(life):
    life.world.faults["message"] = [Trouble(Cause.MESSAGE_UNSURE)]
    await life.place(order("one"))
    [trouble] = await life.live()
    assert trouble.cause is Cause.MESSAGE_UNSURE
    assert life.world.paid == []


async def test_no_credits_parks_and_goes_on_when_the_balance_has_risen(life, clock):
    life.world.faults["message"] = [Trouble(Cause.OUT_OF_CREDITS, not_taken=True)]
    await life.place(order("one"))
    with pytest.raises(TimeoutError):
        await life.live(limit_s=3600.0)
    assert life.world.paid == []
    life.world.credits += 50
    await life.live()
    assert [text for _, text in life.world.paid] == ["one"]


async def test_a_lost_session_is_made_anew_before_anything_was_paid(life):
    life.world.faults["state"] = [Trouble(Cause.SESSION_LOST, not_taken=True)]
    await life.place(order("one"))
    assert await life.live() == []
    assert len(life.world.sessions) == 2
    assert len(life.world.uploads) == 4


async def test_a_session_lost_after_a_paid_message_asks(life):
    await life.place(order("one", "two"))
    life.world.faults["state"] = []
    original = life.world.fault

    def fault(name: str) -> None:
        if name == "message" and life.world.paid:
            raise Trouble(Cause.SESSION_LOST, not_taken=True)
        original(name)

    life.world.fault = fault
    [trouble] = await life.live()
    assert trouble.cause is Cause.SESSION_LOST_PAID
    assert [text for _, text in life.world.paid] == ["one"]


async def test_a_failed_render_is_tried_once_more_under_a_new_id(life):
    await life.place(order("one"))
    original = life.world.renders.__class__

    class FirstFails(original):
        def __setitem__(self, key, value):
            super().__setitem__(key, value | {"failed": not self})

    life.world.renders = FirstFails()
    assert await life.live() == []
    assert len(set(life.world.submitted)) == 2


async def test_a_render_whose_answer_was_lost_is_asked_for_and_not_sent_again(life):
    life.world.faults["submitted"] = [Trouble(Cause.NETWORK_DOWN, reason="reset")]
    await life.place(order("one"))
    troubles = await life.live()
    assert [trouble.cause for trouble in troubles] == [Cause.NETWORK_DOWN]
    assert len(life.world.submitted) == 1
    assert (await life.jobs())[0].state == "done"


async def test_a_blocked_export_keeps_the_draft_and_retry_pays_nothing(life):
    life.world.faults["submit"] = [Trouble(Cause.PLAN_BLOCKS_EXPORT, not_taken=True)]
    await life.place(order("one"))
    [trouble] = await life.live()
    assert trouble.cause is Cause.PLAN_BLOCKS_EXPORT
    await life.live(asked=_requeue)
    assert (await life.jobs())[0].state == "done"
    assert [text for _, text in life.world.paid] == ["one"]


def _requeue(connection) -> None:
    for job in queue.open_jobs(connection):
        queue.end(connection, job.id, job.fence, "boot-1", 0.0, JobState.QUEUED)


async def test_a_question_parks_until_the_next_edit(life):
    life.world.reply = "Landscape or portrait?"
    life.world.message_s = 1e9  # the draft stays as it is

    async def ask(*_args):
        return None

    await life.place(order("one"))
    life.world.message_s = 0.0
    life.world.sessions.clear()
    original = life.fuse.burn

    async def burn(name, effect):
        answer = await original(name, effect)
        if name == "state":
            answer.draft = None
        return answer

    life.fuse.burn = burn
    [trouble] = await life.live()
    assert trouble.cause is Cause.SERVICE_ASKS
    assert "Landscape" in str(trouble)


async def test_the_daily_limit_holds_messages_back_and_lets_them_go_by_itself(life, clock):
    await life.place(order("one", "two", "three"))
    from tests.sim.life import Crew
    from tests.sim.world import SimService

    crew = Crew(None, clock, SimService(life.world, life.fuse), life.outbox, paid_a_day=2)
    started = clock.monotonic()
    troubles = await life.live(limit_s=3 * 86400.0, crew=crew)
    assert {trouble.cause for trouble in troubles} == {Cause.BRAKE_DAILY}
    assert [text for _, text in life.world.paid] == ["one", "two", "three"]
    assert clock.monotonic() - started >= 86400.0


async def test_a_service_that_is_down_for_a_day_is_waited_out_with_growing_waits(life, clock):
    original = life.world.fault

    def fault(name: str) -> None:
        if clock.monotonic() < 86400.0:
            raise Trouble(Cause.SERVICE_DOWN, reason="503")
        original(name)

    life.world.fault = fault
    await life.place(order("one"))
    troubles = await life.live(limit_s=2 * 86400.0)
    assert len(troubles) < 60
    assert (await life.jobs())[0].state == "done"
