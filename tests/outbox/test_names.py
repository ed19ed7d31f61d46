"""Names that every file system takes, and that are nobody else's."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemo_watch.outbox.names import NAME_BYTES_MAX, RESERVED, film_stem, outbox_name

# Any text at all, lone surrogates included, and a good share of what is dangerous.
ANY = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from([*'<>:"/\\|?*. -_', "\0", "\n", "\x1b", "\u202e", "\u200d", "\udce9", "é", "\u0301", "İ", "ß", "ſ", "v", "1"]),
    ),
    max_size=260,
)  # fmt: skip
NAMES = st.one_of(
    ANY, st.sampled_from([*RESERVED, "con", "LPT1.jpg", "a", "A", "a-v1", "a-v1-v2", "a-2", "..", "CON .x"])
)
DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in "0123456789")}


def files_of(stem: str) -> set[str]:
    return {f"{stem}.mp4", f"{stem}.reply.txt", f"{stem}.timeline.txt", *(f"{stem}-v{n}.mp4" for n in range(1, 40))}


def folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def assert_safe(name: str) -> None:
    assert 0 < len(name.encode("utf-8")) <= NAME_BYTES_MAX
    assert unicodedata.is_normalized("NFC", name)
    assert not set(name) & set('<>:"/\\|?*')
    assert all(unicodedata.category(c)[0] != "C" for c in name), ascii(name)
    assert name == name.strip(" ")
    assert not name.startswith(".")
    assert not name.endswith(".")
    assert re.split(r"[.\s]", name.lower())[0] not in DEVICES
    assert folded(name) not in {folded(reserved) for reserved in RESERVED}


@given(NAMES)
def test_any_text_becomes_a_safe_name(wanted):
    for made in (outbox_name(wanted, ()), film_stem(wanted, ())):
        assert_safe(made)


@given(NAMES)
def test_a_safe_name_stays_as_it_is(wanted):
    made = outbox_name(wanted, ())
    assert outbox_name(made, ()) == made


@given(st.lists(NAMES, max_size=8))
def test_names_are_distinct_without_regard_to_case(wishes):
    taken: list[str] = []
    for wanted in wishes:
        taken.append(outbox_name(wanted, taken))
        assert_safe(taken[-1])
    assert len({folded(name) for name in taken}) == len(taken)


@given(st.lists(NAMES, max_size=8))
def test_no_film_ever_writes_a_file_of_another(wishes):
    stems: list[str] = []
    for wanted in wishes:
        stems.append(film_stem(wanted, stems))
    claimed: set[str] = set()
    for stem in stems:
        files = {folded(name) for name in files_of(stem)}
        assert not files & claimed, stems
        claimed |= files
    assert not claimed & {folded(name) for name in RESERVED}


@given(NAMES)
def test_every_name_made_from_a_stem_keeps_the_outboxs_200_bytes(wanted):
    longest = f".{film_stem(wanted, ())}-v12345678.mp4.nemo-watch.part"
    text = f".{film_stem(wanted, ())}.timeline.txt.01234567.nemo-watch.part"
    assert max(len(longest.encode()), len(text.encode())) <= 200


@pytest.mark.parametrize(
    ("wanted", "made"),
    [
        ("beach-trip", "beach-trip"),
        ("旅行", "旅行"),
        ("e\u0301te\u0301", "été"),
        ("a/b\\c:d", "a_b_c_d"),
        ("caf\udce9", "caf_"),
        ("evil\u202etxt.exe", "eviltxt.exe"),
        ("two\nlines\x1b[31m", "two_lines_[31m"),
        ("dots...", "dots"),
        ("con", "_con"),
        ("Aux.tar.gz", "_Aux.tar.gz"),
        ("com¹", "_com¹"),
        ("console", "console"),
        ("index.html", "index.html-2"),
        ("needs-you.TXT", "needs-you.TXT-2"),
        ("..", "untitled"),
        ("", "untitled"),
        ("👩‍👩‍👧", "👩👩👧"),
    ],
)
def test_what_becomes_of(wanted, made):
    assert outbox_name(wanted, ()) == made


@pytest.mark.parametrize("other", ["Trip", "TRIP", "trip", "tri\u200dp", "ｔｒｉｐ", "tr\u0131p"])
def test_a_name_that_looks_alike_is_numbered(other):
    assert outbox_name("trip", [other]) == "trip-2"
    assert outbox_name("trip", [other, "trip-2"]) == "trip-3"


def test_a_heart_with_and_without_its_invisible_variation_are_one_name_to_some_file_systems():
    assert outbox_name("❤\ufe0f", ["❤"]).endswith("-2")


@pytest.mark.parametrize(
    ("wanted", "taken", "made"),
    [
        ("a-v1", ["a"], "a-v1-2"),  # a's first version is called so
        ("a", ["a-v1"], "a-2"),  # and the other way round
        ("A-V12", ["a"], "A-V12-2"),
        ("a-v0", ["a"], "a-v0"),  # no version is ever called so
        ("a-v01", ["a"], "a-v01"),
        ("a.reply", ["a"], "a.reply"),
        ("trip-v2", ["beach"], "trip-v2"),
    ],
)
def test_a_stem_that_looks_like_a_version(wanted, taken, made):
    assert film_stem(wanted, taken) == made


def test_folders_may_look_like_versions_of_one_another():
    assert outbox_name("trip-v2", ["trip"]) == "trip-v2"


def test_a_long_name_is_cut_between_characters_and_still_numbered():
    long = "旅" * 100
    first = outbox_name(long, ())
    second = outbox_name(long, [first])
    assert first == "旅" * 53
    assert second.endswith("-2")
    assert len(second.encode()) <= NAME_BYTES_MAX
