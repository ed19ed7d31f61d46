"""Durations in words: "30 seconds", "one and a half minutes", "1:30 long", "10 seconds longer", "一分半" → seconds. Pure.

A number is the film's length only where the words allow nothing else: not before another noun ("our 10 minute flight"),
not after "in", and not where a title, a transition or one picture is what lasts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from nemo_watch.studio.directing.clauses import clause_before, polarity
from nemo_watch.studio.directing.neutral import FOLLOWING
from nemo_watch.studio.directing.numbers import NUMBER, value
from nemo_watch.studio.directing.places import PLACE, Place, place_of

_SEC = r"(?:seconds?\b|secs?\b|s\b|秒钟?)"
_END = r"(?=\s*(?:$|[,.;!，。；！]|long\b|video|film|movie|clip|的|视频|影片|短片))"
_LENGTH = re.compile(
    rf"(?<![\d:.])(?:(?P<min>{NUMBER})\s*[-‐]?\s*(?:minutes?\b|mins?\b|分钟?|m(?=\s*\d+\s*s\b))(?P<half>半|\s+and\s+a\s+half)?"
    rf"(?:\s*(?:and\s+)?(?P<rest>{NUMBER})\s*[-‐]?\s*{_SEC}|\s*(?P<bare_rest>\d{{1,2}}){_END})?"
    rf"|(?P<sec>{NUMBER})\s*[-‐]?\s*{_SEC}|(?P<clock>\d{{1,2}}:[0-5]\d)(?![\d:]))",
    re.IGNORECASE,
)
_BARE = re.compile(r"\b(?:make\s+it|set\s+it\s+to)\s+(?P<sec>\d{1,3})(?=\s*(?:$|[,.;!]|instead))", re.IGNORECASE)
_CLOCK_AFTER = re.compile(r"\s*(?:long\b|in\s+length|min|video\b|film\b|movie\b|长)", re.IGNORECASE)
_CLOCK_BEFORE = re.compile(
    r"(?:\blength|\bduration|\blasts?|\brun\w*|\bmake\s+it|\b(?:trim|cut)\s+(?:it\s+)?to|时长)\W{0,3}(?:\w+\s+)?$",
    re.IGNORECASE,
)
_EACH_AFTER = re.compile(
    r"\s*(?:(?:for\s+|on\s+)?(?:each|apiece|per|every)\b|an?\s+(?:photo|picture|image|slide|shot|clip)\b|一张|每)",
    re.IGNORECASE,
)
_EACH_BEFORE = re.compile(
    r"(?:\beach\b|\bevery\b|\bper\b|每张|每一张|每个|每幅)[^,.;，。；]{0,24}$"
    r"|(?:\b(?:the\s+)?(?:others?|rest|remaining(?:\s+\w+)?|other\s+\w+)|其他|其余|其它|剩下)(?:的?(?:照片|图片)?|[\s:]*(?:(?:of\s+them|for|at|to|get|should|be|stay|are)[\s:]*)*)$"
    r"|(?:\b(?:photos|pictures|images|slides)|照片|图片)(?:都|各)?\s*(?:(?:should|to|must|will|stay|last|shown?|for|stand|be|are|up)\s+|停留|显示|展示|播放)+(?:时间)?$",
    re.IGNORECASE,
)
_OTHER = re.compile(
    r"(?:\b(?:first|last|after|in|within|at|every|ago|前|后)|第|内|转场|(?:cross)?fad\w*|transitions?|淡[入出])[^,.;，。；⟧]{0,14}$"
    r"|(?:titles?|captions?|end\s*cards?|music|song|texts?|标题|字幕|片尾|音乐|片头)[^,.;，。；]{0,16}?(?:\bfor|\bof|\blasts?|\bstays?|\blonger|停留|显示|持续)\s*(?:the\s+)?$",
    re.IGNORECASE,
)
_TOLD_IN = re.compile(
    r"\b(?:fits?|tell|told|story|all|everything|squeez\w+|summ\w+)\b[^,.;]{0,20}\b(?:in|within)\s*$", re.IGNORECASE
)
_FOOTAGE = re.compile(
    r"\s*(?:of\s+)?(?:raw|source|original|footage|material)\b|\s*(?:transition|crossfade|fade)|\s*(?:of\s+)?(?:black|silence)|\s*(?:ago|later|in\b|into|before|after)",
    re.IGNORECASE,
)
_FILM_AFTER = re.compile(
    r"[\s-]*(?:[\w-]+\s+){0,2}?(?:video|film|movie|clip|reel|slide\s*show|montage|version|cut|story)s?\b", re.IGNORECASE
)
_WORD_AFTER = re.compile(r"[\s-]+([a-z]+)", re.IGNORECASE)
_LIMIT = re.compile(
    r"(?:\b(?:no|not)\s+(?:longer|more)\s+than|\bat\s+(?:most|least)|\bminimum(?:\s+of)?|至少|最少|最短|\bunder|\bbelow|\bmaximum(?:\s+of)?|不超过|最多|以内)\s*$",
    re.IGNORECASE,
)
_AT_LEAST = re.compile(r"(?:\bat\s+least|\bminimum(?:\s+of)?|至少|最少|最短)\s*$", re.IGNORECASE)
_MORE_BEFORE = re.compile(
    r"(?:\b(?:add|another|extra|plus|extend|lengthen)(?:\s+(?:it|the\s+\w+|on|an?|another|extra))?(?:\s+by)?|\blonger\s+by|再加|再长|[增添]?加|加长|延长了?|多|更长)\s*$",
    re.IGNORECASE,
)
_LESS_BEFORE = re.compile(
    r"(?:\b(?:shorten|cut|trim|reduce|shrink)\s+(?:(?:it|the\s+\w+|this)\s+)?(?:down\s+)?by|\b(?:cut|trim|remove|drop|take|shave)(?:\s+off)?|\bshorter\s+by|缩短了?|减少?|减掉|剪掉|去掉|(?<!最)短|(?<![至最减])少)\s*$",
    re.IGNORECASE,
)
_MORE_AFTER = re.compile(r"\s*(?:longer|more|extra)\b", re.IGNORECASE)
_LESS_AFTER = re.compile(r"\s*(?:shorter|less|fewer|off)\b", re.IGNORECASE)
_FACTORS: tuple[tuple[re.Pattern[str], float], ...] = (
    (
        re.compile(r"\b(?:twice|double)\s+(?:as\s+long|(?:the|its)\s+length)|时长(?:翻倍|加倍)|长一倍", re.IGNORECASE),
        2.0,
    ),
    (
        re.compile(
            r"\b(?:cut|reduce|trim)\s+(?:the\s+length|it|the\s+(?:film|video))\s+(?:in|by)\s+half\b|\bhalf\s+(?:as\s+long|(?:the|its)\s+length)|\bhalve\s+(?:it|the\s+(?:length|film|video))|时长减半|缩短一半|短一半",
            re.IGNORECASE,
        ),
        0.5,
    ),
)
_PLACE_BEFORE = re.compile(rf"{PLACE}[^,.;，。；]{{0,16}}$", re.IGNORECASE)
_PLACE_AFTER = re.compile(rf"\s*(?:for|on|to|of)\s+{PLACE}", re.IGNORECASE)
_STRETCHED = re.compile(
    rf"{PLACE}(?P<gap>\s*(?:stay\s+|be\s+|last\s+|on\s+screen\s+)?(?:a\s+(?:bit|little)\s+)?|[^,，。]{{0,4}}?)(?P<way>longer|shorter|(?:长|久|短)(?=一点|一些|点))",
    re.IGNORECASE,
)

FILM_S_MAX = 3_600.0


@dataclass(frozen=True, slots=True)
class Stay:
    """How long one picture shall be seen: `seconds`, or `factor` times as long as now."""

    place: Place
    seconds: float | None = None
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Lengths:
    """What was said about time: seconds of the film (or `at_least` so many), of each photo, more or less than now (or so many times as long), of single pictures.

    `spans` are the stretches of the text that were understood. The last wish of each kind wins.
    """

    film_s: float | None = None
    at_least: bool = False
    photo_s: float | None = None
    change_s: float | None = None
    factor: float | None = None
    stays: tuple[Stay, ...] = ()
    spans: tuple[tuple[int, int], ...] = field(default=(), compare=False)


def wished_lengths(text: str, files: Sequence[str] = ()) -> Lengths:
    """The lengths in a text whose file names are masked."""
    found = Lengths()
    for match in sorted([*_LENGTH.finditer(text), *_bare(text)], key=lambda one: one.start()):
        found = _with(found, match, text, files)
    for pattern, factor in _FACTORS:
        for match in pattern.finditer(text):
            found = replace(found, factor=factor, spans=(*found.spans, match.span()))
    for match in _STRETCHED.finditer(text):
        stay = Stay(place_of(match, files), factor=1.5 if match.group("way") in ("longer", "长", "久") else 0.67)
        found = replace(found, stays=(*found.stays, stay), spans=(*found.spans, match.span()))
    return found


def _bare(text: str) -> list[re.Match[str]]:
    """Where "make it 15" stands beside a length with a unit: that means seconds too."""
    return list(_BARE.finditer(text)) if re.search(_SEC, text, re.IGNORECASE) else []


def _with(found: Lengths, match: re.Match[str], text: str, files: Sequence[str]) -> Lengths:
    """The lengths with one more, in the meaning that the words around it give it, or in none."""
    before, after = clause_before(text, match.start()), text[match.end() :]
    seconds, spans = _seconds(match), (*found.spans, match.span())
    is_limit = bool(_LIMIT.search(before))
    refused = not is_limit and polarity(text, match.start()) != "wish"
    if refused:
        return replace(found, spans=spans)
    if seconds <= 0 or _FOOTAGE.match(after) or _is_time_of_day(match, before, after):
        return found
    place = _PLACE_BEFORE.search(before) or _PLACE_AFTER.match(after)
    if not place and (_EACH_AFTER.match(after) or _EACH_BEFORE.search(before)):
        return replace(found, photo_s=min(seconds, 60.0), spans=spans)
    if place:
        return _staying(found, Stay(place_of(place, files), min(seconds, 600.0)), before, spans)
    if _OTHER.search(before) and not (is_limit or _TOLD_IN.search(before)):
        return found
    if change := _change(before, after):
        return replace(found, change_s=change * seconds, spans=spans) if _ends_well(after, change) else found
    if is_limit or match.groupdict().get("clock") or _is_of_the_film(after):
        return replace(found, film_s=seconds, at_least=bool(_AT_LEAST.search(before)), spans=spans)
    return found


def _staying(found: Lengths, stay: Stay, before: str, spans: tuple[tuple[int, int], ...]) -> Lengths:
    """One picture's time; not where something is to be added to it or taken from it, which would be another wish."""
    if re.search(r"\b(?:add|remove|cut|drop)\b|加|减|剪", before, re.IGNORECASE):
        return found
    return replace(found, stays=(*found.stays, stay), spans=spans)


def _is_time_of_day(match: re.Match[str], before: str, after: str) -> bool:
    clock = match.groupdict().get("clock")
    return bool(clock) and (
        clock in ("9:16", "16:10") or not (_CLOCK_AFTER.match(after) or _CLOCK_BEFORE.search(before))
    )


def _change(before: str, after: str) -> int:
    """+1 where the seconds are to be added, -1 where they are to be taken away, else 0."""
    if _MORE_AFTER.match(after):
        return 1
    if _LESS_AFTER.match(after) or _LESS_BEFORE.search(before):
        return -1
    return 1 if _MORE_BEFORE.search(before) else 0


def _ends_well(after: str, change: int) -> bool:
    """Whether nothing follows that says what else is to be longer or shorter ("add 5 seconds to the title")."""
    rest = re.sub(r"^\s*(?:longer|more|extra|shorter|less|fewer|off)\b", "", after, flags=re.IGNORECASE)
    whole = r"\s*(?:(?:to|from|off|on|at)\s+)?(?:the\s+)?(?:it|film|video|movie|whole|end|total|length)\b"
    return bool(change) and bool(
        re.match(
            rf"\s*(?:$|[^\w\s⟦▪]|[\u3400-\u9fff]|(?:please|and|now|then|but|in\s+total|instead)\b|{whole})",
            rest,
            re.IGNORECASE,
        )
    )


def _is_of_the_film(after: str) -> bool:
    if _FILM_AFTER.match(after):
        return True
    word = _WORD_AFTER.match(after)
    return word is None or word.group(1).lower() in FOLLOWING | {
        "or",
        "with",
        "without",
        "using",
        "plus",
        "no",
        "not",
        "instead",
        "rather",
        "title",
        "titled",
        "music",
    }


def _seconds(match: re.Match[str]) -> float:
    group = match.groupdict()
    if group.get("clock"):
        minutes, seconds = str(group["clock"]).split(":")
        return int(minutes) * 60.0 + int(seconds)
    if group.get("sec"):
        return value(str(group["sec"]))
    rest = group["rest"] or group["bare_rest"]
    return (value(str(group["min"])) + (0.5 if group["half"] else 0)) * 60 + (value(rest) if rest else 0)
