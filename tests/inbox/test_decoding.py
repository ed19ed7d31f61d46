"""The decoding child: what it says of whole, cut and hostile pictures, and that it has neither our secrets nor our life."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import tempfile
import zlib

import pytest
from PIL import Image

from nemo_watch.inbox import decoding, decoding_child


@pytest.fixture
def file_of(tmp_path):
    opened = []

    def make(data: bytes):
        place = tmp_path / f"file{len(opened)}"
        place.write_bytes(data)
        opened.append(place.open("rb"))
        return opened[-1]

    yield make
    for file in opened:
        file.close()


def converted(file):
    with tempfile.TemporaryFile() as output:
        reason = decoding.converted(file, output)
        return reason, os.pread(output.fileno(), 10_000_000, 0)


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that unfolds to width x height."""

    def chunk(kind: bytes, contents: bytes) -> bytes:
        return struct.pack(">I", len(contents)) + kind + contents + struct.pack(">I", zlib.crc32(kind + contents))

    rows = zlib.compress(b"\0" * 100_000, 9)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", rows)
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("name", ["photo.jpg", "photo.png", "animated.gif", "photo.webp", "photo.heic"])
def test_a_whole_picture_decodes(samples, file_of, name):
    assert decoding.unfit_reason(file_of(samples.whole()[name])) is None


@pytest.mark.parametrize("name", ["photo.jpg", "photo.png", "photo.webp", "photo.heic"])
def test_a_cut_picture_does_not(samples, file_of, name):
    data = samples.whole()[name]
    assert decoding.unfit_reason(file_of(data[: len(data) * 2 // 3])) is not None


@pytest.mark.parametrize("format_name", ["WEBP", "PNG"])
def test_a_cut_animation_does_not_pass_for_its_first_frames(samples, file_of, format_name):
    frames = [
        Image.open(io.BytesIO(samples.picture("PNG", size=(60, 40 + number)))).resize((60, 40)) for number in range(4)
    ]
    buffer = io.BytesIO()
    frames[0].save(buffer, format_name, save_all=True, append_images=frames[1:], duration=100)
    whole = buffer.getvalue()
    assert decoding.unfit_reason(file_of(whole)) is None
    assert decoding.unfit_reason(file_of(whole[: len(whole) * 3 // 4])) is not None


def test_a_gif_that_lacks_only_its_trailer_decodes(samples, file_of):
    assert decoding.unfit_reason(file_of(samples.animated_gif()[:-1])) is None


def test_a_decompression_bomb_is_refused_by_its_size(file_of):
    assert decoding.unfit_reason(file_of(bomb(60_000, 60_000))) is not None
    reason = decoding.unfit_reason(file_of(bomb(15_000, 11_000)))
    assert reason == "it has too many pixels (15000 x 11000)"


def test_heic_becomes_an_upright_jpeg_with_its_time_and_place_of_honour(samples, file_of):
    heic = samples.picture("HEIF", exif=samples.exif("2024:05:06 07:08:09", orientation=6))
    reason, jpeg = converted(file_of(heic))
    assert reason is None
    picture = Image.open(io.BytesIO(jpeg))
    assert (picture.format, picture.size) == ("JPEG", (120, 160))
    assert picture.getexif()[0x0112] == 1
    assert picture.getexif().get_ifd(0x8769)[0x9003] == "2024:05:06 07:08:09"


def test_a_cut_heic_is_refused_with_a_reason(samples, file_of):
    heic = samples.picture("HEIF")
    reason, _ = converted(file_of(heic[: len(heic) // 2]))
    assert reason is not None
    assert reason.startswith("it cannot be decoded")


def test_a_child_that_dies_is_an_answer(file_of, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert decoding.unfit_reason(file_of(b"x")) == "decoding it ended the decoder"
    assert converted(file_of(b"x"))[0] == "decoding it ended the decoder"


def test_a_child_that_hangs_is_ended(file_of, monkeypatch, tmp_path):
    script = tmp_path / "hang"
    script.write_text("#!/bin/sh\nexec sleep 1000\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    monkeypatch.setattr(decoding, "LIMIT_S", 0.1)
    assert decoding.unfit_reason(file_of(b"x")) == "decoding it takes too long"


def test_a_child_that_answers_nonsense_is_an_answer(file_of, monkeypatch, tmp_path):
    for answer in ("[1, 2]", "{", '{"ok": 1}'):
        script = tmp_path / "nonsense"
        script.write_text(f"#!/bin/sh\necho '{answer}'\n")
        script.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(script))
        assert decoding.unfit_reason(file_of(b"x")) == "decoding it ended the decoder"


def test_the_child_has_no_environment_and_no_handles_of_ours(file_of, monkeypatch, tmp_path):
    told = tmp_path / "told"
    script = tmp_path / "tell"
    script.write_text(
        f"#!{sys.executable} -S\nimport os\n"
        f"told = [*os.environ, *os.environ.values(), *(f'handle {{n}}' for n in os.listdir('/proc/self/fd'))]\n"
        f"open({str(told)!r}, 'w').write('\\n'.join(told))\nprint('{{\"ok\": true}}')\n"
    )
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    monkeypatch.setenv("NEMO_TOKEN", "nmv_usr_secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with (tmp_path / "secret").open("wb") as secret:
        os.set_inheritable(secret.fileno(), True)
        assert decoding.unfit_reason(file_of(b"x")) is None
    text = told.read_text()
    assert "secret" not in text
    assert {line for line in text.splitlines() if line.startswith("handle")} == {
        f"handle {n}" for n in range(4)
    }  # 3 lists them


def test_the_childs_limits_hold(tmp_path):
    """Memory, processor time and output size, set before any decoder is loaded."""
    code = (
        "from nemo_watch.inbox import decoding_child as c; c._limit(); import resource as r;"
        "print(*(r.getrlimit(x)[0] for x in (r.RLIMIT_CPU, r.RLIMIT_AS, r.RLIMIT_FSIZE, r.RLIMIT_CORE)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert [int(value) for value in found] == [
        decoding_child._CPU_SECONDS_MAX,
        decoding_child._MEMORY_BYTES_MAX,
        decoding_child._OUTPUT_BYTES_MAX,
        0,
    ]


def test_a_picture_that_takes_too_much_memory_is_refused(tmp_path, file_of, monkeypatch):
    """The real child with a limit so low that no large picture fits."""
    script = tmp_path / "small"
    script.write_text(
        f"#!{sys.executable}\nimport sys\nfrom nemo_watch.inbox import decoding_child as c\n"
        "c._MEMORY_BYTES_MAX = 160 << 20\nsys.exit(c.main(sys.argv[4:]))\n"
    )
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    buffer = io.BytesIO()
    Image.new("RGB", (7000, 7000)).save(buffer, "PNG", compress_level=1)
    reason = decoding.unfit_reason(file_of(buffer.getvalue()))
    assert reason is not None
    assert "memory" in reason or "ended the decoder" in reason
