"""The command line's options → the effective configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nemo_watch.config import load

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from nemo_watch.config import Config


def configured(options: argparse.Namespace, env: Mapping[str, str] | None = None) -> Config:
    """The configuration that these options ask for. Raises: UsageError with every problem."""
    file = getattr(options, "config", None)
    return load(env, path=None if file is None else Path(file).expanduser(), options=chosen(options))


def chosen(options: argparse.Namespace) -> dict[str, object]:
    """The options as keys of the configuration; only those that were given."""
    found: dict[str, object] = {
        f"folders.{name}": given
        for name in ("inbox", "outbox", "state")
        if (given := getattr(options, name, None)) is not None
    }
    if getattr(options, "studio", False):
        found["service.backend"] = "studio"
    return found
