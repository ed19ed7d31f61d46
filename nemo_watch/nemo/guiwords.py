"""What the service says as if there were buttons → what people read here, and the deeds behind the buttons.

What it says about the content is kept to the letter; only the clause that needs a hand on a mouse is replaced. It must
never take content for a button: "the video opens with a sunset" and "I added a click sound" stay. Pure.
Source: API text "Translating GUI Instructions".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from nemo_watch.nemo.sentences import sentences


class DeedKind(StrEnum):
    """What is done instead of the click: each has its endpoint."""

    EXPORT = "export"
    PREVIEW = "preview"
    OPEN = "open"
    CLICK = "click"
    EDIT = "edit"
    BALANCE = "balance"


@dataclass(frozen=True, slots=True)
class Deed:
    """A deed. `text` is the instruction to send for EDIT, the button's name for CLICK, else empty."""

    kind: DeedKind
    text: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """What people read, and the deeds that the service asked for, each once, in order."""

    text: str
    deeds: tuple[Deed, ...] = ()


# An instruction stands at the beginning of a clause or after one of these; "a mouse click sound" has none of them.
_DO = r"(?:^|(?<=[:：>*•\-–—“\"(（]))\s*(?:\d+[.)、]\s*)?"
_LEAD = (
    r"(?:(?:to (?:\w+ ){1,6}?)?(?:you(?:'ll)? (?:can|may|could|should|need to|have to|must|just|simply)? ?|please |then |"
    r"now |next |just |simply |also |or |and |first |finally |try to |go ahead and |feel free to |be sure to )*)"
)
_ZH_LEAD = (
    r"(?:(?:您|你|请|现在|然后|接着|再|也|就|即可|可以|可|只需|需要|直接|随时|继续|并|或|如果满意|满意后|最后|首先)*)"
)
_QUOTE = r"[\"'“”‘’「」『』【】\[\]*`]*"
_PRESS = r"(?:click|tap|press|hit)(?:ing)?(?: on)?"
_ZH_PRESS = r"(?:点击|单击|点按|按下|点一下|点选)"

_EXPORT = r"(?:export|download|导出|下载)"
_ACCOUNT = r"(?:(?:your |the |my )*(?:account|billing|subscription|credit balance|account balance|plan|membership))"
_ZH_ACCOUNT = r"(?:(?:您|你)?的?(?:账户|账号|账单|订阅|会员|余额|套餐|个人中心))"
_PLACES = (
    r"(?:panel|tab|menu|editor|timeline|project|library|settings?|window|page|dialog|sidebar|toolbar|workspace|preview|"
    r"dashboard|inspector|browser|app|link|folder)"
)
_ZH_PLACES = (
    r"(?:面板|标签页?|菜单|编辑器|时间线|时间轴|项目|工程|素材库|媒体库|设置|窗口|页面|侧边栏|工作区|预览|链接|网页)"
)

_FORMS: Final[tuple[tuple[DeedKind, re.Pattern[str]], ...]] = tuple(
    (kind, re.compile(f"{_DO}(?:{_LEAD}(?:{english})|{_ZH_LEAD}(?:{chinese}))", re.IGNORECASE))
    for kind, english, chinese in (
        (
            DeedKind.EDIT,
            r"drag(?: and drop|-and-drop|ging)?\b|drop (?:it|them|the|your|this|that|a)\b.* (?:on|onto|in|into|to)\b",
            r"(?:将|把)?[^，。！？\n]{0,30}(?:拖拽|拖动|拖放|拖到|拖入|拖至)",
        ),
        (
            DeedKind.BALANCE,
            rf"(?:check|visit|go to|open|see|manage|view|upgrade|{_PRESS}) (?:the )?{_QUOTE}{_ACCOUNT}{_QUOTE}\b",
            rf"(?:查看|检查|前往|打开|访问|进入|{_ZH_PRESS}|升级){_QUOTE}{_ZH_ACCOUNT}",
        ),
        (
            DeedKind.EXPORT,
            (
                rf"(?:(?:{_PRESS}|use|select|choose|go to|find)(?: the| on)*\s?{_QUOTE}{_EXPORT}\b"
                rf"|{_EXPORT} (?:it|this|the|your|when|now|from|using|button)\b|{_QUOTE}{_EXPORT}{_QUOTE}\s*$)"
            ),
            rf"(?:(?:{_ZH_PRESS}|选择|使用){_QUOTE}[^，。！？\n]{{0,6}}{_EXPORT}|{_EXPORT}(?:您|你|视频|影片|成片|按钮|它|$))",
        ),
        (
            DeedKind.PREVIEW,
            (
                rf"(?:(?:preview|watch|play|view|see|check)\b.*\b(?:timeline|preview (?:window|panel|player))"
                rf"|{_PRESS}(?: the)?\s?{_QUOTE}(?:preview|play)\b|preview (?:it|the|your|this)\b)"
            ),
            rf"(?:在?{_QUOTE}(?:时间线|时间轴|预览窗口)[^，。！？\n]{{0,8}}(?:预览|查看|播放)|预览(?!图)|{_ZH_PRESS}{_QUOTE}(?:预览|播放))",
        ),
        (
            DeedKind.OPEN,
            rf"(?:open|go to|switch to|navigate to)(?: up)? (?:the |your |this |a )?(?:{_QUOTE}[\w -]+?{_QUOTE} )?{_PLACES}\b",
            rf"(?:打开|进入|切换到|前往)[^，。！？\n]{{0,10}}{_ZH_PLACES}",
        ),
        (
            DeedKind.CLICK,
            rf"(?:{_PRESS})(?: the| this| that)?\s(?=[\"'“‘「【\[*`]|(?-i:[A-Z])|here\b|.*\b(?:button|icon|tab|menu|option)\b)",
            rf"{_ZH_PRESS}",
        ),
    )
)

_SAID: Final[dict[DeedKind, tuple[str, str]]] = {
    DeedKind.EXPORT: ("nemo-watch exports the video for you", "nemo-watch 会为您导出视频"),
    DeedKind.PREVIEW: ("the timeline stands in timeline.txt", "时间线写在 timeline.txt 里"),
    DeedKind.OPEN: ("nemo-watch reads the project for you", "nemo-watch 会为您读取项目"),
    DeedKind.CLICK: ("there is no button to press here: say it in the prompt", "这里没有按钮：请写在提示词里"),
    DeedKind.EDIT: ("this step is sent to NemoVideo as an edit", "这一步会作为编辑指令发送"),
    DeedKind.BALANCE: ("the balance is shown by: nemo-watch credits", "余额可用命令查看：nemo-watch credits"),
}

# Clauses part at commas, semicolons, dashes, and where "and" or "then" begins another instruction.
_CLAUSES: Final = re.compile(
    r"(,\s++|;\s*+|，|；|、|(?<!\s)\s++[–—-]\s++|——|(?<!\s)\s++(?:and|or|then|to)\s++(?=(?:then |you (?:can|may|could) |please |also |just )*"
    r"(?:click|tap|press|hit|drag|drop|open|export|download|preview|check your|go to)\b))",
    re.IGNORECASE,
)
_CLAUSE_LIMIT: Final = 400  # characters; no instruction for a button is longer, and no text may cost its square
_LABEL: Final = re.compile(
    r"[\"“'‘「【\[*`]+([^\"”'’」】\]*`\n]{1,40})[\"”'’」】\]*`]+|(?<=\s)([A-Z][\w]*(?: [A-Z][\w]*)*)"
)
_HAN: Final = re.compile(r"[\u4e00-\u9fff]")

# Every form above needs one of these: a sentence without any of them is done with at once.
_GUI_WORDS: Final = re.compile(
    r"click|tap|press|hit|drag|drop|open|go to|(?:switch|navigate) to|export|download|preview|watch|play|view|see\b|check|"
    r"visit|manage|upgrade|select|choose|find|use|点|单击|按下|拖|导出|下载|预览|时间[线轴]|查看|检查|前往|打开|访问|进入|升级|切换",
    re.IGNORECASE,
)
_LOOKED_AT: Final = 200_000  # characters from the end; a reply of megabytes must not hold the others up


def shown(text: str) -> Shown:
    """`text` as people here should read it, with the deeds that its GUI words stand for."""
    deeds: list[Deed] = []
    told: set[str] = set()
    start = max(len(text) - _LOOKED_AT, 0)
    pieces = [_sentence_shown(sentence, deeds, told) for sentence in sentences(text[start:])]
    return Shown((text[:start] + "".join(pieces)).strip(), tuple(dict.fromkeys(deeds)))


def _sentence_shown(sentence: str, deeds: list[Deed], told: set[str]) -> str:
    body = sentence.rstrip()
    space = sentence[len(body) :]
    words = body.rstrip(".!…。！；")
    mark = body[len(words) :]
    if body.endswith(("?", "？")) or not _GUI_WORDS.search(body):
        return sentence  # a question is the person's to answer, whatever words it uses
    shown_clauses = _clauses_shown(_CLAUSES.split(words), deeds, told)
    if shown_clauses == words:
        return sentence
    if shown_clauses.startswith(("the ", "this ", "there ")):
        shown_clauses = shown_clauses[0].upper() + shown_clauses[1:]
    return f"{shown_clauses}{mark}{space}" if shown_clauses else ""


def _clauses_shown(parts: list[str], deeds: list[Deed], told: set[str]) -> str:
    """The clauses joined again: `parts` alternates clause and separator, as `re.split` gives them."""
    result, pending = "", ""
    replaced = False
    for index, part in enumerate(parts):
        if index % 2:
            pending = part
            continue
        deed = _deed_in(part)
        if deed is None and replaced and _is_purpose(part):
            continue  # "click Export, then wait": what belongs to the button goes with it
        replaced = deed is not None
        clause = part if deed is None else _said(deed, part, deeds, told)
        if clause:
            result += (pending if result else "") + clause
        pending = ""
    return result


def _is_purpose(clause: str) -> bool:
    return (
        re.match(r"\s*(?:to (?:save|download|finish|export|get)|in the (?:top|bottom|upper|lower))\b", clause)
        is not None
    )


def _said(deed: Deed, clause: str, deeds: list[Deed], told: set[str]) -> str:
    """What stands in place of a GUI clause; empty when the same was said before in this text."""
    deeds.append(deed)
    english, chinese = _SAID[deed.kind]
    words = chinese if _HAN.search(clause) else english
    if deed.kind is DeedKind.EDIT:
        return f"{words} ({deed.text})"
    if words in told:
        return ""
    told.add(words)
    return words


def _deed_in(clause: str) -> Deed | None:
    """The deed that a clause asks for, if it is an instruction for a hand on a mouse."""
    for kind, form in _FORMS if len(clause) <= _CLAUSE_LIMIT else ():
        if form.search(clause):
            return Deed(kind, _deed_text(kind, clause))
    return None


def _deed_text(kind: DeedKind, clause: str) -> str:
    if kind is DeedKind.EDIT:
        return re.sub(rf"(?i)^\s*{_LEAD}{_ZH_LEAD}", "", clause).strip(' *"“”')
    if kind is DeedKind.CLICK:
        label = _LABEL.search(clause)
        return (label.group(1) or label.group(2)).strip() if label else ""
    return ""
