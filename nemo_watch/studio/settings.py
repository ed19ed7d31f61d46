"""What a studio can be told: money, pace, limits and habits. The defaults suit free, quick, offline use."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

MEGABYTE: Final = 1024 * 1024

LEAST: Final = {
    "credits": 0,
    "generation_cost": 0,
    "edit_cost": 0,
    "token_days": 0,
    "silent_percent": 0,
    "pace_s": 0,
    "heartbeat_s": 0.01,
    "max_file_bytes": 1,
    "max_json_bytes": 1,
    "max_files": 1,
    "parallel": 1,
    "keep_days": 0,
}
"""What each setting is at least."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The studio's settings; money in credits, `_s` in seconds. Impossible values are refused when they are read.

    Source for the figures: README "The service's answers" and README "The account" (100 credits, 7 days, 500 MB, 30 % silent edits).
    """

    credits: int = 100
    """What a new anonymous account starts with."""
    generation_cost: int = 0
    """Credits for a session's first film; the service takes about 100, the studio is free."""
    edit_cost: int = 0
    """Credits for each further message; the service takes about 50 a session."""
    token_days: float = 7.0
    token_cap: bool = False
    """True: a client id that holds a valid token gets a 429, as on the service. False: it gets the same token again."""
    errors_as: Literal["status", "ok"] = "status"
    """`ok` sends every refusal that has a code as HTTP 200, the other shape of the same error."""
    shape: Literal["top", "data"] = "top"
    """Where a render's answer carries its fields: at the top level, or under `data` with `outputUrl`."""
    silent_percent: int = 30
    """How many edits in a hundred end without a word."""
    seed: int = 0
    """Chooses which edits are silent and which replies speak of buttons."""
    on_cut: Literal["finish", "cancel"] = "finish"
    """What becomes of a message whose stream was cut: it is finished all the same, or given up uncharged."""
    pace_s: float = 0.02
    """Pause before each event of a stream."""
    heartbeat_s: float = 10.0
    """A stream that has nothing to say for this long sends a heartbeat."""
    max_file_bytes: int = 500 * MEGABYTE
    max_json_bytes: int = 8 * MEGABYTE
    max_files: int = 50
    """Files or URLs in one upload call."""
    parallel: int = 1
    """Renders at once."""
    keep_days: float = 30.0
    """A session that nobody touched for so long is removed with its media and videos."""

    def __post_init__(self) -> None:
        """Refuse values that no studio could live with."""
        for name, least in LEAST.items():
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}")
        if self.silent_percent > 100:
            raise ValueError("silent_percent must be at most 100")
