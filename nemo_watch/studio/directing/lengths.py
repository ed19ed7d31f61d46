"""Durations in words: "30 seconds", "a minute and a half", "30秒", "一分半" → seconds. Pure."""

from __future__ import annotations

import re

_UNITS_EN = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "forty-five": 45, "fifty": 50, "sixty": 60,
    "ninety": 90,
}  # fmt: skip
_DIGITS_ZH = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"两": 2}

_WORD = "|".join(sorted(_UNITS_EN, key=len, reverse=True))
_NUMBER = rf"(?:\d+(?:\.\d+)?|\b(?:{_WORD}|an?|half\s+an?)\b|[零一二两三四五六七八九十百半]+)"
_LENGTH = re.compile(
    rf"(?P<min>{_NUMBER})\s*[-‐]?\s*(?:minutes?\b|mins?\b|分钟?)(?P<half>半|\s+and\s+a\s+half)?"
    rf"(?:\s*(?:and\s+)?(?P<rest>{_NUMBER})\s*[-‐]?\s*(?:seconds?\b|secs?\b|s\b|秒钟?))?"
    rf"|(?P<sec>{_NUMBER})\s*[-‐]?\s*(?:seconds?\b|secs?\b|s\b|秒钟?)",
    re.IGNORECASE,
)
_EACH_AFTER = re.compile(r"^\s*(?:each|apiece|per\b|for\s+each|every|on\s+each|一张|每)", re.IGNORECASE)
_EACH_BEFORE = re.compile(r"(?:\beach\b|\bevery\b|\bper\b|每张|每一张|每个|每幅)[^,.;，。；]{0,24}$", re.IGNORECASE)
_OTHER = re.compile(
    r"(?:\bfirst|\blast|\bafter|\b(?:cross)?fade\w*|\btransitions?|\btitles?\s+for|转场|前|后|第|淡[入出])[^,.;，。；]{0,14}$",
    re.IGNORECASE,
)
_FOOTAGE = re.compile(
    r"^\s*(?:raw|source|original)\s+(?:clip|video|footage)|^\s*(?:transition|crossfade|fade)", re.IGNORECASE
)

FILM_S_MAX = 3_600.0


def wished_lengths(text: str) -> tuple[float | None, float | None]:
    """(seconds of the whole film, seconds of each photo), None where nothing was said; the last wish of each kind wins.

    Lengths of transitions, of raw clips and of parts ("the first 5 seconds") are neither.
    """
    film = photo = None
    for match in _LENGTH.finditer(text):
        before, after = text[: match.start()], text[match.end() :]
        seconds = _seconds(match)
        if seconds <= 0 or _FOOTAGE.search(after):
            continue
        if _EACH_AFTER.search(after) or _EACH_BEFORE.search(before):
            photo = min(seconds, 60.0)
        elif not _OTHER.search(before):
            film = min(seconds, FILM_S_MAX)
    return film, photo


def _seconds(match: re.Match[str]) -> float:
    if match.group("sec"):
        return _value(match.group("sec"))
    minutes = _value(match.group("min")) + (0.5 if match.group("half") else 0)
    return minutes * 60 + (_value(match.group("rest")) if match.group("rest") else 0)


def _value(words: str) -> float:
    """A number in digits, in an English word or in Chinese characters up to 999."""
    plain = re.sub(r"\s+", " ", words.strip().lower())
    if re.fullmatch(r"[\d.]+", plain):
        return float(plain)
    if plain in _UNITS_EN:
        return float(_UNITS_EN[plain])
    if plain in ("a", "an"):
        return 1.0
    return 0.5 if plain.startswith("half") else _chinese_value(plain)


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
