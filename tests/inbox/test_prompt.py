"""Prompts and urls.txt as editors save them."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_watch.errors import Cause, Trouble
from nemo_watch.inbox import prompt

ENCODINGS = {
    "utf-8": lambda text: text.encode(),
    "utf-8 with its mark": lambda text: codecs.BOM_UTF8 + text.encode(),
    "utf-16-le with its mark (Notepad)": lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
    "utf-16-be with its mark": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    "utf-32 with its mark": lambda text: codecs.BOM_UTF32_LE + text.encode("utf-32-le"),
}


def messages(data: bytes) -> tuple[str, ...]:
    return prompt.words(data).messages


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS.keys())
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_every_encoding_and_line_ending_reads_the_same(encode, newline):
    lines = ["# help", "Ein Film über Øyvind 海 🏖", "in two lines", "---", "", "then louder "]
    assert messages(encode(newline.join(lines))) == ("Ein Film über Øyvind 海 🏖\nin two lines", "then louder")


def test_utf16_without_its_mark_is_known_by_its_zeros():
    assert messages("make a film".encode("utf-16-le")) == ("make a film",)
    assert messages("make a film".encode("utf-16-be")) == ("make a film",)


def test_a_comment_needs_its_space():
    assert messages(b"# comment\n#hashtag\n #indented\n#\n") == ("#hashtag\n #indented",)


def test_only_a_line_of_three_dashes_separates():
    assert messages(b"a --- b\n----\n--- x\n") == ("a --- b\n----\n--- x",)
    assert messages(b"a\n --- \nb\n---\n---\n\nc") == ("a", "b", "c")


def test_other_line_separators_are_part_of_the_text():
    assert messages("a\u2028b\u0085c".encode()) == ("a\u2028b\u0085c",)


@pytest.mark.parametrize(
    "data", [b"", b" \n\n", b"# only\n# comments\n", codecs.BOM_UTF8, codecs.BOM_UTF16_LE, b"---\n---"]
)
def test_an_emptied_prompt_has_no_words(data):
    assert messages(data) == ()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (rb"{\rtf1\ansi make a film}", "it is rich text"),
        (b"PK\x03\x04 docx", "it is a document, not plain text"),
        (b"\xd0\xcf\x11\xe0 doc", "it is a Word document"),
        (b"%PDF-1.7", "it is a PDF"),
        ("Film über".encode("latin-1"), "it is not UTF-8"),
        (b"a\x00b c d e", "it holds bytes that are no text"),
        (b"\x1f\x8b\x08 gz", "it is not UTF-8"),
        (codecs.BOM_UTF16_LE + b"odd", "it is not UTF-8"),
    ],
)
def test_what_is_no_plain_text_is_refused_with_a_sentence(data, reason):
    with pytest.raises(Trouble) as caught:
        prompt.words(data, file="x/prompt.txt")
    assert caught.value.cause is Cause.PROMPT_UNREADABLE
    assert str(caught.value) == f"x/prompt.txt cannot be read as plain text: {reason}."


def test_the_template_holds_the_default_prompt_and_three_lines_of_help():
    made = prompt.template("generate a video")
    assert [line.startswith("# ") for line in made.decode().splitlines()] == [True, True, True, False]
    read = prompt.words(made, made)
    assert (read.messages, read.template) == (("generate a video",), True)


def test_saving_the_template_without_a_change_leaves_it_the_template():
    made = prompt.template("generate a video")
    assert prompt.words(made.replace(b"\n", b"\r\n"), made).template
    assert prompt.words(codecs.BOM_UTF8 + made.rstrip(), made).template


@pytest.mark.parametrize(
    "edit", [lambda t: t + b"!", lambda t: t.splitlines()[-1], lambda _: b"", lambda t: t + b"---\nmore"]
)
def test_any_edit_ends_the_template(edit):
    made = prompt.template("generate a video")
    assert not prompt.words(edit(made), made).template


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=200))
def test_words_go_out_as_they_were_written(text):
    """Invariant: one line that is no comment and no separator is the message, trimmed, nothing else."""
    line = "x" + text
    assert messages(line.encode()) == (line.strip(),)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_words_or_trouble(data):
    try:
        found = prompt.words(data).messages
    except Trouble:  # anything else would fail the test
        found = ()
    assert all(message == message.strip() and message for message in found)


def test_urls_are_taken_one_a_line_each_once_in_order():
    data = b"# mine\r\nhttps://b.example/x.mp4\r\n\r\n  http://a.example/y.jpg?sig=1 \nhttps://b.example/x.mp4\n"
    assert prompt.urls(data) == prompt.Urls(("https://b.example/x.mp4", "http://a.example/y.jpg?sig=1"))


@pytest.mark.parametrize(
    "line",
    ["ftp://a.example/x", "file:///etc/passwd", "javascript:alert(1)", "a.example/x.jpg", "https://", "http://[", "two words",
     "https://a.example/" + "x" * 2048],
)  # fmt: skip
def test_what_is_no_web_address_is_left_out_with_its_line(line):
    found = prompt.urls(f"https://a.example/1\n{line}\n".encode())
    assert found.urls == ("https://a.example/1",)
    assert len(found.problems) == 1
    assert found.problems[0].startswith("line 2: ")


def test_there_is_a_most_of_urls():
    found = prompt.urls("\n".join(f"https://a.example/{number}" for number in range(205)).encode())
    assert (len(found.urls), len(found.problems)) == (prompt.URLS_MAX, 5)


@pytest.mark.parametrize(
    ("lines", "last"), [(21, "and 1 more line is left out"), (400_000, "and 399980 more lines are left out")]
)
def test_of_many_lines_that_are_left_out_the_first_are_told_and_the_rest_counted(lines, last):
    found = prompt.urls(b"x\n" * lines)
    assert len(found.problems) == prompt.PROBLEMS_MAX + 1
    assert found.problems[prompt.PROBLEMS_MAX - 1].startswith(f"line {prompt.PROBLEMS_MAX}: ")
    assert found.problems[-1] == last


def test_an_empty_urls_txt_is_no_problem():
    assert prompt.urls(b"") == prompt.Urls(())
