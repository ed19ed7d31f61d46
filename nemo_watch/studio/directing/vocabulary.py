"""The words people use for what a film can be, in English and Chinese: tables only, in the order in which they are tried.

Each row is (pattern, meaning); patterns are matched without regard to case on the prompt with its quoted texts taken out.
"""

from __future__ import annotations

import re

Table = tuple[tuple[re.Pattern[str], str], ...]


def table(*rows: tuple[str, str]) -> Table:
    """The rows as patterns, in the order in which they are tried."""
    return tuple((re.compile(pattern, re.IGNORECASE), meaning) for pattern, meaning in rows)


_MEDIA = r"(?!\s+(?:photos?|pictures?|images?|clips?|shots?|of\b))"

ASPECTS = table(
    (r"4\s*[:x×：]\s*5\b", "4:5"),
    (rf"\bvertical(?:ly)?\b{_MEDIA}|\bportrait\b{_MEDIA}|9\s*[:x×：]\s*16|1080\s*[x×]\s*1920", "9:16"),
    (
        r"竖屏|竖版|竖的|竖向|竖过来|[直豎竖]式|[直豎]版|[直豎]幅|縦|tik\s*tok|\breels?\b|\bshorts\b|\bstories\b|\b(?:insta\w*|ig|facebook|whatsapp|snapchat)\s+story\b|抖音|快手|视频号",
        "9:16",
    ),
    (r"\bsquare\b(?!\s+(?:photos?|pictures?|images?))|\b1\s*[:x×：]\s*1\b|正方形|方形|方屏", "1:1"),
    (rf"\bhorizontal(?:ly)?\b{_MEDIA}|wide\s*screen|16\s*[:x×：]\s*9|1920\s*[x×]\s*1080", "16:9"),
    (
        r"\blandscape\s+(?:mode|format|orientation|video|please|film)|(?:in|to|make it)\s+landscape\b|\blandscape\s+(?:instead|rather)\b",
        "16:9",
    ),
    (r"(?:^|(?<=[,，;；.] )|(?<=[,，;；]))landscape(?=\s*(?:$|[,，;；.!]))", "16:9"),
    (r"横屏|横版|横的|横向|横过来|宽屏|[横橫]式|橫版|\byoutube\b", "16:9"),
)

TRANSITIONS = table(
    (
        r"\bno\s+transitions?\b|without\s+(?:any\s+)?transitions?|(?:remove|drop)\s+(?:the\s+|all\s+|any\s+)*transitions?",
        "cut",
    ),
    (
        r"\b(?:hard|straight|simple|jump)\s+cuts?\b|\bcuts?\s+(?:only|instead|rather)\b|\b(?:with|to|by|use)\s+cuts\b|硬切|直切|(?:不要|无|去掉|没有|不用)(?:使用|用|加|有|任何)?转场",
        "cut",
    ),
    (r"(?:mixed|different|various|varied|all kinds of)\s+transitions?|(?:各种|多种|不同的?|丰富的?)转场", "mix"),
    (r"cross[\s-]?(?:fad|dissolv)\w*|\bdissolves?\b|叠化|淡入淡出|交叉溶解|溶解", "crossfade"),
    (
        r"fad\w*\s+(?:through|to|via)\s+black(?!\s+(?:at|in|on)\s+the\s+(?:very\s+)?(?:end|start|beginning))|黑场|(?<![尾])渐黑|淡出到黑",
        "fade",
    ),
    (r"\bfad(?:e|es|ing)\s+(?:transitions?|between)|(?:with|use)\s+fades\b", "fade"),
    (
        r"\bslid(?:e|es|ing)\s+(?:transitions?|between|in\b|left|right)|sliding|(?:with|use|to)\s+slides\b|\bslides?\s+(?:instead|rather)\b",
        "slide",
    ),
    (r"\bpush(?:es|ing)?\s+transitions?|滑动|滑入|推移|推拉转场", "slide"),
    (r"\bwip(?:e|es|ing)\b|擦除|划像|擦拭转场", "wipe"),
    (r"\bzoom(?:s|ing)?\s+transitions?|缩放转场|变焦转场", "zoom"),
)

LOOKS = table(
    (r"black[\s-]*(?:and|&|n)[\s-]*white|\bb\s*[&/]?\s*w\b|\bmonochrome\b|gr[ae]y\s*scale|黑白", "bw"),
    (r"\bsepia\b|棕褐|泛黄", "sepia"),
    (r"\b(?:vintage|retro|old film)\b|复古|老照片|胶片", "vintage"),
    (r"\bwarm(?:er)?\b|暖色|暖调|暖一点|温暖的?色", "warm"),
    (r"\b(?:cool|cooler|cold)\s+(?:tones?|look|colou?rs?|filter)|冷色|冷调", "cool"),
    (r"\b(?:vivid|vibrant|saturated)\b|鲜艳|高饱和", "vivid"),
    (
        r"(?:original|normal|natural)\s+colou?rs?|in\s+colou?r\b|(?:remove|no|without)\s+(?:the\s+|any\s+)?filter",
        "none",
    ),
    (r"原色|原来的颜色|彩色|(?:去掉|不要|取消)(?:黑白|滤镜|暖色|冷色)", "none"),
)

PACES = table(
    (
        r"\btoo\s+(?:fast|quick)\b|太快|(?:n['’]t|\bnot)\s+(?:\w+\s+){0,3}?(?:so|that|as)\s+(?:fast|quick)\b|\bless\s+(?:fast|quick|hectic)\b|(?:别|不要)(?:这么|那么)快",
        "slow",
    ),
    (
        r"\btoo\s+slow\b|太慢|(?:n['’]t|\bnot)\s+(?:\w+\s+){0,3}?(?:so|that|as)\s+slow\b|\bless\s+slow\b|(?:别|不要)(?:这么|那么)慢",
        "fast",
    ),
    (
        r"\bfast(?:er)?\b(?!\s+(?:render|forward|transitions?|fades?))|\bquick(?:er)?\b|\bsnappy\b|fast[\s-]paced|快节奏|节奏快|(?<![欢歡轻畅愉痛凉爽明飞尽赶])快(?:一点|一些|点)|speed\s+(?:it|things)\s+up",
        "fast",
    ),
    (
        r"\bslow(?:er|ly)?\b(?!\s*(?:zoom|pan|motion|fade|transitions?))|\bleisurely\b|慢节奏|节奏慢|慢一点|慢一些|慢点|缓慢",
        "slow",
    ),
)

ORDERS = table(
    (
        r"\brevers(?:e|ed)\b|\bbackwards?\b|newest\s+first|last\s+to\s+first|倒序|反过来|从后往前|逆序|颠倒|倒过来",
        "reverse",
    ),
    (r"by\s+(?:file\s*)?names?\b|alphabetical\w*|按(?:文件)?名", "name"),
    (
        r"\bchronological\w*|in\s+(?:the\s+)?(?:original\s+)?order\b(?!\s+to\b)|\boriginal\s+order\b|(?:sort\w*|order\w*)\s+(?:\w+\s+){0,2}?by\s+(?:date|time)\b|oldest\s+first|按(?:日期|时间)(?:排|顺)|按顺序|原来的顺序|时间顺序",
        "given",
    ),
)

FITS = table(
    (r"\bblur(?:red|ry)?\s+(?:background|fill|borders?|sides?|edges?)|模糊背景|背景模糊|虚化背景", "blur"),
    (r"\b(?:black|plain)\s+(?:bars?|borders?|background|fill)|letter\s*box|黑边|纯色背景", "plain"),
    (r"fill\s+the\s+(?:screen|frame)|full\s*screen|crop\s+to\s+fill|铺满|填满|全屏", "cover"),
    (r"whole\s+(?:photos?|pictures?)|(?:don['’]?t|do not|without|never|no)\s+crop\w*|不要裁|完整显示|不裁剪", "blur"),
)

SHORTER = re.compile(r"\bshorter\b|\bshorten\b|too\s+long|短一点|短一些|缩短|太长", re.IGNORECASE)
LONGER = re.compile(r"\blonger\b|\blengthen\b|too\s+short|长一点|长一些|加长|延长|太短", re.IGNORECASE)
NOT_THE_FILM = re.compile(
    r"\b(?:transitions?|titles?|captions?|end\s*cards?|fades?|music|song|intro)\b[^,.;]{0,24}\b(?:longer|shorter)\b"
    r"|\b(?:longer|shorter|lengthen|shorten)\b[^,.;]{0,12}\b(?:transitions?|titles?|captions?|fades?|music|song)\b"
    r"|(?:转场|标题|字幕|片尾|音乐)[^，。]{0,6}[长短]",
    re.IGNORECASE,
)
"""Something else than the film shall be longer or shorter."""
STILL = re.compile(
    r"\bno\s+(?:zoom(?!\s+transition)|motion|movement|ken burns)|without\s+(?:zoom|motion|movement)|\bstatic\b|(?:don['’]?t|do\s+not|never|stop)\s+(?:zoom|mov|pan)(?:e|ing)?\b|keep\s+\w*\s*photos\s+still|不要(?:缩放|动效|移动|运动)|静止",
    re.IGNORECASE,
)
MOVING = re.compile(
    r"ken\s*burns|\b(?:gentle|slow|soft|subtle)\s+(?:zoom|motion|movement|pan)\w*|with\s+motion|缓慢(?:缩放|移动|推近)|加动效",
    re.IGNORECASE,
)

MAKING = re.compile(
    r"\b(?:make|create|generate|produce|build|turn|put\s+together|give\s+me|i\s+want|i'?d\s+like)\b.{0,60}?"
    r"\b(?:an?|another|new|my|these|this|some|the|\d+|one|two|five)\b.{0,40}?\b(?:video|film|movie|slide\s*show|montage|reel|clip|story)s?\b"
    r"|(?:生成|制作|创建|做)(?!成).{0,20}?(?:视频|影片|短片|电影|相册|片子)",
    re.IGNORECASE | re.DOTALL,
)
_NOT_NEW = (
    r"(?!\b(?:the|this|my|our|title|caption|text|card|longer|shorter|slower|faster|louder|quieter|better|version)\b)"
)
BEGINNING = re.compile(
    r"\b(?:make|create|generate|produce|build|put\s+together|give\s+me|i\s+want|i['’]?d\s+like)\s+(?:me\s+|us\s+)?"
    rf"(?:an?|another|one\s+more|new|some|\d+|one|two|five)\b(?:{_NOT_NEW}[^.!?,;▪]){{0,60}}?\b(?:video|film|movie|slide\s*show|montage|reel|story)s?\b"
    r"|\b(?:make|create|generate|produce)\s+(?:video|film|movie|slide\s*show|montage|reel)s?\s+(?:from|of|with|about|out\s+of|for)\b"
    r"|\b(?:turn|make)\s+(?:these|those|this|the\s+new|the|my)\s+(?:\w+\s+)?(?:photo|picture|image|clip|file)s?\s+into\b"
    r"|(?:生成|制作|创建|做)(?!成)(?:(?!更|标题|字幕)[^，。；！,;]){0,20}?(?:视频|影片|短片|电影|相册|片子)(?!的)",
    re.IGNORECASE,
)
"""Asks for another film than the one there is: of *a* film, not of *the* film."""
ADDING = re.compile(
    r"\badd(?:ed|ing)?\b|\balso\b|\bmore\b|\binclude\b|\bnew\s+(?:files?|photos?)|加|添|补充|还有|再", re.IGNORECASE
)
QUESTION = re.compile(
    r"[?？]\s*$|^\s*(?:what|who|why|how|when|where|which|can|could|do(?!\s+not\b)|does|is|are|will)\b|吗[？?]?$|^(?:什么|怎么|为什么|谁|哪)",
    re.IGNORECASE,
)
