"""What a person's wishes may cost at most, by the README's rules and nothing of the product's: the model for the person's machine.

A folder's past is a row of wishes, of which a daemon may have seen some and missed others, and sent each whole or in part. The budget
of a message is how often the dearest of these lives sends it; one more would be a second purchase.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

Key = tuple[str, frozenset[str]]  # a message, and the names of added media that were appended to it


def key_of(text: str) -> Key:
    """What a paid text is: the words, and the names that stand below them."""
    words, _, names = text.partition("\n\n")
    return words, frozenset(names.split(", ") if names else ())


@dataclass(frozen=True)
class Wanted:
    """A folder as it lay there at some time: its messages, and its media by name."""

    words: tuple[str, ...]
    media: frozenset[str]


@dataclass(frozen=True)
class Told:
    """What the service was told last. A film that was handed over has no session: whatever is new, it is told all."""

    words: tuple[str, ...]
    media: frozenset[str]
    session: bool = True


def costs(told: Told | None, wanted: Wanted) -> list[Key]:
    """The messages that bring the service from there to here."""
    if told is None:
        return [(text, frozenset()) for text in wanted.words]
    kept = 0
    while kept < min(len(told.words), len(wanted.words)) and told.words[kept] == wanted.words[kept]:
        kept += 1
    added = wanted.media - told.media
    if not told.session:
        return [(text, frozenset()) for text in wanted.words] if added or told.words != wanted.words else []
    if wanted.words[kept:]:
        return [(text, frozenset()) for text in wanted.words[kept:]]
    return [(told.words[-1], added)] if added else []


@dataclass
class Ledger:
    """One folder's wishes, in their order, and at which of them `again` was asked."""

    wishes: list[Wanted] = field(default_factory=list)
    agains: list[int] = field(default_factory=list)
    origin: tuple[Ledger, int] | None = None  # a copy: of which folder, and of which of its wishes
    cancelled: bool = False
    _known: dict[Key, tuple[object, int]] = field(default_factory=dict)

    def wants(self, words: tuple[str, ...], media: frozenset[str]) -> None:
        """The folder lies there like this now; saving without a change is no wish."""
        wanted = Wanted(words, media)
        if not self.wishes or self.wishes[-1] != wanted:
            self.wishes.append(wanted)

    def asks_again(self) -> None:
        """The person buys on purpose."""
        self.agains.append(len(self.wishes) - 1)

    def copied(self) -> Ledger:
        """The ledger of a copy that is made now."""
        return Ledger([self.wishes[-1]], origin=(self, len(self.wishes) - 1))

    @property
    def is_handed_over(self) -> bool:
        """A copy whose original stayed as it was is answered with the original's video."""
        return self.origin is not None and self.origin[0].stayed(self.origin[1])

    def stayed(self, index: int) -> bool:
        """Whether the folder has only ever wanted this since, and it is made: nobody cancelled, and whatever was told before, it costs something.

        (A photo that is taken away costs nothing, so what is left in the folder is never bought as that.)
        """
        before = [Told(w.words[:count], w.media) for w in self.wishes[:index] for count in range(1, len(w.words) + 1)]
        made = all(costs(told, self.wishes[index]) for told in before)
        return made and len(self.wishes) == index + 1 and not self.cancelled

    def budget(self, key: Key) -> int:
        """How often this message may be paid at most."""
        stamp = (len(self.wishes), len(self.agains), self.is_handed_over)
        if key not in self._known or self._known[key][0] != stamp:
            self._known[key] = stamp, self._dearest(key)
        return self._known[key][1]

    def _dearest(self, key: Key) -> int:
        first = self.wishes[0] if self.wishes else None
        start = Told(first.words, first.media, session=False) if first is not None and self.is_handed_over else None
        level: dict[tuple[int, Told | None], int] = {(0, start): 0}
        best = 0
        for used in range(len(self.agains) + 1):
            for index in range(len(self.wishes)):
                self._follow(level, index, key)
            best = max([best, *level.values()])
            if used < len(self.agains):
                level = self._bought_again(level, self.agains[used], key)
        return best

    def _follow(self, level: dict[tuple[int, Told | None], int], index: int, key: Key) -> None:
        """Every way on to this wish from an earlier one, or further on within it."""
        wanted = self.wishes[index]
        waiting = [node for node in level if node[0] <= index]
        while waiting:
            node = waiting.pop()
            for told, sent in _sendings(node[1], wanted, key):
                there = index, told
                if level[node] + sent > level.get(there, -1):
                    level[there] = level[node] + sent
                    waiting.append(there)

    def _bought_again(
        self, level: dict[tuple[int, Told | None], int], asked: int, key: Key
    ) -> dict[tuple[int, Told | None], int]:
        """The same, where the whole text of this or a later wish was bought once more."""
        found = dict(level)
        for (index, _), spent in level.items():
            for later in range(max(index, asked), len(self.wishes)):
                for told, sent in _sendings(None, self.wishes[later], key):
                    there = later, told
                    found[there] = max(found.get(there, -1), spent + sent)
        return found


def _sendings(told: Told | None, wanted: Wanted, key: Key) -> Iterator[tuple[Told, int]]:
    """What the service may have been told afterwards, when it took all or only the first messages; and how often it was this one."""
    messages = costs(told, wanted)
    kept = max(0, len(wanted.words) - len(messages))
    for count in range(1, len(messages) + 1):
        yield Told(wanted.words[: kept + count], wanted.media), messages[:count].count(key)
