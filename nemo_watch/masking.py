"""Secrets → `***`: those that were named, and all that looks like one. What is written for people goes through it."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

SECRET_CHARACTERS_MIN: Final = 6
"""Shorter "secrets" would mask half of every line."""
MASK: Final = "***"

_SECRETS: set[str] = set()
_SECRET_SHAPES: Final = re.compile(
    r"(?:nmv|clm)_[\w.~+/=-]+"  # tokens and claim links. Source: API text
    r"|Bearer(?:\s|%20)+[^\s\"',;]+"
    r"|\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"  # a JWT
    r"|(?<=://)[^\s/?#@]+@"  # a user name and password in an address
    r"|(?<=token=)[^\s&\"'<>]+|(?<=signature=)[^\s&\"'<>]+",
    re.IGNORECASE,
)
_SIGNED_QUERY: Final = re.compile(
    r"(?<=[?&;])((?:[\w-]*(?:token|signature|secret|key|credential|passw|ct)[\w-]*|sig|pwd?|pass|auth)=)[^&\s\"'<>]+",
    re.IGNORECASE,
)


def mask(secret: str) -> None:
    """From now on `secret` appears in no line, neither as it is nor percent-encoded."""
    if len(secret) >= SECRET_CHARACTERS_MIN:
        _SECRETS.update({secret, quote(secret, safe="", errors="surrogatepass")})


def masked(text: str) -> str:
    """The text with every known secret, and all that looks like one, replaced by `***`."""
    for secret in sorted(_SECRETS, key=len, reverse=True):  # the longer first: one may contain another
        text = text.replace(secret, MASK)
    text = _SIGNED_QUERY.sub(rf"\1{MASK}", text)
    return _SECRET_SHAPES.sub(lambda found: f"{MASK}@" if found[0].endswith("@") else MASK, text)
