"""Durations in words: "30 seconds", "a minute and a half", "30秒", "一分半" → seconds. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nemo_watch.studio.directing.vocabulary import DENYING

_UNITS_EN = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "forty-five": 45, "fifty": 50, "sixty": 60,
    "ninety": 90,
}  # fmt: skip
_DIGITS_ZH = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"两": 2}

_WORD = "|".join(sorted(_UNITS_EN, key=len, reverse=True))
_TENS = "twenty|thirty|forty|fifty"
_NUMBER = (
    rf"(?:\d+(?:\.\d+)?|\b(?:(?:{_TENS})[-\s](?:one|two|three|four|five|six|seven|eight|nine)|{_WORD}|half(?:\s+an?)?|an?)\b"
    r"|[零一二两三四五六七八九十百半]+[来多]?)"
)
_LENGTH = re.compile(
    rf"(?P<clock>\d{{1,2}}:[0-5]\d)(?=\s*(?:long\b|min|video|film))"
    rf"|(?P<short>\d{{1,2}}\s*m\s*\d{{1,2}}\s*s)\b"
    rf"|(?P<min>{_NUMBER})(?P<and_half>\s+and\s+a\s+half)?\s*[-‐]?\s*(?:minutes?\b|mins?\b|分钟?)(?P<half>半|\s+and\s+a\s+half)?"
    rf"(?:\s*(?:and\s+)?(?P<rest>{_NUMBER})(?:\s*[-‐]?\s*(?:seconds?\b|secs?\b|s\b|秒钟?)|(?=\s*(?:$|[,.;，。]|long\b|video|film))))?"
    rf"|(?P<sec>{_NUMBER})\s*[-‐]?\s*(?:seconds?\b|secs?\b|s\b|秒钟?)",
    re.IGNORECASE,
)
_EACH_AFTER = re.compile(
    r"^\s*(?:each|apiece|per\b|for\s+each|every|on\s+each|an?\s+(?:photo|picture|image)|一张|每)", re.IGNORECASE
)
_EACH_BEFORE = re.compile(
    r"(?:\b(?:photos|pictures|images)\s+(?:to\s+)?(?:stay|last|show)\w*|\beach\b|\bevery\b|\bper\b|每张|每一张|每个|每幅)[^,.;，。；]{0,24}$",
    re.IGNORECASE,
)
_OTHER = re.compile(
    r"(?:\bfirst|\blast|\bafter|\b(?:cross)?fade\w*|\btransitions?|\btitles?\s+for|转场|前|后|第|淡[入出])[^,.;，。；]{0,14}$",
    re.IGNORECASE,
)
_FOOTAGE = re.compile(
    r"^\s*(?:raw|source|original)\s+(?:clip|video|footage)|^\s*(?:transition|crossfade|fade)", re.IGNORECASE
)

_ONE = re.compile(  # of one picture, or of something that is no film
    r"(?:\.\w{3,4}|\b(?:the|that|this|my|first|second|third|last)\s+(?:photo|picture|image|clip))\b[^,.;，。；]{0,20}$"
    r"|\b(?:our|my|his|her|their|a)\s+$(?<!\bmake a )|\b(?:in|within|every)\s+$|第.{1,3}[张段][^,.;，。；]{0,8}$",
    re.IGNORECASE,
)
_FILM_NEXT = re.compile(
    r"^\s*[-‐]?\s*(?:long\b|video|film|movie|clip|reel|slide\s*show|montage|story|的?(?:视频|影片|短片))", re.IGNORECASE
)
_MORE_AFTER = re.compile(r"^\s*(?:longer|more)\b", re.IGNORECASE)
_LESS_AFTER = re.compile(r"^\s*(?:shorter|less)\b", re.IGNORECASE)
_MORE_BEFORE = re.compile(
    r"(?:\b(?:add|extend\w*(?:\s+\w+){0,2}\s+by|lengthen\w*(?:\s+\w+){0,2}\s+by|longer\s+by)|再?加长?|延长|再长|增加|多)\s*(?:another\s+)?$",
    re.IGNORECASE,
)
_LESS_BEFORE = re.compile(
    r"(?:\b(?:shorten\w*(?:\s+\w+){0,2}\s+by|cut(?:\s+\w+){0,2}\s+by|shorter\s+by|trim\s+off)|缩短|减少|再短|短)\s*$",
    re.IGNORECASE,
)

FILM_S_MAX = 3_600.0


@dataclass(frozen=True, slots=True)
class Lengths:
    """Seconds of the whole film, of each photo, and by how much the film shall change; None where nothing was said."""

    film_s: float | None = None
    photo_s: float | None = None
    delta_s: float | None = None


def wished_lengths(text: str) -> Lengths:
    """The lengths that are wished; the last wish of each kind wins.

    Lengths of transitions, of raw clips, of one picture and of parts ("the first 5 seconds") are none of them.
    """
    film = photo = delta = None
    for match in _LENGTH.finditer(text):
        before, after = text[: match.start()], text[match.end() :]
        seconds = _seconds(match)
        if seconds <= 0 or _FOOTAGE.search(after) or DENYING.search(before):
            continue
        if _MORE_AFTER.search(after) or _MORE_BEFORE.search(before):
            delta = min(seconds, FILM_S_MAX)
        elif _LESS_AFTER.search(after) or _LESS_BEFORE.search(before):
            delta = -min(seconds, FILM_S_MAX)
        elif _EACH_AFTER.search(after) or _EACH_BEFORE.search(before):
            photo = min(seconds, 60.0)
        elif not _OTHER.search(before) and (not _ONE.search(before) or _FILM_NEXT.search(after)):
            film = min(seconds, FILM_S_MAX)
    return Lengths(film, photo, delta)


def _seconds(match: re.Match[str]) -> float:
    if match.group("sec"):
        return _value(match.group("sec"))
    if spelled := match.group("clock") or match.group("short"):
        minutes_s, rest_s = re.findall(r"\d+", spelled)
        return int(minutes_s) * 60.0 + int(rest_s)
    minutes = _value(match.group("min")) + (0.5 if match.group("half") or match.group("and_half") else 0)
    return minutes * 60 + (_value(match.group("rest")) if match.group("rest") else 0)


def _value(words: str) -> float:
    """A number in digits, in an English word or in Chinese characters up to 999."""
    plain = re.sub(r"\s+", " ", words.strip().lower())
    if re.fullmatch(r"[\d.]+", plain):
        return float(plain)
    if plain in _UNITS_EN:
        return float(_UNITS_EN[plain])
    tens, _, unit = plain.replace("-", " ").partition(" ")
    if tens in _UNITS_EN and unit in _UNITS_EN:
        return float(_UNITS_EN[tens] + _UNITS_EN[unit])
    if plain in ("a", "an"):
        return 1.0
    return 0.5 if plain.startswith("half") else _chinese_value(plain.rstrip("来多"))


def _chinese_value(characters: str) -> float:
    total, digit = 0.0, 0
    for char in characters:
        if char == "半":
            return total + digit + 0.5
        if char in "十百":
            total += (digit or 1) * (10 if char == "十" else 100)
            digit = 0
        else:
            digit = _DIGITS_ZH[char]
    return total + digit
