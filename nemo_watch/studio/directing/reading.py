"""A message while it is being read: which of its words were found to be wishes, which are unwanted, and which are left over."""

from __future__ import annotations

import re

from nemo_watch.studio.directing.clauses import Polarity, gives_way, polarity, stands_as_setting
from nemo_watch.studio.directing.vocabulary import Table

Span = tuple[int, int]


class Reading:
    """The words without quotes and file names. `spans` are the stretches understood so far, `unwanted` what was said no to."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.spans: list[Span] = []
        self.unwanted: set[str] = set()

    def take(self, *spans: Span) -> None:
        """Note stretches as understood."""
        self.spans += spans

    def hide(self, *spans: Span) -> None:
        """Take stretches, and let nothing else be read in them."""
        self.take(*spans)
        for start, end in spans:
            self.text = self.text[:start] + "\x00" * (end - start) + self.text[end:]

    def first(self, table: Table, *, checked: bool = False, after: frozenset[str] = frozenset()) -> str | None:
        """The meaning of the first row that is wished for; `checked` words must stand as a setting, and not in a story.

        What is refused is noted as unwanted; what is not to be touched is understood, and means nothing.
        """
        wished = None
        for pattern, meaning in table:
            for match in pattern.finditer(self.text):
                if checked and not stands_as_setting(self.text, match, after):
                    continue
                asked = self._asked(match)
                if asked == "unclear" or (asked == "wish" and wished not in (None, meaning)):
                    continue
                self.take(match.span())
                if asked == "wish":
                    wished = meaning
                elif asked == "refused":
                    self.unwanted.add(meaning)
        self.unwanted.discard(wished or "")
        return wished

    def _asked(self, match: re.Match[str]) -> Polarity:
        return "refused" if gives_way(self.text, match) else polarity(self.text, match.start())

    def match(self, pattern: re.Pattern[str], *, checked: bool = False) -> re.Match[str] | None:
        """The first place where the words are wished for."""
        for match in pattern.finditer(self.text):
            if checked and not stands_as_setting(self.text, match):
                continue
            asked = self._asked(match)
            if asked != "unclear":
                self.take(match.span())
            if asked == "wish":
                return match
        return None

    def says(self, pattern: re.Pattern[str]) -> bool | None:
        """True where it is wished for, False where it is only refused, None where it is not spoken of."""
        found = None
        for match in pattern.finditer(self.text):
            asked = polarity(self.text, match.start())
            if asked == "unclear":
                continue
            self.take(match.span())
            if asked == "wish":
                return True
            if asked == "refused":
                found = False
        return found

    def signed(self, up: re.Pattern[str], down: re.Pattern[str]) -> int:
        """+1, -1, or 0 where both or neither are wished for."""
        return bool(self.match(up)) - bool(self.match(down))
