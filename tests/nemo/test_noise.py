"""A last "I encountered a temporary issue" after good answers is noise; anywhere else it is an answer."""

from __future__ import annotations

import pytest

from nemo_watch.nemo.noise import is_noise, without_noise


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("I added upbeat music. I encountered a temporary issue.", "I added upbeat music."),
        ("I added upbeat music.\nI encountered a temporary issue. Please try again later.", "I added upbeat music."),
        ("Done! However, I've encountered a temporary issue while processing your request. Please try again in a few minutes.",
         "Done!"),
        ("Done. I encountered a temporary issue, please try again", "Done."),
        ("音乐已添加。抱歉，我遇到了一个临时问题，请稍后再试。", "音乐已添加。"),
        ("音乐已添加。我遇到了临时问题。请稍后重试。", "音乐已添加。"),
    ],
)  # fmt: skip
def test_the_last_sentence_about_a_temporary_issue_goes(text, kept):
    assert without_noise(text) == kept


@pytest.mark.parametrize(
    "text",
    [
        "I encountered a temporary issue. Let me try again. Here is your film.",
        "I added music. I encountered a temporary issue with clip 2 so I used clip 3.",
        "I added music. I encountered a temporary issue. Let me try again.",
        "The music is in. Please try again if you do not hear it.",
        "The film tells how a temporary issue was solved.",
        "处理片段2时遇到了临时问题，所以用了片段3。",
        "我遇到了临时问题。现在已经解决，视频已生成。",
    ],
)
def test_what_tells_something_stays(text):
    assert without_noise(text) == text
    assert not is_noise(text)


def test_alone_it_is_noise_and_nothing_else():
    assert is_noise("I encountered a temporary issue. Please try again.")
    assert is_noise("抱歉，系统遇到了临时错误。")
    assert not is_noise("")


@pytest.mark.parametrize("unit", ["I encountered a temporary issue. ", "try again. ", "sorry, ", ". "])
def test_a_long_text_costs_no_more_than_its_end(unit):
    assert len(without_noise("Good. " + unit * 50_000)) > 1000
