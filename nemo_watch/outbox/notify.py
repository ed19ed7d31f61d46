"""A film is done, needs someone or failed → a message by Apprise, one for a cause. A failing message never hurts a film.

Apprise is an extra and comes in with the first address. Its addresses hold passwords: they are masked everywhere, and of
its errors only the kind is told. Source: the Apprise library's `Apprise.add` and `async_notify`.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from nemo_watch.errors import ConfigProblem, UsageError
from nemo_watch.logs import logger
from nemo_watch.masking import mask, masked
from nemo_watch.shown import shown, shown_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from nemo_watch.config import Notify

TELLING_LIMIT_S: Final = 60.0
"""Seconds for one message to all addresses; Apprise's own limits are 4 s to connect and 4 s to read, for each."""
CAUSES_MAX: Final = 10_000
UNDELIVERED_MAX: Final = 100
"""Messages kept to be tried again; the oldest are given up."""
PAUSE_S: Final = 60.0
"""Seconds before what could not be delivered is tried again; doubled each time it fails, for all messages together."""
PAUSE_LONGEST_S: Final = 3600.0
TITLE_CHARACTERS_MAX: Final = 200
BODY_CHARACTERS_MAX: Final = 2_000

_KINDS: Final = {"done": "success", "needs_you": "warning", "failed": "failure"}
_PARTS: Final = re.compile(r"[/?&=@]+")
SECRET_PART_CHARACTERS_MIN: Final = 10
"""Characters. A part of an address this long may be a key by itself; `localhost` and `discord:` are shorter."""

_log = logger("outbox")


@dataclass(frozen=True, slots=True)
class _Message:
    event: str
    title: str
    body: str


class Notifier:
    """Tells people, as `settings` say. With `memory`, a file in the state folder, a restart tells nothing twice.

    Raises: UsageError at once when addresses are given and Apprise is missing, or it does not know one of them.
    """

    def __init__(
        self, settings: Notify, memory: Path | None = None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._monotonic = monotonic
        self._undelivered: OrderedDict[str, _Message] = OrderedDict()
        self._pause_s = PAUSE_S
        self._again_at_s = 0.0
        self._on = frozenset(settings.on)
        self._memory = memory
        self._told: OrderedDict[str, None] = OrderedDict.fromkeys(_remembered(memory))
        self._apprise = _apprise(settings.urls) if settings.urls else None

    def adopt(self, settings: Notify) -> None:
        """Tell by other settings from now on; what was told stays told. Raises: UsageError as at the start, and changes nothing."""
        self._apprise = _apprise(settings.urls) if settings.urls else None
        self._on = frozenset(settings.on)
        for cause_key in [
            key for key, message in self._undelivered.items() if not settings.urls or message.event not in self._on
        ]:
            del self._undelivered[cause_key]
        self._pause_s, self._again_at_s = PAUSE_S, self._monotonic()  # other addresses may take what these refused

    async def tell(self, event: str, title: str, body: str, cause_key: str) -> bool:
        """Tell of `done`, `needs_you` or `failed`; whether it was told now, and to every address.

        The same `cause_key` is told once, until it is `settled`: give what concerns the whole account one key for all films.
        What could not be delivered counts as not told, and is kept for `tell_again`.
        """
        if self._apprise is None or event not in self._on or cause_key in self._told:
            return False
        self._told[cause_key] = None  # before the wait: two films may come with one cause
        delivered = await _delivered(self._apprise, event, title, body)
        if delivered:
            self._undelivered.pop(cause_key, None)
        else:
            self._told.pop(cause_key, None)
            self._keep(cause_key, _Message(event, title, body))
        self._remember()
        return delivered

    def _keep(self, cause_key: str, message: _Message) -> None:
        if not self._undelivered:
            self._pause_s, self._again_at_s = PAUSE_S, self._monotonic() + PAUSE_S
        self._undelivered[cause_key] = message
        while len(self._undelivered) > UNDELIVERED_MAX:
            self._undelivered.popitem(last=False)

    def may_tell_again(self, true: Collection[str]) -> bool:
        """Whether something that could not be delivered is to be tried now. What is not among `true` any more is forgotten."""
        for cause_key in [key for key in self._undelivered if key not in true]:
            del self._undelivered[cause_key]
        return bool(self._undelivered) and self._monotonic() >= self._again_at_s

    async def tell_again(self) -> None:
        """Try what could not be delivered, until the first that fails again: the pause grows then, and another is tried first."""
        while self._undelivered:
            cause_key, message = next(iter(self._undelivered.items()))
            if not await self.tell(message.event, message.title, message.body, cause_key):
                self._undelivered.move_to_end(cause_key)
                self._pause_s = min(2 * self._pause_s, PAUSE_LONGEST_S)
                self._again_at_s = self._monotonic() + self._pause_s
                return

    def settled(self, cause_key: str) -> None:
        """The cause is over; should it come back, it is told again."""
        if cause_key in self._told:
            del self._told[cause_key]
            self._remember()

    def _remember(self) -> None:
        while len(self._told) > CAUSES_MAX:
            self._told.popitem(last=False)
        if self._memory is None:
            return
        temporary = self._memory.with_name(f"{self._memory.name}.part")
        try:
            temporary.write_text(json.dumps(list(self._told)), encoding="ascii")
            temporary.replace(self._memory)
        except OSError as error:  # at worst something is told again after a restart
            _log.warning("notification.forgotten", reason=error.strerror)


async def _delivered(apprise: Any, event: str, title: str, body: str) -> bool:  # noqa: ANN401  Apprise has no types
    reason = "an address refused it"
    try:
        async with asyncio.timeout(TELLING_LIMIT_S):
            delivered = await apprise.async_notify(
                title=masked(shown(title))[:TITLE_CHARACTERS_MAX],
                body=masked(shown_lines(body))[:BODY_CHARACTERS_MAX],
                notify_type=_KINDS[event],
                body_format="text",
            )
    except Exception as error:  # noqa: BLE001  whatever a plugin throws, no film may suffer by it
        delivered, reason = False, type(error).__name__  # its words may hold the address
    if delivered:
        _log.info("notification.sent", kind=event)
    else:
        _log.warning("notification.failed", kind=event, reason=reason)
    return bool(delivered)


def _remembered(memory: Path | None) -> list[str]:
    try:
        known = json.loads(memory.read_text(encoding="ascii")) if memory is not None else []
    except (OSError, ValueError):  # none yet, or damaged: at worst something is told again
        return []
    return [key for key in known if isinstance(key, str)] if isinstance(known, list) else []


def _apprise(urls: tuple[str, ...]) -> Any:  # noqa: ANN401  Apprise has no types
    for url in urls:
        for secret in (url, *_PARTS.split(url)):
            if len(secret) >= SECRET_PART_CHARACTERS_MIN:
                mask(secret)
    try:
        import apprise
    except ImportError:
        problem = "Apprise is not installed: pip install 'nemo-watch[notify]', or leave notify.urls empty"
        raise UsageError(ConfigProblem("config", "notify.urls", problem)) from None
    told = apprise.Apprise()
    unknown = [url for url in urls if not told.add(url)]
    if unknown:
        raise UsageError(
            *(ConfigProblem("config", "notify.urls", f"Apprise does not know {hidden(u)}") for u in unknown)
        )
    return told


def hidden(url: str) -> str:
    """An Apprise address as people may see it: what kind it is, and nothing more (`tgram://***`)."""
    scheme, separator, _ = url.partition("://")
    return f"{shown(scheme)[:20]}://***" if separator else "***"
