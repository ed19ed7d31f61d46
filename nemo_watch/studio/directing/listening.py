"""What a message asks of the sound: music on or off, its mood and volume, and how loud clips' own sound is beside it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nemo_watch.studio.directing import sound_words as words
from nemo_watch.studio.directing.clauses import polarity
from nemo_watch.studio.directing.neutral import MUSICAL
from nemo_watch.studio.directing.reading import Reading
from nemo_watch.studio.directing.vocabulary import ADDING

DUCKED, OVER = 0.15, 1.0
"""What is left of the music under clips' sound where it shall step back more than usual, or not at all."""
CLIPS_UNDER = 0.5


@dataclass(frozen=True, slots=True)
class SoundWishes:
    """What is wished of the sound. Volumes are 0…1, `louder` and `clips_louder` -1, 0 or +1, `duck` is the music's level under clips.

    `implied` music was only spoken of ("louder"), not asked for. `hint` is a mood that other words suggest. `instead`
    means music in the place of a song, `own` that one of the project's is spoken of; `another` that the music shall be other, in no mood that was named.
    """

    music: bool | None = None
    implied: bool = False
    mood: str | None = None
    hint: str | None = None
    instead: bool = False
    another: bool = False
    volume: float | None = None
    louder: int = 0
    duck: float | None = None
    own: bool = False
    clips: bool | None = None
    clips_volume: float | None = None
    clips_louder: int = 0


def sound_wishes(reading: Reading) -> SoundWishes:
    """The wishes about sound; what belongs to clips is hidden before the words about music are read."""
    musical = re.search(r"music|sound\s*track|\bbgm\b|\bsong|音乐|配乐|背景乐", reading.text, re.IGNORECASE)
    over, under = _hidden(reading, words.MUSIC_OVER), _hidden(reading, words.MUSIC_UNDER)
    clips_volume = _hidden(reading, words.CLIPS_VOLUME)
    clips_louder = bool(_hidden(reading, words.CLIPS_LOUDER)) - bool(_hidden(reading, words.CLIPS_QUIETER))
    clips = _clips(reading)
    off = words.MUSIC_OFF.search(reading.text)
    instead = bool(reading.match(words.SONG_REPLACED)) or bool(off and _comes_back(reading, off.end()))
    changed = bool(reading.match(words.MUSIC_CHANGED))
    mood = _mood(reading, musical=musical is not None)
    volume = reading.match(words.VOLUME)
    half = reading.match(words.HALF_VOLUME)
    louder = reading.signed(words.LOUDER, words.QUIETER)
    music = _music(reading)
    return SoundWishes(
        music=music if music is not None else (True if over or under else None),
        implied=music is not False and mood is None and bool(over or under or volume or half or louder or changed),
        mood=mood,
        hint=mood or next((meaning for pattern, meaning in words.MOODS if pattern.search(reading.text)), None),
        instead=instead or (changed and mood is not None),
        another=changed and mood is None and not instead,
        volume=_share(volume) if volume else 0.5 if half else None,
        louder=louder,
        duck=OVER if over else DUCKED if under else None,
        own=bool(words.OWN_SONG.search(reading.text)),
        clips=clips,
        clips_volume=CLIPS_UNDER
        if over and re.search("louder|比", over)
        else _share(clips_volume and words.CLIPS_VOLUME.search(clips_volume)),
        clips_louder=clips_louder,
    )


def _mood(reading: Reading, *, musical: bool) -> str | None:
    """The wished mood of the music: of several the one that stands nearest to a word for music ("a romantic film with calm music")."""
    first = reading.first(words.MOODS, checked=not musical, after=MUSICAL)
    places = [match.start() for match in words.MUSIC_ON.finditer(reading.text)]
    near = [
        (min(abs(match.start() - place) for place in places), meaning)
        for pattern, meaning in words.MOODS
        for match in pattern.finditer(reading.text)
        if places and meaning not in reading.unwanted
    ]
    return min(near)[1] if first and near else first


def _hidden(reading: Reading, pattern: re.Pattern[str]) -> str:
    match = reading.match(pattern)
    if not match:
        return ""
    reading.hide(match.span())
    return match.group()


def _share(match: re.Match[str] | str | None) -> float | None:
    return min(100, int(match.group(1) or match.group(2))) / 100 if isinstance(match, re.Match) else None


def _clips(reading: Reading) -> bool | None:
    if _hidden(reading, words.CLIPS_MUTED) or reading.match(words.SILENT):
        return False
    return reading.says(words.CLIPS_HEARD)


def _music(reading: Reading) -> bool | None:
    """Whether music is wished; "don't touch the music" and "no sad music" say nothing about that."""
    off = reading.match(words.MUSIC_OFF)
    if off and _comes_back(reading, off.end()):
        return True
    if off or (words.SILENT.search(reading.text) and not words.KEEPING_MUSIC.search(reading.text)):
        return False
    if words.MUSIC_OFF.search(reading.text) or reading.unwanted & {meaning for _, meaning in words.MOODS}:
        return None
    return reading.says(words.MUSIC_ON)


def _comes_back(reading: Reading, at: int) -> bool:
    """Whether other music is asked for after the words that take the music away: "remove the music and add happy music"."""
    return any(
        polarity(reading.text, match.start()) == "wish" and ADDING.search(reading.text, at, match.start())
        for match in words.MUSIC_ON.finditer(reading.text, at)
    )
