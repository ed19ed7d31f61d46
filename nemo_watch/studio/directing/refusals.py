"""What people ask for and this studio cannot do, each with the sentence that says so: a wish is never passed over in silence."""

from __future__ import annotations

import re

from nemo_watch.studio.directing.clauses import polarity
from nemo_watch.studio.directing.numbers import NUMBER
from nemo_watch.studio.directing.quoting import MARK

REFUSALS: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), english, chinese)
    for pattern, english, chinese in (
        (
            (
                r"(?:⟦\d+⟧|\b(?:photo|picture|image|clip)\s+\d+|\b(?:first|second|third|last|this|that)\s+(?:photo|picture|image|clip)\b|第.{1,3}[张段])"
                r"[^,.;，。；▪]{0,16}(?:black[\s-]*(?:and|&)[\s-]*white|sepia|vintage|\bwarm|\bvivid|\bin\s+colou?r|colou?rful|黑白|暖色|复古|彩色)"
            ),
            "A look is for the whole film.",
            "色调只能用于整部影片。",
        ),
        (
            r"^\W*(?:please\s+)?undo\b[^,.;]{0,20}|\bstart\s+(?:over|again)\b|\bgo\s+back\s+to\s+(?:the\s+)?(?:previous|last|old)\b[^,.;]{0,16}|撤销|重新开始|恢复上一",
            "I keep no earlier version; say what shall be otherwise.",
            "我不保留之前的版本；请直接说要怎么改。",
        ),
        (
            r"\b(?:swap|exchange|switch)\s+(?:the\s+)?(?:⟦\d+⟧|(?:photo|picture|image|clip)s?\s|\w+\s+(?:and\s+\w+\s+)?(?:photo|picture|image|clip)s?\b)[^,.;]{0,24}|第.{1,3}[张段]?和第.{1,3}[张段][^，。]{0,4}(?:交换|对调|互换)",
            "I cannot swap two pictures; I can put one first or last.",
            "我不能交换两个画面；可以把某个画面放到最前或最后。",
        ),
        (
            rf"{MARK}\s*(?:for|lasting)\s+{NUMBER}\s*-?\s*(?:s\b|sec\w*|秒)",
            "How long a text stands cannot be set.",
            "文字停留的时间不能设定。",
        ),
        (
            (
                r"\b(?:move|put|place|shift|show)\s+(?:the\s+)?(?:title|captions?|texts?)\s+(?:to|at|in|on)\s+(?:the\s+)?(?:very\s+)?(?:end|last|middle|start|beginning|top|bottom|left|right|corner)\b"
                r"|把?(?:标题|字幕)(?:移|放|挪)到?(?:最后|结尾|中间|顶部|底部|上面|下面)"
            ),
            "The title stands at the beginning and captions stand below; for words at the end say: end with “The end”.",
            "标题固定在开头，字幕固定在下方；要在结尾显示文字请说：结尾写“谢谢观看”。",
        ),
        (
            r"\b(?:start|begin|play)\w*\s+(?:the\s+)?(?:music|song|audio)\s+(?:at|from|after)\b[^,.;，。]{0,16}|(?:音乐|配乐)从第?[^，。]{1,6}(?:秒|分)[^，。]{0,3}(?:开始|播放)",
            "The music begins with the film; another start cannot be set.",
            "配乐与影片同时开始，不能另设起点。",
        ),
        (
            r"\b(?:upload|post|share|publish|send)\s+(?:it|this|the\s+(?:film|video))\s+(?:to|on)\s+[\w ]{2,20}|上传到|发布到|发到|分享到",
            "I post videos nowhere: the MP4 lies in the outbox.",
            "我不会发布视频：成片就在输出文件夹里。",
        ),
        (
            r"\b(?:generate|draw|paint|imagine)\s+(?:me\s+)?(?:an?|some|more|new)\s+(?:\w+\s+)?(?:photos?|pictures?|images?)\b[^,.;]{0,24}|生成(?:一张|几张|新的)?(?:照片|图片|图像)",
            "I compose the pictures that I am given, and generate none.",
            "我只用给我的画面，不会生成新的图片。",
        ),
        (
            r"\bblur\w*\s+(?:out\s+)?(?:the\s+|their\s+|all\s+|my\s+)*(?:faces?|people|persons?|licen[cs]e\s+plates?)|(?:人脸|脸部?|车牌)(?:打码|模糊)|打马赛克|马赛克",
            "I show photos as they are: I cannot blur parts of them.",
            "我只展示照片原貌，不能给局部打码。",
        ),
        (
            r"\b(?:bring|put|take)\s+(?:the\s+)?(?:\w+\s+)?(?:photo|picture|image|clip)s?(?:\s+\d+)?\s+back\b(?!\s+to)|\b(?:bring|put)\s+back\s+(?:the\s+)?(?:\w+\s+)?(?:photo|picture|image|clip)s?\b(?:\s+\d+)?",
            "A picture that was left out comes back by its file name: add IMG_3.jpg.",
            "去掉的画面可以用文件名加回来，例如：加上 IMG_3.jpg。",
        ),
        (
            r"voice[\s-]?over|\bnarrat\w+|read\s+(?:it\s+)?aloud|配音|旁白|朗读",
            "I cannot speak a voice-over; drop a recording beside the photos and it becomes the sound.",
            "我不会配音；把录好的音频放进来，我会用作声音。",
        ),
        (
            (
                r"auto\w*\s+(?:add\s+|generated?\s+)?(?:captions?|sub\s*titles?)|(?:(?:add|generate|make)\s+)?(?:captions?|sub\s*titles?)\s+auto\w*|transcri\w+"
                r"|自动(?:添?加|生成|识别)?上?字幕|语音识别|听写"
            ),
            "I cannot write down what is said; captions need their text in quotes.",
            "我不会听写语音；字幕请用引号给出文字。",
        ),
        (
            r"\b(?:bright(?:er|en\w*|ness)|dark(?:er|en\w*)|contrast|exposure|sharp(?:er|en\w*))\b|调亮|调暗|[亮暗]一?[点些]|提亮|对比度|锐化|曝光",
            "I cannot make pictures brighter, darker or sharper; the looks are black and white, warm, cool, vivid, sepia and vintage.",
            "我不能调整亮度、对比度或锐度；可用的色调有黑白、暖色、冷色、鲜艳、棕褐和复古。",
        ),
        (
            r"\brotat\w+|\bflip\w*|\bmirror\w*|\bcrop\w*(?!\s+to\s+fill)|旋转|翻转|镜像|裁剪",
            "I cannot rotate, flip or crop single pictures.",
            "我不能旋转、翻转或裁剪单张图片。",
        ),
        (
            r"\b(?:cartoons?|anime|comic|pixar|ghibli|watercolou?r|oil\s+painting|pencil\s+sketch|claymation)\b(?:\s+(?:style|look))?|卡通|动漫|漫画|水彩|油画|素描",
            "I cannot redraw pictures in another style.",
            "我不能把画面改画成别的风格。",
        ),
        (
            r"\b\d{2,3}\s*fps\b|\bframe\s*rate\b|\bframes?\s+(?:per|a)\s+second|帧",
            "Films have 30 frames a second.",
            "影片固定为每秒 30 帧。",
        ),
        (
            (
                r"\b(?:titles?|captions?|texts?|letters)\s+(?:(?:a|bit|much|in|to|at|on|of|the|is|be|should|into|up)\s+){0,3}"
                r"(?:bigger|larger|smaller|size|colou?r|font|red|blue|yellow|green|pink|gold\w*|bold|italic|top|bottom|left|right|corner)\b"
                r"|\b(?:bigger|larger|smaller|red|blue|yellow|green|pink|bold)\s+(?:titles?|texts?|captions?|letters)\b|\bfonts?\b"
                r"|字体|字号|(?:字幕?|标题|文字)(?:再)?(?:大|小|放大|缩小)一?[点些]?|(?:字幕?|标题|文字)(?:改成|用|换成).色"
            ),
            "Titles and captions have one place, size and colour.",
            "标题和字幕的位置、大小和颜色是固定的。",
        ),
        (
            (
                r"\bfad\w*\s+(?:in\s+and\s+out|in|out|to\s+(?:black|white)|from\s+(?:black|white))(?:\s+\w+){0,3}?\s+(?:the\s+)?(?:very\s+)?(?:start|beginning|end|close|finish)\b"
                r"|\b(?:end|finish|close|start|begin|open)\w*\s+(?:(?:it|with|by|on|in|a|the|film|video|slow|soft)\s+){0,4}fad\w+(?:\s+(?:in|out|to\s+\w+|from\s+\w+))?"
                r"|\bfad\w*\s+(?:the\s+)?(?:whole\s+)?(?:film|video|movie)(?:\s+(?:in|out)(?:\s+and\s+out)?)?|\bfad\w*\s+(?:in|out)\s+the\s+(?:whole\s+)?(?:film|video|movie)"
                r"|\bfad\w*\s+(?:in\s+and\s+out|in\s+from\s+\w+|out\s+to\s+\w+|from\s+black)"
                r"|(?:结尾|片尾|最后|末尾|开头|片头|整[部片个]\S{0,3})[^，。,▪]{0,4}?(?:渐黑|淡出到黑|淡出|淡入|黑场)|(?:渐黑|淡出)(?:结束|收尾|结尾)"
            ),
            "I cannot fade the whole film in or out: fades go between pictures, and the music fades by itself.",
            "我不能让整部影片淡入或淡出：淡化只用于画面之间，配乐会自动淡入淡出。",
        ),
        (
            r"\bfad\w*\s+(?:(?:in|out|up|down)\s+)?(?:the\s+)?(?:music|sound|audio|song)(?:\s+(?:in|out))?(?:\s+slowly)?|\b(?:music|song|sound)\s+(?:should\s+|to\s+)?fad\w+(?:\s+(?:in|out))?(?:\s+slowly)?|(?:音乐|配乐)\S{0,3}淡[入出]",
            "Music fades in and out by itself; how slowly cannot be set.",
            "配乐会自动淡入淡出，快慢不能调。",
        ),
        (
            (
                r"\b(?:slow|fast|long|short|quick)(?:er)?\s+(?:cross)?(?:transitions?|fades?)\b|\btransitions?\s+(?:slower|faster|longer|shorter)\b|转场(?:再)?[慢快长短]一?[点些]"
                r"|\b\d+(?:\.\d+)?\s*-?\s*s(?:ec(?:ond)?s?)?\s+(?=(?:cross\s*)?(?:fade|transition|dissolve))"
            ),
            "Each transition takes 0.6 s.",
            "每个转场为 0.6 秒。",
        ),
        (
            r"\b(?:play|run)\s+(?:it\s+|(?:the\s+)?(?:clips?|videos?|⟦\d+⟧)\s+)?(?:backwards?|in\s+reverse)|\breverse\s+the\s+(?:clips?|video\s+clips?)\b|倒放",
            "I play clips forwards.",
            "视频片段只能正放。",
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
        (r"\b(?:4k|8k|2k|480p|720p|1440p|2160p)\b", "Films are 1080p.", "视频固定为 1080p。"),
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


def refusals(text: str) -> list[tuple[tuple[int, int], tuple[str, str]]]:
    """Everything in `text` that cannot be done: where it stands, and the sentence in English and in Chinese; "no watermark" is none."""
    found = []
    for pattern, english, chinese in REFUSALS:
        for match in pattern.finditer(text):
            asked = polarity(text, match.start()) == "wish"
            found.append((match.span(), (english, chinese) if asked else ("", "")))
    return found
