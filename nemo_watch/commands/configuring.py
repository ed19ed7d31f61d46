"""The command line's options → the effective configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemo_watch.config import load, named_file

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from pathlib import Path

    from nemo_watch.config import Config


def configured(options: argparse.Namespace, env: Mapping[str, str] | None = None) -> Config:
    """The configuration that these options ask for. Raises: UsageError with every problem."""
    return load(env, path=given_file(options), options=chosen(options))


def given_file(options: argparse.Namespace) -> Path | None:
    """The file that `--config` names, None where it is not given. Raises: UsageError when it can be none."""
    named = getattr(options, "config", None)
    return None if named is None else named_file(named, "option --config")


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
