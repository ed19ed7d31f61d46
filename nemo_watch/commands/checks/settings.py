"""The effective configuration as lines: every key, its value, and where the value came from; secrets masked."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nemo_watch.keys import FOREVER
from nemo_watch.masking import masked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nemo_watch.config import Config

_TABLES: Final = ("folders", "service", "inbox", "outbox", "notify")
_SECOND_UNITS: Final = (("h", 3600.0), ("m", 60.0), ("s", 1.0), ("ms", 0.001))
_SIZE_UNITS: Final = (("GB", 10**9), ("MB", 10**6), ("KB", 10**3), ("B", 1))


def settings(config: Config) -> Iterator[tuple[str, str, str]]:
    """Key, value as the file would have it, and where it came from."""
    for table in _TABLES:
        yield from _table(table, getattr(config, table), config)
    yield "journal.site", f'"{config.journal.site}"', _source(config, "journal.site")
    yield "journal.host", f'"{config.journal.host}"', _source(config, "journal.host")
    yield "journal.projects_here", str(config.journal.projects_here), _source(config, "journal.projects_here")
    yield "journal.silence", f'"{config.journal.silence_s:g}s"', _source(config, "journal.silence")
    yield "journal.url", f'"{masked(config.journal.url)}"', _source(config, "journal.url")


def _table(prefix: str, value: Any, config: Config) -> Iterator[tuple[str, str, str]]:  # noqa: ANN401  any of the tables
    for field in fields(value):
        item = getattr(value, field.name)
        if is_dataclass(item):
            yield from _table(f"{prefix}.{field.name}", item, config)
            continue
        name = field.name.removesuffix("_s").removesuffix("_bytes")
        key = f"{prefix}.{name}"
        text = _addresses(item) if key == "notify.urls" else written(field.name, item)
        yield key, text, _source(config, key)


def _source(config: Config, key: str) -> str:
    if key == "service.backend" and config.sources.get(key, "").startswith("option "):
        return "option --studio"
    return config.sources.get(key, "default")


def _addresses(urls: tuple[str, ...]) -> str:
    """Of an Apprise address only the kind: all the rest of it may be a key."""
    return "[" + ", ".join(f'"{url.partition("://")[0]}://***"' for url in urls) + "]"


def written(name: str, item: object) -> str:
    """A value as the configuration file writes it; the field's name tells its unit."""
    if isinstance(item, tuple):
        return "[" + ", ".join(written(name, part) for part in item) + "]"
    if isinstance(item, bool):
        return str(item).lower()
    if name.endswith("_s") and isinstance(item, float):
        return '"forever"' if item == FOREVER else f'"{_in_units(item, _SECOND_UNITS)}"'
    if name.endswith("_bytes") and isinstance(item, int):
        return f'"{_in_units(item, _SIZE_UNITS)}"'
    if isinstance(item, str | Path):
        return f'"{masked(str(item))}"'
    return str(item)


def _in_units(value: float, units: tuple[tuple[str, float], ...]) -> str:
    """The value in the largest unit that it is a whole number of."""
    for unit, size in units:
        if value >= size and value % size == 0:
            return f"{value / size:g}{unit}"
    unit, size = units[-1]
    return f"{value / size:g}{unit}"
