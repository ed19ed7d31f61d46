from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_watch.studio.directing.director import Material, direct
from nemo_watch.studio.drawing.plan import Unplannable, film_plan

PHOTOS = [
    Material(f"k{number}", f"IMG_{number}.jpg", "image", 4032, 3024, 0, has_sound=False) for number in range(1, 6)
]
UPRIGHT = [Material(f"u{number}", f"P_{number}.jpg", "image", 3024, 4032, 0, has_sound=False) for number in range(3)]
CLIP = Material("c1", "clip.mov", "video", 1920, 1080, 8_000, has_sound=True)
SONG = Material("s1", "song.mp3", "audio", 0, 0, 180_000, has_sound=True)
DEFAULT = "generate a video from my photos with transitions and background music"


def track(draft: dict[str, Any], kind: int) -> list[dict[str, Any]]:
    return next((one["sg"] for one in draft["t"] if one["tt"] == kind), [])


def first(prompt: str = DEFAULT, materials: list[Material] | None = None) -> dict[str, Any]:
    return direct(prompt, PHOTOS if materials is None else materials, None, "en").draft


def texts(draft: dict[str, Any], style: str) -> list[str]:
    return [part["m"]["text"] for part in track(draft, 7) if part["m"]["style"] == style]


def test_the_default_prompt_makes_a_film_of_every_photo_with_crossfades_and_music() -> None:
    draft = first()
    assert [part["m"]["name"] for part in track(draft, 0)] == [photo.name for photo in PHOTOS]
    assert {part["m"]["transition"] for part in track(draft, 0)[1:]} == {"crossfade"}
    assert track(draft, 1)[0]["d"] == draft["d"] == 5 * 3_500
    assert draft["m"]["aspect"] == "16:9"
    assert [part["m"]["start"] for part in track(draft, 0)] == [0, 3_500, 7_000, 10_500, 14_000]


@pytest.mark.parametrize(
    ("prompt", "length_ms"),
    [
        ("make it 30 seconds", 30_000),
        ("a 45-second film please", 45_000),
        ("one minute long", 60_000),
        ("1 min 30 s", 90_000),
        ("half a minute", 30_000),
        ("twenty seconds", 20_000),
        ("30秒", 30_000),
        ("时长三十秒", 30_000),
        ("做成一分半的视频", 90_000),
        ("1分20秒", 80_000),
        ("两分钟", 120_000),
        ("十五秒", 15_000),
        ("4 seconds each", 20_000),
        ("4 seconds per photo", 20_000),
        ("每张照片2秒", 10_000),
        ("fast-paced", 10_000),
        ("慢节奏", 25_000),
        ("add a crossfade of 2 seconds", 17_500),
        ("turn a 30-second raw clip into a video", 17_500),
        ("show the title for the first 5 seconds", 17_500),
    ],
)
def test_the_length_is_what_the_words_say(prompt: str, length_ms: int) -> None:
    assert first(prompt)["d"] == length_ms


@pytest.mark.parametrize(
    ("prompt", "aspect"),
    [
        ("vertical please", "9:16"),
        ("9:16", "9:16"),
        ("for TikTok", "9:16"),
        ("竖屏", "9:16"),
        ("square format", "1:1"),
        ("正方形的视频", "1:1"),
        ("4:5 for Instagram", "4:5"),
        ("16:9 widescreen", "16:9"),
        ("横版视频", "16:9"),
        ("a film of my landscape photos", "16:9"),
        ("portrait photos of my family", "16:9"),
    ],
)
def test_the_aspect_is_what_the_words_say(prompt: str, aspect: str) -> None:
    assert first(prompt)["m"]["aspect"] == aspect


def test_a_film_of_upright_photos_is_upright_unless_the_words_say_otherwise() -> None:
    assert first(DEFAULT, UPRIGHT)["m"]["aspect"] == "9:16"
    assert first(DEFAULT + ", widescreen", UPRIGHT)["m"]["aspect"] == "16:9"
    assert first(DEFAULT, UPRIGHT[:1] + PHOTOS)["m"]["aspect"] == "16:9"


@pytest.mark.parametrize(
    ("prompt", "title", "captions", "ending"),
    [
        ('title "Paradise Found"', ["Paradise Found"], [], []),
        ("add a title 'Paradise Found'", ["Paradise Found"], [], []),
        ("titled Paradise Found, 20 seconds", ["Paradise Found"], [], []),
        ("标题「海边的一天」，30秒", ["海边的一天"], [], []),
        ("标题：海边的一天，30秒", ["海边的一天"], [], []),
        ("片头写“你好”，片尾写“再见”", ["你好"], [], ["再见"]),
        ('captions "one", "two" and "three"', [], ["one", "two", "three"], []),
        ("a film called “Bali” that ends with “See you”", ["Bali"], [], ["See you"]),
        ("it's Mom's birthday, don't forget the 'Happy Birthday' title", ["Happy Birthday"], [], []),
        ("字幕「第一天」「第二天」", [], ["第一天", "第二天"], []),
        ("a film of «Été à Paris»", ["Été à Paris"], [], []),
    ],
)
def test_quoted_texts_go_where_the_words_beside_them_say(
    prompt: str, title: list[str], captions: list[str], ending: list[str]
) -> None:
    draft = first(prompt)
    assert (texts(draft, "title"), texts(draft, "caption"), texts(draft, "end")) == (title, captions, ending)


def test_a_quoted_text_is_never_read_as_an_instruction() -> None:
    draft = first('title "Vertical Black and White 10 seconds without music", with music')
    assert draft["m"]["aspect"] == "16:9"
    assert draft["m"]["look"] == "none"
    assert draft["d"] == 17_500
    assert track(draft, 1)


@pytest.mark.parametrize(
    ("prompt", "key", "value"),
    [
        ("black and white", "look", "bw"),
        ("黑白", "look", "bw"),
        ("warm tones", "look", "warm"),
        ("暖色调", "look", "warm"),
        ("vintage look", "look", "vintage"),
        ("use slide transitions", "transition", "slide"),
        ("滑动转场", "transition", "slide"),
        ("hard cuts", "transition", "cut"),
        ("不要转场", "transition", "cut"),
        ("with wipes", "transition", "crossfade"),
        ("wipe transitions", "transition", "wipe"),
        ("zoom transitions", "transition", "zoom"),
        ("fade to black between photos", "transition", "fade"),
        ("a slideshow of my photos", "transition", "crossfade"),
    ],
)
def test_looks_and_transitions_are_what_the_words_say(prompt: str, key: str, value: str) -> None:
    wanted = {"with wipes": "wipe"}.get(prompt, value)
    assert first(prompt)["m"][key] == wanted


@pytest.mark.parametrize(
    ("prompt", "mood"),
    [
        ("happy music", "happy"),
        ("epic soundtrack", "epic"),
        ("轻柔的音乐", "calm"),
        ("浪漫的配乐", "romantic"),
        ("lo-fi music", "lofi"),
    ],
)
def test_music_that_is_wished_for_comes_in_the_wished_mood(prompt: str, mood: str) -> None:
    assert track(first(prompt), 1)[0]["m"]["mood"] == mood


def test_own_audio_plays_without_being_asked_for_and_a_clip_with_sound_does_not_lower_it_under_the_photos() -> None:
    alone, under = first("a film", [*PHOTOS, SONG]), first("a film", [*PHOTOS, CLIP, SONG])
    assert track(alone, 1)[0]["m"]["key"] == "s1"
    assert track(under, 1)[0]["m"]["volume"] == track(alone, 1)[0]["m"]["volume"]
    assert track(first("a film without music", [*PHOTOS, SONG]), 1) == []


def test_each_further_message_changes_only_what_it_names() -> None:
    draft = first()
    steps: list[tuple[str, Any]] = [
        ("add a title 'Paradise Found'", lambda new: texts(new, "title") == ["Paradise Found"]),
        ("make it 20 seconds", lambda new: new["d"] == 20_000),
        ("remove the music", lambda new: track(new, 1) == []),
        ("vertical please", lambda new: new["m"]["height"] == 1920),
        ("加一个片尾「再见」", lambda new: texts(new, "end") == ["再见"] and new["d"] == 20_000),
        ("黑白", lambda new: new["m"]["look"] == "bw"),
        ("倒序", lambda new: [part["m"]["key"] for part in track(new, 0)][:5] == ["k5", "k4", "k3", "k2", "k1"]),
        ("happy music at 30% volume", lambda new: track(new, 1)[0]["m"]["volume"] == 0.3),
        ("remove the title", lambda new: texts(new, "title") == [] and texts(new, "end") == ["再见"]),
        ("去掉片尾", lambda new: texts(new, "end") == [] and len(track(new, 0)) == 5),
        ("without IMG_3.jpg", lambda new: "k3" not in {part["m"]["key"] for part in track(new, 0)}),
    ]
    for prompt, holds in steps:
        before = copy.deepcopy(draft)
        direction = direct(prompt, PHOTOS, draft, "en")
        assert draft == before, "a draft is never changed in place"
        assert holds(direction.draft), prompt
        draft = direction.draft
        again = direct(prompt, PHOTOS, draft, "en")
        assert again.draft == draft, f"{prompt!r} said twice changes nothing the second time"


def test_louder_and_quieter_move_the_volume() -> None:
    draft = first()
    louder = direct("make the music louder", PHOTOS, draft, "en").draft
    quieter = direct("音乐小一点", PHOTOS, draft, "zh").draft
    volumes = [track(one, 1)[0]["m"]["volume"] for one in (quieter, draft, louder)]
    assert volumes == sorted(set(volumes))


def test_new_photos_join_the_film_before_its_end_card_and_keep_a_wished_length() -> None:
    draft = first("20 seconds, end with 'Bye'")
    more = [*PHOTOS, Material("k9", "IMG_9.jpg", "image", 4032, 3024, 0, has_sound=False)]
    after = direct("20 seconds, end with 'Bye'\nNew files: IMG_9.jpg", more, draft, "en").draft
    assert [part["m"]["key"] for part in track(after, 0)][-2:] == ["k9", "k5"]
    assert track(after, 0)[-1]["m"]["card"] == "ending"
    assert after["d"] == 20_000


def test_a_photo_that_was_left_out_does_not_come_back_by_itself() -> None:
    draft = direct("remove the first photo", PHOTOS, first(), "en").draft
    assert direct("warm look", PHOTOS, draft, "en").draft["t"][0]["sg"][0]["m"]["key"] == "k2"


def test_a_new_film_in_the_same_session_is_made_of_the_new_files_only() -> None:
    """Source: API text "Common Workflows", batch style: several files in one session, one after the other."""
    draft = direct("make a video of this with title 'A'", PHOTOS[:1], None, "en").draft
    after = direct("make a video of this with title 'B'", PHOTOS[:2], draft, "en").draft
    assert [part["m"]["key"] for part in track(after, 0)] == ["k2"]
    assert texts(after, "title") == ["B"]
    assert [part["m"]["key"] for part in track(direct("warm", PHOTOS[:2], after, "en").draft, 0)] == ["k2"]


@pytest.mark.parametrize(
    "said",
    [
        "make the film longer",
        "make the video 20 seconds",
        "make this video vertical",
        "turn the film black and white",
        "turn the video into a square one",
        "give me the film in 4:5",
        "I'd like the film to be slower",
        "I want the video without music",
        "I want the music louder in the video",
        "make the title of the film 'X'",
        "make the music quieter in this film",
        "build the photo into the film",
        "I want this photo in the film",
        "i want my film to end with this photo",
        "make the same video with this one too",
        "make the photos in the film last 5 seconds",
        "create a caption 'x' for the film",
        "做一个更长的视频",
        "请做短视频的标题“好”",
        "make a longer film",
        "make it a vertical film",
        "把视频做成竖屏",
    ],
)
def test_words_about_the_film_that_is_there_keep_it_when_a_new_file_has_come(said: str) -> None:
    draft = direct("a film with music, title 'A'", PHOTOS[:4], None, "en").draft
    assert len(track(direct(said, PHOTOS, draft, "en").draft, 0)) >= 5


@pytest.mark.parametrize(
    "said",
    [
        "make a film",
        "generate a video from my photos with transitions and background music",
        "make me another video, vertical",
        "create a short reel of this",
        "generate video from these photos",
        "turn these photos into a film",
        "give me a 20 second video",
        "生成一个视频",
        "制作一个20秒的视频",
        "请帮我做一个竖屏短视频，配音乐",
        "I want a new film about the dog",
    ],
)
def test_words_that_ask_for_a_film_make_another_of_the_new_files(said: str) -> None:
    draft = direct("a film with music, title 'A'", PHOTOS[:2], None, "en").draft
    assert [part["m"]["key"] for part in track(direct(said, PHOTOS[:3], draft, "en").draft, 0)] == ["k3"]


@pytest.mark.parametrize(
    ("said", "keys"),
    [
        ("把第二张照片去掉", ["k1", "k3"]),
        ("第二张照片删掉", ["k1", "k3"]),
        ("第1张移除", ["k2", "k3"]),
        ("从第三张开始", ["k3", "k1", "k2"]),
        ("从最后一张开始", ["k3", "k1", "k2"]),
        ("以第二张开头", ["k2", "k1", "k3"]),
        ("用第二张结尾", ["k1", "k3", "k2"]),
        ("从第2张照片开始播放，20秒", ["k2", "k1", "k3"]),
    ],
)
def test_a_picture_named_before_what_is_to_become_of_it_is_found(said: str, keys: list[str]) -> None:
    draft = direct("a film", PHOTOS[:3], None, "en").draft
    assert [part["m"]["key"] for part in track(direct(said, PHOTOS[:3], draft, "en").draft, 0)] == keys


@pytest.mark.parametrize("said", ["至少30秒", "时长至少半分钟", "最少30秒", "最短30秒"])
def test_at_least_so_long_is_not_shorter_by_that(said: str) -> None:
    assert direct(said, PHOTOS, first(), "en").draft["d"] == 30_000
    assert direct(f"做一个视频，{said}", PHOTOS, None, "en").draft["d"] == 30_000


def test_a_clip_keeps_its_own_length_among_photos_and_is_cut_only_when_it_must_be() -> None:
    assert [part["d"] for part in track(first("a film", [*PHOTOS[:2], CLIP]), 0)] == [3_500, 3_500, 8_000]
    assert [part["d"] for part in track(first("20 seconds", [*PHOTOS[:2], CLIP]), 0)] == [6_000, 6_000, 8_000]
    pressed = [part["d"] for part in track(first("5 seconds", [*PHOTOS[:2], CLIP]), 0)]
    assert sum(pressed) == 5_000
    assert min(pressed) >= 1_000


def test_words_alone_make_a_film_of_painted_cards() -> None:
    direction = direct("Make a film about a sunset over Bali: calm waves, golden light", [], None, "en")
    assert texts(direction.draft, "title") == ["A sunset over Bali", "Calm waves", "Golden light"]
    assert [part["m"]["scene"] for part in track(direction.draft, 0)] == ["sunset", "sea", "sunset"]
    assert not direction.asks
    vertical = direct("vertical, with calm music", [], direction.draft, "en").draft
    assert vertical["m"]["aspect"] == "9:16"
    assert texts(vertical, "title") == texts(direction.draft, "title")


@pytest.mark.parametrize("prompt", ["", "what can you do?", "你会什么？", "hello?"])
def test_words_that_hold_no_film_are_answered_with_a_question(prompt: str) -> None:
    direction = direct(prompt, [], None, "en")
    assert direction.asks
    assert direction.draft == {}
    assert direction.said.rstrip().endswith((".", "。", "”", "？"))


def test_a_prompt_that_says_nothing_about_the_film_leaves_it_equal() -> None:
    draft = first()
    for prompt, asks in (("hello there", False), ("who are you?", True), ("add a voice-over", False)):
        direction = direct(prompt, PHOTOS, draft, "en")
        assert (direction.draft, direction.asks) == (draft, asks)
        assert direction.said


def test_what_cannot_be_done_is_said_in_the_language_of_the_prompt() -> None:
    assert "voice-over" in direct("add a voice-over", PHOTOS, first(), "zh-CN").said
    assert "配音" in direct("加上配音", PHOTOS, first(), "en").said
    assert "order" in direct("shuffle the photos", PHOTOS, first(), "en").said


def test_the_reply_names_what_changed() -> None:
    said = direct("add a title 'Paradise Found' and make it 20 seconds", PHOTOS, first(), "en").said
    assert "Paradise Found" in said
    assert "20 s" in said
    assert "时长 20 秒" in direct("改成20秒", PHOTOS, first(), "en").said


def test_a_draft_edited_by_hand_keeps_what_the_hand_wrote() -> None:
    draft = {
        "t": [{"tt": 0, "sg": [{"d": 1234, "m": {"name": "IMG_1.jpg", "mine": 1}}]}, {"tt": 9, "sg": []}],
        "note": "x",
    }
    after = direct("title 'Hi'", PHOTOS[:1], draft, "en").draft
    assert after["t"][0]["sg"][0]["d"] == 1234
    assert after["t"][0]["sg"][0]["m"]["mine"] == 1
    assert after["note"] == "x"
    assert {"tt": 9, "sg": []} in after["t"]


PROMPTS = st.one_of(
    st.text(max_size=80),
    st.sampled_from([DEFAULT, "20 seconds", "竖屏，标题「a」", "reverse", "end with 'x'", "no music", "shorter"]),
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["video", "in", "bw"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "t",
                    "tt",
                    "sg",
                    "d",
                    "m",
                    "name",
                    "key",
                    "start",
                    "text",
                    "style",
                    "volume",
                    "files",
                    "length",
                    "card",
                ]
            ),
            inner,
        )
    ),
    max_leaves=25,
)
MATERIALS = st.lists(st.sampled_from([*PHOTOS, *UPRIGHT, CLIP, SONG]), unique=True, max_size=6)


@given(st.lists(PROMPTS, min_size=1, max_size=4), MATERIALS)
@settings(max_examples=80, deadline=None)
def test_any_words_make_a_draft_that_can_be_planned_or_a_question(
    prompts: list[str], materials: list[Material]
) -> None:
    draft: dict[str, Any] | None = None
    for prompt in prompts:
        before = copy.deepcopy(draft)
        direction = direct(prompt, materials, draft, "en")
        assert direction.said
        if direction.asks:
            assert direction.draft == (before or {})
        else:
            json.dumps(direction.draft, allow_nan=False)
            assert film_plan(direction.draft).frames > 0
        assert direct(prompt, materials, draft, "en") == direction
        draft = direction.draft or None


@given(st.dictionaries(st.sampled_from(["t", "d", "m"]), JSON), PROMPTS)
@settings(max_examples=120, deadline=None)
def test_any_json_as_a_draft_can_be_directed_further(draft: dict[str, Any], prompt: str) -> None:
    direction = direct(prompt, PHOTOS, draft, "en")
    problem = ""
    try:
        plan = film_plan(direction.draft)
    except Unplannable as refused:
        problem = str(refused)
    if problem:
        assert problem.endswith(".")
    else:
        assert plan.shots
