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
    )
)


def refusals(text: str, chinese: bool) -> tuple[str, ...]:
    """The sentences for everything in `text` that cannot be done."""
    return tuple(zh if chinese else en for pattern, en, zh in REFUSALS if pattern.search(text))
