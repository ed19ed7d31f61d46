"""Which pictures a message speaks of: those to leave out, to put first or last, and those that a caption belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from nemo_watch.studio.directing.clauses import clause_before, polarity
from nemo_watch.studio.directing.places import PLACE, SOME, Place, place_of, places_from, some_places
from nemo_watch.studio.directing.quoting import MARK
from nemo_watch.studio.directing.reading import Reading

_REMOVING = re.compile(
    r"(?:\b(?:remove|delete|drop|without|leave\s+out|skip|take\s+out|omit|exclude|(?:don['’]?t|do\s+not|never)\s+(?:use|show|include))\b|去掉|删除|删掉|去除|移除|不要|不用|跳过)",
    re.IGNORECASE,
)
_OUT_AFTER = re.compile(
    rf"(?:\b(?:leave|take|cut)\s+{PLACE}\s+out\b)|(?:{PLACE.replace('?P<', '?P<b_')}\s*(?:去掉|删掉|删除|移除))",
    re.IGNORECASE,
)
_ONLY = re.compile(
    r"\b(?:only|just)\s+(?:use|keep|show|take|with)\b|\b(?:use|keep|show|take)\s+(?:only|just)\b|(?:只|仅)[要用留保]+",
    re.IGNORECASE,
)
_BACK = re.compile(
    r"(?:\b(?:add|include|bring|put|restore|use|show)(?:\s+back)?(?:\s+the)?(?:\s+(?:file|photo|picture|clip)s?)?|加上|加回|恢复|加入)\s*"
    r"⟦\d+⟧(?:\s*(?:,|，|、|and|&|和)+\s*⟦\d+⟧)*(?:\s+back\b)?(?!\s*(?:for|first|last|at|in|on|to)\b)",
    re.IGNORECASE,
)
_PART_OF_IT = re.compile(
    r"\s*(?:['’]s?\b|的(?!照片|图片)|\s(?:title|caption|text|sound|audio|from\s+(?:the\s+)?(?:title|start|beginning|front)))",
    re.IGNORECASE,
)
_FIRST = re.compile(
    rf"\b(?:start|begin|open)(?:s|ing|ning)?\s+(?:(?:it|the\s+film|the\s+video|off)\s+)?with\s+{PLACE}"
    rf"|(?:从|以|用){PLACE.replace('?P<', '?P<b_')}(?:开始|开头|开场)",
    re.IGNORECASE,
)
_LAST = re.compile(
    rf"\b(?:end|finish|close)(?:s|ing|es)?\s+(?:(?:it|the\s+film|the\s+video|off)\s+)?with\s+{PLACE}"
    rf"|(?:以|用){PLACE.replace('?P<', '?P<b_')}(?:结束|结尾|收尾)",
    re.IGNORECASE,
)
_TO = r"\s+(?:(?:should|must|shall|comes?|goes|go|be|is|to|at|in)\s+)*(?:the\s+)?(?:very\s+)?"
_TO_FIRST = re.compile(
    rf"{PLACE}(?:{_TO}(?:first|start|beginning|front)\b|(?:放|移|排|挪|调)?(?:到|在)?(?:最前面?|第一[个张]|开头|最开始))",
    re.IGNORECASE,
)
_TO_LAST = re.compile(
    rf"{PLACE}(?:{_TO}(?:last|end)\b|(?:放|移|排|挪|调)?(?:到|在)?(?:最后面?|末尾|结尾))", re.IGNORECASE
)
_FOR_IT = re.compile(rf"\s*(?:for|on|to|under|over|below|at|in)\s+{PLACE}", re.IGNORECASE)
_FOR_SOME = re.compile(r"\s*(?:for|on|to|under|over|below|at|in)\b", re.IGNORECASE)
_ITS = re.compile(rf"{PLACE}[^,.;，。；▪]{{0,28}}$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Move:
    """A picture that shall come first or last."""

    place: Place
    to: Literal["first", "last"]


def left_out(reading: Reading, files: Sequence[str]) -> tuple[Place, ...]:
    """The pictures that shall not be in the film; "don't remove photo 2" keeps it, and its caption is not the photo."""
    found: list[Place] = []
    for match in _REMOVING.finditer(reading.text):
        places, end = places_from(reading.text, match.end(), files)
        if places and not _PART_OF_IT.match(reading.text, end):
            reading.take((match.start(), end))
            if polarity(reading.text, match.start()) == "wish":
                found += places
    for match in _OUT_AFTER.finditer(reading.text):
        reading.take(match.span())
        found.append(place_of(match, files))
    return tuple(dict.fromkeys(found))


def only(reading: Reading, files: Sequence[str]) -> tuple[Place, ...]:
    """The pictures that shall be all of the film ("only use the first three photos"); none where that is not said."""
    for match in _ONLY.finditer(reading.text):
        places, end = places_from(reading.text, match.end(), files)
        if places and polarity(reading.text, match.start()) == "wish":
            reading.take((match.start(), end))
            return tuple(places)
    return ()


def brought_back(reading: Reading, files: Sequence[str]) -> tuple[str, ...]:
    """The files that are asked for by name: one that was left out comes back."""
    found: list[str] = []
    for match in _BACK.finditer(reading.text):
        if polarity(reading.text, match.start()) == "wish":
            reading.take(match.span())
            found += [files[int(number)].casefold() for number in re.findall(r"⟦(\d+)⟧", match.group())]
    return tuple(found)


def moves(reading: Reading, files: Sequence[str]) -> tuple[Move, ...]:
    """The pictures that shall come first or last, in the order of the message."""
    found: list[tuple[int, Move]] = []
    tables: tuple[tuple[re.Pattern[str], Literal["first", "last"]], ...] = (
        (_FIRST, "first"), (_TO_FIRST, "first"), (_LAST, "last"), (_TO_LAST, "last"),
    )  # fmt: skip
    for pattern, to in tables:
        for match in pattern.finditer(reading.text):
            reading.take(match.span())
            if polarity(reading.text, match.start()) == "wish":
                found.append((match.start(), Move(place_of(match, files), to)))
    return tuple(dict.fromkeys(move for _, move in sorted(found, key=lambda one: one[0])))


def places_of_texts(
    reading: Reading, marks: Sequence[tuple[int, str]], files: Sequence[str]
) -> tuple[Place | None, ...]:
    """For each text (the number of its mark, its role) the picture that it is for, where the words around it name one."""
    at = [match.start() for match in re.finditer(MARK, reading.text)]
    if some := _in_turn(reading, [mark for mark, role in marks if role in ("", "caption")], at):
        return tuple(next(some, None) if role in ("", "caption") else None for _, role in marks)
    return tuple(
        _place_of_text(reading, at[mark], files) if 0 <= mark < len(at) and role in ("", "caption") else None
        for mark, role in marks
    )


def _in_turn(reading: Reading, marks: Sequence[int], at: Sequence[int]) -> Iterator[Place] | None:
    """Where several texts are for several pictures ("captions … for the first three photos"): those, one after another."""
    if len(marks) < 2 or not 0 <= max(marks) < len(at):
        return None
    lead = _FOR_SOME.match(reading.text, at[max(marks)] + len(MARK))
    some = SOME.match(reading.text, lead.end()) if lead else None
    if not some:
        return None
    reading.take((at[max(marks)], some.end()))
    return iter(some_places(some))


def _place_of_text(reading: Reading, at: int, files: Sequence[str]) -> Place | None:
    after = _FOR_IT.match(reading.text, at + len(MARK))
    if after:
        reading.take(after.span())
        return place_of(after, files)
    clause = clause_before(reading.text, at)
    before = _ITS.search(clause)
    return place_of(before, files) if before else None
