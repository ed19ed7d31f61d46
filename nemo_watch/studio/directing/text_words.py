"""The words people use for titles, captions and end cards, and for what a painted scene shows, in English and Chinese: tables only.

Patterns are matched without regard to case on the prompt with its quoted texts and file names taken out.
"""

from __future__ import annotations

import re

from nemo_watch.studio.directing.numbers import ORDINAL
from nemo_watch.studio.directing.vocabulary import table

ROLES = table(
    (r"\bcaptions?\b|\bsub\s*titles?\b|\blower\s*thirds?\b|字幕|配文|说明文字|旁注", "caption"),
    (
        r"\bend(?:s|ing)?\b|\bclosing\b|\bfinal(?:ly)?\b|\bcredits\b|\boutro\b|片尾|结尾|结束|末尾|最后(?!一?[张个段幅])",
        "ending",
    ),
    (
        r"\btitle[sd]?\b|\bheading\b|\bheadline\b|\bintro\b|\bopening\b|\bcalled\b|\bnamed\b|标题|片头|片名|题目|开头|主题|叫",
        "title",
    ),
)
"""What a quoted text is for: the nearest of these words before it, else after it."""

_UNQUOTED = r"(?!\s*(?:(?:that\s+says|saying|reading|called|里的|中的|是)\s*)?▪)"
_ALONE = (
    r"(?=\s*(?:$|[^\w\s]|[\u3400-\u9fff]|(?:and|or|from|of|please|again|too|now|but|then|at|on|in|as|completely)\b))"
)
REMOVALS = table(
    (rf"title\b(?!\s+chang){_UNQUOTED}|标题{_UNQUOTED}|片头{_UNQUOTED}|片名{_UNQUOTED}", "title"),
    (
        rf"captions\b{_UNQUOTED}|caption\b{_UNQUOTED}{_ALONE}|sub\s*titles?\b{_UNQUOTED}|字幕{_UNQUOTED}|配文{_UNQUOTED}",
        "captions",
    ),
    (
        rf"end\s*(?:card|ing|title)s?\b{_UNQUOTED}|credits{_UNQUOTED}|outro{_UNQUOTED}|片尾{_UNQUOTED}|结尾{_UNQUOTED}",
        "ending",
    ),
    (rf"(?:all\s+)?(?:the\s+)?\btexts?\b{_UNQUOTED}|\bwords{_UNQUOTED}|文字{_UNQUOTED}|所有文字{_UNQUOTED}", "texts"),
)
"""Which texts shall go: these words, where no quoted text follows that says which one."""
REMOVING = re.compile(
    r"(?:\b(?:remove|delete|drop|lose|take\s+(?:out|away))\s+(?:the\s+|any\s+|all\s+|background\s+)*(?:\w+\s*(?:,|and|or|&)+\s*(?:the\s+|any\s+|all\s+)*)*"
    r"|(?:\bwithout|\bno|n['’]t\s+(?:want|need|show|use|add|put|include))\s+(?:the\s+|any\s+|all\s+|an?\s+)*(?:\w+\s*(?:and|or|&)\s*(?:the\s+|any\s+)*)*"
    r"|(?:去掉|删除|删掉|去除|移除|不要|不需要|取消))\s*(?:[\u4e00-\u9fff]{2,4}(?:和|、|与|跟))*(?:所有)?$",
    re.IGNORECASE,
)
WITHOUT_WORDS = table(
    (r"\b(?:add|include|put\s+in|insert|with)\s+(?:an?\s+|some\s+|the\s+)?titles?\b|加(?:上|个|一个)?标题", "title"),
    (
        r"\b(?:add|include|put\s+in|insert|with)\s+(?:an?\s+|some\s+|the\s+)?(?:captions?|sub\s*titles?)\b|\bcaptions?\s+(?:each|every|all|the)\b|加(?:上|个|点|一些)?(?:字幕|配文)",
        "caption",
    ),
    (
        r"\b(?:add|include|put\s+in|insert|with)\s+(?:an?\s+|some\s+|the\s+)?(?:end\s*cards?|end(?:ing)?\s+titles?|credits|outro)\b|加(?:上|个|一个)?片尾",
        "ending",
    ),
)
"""Texts that are asked for; where no words are given for them, they are asked back."""

SCENES = table(
    (r"\bnight|\bcity|\bcities|\burban|\bneon|\bstars?\b|夜|城市|都市|霓虹|星", "night"),
    (r"\bsun\s*(?:set|rise)|\bdusk|\bdawn|\bevening|\bgolden|日落|日出|黄昏|夕阳|黎明|晚霞", "sunset"),
    (r"\bsea\b|\bocean|\bbeach|\bwaves?\b|\bisland|\blake|\briver|\bsummer|海|沙滩|湖|岛|浪|夏", "sea"),
    (r"\bsnow|\bwinter|\bice\b|\bchristmas|\bski|雪|冬|冰|圣诞", "snow"),
    (r"\bmountain|\bhills?\b|\bhik|\bmist|\bforest|\bautumn|山|森林|徒步|雾|秋", "hills"),
    (r"\bspring|\bmeadow|\bfield|\bflower|\bgarden|\bfarm|\bpark|春|草|花|田|公园", "meadow"),
)
"""What a painted backdrop shows, for films made from words alone."""

GONE_AFTER = re.compile(
    r"(?P<what>标题|片头|片名|字幕|配文|片尾|结尾|文字)(?:都|全部?|也)?(?:去掉|删掉|删除|去除|移除|取消|不要了?(?=$|[，。,.;；！!]))"
)
"""In Chinese the deed may follow: 把标题删掉, 标题不要了."""
_NTH = rf"(?P<nth>{ORDINAL})\s+(?:caption|sub\s*title)\b|(?P<nth_zh>第[一二两三四五六七八九十\d]+|最后[一1]?)[条个行句](?:字幕|配文)"
NTH_REMOVED = re.compile(
    rf"(?:\b(?:remove|delete|drop|lose)\s+(?:the\s+)?|(?:去掉|删除|删掉))(?:{_NTH})(?!\s*▪)", re.IGNORECASE
)
NTH_CHANGED = re.compile(
    rf"(?:\b(?:change|replace|rename|reword|make|set|turn)\s+(?:the\s+)?|把)(?:{_NTH})\s*(?:(?:to|with|into|by|say|read|改成|改为|换成|写成|写|:|：)\s*)*$",
    re.IGNORECASE,
)
"""One caption by its number."""
KEPT = re.compile(r"(?:n['’]t|\bnot|\bnever|\bdont|不要|别|不用|勿)\s*(?:ever\s+|please\s+)?$", re.IGNORECASE)
"""Before a word of removing: it shall stay."""
SEVERAL = re.compile(r"\bcaptions\b|\bsub\s*titles\b", re.IGNORECASE)
"""The captions as a whole are spoken of, and not one more of them."""
