"""Words that say nothing by themselves: they may stand around a wish, and are no wish that was passed over. Tables only."""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


HAN = re.compile(r"[\u3400-\u9fff]")

_SMALL = _words(
    "a an the this that these those some any all every each both my our your their his her its it them they us we you me i"
    " of from to for in on at into onto out by as is are be was were with and or but so then also too just only now again"
    " back please thanks thank hi hello hey dear kindly can could will would should let lets have has had do does did want wants"
    " like love need i'd i'm it's let's there here if up down over"
)
_MAKING = _words(
    "make makes making create creating generate produce build turn put give get use using keep show set go look looks"
    " change changed edit convert switch become stay be feel together new another one add include have"
)
_FILM = _words(
    "film films video videos movie movies clip clips slideshow slide slides show montage reel reels story version cut mp4"
    " photo photos picture pictures image images pic pics file files shot shots footage media everything whole entire"
    " attached following uploaded"
)
_PRAISE = _words(
    "nice nicely beautiful beautifully good great lovely little short simple cool awesome amazing best very more really"
    " bit much slightly somewhat even rather quite pretty"
)
_SETTINGS = _words(
    "vertical vertically horizontal square portrait landscape widescreen tiktok instagram youtube facebook wechat warm"
    " vintage retro sepia black white vivid vibrant slow slower fast faster quick calm happy sad epic romantic"
)
_MANNER = _words(
    "look looks style styles tone tones colour colours color colors filter filters effect effects mode format aspect ratio"
    " orientation screen shape feel vibe pace paced tempo rhythm cuts please throughout instead channel account post feed"
    " long total max maximum length duration"
)
_KINDS = _words(
    "end ends ending says saying called named titled text texts line lines words "
    "transition transitions music sound audio soundtrack song background bgm title titles caption captions"
)

ABOUT_THE_FILM = _FILM | _MANNER
"""What may stand after it, whatever stands before."""
AROUND = _SMALL | _MAKING | _FILM | _PRAISE | _SETTINGS | _MANNER
"""What may stand before a word like "vertical" or "warm" that is meant for the film."""
FOLLOWING = (_SMALL - {"my", "our", "your", "their", "his", "her"}) | _FILM | _SETTINGS | _MANNER
"""What may stand after it."""
MUSICAL = _words("music soundtrack song songs tune tunes bed beat beats bgm vibe vibes sound sounds audio")
"""What may stand after a mood."""
NEUTRAL = _SMALL | _MAKING | _FILM | _PRAISE | _MANNER | _KINDS

NEUTRAL_ZH = re.compile(
    r"一个|一段|一部|一些|一下|一点|这些|这个|这张|那个|我们?的?|你|您|请|帮忙?|给|把|将|用|做成?|制作|生成|创建|剪辑?|拼成?|合成|变成|改成"
    r"|改为|换成|视频|影片|短片|电影|相册|片子|照片|图片|相片|素材|片段|音乐|配乐|转场|背景|标题|字幕|文字|格式|画面|整个|全部|所有"
    r"|风格|效果|加上?|添加|带上?|配上?|有|和|与|跟|并|还|再|要|想|需要|可以|能|吗|吧|呢|啊|的|了|着|得|成|为|是|在|里|中|上|下"
    r"|好看|漂亮|好|谢谢|你好|放|让|就|都|也|只|点|些|个|张|段|时长|长度|总长"
)
