"""Any name a person or a program can give → one that every file system takes, and that is nobody else's.

It touches no disk: what is taken is told to it. The same wish with the same names taken always gives the same name;
the mapping is journaled by the caller. Sources: Microsoft "Naming Files, Paths, and Namespaces" (devices, characters,
trailing dots); Linux `fs/unicode` (ext4 casefold ignores case, normal form and default-ignorable characters); README "The outbox".
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

NAME_BYTES_MAX: Final = 160
"""Bytes of UTF-8. The outbox promises 200; what is added (`-v12345678.mp4`, a hidden temporary name) takes up to 40."""

RESERVED: Final = (
    "index.html", "status.json", "NEEDS-YOU.txt", "project.toml", "project.toml.bad", "project.log", "project.log.1",
    "timeline.txt", "reply.txt", "prompt.txt", "urls.txt", "desktop.ini", "thumbs.db", "lost+found",
)  # fmt: skip
"""Names with a meaning of their own in an outbox, an inbox or on a file system."""

_FORBIDDEN: Final = frozenset('<>:"/\\|?*')
_DEVICE: Final = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|clock\$|(?:com|lpt)[0-9¹²³])\s*(?:\..*)?", re.IGNORECASE | re.DOTALL
)
_VERSIONED: Final = re.compile(r"(.+)-v[1-9][0-9]*", re.DOTALL)
# Default-ignorable characters that are not "format" characters: invisible, and ignored by ext4's casefold.
_IGNORABLE: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def outbox_name(wanted: str, taken: Collection[str]) -> str:
    """A folder's name in the outbox: like `wanted`, safe everywhere, at most 160 bytes, unlike any of `taken`.

    Unlike means: in case, accents' encoding and invisible characters too. A taken name gets `-2`, `-3`… after it.
    """
    keys = {_key(name) for name in (*taken, *RESERVED)}
    return _numbered(_safe(wanted), lambda name: _key(name) not in keys)


def film_stem(wanted: str, taken: Collection[str]) -> str:
    """A film's stem inside its project folder, as `outbox_name`; and none of its files is ever a file of another film.

    A film `a` writes `a.mp4` and `a-v1.mp4`; so beside it no film is called `a-v1`, whichever of them came first.
    """
    keys = {_key(name) for name in taken}
    reserved = {_key(name) for name in RESERVED}
    versioned = {found[1] for key in keys if (found := _VERSIONED.fullmatch(key))}

    def free(name: str) -> bool:
        key = _key(name)
        found = _VERSIONED.fullmatch(key)
        return key not in keys | reserved | versioned and not (found and found[1] in keys)

    return _numbered(_safe(wanted), free)


def _numbered(name: str, free: Callable[[str], bool]) -> str:
    number, candidate = 1, name
    while not free(candidate):
        number += 1
        ending = f"-{number}"
        candidate = _cut(name, NAME_BYTES_MAX - len(ending)) + ending
    return candidate


def _safe(wanted: str) -> str:
    composed = unicodedata.normalize("NFC", wanted)
    name = unicodedata.normalize("NFC", "".join(map(_safe_character, composed)))
    # Leaving a character out can bring two others together that compose: once more for those.
    name = "".join(map(_safe_character, name)).strip(" .") or "untitled"
    if _DEVICE.fullmatch(name):
        name = f"_{name}"
    return _cut(name, NAME_BYTES_MAX)


def _safe_character(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cf":  # joiners, direction marks, soft hyphens: invisible, so they tell no two names apart
        return ""
    if category.startswith("Z"):
        return " "
    return "_" if category.startswith("C") or character in _FORBIDDEN else character


def _cut(name: str, bytes_max: int) -> str:
    """The longest beginning of at most `bytes_max` bytes that ends in no half character, dot or space."""
    data = name.encode()
    if len(data) <= bytes_max:
        return name
    return data[:bytes_max].decode(errors="ignore").rstrip(" .") or "untitled"


def _key(name: str) -> str:
    """What a name is on the least discerning of file systems."""
    visible = "".join(character for character in name if unicodedata.category(character) != "Cf")
    bare = _IGNORABLE.sub("", unicodedata.normalize("NFKD", visible))
    folded = unicodedata.normalize("NFKD", bare.upper().casefold())
    return _IGNORABLE.sub("", unicodedata.normalize("NFKC", folded.upper().casefold()))
