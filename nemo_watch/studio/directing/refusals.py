"""What people ask for and this studio cannot do, each with the sentence that says so: a wish is never passed over in silence."""

from __future__ import annotations

import re

REFUSALS: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), english, chinese)
    for pattern, english, chinese in (
        (
            r"voice[\s-]?over|\bnarrat\w+|read\s+(?:it\s+)?aloud|配音|旁白|朗读",
            "I cannot speak a voice-over; drop a recording beside the photos and it becomes the sound.",
            "我不会配音；把录好的音频放进来，我会用作声音。",
        ),
        (
            r"auto\w*\s+(?:captions|subtitles)|transcri\w+|自动字幕|语音识别|听写",
            "I cannot write down what is said; captions need their text in quotes.",
            "我不会听写语音；字幕请用引号给出文字。",
        ),
        (
            r"lip[\s-]?sync|\bavatar|talking\s+(?:head|photo)|数字人|口型",
            "I cannot make people in photos speak.",
            "我不能让照片里的人说话。",
        ),
        (
            r"remove\s+(?:the\s+)?(?:background|people|person|object)|green\s*screen|cut\s*out|抠图|抠像|去背景|换背景|去掉路人",
            "I show photos as they are: I cannot cut things out of them.",
            "我只展示照片原貌，不能抠图或去除物体。",
        ),
        (
            r"slow[\s-]?motion|time[\s-]?lapse|speed\s+up\s+the\s+clips?|慢动作|延时|变速",
            "I play clips at their own speed.",
            "视频片段只能按原速播放。",
        ),
        (
            r"animate\s+(?:the\s+|my\s+)?(?:photo|picture|people|face)|bring\s+\w+\s+to\s+life|让照片动起来|照片会动|图生视频",
            "I move the camera over photos, but cannot make what is in them move.",
            "我能让镜头在照片上移动，但不能让照片里的内容动起来。",
        ),
        (
            r"\b(?:sticker|emoji\s+rain|confetti|sparkle|glitter)\w*|贴纸|特效|花瓣|雪花",
            "I have no stickers or particle effects.",
            "我没有贴纸和粒子特效。",
        ),
        (r"\b(?:4k|8k|2160p)\b", "Films are 1080p at most.", "视频最高为 1080p。"),
        (
            r"\b(?:logo|watermark)\b|水印|标志",
            "I cannot lay a logo or watermark over the film.",
            "我不能叠加标志或水印。",
        ),
        (
            r"\btranslat\w+|翻译",
            "I cannot translate; texts are shown as you quote them.",
            "我不会翻译；文字按引号里的原样显示。",
        ),
        (
            r"picture[\s-]in[\s-]picture|split[\s-]?screen|\bcollage\b|side\s+by\s+side|画中画|分屏|拼图",
            "I show one picture at a time.",
            "画面一次只显示一张。",
        ),
        (
            r"\bstabili[sz]\w+|防抖|\bretouch\w*|\bbeautif\w+|美颜|修图|磨皮",
            "I neither retouch photos nor steady clips.",
            "我不能修图、美颜或防抖。",
        ),
        (
            r"\bshuffle\b|random\s+order|随机顺序|打乱",
            "I keep the order of the files, so that the same words always give the same film; ask for reverse order or order by name.",
            "我保持文件顺序，这样同样的话总能得到同样的影片；可以要求倒序或按文件名排序。",
        ),
        (
            r"(?:sync\w*|match\w*|cut\w*)\s+(?:\w+\s+){0,3}(?:to|with)\s+the\s+(?:beat|music)|卡点|踩点",
            "I cannot cut on the beat of a song.",
            "我还不能卡点剪辑。",
        ),
        (
            r"\bpop\s+song|\bby\s+(?:taylor|adele|coldplay|mozart|beethoven)|周杰伦|流行歌",
            "I bring no songs; drop an audio file beside the photos and it becomes the music.",
            "我没有歌曲库；把音频文件放进来，我会用作配乐。",
        ),
        (
            (
                r"\b(?:rotate|turn|flip|mirror|crop|straighten|zoom\s+into)\s+(?:the\s+|this\s+|my\s+)?(?:\w+\s+)?(?:photo|picture|image|clip|\S+\.\w{3,4})"
                r"|旋转|翻转(?:照片|图片|第)|裁剪(?:照片|图片|第)"
            ),
            "I neither turn nor crop single pictures.",
            "我不能旋转、翻转或裁剪单张照片。",
        ),
        (
            r"\bbright(?:er|en)\b|\bdarker\b|\bdarken\b|\bcontrast\b|\bexposure\b|亮一点|调亮|调暗|暗一点|对比度|曝光",
            "I cannot change brightness or contrast; the looks are black and white, warm, cool, vivid, sepia and vintage.",
            "我不能调亮度或对比度；可选的色调有黑白、暖、冷、鲜艳、棕褐和复古。",
        ),
        (
            r"\b\d{2,3}\s*fps\b|frame\s*rate|帧率|\d{2,3}\s*帧",
            "Films have 30 frames a second.",
            "视频固定为每秒 30 帧。",
        ),
        (r"\b(?:480p|720p|1440p|2k)\b", "Films are 1080p.", "视频固定为 1080p。"),
        (
            (
                r"\bfonts?\b|\b(?:bigger|smaller|larger|bold)\s+(?:texts?|titles?|letters|captions?)"
                r"|\b(?:gold(?:en)?|red|blue|green|yellow|pink|purple|white|black)\s+(?:texts?|titles?|letters)"
                r"|titles?\s+in\s+(?:gold|red|blue|green|yellow|pink|purple)|字体|字号|字大|[金红蓝绿黄粉紫]色(?:的)?(?:标题|文字|字)"
            ),
            "Texts have one font, size, colour and place.",
            "文字只有一种字体、大小、颜色和位置。",
        ),
        (
            r"\bcartoon\b|\banime\b|water\s*colou?r|oil\s+painting|\bpixar\b|卡通|动漫|油画|水彩",
            "I show photos as they are: I cannot paint them in another style.",
            "我只展示照片原貌，不能改成其他画风。",
        ),
        (
            (
                r"\b(?:start|begin|open|end)\s+with\s+(?:the\s+)?(?:\S+\.\w{3,4}|\w+\s+(?:photo|picture|clip))|\bput\s+\S+\s+(?:first|last)\b"
                r"|\b(?:use\s+)?only\s+(?:use\s+)?(?:the\s+)?(?:first|last)\b|\bswap\s+(?:the\s+)?\S+|放(?:到|在)?(?:最前|第一|最后|前面)|只用(?:前|第|最)"
            ),
            "I keep the order of the files (reverse, or by name, if you ask), and leave pictures out by name: remove b.png.",
            "我保持文件顺序（可要求倒序或按文件名），也可以按名字去掉照片，例如：去掉 b.png。",
        ),
        (
            r"\b(?:piano|guitar|violin|drums|rock|hip[\s-]?hop|techno|classical|orchestra\w*)\s*(?:music|song|track|beat)?\b|钢琴|吉他|摇滚|古典音乐|交响",
            "My music has moods (calm, happy, epic, romantic, sad, lo-fi), but no instruments or styles to choose.",
            "我的配乐按情绪分（平静、欢快、史诗、浪漫、伤感、慵懒），不能选乐器或曲风。",
        ),
        (
            r"\badd\s+(?:a|the|some)\s+(?:title|caption|text|end\s+card)s?\s*(?:[.!,;]|and\b|$)|加(?:个|一个)?(?:标题|字幕|片尾)\s*(?:[。！，；]|$)",
            "A title or caption needs its text in quotes: title “By the sea”.",
            "标题或字幕请用引号给出文字，例如：标题“海边”。",
        ),
        (
            r"fad\w*\s+(?:in|out|to|from)\b[^,.;]{0,20}\bat\s+the\s+(?:end|start|beginning)|fade\s+(?:the\s+)?(?:video|film|movie)\s+(?:in|out)|(?:开头|结尾|片尾)(?:淡入|淡出)",
            "The film itself cannot fade in or out; its music does.",
            "画面本身不能淡入淡出，音乐会。",
        ),
        (
            (
                r"(?:\.\w{3,4}|\b(?:first|second|third|last|that|this)\s+(?:photo|picture|image|clip)|\bthe\s+clip)\b[^,.;▪]{0,20}\b(?:\d+|one|two|three|five|ten)\s*(?:s\b|sec)"
                r"|\b(?:hold|keep|show)\s+(?:the\s+)?(?:first|second|third|last)\s+\w+\s+longer"
            ),
            "All photos have one length (4 seconds each, say); I cannot set that of a single one.",
            "所有照片的时长相同（例如每张4秒），不能单独设置某一张。",
        ),
    )
)


def refusals(text: str, chinese: bool) -> tuple[str, ...]:
    """The sentences for everything in `text` that cannot be done."""
    return tuple(zh if chinese else en for pattern, en, zh in REFUSALS if pattern.search(text))
