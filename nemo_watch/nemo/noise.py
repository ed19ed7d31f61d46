"""The sentence about a temporary issue that the service likes to end with, after the good answer has been given.

It must never take away what tells something: only the end of a text is noise, only whole sentences, and only these. Pure.
Source: README "What the service says".
"""

from __future__ import annotations

import re
from typing import Final

from nemo_watch.nemo.sentences import sentences

_ISSUE = r"(?:issues?|problems?|errors?|glitch(?:es)?|hiccups?|difficult(?:y|ies))"
_OF_ITSELF = (  # what the sentence may add without telling anything
    r"(?:(?:while|when|in|during) (?:processing|handling|completing|finishing|working on|executing|performing|responding to) "
    r"(?:your|the|this|that) (?:request|message|task|operation|instructions?)"
    r"|(?:on my end|on our end|just now|at the moment|with (?:the|my|our) (?:service|server|system|connection|backend)))"
)
_AGAIN = (
    r"(?:(?:please |kindly |you (?:can|may) )?(?:try|retry)\b(?: (?:it|this|that|the request|your request))?(?: again)?"
    r"(?: (?:later|soon|shortly|in (?:a|some|few|a few)(?: \w+)?(?: \w+)?))?)"
)
_PRELUDE = r"(?:(?:(?:i'?m |i am |we'?re )?(?:so |very )?sorry|apologies|my apologies|unfortunately|however|but|oops|it (?:seems|looks like|appears)(?: that)?)[,:!]?\s+(?:but )?)*"
_ZH_AGAIN = r"(?:请(?:您)?(?:稍后|稍候|过一会儿?|等一会儿?|一会儿?)?(?:后)?(?:再|重新)?(?:试一下|试一次|尝试|重试|试试|试)(?:一次|一下)?)"
_ZH_ISSUE = (
    r"(?:(?:很|非常|十分)?(?:抱歉|对不起|不好意思)[，,！!]?)?(?:但|但是|不过)?(?:我|我们|系统|服务)?(?:刚才|刚刚|这边|目前|好像|似乎)*"
    r"(?:在处理(?:您|你)?的?请求时)?(?:遇到|出现|发生|碰到)了?(?:一个|一些|一点|点|个)?(?:临时|暂时|短暂)(?:性)?的?"
    r"(?:小)?(?:问题|错误|故障|状况|异常)"
)

_NOISE: Final = re.compile(
    rf"(?:{_PRELUDE}(?:i|we|the (?:system|service|agent|server))(?:'ve| have|'s| has)?(?: just| also)? "
    rf"(?:encountered|experienced|ran into|run into|hit|had) (?:a |an |some )?(?:temporary|transient) (?:technical )?{_ISSUE}"
    rf"(?: {_OF_ITSELF})*(?:[,;:–—-]?\s*(?:and |so |but )?{_AGAIN})?"
    rf"|{_ZH_ISSUE}(?:[，,；;]?{_ZH_AGAIN})?)",
    re.IGNORECASE,
)
_TRY_AGAIN: Final = re.compile(rf"(?:{_AGAIN}|{_ZH_AGAIN})", re.IGNORECASE)
_MARKS: Final = " \t\r\n.!?…。！？*_\"'“”"
_LOOKED_AT: Final = 1000  # characters from the end; the sentence and its "try again" are shorter


def without_noise(text: str) -> str:
    """`text` without a last sentence about a temporary issue, and the "please try again" right after it; maybe empty."""
    start = max(len(text) - _LOOKED_AT, 0)
    pieces = sentences(text[start:])
    while pieces:
        last = len(pieces) - 1
        if last > 0 and _is(_TRY_AGAIN, pieces[last]):
            last -= 1
        if not _is(_NOISE, pieces[last]) or (last == 0 and start):
            break
        del pieces[last:]
    return (text[:start] + "".join(pieces)).rstrip()


def is_noise(text: str) -> bool:
    """Whether `text` says nothing else."""
    return bool(text.strip()) and not without_noise(text.strip())


def _is(form: re.Pattern[str], sentence: str) -> bool:
    return form.fullmatch(sentence.replace("’", "'").strip(_MARKS)) is not None
