"""The words people use for music and clips' sound, in English and Chinese: tables only.

Patterns are matched without regard to case on the prompt with its quoted texts and file names taken out.
"""

from __future__ import annotations

import re

from nemo_watch.studio.directing.vocabulary import table

MOODS = table(
    (r"lo[\s-]?fi|\bchill(?:ed|out)?\b|\bjazzy?\b|慵懒|爵士", "lofi"),
    (r"\b(?:epic|cinematic|dramatic|inspiring|inspirational|powerful|triumphant)\b|史诗|大气|震撼|电影感|激昂", "epic"),
    (r"\b(?:romantic|wedding|tender|loving)\b|浪漫|温馨|婚礼|甜蜜", "romantic"),
    (r"\b(?:sad|sadder|melanchol\w+|nostalgic|emotional|wistful|sombre|somber)\b|伤感|怀旧|忧伤|悲伤|感人|抒情", "sad"),
    (
        r"\b(?:happy|happier|merr(?:y|ier)|upbeat|cheerful|energetic|joyful|fun|lively|playful|dance|party)\b|欢快|歡快|活泼|动感|快乐|轻快|开心|节奏感",
        "happy",
    ),
    (
        r"\b(?:calm\w*|relax\w*|peaceful|gentler?|soothing|ambient|quiet|dreamy)\b|平静|舒缓|轻柔|安静|治愈|放松|柔和",
        "calm",
    ),
)

MUSIC_OFF = re.compile(
    r"\b(?:no|without|remov(?:e|ing)|drop|delete|cut|stop|mute|kill|lose|ditch|skip|omit|leave\s+out|take\s+(?:out|away|off)|get\s+rid\s+of|(?:switch|turn)\s+off"
    r"|(?:do\s+not|don['’]?t|doesn['’]?t|does\s+not)\s+(?:need|want|use|add|play)(?:\s+any)?)\s+(?:the\s+|any\s+|all\s+)?(?:(?:titles?|captions?|texts?|end\s*cards?)\s*(?:,|and|&)+\s*(?:the\s+)?)*(?:background\s+)?"
    r"(?:music|sound\s*track|bgm|song|audio)\b(?!\s+chang)|(?:take|leave|switch|turn|cut)\s+the\s+(?:background\s+)?music\s+(?:out|off|away)\b"
    r"|music\s+(?:is\s+not|isn['’]?t)\s+(?:needed|necessary|wanted)|music\s+off|\bmusic\s*[:=]\s*(?:none|no|off)\b"
    r"|(?:不要|去掉|删除|删掉|去除|移除|关掉|关闭|取消|没有|无需|不加|不用|不需要|不想要|[别不]放)(?:背景)?(?:音乐|配乐)|无音乐|无配乐"
    r"|\bonly\s+(?:the\s+)?(?:original|clips?['’]?s?)\s+(?:own\s+)?(?:sound|audio)\b|只(?:要|留|保留)(?:视频)?原声"
    r"|(?:音乐|配乐)(?:都|全)?(?:去掉|删除|删掉|去除|移除|关掉|关闭|关了|取消|不要了?(?!太|那么|这么|盖|大|响|改|换)|停掉)",
    re.IGNORECASE,
)
KEEPING_MUSIC = re.compile(
    r"\b(?:keep|leave|just|only)\s+(?:the\s+)?(?:background\s+)?music\b(?!\s+(?:out|off|away))|(?:保留|留下|只[要留有])(?:背景)?(?:音乐|配乐)",
    re.IGNORECASE,
)
"""Beside "mute the video": it is the clips that shall be silent."""
MUSIC_ON = re.compile(
    r"\bmusic\b(?!\s+chang)|\badd\s+(?:an?|some)\s+song\b|sound\s*track|\bbgm\b|\bbackground\s+(?:song|track)|音乐|配乐|背景乐",
    re.IGNORECASE,
)
SILENT = re.compile(
    r"^\W*mute\W*$|\bsilent\b|\bno\s+(?:sound|audio)\b|without\s+(?:sound|audio)|mute\s+(?:it|the\s+video|everything)|静音|无声|不要声音",
    re.IGNORECASE,
)
_CLIPS = r"(?:(?:original|clips?['’]?s?|videos?['’]?s?|own|voices?)\s*(?:own\s+)?(?:sounds?|audio|volume|voices?)|voices?|clips|original\s+sound)"
_CLIPS_ZH = r"(?:原声|原音|视频(?:的)?(?:原声|声音)|片段(?:的)?声音|人声)"
CLIPS_MUTED = re.compile(
    r"\b(?:mute|remove|no|without)\s+(?:the\s+)?(?:original|clips?['’]?s?|videos?['’]?s?)\s*(?:own\s+)?(?:sounds?|audio)?(?=\W|$)"
    r"|\b(?:no|without)\s+(?:sound|audio)\s+(?:from|of|in|on)\s+(?:the\s+|my\s+)?(?:clips?|videos?)\b|(?:去掉|关闭|关掉|不要|去除)(?:原声|原视频声音|视频原声)",
    re.IGNORECASE,
)
CLIPS_HEARD = re.compile(
    r"(?:keep|with|use|unmute|only)\s+(?:the\s+)?(?:original|clips?['’]?s?|videos?['’]?s?)\s+(?:own\s+)?(?:sounds?|audio)|unmute\s+the\s+clips?|(?:保留|要|留)(?:视频|片段)?(?:的)?原声|原声保留",
    re.IGNORECASE,
)
MUSIC_OVER = re.compile(
    rf"music\s+(?:(?:is|plays?|be|to\s+be|play)\s+)?(?:louder\s+than|over|above|on\s+top\s+of)\s+(?:the\s+)?{_CLIPS}"
    rf"|(?:don['’]?t|do\s+not|no|without|stop)\s+duck(?:ing)?(?:\s+the\s+music)?|音乐(?:要)?(?:盖过|大过|压过|高过)(?:了)?{_CLIPS_ZH}|音乐比{_CLIPS_ZH}(?:更)?(?:大|响|高)",
    re.IGNORECASE,
)
MUSIC_UNDER = re.compile(
    rf"\bduck(?:ed|ing)?\b(?:\s+the\s+music)?(?:\s+(?:under|below|behind|for|during)\s+(?:the\s+)?{_CLIPS})?"
    rf"|music\s+(?:(?:is|plays?|be|to\s+be|play|stays?)\s+)?(?:quieter\s+than|softer\s+than|under(?:neath)?|below|behind)\s+(?:the\s+)?{_CLIPS}"
    rf"|音乐(?:要)?(?:压低|垫)(?:在)?(?:{_CLIPS_ZH})?(?:之?下|下面|底下)?|音乐(?:放在|在){_CLIPS_ZH}(?:之?下|下面|底下)|音乐比{_CLIPS_ZH}(?:更)?(?:小|轻|低)",
    re.IGNORECASE,
)
CLIPS_LOUDER = re.compile(
    rf"\bclips?\s+louder\b(?:\s+than\s+the\s+music)?|louder\s+{_CLIPS}|{_CLIPS}\s+(?:(?:is|be|to\s+be|a\s+bit|much|play)\s+)*(?:louder|up\b)|(?:turn\s+up|raise)\s+the\s+{_CLIPS}"
    rf"|{_CLIPS_ZH}(?:再|放|调|更)?(?:大|高|响)",
    re.IGNORECASE,
)
CLIPS_QUIETER = re.compile(
    rf"(?:quieter|softer|lower)\s+{_CLIPS}|{_CLIPS}\s+(?:(?:is|be|to\s+be|a\s+bit|much|play)\s+)*(?:quieter|softer|lower|down\b)|(?:turn\s+down|lower)\s+the\s+{_CLIPS}"
    rf"|{_CLIPS_ZH}(?:再|放|调|更)?(?:小|低|轻)",
    re.IGNORECASE,
)
CLIPS_VOLUME = re.compile(
    rf"(?:{_CLIPS}|{_CLIPS_ZH})(?:(?!music|音乐)\D){{0,20}}?(\d{{1,3}})\s*(?:%|％|percent)|(\d{{1,3}})\s*(?:%|％|percent)\s*(?:of\s+(?:the\s+)?)?(?:的)?(?:{_CLIPS}|{_CLIPS_ZH})",
    re.IGNORECASE,
)
OWN_SONG = re.compile(
    r"\b(?:the|my|our|this)\s+(?:own\s+)?(?:song|mp3|audio\s+file|soundtrack\s+file)\b|(?:这|那|我的?)首?歌",
    re.IGNORECASE,
)
"""The project's own audio is spoken of."""
SONG_REPLACED = re.compile(
    r"(?:instead\s+of|rather\s+than|in\s+place\s+of|replac\w+)\s+(?:the|my|this|that|our)\s+(?:song|mp3|own\s+music|audio|music|⟦\d+⟧)|(?:不用|代替|替换|换掉|换下)(?:掉)?(?:这首|那首|原来的?|我的)?(?:歌曲?|音频)",
    re.IGNORECASE,
)
MUSIC_CHANGED = re.compile(
    r"\b(?:change|swap|replace)\s+(?:the\s+|this\s+)?(?:background\s+)?(?:music|soundtrack|song)|\b(?:other|another|different|better|new)\s+(?:background\s+)?(?:music|soundtrack|song)"
    r"|换(?:一?首|个|点|掉|一下)?(?:别的|其他)?(?:背景)?(?:音乐|配乐|歌)",
    re.IGNORECASE,
)
LOUDER = re.compile(
    r"\blouder\b|\btoo\s+(?:quiet|soft)\b|(?:声音|音乐|音量)太(?:小|轻)|(?:music|volume|sound)\s+up\b|turn\s+up\b|raise\s+the\s+(?:music|volume)|(?:音乐|音量|声音)(?:再)?(?:大|高|响)|大声一?点|调大|调高",
    re.IGNORECASE,
)
QUIETER = re.compile(
    r"\b(?:quieter|softer)\b|\btoo\s+loud\b|\bless\s+music\b|太(?:吵|响|大声)|(?:声音|音乐|音量)太大|(?:music|volume|sound)\s+down\b|turn\s+down\b|lower\s+the\s+(?:music|volume)"
    r"|(?:音乐|音量|声音)(?:再)?(?:小|低|轻(?![柔快松盈]))|小声一?点|调小|调低",
    re.IGNORECASE,
)
HALF_VOLUME = re.compile(
    r"(?:music|song|bgm|it)\s+(?:at|to|on)\s+half(?:\s+the)?\s+volume|half(?:\s+the)?\s+volume\b|(?:音乐|配乐)?音量(?:减半|一半|调到一半)",
    re.IGNORECASE,
)
VOLUME = re.compile(
    r"(?:music|volume|bgm|soundtrack|音量|音乐|配乐)\D{0,25}?(\d{1,3})\s*(?:%|％|percent)"
    r"|(\d{1,3})\s*(?:%|％|percent)\s*(?:的)?(?:music|volume|bgm|音量|音乐)",
    re.IGNORECASE,
)
