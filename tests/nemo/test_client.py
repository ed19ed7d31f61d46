"""Golden exchanges: what is sent, to the letter, and what the answer comes to. API text "Cloud Render Pipeline Details"."""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import asdict, is_dataclass
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from nemo_watch.errors import Cause, Trouble

GOLDEN = {path.stem: json.loads(path.read_text()) for path in sorted(Path(__file__).parent.glob("golden/*.json"))}
BALANCE = {"code": 0, "data": {"available": 5}}


def plain(value):
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    value = asdict(value) if is_dataclass(value) else value
    return json.loads(json.dumps(value, default=lambda odd: odd if isinstance(odd, str) else str(odd)))


def respond(answer):
    content = json.dumps(answer["json"]).encode() if "json" in answer else answer["text"].encode()
    return httpx.Response(answer["status"], content=content)


@pytest.mark.looptime
@pytest.mark.parametrize("name", [name for name, exchange in GOLDEN.items() if "value" in exchange])
async def test_an_exchange_is_as_written(client_for, name):
    exchange, seen = GOLDEN[name], []

    def handler(request):
        seen.append(request)
        return respond(exchange["answer"])

    method, arguments = exchange["call"]
    async with client_for(handler) as client:
        value = await getattr(client, method)(*arguments)
    assert plain(value) == exchange["value"]
    (request,), wanted = seen, exchange["request"]
    assert (request.method, request.url.raw_path.decode()) == (wanted["method"], wanted["path"])
    assert {name: request.headers.get(name) for name in wanted["headers"]} == wanted["headers"]
    assert not any(name in request.headers for name in wanted.get("absent", []))
    assert (json.loads(request.content) if request.content else None) == wanted["json"]


@pytest.mark.looptime
@pytest.mark.parametrize("name", [name for name, exchange in GOLDEN.items() if "cause" in exchange])
async def test_an_exchange_that_fails_is_its_row_of_the_table(client_for, name):
    exchange = GOLDEN[name]
    method, arguments = exchange["call"]
    async with client_for(lambda _: respond(exchange["answer"])) as client:
        with pytest.raises(Trouble) as raised:
            await getattr(client, method)(*arguments)
    assert raised.value.cause == exchange["cause"]


@pytest.mark.looptime
async def test_a_draft_goes_to_the_render_exactly_as_received(client_for, answering):
    raw = b'{"code":0,"data":{"state":{"draft":{"t":[],"z":[1,2.50,1e400,12345678901234567890,"\\ud800\\u4e2d"],"a":null}}}}'
    handler = answering((200, raw), (200, {"success": True, "data": {"status": "pending"}}))
    async with client_for(handler) as client:
        state = await client.state("1")
        await client.submit_render("r", "1", state.draft)
    sent = json.loads(handler.requests[1].content)["draft"]
    assert sent == state.draft
    assert list(sent) == ["t", "z", "a"]


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {"success": False, "error": "Render already exists"}),
        (409, b"<html>Conflict</html>"),
        (500, {"success": False, "error": "duplicate key value"}),
    ],
)
async def test_a_render_id_that_is_known_already_is_looked_at_and_not_sent_again(client_for, answering, status, body):
    handler = answering((status, body), (200, {"status": "processing"}))
    async with client_for(handler) as client:
        render = await client.submit_render("r9", "1", {})
    assert render.status == "processing"
    assert [request.method for request in handler.requests] == ["POST", "GET"]


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, {"detail": "Not Found"}),
        (404, b"<html>"),
        (200, {"success": False, "error": "Job not found"}),
        (200, {"success": False, "error": "Render job r9 does not exist"}),
        (200, {"code": 4004, "message": "no such task"}),
        (200, {"success": True, "data": {"status": "not_found"}}),
        (200, {"status": "unknown"}),
        (200, {"code": 0, "data": None}),
    ],
)
async def test_a_render_that_the_service_does_not_know_is_unknown_in_any_words(client_for, answering, status, body):
    async with client_for(answering((status, body))) as client:
        assert (await client.render("r9")).status == "unknown"


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ({"code": 402, "message": "free plan export blocked", "data": {"status": "failed"}}, Cause.PLAN_BLOCKS_EXPORT),
        ({"success": False, "code": 402, "data": {"status": "failed"}}, Cause.PLAN_BLOCKS_EXPORT),
        ({"code": 1001, "message": "expired", "status": "failed"}, Cause.SERVICE_DOWN),  # refused after a renewal too
        ({"success": False, "status": "failed", "error": {"code": 2001}}, Cause.OUT_OF_CREDITS),
    ],
)
async def test_a_refusal_that_calls_itself_a_failed_render_is_a_refusal(client_for, answering, account, body, cause):
    async with client_for(answering((200, body), (200, body))) as client:
        with pytest.raises(Trouble) as raised:
            await client.submit_render("r9", "1", {})
    assert raised.value.cause is cause
    assert len(account.renewals) == (body.get("code") == 1001)


@pytest.mark.looptime
@pytest.mark.parametrize("code", [0, None, 200, 77777, 500])
async def test_a_failed_render_with_a_code_that_the_table_does_not_know_has_failed(client_for, answering, code):
    body = {"code": code, "message": "token-0 said no", "data": {"status": "failed"}}
    async with client_for(answering((200, body))) as client:
        render = await client.render("r9")
    assert (render.status, render.error) == ("failed", "*** said no")


@pytest.mark.looptime
async def test_a_session_that_is_not_found_is_lost_whatever_form_the_words_have(client_for, answering):
    for body in (b"Session not found", b'"Session not found: 77"', b'{"detail": "Session not found"}'):
        async with client_for(answering((404, body, {"content-type": "text/plain"}))) as client:
            with pytest.raises(Trouble) as raised:
                await client.state("77")
        assert raised.value.cause is Cause.SESSION_LOST


@pytest.mark.looptime
async def test_a_number_that_no_float_holds_goes_to_the_render_as_it_came(client_for, answering):
    body = (
        b'{"data":{"state":{"draft":{"t":[1e400,-1e400,0.1,1.5,12345678901234567890.0,1e3,NaN,0.12345678901234567]}}}}'
    )
    handler = answering((200, body), (200, {"data": {"id": "r", "status": "pending"}}))
    async with client_for(handler) as client:
        draft = json.loads(json.dumps((await client.state("1")).draft, allow_nan=False))  # as the journal keeps it
        await client.submit_render("r", "1", draft)
    numbers = json.loads(handler.requests[1].content, parse_float=str, parse_constant=str)["draft"]["t"]
    assert numbers[:2] == [10**400, -(10**400)]
    assert [Decimal(number) for number in numbers[2:6]] == [
        Decimal(n) for n in ("0.1", "1.5", "12345678901234567890", "1000")
    ]
    assert numbers[6] is None


@pytest.mark.looptime
async def test_a_number_beyond_all_writing_is_an_answer_that_cannot_be_understood(client_for, answering):
    async with client_for(answering((200, b'{"data":{"state":{"draft":{"t":[1e99999]}}}}'))) as client:
        with pytest.raises(Trouble) as raised:
            await client.state("1")
    assert raised.value.cause is Cause.ANSWER_UNREADABLE


@pytest.mark.looptime
async def test_a_render_of_a_lost_session_is_no_unknown_render(client_for, answering):
    async with client_for(answering((404, {"detail": "Session not found: 1"}))) as client:
        with pytest.raises(Trouble) as raised:
            await client.render("r9")
    assert raised.value.cause is Cause.SESSION_LOST


@pytest.mark.looptime
async def test_a_render_keeps_the_id_it_was_asked_by_whatever_number_the_answer_bears(client_for, answering, tmp_path):
    handler = answering((200, {"success": True, "data": {"id": 77, "status": "completed"}}), (200, b"film"))
    async with client_for(handler) as client:
        render = await client.render("render_9")
        await client.download(render, render.id, tmp_path / "part")
    assert handler.requests[1].url.path == "/api/render/proxy/render_9/download"


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("told", "kept"),
    [
        (["b.jpg is left out:\x1b[2J it is damaged.", 7, ""], ("b.jpg is left out: [2J it is damaged.",)),
        ("one", ()),
        (None, ()),
        ([f"{n}" for n in range(50)], tuple(f"{n}" for n in range(20))),
    ],
)
async def test_what_a_video_lacks_is_read_where_the_renderer_tells_it(client_for, answering, told, kept):
    answer = {"id": "render_9", "status": "completed", "output": {"url": "https://x/v.mp4"}, "warnings": told}
    async with client_for(answering((200, answer))) as client:
        assert (await client.render("render_9")).warnings == kept


@pytest.mark.looptime
async def test_an_expired_token_is_renewed_once_and_the_call_repeated(client_for, answering, account):
    handler = answering((200, {"code": 1001, "message": "expired"}), (200, BALANCE))
    async with client_for(handler) as client:
        assert (await client.balance()).available == 5
    assert [request.headers["authorization"] for request in handler.requests] == ["Bearer token-0", "Bearer token-1"]
    assert account.renewals == ["token-0"]


@pytest.mark.looptime
async def test_a_new_token_that_is_refused_as_well_makes_no_loop(client_for, answering):
    handler = answering((401, b""), (401, b""))
    async with client_for(handler) as client:
        with pytest.raises(Trouble) as raised:
            await client.balance()
    assert raised.value.cause is Cause.SERVICE_DOWN


@pytest.mark.looptime
async def test_a_given_token_that_is_refused_asks_the_person(client_for, answering, given_account):
    handler = answering((401, b""))
    async with client_for(handler, account=given_account) as client:
        with pytest.raises(Trouble) as raised:
            await client.balance()
    assert raised.value.cause is Cause.TOKEN_REJECTED


@pytest.mark.looptime
@pytest.mark.parametrize(("header", "waited_s"), [({}, 30), ({"retry-after": "7"}, 7)])
async def test_a_rate_limit_is_waited_out_once(client_for, answering, looptime, header, waited_s):
    handler = answering((429, b"", header), (200, {"data": {"session_id": "1"}}))
    async with client_for(handler) as client:
        await client.create_session("en")
    assert looptime == waited_s


@pytest.mark.looptime
async def test_a_second_rate_limit_goes_to_the_caller_with_its_wait(client_for, answering, looptime):
    handler = answering((429, b""), (429, b"", {"retry-after": "90"}))
    async with client_for(handler) as client:
        with pytest.raises(Trouble) as raised:
            await client.create_session("en")
    assert (raised.value.cause, raised.value.retry_after_s) == (Cause.RATE_LIMITED, 90)
    assert looptime == 30


@pytest.mark.looptime
@pytest.mark.parametrize("header", [{}, {"retry-after": "5"}, {"retry-after": "300"}])
async def test_a_rate_limit_of_the_balance_holds_nothing_up(client_for, answering, looptime, header):
    handler = answering((429, b"", header))
    async with client_for(handler) as client:
        with pytest.raises(Trouble) as raised:
            await client.balance()
    assert (raised.value.cause, looptime, len(handler.requests)) == (Cause.RATE_LIMITED, 0, 1)


@pytest.mark.looptime
async def test_a_wait_that_is_too_long_holds_no_worker(client_for, answering, looptime):
    async with client_for(answering((429, b"", {"retry-after": "3600"}))) as client:
        with pytest.raises(Trouble) as raised:
            await client.create_session("en")
    assert raised.value.retry_after_s == 3600
    assert looptime == 0


@pytest.mark.looptime
async def test_a_missing_client_id_is_sent_along_from_then_on(client_for, answering):
    handler = answering((400, {"message": "missing X-Client-Id"}), (200, BALANCE), (200, BALANCE))
    async with client_for(handler) as client:
        await client.balance()
        await client.balance()
    assert [request.headers.get("x-client-id") for request in handler.requests] == [None, "client-7", "client-7"]


@pytest.mark.looptime
async def test_out_of_credits_brings_the_way_to_get_some(client_for, answering):
    async with client_for(answering((200, {"code": 2001}))) as client:
        with pytest.raises(Trouble) as raised:
            await client.create_session("en")
    assert "bind=u1" in raised.value.data["how_to_get_credits"]


@pytest.mark.looptime
async def test_the_user_id_of_a_session_is_learned(client_for, answering, account):
    async with client_for(answering((200, {"data": {"session_id": "1", "user_id": "u9"}}))) as client:
        await client.create_session("en")
    assert account.learned == ["u9"]


@pytest.mark.looptime
@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, lambda data: zlib.compress(data)[2:-4]])
async def test_packed_answers_are_unpacked(client_for, pack):
    encoding = "gzip" if pack is gzip.compress else "deflate"

    async def body():
        packed = pack(json.dumps(BALANCE).encode())
        for byte in packed:
            yield bytes([byte])

    async with client_for(
        lambda _: httpx.Response(200, content=body(), headers={"content-encoding": encoding})
    ) as client:
        assert (await client.balance()).available == 5


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(b" " * 40_000_000), "gzip"),
        (b" " * 1_100_000, "identity"),
        (b"no gzip", "gzip"),
        (b"{}", "br"),
    ],
)
async def test_bombs_and_damaged_bodies_are_a_typed_trouble(client_for, body, encoding):
    async def content():
        yield body

    handler = lambda _: httpx.Response(200, content=content(), headers={"content-encoding": encoding})  # noqa: E731
    async with client_for(handler) as client:
        with pytest.raises(Trouble) as raised:
            await client.balance()
    assert raised.value.cause is Cause.ANSWER_UNREADABLE


@pytest.mark.looptime
async def test_an_answer_that_trickles_meets_our_own_deadline(client_for, streaming, looptime):
    async with client_for(streaming(*[b"{", 30] * 100)) as client:
        with pytest.raises(Trouble) as raised:
            await client.balance()
    assert raised.value.cause is Cause.NETWORK_DOWN
    assert looptime == 60


@pytest.mark.looptime
@pytest.mark.parametrize(
    "error", [httpx.ConnectError("refused"), httpx.ReadError(""), OSError("reset"), UnicodeError("idna")]
)
async def test_what_the_network_throws_is_network_down_with_its_cause(client_for, error):
    def handler(request):
        raise error

    async with client_for(handler) as client:
        with pytest.raises(Trouble) as raised:
            await client.balance()
    assert raised.value.cause is Cause.NETWORK_DOWN
    assert raised.value.__cause__ is error


@pytest.mark.looptime
async def test_a_redirect_on_the_own_host_is_followed_with_everything(client_for, answering):
    handler = answering((307, b"", {"location": "/api/tasks/x/"}), (200, {"data": {"session_id": "1"}}))
    async with client_for(handler) as client:
        await client.create_session("en")
    again = handler.requests[1]
    assert (again.url.path, again.method, json.loads(again.content)["language"]) == ("/api/tasks/x/", "POST", "en")


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("location", "cause"),
    [
        ("https://evil.test/x", Cause.NETWORK_DOWN),
        ("http://api.test/x", Cause.NETWORK_DOWN),
        ("https://api.test:8443/x", Cause.NETWORK_DOWN),
        ("//evil.test/x", Cause.NETWORK_DOWN),
        ("https://api.test:443/same", Cause.ANSWER_UNREADABLE),
    ],
)
async def test_a_redirect_elsewhere_is_not_followed_and_one_in_a_circle_ends(client_for, location, cause):
    seen = []

    def handler(request):
        seen.append(request)
        return httpx.Response(302, headers={"location": location})

    async with client_for(handler) as client:
        with pytest.raises(Trouble) as raised:
            await client.balance()
    assert raised.value.cause is cause
    assert {request.url.host for request in seen} == {"api.test"}
    assert len(seen) <= 6


@pytest.mark.looptime
@pytest.mark.parametrize("code", [4001, 4002])
async def test_a_refusal_of_a_file_where_no_file_was_sent_names_none(client_for, answering, code):
    async with client_for(answering((200, {"code": code, "message": "Boom."}))) as client:
        with pytest.raises(Trouble) as raised:
            await client.create_session("en")
    assert raised.value.cause is Cause.REQUEST_REFUSED
    assert "Boom." in str(raised.value)


@pytest.mark.looptime
async def test_a_no_without_a_code_under_a_good_status_is_tried_again_later(client_for, answering):
    async with client_for(answering((200, {"success": False, "error": "Boom."}))) as client:
        with pytest.raises(Trouble) as raised:
            await client.create_session("en")
    assert raised.value.cause is Cause.SERVICE_DOWN
