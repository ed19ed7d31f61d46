"""No matter what bytes a stream brings, and how they are cut: events, or one typed trouble. API text "SSE Event Handling"."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_watch.errors import Cause, Trouble
from nemo_watch.nemo.stream import Reply, StreamReader, ended, heard

TEXTS = {
    "plain": "Hello from nemo_agent.",
    "partial": "Sunset clip ready.",
    "thought": "visible text",
    "tool": "Your clip is ready. Click Export.",
    "silent": "",
    "state": "state changed",
    "utf8": "视频已生成：城市夜景 🎬 — ready",
    "error_event": "Before.",
    "raise": "Before the crash.",
    "turns": "Adding music.\nLet me look.\nSaved.",
    "error_text": "I had begun,\nand went on.",
}


def events_of(*chunks, limit_bytes=16 * 1024 * 1024):
    reader = StreamReader(limit_bytes)
    events = [event for chunk in chunks for event in reader.feed(chunk)]
    return events + reader.close()


def outcome_of(*chunks, **limits):
    """The events, or the cause of the one typed trouble."""
    try:
        return events_of(*chunks, **limits)
    except Trouble as trouble:
        return trouble.cause


def reply_of(*chunks):
    reply = Reply()
    for event in events_of(*chunks):
        reply = heard(reply, event)
    return ended(reply)


def shape(reply):
    return (reply.text, reply.tools, reply.state_delta, reply.had_content, str(reply.error), reply.unfinished)


@pytest.mark.parametrize("name", TEXTS)
def test_a_recorded_stream_reads_the_same_whole_and_byte_by_byte(streams, name):
    whole = reply_of(streams[name])
    assert whole.text == TEXTS[name]
    assert shape(reply_of(*(bytes([byte]) for byte in streams[name]))) == shape(whole)


@pytest.mark.parametrize("name", TEXTS)
def test_a_recorded_stream_reads_the_same_cut_in_two_at_every_byte(streams, name):
    data, whole = streams[name], shape(reply_of(streams[name]))
    for cut in range(len(data)):
        assert shape(reply_of(data[:cut], data[cut:])) == whole


@pytest.mark.parametrize("name", TEXTS)
def test_a_stream_that_ends_at_any_byte_gives_its_whole_events_or_a_typed_trouble(streams, name):
    data = streams[name]
    bounds = {0, *(at + 2 for at in range(len(data)) if data[at : at + 2] == b"\n\n")}
    for cut in range(len(data) + 1):
        whole = sum(1 for bound in bounds if 0 < bound <= cut)
        found = outcome_of(data[:cut])
        assert (found is Cause.ANSWER_UNREADABLE and cut not in bounds) or len(found) >= whole


def test_a_stream_that_broke_after_deltas_keeps_them_and_is_known_to_be_unfinished(streams):
    deltas = b"\n\n".join(streams["partial"].split(b"\n\n")[:2]) + b"\n\n"
    reply = reply_of(deltas)
    assert (reply.text, reply.unfinished) == ("Sunset", True)


def test_an_error_event_after_content_is_out_of_credits_and_may_have_been_taken(streams):
    reply = reply_of(streams["error_event"])
    assert reply.error.cause is Cause.OUT_OF_CREDITS
    assert reply.had_content


def test_an_error_event_before_content_is_an_explicit_refusal(streams):
    first = streams["error_event"].split(b"\n\n", 1)[1]
    reply = reply_of(first)
    assert (reply.error.cause, reply.error.not_taken, reply.had_content) == (Cause.OUT_OF_CREDITS, True, False)


def test_a_crash_inside_a_200_is_the_agents_failure_and_never_proves_anything(streams):
    reply = reply_of(streams["raise"].split(b"\n\n", 1)[1])
    assert reply.error.cause is Cause.AGENT_FAILED
    assert not reply.error.not_taken
    assert "boom" in str(reply.error.data["reason"])


def test_a_turn_of_many_kinds_of_parts_ends_whole(streams):
    reply = reply_of(streams["turns"])
    assert (reply.tools, reply.unfinished, reply.error) == (2, False, None)


def test_an_agent_that_goes_on_after_a_finish_reason_has_recovered_and_one_that_does_not_has_not(streams):
    assert reply_of(streams["error_text"]).error is None
    first = reply_of(streams["error_text"].split(b"\n\n", 1)[0] + b"\n\n")
    assert (first.error.cause, first.text, first.had_content) == (Cause.AGENT_FAILED, "I had begun,", True)


def test_state_changes_and_tool_use_are_kept_inside(streams):
    reply = reply_of(streams["silent"])
    assert (reply.text, reply.tools) == ("", 2)
    assert reply.state_delta == {"draft": {"t": [{"tt": 7, "sg": [{"d": 3000}]}]}}


@pytest.mark.parametrize(
    "beat",
    [
        'data: {"type":"heartbeat"}\n\n', "data:\n\n", "data: \n\n", "data\n\n", "data: heartbeat\n\n", ": comment\n\n",
        "event: heartbeat\n\n", "event: heartbeat\ndata: {}\n\n", ":\n\n", 'data: "heartbeat"\n\n', "data: PING\n\n",
        'event: ping\ndata: {"t":1}\n\n', 'data: {"event":"Heartbeat","t":1}\n\n', 'data: {"heartbeat":true}\n\n',
        "data: {}\n\n", "data: null\n\n", 'data: {"ping":1795327807,"timestamp":"x"}\n\n',
    ],
)  # fmt: skip
def test_every_spelling_of_a_heartbeat_is_a_heartbeat_and_no_content(beat):
    reply = reply_of(beat.encode())
    assert reply.heartbeats >= 1
    assert (reply.events, reply.had_content, reply.text) == (0, False, "")


def test_other_shapes_of_text_and_tools_are_taken():
    reply = reply_of(
        b'data: {"type":"text","content":"Sun"}\n\n', b'data: {"type":"text","content":"set."}\n\n',
        b'data: {"type":"tool_call","name":"x"}\n\n', b"data: [DONE]\n\n",
    )  # fmt: skip
    assert (reply.text, reply.tools, reply.unfinished) == ("Sunset.", 1, False)


@pytest.mark.parametrize(
    ("data", "cause", "not_taken"),
    [
        ({"code": 1002, "message": "session not found"}, Cause.SESSION_LOST, True),
        ({"code": "1001", "message": "expired"}, Cause.TOKEN_EXPIRED, True),
        ({"errorCode": "2001"}, Cause.OUT_OF_CREDITS, True),
        ({"errorCode": "MALFORMED_FUNCTION_CALL"}, Cause.AGENT_FAILED, False),
        ({"success": False, "error": "no"}, Cause.AGENT_FAILED, False),
        ({"detail": "Session broke"}, Cause.AGENT_FAILED, False),
        ({"type": "error", "message": "bad"}, Cause.AGENT_FAILED, False),
    ],
)
def test_errors_inside_a_200_become_their_row_of_the_table(data, cause, not_taken):
    error = reply_of(f"data: {json.dumps(data)}\n\n".encode()).error
    assert (error.cause, error.not_taken) == (cause, not_taken)


@pytest.mark.parametrize("data", [{"errorCode": "STOP"}, {"code": 0, "content": {"parts": []}}, {"error": None}])
def test_finish_reasons_and_empty_errors_are_no_errors(data):
    assert reply_of(f"data: {json.dumps(data)}\n\n".encode()).error is None


def adk(text, **more):
    return f"data: {json.dumps({'content': {'parts': [{'text': text}]}, 'author': 'a', **more})}\n\n".encode()


def test_a_last_temporary_issue_after_good_answers_is_noise_and_alone_it_is_the_answer():
    noise = "I encountered a temporary issue. Please try again."
    assert reply_of(adk("Your video is ready."), adk(noise)).text == "Your video is ready."
    assert reply_of(adk(noise)).text == noise


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["I added upbeat music. I encountered a temporary issue."], "I added upbeat music."),
        (["I encountered a temporary issue. Let me try again.", "Your film is ready."],
         "I encountered a temporary issue. Let me try again.\nYour film is ready."),
        (["I added music.", "I encountered a temporary issue with clip 2 so I used clip 3."],
         "I added music.\nI encountered a temporary issue with clip 2 so I used clip 3."),
        (["音乐已添加。", "抱歉，我遇到了一个临时问题，请稍后再试。"], "音乐已添加。"),
    ],
)  # fmt: skip
def test_only_a_last_temporary_issue_is_noise_and_never_what_stands_beside_it(texts, told):
    assert reply_of(*map(adk, texts)).text == told


def typed(kind, content=None, **more):
    return (
        f"data: {json.dumps({'type': kind, **({} if content is None else {'content': content}), **more})}\n\n".encode()
    )


@pytest.mark.parametrize("whole", [{}, {"partial": False}])
def test_typed_deltas_are_repeated_by_their_full_text_and_are_not_doubled(whole):
    deltas = typed("text", "Hel", partial=True), typed("text", "lo", partial=True)
    reply = reply_of(*deltas, typed("text", "Hello", **whole))
    assert (reply.text, reply.unfinished) == ("Hello", False)
    assert reply_of(*deltas).unfinished
    assert (
        reply_of(*deltas, typed("text", "Hello", **whole), typed("tool_call"), typed("text", "done")).text
        == "Hello\ndone"
    )


def test_texts_around_a_tool_call_are_texts_of_their_own_and_parts_of_one_event_are_one():
    tool = b'data: {"content":{"parts":[{"functionCall":{"name":"x"}}]}}\n\n'
    assert reply_of(typed("text", "Hello"), typed("tool_call"), typed("text", "done")).text == "Hello\ndone"
    parts = b'data: {"content":{"parts":[{"text":"Hel"},{"text":"lo"}]}}\n\n'
    assert reply_of(parts, tool, adk("done")).text == "Hello\ndone"


OPENINGS = {
    "state": ({"actions": {"stateDelta": {"draft": {}}}, "author": "nemo_agent"}, True),
    "echo": ({"author": "user", "content": {"parts": [{"text": "make a video"}]}}, False),
    "start": ({"type": "start"}, False),
}
WORKS = {
    "text": {"content": {"parts": [{"text": "x"}]}},
    "thought": {"content": {"parts": [{"text": "x", "thought": True}]}},
    "typed thought": {"type": "thinking", "content": "x"},
    "call": {"content": {"parts": [{"functionCall": {"name": "x"}}]}},
    "response": {"content": {"parts": [{"functionResponse": {"name": "x"}}]}},
    "tool": {"type": "tool_call"},
    "progress": {"type": "progress", "percent": 40},
    "file": {"actions": {"artifactDelta": {"f.mp4": 1}}},
}


@pytest.mark.parametrize("name", OPENINGS)
def test_what_comes_before_the_agent_works_is_no_work(name):
    event, content = OPENINGS[name]
    reply = reply_of(f"data: {json.dumps(event)}\n\n".encode(), b'data: {"errorCode":"2001"}\n\n')
    assert (reply.had_content, reply.had_work, reply.error.not_taken) == (content, False, True)


@pytest.mark.parametrize("name", WORKS)
def test_words_thoughts_and_tools_are_work(name):
    reply = reply_of(f"data: {json.dumps(WORKS[name])}\n\n".encode())
    assert (reply.had_content, reply.had_work) == (True, True)


def test_a_secret_never_shows_in_a_text_even_when_deltas_cut_it():
    reply = Reply(secrets=("0f8e-bearer",))
    for event in events_of(adk("Use 0f8e-", partial=True), adk("bearer now", partial=True)):
        reply = heard(reply, event)
    assert reply.text == "Use *** now"
    assert "0f8e-bearer" not in repr(reply.asked)


def test_deltas_of_two_stages_are_followed_by_their_own_full_events():
    reply = reply_of(
        adk("Raw ", partial=True), adk("clip.", partial=True), adk("Raw clip."),
        adk("With ", partial=True), adk("music.", partial=True), adk("With music."),
    )  # fmt: skip
    assert reply.text == "Raw clip.\nWith music."


def test_deltas_that_no_full_event_repeats_are_not_lost():
    assert reply_of(adk("Half a thou", partial=True), adk("Another thing.")).text == "Half a thou\nAnother thing."


def test_line_separators_of_unicode_are_text_and_no_line_ends():
    text = "a\u2028b\u2029c\u0085d"
    raw = json.dumps({"content": {"parts": [{"text": text}]}}, ensure_ascii=False)
    assert reply_of(f"data: {raw}\r\n\r\n".encode()).text == text


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_every_line_end_of_the_standard_ends_lines_also_between_reads(end):
    data = f"\ufeffdata: {json.dumps({'type': 'text', 'content': 'one'})}{end}{end}: x{end}".encode()
    for cut in range(len(data)):
        reply = reply_of(data[:cut], data[cut:])
        assert (reply.text, reply.heartbeats) == ("one", 1)


def test_a_character_whose_halves_come_in_two_deltas_is_whole_again():
    one = b'data: {"content":{"parts":[{"text":"\\ud83c"}]},"partial":true}\n\n'
    other = b'data: {"content":{"parts":[{"text":"\\udfac"}]},"partial":true}\n\n'
    assert reply_of(one, other).text == "🎬"


def test_an_event_of_a_mebibyte_is_normal_and_one_over_the_limit_is_a_typed_trouble():
    big = json.dumps({"type": "text", "content": "x" * 1024 * 1024})
    assert len(reply_of(f"data: {big}\n\n".encode()).text) == 1024 * 1024
    for chunks in ([b"data: " + b"x" * 5000], [b"x"] * 5000, [b"data: x\n"] * 500):
        with pytest.raises(Trouble) as raised:
            events_of(*chunks, limit_bytes=4096)
        assert raised.value.cause is Cause.ANSWER_UNREADABLE


def test_sixteen_megabytes_in_small_reads_cost_their_length_and_not_its_square():
    body = f"data: {json.dumps({'type': 'text', 'content': 'y' * 8_000_000})}\n\n".encode()
    fed = [body[at : at + 4096] for at in range(0, len(body), 4096)]
    assert len(reply_of(*fed).text) == 8_000_000


def test_a_hundred_thousand_deltas_make_one_text():
    reply, event = Reply(), events_of(adk("ab", partial=True))[0]
    for _ in range(100_000):
        reply = heard(reply, event)
    assert reply.text == "ab" * 100_000
    assert len(reply.pending[0][1]) < 20


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["content", "parts", "text", "partial", "thought", "actions", "stateDelta", "errorCode", "error",
                         "type", "code", "author", "functionCall", "success", "detail", "x"]), inner, max_size=5,
    ),
    max_leaves=12,
)  # fmt: skip


@pytest.mark.no_cover  # tracing takes three times as long
@given(st.lists(json_values, max_size=6))
@settings(max_examples=60, deadline=None)
def test_any_json_gives_events_and_a_reply(values):
    body = "".join(f"data: {json.dumps(value)}\n\n" for value in values).encode()
    reply = reply_of(body)
    reply.text.encode()
    assert reply.events + reply.heartbeats >= len(values)
    assert isinstance(reply.asked, str | None)


@pytest.mark.no_cover
@given(
    st.lists(st.binary(max_size=40) | st.sampled_from([b"data: ", b"\n", b"\r", b'{"type":"text"}', b":", b"event:"]))
)
@settings(max_examples=80, deadline=None)
def test_any_bytes_give_events_or_a_typed_trouble_and_cuts_do_not_matter(chunks):
    def key(found):
        return found if isinstance(found, Cause) else [(e.text, e.heartbeat, e.content, e.tools) for e in found]

    whole = b"".join(chunks)
    cuts = [chunks, [whole], [bytes([byte]) for byte in whole]]
    first, *others = [key(outcome_of(*pieces, limit_bytes=400)) for pieces in cuts]
    assert all(other == first or Cause.ANSWER_UNREADABLE in (first, other) for other in others)
    assert len(whole) >= 200 or all(other == first for other in others)
