"""Quoted and announced texts of a prompt, each with what it is for: title, caption or ending. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nemo_watch.studio.directing.vocabulary import ROLES

_QUOTES = re.compile(
    r"\"([^\"\n]{1,300})\"|“([^”\n]{1,300})”|„([^“”\n]{1,300})[“”]|«([^»\n]{1,300})»|「([^」\n]{1,300})」|『([^』\n]{1,300})』"
    r"|《([^》\n]{1,300})》|‘([^’\n]{1,300})’(?!\w)|(?<![\w’'])'([^\n]{1,300}?)'(?!\w)"
)
_ANNOUNCED = re.compile(
    r"(?:\b(?P<title>titled|(?:the\s+)?title\s*(?:is|to|as|=|:|：))|(?P<caption>\bcaption\s*(?:is|=|:|：))"
    r"|(?P<ending>\bend(?:ing)?\s*(?:card|title)?\s*(?:says?|saying|=|:|：))"
    r"|(?P<title_zh>(?:标题|片名|片头)(?:是|为|叫|写|改成|改为|：|:))|(?P<caption_zh>(?:字幕|配文)(?:是|为|写|：|:))"
    r"|(?P<ending_zh>(?:片尾|结尾)(?:是|为|写|：|:)))\s*(?P<text>[^\n,.;，。；!！]{1,80})",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Saying:
    """A text that shall stand in the film, in place of the text `replaces` where that is said.

    `role` is "title", "caption", "ending", or "" where nothing tells. One that is `gone` shall not stand there.
    """

    text: str
    role: str
    replaces: str = ""
    gone: bool = False


_REMOVED = re.compile(
    r"(?:\b(?:remove|delete|drop|lose|without|no|take\s+(?:out|away)|don'?t\s+(?:add|want|show|use|need)|do\s+not\s+(?:add|want|show|use|need))\b"
    r"|去掉|删除|删掉|去除|移除|不要|不需要|取消)(?P<what>[^,.;，。；\"“「『《▪]{0,24})$",
    re.IGNORECASE,
)
_INSTEAD = re.compile(r"\s*(?:to|with|by|into|as|->|→|改成|改为|换成|换为|变成|成|为)\s*", re.IGNORECASE)
_CHANGING = re.compile(
    r"\b(?:change|replace|rename|swap|turn|correct|from)\b[^,.;，。；]*$|[把将从换](?:[^,.;，。；]*)$|改[^,.;，。；]*$",
    re.IGNORECASE,
)


def sayings(prompt: str) -> tuple[tuple[Saying, ...], str]:
    """The texts of a prompt in their order, and the prompt without them (so that a title never reads as an instruction)."""
    found: list[Saying] = []
    bare = old = ""
    end = 0
    for match in _QUOTES.finditer(prompt):
        before, after = prompt[end : match.start()], prompt[match.end() : match.end() + 24]
        text = next(group for group in match.groups() if group is not None).strip()
        changing, between = _CHANGING.search(before), prompt[match.end() :]
        bare += before + " ▪ "
        end = match.end()
        if changing and (instead := _INSTEAD.match(between)) and _QUOTES.match(between, instead.end()):
            old, role = text, _role(before, "", [])  # what stands there now; what shall stand there comes next
            continue
        removed = _REMOVED.search(_clause(before))
        if text:
            found.append(
                Saying(text, role if old else _role(before, after, found), old, gone=bool(removed) and not old)
            )
        old = ""
    bare += prompt[end:]
    return (tuple(found), bare) if found else _announced(bare)


def _clause(before: str) -> str:
    """What belongs to the quote that follows: a word of removing before a comma or "and" speaks of something else."""
    return re.split(r"[,.;，。；]|\band\b|和|以及", before)[-1]


def _role(before: str, after: str, found: list[Saying]) -> str:
    """The role whose word stands nearest before the quote in its clause, else right after it, else as the text before it."""
    nearest = [(match.start(), role) for pattern, role in ROLES for match in pattern.finditer(before)]
    if nearest:
        return max(nearest)[1]
    following = re.split(r"[,.;，。；\"“「『《]|\band\b|和|以及", after)[0]
    close = [(match.start(), role) for pattern, role in ROLES for match in pattern.finditer(following)]
    if close:
        return min(close)[1]
    joined = re.fullmatch(r"[\s,，、&]*(?:and|then|和|与|以及)?\s*", before)
    return found[-1].role if found and joined else ""


def _announced(bare: str) -> tuple[tuple[Saying, ...], str]:
    """Texts without quotes after words that announce them: `title: Paradise Found`."""
    found = []
    for match in _ANNOUNCED.finditer(bare):
        role = next(name for name in match.groupdict() if name != "text" and match.group(name))
        found.append(Saying(match.group("text").strip(), role.removesuffix("_zh")))
    return tuple(found), _ANNOUNCED.sub(" ▪ ", bare)
