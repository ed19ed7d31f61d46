"""What a film is made of, as plain values that the pure director may hold: no file is opened here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["image", "video", "audio"]


@dataclass(frozen=True, slots=True)
class Material:
    """One uploaded file: `key` is its stored name in the session's media folder, `name` the name it was uploaded under.

    `width` and `height` are as shown, after EXIF or display rotation. Images have duration 0, audio has no size.
    """

    key: str
    name: str
    kind: Kind
    width: int
    height: int
    duration_ms: int
    has_sound: bool
