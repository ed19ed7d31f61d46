"""When a photo was taken, by its EXIF, in every container and byte order."""

from __future__ import annotations

import struct
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_watch.inbox.capture import captured_at

TAKEN = datetime(2024, 5, 6, 7, 8, 9)  # noqa: DTZ001  EXIF has no zone


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_every_picture_format_tells_when_it_was_taken(samples, format_name):
    photo = samples.picture(format_name, exif=samples.exif("2024:05:06 07:08:09"))
    assert captured_at(photo) == TAKEN


def test_a_picture_without_exif_tells_nothing(samples):
    assert captured_at(samples.picture("JPEG")) is None


def tiff(order: str, tags: dict[int, str], exif_tags: dict[int, str]) -> bytes:
    """A TIFF block with text tags, in either byte order."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    texts = b""
    start = 8 + 2 + 12 * (len(tags) + 1) + 4
    second = start
    data_at = second + 2 + 12 * len(exif_tags) + 4

    def entry(tag: int, text: str) -> bytes:
        nonlocal texts
        raw = text.encode() + b"\0"
        if len(raw) <= 4:
            return struct.pack(order + "HHI", tag, 2, len(raw)) + raw.ljust(4, b"\0")
        made = struct.pack(order + "HHII", tag, 2, len(raw), data_at + len(texts))
        texts += raw
        return made

    first_entries = b"".join(entry(tag, text) for tag, text in tags.items())
    first_entries += struct.pack(order + "HHII", 0x8769, 4, 1, second)
    second_entries = b"".join(entry(tag, text) for tag, text in exif_tags.items())
    first = struct.pack(order + "H", len(tags) + 1) + first_entries + b"\0\0\0\0"
    rest = struct.pack(order + "H", len(exif_tags)) + second_entries + b"\0\0\0\0"
    return mark + struct.pack(order + "I", 8) + first + rest + texts


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("tags", "exif_tags", "expected"),
    [
        ({}, {0x9003: "2024:05:06 07:08:09"}, TAKEN),
        ({0x0132: "2025:01:01 00:00:00"}, {0x9003: "2024:05:06 07:08:09"}, TAKEN),
        ({0x0132: "2024:05:06 07:08:09"}, {}, TAKEN),
        ({}, {0x9004: "2024:05:06 07:08:09"}, TAKEN),
        ({}, {0x9003: "2024:05:06 07:08:09", 0x9291: "5"}, TAKEN.replace(microsecond=500_000)),
        ({}, {0x9003: "2024:05:06 07:08:09", 0x9291: "012345678"}, TAKEN.replace(microsecond=12_345)),
        ({0x0132: "2024:05:06 07:08:09"}, {0x9003: "0000:00:00 00:00:00"}, TAKEN),
        ({}, {0x9003: "2024:02:31 07:08:09"}, None),
        ({}, {0x9003: "    :  :     :  :  "}, None),
        ({}, {}, None),
    ],
)
def test_the_best_time_is_taken_in_either_byte_order(order, tags, exif_tags, expected):
    assert captured_at(b"\xff\xd8\xff\xe1xxExif\0\0" + tiff(order, tags, exif_tags)) == expected


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_broken_exif_tells_nothing_and_raises_nothing(noise):
    captured_at(b"Exif\0\0II*\0" + noise)
    captured_at(b"Exif\0\0MM\0*" + noise)
