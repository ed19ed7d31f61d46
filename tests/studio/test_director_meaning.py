"""What people type, and what must come of it: the right text, the right length, no wish out of its opposite, nothing in silence."""

from __future__ import annotations

from typing import Any

import pytest

from tests.studio.test_director import DEFAULT, PHOTOS, SONG, direct, first, texts, track

WORDED = f"{DEFAULT}, title 'Hello', caption 'One', caption 'Two'"


def after(message: str, before: str = WORDED) -> tuple[dict[str, Any], str]:
    """The film after one more message, and the answer."""
    direction = direct(message, PHOTOS, first(before), "en")
    return direction.draft, direction.said


@pytest.mark.parametrize(
    ("message", "title", "captions"),
    [
        ("change caption 'One' to 'Uno'", ["Hello"], ["Uno", "Two"]),
        ("replace 'One' with 'Eins'", ["Hello"], ["Eins", "Two"]),
        ("rename 'Hello' to 'Bye'", ["Bye"], ["One", "Two"]),
        ("change the title from 'Hello' to 'Bye'", ["Bye"], ["One", "Two"]),
        ("标题从“Hello”改成“你好”", ["你好"], ["One", "Two"]),
        ("把“One”换成“一”", ["Hello"], ["一", "Two"]),
        ("remove caption 'One'", ["Hello"], ["Two"]),
        ("remove the title 'Hello'", [], ["One", "Two"]),
        ("去掉标题“Hello”", [], ["One", "Two"]),
        ("don't add a title 'X'", ["Hello"], ["One", "Two"]),
        ("remove the captions", ["Hello"], []),
    ],
)
def test_a_quoted_text_that_stands_there_is_the_one_that_is_meant(message, title, captions):
    draft, _ = after(message)
    assert texts(draft, "title") == title
    assert texts(draft, "caption") == captions


@pytest.mark.parametrize(
    "prompt", ['no music, "Hello" as title', 'no music and "Hello"', '3 second film without music, "Hello"']
)
def test_what_shall_not_be_is_not_the_title_that_follows(prompt):
    draft = first(prompt)
    assert texts(draft, "title") == ["Hello"]
    assert not track(draft, 1)


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("10 seconds longer", 27.5),
        ("make it 10 seconds longer", 27.5),
        ("add 5 seconds", 22.5),
        ("shorten it by 5 seconds", 12.5),
        ("5 seconds shorter please", 12.5),
        ("再长10秒", 27.5),
        ("时长加5秒", 22.5),
        ("缩短5秒", 12.5),
        ("thirty-five seconds", 35),
        ("twenty five seconds", 25),
        ("1m30s", 90),
        ("a 1 minute 30 video", 90),
        ("1:30 long", 90),
        ("half minute video", 30),
        ("one and a half minutes", 90),
        ("三十来秒", 30),
        ("2 seconds a photo", 10),
        ("make the photos stay 2 seconds", 10),
        ("show IMG_1.jpg for 5 seconds", 17.5),
        ("trim the clip to 2 seconds", 17.5),
        ("hold the first photo longer", 17.5),
        ("slower transitions", 17.5),
        ("longer transitions", 17.5),
        ("fade in the music slowly", 17.5),
        ("a film of our 10 minute flight", 17.5),
        ("send me the video in 30 minutes", 17.5),
        ("音乐欢快一点", 17.5),
        ("欢快一点的音乐", 17.5),
        ("快一点", 10),
    ],
)
def test_a_length_is_the_films_only_where_it_is_said_of_the_film(message, seconds):
    draft, _ = after(message, DEFAULT)
    assert draft["d"] / 1000 == pytest.approx(seconds, abs=0.51)


def test_slower_after_a_wished_length_is_never_shorter():
    draft, _ = after("make it slower", f"{DEFAULT}, 30 seconds")
    assert draft["d"] > 30_000


@pytest.mark.parametrize("message", ["not vertical", "please don't make it vertical", "不要竖屏"])
def test_who_does_not_want_it_upright_does_not_get_it_upright(message):
    assert after(message)[0]["m"]["aspect"] == "16:9"
    assert after(message, f"{WORDED}, vertical")[0]["m"]["aspect"] == "16:9"


@pytest.mark.parametrize("message", ["no black and white please", "don't use black and white", "不要黑白"])
def test_who_does_not_want_a_look_does_not_get_it(message):
    assert after(message)[0]["m"]["look"] == "none"
    assert after(message, f"{WORDED}, black and white")[0]["m"]["look"] == "none"


@pytest.mark.parametrize(
    ("message", "left"),
    [
        ("remove photo 4", "IMG_4.jpg"),
        ("remove the fourth photo", "IMG_4.jpg"),
        ("去掉第4张", "IMG_4.jpg"),
        ("去掉第五张", "IMG_5.jpg"),
    ],
)
def test_a_picture_is_left_out_by_its_place(message, left):
    names = [part["m"]["name"] for part in track(after(message)[0], 0)]
    assert left not in names
    assert len(names) == 4


@pytest.mark.parametrize(
    "wish",
    [
        "brighter", "rotate the second photo", "crop the first photo", "use only the first three photos", "start with IMG_2.jpg",
        "cartoon style", "60 fps", "720p", "title in gold", "a bigger font", "add a title", "piano music", "show IMG_1.jpg for 5 seconds",
        "fade to black at the end", "旋转第二张", "亮一点", "卡通风格",
    ],
)  # fmt: skip
def test_what_it_cannot_do_it_says_on_the_first_film_too(wish):
    plain = direct(DEFAULT, PHOTOS, None, "en").said
    said = direct(f"{DEFAULT}. {wish}", PHOTOS, None, "en").said
    assert len(said) > len(plain) + 10, said


@pytest.mark.parametrize("message", ["add music", "vertical please"])
def test_a_title_that_was_placed_by_hand_stays_where_it_is(message):
    draft = first(f"{DEFAULT}, title 'Hello'")
    (title,) = track(draft, 7)
    title["d"], title["m"]["start"] = 2_000, 5_000
    after_all = direct(message, PHOTOS, draft, "en").draft
    assert [(part["m"]["start"], part["d"]) for part in track(after_all, 7)] == [(5_000, 2_000)]


def test_upright_has_its_old_words_too():
    assert [first(f"{DEFAULT} {word}")["m"]["aspect"] for word in ("直式", "縦")] == ["9:16", "9:16"]


def music(draft: dict[str, Any]) -> list[str]:
    return [part["m"].get("mood", part["m"]["name"]) for part in track(draft, 1)]


@pytest.mark.parametrize(
    "message", ["change the music", "different music please", "I don't like the music", "换个音乐"]
)
def test_other_music_is_other_music(message):
    draft, said = after(message, DEFAULT)
    assert music(draft) != music(first())
    assert "nothing changed" not in said


def test_happier_music_is_happy_and_a_persons_own_song_gives_way_only_when_that_is_said():
    assert music(after("happier music", DEFAULT)[0]) == ["happy"]
    song = [*PHOTOS, SONG]
    before = direct(DEFAULT, song, None, "en").draft
    kept = direct("happier music", song, before, "en")
    assert music(kept.draft) == ["song.mp3"]
    assert "your own file" in kept.said
    assert music(direct("use happy music instead of the song", song, before, "en").draft) == ["happy"]
