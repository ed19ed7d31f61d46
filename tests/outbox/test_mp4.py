"""Whether a file is a whole MP4."""

from __future__ import annotations

import os
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from outbox_samples import box, mp4

from nemo_watch.outbox.mp4 import whole_mp4

FTYP = box(b"ftyp", b"isom\0\0\2\0isom")
MOOV = box(b"moov", box(b"mvhd", bytes(100)) + box(b"trak", b"x"))
MDAT = box(b"mdat", b"pictures")


@pytest.fixture
def reason(tmp_path):
    def of(data: bytes) -> str | None:
        path = tmp_path / "film.mp4"
        path.write_bytes(data)
        return whole_mp4(path)

    return of


@pytest.mark.parametrize(
    "data",
    [
        mp4(),
        FTYP + MDAT + MOOV,  # the index last
        FTYP + MOOV + struct.pack(">I4sQ", 1, b"mdat", 24) + b"pictures",  # a 64-bit size
        FTYP + MOOV + struct.pack(">I4s", 0, b"mdat") + b"pictures",  # to the end of the file
        FTYP + MOOV + box(b"moof", b"f") + MDAT + box(b"moof", b"f") + box(b"mdat"),  # in fragments
        box(b"free", bytes(9)) + mp4() + box(b"uuid", b"x"),
    ],
)
def test_whole(reason, data):
    assert reason(data) is None


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "it is empty"),
        (b"<html>404 not found</html>", "it does not begin like an MP4"),
        (b'{"error":"expired"}', "it does not begin like an MP4"),
        (bytes(4096), "it does not begin like an MP4"),
        (FTYP + MOOV, "its pictures (mdat) is missing"),
        (FTYP + MDAT, "its index (moov) is missing"),
        (FTYP + MOOV + box(b"mdat"), "it holds no pictures (mdat is empty)"),
        (FTYP + MOOV + MDAT[:-3], "it ends 3 bytes too early"),
        (FTYP + MOOV + MDAT + b"\0\0\0", "it ends in the middle of a box"),
        (FTYP + MOOV + MDAT + struct.pack(">I4s", 4, b"free"), "its structure is damaged"),
        (FTYP + box(b"moov", box(b"mvhd", bytes(100))) + MDAT, "its index (moov) is not complete"),
        (FTYP + box(b"moov", bytes(64)) + MDAT, "its structure is damaged"),  # a hole where the index should be
        (FTYP + struct.pack(">I4s", 1, b"mdat"), "its structure is damaged"),
    ],
)
def test_not_whole_and_why(reason, data, why):
    assert reason(data) == why


def test_every_cut_of_a_film_is_noticed(reason):
    whole = mp4()
    assert [n for n in range(len(whole)) if reason(whole[:n]) is None] == []


@given(data=st.binary(max_size=300), head=st.sampled_from([b"", FTYP, FTYP + MOOV, mp4()]))
def test_any_bytes_get_an_answer(tmp_path_factory, data, head):
    path = tmp_path_factory.getbasetemp() / "any.mp4"
    path.write_bytes(head + data)
    assert whole_mp4(path) is None or whole_mp4(path)


def test_a_handle_does_as_well_as_a_path_and_stays_open(tmp_path):
    (tmp_path / "film.mp4").write_bytes(mp4())
    handle = os.open(tmp_path / "film.mp4", os.O_RDONLY)
    assert whole_mp4(handle) is None
    assert os.fstat(handle).st_size > 0
    os.close(handle)


def test_a_huge_film_costs_no_more_than_a_small_one(tmp_path, monkeypatch):
    """Only heads of boxes are read: 8 GB of pictures, a hole in the file, cost a few dozen bytes."""
    path = tmp_path / "huge.mp4"
    size = 8 << 30
    path.write_bytes(FTYP + MOOV + struct.pack(">I4sQ", 1, b"mdat", size))
    os.truncate(path, len(FTYP + MOOV) + size)
    read: list[int] = []
    pread = os.pread
    monkeypatch.setattr(os, "pread", lambda handle, count, at: read.append(count) or pread(handle, count, at))
    assert whole_mp4(path) is None
    assert sum(read) <= 200


def test_a_flood_of_boxes_ends(reason, monkeypatch):
    monkeypatch.setattr("nemo_watch.outbox.mp4.BOXES_MAX", 50)
    assert reason(FTYP + box(b"free") * 100) == "it has too many parts"


def test_a_real_film(tmp_path, real_mp4):
    (tmp_path / "real.mp4").write_bytes(real_mp4)
    assert whole_mp4(tmp_path / "real.mp4") is None
    (tmp_path / "real.mp4").write_bytes(real_mp4[:-1])
    assert whole_mp4(tmp_path / "real.mp4") is not None
