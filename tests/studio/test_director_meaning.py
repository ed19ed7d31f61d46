"""What people type, and what must come of it: the right text, the right length, no wish out of its opposite, nothing in silence."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.studio.test_director import CLIP, DEFAULT, PHOTOS, SONG, Material, direct, first, texts, track

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
        ("don't remove the title", ["Hello"], ["One", "Two"]),
        ("不要去掉标题", ["Hello"], ["One", "Two"]),
        ("remove the first photo's caption", ["Hello"], ["One", "Two"]),
        ("caption 'Paris' for IMG_1.jpg", ["Hello"], ["One", "Two", "Paris"]),
        ("change 'Nope' to 'X'", ["Hello"], ["One", "Two"]),
        ("write 'Uno' instead of 'One'", ["Hello"], ["Uno", "Two"]),
        ("remove the title and caption 'One'", [], ["Two"]),
        ("把标题“Hello”去掉", [], ["One", "Two"]),
        ("captions 'Three' and 'Four'", ["Hello"], ["Three", "Four"]),
        ("add a title Paradise Found", ["Paradise Found"], ["One", "Two"]),
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
        ("show IMG_1.jpg for 5 seconds", 19),
        ("第一张照片显示5秒", 19),
        ("hold the first photo longer", 19.25),
        ("half as long", 8.75),
        ("twice as long", 35),
        ("I don't want it to be 20 seconds, make it 15", 15),
        ("add 5 seconds to the title", 17.5),
        ("trim the clip to 2 seconds", 17.5),
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
        "brighter", "rotate the second photo", "crop the first photo",
        "cartoon style", "60 fps", "720p", "title in gold", "a bigger font", "add a title", "piano music", "remove photo 9",
        "fade to black at the end", "add subtitles automatically", "a film of a flying dragon", "slower transitions", "旋转第二张", "亮一点",
        "卡通风格", "结尾渐黑", "配上恐龙",
    ],
)  # fmt: skip
def test_what_it_cannot_do_it_says_on_the_first_film_too(wish):
    plain = direct(DEFAULT, PHOTOS, None, "en").said
    said = direct(f"{DEFAULT}. {wish}", PHOTOS, None, "en").said
    assert len(said) > len(plain) + 10, said


@pytest.mark.parametrize(
    "message", ["add music", "vertical please", "add a caption 'New'", "make it 30 seconds", "change 'Hello' to 'Bye'"]
)
def test_a_title_that_was_placed_by_hand_stays_where_it_is(message):
    draft = first(f"{DEFAULT}, title 'Hello'")
    (title,) = track(draft, 7)
    title["d"], title["m"]["start"] = 2_000, 5_000
    after_all = direct(message, PHOTOS, draft, "en").draft
    titles = [part for part in track(after_all, 7) if part["m"]["style"] == "title"]
    assert [(part["m"]["start"], part["d"]) for part in titles] == [(5_000, 2_000)]


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


def names(draft: dict[str, Any]) -> list[str]:
    return [part["m"]["name"] for part in track(draft, 0)]


@pytest.mark.parametrize(
    ("message", "order"),
    [
        ("start with IMG_3.jpg", [3, 1, 2, 4, 5]),
        ("put IMG_2.jpg last", [1, 3, 4, 5, 2]),
        ("第三张放到最前面", [3, 1, 2, 4, 5]),
        ("remove photos 2 and 4", [1, 3, 5]),
        ("remove the first photo and end with photo 2", [3, 4, 5, 2]),
        ("don't remove photo 2", [1, 2, 3, 4, 5]),
        ("without IMG_3.jpg and IMG_4.jpg", [1, 2, 5]),
    ],
)
def test_pictures_go_where_the_words_say_on_the_first_film_and_later(message, order):
    wanted = [f"IMG_{number}.jpg" for number in order]
    assert names(after(message)[0]) == wanted
    assert names(first(f"{DEFAULT}. {message}")) == wanted


def test_a_place_by_hand_outlives_the_next_message():
    draft = direct("start with IMG_3.jpg", PHOTOS, first(f"{DEFAULT}, reverse order"), "en").draft
    assert names(direct("warm tones", PHOTOS, draft, "en").draft)[0] == "IMG_3.jpg"


def test_a_caption_for_a_picture_stands_over_that_picture_wherever_it_goes():
    draft, _ = after("caption 'Paris' for IMG_4.jpg")
    draft = direct("start with IMG_4.jpg", PHOTOS, draft, "en").draft
    (caption,) = [part for part in track(draft, 7) if part["m"]["text"] == "Paris"]
    assert caption["m"]["start"] + caption["d"] <= track(draft, 0)[0]["d"]


@pytest.mark.parametrize(
    "story",
    [
        "old film museum",
        "Times Square",
        "a vertical cliff",
        "a black and white cat",
        "A slow boat to China",
        "a warm welcome",
        "the fast train",
    ],
)
def test_words_of_a_story_are_no_settings(story):
    draft = first(f"{DEFAULT} of {story}")
    assert (draft["m"]["aspect"], draft["m"]["look"], draft["d"]) == ("16:9", "none", 17_500)


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ("remove photo 9", "There is no photo 9: the film has 5 pictures."),
        ("去掉第9张", "没有第9张：影片里有 5 个画面。"),
        ("remove the end card", "There is no end card to remove."),
        ("change 'Nope' to 'X'", "There is no text “Nope” to change."),
        ("remove the title 'Nope'", "There is no text “Nope” to remove."),
        ("mute the clips", "There is no clip with sound of its own."),
        ("duck the music under the clips", "There is no clip with sound of its own."),
        ("add a caption", "A title or caption needs its text in quotes: title “By the sea”."),
        (
            "without IMG_1.jpg, IMG_2.jpg, IMG_3.jpg, IMG_4.jpg and IMG_5.jpg",
            "A film needs a picture: none was left out.",
        ),
    ],
)
def test_what_is_not_there_is_said_and_never_called_done(message, sentence):
    draft, said = after(message)
    assert sentence in said
    assert "already as you wish" not in said
    assert "Done" not in said
    assert names(draft) == names(first(WORDED))


def test_music_that_is_not_there_is_neither_brought_nor_called_louder():
    silent = first("a film without music")
    direction = direct("make the music louder", PHOTOS, silent, "en")
    assert track(direction.draft, 1) == []
    assert direction.said == "There is no music to change."
    assert music(direct("add louder music", PHOTOS, silent, "en").draft) == ["calm"]


CLIP_FILM = [*PHOTOS[:2], CLIP]


@pytest.mark.parametrize(
    ("message", "clip", "volume", "duck"),
    [
        ("clips quieter", 0.6, 0.6, None),
        ("原声小一点", 0.6, 0.6, None),
        ("mute the clips", 0, 0.6, None),
        ("duck the music under the clips", None, 0.6, 0.15),
        ("let the music play under the voices", None, 0.6, 0.15),
        ("music louder than the clips", 0.5, 0.6, 1.0),
        ("don't duck the music", None, 0.6, 1.0),
        ("make the clips louder", None, 0.6, 0.15),
        ("music quieter", None, 0.36, None),
        ("music at 30%", None, 0.3, None),
    ],
)
def test_the_sound_of_clips_and_the_music_beside_it_are_two_things(message, clip, volume, duck):
    before = direct(DEFAULT, CLIP_FILM, None, "en").draft
    draft = direct(message, CLIP_FILM, before, "en").draft
    assert track(draft, 0)[2]["m"].get("volume") == clip
    (bed,) = track(draft, 1)
    assert (bed["m"]["volume"], bed["m"].get("duck")) == (volume, duck)


def test_a_film_that_cannot_be_as_short_as_wished_says_so():
    many = [Material(f"h{n}", f"h{n}.jpg", "image", 4000, 3000, 0, has_sound=False) for n in range(100)]
    direction = direct("5 seconds", many, None, "en")
    assert direction.draft["d"] == 20_000
    assert "5 s is too short for so many pictures." in direction.said


def test_a_title_for_a_film_of_words_has_a_card_of_its_own_and_goes_with_it():
    words = direct("Make a film about calm waves, golden light", [], None, "en").draft
    titled = direct("add a title 'My trip'", [], words, "en").draft
    spans = [(part["m"]["start"], part["d"]) for part in track(titled, 7)]
    assert texts(titled, "title") == ["My trip", "Calm waves", "Golden light"]
    assert [(part["m"]["start"], part["d"]) for part in track(titled, 0)] == spans
    assert texts(direct("title 'Our trip'", [], titled, "en").draft, "title")[0] == "Our trip"
    assert direct("remove the title", [], titled, "en").draft["d"] == words["d"]
    assert texts(direct("remove the title", [], titled, "en").draft, "title") == ["Calm waves", "Golden light"]


@pytest.mark.parametrize(
    ("prompt", "title"),
    [
        ("title ‘It’s ours’", "It’s ours"),
        ('title "By\nthe sea"', "By\nthe sea"),
        ("add a title Paradise Found, warm", "Paradise Found"),
    ],
)
def test_no_way_of_writing_a_title_loses_it(prompt, title):
    assert texts(first(prompt), "title") == [title]


def test_the_reply_shows_a_title_of_two_lines_on_one():
    assert "title “A / B”" in after("title 'A' and 'B'")[1]


@given(
    st.text(alphabet=st.characters(codec="utf-8"), max_size=60).filter(lambda text: not any(c.isalnum() for c in text))
)
def test_marks_and_spaces_alone_change_nothing(text):
    draft = first(WORDED)
    assert direct(text, PHOTOS, draft, "en").draft == draft


@pytest.mark.parametrize(
    ("message", "holds"),
    [
        ("it's too fast", lambda before, draft: draft["d"] > before["d"]),
        ("too slow", lambda before, draft: draft["d"] < before["d"]),
        ("too long", lambda before, draft: draft["d"] < before["d"]),
        ("太长了", lambda before, draft: draft["d"] < before["d"]),
        ("the music is too loud", lambda _, draft: track(draft, 1)[0]["m"]["volume"] < 0.6),
        ("音乐太吵了", lambda _, draft: track(draft, 1)[0]["m"]["volume"] < 0.6),
        ("less music", lambda _, draft: 0 < track(draft, 1)[0]["m"]["volume"] < 0.6),
        ("remove music and add happy music", lambda _, draft: music(draft) == ["happy"]),
        ("背景音乐轻柔", lambda _, draft: music(draft) == ["calm"] and track(draft, 1)[0]["m"]["volume"] == 0.6),
        ("a romantic film with happy music", lambda _, draft: music(draft) == ["happy"]),
        ("music: none", lambda _, draft: not track(draft, 1)),
        ("mute", lambda _, draft: not track(draft, 1)),
        ("make photo 2 black and white", lambda before, draft: draft == before),
        ("swap photo 1 and 2", lambda before, draft: draft == before),
        ("undo", lambda before, draft: draft == before),
        ("don't touch the music", lambda before, draft: draft == before),
        ("the title should be Summer Days", lambda _, draft: texts(draft, "title") == ["Summer Days"]),
        ("call it Summer Days", lambda _, draft: texts(draft, "title") == ["Summer Days"]),
        ("标题叫做夏天", lambda _, draft: texts(draft, "title") == ["夏天"]),
        ("I don't like the crossfades", lambda _, draft: draft["m"]["transition"] != "crossfade"),
        ("make a 30 second vertical video", lambda _, draft: (draft["d"], draft["m"]["aspect"]) == (30_000, "9:16")),
    ],
)
def test_a_complaint_is_a_wish_for_the_opposite_and_a_remark_is_none(message, holds):
    before = first(WORDED)
    assert holds(before, direct(message, PHOTOS, before, "en").draft)


def test_the_reply_is_in_the_language_of_the_words_though_they_are_a_title():
    assert after("标题改成再见")[1] == "已完成：标题“再见”。"


def test_a_song_that_is_not_there_is_missed_by_name():
    assert "There is no song" in direct("use the song as background music", PHOTOS, None, "en").said
    assert "There is no song" not in direct("use the song as background music", [*PHOTOS, SONG], None, "en").said
