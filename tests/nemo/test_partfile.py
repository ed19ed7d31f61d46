"""The part file's writes: one under way while the caller goes on, whole to the last byte, and never silently lost."""

from __future__ import annotations

import errno
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from nemo_watch.errors import Cause, Trouble
from nemo_watch.nemo import partfile
from nemo_watch.nemo.partfile import PartFile


@pytest.fixture
def threads():
    with ThreadPoolExecutor(2) as threads:
        yield threads


@pytest.fixture
async def part(tmp_path, threads):
    part = PartFile(tmp_path / "video.part", threads)
    await part.open_at(0)
    return part


async def test_pieces_follow_each_other_in_the_file(part):
    for number in range(20):
        await part.write([b"a%d" % number, b"b"])
    await part.finish()
    await part.close()
    assert part.path.read_bytes() == b"".join(b"a%db" % number for number in range(20))


async def test_the_caller_goes_on_while_a_piece_is_written_and_the_next_waits_for_it(part, monkeypatch):
    writing, allowed = threading.Event(), threading.Event()

    def slow(file, chunks):
        writing.set()
        assert allowed.wait(10)
        file.write(b"".join(chunks))

    monkeypatch.setattr(partfile, "_write_all", slow)
    await part.write([b"one"])
    assert writing.wait(10)
    assert part.path.read_bytes() == b""
    allowed.set()
    await part.write([b"two"])
    await part.close()
    assert part.path.read_bytes() == b"onetwo"


async def test_a_disk_that_takes_a_part_of_what_it_is_given_gets_the_rest_again():
    class Narrow:
        taken = b""

        def write(self, data):
            self.taken += bytes(data[:3])
            return min(len(data), 3)

    file = Narrow()
    partfile._write_all(file, [b"abcdefgh", b"", b"ij"])
    assert file.taken == b"abcdefghij"


@pytest.mark.parametrize("then", ["write", "finish", "close"])
async def test_a_write_that_failed_is_told_at_the_next_step_whichever_it_is(part, monkeypatch, then):
    def full(file, chunks):
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(partfile, "_write_all", full)
    await part.write([b"x"])
    with pytest.raises(Trouble) as raised:
        await (part.write([b"y"]) if then == "write" else getattr(part, then)())
    assert raised.value.cause is Cause.NO_SPACE
    await part.close()
    assert part._file is None
