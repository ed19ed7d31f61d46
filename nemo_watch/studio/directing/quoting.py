"""Quoted and announced texts of a prompt, each with what is to become of it: shown, put in another's place, or taken away. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from nemo_watch.studio.directing.clauses import polarity
from nemo_watch.studio.directing.numbers import place_value
from nemo_watch.studio.directing.places import unmasked
from nemo_watch.studio.directing.text_words import NTH_CHANGED, ROLES

MARK = "▪"
"""Stands in the rest of the prompt where a quoted text stood."""

_LINES = r"(?:[^{0}\n]|\n(?!\s*\n)){{1,300}}"
_QUOTES = re.compile(
    "|".join(
        f"{pair[0]}({_LINES.format(pair[1])}){pair[1]}" for pair in ('""', "“”", "„“", "«»", "「」", "『』", "《》")
    )
    + r"|„([^“”\n]{1,300})”|‘((?:[^’\n]|’(?=\w)){1,300})’(?!\w)|(?:(?<![\w’'])|(?<=[\u3400-\u9fff]))'([^\n]{1,300}?)'(?![^\W\u3400-\u9fff])"
)
_ANNOUNCED = re.compile(
    r"(?:\b(?P<title>titled|(?:the\s+)?title\s*(?:is|(?:should|shall|will|must)\s+be|to|as|=|:|：|\s[-–—]\s))|(?P<caption>\bcaption\s*(?:is|=|:|：))"
    r"|(?P<ending>\bend(?:ing)?\s*(?:card|title)?\s*(?:says?|saying|=|:|：))"
    r"|(?P<title_zh>(?:标题|片名|片头)(?:是|为|叫做?|写|改成|改为|换成|：|:))|(?P<caption_zh>(?:字幕|配文)(?:是|为|写|：|:))"
    r"|(?P<ending_zh>(?:片尾|结尾)(?:是|为|写|：|:)))[\s:：]*(?P<text>[^\n,.;，。；!！▪]{1,80})",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"(?i:\b(?:add|with|put|use|have|give\s+it|insert)\s+(?:an?|the)\s+(?P<title>title)|(?:^|(?<=[,;.] ))(?P<title_bare>title)|\b(?P<title_called>call\s+it|name\s+it))\s+"
    r"(?P<text>[A-Z\u00c0-\u00de\u0370-\ufffd][^,.;\n▪，。]{0,79}?)(?=\s+(?:and|with)\s+[a-z]|[,.;\n，。]|$)"
)
"""A title without quotes is seen by its capital letter: "add a title Paradise Found"."""

_ELSEWHERE = re.compile(r"\b(?:translat|mov|put|shift|plac)\w*\s+(?:the\s+)?$", re.IGNORECASE)
"""Before "the title to …": no text is announced, but a place or a language."""
_CLAUSE = re.compile(r"[,，。;；!！?？\n]|\.(?=\s|$)|\b(?:but|then)\b", re.IGNORECASE)
_JOINER = re.compile(r"[\s,，、&]*(?:and|then|or|和|与|以及)?\s*", re.IGNORECASE)
_AND = re.compile(r"\band\b|&|和|与|以及", re.IGNORECASE)
_NOUN = (
    r"(?:titles?|captions?|sub\s*titles?|end\s*(?:card|title)?s?|ending|texts?|words|lines?|credits|outro|music|song"
    r"|标题|片头|片名|字幕|配文|片尾|结尾|文字|音乐)"
)
_ARTICLE = r"(?:(?:the|any|an?|all|my|this|that|these|those|其中的?|那个|这个|所有)\s*)*"
_TAIL = (
    rf"\s*{_ARTICLE}(?:{_NOUN}\s*(?:that\s+says|saying|reading|called|with|里的|中的|是|为|：|:)?\s*)?(?:{_ARTICLE})$"
)
_REMOVED = re.compile(
    r"(?:\b(?:remove|delete|drop|lose|erase|take\s+(?:out|away)|get\s+rid\s+of)\b|去掉|删除|删掉|去除|移除|取消)"
    rf"(?:\s*{_ARTICLE}{_NOUN}\s*(?:and|&|or|和|与|、)\s*)*" + _TAIL,
    re.IGNORECASE,
)
_REFUSED = re.compile(
    r"(?:(?:n['’]t|\bdont|\bnot|\bnever)\s+(?:(?:want|need|like|add|use|put|show|write|have|include|keep|to|the\s+words)\s+)*|\bno\b|\bwithout\b"
    r"|(?:不要|别|不用|不需要)(?:加上?|用|写|放|显示|出现|添加)?)" + _TAIL,
    re.IGNORECASE,
)
_GONE_AFTER = re.compile(r"\s*(?:这[条个行])?(?:标题|字幕|文字)?(?:去掉|删除|删掉|去除|移除)")
_CHANGING = re.compile(
    r"\b(?:change|replace|rename|reword|rewrite|correct|fix|swap|edit|update|turn|make|from|switch|exchange)\b|把|将|改|换|替换|从",
    re.IGNORECASE,
)
_BECOMES = re.compile(
    r"\s*(?:(?:to|into|with|by|as|→|->|=>)\s*(?:say|read|be)?|says?|(?:改|换|变|替换|更换)?[成为]|改到|到)\s*",
    re.IGNORECASE,
)
_INSTEAD = re.compile(
    r"\s*(?:instead\s+of|rather\s+than|in\s+place\s+of|代替|取代|替换)\s*(?:the\s+)?(?:\w+\s+)?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Saying:
    """A text in quotes. `role` is "title", "caption", "ending", or "" where nothing tells; `mark` counts the quotes of the prompt.

    With a `number` (from 1 on, -1 the last) it is no text, but that one of its kind in the film.
    """

    text: str
    role: str
    mark: int = field(default=-1, compare=False)
    number: int = 0


@dataclass(frozen=True, slots=True)
class Rewording:
    """A text of the film that shall read otherwise; `role` as in `Saying`, for where the same words stand twice, `number` too."""

    old: str
    new: str
    role: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Quoted:
    """What the quotes of a prompt ask for, and `bare`, the prompt with a mark in the place of each (a title is never an instruction).

    `removed` texts are to go, and are missed where the film has none; `refused` ones are not wanted, and nothing is amiss without them.
    """

    bare: str
    shown: tuple[Saying, ...] = ()
    rewordings: tuple[Rewording, ...] = ()
    removed: tuple[Saying, ...] = ()
    refused: tuple[Saying, ...] = ()
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Quote:
    text: str
    before: str
    after: str
    mark: int


def quoted(prompt: str, files: Sequence[str] = ()) -> Quoted:
    """The texts of a prompt whose file names are masked, in their order; those without quotes only where nothing is quoted.

    A quoted file name is a file's name, and no text.
    """
    quotes, bare = _quotes(prompt, files)
    if not quotes:
        return _announced(bare)
    kinds: dict[str, list[Saying]] = {"shown": [], "removed": [], "refused": []}
    rewordings: list[Rewording] = []
    kind, index = "shown", 0
    while index < len(quotes):
        quote = quotes[index]
        if reworded := _rewording(quotes[index : index + 2], kinds["shown"]):
            rewordings.append(reworded)
            index += 2
            continue
        if numbered := NTH_CHANGED.search(_clause(quote.before)):
            number = place_value(numbered.group("nth") or numbered.group("nth_zh"))
            rewordings.append(Rewording("", quote.text, "caption", number))
            index += 1
            continue
        if _GONE_AFTER.match(quote.after):
            kind = "removed"
        elif not (index and _JOINER.fullmatch(quote.before)):
            kind = _kind(quote.before)
        if quote.text:
            kinds[kind].append(Saying(quote.text, _role(quote, kinds[kind]), quote.mark))
        index += 1
    return Quoted(
        bare, tuple(kinds["shown"]), tuple(rewordings), tuple(kinds["removed"]), tuple(kinds["refused"]), _texts(quotes)
    )


def _texts(quotes: list[_Quote]) -> tuple[str, ...]:
    return tuple(quote.text for quote in quotes)


def _quotes(prompt: str, files: Sequence[str]) -> tuple[list[_Quote], str]:
    found: list[_Quote] = []
    bare, end = "", 0
    for match in _QUOTES.finditer(prompt):
        text = next(group for group in match.groups() if group is not None)
        if re.fullmatch(r"\s*⟦\d+⟧\s*", text):
            continue
        text = unmasked(text, files)
        lines = "\n".join(line.strip() for line in text.strip().splitlines())
        before = prompt[end : match.start()]
        found.append(_Quote(lines, before, prompt[match.end() : match.end() + 24], len(found)))
        bare += f"{before} {MARK} "
        end = match.end()
    return found, bare + prompt[end:]


def _rewording(pair: list[_Quote], shown: list[Saying]) -> Rewording | None:
    """The rewording that two quotes and the words between them ask for."""
    if len(pair) < 2 or not (pair[0].text and pair[1].text):
        return None
    if _INSTEAD.fullmatch(pair[1].before):
        return Rewording(pair[1].text, pair[0].text, _role(pair[0], shown))
    if _BECOMES.fullmatch(pair[1].before) and _CHANGING.search(_clause(pair[0].before)):
        return Rewording(pair[0].text, pair[1].text, _role(pair[0], []))
    return None


def _clause(before: str) -> str:
    return _CLAUSE.split(before)[-1]


def _kind(before: str) -> str:
    """What a quote is for, by its own clause: in 'no music and "Hello"' the "no" is the music's."""
    clause = _clause(before)
    if _REMOVED.search(clause) and not _AND.search(clause[-4:]):
        return "removed"
    return "refused" if _REFUSED.search(_AND.split(clause)[-1]) else "shown"


def _role(quote: _Quote, found: list[Saying]) -> str:
    """The role whose word stands nearest before the quote, else right after it, else as the text before it."""
    nearest = [(match.start(), role) for pattern, role in ROLES for match in pattern.finditer(quote.before)]
    if nearest:
        return max(nearest)[1]
    following = re.split(r"[,.;，。；\"“「『《]|\band\b|和|以及", quote.after)[0]
    close = [(match.start(), role) for pattern, role in ROLES for match in pattern.finditer(following)]
    if close:
        return min(close)[1]
    return found[-1].role if found and _JOINER.fullmatch(quote.before) else ""


def _announced(bare: str) -> Quoted:
    """Texts without quotes after words that announce them: `title: Paradise Found`."""
    found: list[Saying] = []
    for match in sorted([*_ANNOUNCED.finditer(bare), *_NAMED.finditer(bare)], key=lambda one: one.start()):
        role = next(name for name in match.groupdict() if name != "text" and match.group(name))
        if _ELSEWHERE.search(_clause(bare[: match.start()])):
            continue
        if polarity(bare, match.start()) == "wish" and not (found and found[-1].text == match.group("text").strip()):
            found.append(Saying(match.group("text").strip(), role.partition("_")[0]))
    texts = tuple(saying.text for saying in found)
    for pattern in (_ANNOUNCED, _NAMED):
        bare = pattern.sub(lambda match: f" {MARK} " if match.group("text").strip() in texts else match.group(), bare)
    return Quoted(bare, tuple(found), texts=texts)
