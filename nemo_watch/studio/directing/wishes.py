"""Prompt → wishes: what a person asks of the film, read out of English or Chinese words. Pure.

A wish that is not mentioned is None (or empty), so that a later message changes only what it names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nemo_watch.studio.directing import vocabulary as words
from nemo_watch.studio.directing.lengths import wished_lengths
from nemo_watch.studio.directing.quoting import Saying, sayings
from nemo_watch.studio.directing.refusals import refusals


@dataclass(frozen=True, slots=True)
class Wishes:
    """What one message asks for. Lengths are in seconds, `volume` in 0…1, `louder` and `longer` are -1, 0 or +1."""

    chinese: bool
    film_s: float | None = None
    photo_s: float | None = None
    delta_s: float | None = None
    longer: int = 0
    aspect: str | None = None
    sayings: tuple[Saying, ...] = ()
    removals: frozenset[str] = frozenset()
    transition: str | None = None
    music: bool | None = None
    mood: str | None = None
    no_song: bool = False
    volume: float | None = None
    louder: int = 0
    clip_sound: bool | None = None
    order: str | None = None
    pace: str | None = None
    look: str | None = None
    fit: str | None = None
    moving: bool | None = None
    left_out: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()
    makes: bool = False
    adds: bool = False
    asks: bool = False

    @property
    def any(self) -> bool:
        """Whether the message names anything that this studio can change in a film."""
        blank = Wishes(chinese=self.chinese, refusals=self.refusals, makes=self.makes, adds=self.adds, asks=self.asks)
        return self != blank


def read_wishes(prompt: str, language: str) -> Wishes:
    """The wishes of a prompt; `language` (like "zh-CN") decides the language of the reply where the words do not."""
    texts, bare = sayings(prompt)
    chinese = is_chinese(bare, language)
    lengths = wished_lengths(bare)
    transition = _first(words.TRANSITIONS, bare)
    return Wishes(
        chinese=chinese,
        film_s=lengths.film_s,
        photo_s=lengths.photo_s,
        delta_s=lengths.delta_s,
        longer=0 if lengths.delta_s else _signed(words.LONGER, words.SHORTER, bare),
        aspect=_aspect(bare),
        sayings=texts,
        removals=_removals(bare),
        transition=transition,
        music=_music(bare),
        mood=_first(words.MOODS, bare) or (words.ANOTHER if words.ANOTHER_MUSIC.search(bare) else None),
        no_song=bool(words.NO_SONG.search(bare)),
        volume=_volume(bare),
        louder=_signed(words.LOUDER, words.QUIETER, bare),
        clip_sound=_clip_sound(bare),
        order=_first(words.ORDERS, bare),
        pace=_first(words.PACES, bare),
        look=_look(bare),
        fit=_first(words.FITS, bare),
        moving=_moving(bare),
        left_out=_left_out(bare),
        refusals=refusals(bare, chinese),
        makes=bool(words.MAKING.search(bare)),
        adds=bool(words.ADDING.search(bare)),
        asks=bool(words.QUESTION.search(bare.strip())),
    )


def is_chinese(text: str, language: str) -> bool:
    """Whether to answer in Chinese: in the language of the words, or in the session's where there are hardly any."""
    han = len(re.findall(r"[\u3400-\u9fff]", text))
    latin = len(re.findall(r"[a-zA-Z]+", text))
    if han or latin:
        return han * 2 >= latin
    return language.lower().startswith("zh")


def _first(table: words.Table, text: str, *, denied: bool = False) -> str | None:
    """The meaning of the first row that matches and is not denied ("not vertical"); with `denied`, of the first that is."""
    return next(
        (
            meaning
            for pattern, meaning in table
            for match in pattern.finditer(text)
            if bool(words.DENYING.search(text[: match.start()])) is denied
        ),
        None,
    )


def _aspect(text: str) -> str | None:
    """The wished aspect; who does not want it upright wants it lying."""
    return _first(words.ASPECTS, text) or ("16:9" if _first(words.ASPECTS, text, denied=True) == "9:16" else None)


def _look(text: str) -> str | None:
    """The wished look; who does not want the one there is wants none."""
    return _first(words.LOOKS, text) or ("none" if _first(words.LOOKS, text, denied=True) else None)


def _signed(up: re.Pattern[str], down: re.Pattern[str], text: str) -> int:
    return bool(up.search(text)) - bool(down.search(text))


def _music(text: str) -> bool | None:
    if words.MUSIC_OFF.search(text) or words.SILENT.search(text):
        return False
    return True if words.MUSIC_ON.search(text) else None


def _clip_sound(text: str) -> bool | None:
    if words.CLIPS_MUTED.search(text) or words.SILENT.search(text):
        return False
    return True if words.CLIPS_HEARD.search(text) else None


def _moving(text: str) -> bool | None:
    if words.STILL.search(text):
        return False
    return True if words.MOVING.search(text) else None


def _volume(text: str) -> float | None:
    match = words.VOLUME.search(text)
    return min(100, int(match.group(1) or match.group(2))) / 100 if match else None


def _removals(text: str) -> frozenset[str]:
    """Which texts shall go: a word of the table right after a word of removing."""
    return frozenset(
        meaning
        for pattern, meaning in words.REMOVALS
        for match in pattern.finditer(text)
        if words.REMOVING.search(text[: match.start()]) and not _QUOTED.match(text, match.end())
    )


_QUOTED = re.compile(r"s?\s*▪")  # "remove the caption 'One'" speaks of that one


_PLACES = {
    **{word: str(number) for number, word in enumerate(["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"])},
    **{char: str(number) for number, char in enumerate("一二三四五六七八九十")},
    "last": "-1",
}  # fmt: skip
_PLACE = re.compile(
    r"\s*(?:(first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|last)\s+(?:photo|picture|image|clip)"
    r"|(?:photo|picture|image|clip)\s+(?:number\s+|no\.?\s*|#\s*)?(\d{1,3})\b)",
    re.IGNORECASE,
)
_PLACE_ZH = re.compile(r"\s*(?:第([一二三四五六七八九十]|\d{1,3})|最后一)(?:张|个|段)")
_FILE = re.compile(r"\s*([\w\-. ()]{1,80}?\.(?:jpe?g|png|gif|webp|hei[cf]|mp4|mov|avi|webm|mkv))\b", re.IGNORECASE)
_BARE_REMOVING = re.compile(
    r"(?:\b(?:remove|delete|drop|without|leave\s+out|skip|take\s+out)|去掉|删除|删掉|去除|移除|不要)\s*(?:the\s+)?",
    re.IGNORECASE,
)


def _left_out(text: str) -> tuple[str, ...]:
    """Pictures to leave out: file names as written, or places as numbers ("0" the first, "-1" the last)."""
    found = []
    for match in _BARE_REMOVING.finditer(text):
        rest = text[match.end() :]
        if named := _FILE.match(rest):
            found.append(named.group(1))
        elif placed := _PLACE.match(rest):
            found.append(_place(placed.group(1), placed.group(2)))
        elif placed := _PLACE_ZH.match(rest):
            found.append(_place(placed.group(1), None))
    return tuple(found)


def _place(word: str | None, number: str | None) -> str:
    """A place as `left_out` has it: counted from 0, "-1" the last."""
    digits = number or (word if word and word.isdecimal() else None)
    return str(int(digits) - 1) if digits else _PLACES.get((word or "last").lower(), "-1")
