"""The film's music: the project's own audio where there is some, else a synthesised bed where music is wished. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nemo_watch.studio.directing.cut import Cut, Segment, changed, keys_in, length_ms, meta_of, segment
from nemo_watch.studio.directing.footage import Material
from nemo_watch.studio.directing.vocabulary import ANOTHER
from nemo_watch.studio.directing.wishes import Wishes

VOLUME_USUAL = 0.6  # under a clip that is heard it is lowered while that plays, and nowhere else
_BEDS_ZH = {"calm": "平静", "happy": "欢快", "epic": "大气", "romantic": "浪漫", "sad": "抒情", "lofi": "慵懒"}


def with_music(cut: Cut, wishes: Wishes, materials: Sequence[Material]) -> Cut:
    """The film with the wished music. Audio that has come since plays, unless no music is wanted."""
    if wishes.music is False:
        return replace(cut, music=())
    used = {str(meta_of(part).get(place)) for part in cut.music for place in ("key", "name")}
    heard = keys_in(cut.meta, "songs")
    songs = [one for one in materials if one.kind == "audio"]
    new = [one for one in songs if not {one.key, one.name} & (used | heard)]
    if songs:
        cut = replace(cut, meta={**cut.meta, "songs": sorted({one.key for one in songs})})
    if new or (wishes.music and songs and not cut.music):
        kept = [part for part in cut.music if "mood" not in meta_of(part)]
        cut = replace(cut, music=(*kept, *(_song(one) for one in new or songs)))
    elif (wishes.music and not cut.music) or (wishes.mood and cut.music and (not songs or wishes.no_song)):
        cut = replace(cut, music=(_bed(wishes, cut),))
    return _at_volume(cut, wishes)


def _song(material: Material) -> Segment:
    return segment(material.duration_ms, name=material.name, key=material.key, start=0, volume=VOLUME_USUAL)


def _bed(wishes: Wishes, cut: Cut) -> Segment:
    """A synthesised bed, at the volume of the one that it replaces; "another" is the next in their row."""
    mood = wishes.mood or "calm"
    if mood == ANOTHER:
        moods = list(_BEDS_ZH)
        now = str(meta_of(cut.music[0]).get("mood")) if cut.music else ""
        mood = moods[(moods.index(now) + 1) % len(moods)] if now in moods else "calm"
    name = f"{_BEDS_ZH[mood]}配乐（合成）" if wishes.chinese else f"{mood.capitalize()} bed (synthesised)"
    before = meta_of(cut.music[0]) if cut.music else {}
    return segment(0, name=name, mood=mood, start=0, volume=before.get("volume", VOLUME_USUAL))


def _at_volume(cut: Cut, wishes: Wishes) -> Cut:
    def level(part: Segment) -> float:
        now = meta_of(part).get("volume", VOLUME_USUAL)
        usual = float(now) if isinstance(now, int | float) else VOLUME_USUAL
        wished = usual * (1.5 if wishes.louder > 0 else 0.6) if wishes.volume is None else wishes.volume
        return round(min(1.0, max(0.0 if wishes.volume is not None else 0.05, wished)), 2)

    if wishes.volume is None and not wishes.louder:
        return cut
    return replace(cut, music=tuple(changed(part, None, volume=level(part)) for part in cut.music))


def laid_music(cut: Cut, materials: Sequence[Material]) -> Cut:
    """The music over the whole film: songs one after another, the last one (looped or cut) to the end."""
    durations = {one.key: one.duration_ms for one in materials if one.kind == "audio"}
    total, at, laid = cut.duration_ms, 0, []
    for index, part in enumerate(cut.music):
        rest = total - at
        whole = durations.get(str(meta_of(part).get("key")), length_ms(part))
        d_ms = rest if index == len(cut.music) - 1 else min(whole, rest)
        if rest > 0:
            laid.append(changed(part, d_ms, start=at))
        at += d_ms
    return replace(cut, music=tuple(laid))
