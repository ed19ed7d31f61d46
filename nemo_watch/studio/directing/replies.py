"""What the studio says about what it did: the film in a sentence, or what changed in it, in English or Chinese. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nemo_watch.studio.directing.cut import Cut, cut_of, meta_of
from nemo_watch.studio.directing.lengths import FILM_S_MAX
from nemo_watch.studio.directing.wishes import Wishes

_TRANSITIONS = {
    "crossfade": ("crossfades", "叠化转场"), "fade": ("fades through black", "黑场过渡"), "slide": ("slide transitions", "滑动转场"),
    "wipe": ("wipe transitions", "擦除转场"), "zoom": ("zoom transitions", "缩放转场"), "cut": ("hard cuts", "直接切换"),
    "mix": ("mixed transitions", "多种转场"),
}  # fmt: skip
_LOOKS = {
    "none": ("natural colours", "自然色彩"), "bw": ("black and white", "黑白"), "warm": ("warm tones", "暖色调"),
    "cool": ("cool tones", "冷色调"), "vivid": ("vivid colours", "鲜艳色彩"), "sepia": ("sepia", "棕褐色"),
    "vintage": ("a vintage look", "复古风格"),
}  # fmt: skip


def question(wishes: Wishes) -> str:
    """The question to a person whose words hold nothing that could be made."""
    if wishes.chinese:
        return "您想要什么样的视频？请上传照片或视频，或者告诉我主题、时长、标题、画幅或配乐，例如：“30秒，竖屏，标题「海边」，轻柔的音乐”。"
    return (
        "What should the film be? Send photos or clips, or tell me its subject, length, title, aspect or music, "
        'for example: 30 seconds, vertical, title "By the sea", calm music.'
    )


def answer(wishes: Wishes, before: Mapping[str, Any], after: Mapping[str, Any], missed: Sequence[str] = ()) -> str:
    """The reply: the new film, or each change, or that nothing changed; then what is not there, cannot be done or was not understood."""
    old, new = cut_of(before), cut_of(after)
    language = 1 if wishes.chinese else 0
    if not old.pictures or keys_changed_entirely(old, new):
        parts = [_film(new, language)]
    elif changes := _changes(old, new, language):
        parts = [
            ("Done: " if language == 0 else "已完成：")
            + ("; " if language == 0 else "；").join(changes)
            + "。."[1 - language]
        ]
    elif (wishes.sound.mood or wishes.sound.another) and any("mood" not in meta_of(part) for part in new.music):
        parts = [_OWN_SONG[language]]
    elif missed or wishes.refusals:
        parts = []
    elif wishes.any:
        parts = [("The film is already as you wish; nothing changed.", "影片已经符合您的要求，没有改动。")[language]]
    else:
        parts = [_NOT_UNDERSTOOD[language]]
    rest = [*missed, *wishes.refusals, *_not_met(wishes, new, language)]
    if wishes.any or not old.pictures or before != after:  # else it was said that nothing was found
        rest += _left_over(wishes, language)
    return ("" if language else " ").join([*parts, *rest])


_OWN_SONG = (
    "The music is your own file, which I cannot change; for a bed of mine say: happy music instead of the song.",
    "现在的配乐是您自己的文件，我不能改变它；要用我的配乐请说：不要这首歌，用欢快的音乐。",
)
_NOT_UNDERSTOOD = (
    "I found nothing in that to change: the film stays as it is. You can name a length, aspect, title, music, pace or look.",
    "这句话里没有我能做的改动，影片保持不变。您可以说时长、画幅、引号里的标题、转场、配乐、节奏、顺序或色调。",
)


def _not_met(wishes: Wishes, new: Cut, language: int) -> list[str]:
    """That the film is longer or shorter than wished, where its pictures allow no other."""
    wished_s = wishes.lengths.film_s
    if not wished_s or abs(new.duration_ms / 1000 - wished_s) < 0.5 or not new.pictures:
        return []
    if wished_s > FILM_S_MAX:
        return [("A film has at most 60 minutes.", "影片最长 60 分钟。")[language]]
    if new.duration_ms / 1000 > wished_s:
        return [(f"{wished_s:g} s is too short for so many pictures.", f"画面太多，{wished_s:g} 秒放不下。")[language]]
    return [(f"The clips are not long enough for {wished_s:g} s.", f"片段不够长，达不到 {wished_s:g} 秒。")[language]]


def _left_over(wishes: Wishes, language: int) -> list[str]:
    """What nothing was made of, in the person's own words."""
    if not wishes.left_over:
        return []
    quoted = (
        ", ".join(f"‘{part}’" for part in wishes.left_over)
        if language == 0
        else "、".join(f"“{part}”" for part in wishes.left_over)
    )
    return [(f"Not used: {quoted}.", f"没有用到：{quoted}。")[language]]


def keys_changed_entirely(old: Cut, new: Cut) -> bool:
    """Whether this is another film: nothing that was shown before is shown now."""
    return not set(_shown(old)) & set(_shown(new))


def _film(cut: Cut, language: int) -> str:
    """A new film in one sentence."""
    seconds, aspect = _seconds(cut), cut.meta.get("aspect", "16:9")
    count = len(cut.body)
    painted = all("scene" in meta_of(part) for part in cut.body)
    kind = _TRANSITIONS.get(str(cut.meta.get("transition")), _TRANSITIONS["crossfade"])[language] if count > 1 else ""
    extras = [kind, *_texts(cut, language), *_look(cut, language), *_music(cut, language)]
    listed = ("; " if language == 0 else "；").join(part for part in extras if part)
    if language:
        what = f"{count} 个绘制画面" if painted else f"{count} 张照片或片段"
        return f"影片做好了：{what}，{seconds} 秒，{aspect}" + (f"；{listed}。" if listed else "。")
    what = f"{count} painted scene{'s' * (count != 1)}" if painted else f"{count} picture{'s' * (count != 1)}"
    return f"Your film is ready: {what}, {seconds} s, {aspect}" + (f"; {listed}." if listed else ".")


def _changes(old: Cut, new: Cut, language: int) -> list[str]:
    """Every difference a person would see or hear, each as a phrase."""
    found: list[str] = []
    gained = [name for name in _shown(new) if name not in _shown(old)]
    lost = [name for name in _shown(old) if name not in _shown(new)]
    if gained:
        found.append((f"added {', '.join(gained)}", f"加入了 {'、'.join(gained)}")[language])
    if lost:
        found.append((f"left out {', '.join(lost)}", f"去掉了 {'、'.join(lost)}")[language])
    if _shown(old) != _shown(new) and sorted(_shown(old)) == sorted(_shown(new)):
        found.append(("changed the order", "调整了顺序")[language])
    if (old.meta.get("aspect"), old.meta.get("width")) != (new.meta.get("aspect"), new.meta.get("width")):
        found.append((f"aspect {new.meta.get('aspect')}", f"画幅改为 {new.meta.get('aspect')}")[language])
    if old.duration_ms != new.duration_ms:
        found.append((f"length {_seconds(new)} s", f"时长 {_seconds(new)} 秒")[language])
    if old.meta.get("transition") != new.meta.get("transition") and str(new.meta.get("transition")) in _TRANSITIONS:
        found.append(_TRANSITIONS[str(new.meta["transition"])][language])
    if old.meta.get("look", "none") != new.meta.get("look", "none"):
        found.append(_LOOKS.get(str(new.meta.get("look")), _LOOKS["none"])[language])
    found += _text_changes(old, new, language) + _music_changes(old, new, language)
    if (was := _muted(old)) != (now := _muted(new)):
        found.append(
            ("muted the clips", "关掉了原声")[language]
            if now > was
            else ("the clips are heard", "保留了原声")[language]
        )
    if was == now and (level := _clip_level(new)) != _clip_level(old):
        found.append((f"clips’ sound {level:.0%}", f"原声音量 {level:.0%}")[language])
    if not found and old.pictures != new.pictures:
        found.append(("changed how the pictures are shown", "调整了画面的呈现方式")[language])
    return found


def _clip_level(cut: Cut) -> float:
    """The lowest volume of a clip's own sound, 0…1."""
    levels = [meta_of(part).get("volume", 1.0) for part in cut.body]
    return min([level for level in levels if isinstance(level, int | float)], default=1.0)


def _muted(cut: Cut) -> int:
    return sum(meta_of(part).get("volume") == 0 and meta_of(part).get("card") is None for part in cut.pictures)


def _text_changes(old: Cut, new: Cut, language: int) -> list[str]:
    names = {"title": ("title", "标题"), "caption": ("caption", "字幕"), "end": ("end card", "片尾")}
    found = []
    for style, name in names.items():
        was, now = _lines(old, style), _lines(new, style)
        found += [f"{name[0]} “{text}”" if language == 0 else f"{name[1]}“{text}”" for text in now if text not in was]
        if was and not now:
            found.append((f"removed the {name[0]}", f"去掉了{name[1]}")[language])
        elif len(was) > len(now):
            found.append((f"fewer {name[0]}s", f"减少了{name[1]}")[language])
    return found


def _music_changes(old: Cut, new: Cut, language: int) -> list[str]:
    if old.music and not new.music:
        return [("removed the music", "去掉了音乐")[language]]
    was, now = ([(meta_of(part).get("name"), meta_of(part).get("volume")) for part in cut.music] for cut in (old, new))
    found = _music(new, language) if was != now else []
    ducks = [{meta_of(part).get("duck") for part in cut.music} for cut in (old, new)]
    if ducks[0] != ducks[1] and old.music and new.music:
        over = 1.0 in ducks[1]
        found.append(
            (
                "the music plays over the clips" if over else "the music steps back under the clips",
                "配乐盖过原声" if over else "配乐在原声下压低",
            )[language]
        )
    return found


def _music(cut: Cut, language: int) -> list[str]:
    if not cut.music:
        return []
    meta = meta_of(cut.music[0])
    volume = meta.get("volume")
    level = f" ({volume:.0%})" if isinstance(volume, int | float) else ""
    return [("music: ", "配乐：")[language] + f"{meta.get('name', '')}{level}"]


def _texts(cut: Cut, language: int) -> list[str]:
    title, captions, end = _lines(cut, "title"), _lines(cut, "caption"), _lines(cut, "end")
    found = []
    if title and not any(meta_of(part).get("card") == "words" for part in cut.pictures):
        found.append((f"title “{title[0]}”", f"标题“{title[0]}”")[language])
    if captions:
        found.append((f"{len(captions)} caption{'s' * (len(captions) != 1)}", f"{len(captions)} 条字幕")[language])
    return found + [(f"end card “{text}”", f"片尾“{text}”")[language] for text in end[:1]]


def _look(cut: Cut, language: int) -> list[str]:
    look = str(cut.meta.get("look", "none"))
    return [_LOOKS[look][language]] if look in _LOOKS and look != "none" else []


def _lines(cut: Cut, style: str) -> list[str]:
    """The texts of a style, each on one line."""
    lines = (str(meta_of(part).get("text", "")) for part in cut.texts if meta_of(part).get("style", "title") == style)
    return [" / ".join(line.strip() for line in text.splitlines()) for text in lines]


def _shown(cut: Cut) -> list[str]:
    return [str(meta_of(part).get("name") or meta_of(part).get("key") or "") for part in cut.body]


def _seconds(cut: Cut) -> str:
    return f"{cut.duration_ms / 1000:.1f}".removesuffix(".0")
