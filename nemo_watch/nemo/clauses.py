"""A sentence of the service → its clauses, and how one leads to the next or goes on with it, in English and Chinese. Pure.

Source: API text "Translating GUI Instructions"; the wordings are those of video editors' assistants.
"""

from __future__ import annotations

import re
from typing import Final

MARKS: Final = r"(?:[-•>–—*]\s+|\d+[.)、]\s*)?[*_`]*"  # a list mark, marks of emphasis
_EDIT_LIMIT: Final = 400  # characters; no instruction is longer, and no text may cost its square

_NEXT = (
    r"(?:then |you (?:can|may|could|should) |please |also |just |simply |finally |now )*"
    r"(?:click|tap|press|hit|drag|drop|open|export|download|preview|check|go to|visit|view|watch|see)\b"
)
_PARTING: Final = re.compile(
    r",\s++(?:(?:and then|and|or|then|but|so)\s++)?|;\s*+|:\**\s++|[，；：]|(?<!\s)\s++[–—-]\s++|——"
    rf"|(?<!\s)(?<!\bdrag)(?<!\bdragging)(?<!\bahead)(?<!\bgo)\s++(?:and then|and|or|then|but|so)\s++(?={_NEXT})"
    r"|(?<!\s)\s++(?:and|but|so|or)\s++(?=(?-i:I|we)\b|let me know\b|tell me\b|reply\b|describe\b)"
    r"|(?<=[\u4e00-\u9fff”」』])(?=(?:并且?|然后|或者?)(?:请|可以?|可在|在)*(?:点击|单击|打开|拖|预览|导出|下载|查看|前往|时间[线轴]))",
    re.IGNORECASE,
)
_QUOTED: Final = re.compile(
    r"\"[^\"\n]{0,200}\"|“[^”\n]{0,200}”|「[^」\n]{0,200}」|『[^』\n]{0,200}』|《[^》\n]{0,200}》|`[^`\n]{0,200}`"
)


def clauses(sentence: str) -> list[tuple[str, str]]:
    """The clauses of `sentence`, each with what parts it from the one before; quoted words are not parted."""
    quoted = [found.span() for found in _QUOTED.finditer(sentence)]
    found, start, parting = [], 0, ""
    for gap in _PARTING.finditer(sentence):
        while quoted and quoted[0][1] <= gap.start():
            del quoted[0]
        if quoted and quoted[0][0] < gap.start():
            continue
        found.append((parting, sentence[start : gap.start()]))
        start, parting = gap.end(), gap[0]
    return [*found, (parting, sentence[start:])]


_LEAD_IN: Final = re.compile(
    r"\s*(?:(?:if|when|whenever|once|after|before|as soon as|while|until|in case|to|for|from|next|then|first|second|finally|lastly|now|"
    r"alternatively|otherwise|additionally|afterwards?|meanwhile|and|also)\b"
    r"|如果|若|要|当|等|想|一旦|待|首先|然后|接着|最后|之后|接下来|为了|如需|如想|[^，]{0,14}(?:后|时|之前|的话)$)",
    re.IGNORECASE,
)
_WISH: Final = re.compile(
    r"(?i)\s*(?:to\b|(?:if|whenever|when) you(?:'d| would| want| like| wish| need| prefer|'re| are)\b|for (?:more|other|a|any)\b|如果|若|要|想|为了|如需|如想)"
)
_WISH_FOR_DEED: Final = re.compile(
    r"(?i)\s*(?:(?:if|when(?:ever)?|once|as soon as) you(?:'d| would|'re| are)?(?: like| want| wish| need| prefer| ready)* )?"
    r"to (?:export|download|preview|save|finish|view|see|watch|play|check|get|do (?:so|this|that|it))\b.{0,60}"
    r"|\s*(?:once|when|after)(?: it(?:'s| is| has been))? (?:export|download|preview)(?:ed|ing)\b.{0,30}"
    r"|\s*(?:如果|若|要|如需|如想|想)(?:您|你)?(?:想要?|需要|要)?(?:导出|下载|预览|查看|保存)[^，]{0,12}"
)
_BUTTONS_TAIL: Final = re.compile(
    r"\s*(?:(?:and|then|or|also|finally|simply|just) )*(?:(?:wait|select|choose|pick|save|enter|confirm|follow|look for|find|scroll|log in|"
    r"sign in|share|download|upload|enjoy)\b|set the (?:format|resolution|quality)\b|it will (?:start|begin|be saved|download|open|appear)\b|"
    r"(?:located |found |right )?(?:in|at|on|under|next to|near) the (?:top|bottom|upper|lower|left|right|corner|toolbar|menu|sidebar|screen)\b|"
    r"(?:your|the) (?:download|export) (?:will|starts|begins)\b|to (?:save|download|finish|export|get)\b"
    r"|(?:然后|再|并)?(?:选择|等待|保存|确认|稍等|按照|即可|就可以|就能|便可|在(?:右上|左上|右下|左下|顶部|底部|页面|界面)))",
    re.IGNORECASE,
)
_EDIT_GOES_ON: Final = re.compile(
    r"(?i)\s*(?:(?:and|then|or|also|next) )*(?:drag|drop|place|move|release|trim|adjust|resize|set|align|position|snap|extend|cut|put|let go|"
    r"stretch|shorten|shrink|rotate|repeat|do the same)\b|\s*(?:然后|再|并且?|接着)?(?:将|把)?(?:其|它)?(?:放|松开|对齐|置于|移|调整|裁剪|拖|缩|剪|延长|拉)"
)
_DESTINATION: Final = re.compile(
    r"(?i)\b(?:to|onto|on|into|at|before|after|above|below|in|over|between|left|right|up|down|earlier|later|across|along|until|towards?)\b"
    r"|[到入至进]|[前后上下左右]$"
)


def is_lead_in(clause: str) -> bool:
    """Whether a clause only leads to the next: a condition, a time, a purpose."""
    return _LEAD_IN.match(clause) is not None


def is_wish(clause: str) -> bool:
    """Whether a lead-in names something that the person may want."""
    return _WISH.match(clause) is not None


def is_wish_for_deed(clause: str) -> bool:
    """Whether a lead-in says no more than the deed that follows it: "To export the video, …"."""
    return _WISH_FOR_DEED.fullmatch(clause) is not None


def belongs_to_button(clause: str) -> bool:
    """Whether a clause after an instruction goes on with what happens on the screen: "…, then wait"."""
    return _BUTTONS_TAIL.match(clause) is not None


def belongs_to_edit(edit: str, clause: str) -> bool:
    """Whether a clause goes on with an edit: another move of the hand, or what is still missing of the first."""
    if len(edit) + len(clause) > _EDIT_LIMIT:
        return False
    return _EDIT_GOES_ON.match(clause) is not None or (_DESTINATION.search(edit) is None and not is_lead_in(clause))
