"""Prompt → wishes: what a person asks of the film, read out of English or Chinese words. Pure.

A wish that is not mentioned is None (or empty), so that a later message changes only what it names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from nemo_watch.studio.directing import text_words
from nemo_watch.studio.directing import vocabulary as words
from nemo_watch.studio.directing.choosing import Move, brought_back, left_out, moves, only, places_of_texts
from nemo_watch.studio.directing.clauses import polarity
from nemo_watch.studio.directing.leftovers import leftovers
from nemo_watch.studio.directing.lengths import Lengths, wished_lengths
from nemo_watch.studio.directing.listening import SoundWishes, sound_wishes
from nemo_watch.studio.directing.numbers import place_value
from nemo_watch.studio.directing.places import Place, masked
from nemo_watch.studio.directing.quoting import Quoted, Rewording, Saying, quoted
from nemo_watch.studio.directing.reading import Reading
from nemo_watch.studio.directing.refusals import refusals


@dataclass(frozen=True, slots=True)
class Wishes:
    """What one message asks for.

    `longer` is -1, 0 or +1. `unwanted` are meanings that were said no to. `roles` are kinds of text that
    were asked for without words. `left_over` are the parts of the message that were not understood, `refusals` the
    sentences about what cannot be done.
    """

    chinese: bool
    lengths: Lengths = field(default_factory=Lengths)
    longer: int = 0
    aspect: str | None = None
    sayings: tuple[Saying, ...] = ()
    places: tuple[Place | None, ...] = ()
    rewordings: tuple[Rewording, ...] = ()
    removed: tuple[Saying, ...] = ()
    refused: tuple[Saying, ...] = ()
    removals: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    transition: str | None = None
    sound: SoundWishes = field(default_factory=SoundWishes)
    order: str | None = None
    moves: tuple[Move, ...] = ()
    pace: str | None = None
    look: str | None = None
    fit: str | None = None
    moving: bool | None = None
    unwanted: frozenset[str] = frozenset()
    left_out: tuple[Place, ...] = ()
    only: tuple[Place, ...] = ()
    back: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()
    left_over: tuple[str, ...] = ()
    makes: bool = False
    begins: bool = False
    adds: bool = False
    several: bool = False
    asks: bool = False

    @property
    def any(self) -> bool:
        """Whether the message names anything that this studio can change in a film."""
        return replace(
            self,
            sound=replace(self.sound, hint=None, own=False),
            refusals=(),
            left_over=(),
            makes=False,
            begins=False,
            adds=False,
            several=False,
            asks=False,
        ) != Wishes(chinese=self.chinese)


def read_wishes(prompt: str, language: str, names: Sequence[str] = ()) -> Wishes:
    """The wishes of a prompt about media of these `names`; `language` (like "zh-CN") decides the language of the reply where the words do not."""
    text, files = masked(prompt, names)
    texts = quoted(text, files)
    said = re.sub(r"⟦\d+⟧|▪", "", texts.bare)
    chinese = is_chinese(said if re.search(r"\w", said) else text, language)
    reading = Reading(texts.bare)
    cannot = tuple(dict.fromkeys(both[chinese] for span, both in _refused(reading) if both[chinese]))
    lengths = _lengths(reading, files)
    wishes = Wishes(
        chinese=chinese,
        lengths=lengths,
        longer=0 if lengths.stays or lengths.change_s else _longer(reading),
        left_out=left_out(reading, files),
        only=only(reading, files),
        back=brought_back(reading, files),
        moves=moves(reading, files),
        removals=_removals(reading),
        sound=sound_wishes(reading),
        fit=reading.first(words.FITS),
        moving=_moving(reading),
        refusals=cannot,
        makes=bool(words.MAKING.search(texts.bare)),
        begins=bool(words.BEGINNING.search(texts.bare)),
        adds=bool(words.ADDING.search(texts.bare)),
        several=bool(text_words.SEVERAL.search(texts.bare)),
        asks=bool(words.QUESTION.search(texts.bare.strip())),
    )
    return _with_rest(_with_texts(_with_settings(wishes, reading), reading, texts, files), reading, files, texts)


def _refused(reading: Reading) -> list[tuple[tuple[int, int], tuple[str, str]]]:
    found = refusals(reading.text)
    reading.hide(*(span for span, both in found if any(both)))
    reading.take(*(span for span, both in found if not any(both)))
    return found


def _lengths(reading: Reading, files: Sequence[str]) -> Lengths:
    lengths = wished_lengths(reading.text, files)
    reading.take(*lengths.spans)
    return lengths


def _with_settings(wishes: Wishes, reading: Reading) -> Wishes:
    """The wishes with those that are one of a few, and with what was said no to."""
    transition = reading.first(words.TRANSITIONS)
    aspect = reading.first(words.ASPECTS, checked=True)
    order = reading.first(words.ORDERS)
    look = reading.first(words.LOOKS, checked=True)
    return replace(
        wishes,
        transition=transition,
        pace=reading.first(words.PACES, checked=True),
        aspect=aspect,
        order=order,
        look=look,
        unwanted=frozenset(reading.unwanted),
    )


def _with_texts(wishes: Wishes, reading: Reading, texts: Quoted, files: Sequence[str]) -> Wishes:
    """The wishes with the quoted texts, the pictures that they belong to, and the kinds of text that lack their words."""
    given = {saying.role for saying in texts.shown} | {rewording.role for rewording in texts.rewordings}
    asked = {
        role
        for pattern, role in text_words.WITHOUT_WORDS
        if reading.match(pattern) and role not in given and "" not in given
    }
    places = places_of_texts(reading, [(saying.mark, saying.role) for saying in texts.shown], files)
    return replace(
        wishes,
        sayings=texts.shown,
        places=places if any(places) else (),
        rewordings=texts.rewordings,
        removed=(*texts.removed, *_numbered(reading)),
        refused=texts.refused,
        roles=frozenset(asked),
    )


def _numbered(reading: Reading) -> list[Saying]:
    """The captions that shall go by their number: "remove the second caption"."""
    found = []
    for match in text_words.NTH_REMOVED.finditer(reading.text):
        reading.take(match.span())
        if polarity(reading.text, match.start()) == "wish":
            number = place_value(match.group("nth") or match.group("nth_zh"))
            found.append(Saying("", "caption", number=number))
    return found


def _with_rest(wishes: Wishes, reading: Reading, files: Sequence[str], texts: Quoted) -> Wishes:
    return replace(wishes, left_over=leftovers(texts.bare, reading.spans, files, texts.texts))


def is_chinese(text: str, language: str) -> bool:
    """Whether to answer in Chinese: in the language of the words, or in the session's where there are hardly any."""
    han = len(re.findall(r"[\u3400-\u9fff]", text))
    latin = len(re.findall(r"[a-zA-Z]+", text))
    if han or latin:
        return han * 2 >= latin
    return language.lower().startswith("zh")


def _longer(reading: Reading) -> int:
    """Whether the film shall be longer or shorter; not where a title or a transition shall."""
    return 0 if words.NOT_THE_FILM.search(reading.text) else reading.signed(words.LONGER, words.SHORTER)


def _moving(reading: Reading) -> bool | None:
    if reading.match(words.STILL):
        return False
    return reading.says(words.MOVING)


def _removals(reading: Reading) -> frozenset[str]:
    """Which texts shall go: a word of the table right after a word of removing; "don't remove the title" keeps it."""
    found = set()
    for pattern, meaning in text_words.REMOVALS:
        for match in pattern.finditer(reading.text):
            verb = text_words.REMOVING.search(reading.text[: match.start()])
            if verb:
                reading.take((verb.start(), match.end()))
                if not text_words.KEPT.search(reading.text[: verb.start()]):
                    found.add(meaning)
    for match in text_words.GONE_AFTER.finditer(reading.text):
        reading.take(match.span())
        if polarity(reading.text, match.start()) == "wish":
            found |= {meaning for pattern, meaning in text_words.REMOVALS if pattern.match(match.group("what"))}
    return frozenset(found)
