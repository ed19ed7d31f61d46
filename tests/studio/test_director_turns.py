"""Wishes said by their opposite, by number or by exchange: what must come of them, and that the answer is true."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.studio.test_director import CLIP, DEFAULT, PHOTOS, SONG, direct, first, texts, track

WORDED = f"{DEFAULT}, title 'Hello', caption 'One', caption 'Two'"
ALREADY = ("already as you wish", "已经符合")


def after(message: str, before: str = WORDED, materials: Any = PHOTOS) -> tuple[dict[str, Any], str]:
    """The film after one more message, and the answer."""
    direction = direct(message, materials, direct(before, materials, None, "en").draft, "en")
    return direction.draft, direction.said


@pytest.mark.parametrize(
    "message",
    [
        "get rid of the music", "switch off the music", "ditch the music", "leave out the music", "skip the music", "take the music out",
        "the music isn't needed", "remove the title and the music", "把音乐关掉", "把音乐删掉", "把背景音乐去掉", "音乐去掉", "音乐不要了",
        "不需要背景音乐", "把音乐关了", "把音乐关掉，时长改成20秒", "标题“新的”，音乐去掉，10秒，竖屏，黑白",
    ],
)  # fmt: skip
def test_music_that_shall_go_goes_and_is_not_brought_where_there_is_none(message):
    draft, said = after(message)
    assert not track(draft, 1)
    assert not any(words in said for words in ALREADY)
    assert not track(after(message, f"{DEFAULT}, no music")[0], 1)


@pytest.mark.parametrize(
    "message", ["不要把音乐去掉", "don't remove the music", "no title change, no music change, just vertical"]
)
def test_music_and_title_that_shall_stay_stay(message):
    draft, _ = after(message)
    assert track(draft, 1)
    assert texts(draft, "title") == ["Hello"]


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("not so fast", 25), ("Not so fast, and black and white", 25), ("don't make it so fast", 25), ("less fast", 25), ("not so slow", 10),
        ("cut the length in half", 9), ("make it 20 seconds not 30", 20), ("at least 40 seconds", 40), ("at least 10 seconds", 17.5),
        ("first photo 5 seconds, the others 2 seconds", 13), ("第一张5秒，其他2秒", 13),
        ("2 seconds per photo except the last for 5 seconds", 13), ("end with “Thanks!” for 4 seconds", 20.3),
        ("remove the first two photos", 10.5), ("only use the first three photos", 10.5), ("只用前三张照片", 10.5), ("去掉最后两张", 10.5),
    ],
)  # fmt: skip
def test_the_film_is_as_long_as_that_makes_it(message, seconds):
    assert after(message)[0]["d"] / 1000 == pytest.approx(seconds, abs=0.51)


@pytest.mark.parametrize(
    ("message", "before", "key", "value"),
    [
        ("slide instead of crossfade", "", "transition", "slide"),
        ("change crossfade to wipe", "", "transition", "wipe"),
        ("use wipe rather than crossfade", "", "transition", "wipe"),
        ("replace crossfades with cuts", "", "transition", "cut"),
        ("把叠化换成滑动", "", "transition", "slide"),
        ("请不要使用转场效果", "", "transition", "cut"),
        ("make it sepia instead of black and white", "black and white", "look", "sepia"),
        ("change black and white to warm", "black and white", "look", "warm"),
        ("把黑白改成暖色", "black and white", "look", "warm"),
        ("不要黑白，要暖色调", "", "look", "warm"),
        ("bw", "", "look", "bw"),
        ("from vertical to horizontal", "", "aspect", "16:9"),
        ("landscape instead of portrait", "vertical", "aspect", "16:9"),
        ("change from portrait to landscape", "vertical", "aspect", "16:9"),
        ("instagram story", "", "aspect", "9:16"),
        ("30s reel for Instagram", "", "aspect", "9:16"),
        ("upload it to youtube", "vertical", "aspect", "9:16"),
        ("no blurred background", "", "fit", "plain"),
        ("不要模糊背景", "", "fit", "plain"),
        ("don't zoom the photos", "", "still", True),
        ("倒过来", "", "order", "reverse"),
    ],
)
def test_what_takes_anothers_place_is_what_comes(message, before, key, value):
    assert after(message, f"{WORDED}, {before}")[0]["m"][key] == value


@pytest.mark.parametrize(
    ("message", "title", "captions"),
    [
        ("translate the title to French", ["Hello"], ["One", "Two"]),
        ("move the title to the end", ["Hello"], ["One", "Two"]),
        ("put the title at the end", ["Hello"], ["One", "Two"]),
        ("remove the caption B", ["Hello"], ["One", "Two"]),
        ("remove the second caption", ["Hello"], ["One"]),
        ("去掉第一条字幕", ["Hello"], ["Two"]),
        ('change the second caption to "Bee"', ["Hello"], ["One", "Bee"]),
        ("把最后一条字幕改成“再见”", ["Hello"], ["One", "再见"]),
        ('change the ninth caption to "Bee"', ["Hello"], ["One", "Two"]),
        ("标题去掉", [], ["One", "Two"]),
        ("把标题删掉", [], ["One", "Two"]),
        ("标题不要了", [], ["One", "Two"]),
        ("添加标题'天堂'", ["天堂"], ["One", "Two"]),
        ("title Paradise Found", ["Paradise Found"], ["One", "Two"]),
        ("最后一张写上“再见”", ["Hello"], ["One", "Two", "再见"]),
    ],
)
def test_the_text_that_is_meant_is_the_one_that_changes(message, title, captions):
    draft, _ = after(message)
    assert (texts(draft, "title"), texts(draft, "caption"), texts(draft, "end")) == (title, captions, [])


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ("move the title to the end", "The title stands at the beginning"),
        ("end with “Thanks!” for 4 seconds", "How long a text stands cannot be set"),
        ("start the music at 0:30", "The music begins with the film"),
        ("upload it to youtube", "I post videos nowhere"),
        ("generate a photo of a dog", "I compose the pictures that I am given"),
        ("blur the faces", "I cannot blur parts"),
        ("b&w but keep photo 2 in colour", "A look is for the whole film"),
        ("1 second crossfades", "Each transition takes 0.6 s"),
        ("make it 90 minutes", "at most 60 minutes"),
        ("bring photo 3 back", "comes back by its file name"),
        ('change the ninth caption to "Bee"', "There are not so many captions"),
        ("标题叫天堂岛，结尾写谢谢", "标题“天堂岛”"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_called_well_that_is_not(message, sentence):
    said = after(message)[1]
    assert sentence in said
    assert not any(words in said for words in ALREADY)


def test_clips_are_muted_and_the_music_stays_where_that_is_what_was_said():
    for message in ("mute the video but keep the music", "no sound from the clip"):
        draft, said = after(message, DEFAULT, [*PHOTOS, CLIP, SONG])
        assert track(draft, 1), said
        assert said == "Done: muted the clips."


def test_a_picture_that_was_left_out_comes_back_by_its_name():
    without = direct("remove photo 3", PHOTOS, first(WORDED), "en").draft
    names = [part["m"]["name"] for part in track(direct("add IMG_3.jpg", PHOTOS, without, "en").draft, 0)]
    assert sorted(names) == [f"IMG_{number}.jpg" for number in range(1, 6)]


def test_captions_for_the_first_three_photos_stand_over_these():
    draft, _ = after("add captions 'A','B','C' to the first three photos", DEFAULT)
    starts = {part["m"]["text"]: part["m"]["start"] for part in track(draft, 7)}
    assert [starts[name] // 3500 for name in "ABC"] == [0, 1, 2]


_FOLLOW_UPS = [
    "caption 'ROME' for photo 2", "caption 'Paris' for IMG_1.jpg", "captions 'A','B','C' to the first three photos", "add a caption 'More'",
    "make it 12 seconds", "make it 40 seconds", "remove the title", "title 'Again'", "remove photo 2", "end with 'Bye'", "first photo 6 seconds",
    "reverse the order", "remove the second caption", "slower",
]  # fmt: skip


@settings(max_examples=60)
@given(st.lists(st.sampled_from(_FOLLOW_UPS), min_size=1, max_size=4))
def test_no_two_captions_are_ever_seen_at_once(messages):
    draft = first(WORDED)
    for message in messages:
        draft = direct(message, PHOTOS, draft, "en").draft
    captions = sorted(
        (p["m"]["start"], p["m"]["start"] + p["d"]) for p in track(draft, 7) if p["m"]["style"] == "caption"
    )
    assert all(end <= start for (_, end), (start, _) in pairwise(captions)), messages
