"""The frames of a stream: how little an endless line may cost, and what no cut may change. WHATWG HTML §9.2.6."""

from __future__ import annotations

import tracemalloc

import pytest

from nemo_watch.errors import Cause, Trouble
from nemo_watch.nemo.sse import EVENT_LIMIT_BYTES, Frame, FrameReader

LIMIT_BYTES = 1024 * 1024


def frames_of(*chunks):
    reader = FrameReader()
    return [frame for chunk in chunks for frame in reader.feed(chunk)] + reader.close()


def fed(reader, unit, times):
    for _ in range(times):
        reader.feed(unit)


@pytest.mark.parametrize("unit", [b"x" * 16_384, b"data: " + b"x" * 1_000 + b"\n", b"data\n" * 100])
def test_an_event_without_an_end_is_a_typed_trouble_and_holds_no_more_than_four_times_the_limit(unit):
    reader = FrameReader(LIMIT_BYTES)
    tracemalloc.start()
    try:
        with pytest.raises(Trouble) as raised:
            fed(reader, unit, 2 * LIMIT_BYTES // len(unit))
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert raised.value.cause is Cause.ANSWER_UNREADABLE
    assert peak_bytes <= 4 * LIMIT_BYTES


def test_an_event_of_nearly_the_limit_in_small_chunks_arrives_whole():
    value = b"y" * (EVENT_LIMIT_BYTES - 1_000)
    body = b"data: " + value + b"\n\n"
    (frame,) = frames_of(*(body[at : at + 65_536] for at in range(0, len(body), 65_536)))
    assert frame == Frame("", value)


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_names_comments_and_lines_of_data_are_framed_alike_however_they_are_cut(end):
    body = b"\xef\xbb\xbf" + end.join(
        [b": hi", b"event: tick", b"data: a", b"data:b", b"data", b"", b"id: 3", b"", b"data:", b"", b""]
    )
    whole = [Frame("comment", b""), Frame("tick", b"a\nb\n"), Frame("", b"")]
    assert frames_of(body) == whole
    assert frames_of(*(bytes([byte]) for byte in body)) == whole
    for cut in range(len(body)):
        assert frames_of(body[:cut], b"", body[cut:]) == whole
