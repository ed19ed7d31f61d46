"""What each film asks for, in the project's one NEEDS-YOU.txt."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nemo_watch.outbox.names import film_stem
from nemo_watch.outbox.needs import parsed, rendered

STEMS = st.text(max_size=12).map(lambda wanted: film_stem(wanted, ()))
LINES = st.one_of(
    st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=20), st.just("=== a ===")
)
TEXTS = st.lists(LINES, min_size=1, max_size=4).map("\n".join)


def stripped(text: str) -> str:
    return "\n".join(line.lstrip(" ") for line in text.strip("\n").split("\n"))


@given(st.dictionaries(STEMS, TEXTS, max_size=5), STEMS)
def test_what_was_written_is_read_back(asked, own):
    wanted = {stem: stripped(text) for stem, text in asked.items() if text.strip("\n")}
    text = rendered(asked, own)
    assert {stem: stripped(found) for stem, found in parsed(text or "", own).items()} == wanted
    assert (text is None) == (not wanted)


@given(st.text(max_size=200), STEMS)
def test_any_file_is_read_without_a_word_lost(text, own):
    """A person may have written into it."""
    sections = parsed(text, own)
    for line in text.split("\n"):
        if line.strip("\n") and not line.startswith("=== "):
            assert any(line in section for section in sections.values())
