"""How instructions for a hand on a mouse are worded, in English and Chinese: the forms that `guiwords` translates.

A form must never fit what is said about the film: "the video opens with a sunset", "I added a click sound". Pure.
Source: API text "Translating GUI Instructions"; the wordings are those of video editors' assistants.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from nemo_watch.nemo.clauses import MARKS, is_lead_in

# What may stand before the verb: politeness.
_LEAD = (
    r"(?:(?:to (?:\w+ ){1,6}?)?(?:you(?:'ll| will)? (?:can|may|might|could|should|need to|have to|want to|must|just|simply)? ?|please |then |"
    r"now |next |just |simply |also |or |and |so |first |finally |try to |try |consider |go ahead and |feel free to |be sure to |make sure to |"
    r"don't forget to |remember to |you(?:'re| are) (?:free|able|welcome|ready) to |be able to |it(?:'s| is) time to |"
    r"i(?:'d| would)? (?:suggest|recommend) (?:that )?(?:you )?|all you need to do is |let's )*)"
)
_ZH_LEAD = (
    r"(?:(?:您|你|请|现在|然后|接着|再|也|就|即可|可以|可|只需|需要|直接|随时|继续|并且|并|或者|或|如果满意|最后|首先|通过|接下来|建议|"
    r"(?:满意|确认|确认无误|完成|准备好|预览|检查)(?:之后|后|时))*)"
)
_Q = r"[\"'“”‘’「」『』【】\[\]*_`]*"
_PRESS = r"(?:click|tap|press|hit)(?:ing)?(?: on)?"
_ZH_PRESS = r"(?:点击|单击|点按|按下|点一下|点选)"

_EXPORT = r"(?:export|download)(?:ing)?"
_ZH_EXPORT = r"(?:导出|下载)"
_FILM = r"(?:video|film|movie|clip|mp4|project|file|result|cut|edit|draft|version|slideshow|changes?|edits?|effects?|output)"
_THE_FILM = rf"(?:it|this|that|them|everything|(?:the|your|this|my) (?:(?:final|finished|new|updated|edited|completed?|latest|whole|full|current|rendered) )*{_FILM})"
_ZH_FILM = r"(?:(?:您|你)?的?(?:最终|完整|新)?(?:视频|影片|成片|作品|短片|文件|效果|结果|修改|更改))"
_CAN_BE = rf"(?:{_THE_FILM}|{_FILM}) (?:can|may|could|should) (?:now |then |also |easily |already )*be"
_ACCOUNT = r"(?:(?:your |the |my )*(?:account|billing|subscription|(?:credit |account |remaining |available )*(?:balance|credits)|membership))"
_ZH_ACCOUNT = r"(?:(?:您|你)?的?(?:账户|账号|账单|订阅|会员|余额|积分|套餐|个人中心))"
_PLACES = (
    r"(?:panel|tab|menu|editor|timeline|project|library|settings?|window|page|dialog|sidebar|toolbar|workspace|preview|"
    r"dashboard|inspector|browser|app|link|folder)"
)
_ZH_PLACES = (
    r"(?:面板|标签页?|菜单|编辑器|时间线|时间轴|项目|工程|素材库|媒体库|设置|窗口|页面|侧边栏|工作区|预览|链接|网页)"
)
_VIEWER = r"(?:timeline|preview (?:window|panel|player|pane|area|screen)|player|editor)"
_ZH_VIEWER = r"(?:时间线|时间轴|预览窗口|预览面板|预览区|播放器|编辑器)"
_NO_NAME = r"(?!\S+(?: \S+){0,3} (?:was|were|is|are|has|have|had|added|starts?|plays?|begins?|appears?|now)\b)"
_MEDIA = r"(?:files?|photos?|images?|pictures?|videos?|clips?|media|footage|music|songs?|logo)"
_ZH_MEDIA = r"(?:文件|照片|图片|视频|素材|音乐|图像)"

# Kind, English form, Chinese form; the first that fits the beginning of a clause tells its kind.
_RAW: Final = (
    (
        "upload",
        rf"(?:drag(?:ging)?(?:(?: and |-and-| & )drop(?:ping)?)? [^.]*?\b{_MEDIA}\b[^.]*?\b(?:here|upload\w*)\b|{_PRESS}(?: the)?\s?{_Q}(?:upload|import)\b)",
        rf"(?:(?:将|把)?[^，。！？\n]{{0,20}}{_ZH_MEDIA}[^，。！？\n]{{0,6}}拖[^，。！？\n]{{0,6}}(?:这里|此处|上传)|{_ZH_PRESS}{_Q}(?:上传|导入))",
    ),
    (
        "edit",
        (r"(?:drag(?: and drop|-and-drop| & drop)?\b|(?<=try )dragging\b|(?<=consider )dragging\b|(?<=suggest )dragging\b|(?<=recommend )dragging\b"
        r"|drop (?:it|them|the|your|this|that|a)\b.* (?:on|onto|in|into|to|at|before|after)\b)"),
        r"(?!我|已)(?![^，。！？\n]{0,30}(?:已|拖\w{0,2}了))(?:将|把)?[^，。！？\n]{0,30}(?:拖拽|拖动|拖放|拖到|拖入|拖至|拖进)",
    ),
    (
        "balance",
        (rf"(?:(?:check|visit|go to|open|see|manage|view|review|head to|{_PRESS})(?: on)? (?:the )?{_Q}{_ACCOUNT}{_Q}\b"
        rf"|(?:check|see|view|review) [^,;]{{0,40}}\b(?:in|on|under|from) (?:the |your )?{_Q}(?:account|billing|subscription)\b"
        r"|(?:your|the) (?:remaining |current |available )*(?:credits?|credit balance|balance|account balance) (?:can be|is|are) "
        r"(?:found|checked|viewed|seen|shown|listed|displayed|available) (?:in|on|under|at|from)\b)"),
        rf"(?:在{_Q}{_ZH_ACCOUNT}[^，。！？\n]{{0,6}}(?:查看|检查|查询)|(?:查看|检查|查询|前往|打开|访问|进入|{_ZH_PRESS}){_Q}{_ZH_ACCOUNT})",
    ),
    (
        "export",
        (rf"(?:(?:{_PRESS}|use|using|select|choose|open|go to|head to|head over to|switch to|navigate to|find|see)(?: the| on)*\s?{_Q}{_EXPORT}\b"
        rf"|{_EXPORT} (?:{_THE_FILM}|(?:the )?(?:final |finished )?(?:mp4|video)|when|once|now|from|using|button|as|right|here)\b|{_Q}{_EXPORT}{_Q}\s*$"
        rf"|(?:the )?{_Q}{_EXPORT}{_Q} (?:button|option|icon|menu|panel|tab)\b"
        rf"|{_CAN_BE} (?:exported|downloaded)\b)"),
        (rf"(?:(?:{_ZH_PRESS}|选择|使用){_Q}[^，。！？\n]{{0,6}}{_ZH_EXPORT}"
        rf"|{_ZH_EXPORT}(?:您|你|视频|影片|成片|高清|按钮|它|为|了|$)|[^，。！？\n]{{0,8}}{_Q}{_ZH_EXPORT}{_Q}(?:按钮|选项|图标|菜单)"
        rf"|{_ZH_FILM}(?:现在|已经?|随时|也|就)*(?:可以?|可供|能够?)(?:随时|直接|供您)*{_ZH_EXPORT})"),
    ),
    (
        "preview",
        (rf"(?:(?:preview|watch|play|view|see|check|review)(?:ing)? (?:out )?(?:(?:{_THE_FILM}|the (?:result|new version)) )?(?:now |here |directly |right |live )*"
        rf"(?:in|on|from|using|through|with|via) (?:the |your )?(?:\w+ )?{_Q}{_VIEWER}\b"
        rf"|(?:view|see|check|review|look at|take a look at|have a look at|watch|play) (?:out )?(?:the |your |a )*(?:preview\b|{_Q}timeline\b)"
        rf"|{_PRESS}(?: the)?\s?{_Q}(?:preview|play)\b|preview(?:ing)? (?:{_THE_FILM}|the|your)\b|preview(?: in (?:the )?timeline| now| here)?\s*$"
        rf"|preview (?:in|on) |{_CAN_BE} (?:previewed|viewed|watched|seen|checked|reviewed|played)\b.*\b{_VIEWER}\b"
        rf"|(?:a|the|your) (?:live )?preview (?:is|will be|can be)\b.*\b{_VIEWER}\b)"),
        (rf"(?:{_ZH_FILM}?(?:现在|已经?|随时|也|就)*(?:可以?|能够?)?在?{_Q}{_ZH_VIEWER}[^，。！？\n]{{0,8}}(?:预览|查看|播放)"
        rf"|(?:查看|看看|检查|预览){_Q}(?:一下)?{_ZH_VIEWER}|预览(?:一下|效果|{_ZH_FILM}|最终效果|它)*$|{_ZH_PRESS}{_Q}(?:预览|播放))"),
    ),
    (
        "open",
        (rf"(?:open|go to|switch to|navigate to|head to|head over to)(?: up)? (?:the |your |this |a )?"
        rf"(?:(?!(?:with|on|in|at|by|for|as|to|of|and)\b){_Q}[\w-]+{_Q} ){{0,3}}{_Q}{_PLACES}\b"),
        rf"(?:打开|进入|切换到|前往)[^，。！？\n]{{0,10}}{_ZH_PLACES}",
    ),
    (
        "click",
        (rf"(?:{_PRESS})(?: the| this| that)?\s{_NO_NAME}(?=[\"'“‘「【\[*`]|(?-i:[A-Z])|here\b|.*\b(?:button|icon|tab|menu|option)\b)"
        r"|(?:click|tap)(?:ing)? on (?:the|your|any|a|it)\b"),
        rf"{_ZH_PRESS}",
    ),
)  # fmt: skip


@cache
def _forms() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """The kinds with their forms; built when the first reply comes, for that takes longer than most of the start."""
    return tuple(
        (kind, re.compile(rf"\s*{MARKS}\s*(?:{_LEAD}(?:{english})|{_ZH_LEAD}(?:{chinese}))", re.IGNORECASE))
        for kind, english, chinese in _RAW
    )


_CLAUSE_LIMIT: Final = 400  # characters; no instruction for a button is longer, and no text may cost its square

# "Click the button to export it": the purpose tells the deed. Only behind verbs that name none themselves.
_PURPOSE: Final = re.compile(
    r"(?i)\bto (?:(?:start|begin|finally) )?((?:export|download|preview|check (?:your|the|my) [\w ]*(?:balance|credits|account|billing))\b.*)$|(?:来|以|即可|就可以|进行)((?:导出|下载|预览).*)$"
)

# "Your video is ready to export": what it says of the film stays, and the deed follows.
_READY: Final = re.compile(
    r"(?i)(?P<content>.*\b(?:ready|available|prepared|all set|good to go)(?: now)?) (?:to|for)(?: you to)?(?: be)? "
    r"(?P<verb>export|download|preview)(?:s|ed|ing)?\b.*"
    r"|(?P<zh>.*(?:准备好|就绪|已生成|已完成|制作完成|剪辑完成|生成完毕))(?:可以?|可供|供您|随时|即可|等待)*(?P<zhverb>导出|下载|预览)[了吧]?"
)
# "You can change it by clicking the gear icon": how it is done goes, that it can be done stays.
_BY_HAND: Final = re.compile(
    r"(?i)(?P<content>.*?\b(?:can|could|may|might|should)\b.*?),? (?:simply |just )?(?:by|via|through|with) (?:a )?"
    r"(?P<hand>(?:click|tapp?|press|hitt?)(?:ing)?\b.*|(?:dragg|us|select|choos|open|mov|pull|adjust)ing\b.*\b(?:button|icon|tab|menu|option|panel|"
    r"slider|handles?|edges?|timeline|toolbar|playhead|editor)\b.*)"
)
# "Review it before clicking Export."
_AROUND: Final = re.compile(
    rf"(?i)(?P<content>.+?),? (?:before|after|when|while|and then|prior to) (?:you )?(?P<hand>{_PRESS}\b.*)"
)
# "When you are happy click Export": a lead-in without its comma.
_UNPARTED: Final = re.compile(
    r"(?i)(?P<content>(?:once|when(?:ever)?|if|after|as soon as)\b.+?) (?P<hand>(?:please |you can |then |just |simply |now )*"
    r"(?:click|tap|press|hit|drag|open|export|preview|go to)\b.*)"
)
_UNFINISHED: Final = frozenset({"to", "you", "i", "we", "they", "and", "or", "not", "can", "the", "a", "your", "it"})


_BEFORE_EDIT: Final = re.compile(
    r"(?i)\s*(?:to [a-z]|(?:first |please |simply |just )*(?:click|tap|select|choose|pick|find|locate|grab|hold)\b"
    r"|要|为了|如需|请?(?:先|首先)?(?:选中|选择|点击|按住|长按|找到))"
)


def kind_of(clause: str) -> str | None:
    """The kind of the deed that a clause asks for; None when it asks for none."""
    kind = next((kind for kind, form in _forms() if form.match(clause)), None) if len(clause) <= _CLAUSE_LIMIT else None
    if kind in {"open", "click"} and (purpose := _PURPOSE.search(clause)):
        return kind_of(purpose[1] or purpose[2]) or kind
    return kind


def parted(clause: str) -> tuple[str, str, str] | None:
    """What a clause says of the film, the instruction behind it, and the instruction's kind; None when it holds none."""
    if len(clause) > _CLAUSE_LIMIT:
        return None
    if (ready := _READY.fullmatch(clause)) and not is_lead_in(clause):
        verb = (ready["verb"] or ready["zhverb"]).casefold()
        kind = "preview" if verb in {"preview", "预览"} else "export"
        return ready["content"] or ready["zh"], verb if ready["verb"] else "导出", kind
    if by_hand := _BY_HAND.fullmatch(clause):
        way = kind_of(by_hand["hand"])
        return by_hand["content"], by_hand["hand"], way if way in {"export", "preview", "upload"} else "hand"
    for form in (_AROUND, _UNPARTED):
        found = form.fullmatch(clause)
        asked = kind_of(found["hand"]) if found else None
        if found and asked and found["content"].rsplit(None, 1)[-1].casefold() not in _UNFINISHED:
            return found["content"], found["hand"], asked
    return None


def without_lead(clause: str) -> str:
    """`clause` without marks and politeness before its verb."""
    bare = re.sub(rf"(?i)\A\s*{MARKS}\s*", "", clause)
    return re.sub(rf"(?i)\A{_LEAD}{_ZH_LEAD}", "", bare)


def leads_to_edit(clause: str) -> bool:
    """Whether a clause belongs to the edit behind it, and may name what that calls "it": a purpose, or a grip."""
    return _BEFORE_EDIT.match(clause) is not None and kind_of(clause) in {None, "click"}
