"""Which picture is meant: "the fourth photo", "photo 4", "第4张", "the clip", or a file by its name. Pure.

File names are taken out of a message first (`masked`), so that none of their words is ever read as a wish.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from nemo_watch.studio.directing.numbers import NUMBER, ORDINAL, place_value, value

_FILE = re.compile(r"[\w\-()]+(?:\.[\w\-()]+)*\.(?:jpe?g|png|gif|webp|hei[cf]|mp4|mov|avi|webm|mkv)\b", re.IGNORECASE)
_IMAGE = r"(?:photo(?:graph)?|picture|image|pic)"
_CLIP = r"(?:clip|video(?=\s+clip|\s+\d)|video\s+clip)"
_SHOT = r"(?:slide|shot|one|file|scene|card)"
PLACE = (
    r"(?P<place>⟦(?P<file>\d+)⟧"
    rf"|(?:the\s+)?\b(?P<nth>{ORDINAL})\s+(?P<nth_kind>{_IMAGE}|{_CLIP}|{_SHOT})\b"
    rf"|(?:the\s+)?\b(?P<kind>{_IMAGE}|{_CLIP}|slide|shot|scene|card)\s*(?:number\s*|no\.?\s*|#\s*)?(?P<number>\d{{1,4}}|one|two|three|four|five)\b(?!\s*(?:s\b|sec|秒|%))"
    r"|第(?P<zh>[一二两三四五六七八九十\d]+)(?P<zh_kind>张|个|段|幅)(?:照片|图片|图|片段|视频)?"
    r"|(?P<last>最后)[一1]?(?P<last_kind>张|个|段|幅)(?:照片|图片|图|片段|视频)?"
    r"|\bthe\s+(?P<only>clip|video\s+clip)\b(?!['’]|s\b|\s+sound)|(?P<only_zh>(?:这段|这个|那段|那个)?(?:视频片段|视频短片|片段)))"
)
"""A place in words, after `masked`; read it with `place_of`."""
_PLACE = re.compile(PLACE, re.IGNORECASE)
SOME = re.compile(
    rf"\s*(?:the\s+)?(?P<end>first|last)\s+(?P<count>{NUMBER})\s+(?P<some_kind>{_IMAGE}|{_CLIP}|{_SHOT})s\b"
    r"|\s*(?P<end_zh>最?前|最?后)面?(?P<count_zh>[两二三四五六七八九十\d]+)(?:张|个|段|幅)(?:照片|图片|图|片段|视频)?",
    re.IGNORECASE,
)
"""Several at one end: "the first three photos"; read it with `some_places`."""
_EXCEPT = re.compile(
    r"\b(?:except|but)(?:\s+for)?\s+the\s+(?:first|last)(?=\s+(?:for|which|should|at)\b|\s*[:,])", re.IGNORECASE
)
MORE = re.compile(
    rf"\s*(?:,|、|，|and\b|&|和|与|及)+\s*(?:and\s+)?(?:the\s+)?(?:{PLACE}|(?P<more>\d{{1,4}})\b(?!\s*(?:s\b|sec|min|秒|%|:)))",
    re.IGNORECASE,
)

Kind = Literal["photo", "clip", "any", "file"]


@dataclass(frozen=True, slots=True)
class Place:
    """A picture as the message names it: its number from 1 on (-1 the last, 0 the only one) among its kind, or a file's name."""

    kind: Kind
    number: int
    name: str
    said: str


def masked(prompt: str, names: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """The prompt with every file name as ⟦n⟧, and the names: those of the film's materials, and whatever else looks like one."""
    found: list[str] = []

    def token(match: re.Match[str]) -> str:
        found.append(match.group())
        return f"⟦{len(found) - 1}⟧"

    known = "|".join(re.escape(name) for name in sorted(set(names), key=len, reverse=True) if "." in name)
    text = _EXCEPT.sub(lambda match: f"{match.group()} photo", re.sub(r"[⟦⟧]", " ", prompt))
    pattern = re.compile(rf"(?<![\w.\-])(?:{known})(?!\w)|{_FILE.pattern}" if known else _FILE.pattern, re.IGNORECASE)
    return pattern.sub(token, text), tuple(found)


def unmasked(text: str, files: Sequence[str]) -> str:
    """The text with its file names back."""
    return re.sub(r"⟦(\d+)⟧", lambda match: files[int(match.group(1))], text)


def place_of(match: re.Match[str], files: Sequence[str]) -> Place:
    """The place that a match of `PLACE` names; in a pattern that holds it twice, the groups of the second begin with `b_`."""
    group = match.groupdict()
    if group["place"] is None:
        group = {name.removeprefix("b_"): said for name, said in group.items() if name.startswith("b_")}
    said = re.sub(r"^(?:the)\s+", "", unmasked(group["place"].strip(), files), flags=re.IGNORECASE)
    if group["file"] is not None:
        return Place("file", 0, files[int(group["file"])], said)
    if group["only"] or group["only_zh"]:
        return Place("clip", 0, "", said)
    if group["last"]:
        return Place("any", -1, "", said)
    number = group["nth"] or group["number"] or group["zh"] or ""
    return Place(_kind(group["nth_kind"] or group["kind"] or ""), place_value(number), "", said)


def some_places(match: re.Match[str]) -> list[Place]:
    """The places that a match of `SOME` names, in their order."""
    end, count = match.group("end") or match.group("end_zh"), match.group("count") or match.group("count_zh")
    number = min(100, round(value(count)))
    said = re.sub(r"^\s*(?:the\s+)?", "", match.group(), flags=re.IGNORECASE)
    places = range(1, number + 1) if end in ("first", "First", "前", "最前") else range(-number, 0)
    return [Place(_kind(match.group("some_kind") or ""), place, "", said) for place in places]


def places_from(text: str, at: int, files: Sequence[str]) -> tuple[list[Place], int]:
    """The places named at `at` ("photos 2, 3 and 5"), and where they end."""
    if some := SOME.match(text, at):
        return some_places(some), some.end()
    lead = re.compile(
        r"\s*(?:the\s+)?(?:file\s+|photo\s+|picture\s+|clip\s+|照片|图片)?(?=⟦)|\s*", re.IGNORECASE
    ).match(text, at)
    plain = re.compile(r"(?:the\s+)?(?:photo|picture|image|clip)s\s+(?=\d)", re.IGNORECASE)
    start = lead.end() if lead else at
    several = plain.match(text, start)
    body = f"{text[: several.end()]}" if several else ""
    if several:
        kind: Kind = "clip" if "clip" in several.group().lower() else "photo"
        first = re.compile(r"\d{1,4}\b(?!\s*(?:s\b|sec|min))").match(text, len(body))
        if not first:
            return [], at
        found, end = [Place(kind, int(first.group()), "", f"{kind} {first.group()}")], first.end()
    else:
        match = _PLACE.match(text, start)
        if not match:
            return [], at
        found, end = [place_of(match, files)], match.end()
    while more := MORE.match(text, end):
        number = more.group("more")
        if number and (found[-1].kind == "file" or not several):
            break
        found.append(
            Place(found[-1].kind, int(number), "", f"{found[-1].kind} {number}") if number else place_of(more, files)
        )
        end = more.end()
    return found, end


def _kind(word: str) -> Kind:
    if re.search("clip|video", word, re.IGNORECASE):
        return "clip"
    return "photo" if re.fullmatch(_IMAGE, word, re.IGNORECASE) else "any"


def index_of(place: Place, body: Sequence[Mapping[str, object]], kinds: Sequence[str]) -> int | None:
    """Where the place is among the pictures' metadata `body`, whose kinds are "image" or "video"; None where there is no such picture."""
    if place.kind == "file":
        wanted = place.name.casefold()
        return next((index for index, meta in enumerate(body) if str(meta.get("name", "")).casefold() == wanted), None)
    only = {"photo": "image", "clip": "video"}.get(place.kind)
    among = [index for index in range(len(body)) if only is None or kinds[index] == only]
    if place.number == 0:
        return among[0] if len(among) == 1 else None
    at = place.number - 1 if place.number > 0 else len(among) + place.number
    return among[at] if 0 <= at < len(among) else None
