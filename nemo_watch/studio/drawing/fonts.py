"""Text → runs that one font can draw each, in the order in which they stand on the line; several scripts in one title.

The fonts are Noto (OFL): the variable ones of `manimgx-fonts` and the CJK collection of `noto-cjk-sans-otc`; Debian's
`fonts-noto-cjk` stands in for the latter. Source: own measurements.
"""

from __future__ import annotations

import importlib.util
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from nemo_watch.studio.drawing import bidi
from nemo_watch.studio.drawing.cmap import characters

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

_SCRIPTS = (
    "Sans", "SansArabic", "SansHebrew", "SansDevanagari", "SansThai", "SansBengali", "SansTamil", "SansTelugu", "SansKannada",
    "SansMalayalam", "SansGujarati", "SansGurmukhi", "SansOriya", "SansSinhala", "SansKhmer", "SansLao", "SansMyanmar",
    "SansArmenian", "SansGeorgian", "SansEthiopic",
)  # fmt: skip
_LAST = ("SansSymbols", "Emoji")
_DEBIAN = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")
_INVISIBLE = {0x200B, 0x2060, 0xFE0E, 0xFE0F, 0xFEFF}
"""Characters that no font needs to draw."""
_JOINERS = {0x200C, 0x200D}
JP, KR, SC, TC, HK = range(5)
"""The faces of the Noto CJK collection by index: the same Han character is drawn differently in each country."""
_TRADITIONAL = set(
    "們個國東車長門開關風飛馬魚鳥麗龍這來時會對學說還進過點樣發當書話電愛樂聽讓與為從後裡將萬歲壽紀參觀場"
)


@dataclass(frozen=True, slots=True)
class Face:
    """A font file and the index of the face in it."""

    path: Path
    index: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of text for one face, in logical order; `rtl` where it runs from right to left."""

    text: str
    face: Face
    rtl: bool


def runs(line: str) -> list[Run]:
    """The pieces of a line from left to right as they stand on the picture. Raises `LookupError` without any font."""
    text = "".join(char for char in unicodedata.normalize("NFC", line) if ord(char) not in _INVISIBLE)
    pieces: list[tuple[Run, str]] = []
    for char, way in zip(text, bidi.ways(text), strict=True):
        before, before_way = pieces[-1] if pieces else (None, "")
        face = _face_for(char, before.face if before else None, text)
        if before and before.face == face and before_way == way:
            pieces[-1] = Run(before.text + char, face, before.rtl), way
        else:
            pieces.append((Run(char, face, way == bidi.RTL), way))
    return bidi.visual(pieces, bidi.is_rtl(text))


def _face_for(char: str, current: Face | None, line: str) -> Face:
    """The face to draw a character with: the first that can; digits, signs and marks stay with the face in use if it can."""
    code = ord(char)
    if current and (code in _JOINERS or unicodedata.combining(char)):
        return current
    # A space beside a picture character is a letter's space: the symbols' fonts have one as wide as their pictures.
    if current and not char.isalpha() and not (char == " " and _is_symbols(current)) and _draws(current, code):
        return current
    faces = _faces(_han_index(line))
    return next((face for face in faces if _draws(face, code)), faces[0])


def _is_symbols(face: Face) -> bool:
    return face.path.name.startswith(tuple(f"Noto{name}[" for name in _LAST))


def _draws(face: Face, code: int) -> bool:
    return code in _characters(face.path)


@cache
def _characters(path: Path) -> frozenset[int]:
    return characters(path)


@cache
def _faces(han_index: int) -> tuple[Face, ...]:
    """All faces in the order in which they are asked; Latin in CJK lines stays with the Latin face. Needs one at least."""
    latin = _folder("manimgx_fonts")
    named = [latin / f"Noto{name}[wght].ttf" for name in (*_SCRIPTS, *_LAST)] if latin else []
    han = _folder("noto_cjk_sans_otc")
    collections = [han / "NotoSansCJK-Regular.ttc" if han else _DEBIAN, _DEBIAN]
    faces = [Face(path) for path in named[: len(_SCRIPTS)]]
    faces += [Face(path, han_index) for path in collections] + [Face(path) for path in named[len(_SCRIPTS) :]]
    present = tuple(face for face in faces if face.path.is_file())
    if not present:
        raise LookupError("No font is installed; titles need the packages of the studio extra.")
    return present


def _folder(package: str) -> Path | None:
    """Where a package of fonts lies, without importing it."""
    found = importlib.util.find_spec(package)
    return Path(next(iter(found.submodule_search_locations))) if found and found.submodule_search_locations else None


def _han_index(line: str) -> int:
    """The country whose Han shapes suit the line: by kana, hangul or traditional characters, else simplified Chinese."""
    if any("\u3040" <= char <= "\u30ff" for char in line):
        return JP
    if any("\uac00" <= char <= "\ud7a3" for char in line):
        return KR
    return TC if _TRADITIONAL & set(line) else SC


@lru_cache(maxsize=64)
def loaded(face: Face, size: int, weight: int) -> FreeTypeFont:
    """The face at a size in pixels and a weight 100…900 where the font is variable."""
    from PIL import ImageFont

    font = ImageFont.truetype(str(face.path), size, index=face.index, layout_engine=ImageFont.Layout.RAQM)
    if "[wght]" in face.path.name:
        font.set_variation_by_axes([float(weight)] + [100.0] * (len(font.get_variation_axes()) - 1))
    return font


def is_variable(face: Face) -> bool:
    """Whether the face has weights; one that has none is thickened when bold is wanted."""
    return "[wght]" in face.path.name
