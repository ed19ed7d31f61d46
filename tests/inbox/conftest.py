"""Sample media, made by our own code: every format that the inbox takes, small, and whole."""

from __future__ import annotations

import io
import struct
import wave
from datetime import datetime
from functools import cache
from pathlib import Path

import pytest

from nemo_watch import config
from nemo_watch.inbox.looking import Look, Lookout

LOCAL_TIME = datetime(2026, 11, 22, 15, 42)  # noqa: DTZ001  local times have no zone here


@cache
def picture(format_name: str, *, size: tuple[int, int] = (160, 120), exif: bytes = b"", **options: object) -> bytes:
    """A picture with some noise in it, so that no two regions are alike."""
    import pillow_heif
    from PIL import Image

    noise = Image.effect_noise(size, 60).convert("RGB")
    if format_name == "HEIF":
        heif = pillow_heif.from_pillow(noise)
        buffer = io.BytesIO()
        heif.save(buffer, exif=exif or None, quality=60)
        return buffer.getvalue()
    buffer = io.BytesIO()
    noise.save(buffer, format_name, **({"exif": exif} if exif else {}), **options)
    return buffer.getvalue()


def animated_gif() -> bytes:
    """Three frames."""
    from PIL import Image

    frames = [Image.effect_noise((40, 30), 40 + 10 * number).convert("P") for number in range(3)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=100)
    return buffer.getvalue()


def exif(taken: str, *, orientation: int = 1) -> bytes:
    """An EXIF block that tells when, and which way is up."""
    from PIL import Image

    block = Image.Exif()
    block[0x0112] = orientation
    block.get_ifd(0x8769)[0x9003] = taken
    return block.tobytes()


def box(kind: bytes, contents: bytes) -> bytes:
    """An ISO box."""
    return struct.pack(">I", 8 + len(contents)) + kind + contents


def mp4(*, index_first: bool = False, brand: bytes = b"isom", media_bytes: int = 20_000) -> bytes:
    """The boxes of a clip; nothing that plays, but everything that tells whether it is whole."""
    start = box(b"ftyp", brand + b"\0\0\2\0" + brand + b"mp41")
    index = box(b"moov", box(b"mvhd", b"\1" * 100))
    media = box(b"mdat", bytes(range(1, 256)) * (media_bytes // 255))
    return start + (index + media if index_first else media + index)


def mkv(*, media_bytes: int = 5_000, known_size: bool = True) -> bytes:
    """An EBML header and one segment."""
    header = b"\x1a\x45\xdf\xa3" + b"\x88" + b"\x42\x82\x85webm\0"[:8]
    contents = b"\x15\x49\xa9\x66" + bytes([0x84]) + b"info" + b"\xec\x42\x00" + b"x" * media_bytes
    size = struct.pack(">Q", 1 << 56 | len(contents)) if known_size else b"\x01" + b"\xff" * 7
    return header + b"\x18\x53\x80\x67" + size + contents


def riff(form: bytes, *chunks: bytes) -> bytes:
    """A RIFF file."""
    contents = form + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(contents)) + contents


def avi() -> bytes:
    """An AVI of two OpenDML parts."""
    return riff(b"AVI ", b"movi" + b"x" * 9000) + riff(b"AVIX", b"movi" + b"y" * 9000)


def wav() -> bytes:
    """Eight seconds of a ramp."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as song:
        song.setnchannels(1)
        song.setsampwidth(2)
        song.setframerate(8000)
        song.writeframes(bytes(range(1, 251)) * 512)
    return buffer.getvalue()


def mp3(frames: int = 40, *, tag: bool = True) -> bytes:
    """MPEG-1 layer III frames of 128 kbit/s at 44.1 kHz: 417 bytes each."""
    frame = b"\xff\xfb\x90\x00" + b"\x55" * 413
    return (b"ID3\x04\0\0\0\0\0\x0a" + b"\1" * 10 if tag else b"") + frame * frames


def aac(frames: int = 40) -> bytes:
    """ADTS frames of 207 bytes."""
    header = b"\xff\xf1\x50\x80" + bytes([207 >> 3, (207 & 7) << 5 | 0x1F, 0xFC])
    return (header + b"\x55" * 200) * frames


def whole_samples() -> dict[str, bytes]:
    """One whole file of each format, by file name."""
    return {
        "photo.jpg": picture("JPEG"),
        "progressive.jpeg": picture("JPEG", progressive=True),
        "photo.png": picture("PNG"),
        "still.gif": picture("GIF"),
        "animated.gif": animated_gif(),
        "photo.webp": picture("WEBP"),
        "photo.heic": picture("HEIF"),
        "clip.mp4": mp4(),
        "streamable.mp4": mp4(index_first=True),
        "clip.mov": mp4(brand=b"qt  "),
        "song.m4a": mp4(brand=b"M4A "),
        "clip.mkv": mkv(),
        "clip.webm": mkv(),
        "clip.avi": avi(),
        "song.wav": wav(),
        "song.mp3": mp3(),
        "song.aac": aac(),
    }


class Watched:
    """An inbox on disk and the lookout over it, with a clock that moves only when told."""

    def __init__(self, folder: Path, **settings: object) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.settings = config.Inbox(**settings)  # type: ignore[arg-type]
        self.lookout = Lookout(folder, self.settings, patience_s=60.0)
        self.now_s = 1000.0
        self.local_time = LOCAL_TIME

    def look(self, after_s: float = 0.0) -> Look:
        """Looks once, `after_s` seconds later."""
        self.now_s += after_s
        return self.lookout.look(self.now_s, self.local_time)

    def settled(self) -> Look:
        """Looks until every project that can be ready is, as the daemon would: whenever the last look said so."""
        look = self.look()
        until = self.now_s + 100
        while look.next_look_s is not None and self.now_s + look.next_look_s <= until:
            look = self.look(look.next_look_s)
        return look

    def put(self, path: str, data: bytes = b"") -> Path:
        """Writes a file in one go."""
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        return place


@pytest.fixture
def inbox(tmp_path: Path) -> Watched:
    """An empty inbox with the default settings."""
    return Watched(tmp_path / "inbox")


@pytest.fixture
def make_inbox(tmp_path: Path):
    """Makes an inbox with settings of one's own."""

    def make(name: str = "inbox", **settings: object) -> Watched:
        return Watched(tmp_path / name, **settings)

    return make


class Samples:
    """The makers above, for tests: test modules cannot import a conftest."""

    picture = staticmethod(picture)
    animated_gif = staticmethod(animated_gif)
    exif = staticmethod(exif)
    box = staticmethod(box)
    mp4 = staticmethod(mp4)
    mkv = staticmethod(mkv)
    riff = staticmethod(riff)
    avi = staticmethod(avi)
    wav = staticmethod(wav)
    mp3 = staticmethod(mp3)
    aac = staticmethod(aac)
    whole = staticmethod(whole_samples)


@pytest.fixture(scope="session")
def samples() -> type[Samples]:
    """Makers of sample media."""
    return Samples
