"""The words people use for what a film can be, in English and Chinese: tables only, in the order in which they are tried.

Each row is (pattern, meaning); patterns are matched without regard to case on the prompt with its quoted texts taken out.
"""

from __future__ import annotations

import re

Table = tuple[tuple[re.Pattern[str], str], ...]


def _table(*rows: tuple[str, str]) -> Table:
    return tuple((re.compile(pattern, re.IGNORECASE), meaning) for pattern, meaning in rows)


_MEDIA = r"(?!\s+(?:photos?|pictures?|images?|clips?|shots?|of\b))"

ASPECTS = _table(
    (r"4\s*[:x×：]\s*5\b", "4:5"),
    (rf"\bvertical(?:ly)?\b{_MEDIA}|\bportrait\b{_MEDIA}|9\s*[:x×：]\s*16|1080\s*[x×]\s*1920", "9:16"),
    (r"竖屏|竖版|竖的|竖向|竖过来|直式|直幅|縦|tik\s*tok|\breels?\b|\bshorts\b|\bstories\b|抖音|快手|视频号", "9:16"),
    (r"\bsquare\b(?!\s+(?:photos?|pictures?|images?))|\b1\s*[:x×：]\s*1\b|正方形|方形|方屏", "1:1"),
    (rf"\bhorizontal(?:ly)?\b{_MEDIA}|wide\s*screen|16\s*[:x×：]\s*9|1920\s*[x×]\s*1080", "16:9"),
    (r"\blandscape\s+(?:mode|format|orientation|video|please|film)|(?:in|to|make it)\s+landscape\b", "16:9"),
    (r"横屏|横版|横的|横向|横过来|宽屏|\byoutube\b", "16:9"),
)

TRANSITIONS = _table(
    (r"\bno\s+transitions?\b|without\s+(?:any\s+)?transitions?|(?:remove|drop)\s+(?:the\s+)?transitions?", "cut"),
    (r"\b(?:hard|straight|simple|jump)\s+cuts?\b|\bcuts?\s+only\b|硬切|直切|(?:不要|无|去掉|没有|不用)转场", "cut"),
    (r"(?:mixed|different|various|varied|all kinds of)\s+transitions?|(?:各种|多种|不同的?|丰富的?)转场", "mix"),
    (r"cross[\s-]?(?:fad|dissolv)\w*|\bdissolves?\b|叠化|淡入淡出|交叉溶解|溶解", "crossfade"),
    (r"fad\w*\s+(?:through|to|via)\s+black(?!\s+at\b)|黑场|渐黑|淡出到黑", "fade"),
    (r"\bfad(?:e|es|ing)\s+(?:transitions?|between)|(?:with|use)\s+fades\b", "fade"),
    (r"\bslid(?:e|es|ing)\s+(?:transitions?|between|in\b|left|right)|sliding|(?:with|use)\s+slides\b", "slide"),
    (r"\bpush(?:es|ing)?\s+transitions?|滑动|滑入|推移|推拉转场", "slide"),
    (r"\bwip(?:e|es|ing)\b|擦除|划像|擦拭转场", "wipe"),
    (r"\bzoom(?:s|ing)?\s+transitions?|缩放转场|变焦转场", "zoom"),
)

LOOKS = _table(
    (
        r"(?:original|normal|natural)\s+colou?rs?|in\s+colou?r\b|(?:remove|no|without)\s+(?:the\s+|any\s+)?filter",
        "none",
    ),
    (r"原色|原来的颜色|彩色|(?:去掉|不要|取消)(?:黑白|滤镜|暖色|冷色)", "none"),
    (r"black[\s-]*(?:and|&|n)[\s-]*white|\bb\s*&\s*w\b|\bmonochrome\b|gr[ae]y\s*scale|黑白", "bw"),
    (r"\bsepia\b|棕褐|泛黄", "sepia"),
    (r"\b(?:vintage|retro|old film)\b|复古|老照片|胶片", "vintage"),
    (r"\bwarm(?:er)?\b|暖色|暖调|暖一点|温暖的?色", "warm"),
    (r"\b(?:cool|cooler|cold)\s+(?:tones?|look|colou?rs?|filter)|冷色|冷调", "cool"),
    (r"\b(?:vivid|vibrant|saturated)\b|鲜艳|高饱和", "vivid"),
)

MOODS = _table(
    (r"lo[\s-]?fi|\bchill(?:ed|out)?\b|\bjazzy?\b|慵懒|爵士", "lofi"),
    (r"\b(?:epic|cinematic|dramatic|inspiring|inspirational|powerful|triumphant)\b|史诗|大气|震撼|电影感|激昂", "epic"),
    (r"\b(?:romantic|wedding|tender|loving)\b|浪漫|温馨|婚礼|甜蜜", "romantic"),
    (r"\b(?:sad|melanchol\w+|nostalgic|emotional|wistful|sombre|somber)\b|伤感|怀旧|忧伤|悲伤|感人|抒情", "sad"),
    (
        r"\b(?:happy|happier|upbeat|cheerful|energetic|joyful|fun|lively|playful|dance|party)\b|欢快|活泼|动感|快乐|轻快|开心|节奏感",
        "happy",
    ),
    (
        r"\b(?:calm\w*|relax\w*|peaceful|gentle|soothing|ambient|quiet|dreamy)\b|平静|舒缓|轻柔|安静|治愈|放松|柔和",
        "calm",
    ),
)

ANOTHER = "another"
ANOTHER_MUSIC = re.compile(
    r"\b(?:change|switch|swap)\s+(?:the\s+)?(?:music|song|tune|track)\b|\b(?:different|other|another|new)\s+(?:music|song|tune|track)\b"
    r"|don'?t\s+like\s+the\s+music|换(?:个|一个|首|一首|掉|种)?(?:音乐|配乐|歌|曲)",
    re.IGNORECASE,
)
NO_SONG = re.compile(
    r"\b(?:instead\s+of|rather\s+than|not|without)\s+(?:the|my)\s+(?:song|track|file|mp3)|不(?:要|用)(?:我的|这首)歌",
    re.IGNORECASE,
)

PACES = _table(
    (
        r"\bfast(?:er)?\b(?!\s+(?:render|forward|transitions?|fades?))|\bquick(?:er)?\b|\bsnappy\b|fast[\s-]paced|快节奏|节奏快|(?<![欢轻])快(?:一点|一些|点)",
        "fast",
    ),
    (
        r"(?<!music )(?<!song )\bslow(?:er|ly)?\b(?!\s*(?:zoom|pan|motion|fade|transitions?|music|boat))|\bleisurely\b|慢节奏|节奏慢|慢一点|慢一些|慢点|缓慢",
        "slow",
    ),
)

ORDERS = _table(
    (r"\brevers(?:e|ed)\b|\bbackwards?\b|newest\s+first|last\s+to\s+first|倒序|反过来|从后往前|逆序|颠倒", "reverse"),
    (r"by\s+(?:file\s*)?names?\b|alphabetical\w*|按(?:文件)?名", "name"),
    (r"\bchronological\w*|in\s+(?:the\s+)?(?:original\s+)?order\b|oldest\s+first|按顺序|原来的顺序|时间顺序", "given"),
)

FITS = _table(
    (r"\bblur(?:red|ry)?\s+(?:background|fill|borders?|sides?|edges?)|模糊背景|背景模糊|虚化背景", "blur"),
    (r"\b(?:black|plain)\s+(?:bars?|borders?|background|fill)|letter\s*box|黑边|纯色背景", "plain"),
    (r"fill\s+the\s+(?:screen|frame)|full\s*screen|crop\s+to\s+fill|铺满|填满|全屏", "cover"),
    (r"whole\s+(?:photos?|pictures?)|(?:don'?t|do not|without)\s+crop\w*|不要裁|完整显示|不裁剪", "blur"),
)

MUSIC_OFF = re.compile(
    r"\b(?:no|without|remove|drop|delete|cut|stop|mute|kill|lose)\s+(?:the\s+|any\s+|all\s+)?(?:background\s+)?"
    r"(?:music|sound\s*track|bgm|song|audio)|music\s+off|turn\s+off\s+the\s+music|don'?t\s+(?:want|use|add)\s+(?:any\s+)?music"
    r"|(?:不要|去掉|删除|删掉|去除|移除|关掉|关闭|取消|没有|无需|不加|不用)(?:背景)?(?:音乐|配乐)|无音乐|无配乐",
    re.IGNORECASE,
)
MUSIC_ON = re.compile(r"\bmusic\b|sound\s*track|\bbgm\b|\bbackground\s+(?:song|track)|音乐|配乐|背景乐", re.IGNORECASE)
SILENT = re.compile(
    r"\bsilent\b|\bno\s+(?:sound|audio)\b|without\s+(?:sound|audio)|mute\s+(?:it|the\s+video|everything)|静音|无声|不要声音",
    re.IGNORECASE,
)
CLIPS_MUTED = re.compile(
    r"(?:mute|remove|no|without)\s+(?:the\s+)?(?:original|clips?'?|videos?'?)\s*(?:own\s+)?(?:sounds?|audio)?(?=\W|$)"
    r"|(?:去掉|关闭|不要|去除)(?:原声|原视频声音|视频原声)",
    re.IGNORECASE,
)
CLIPS_HEARD = re.compile(
    r"(?:keep|with|use)\s+(?:the\s+)?(?:original|clips?'?|videos?'?)\s+(?:own\s+)?(?:sounds?|audio)|保留原声|要原声|原声保留",
    re.IGNORECASE,
)
LOUDER = re.compile(
    r"\blouder\b|(?:music|volume|sound)\s+up\b|turn\s+up\b|raise\s+the\s+(?:music|volume)|(?:音乐|音量|声音)(?:再)?(?:大|高|响)|大声一?点|调大|调高",
    re.IGNORECASE,
)
QUIETER = re.compile(
    r"\b(?:quieter|softer)\b|(?:music|volume|sound)\s+down\b|turn\s+down\b|lower\s+the\s+(?:music|volume)"
    r"|(?:音乐|音量|声音)(?:再)?(?:小|低|轻)|小声一?点|调小|调低",
    re.IGNORECASE,
)
VOLUME = re.compile(
    r"(?:music|volume|bgm|soundtrack|音量|音乐|配乐)\D{0,25}?(\d{1,3})\s*(?:%|％|percent)"
    r"|(\d{1,3})\s*(?:%|％|percent)\s*(?:的)?(?:music|volume|bgm|音量|音乐)",
    re.IGNORECASE,
)

SHORTER = re.compile(
    r"\bshorter\b(?!\s+(?:transitions?|titles?|captions?))|\bshorten\b|too\s+long|短一点|短一些|缩短|太长",
    re.IGNORECASE,
)
LONGER = re.compile(
    r"(?<!photo )(?<!picture )(?<!clip )(?<!image )\blonger\b(?!\s+(?:transitions?|titles?|captions?))|\blengthen\b|too\s+short|长一点|长一些|加长|延长|太短",
    re.IGNORECASE,
)
STILL = re.compile(
    r"\bno\s+(?:zoom|motion|movement|ken burns)|without\s+(?:zoom|motion|movement)|\bstatic\b|keep\s+\w*\s*photos\s+still|不要(?:缩放|动效|移动|运动)|静止",
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
ADDING = re.compile(
    r"\badd(?:ed|ing)?\b|\balso\b|\bmore\b|\binclude\b|\bnew\s+(?:files?|photos?)|加|添|补充|还有|再", re.IGNORECASE
)
QUESTION = re.compile(
    r"[?？]\s*$|^\s*(?:what|who|why|how|when|where|which|can|could|do|does|is|are|will)\b|吗[？?]?$|^(?:什么|怎么|为什么|谁|哪)",
    re.IGNORECASE,
)

ROLES = _table(
    (r"\bcaptions?\b|\bsub\s*titles?\b|\blower\s*thirds?\b|字幕|配文|说明文字|旁注", "caption"),
    (r"\bend(?:s|ing)?\b|\bclosing\b|\bfinal(?:ly)?\b|\bcredits\b|\boutro\b|片尾|结尾|结束|末尾|最后", "ending"),
    (
        r"\btitle[sd]?\b|\bheading\b|\bheadline\b|\bintro\b|\bopening\b|\bcalled\b|\bnamed\b|标题|片头|片名|题目|开头|主题|叫",
        "title",
    ),
)
"""What a quoted text is for: the nearest of these words before it, else after it."""

REMOVALS = _table(
    (r"title|标题|片头|片名", "title"),
    (r"captions?|sub\s*titles?|字幕|配文", "captions"),
    (r"end\s*(?:card|ing|title)s?|credits|outro|片尾|结尾", "ending"),
    (r"(?:all\s+)?(?:the\s+)?texts?|words|文字|所有文字", "texts"),
)
REMOVING = re.compile(
    r"(?:\bremove|\bdelete|\bdrop|\bwithout|\bno|\blose|\btake\s+(?:out|away)|\bdon'?t\s+(?:want|need|show)|去掉|删除|删掉|去除|移除|不要|不需要|取消)"
    r"\s*(?:the\s+|any\s+|all\s+|background\s+)*(?:\w+\s*(?:,|and|or|&)\s*(?:the\s+|any\s+)?)*(?:[\u4e00-\u9fff]{2,4}(?:和|、|与|跟))*(?:所有)?$",
    re.IGNORECASE,
)

DENYING = re.compile(
    r"(?:\b(?:not|don'?t|do\s+not|never|no|without|instead\s+of|rather\s+than)\b"
    r"(?:\s+(?:make|want|use|it|to|be|do|an?|any|the|need|have|in|with|turn|keep|so|too)\b)*|不要|别|不用|不是|不想要)\s*$",
    re.IGNORECASE,
)
"""Before a word: it is not wished."""

SCENES = _table(
    (r"\bnight|\bcity|\bcities|\burban|\bneon|\bstars?\b|夜|城市|都市|霓虹|星", "night"),
    (r"\bsun\s*(?:set|rise)|\bdusk|\bdawn|\bevening|\bgolden|日落|日出|黄昏|夕阳|黎明|晚霞", "sunset"),
    (r"\bsea\b|\bocean|\bbeach|\bwaves?\b|\bisland|\blake|\briver|\bsummer|海|沙滩|湖|岛|浪|夏", "sea"),
    (r"\bsnow|\bwinter|\bice\b|\bchristmas|\bski|雪|冬|冰|圣诞", "snow"),
    (r"\bmountain|\bhills?\b|\bhik|\bmist|\bforest|\bautumn|山|森林|徒步|雾|秋", "hills"),
    (r"\bspring|\bmeadow|\bfield|\bflower|\bgarden|\bfarm|\bpark|春|草|花|田|公园", "meadow"),
)
"""What a painted backdrop shows, for films made from words alone."""
