"""The film's music: the project's own audio where there is some, else a synthesised bed where music is wished. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nemo_watch.studio.directing.cut import Cut, Segment, changed, keys_in, length_ms, meta_of, segment
from nemo_watch.studio.directing.footage import Material
from nemo_watch.studio.directing.listening import DUCKED, SoundWishes
from nemo_watch.studio.directing.wishes import Wishes

VOLUME_USUAL = 0.6  # under a clip that is heard it is lowered while that plays, and nowhere else
_BEDS_ZH = {"calm": "平静", "happy": "欢快", "epic": "大气", "romantic": "浪漫", "sad": "抒情", "lofi": "慵懒"}


def with_music(cut: Cut, wishes: Wishes, materials: Sequence[Material]) -> Cut:
    """The film with the wished music and clips' sound. Audio that has come since plays, unless no music is wanted."""
    cut = _clips_heard(cut, wishes.sound, materials)
    if wishes.sound.music is False:
        return replace(cut, music=())
    cut = _with_songs(cut, wishes, [one for one in materials if one.kind == "audio"])
    sound = wishes.sound
    if not any(one.kind == "video" and one.has_sound for one in materials):
        sound = replace(sound, duck=None, clips_louder=0)  # there is nothing to step back under
    return _at_level(_with_bed(cut, wishes), sound)


def _with_songs(cut: Cut, wishes: Wishes, songs: Sequence[Material]) -> Cut:
    """The project's own audio: what is new joins, and where music is wished and none plays, it is all of it."""
    if not songs:
        return cut
    used = {str(meta_of(part).get(place)) for part in cut.music for place in ("key", "name")}
    new = [one for one in songs if not {one.key, one.name} & (used | keys_in(cut.meta, "songs"))]
    cut = replace(cut, meta={**cut.meta, "songs": sorted({one.key for one in songs})})
    wished = wishes.sound.music and not cut.music and not wishes.sound.instead
    if not new and not wished:
        return cut
    kept = [part for part in cut.music if "mood" not in meta_of(part)]
    return replace(cut, music=(*kept, *(_song(one) for one in new or songs)))


def _with_bed(cut: Cut, wishes: Wishes) -> Cut:
    """A synthesised bed where music is wished and there is none, in the place of another bed, or of a song where that is said."""
    sound = wishes.sound
    beds_only = all("mood" in meta_of(part) for part in cut.music)
    unwanted = any(meta_of(part).get("mood") in wishes.unwanted for part in cut.music)
    first = not cut.music and sound.music
    other = bool(cut.music) and (sound.instead or (beds_only and (bool(sound.mood) or sound.another or unwanted)))
    return replace(cut, music=(_bed(wishes, cut),)) if first or other else cut


def _song(material: Material) -> Segment:
    return segment(material.duration_ms, name=material.name, key=material.key, start=0, volume=VOLUME_USUAL)


def _bed(wishes: Wishes, cut: Cut) -> Segment:
    """A synthesised bed, at the level of what it replaces; "another", or one in place of an unwanted one, is the next in their row."""
    before = meta_of(cut.music[0]) if cut.music else {}
    mood = wishes.sound.mood or (None if wishes.sound.another else wishes.sound.hint)
    mood = mood if mood and mood not in wishes.unwanted else _next_mood(before.get("mood"), wishes)
    name = f"{_BEDS_ZH[mood]}配乐（合成）" if wishes.chinese else f"{mood.capitalize()} bed (synthesised)"
    level = {key: before[key] for key in ("duck",) if key in before}
    return segment(0, name=name, mood=mood, start=0, volume=before.get("volume", VOLUME_USUAL), **level)


def _next_mood(now: object, wishes: Wishes) -> str:
    moods = list(_BEDS_ZH)
    begin = moods.index(now) + 1 if isinstance(now, str) and now in moods else 0
    return next((mood for mood in (moods[begin:] + moods[:begin]) if mood not in wishes.unwanted), "calm")


def _at_level(cut: Cut, sound: SoundWishes) -> Cut:
    """The music at the wished volume, and stepping back under clips as far as wished."""
    duck = sound.duck
    if sound.clips_louder > 0 and duck is None and _all_at_full(cut):
        duck = DUCKED  # louder than full there is not: the music steps back
    levels: dict[str, object] = {} if duck is None else {"duck": duck}
    if sound.volume is None and not sound.louder and not levels:
        return cut
    return replace(cut, music=tuple(changed(part, None, **levels, volume=_level(part, sound)) for part in cut.music))


def _level(part: Segment, sound: SoundWishes) -> float:
    now = meta_of(part).get("volume", VOLUME_USUAL)
    usual = float(now) if isinstance(now, int | float) else VOLUME_USUAL
    if sound.volume is not None:
        return sound.volume
    return round(min(1.0, max(0.05, usual * (1, 1.5, 0.6)[sound.louder])), 2)


def _clips_heard(cut: Cut, sound: SoundWishes, materials: Sequence[Material]) -> Cut:
    """The clips with their own sound on, off, or at the wished level."""
    if sound.clips is None and sound.clips_volume is None and not sound.clips_louder:
        return cut
    heard = {one.key for one in materials if one.has_sound and one.kind == "video"}
    pictures = tuple(
        changed(part, None, volume=_clip_level(part, sound))
        if meta_of(part).get("key") in heard and "card" not in meta_of(part)
        else part
        for part in cut.pictures
    )
    return replace(cut, pictures=pictures)


def _clip_level(part: Segment, sound: SoundWishes) -> float | None:
    """A clip's volume 0…1; None, its own, is full."""
    now = meta_of(part).get("volume", 1.0)
    level = float(now) if isinstance(now, int | float) else 1.0
    if sound.clips is not None:
        level = 1.0 if sound.clips and not level else level if sound.clips else 0.0
    if sound.clips_volume is not None:
        level = sound.clips_volume
    elif sound.clips_louder:
        level = round(min(1.0, max(0.05, level * (1, 1.5, 0.6)[sound.clips_louder])), 2)
    return None if level == 1.0 else level


def _all_at_full(cut: Cut) -> bool:
    return all(meta_of(part).get("volume", 1.0) == 1.0 for part in cut.body)


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
