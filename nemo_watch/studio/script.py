"""The scripted mode: faults as data. A script is a list of rules "at the nth call of this kind, do that".

Pure: a call and its words in, the fault to perform out. What it does to the wire is for `faults` and `streams`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, Literal

import msgspec

from nemo_watch.studio.settings import Settings


class Call(StrEnum):
    """The calls a rule can name."""

    TOKEN = "token"  # noqa: S105 - the name of a call
    SESSION = "session"
    RUN_SSE = "run_sse"
    UPLOAD = "upload"
    CREDITS = "credits"
    STATE = "state"
    RENDER = "render"
    POLL = "poll"
    DOWNLOAD = "download"
    CLAIM = "claim"


_ROUTES: Final[tuple[tuple[str, str, Call], ...]] = (
    ("POST", r"/api/auth/anonymous-token", Call.TOKEN),
    ("POST", r"/api/tasks/me/with-session/nemo_agent", Call.SESSION),
    ("POST", r"/run_sse", Call.RUN_SSE),
    ("POST", r"/api/upload-video/nemo_agent/me/[^/]+", Call.UPLOAD),
    ("GET", r"/api/credits/balance/simple", Call.CREDITS),
    ("GET", r"/api/state/nemo_agent/me/[^/]+/latest", Call.STATE),
    ("POST", r"/api/render/proxy/lambda", Call.RENDER),
    ("GET", r"/api/render/proxy/lambda/[^/]+", Call.POLL),
    ("GET", r"/api/render/proxy/[^/]+/download", Call.DOWNLOAD),
    ("GET", r"/download/[^/]+/[^/]+", Call.DOWNLOAD),
    ("POST", r"/api/auth/claim-token", Call.CLAIM),
)


def call_named(method: str, path: str) -> Call | None:
    """Which call a request is, or None for anything that is no call of the API."""
    for verb, pattern, call in _ROUTES:
        if method == verb and re.fullmatch(pattern, path):
            return call
    return None


Body = Literal["json", "html", "empty", "detail", "success"] | dict[str, Any] | list[Any]


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to do in place of, before, or to an answer. Fields combine; `taken` says whether the call is performed."""

    # any call
    delay: float = 0.0
    """Seconds to wait before anything else."""
    reset: Literal["before", "after"] | None = None
    """Reset the connection before the call is performed, or after, with the answer lost."""
    hang: Literal["before", "after"] | int | None = None
    """Never answer: before or after the call is performed, or after so many bytes of the body."""
    code: int | None = None
    """Answer with this code of the service (HTTP 200 unless `status` is given)."""
    status: int | None = None
    """Answer with this HTTP status."""
    message: str = "Scripted fault."
    body: Body = "json"
    """What a `status` or `code` answer carries: the service's envelope, a gateway's HTML, nothing, `{"detail"}`,
    `{"success":false,"error"}`, or exactly this JSON."""
    headers: dict[str, str] = {}
    redirect: str | None = None
    """Answer with a redirect to this address (`self` = the same again); 302 unless `status` says otherwise."""
    merge: dict[str, Any] | None = None
    """Change the true JSON answer by this merge patch (RFC 7396: null removes)."""
    drip: int | None = None
    """Send the body in pieces of so many bytes."""
    drip_pause_s: float = 0.0
    truncate: int | None = None
    """Send so many bytes of the body, then close the connection."""
    wrong_length: int | None = None
    """Announce so many bytes more (then the line closes early) or fewer (then the body is cut without a sign)."""
    no_length: bool = False
    """Announce no length at all: chunked."""
    taken: bool | None = None
    """Whether the call is performed. Default: yes, unless the fault replaces the answer."""

    # run_sse
    events: list[dict[str, Any] | str] | None = None
    """Send these events in place of the true ones; a string goes on the wire as it is."""
    heartbeats: int = 0
    """So many heartbeats first, in every spelling in turn."""
    heartbeat_pause_s: float = 0.0
    break_after: int | None = None
    """Cut the connection after so many events."""
    end_after: int | None = None
    """End the stream, properly, after so many events."""
    silent: bool | None = None
    """Force an edit to be silent, or to speak."""
    say: str | None = None
    """Say this in place of the agent's words."""
    ask: str | None = None
    """Ask this and leave the draft as it is."""
    noise: bool = False
    """End a good answer with "I encountered a temporary issue"."""
    error_event: str | None = None
    """End with an event that carries this `errorCode`."""
    crash: str | None = msgspec.field(default=None, name="raise")
    """End with the event of an agent that raised this."""
    pace_s: float | None = None
    on_cut: Literal["finish", "cancel"] | None = None

    # render and poll
    shape: Literal["top", "data"] | None = None
    fail: bool | str = False
    """The render that this call submits will fail, with this reason."""

    @property
    def replaces(self) -> bool:
        """True when the fault carries an answer of its own (or none) instead of the call's."""
        return any(value is not None for value in (self.code, self.status, self.redirect))

    @property
    def performed(self) -> bool:
        """Whether the call does its work."""
        if self.taken is not None:
            return self.taken
        if self.reset == "before" or self.hang == "before" or self.replaces:
            return False
        return self.events is None and self.error_event is None and self.crash is None


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At the `at`-th call of this kind (from 1) with `match` in its path or message, and `times - 1` more, do this."""

    call: Call
    do: Fault
    at: int | Literal["every"] = 1
    times: int = 1
    match: str = ""

    def applies(self, count: int) -> bool:
        """True when the `count`-th matching call is this rule's."""
        return self.at == "every" or self.at <= count < self.at + self.times


class Script(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rules, and settings to change while the script is played."""

    rules: tuple[Rule, ...] = ()
    settings: dict[str, Any] = {}

    def settings_over(self, settings: Settings) -> Settings:
        """The settings with the script's own on top. Raises `ValueError` that names the wrong key."""
        return msgspec.convert({**msgspec.to_builtins(settings), **self.settings}, Settings)


def read_script(data: Mapping[str, Any]) -> Script:
    """A script from parsed JSON or TOML. Raises `ValueError` that says where it is wrong (`$.rules[0].do`)."""
    return msgspec.convert(dict(data), Script)


class Play:
    """A script being played: how often each rule's call has come."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self._counts = [0] * len(script.rules)

    def fault_for(self, call: Call | None, words: str = "") -> Fault | None:
        """Count this call (`words`: its path and message) and return the first rule's fault that is due, if any."""
        due: Fault | None = None
        for index, rule in enumerate(self.script.rules):
            if rule.call is not call or rule.match not in words:
                continue
            self._counts[index] += 1
            if due is None and rule.applies(self._counts[index]):
                due = rule.do
        return due
