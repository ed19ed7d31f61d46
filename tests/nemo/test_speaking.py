"""The paid message: sent once, whatever happens. API text "Send message (SSE)"; every deadline in simulated time."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from nemo_watch.config import Pace
from nemo_watch.errors import Cause, Trouble
from nemo_watch.nemo.speaking import MessageTrouble

pytestmark = pytest.mark.looptime

HEARTBEAT = 'data: {"type":"heartbeat"}\n\n'


def adk(text, **more):
    return f"data: {json.dumps({'content': {'parts': [{'text': text}]}, **more}, ensure_ascii=False)}\n\n"


async def told(client, **options):
    """What a message ends in: a reply or its trouble, and everything heard on the way."""
    replies = []
    try:
        return await client.send_message("77", "make a video", replies.append, **options), replies
    except MessageTrouble as trouble:
        return trouble, replies


async def test_a_message_is_sent_as_the_text_says_and_heard_to_its_end(client_for, streaming):
    handler = streaming(HEARTBEAT, 5, adk("Sun", partial=True), adk("Sunset."))
    async with client_for(handler) as client:
        reply, replies = await told(client)
    (request,) = handler.requests
    assert (request.method, request.url.path) == ("POST", "/run_sse")
    assert request.headers["accept"] == "text/event-stream"
    assert request.headers["x-skill-source"] == "hitpaw-ai-video-generator-free"
    assert "transfer-encoding" not in request.headers
    assert json.loads(request.content) == {
        "app_name": "nemo_agent",
        "user_id": "me",
        "session_id": "77",
        "new_message": {"parts": [{"text": "make a video"}]},
    }
    assert (reply.text, reply.ended) == ("Sunset.", True)
    assert [heard.text for heard in replies] == ["", "Sun", "Sunset.", "Sunset."]


@pytest.mark.parametrize("name", ["plain", "partial", "tool", "thought", "silent", "state", "utf8"])
async def test_recorded_streams_end_well(client_for, streaming, streams, name):
    async with client_for(streaming(*(bytes([byte]) for byte in streams[name]))) as client:
        reply, _ = await told(client)
    assert reply.ended


async def test_an_empty_stream_is_a_silent_edit(client_for, streaming):
    async with client_for(streaming(HEARTBEAT)) as client:
        reply, _ = await told(client)
    assert (reply.ended, reply.text, reply.had_content) == (True, "", False)


@pytest.mark.parametrize(
    ("status", "body", "cause"),
    [
        (400, {"message": "no text"}, Cause.MESSAGE_REFUSED),
        (401, {"detail": "expired"}, Cause.TOKEN_EXPIRED),
        (402, {}, Cause.PLAN_BLOCKS_EXPORT),
        (404, {"detail": "Session not found: 77"}, Cause.SESSION_LOST),
        (413, {}, Cause.MESSAGE_REFUSED),
        (422, {"detail": [{"msg": "field required"}]}, Cause.MESSAGE_REFUSED),
        (429, {}, Cause.RATE_LIMITED),
        (400, {"message": "missing X-Client-Id"}, Cause.CLIENT_ID_MISSING),
        (200, {"code": 2001, "message": "no credits"}, Cause.OUT_OF_CREDITS),
        (500, {"code": 1002}, Cause.SESSION_LOST),
    ],
)
async def test_an_explicit_refusal_was_not_taken_and_is_not_repeated_here(client_for, answering, status, body, cause):
    handler = answering((status, body, {"content-type": "application/json"}))
    async with client_for(handler) as client:
        trouble, _ = await told(client)
    assert (trouble.cause, trouble.not_taken) == (cause, True)
    assert len(handler.requests) == 1


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (500, b"oops", {}),
        (502, b"<html>", {"content-type": "text/html"}),
        (503, {"detail": "busy"}, {}),
        (403, b"", {}),
        (415, b"", {}),
        (302, b"", {"location": "https://api.test/other"}),
        (307, b"", {"location": "/run_sse/"}),
        (200, b"<html>", {"content-type": "text/html"}),
        (200, {"code": 0}, {"content-type": "application/json"}),
        (200, {"code": 77777}, {"content-type": "application/json"}),
        (204, b"", {}),
        (200, b'data: {"content":{"pa', {"content-type": "text/event-stream"}),
    ],
)
async def test_every_other_answer_is_unsure_and_nothing_is_repeated(client_for, answering, status, body, headers):
    handler = answering((status, body, headers))
    async with client_for(handler) as client:
        trouble, _ = await told(client)
    assert (trouble.cause, trouble.not_taken) == (Cause.MESSAGE_UNSURE, False)
    assert len(handler.requests) == 1


async def test_after_an_expired_token_the_next_message_carries_a_new_one(client_for, answering, account):
    handler = answering((401, b""), (401, b""))
    async with client_for(handler) as client:
        first, _ = await told(client)
        await told(client)
    assert (first.cause, first.not_taken) == (Cause.TOKEN_EXPIRED, True)
    assert [request.headers["authorization"] for request in handler.requests] == ["Bearer token-0", "Bearer token-1"]


async def test_a_refused_token_that_a_person_gave_asks_the_person_and_was_not_taken(
    client_for, answering, given_account
):
    async with client_for(answering((401, b"")), account=given_account) as client:
        trouble, _ = await told(client)
    assert (trouble.cause, trouble.not_taken) == (Cause.TOKEN_REJECTED, True)


async def test_after_a_missing_client_id_the_next_message_carries_one(client_for, answering):
    handler = answering((400, {"message": "X-Client-Id required"}), (500, b""))
    async with client_for(handler) as client:
        await told(client)
        await told(client)
    assert [request.headers.get("x-client-id") for request in handler.requests] == [None, "client-7"]


@pytest.mark.parametrize(
    ("data", "cause", "not_taken"),
    [
        ('data: {"errorCode":"2001"}\n\n', Cause.OUT_OF_CREDITS, True),
        (adk("Before.") + 'data: {"errorCode":"2001"}\n\n', Cause.OUT_OF_CREDITS, False),
        ('data: {"error":"boom"}\n\n', Cause.AGENT_FAILED, False),
        (adk("", thought=True) + 'data: {"code":429}\n\n', Cause.RATE_LIMITED, False),
        ('data: {"code":1002,"message":"gone"}\n\ndata: {"conte', Cause.SESSION_LOST, True),
        ('data: {"actions":{"stateDelta":{"a":1}}}\n\ndata: {"errorCode":"2001"}\n\n', Cause.OUT_OF_CREDITS, True),
        (
            'data: {"author":"user","content":{"parts":[{"text":"x"}]}}\n\ndata: {"errorCode":"2001"}\n\n',
            Cause.OUT_OF_CREDITS,
            True,
        ),
        (
            'data: {"type":"start"}\n\ndata: {"success":false,"error":{"code":2001},"data":null}\n\n',
            Cause.OUT_OF_CREDITS,
            True,
        ),
        ('data: {"type":"thinking","content":"x"}\n\ndata: {"errorCode":"2001"}\n\n', Cause.OUT_OF_CREDITS, False),
        ('data: {"actions":{"stateDelta":{"a":1}}}\n\ndata: {"error":"boom"}\n\n', Cause.AGENT_FAILED, False),
    ],
)
async def test_errors_inside_a_stream_prove_something_only_before_content(
    client_for, streaming, data, cause, not_taken
):
    async with client_for(streaming(data)) as client:
        trouble, _ = await told(client)
    assert (trouble.cause, trouble.not_taken) == (cause, not_taken)


@pytest.mark.parametrize(
    "end", [httpx.ReadError(""), httpx.RemoteProtocolError("cut"), OSError("reset"), ValueError("?")]
)
async def test_a_cut_stream_is_unsure_and_keeps_what_was_heard(client_for, streaming, end):
    handler = streaming(adk("Half ", partial=True), adk("a word", partial=True), end=end)
    async with client_for(handler) as client:
        trouble, _ = await told(client)
    assert (trouble.cause, trouble.not_taken, trouble.reply.text) == (Cause.MESSAGE_UNSURE, False, "Half a word")
    assert len(handler.requests) == 1


async def test_deltas_without_their_full_event_are_a_cut_even_when_the_end_looks_clean(client_for, streaming):
    async with client_for(streaming(adk("Half", partial=True))) as client:
        trouble, _ = await told(client)
    assert (trouble.cause, trouble.reply.text) == (Cause.MESSAGE_UNSURE, "Half")


@pytest.mark.parametrize(
    "error", [httpx.ConnectError("no"), httpx.ConnectTimeout("no"), OSError("no route"), UnicodeError("x")]
)
async def test_a_message_whose_body_never_began_was_not_taken(client_for, error, monkeypatch):
    class Unreachable(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request):
            raise error

    async with client_for(lambda _: None) as client:
        client._transport.streams._transport = Unreachable()
        trouble, _ = await told(client)
    assert (trouble.cause, trouble.not_taken) == (Cause.NETWORK_DOWN, True)


async def test_a_body_is_never_written_twice_whatever_the_wire_does(client_for):
    class Twice(httpx.AsyncBaseTransport):
        bodies = 0

        async def handle_async_request(self, request):
            for _ in range(2):
                async for _piece in request.stream:
                    self.bodies += 1
            return httpx.Response(200)

    async with client_for(lambda _: None) as client:
        client._transport.streams._transport = wire = Twice()
        trouble, _ = await told(client)
    assert wire.bodies == 1
    assert (trouble.cause, trouble.not_taken) == (Cause.MESSAGE_UNSURE, False)


async def test_on_wire_comes_before_the_first_byte_and_what_it_raises_stops_the_message(client_for, streaming):
    async def lost():
        raise Trouble(Cause.LOST_TO_ANOTHER)

    handler = streaming(adk("x"))
    async with client_for(handler) as client:
        trouble, _ = await told(client, on_wire=lost)
    assert (trouble.cause, trouble.not_taken) == (Cause.LOST_TO_ANOTHER, True)
    assert handler.requests == []


async def test_fifteen_minutes_are_the_end_of_a_stream_that_never_ends(client_for, streaming, looptime):
    handler = streaming(*[adk("more "), 60] * 100)
    async with client_for(handler) as client:
        trouble, _ = await told(client)
    assert (trouble.cause, trouble.not_taken, looptime) == (Cause.MESSAGE_UNSURE, False, 900)
    assert len(handler.requests) == 1


@pytest.mark.parametrize("beat", [HEARTBEAT, ": ping\n\n", "data:\n\n", ": "])
async def test_ten_minutes_of_nothing_but_heartbeats_are_a_timeout(client_for, streaming, looptime, beat):
    async with client_for(streaming(adk("on it"), 100, *[beat, 20] * 200)) as client:
        trouble, replies = await told(client)
    assert (trouble.cause, looptime) == (Cause.MESSAGE_UNSURE, 600)
    assert replies[0].text == "on it"


async def test_a_service_that_works_without_a_word_is_waited_for_to_the_end(client_for, streaming, looptime):
    async with client_for(streaming(800, adk("done"))) as client:
        reply, _ = await told(client)
    assert (reply.text, looptime) == ("done", 800)


async def test_silence_after_a_word_is_waited_out_and_heartbeats_after_silence_are_not(client_for, streaming, looptime):
    handler = streaming(adk("on it"), 650, HEARTBEAT, 200, adk("late"))
    async with client_for(handler) as client:
        trouble, replies = await told(client)
    assert (trouble.cause, looptime) == (Cause.MESSAGE_UNSURE, 650)
    assert replies[-1].text == "on it"


async def test_fourteen_minutes_of_work_are_heard_out(client_for, streaming, looptime):
    async with client_for(streaming(*[HEARTBEAT, 30] * 18, adk("stage one"), 300, adk("done"))) as client:
        reply, _ = await told(client)
    assert (reply.text, looptime) == ("stage one\ndone", 840)


async def test_an_answer_whose_head_never_comes_is_unsure(client_for, looptime):
    async def handler(request):
        await asyncio.sleep(10_000)

    async with client_for(handler, pace=Pace(message_limit_s=50)) as client:
        trouble, _ = await told(client)
    assert (trouble.cause, looptime) == (Cause.MESSAGE_UNSURE, 50)


async def test_a_refusal_whose_words_never_come_is_a_refusal_all_the_same(client_for, streaming, looptime):
    async with client_for(streaming(b"{", 10_000, status=429)) as client:
        trouble, _ = await told(client)
    assert (trouble.cause, trouble.not_taken, looptime) == (Cause.RATE_LIMITED, True, 30)


async def test_a_cancelled_message_is_cancelled_and_sent_once(client_for, streaming):
    handler = streaming(adk("x"), 500)
    async with client_for(handler) as client:
        task = asyncio.create_task(client.send_message("1", "x", lambda _: None))
        await asyncio.sleep(5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert len(handler.requests) == 1


async def test_five_hundred_streams_hold_no_short_call_up(client_for, streaming):
    stream = streaming(*[HEARTBEAT, 15] * 4)

    async def handler(request):
        if request.url.path == "/run_sse":
            return await stream(request)
        return httpx.Response(200, json={"data": {"available": 1}})

    async with client_for(handler) as client:
        talking = [asyncio.create_task(told(client)) for _ in range(500)]
        await asyncio.sleep(1)
        assert (await client.balance()).available == 1
        results = await asyncio.gather(*talking)
    assert all(reply.ended for reply, _ in results)


@pytest.mark.parametrize(
    "data",
    [
        'data: {"error":"token token-0 is over"}\n\n',
        'data: {"errorCode":"2001","errorMessage":"token-0"}\n\n',
        "event: error\ndata: no token-0\n\n",
        adk("Your token-0 ") + 'data: {"code":77777,"message":"token-0"}\n\n',
        adk("Is token-0 yours?"),
    ],
)
async def test_the_bearer_never_comes_out_of_what_is_said(client_for, streaming, data):
    async with client_for(streaming(data)) as client:
        outcome, replies = await told(client)
    said = [*replies, *([outcome.reply, outcome.data] if isinstance(outcome, MessageTrouble) else [outcome])]
    words = "".join(
        f"{one.text}{one.asked}{one.error and one.error.data}" if hasattr(one, "asked") else str(one) for one in said
    )
    assert "token-0" not in words
    assert "***" in words


async def test_a_session_lost_in_plain_text_is_lost_and_was_not_taken(client_for, answering):
    async with client_for(answering((404, b"Session not found", {"content-type": "text/plain"}))) as client:
        trouble, _ = await told(client)
    assert (trouble.cause, trouble.not_taken) == (Cause.SESSION_LOST, True)
