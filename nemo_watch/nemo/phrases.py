"""What people say → which call it is; what the service says → what it asks. English and Chinese.

A request is matched whole, after politeness is taken off, and never as a word inside a longer instruction: "export as a
slideshow with music" is an edit. It must never change what is sent. Pure.
Source: API text "Matching Input to Actions", "SSE Event Handling", "Tips and Tricks".
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from nemo_watch.nemo.guiwords import Deed, DeedKind, Shown, shown
from nemo_watch.nemo.sentences import sentences

SETTING_UP: Final = "Setting up..."
STILL_WORKING: Final = "⏳ Still working..."
TIP: Final = (
    "Tip: concrete instructions give better results. Instead of “make it look better”, say what you want to see, for "
    "example: “generate a video from my photos with transitions and background music”."
)


class Action(StrEnum):
    """The call behind what a person says; only MESSAGE goes to the agent, and only MESSAGE is paid."""

    EXPORT = "export"
    CREDITS = "credits"
    STATUS = "status"
    UPLOAD = "upload"
    MESSAGE = "message"


_FILM = r"(?:(?:the |my |this |our )?(?:final |finished |edited )?(?:video|film|movie|clip|mp4|result|project))"
_VIDEO = rf"(?:it|this|that|{_FILM})"
_ZH_VIDEO = r"(?:(?:这个|我的|成品|最终的?)?(?:视频|影片|成片|作品|短片))"
_FILES = r"(?:(?:the |my |these |this |some |a |an |more )*(?:file|photo|picture|image|clip|video|media|music|song)s?)"
_ZH_FILES = r"(?:(?:我的|这些|这个|一个|一些)?(?:文件|照片|图片|视频|素材|音乐))"

# Each is matched against the whole of what was said, folded and stripped of politeness.
_REQUESTS: Final[dict[Action, re.Pattern[str]]] = {
    action: re.compile("|".join(f"(?:{form})" for form in forms))
    for action, forms in {
        Action.EXPORT: (
            rf"(?:export|download|render)(?: {_VIDEO})?(?: now)?(?: (?:as|to|in)(?: an?)? mp4)?",
            rf"(?:send|give|get)(?: me)? {_FILM}",
            rf"(?:导出|下载|输出) ?(?:{_ZH_VIDEO}|(?:{_ZH_VIDEO} ?)?(?:成|为)? ?mp4)?",
            rf"(?:把)?{_ZH_VIDEO}(?:导出|下载|输出|发给我|发我|传给我)",
            rf"(?:发给我|给我|发送){_ZH_VIDEO}",
        ),
        Action.CREDITS: (
            (
                r"(?:(?:show|check|see|tell|get|what is|what's|what are)(?: me)? )?(?:my |the |our )?"
                r"(?:remaining |available |account )?(?:credits?|balance|credit balance)(?: left| remaining)?"
            ),
            r"how many credits(?: (?:do i|have i|i|are|do we))?(?: (?:have|got))?(?: left| remaining)?",
            r"(?:查询|查看|查一?下|看看?|显示)?(?:我的|我|账户|账号)?(?:的)?(?:剩余|可用)?的?(?:积分|余额)(?:还?剩?多少|还有多少|是多少)?",
            r"(?:我)?(?:还有|还剩|剩)(?:多少)?(?:积分|余额)",
        ),
        Action.STATUS: (
            r"(?:(?:show|check|see|tell|get|what is|what's)(?: me)? )?(?:the |my |current )*(?:project |timeline )?status",
            r"(?:show|list|display|see)(?: me)? (?:the |all |my |current )*(?:tracks?|timeline)",
            r"(?:查询|查看|查一?下|看看?|显示)?(?:当前|现在|目前)?的?(?:项目|时间线|时间轴)?的?状态(?:怎么样|如何)?",
            r"(?:查看|看看?|显示|列出)(?:当前|所有|全部)?的?(?:轨道|音轨|时间线|时间轴)",
        ),
        Action.UPLOAD: (
            rf"upload(?: {_FILES})?",
            rf"上传(?:{_ZH_FILES})?",
            rf"(?:把)?{_ZH_FILES}上传",
        ),
    }.items()
}

_POLITE: Final = re.compile(
    r"^(?:(?:hi|hey|hello|ok|okay|now|so|well|then|just|please|pls|kindly|could you|can you|would you|will you|"
    r"i want to|i want you to|i would like to|i'd like to|let's|go ahead and|thanks|thank you)\b[\s,]*)+"
    r"|(?:[\s,]*\b(?:please|pls|thanks|thank you|thx|for me|right now|now))+$"
    r"|^(?:请你?|麻烦你?|帮我|给我|我想要?|我要|现在|你好|可以|能不能|能否|好的?|那就|就|[，,\s])+(?=[\u4e00-\u9fff])"
    r"|(?:一下|吧|谢谢你?|多谢|好吗|可以吗|吗|呢|了|[，,\s])+$"
)
_EDGES: Final = " \t\r\n.,;:!?~…\"'“”‘’«»()[]。，、；：！？「」『』（）—-*_`\ufeff\ufe0f\u200b\u200d"

_REQUEST_LIMIT: Final = 200  # characters; whoever writes more wants more than a button

_VAGUE: Final = re.compile(
    r"(?:(?:just |please )*(?:make|do|edit|improve|enhance|polish|fix|beautify|change|spice)(?: (?:it|this|that|them|"
    r"(?:the |my )?(?:video|photos?|pictures?|clips?|film)))?(?: up)?(?: (?:look|be|feel|sound))?"
    r"(?: (?:a (?:bit|little)|much|more|way|even|really|very|super|so))*"
    r"(?: (?:better|nicer?|good|great|cool(?:er)?|pretty|prettier|beautiful|awesome|amazing|professional|interesting|"
    r"perfect|best|pop|magic))?)"
    r"|(?:better|nicer|improve|surprise me|do (?:something|anything|your (?:magic|best|thing))|whatever(?: you (?:like|want))?)"
    r"|(?:make|create|generate|do)(?: me)? (?:a |an |the )?(?:nice |good |cool |great |beautiful )?(?:video|film|movie|something)"
    r"|(?:让|把|使)?(?:它|视频|照片|这个)?(?:变得?|弄得?|做得?|改得?|看起来)?更?(?:好看|漂亮|高级|更好|更美)(?:一点|一些|点|些)?"
    r"|(?:美化|优化|改进|提升|润色)(?:一下|它|视频|照片)*"
    r"|(?:随便|你看着办|随便做个?|做个?视频|生成视频)"
)


def routed(text: str) -> Action:
    """The call that `text`, taken as one whole request, stands for."""
    words = _bare(text)
    return next((action for action, form in _REQUESTS.items() if form.fullmatch(words)), Action.MESSAGE)


def is_vague(text: str) -> bool:
    """Whether `text` says nothing concrete, so that `TIP` is worth telling; it is sent all the same."""
    words = _bare(text)
    return bool(words) and _VAGUE.fullmatch(words) is not None


_QUOTED: Final = re.compile(r"\"[^\"\n]*\"|“[^”\n]*”|「[^」\n]*」|《[^》\n]*》|`[^`\n]*`")
_ASKS_FOR: Final = re.compile(
    r"(?i)\b(?:please|kindly|could you|can you)\s+(?:tell|let me know|specify|provide|clarify|choose|select|pick|describe|"
    r"confirm|share|upload|send|give|answer|decide)\b|\blet me know (?:what|which|how|whether|if you'd prefer)\b"
    r"|请(?:您|你)?(?:先)?(?:告诉|提供|说明|选择|确认|指定|上传|描述|补充|回复|决定)"
)
_TAIL_LIMIT: Final = 8_000  # characters from the end, where questions stand
_QUESTION_LIMIT: Final = 500  # characters; the whole reply stands in reply.txt


def asks_back(text: str) -> str | None:
    """What the service asks of the person: its questions and its pleas for words; None when it asks nothing."""
    asked = [line.strip() for line in sentences(text[-_TAIL_LIMIT:]) if _is_asking(line)]
    if not asked:
        return None
    question = " ".join(asked)
    return question if len(question) <= _QUESTION_LIMIT else question[: _QUESTION_LIMIT - 1] + "…"


def _is_asking(sentence: str) -> bool:
    plain = _QUOTED.sub("", sentence).strip()
    return plain.rstrip(" )）*_`'’”\"").endswith(("?", "？")) or _ASKS_FOR.search(plain) is not None


def _bare(text: str) -> str:
    """`text` on one line, folded, without politeness and what stands around it; empty when it is too long to be one."""
    if len(text) > _REQUEST_LIMIT:
        return ""
    words = " ".join(text.casefold().split())
    while True:
        shorter = _POLITE.sub("", _without_edges(words))
        if shorter == words:
            return words
        words = shorter


def _without_edges(words: str) -> str:
    start, end = 0, len(words)
    while start < end and _is_edge(words[start]):
        start += 1
    while end > start and _is_edge(words[end - 1]):
        end -= 1
    return words[start:end]


def _is_edge(character: str) -> bool:
    """Marks, arrows, dingbats and emoji; no letter, digit or ideograph."""
    return character in _EDGES or 0x2190 <= ord(character) <= 0x2BFF or 0x1F000 <= ord(character) <= 0x1FAFF


__all__ = [
    "SETTING_UP",
    "STILL_WORKING",
    "TIP",
    "Action",
    "Deed",
    "DeedKind",
    "Shown",
    "asks_back",
    "is_vague",
    "routed",
    "shown",
]
