"""Where a clause begins, whether it says no, and whether a word stands in it as a wish about the film. Pure.

"No black and white", "a black and white cat" and "make it black and white" hold the same words: only the last is a wish.
"""

from __future__ import annotations

import re
from typing import Literal

from nemo_watch.studio.directing.neutral import ABOUT_THE_FILM, AROUND, FOLLOWING, HAN

Polarity = Literal["wish", "refused", "leave", "unclear"]
"""Asked for; not wanted; not to be touched; a remark ("it is not vertical") that asks for nothing certain."""

_EDGE = re.compile(
    r"[,，。;；!！?？\n、]|[.:：](?=\s|$)|\b(?:and|but|then|so|yet)\b|但是?|而是|然后|并且", re.IGNORECASE
)
_NEGATED = re.compile(
    r"(?:\bno|\bnot|\bnever|n['’]t|\bdont|\bwithout|\bnor|\bavoid|\bremove|\bdrop|\blose|\bundo|\btoo)\b(?P<between>(?:[\s-]+[\w'’]+){0,6})\s*$",
    re.IGNORECASE,
)
_NEGATED_ZH = re.compile(
    r"(?:不要|不用|不想|太|过于|不需要?|不(?![错同断仅但])|别|勿|取消|去掉|删除|删掉|去除|移除|没有)"
    r"(?:把|将|要|用|做成?|变成?|改成?|换成?|设成?|转成?|是|有|加|弄|搞|太|这么|那么|那种|任何|再|的|很|整个|它|视频|画面|照片|影片|片子|成){0,5}$"
)
_AFFIRMED = re.compile(
    r"(?:n['’]t|\bnot|\bnever)\s+(?:forget|fail|hesitate|only)|\bwhy\s+not|\bno\s+(?:problem|worries)|别忘|不要忘|不妨",
    re.IGNORECASE,
)
LEAVING = re.compile(
    r"(?:n['’]t|\bnot|\bnever|\bwithout)\s+(?:chang|touch|alter|remov|delet|drop|edit|los|mut)\w*"
    r"|\bno\s+(?:\w+\s+){1,2}changes?\b|(?:不要|别|不用)(?:改|动|换|删|去掉|碰)",
    re.IGNORECASE,
)
"""Something is not to be touched."""
_REMARK = re.compile(r"\b(?:is|are|was|were|it['’]?s)\s+not\b|\b(?:is|are|was|were)n['’]t\b|不够|不是", re.IGNORECASE)
_GIVES_WAY = re.compile(
    r"(?:\b(?:instead\s+of|rather\s+than|in\s+place\s+of|less)|代替|取代|而不是)\s*(?:the\s+|an?\s+|all\s+|these\s+|those\s+|any\s+)*(?:\w+\s+)?$",
    re.IGNORECASE,
)
_EXCHANGED = re.compile(
    r"(?:\b(?:from|chang\w+|switch\w*|replac\w+|swap\w*|turn\w*)(?:\s+(?:it|the\s+film|the\s+video))?(?:\s+from)?\s+(?:the\s+|all\s+|these\s+|those\s+)*(?:\w+\s+)?|[把将从]\S{0,4})$",
    re.IGNORECASE,
)
_BY_ANOTHER = re.compile(
    r"\w*\s+(?:\w+\s+){0,2}?(?:to|with|by|into|for)\b|[^，。,.\n]{0,5}?(?:换|改|变|替换)?[成为]|[^，。,.\n]{0,3}?到",
    re.IGNORECASE,
)
_WORD_BEFORE = re.compile(r"((?<!\d)[^\W\d_]+(?:['’]\w+)?)[\s-]*$")
_WORD_AFTER = re.compile(r"[\s-]*([^\W\d_]+)")
_DENIALS = frozenset(
    [
        "no",
        "not",
        "never",
        "without",
        "nor",
        "avoid",
        "less",
        "than",
        "remove",
        "drop",
        "lose",
        "undo",
        "don't",
        "dont",
        "don’t",
        "isn't",
    ]
)
_ARTICLES = {"a", "an", "the", "this", "that", "my", "our", "your", "their", "his", "her"}


def clause_before(text: str, at: int) -> str:
    """What stands in the same clause before `at`."""
    edges = [match.end() for match in _EDGE.finditer(text, 0, at)]
    return text[edges[-1] if edges else 0 : at]


def polarity(text: str, at: int) -> Polarity:
    """What the clause before `at` makes of the word there."""
    before = clause_before(text, at)
    if _AFFIRMED.search(before):
        return "wish"
    if LEAVING.search(before):
        return "leave"
    if _REMARK.search(before):
        return "unclear"
    return "refused" if _is_negated(before) else "wish"


def gives_way(text: str, match: re.Match[str]) -> bool:
    """Whether something else shall take the place of the words: "wipes instead of slides", "from vertical to square"."""
    before = clause_before(text, match.start())
    if _GIVES_WAY.search(before):
        return True
    return bool(_EXCHANGED.search(before) and _BY_ANOTHER.match(text, match.end()))


def _is_negated(before: str) -> bool:
    """Whether a "no" reaches to the end: only words that say nothing by themselves stand between ("don't make it …")."""
    if _NEGATED_ZH.search(before):
        return True
    match = _NEGATED.search(before)
    return match is not None and all(
        word in AROUND | _DENIALS for word in match.group("between").lower().replace("-", " ").split()
    )


def stands_as_setting(text: str, match: re.Match[str], more: frozenset[str] = frozenset()) -> bool:
    """Whether the words are about the film, and not part of a story: a neighbour like "look", or none that says more.

    `more` are further words that may follow. Chinese words and words with figures ("9:16") always stand for themselves.
    """
    if HAN.search(match.group()) or re.search(r"\d", match.group()):
        return True
    before = _WORD_BEFORE.search(text, 0, match.start())
    after = _WORD_AFTER.match(text, match.end())
    following = after.group(1).lower() if after and not HAN.match(after.group(1)) else ""
    if following in ABOUT_THE_FILM:
        return True
    if following and following not in FOLLOWING | more:
        return False
    if before is None or HAN.search(before.group(1)):
        return True
    word = before.group(1).lower()
    if word not in _ARTICLES:
        return word in AROUND | _DENIALS
    earlier = _WORD_BEFORE.search(text, 0, before.start())
    return after is not None or (earlier is not None and earlier.group(1).lower() in _DENIALS)
