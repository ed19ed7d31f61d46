"""Numbers in digits, in English words and in Chinese characters → values. Pure."""

from __future__ import annotations

import re

_ONES = {word: value for value, word in enumerate(
    ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
)}  # fmt: skip
_TENS = {
    word: 10 * value
    for value, word in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 2)
}
_ORDINALS = {word: value for value, word in enumerate(
    ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth"], 1
)}  # fmt: skip
_DIGITS_ZH = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"两": 2}

_ONE = "|".join(sorted(_ONES, key=len, reverse=True))
NUMBER = (
    rf"(?:\d+(?:\.\d+)?|\b(?:(?:{'|'.join(_TENS)})(?:[\s-]+(?:{_ONE}))?|{_ONE}|half\s+an?|half|a\s+hundred|an?)\b"
    rf"(?:\s+and\s+a\s+half\b)?|[零一二两三四五六七八九十百半]+[来多几]?)"
)
"""A number that stands before a unit; "a" is one."""
ORDINAL = rf"(?:{'|'.join(_ORDINALS)}|last|\d{{1,4}}(?:st|nd|rd|th))"


def value(words: str) -> float:
    """A number up to 999 in words, or any in digits; words that are none are 0."""
    plain = re.sub(r"[\s-]+", " ", words.strip().lower())
    whole = plain.removesuffix(" and a half")
    return _plain(whole) + (0.5 if whole != plain else 0)


def _plain(words: str) -> float:
    if re.fullmatch(r"\d+(\.\d+)?", words):
        return float(words)
    if words in ("a", "an"):
        return 1.0
    if words.startswith("half"):
        return 0.5
    if words == "a hundred":
        return 100.0
    if re.search(r"[a-z]", words):
        return float(sum(_ONES.get(word, 0) + _TENS.get(word, 0) for word in words.split()))
    return _chinese(words.rstrip("来多几"))


def place_value(words: str) -> int:
    """The place that an ordinal or a number names, from 1 on; the last is -1."""
    plain = words.strip().lower().removeprefix("第")
    if plain == "last" or plain.startswith("最后"):
        return -1
    return _ORDINALS.get(plain) or int(value(re.sub(r"(?<=\d)(?:st|nd|rd|th)$", "", plain)))


def _chinese(characters: str) -> float:
    total, digit = 0.0, 0
    for char in characters:
        if char == "半":
            return total + digit + 0.5
        if char in "十百":
            total += (digit or 1) * (10 if char == "十" else 100)
            digit = 0
        else:
            digit = _DIGITS_ZH.get(char, 0)
    return total + digit
