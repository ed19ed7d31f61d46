"""`init`: asks nothing; writes the commented configuration where there is none, and makes the folders."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from nemo_watch.commands.configuring import configured, given_file
from nemo_watch.commands.speaking import say
from nemo_watch.config import user_config_path
from nemo_watch.errors import UsageError
from nemo_watch.shown import shown

if TYPE_CHECKING:
    import argparse

    from nemo_watch.config import Config, Folders

TEMPLATE: Final = Path(__file__).parent / "templates" / "nemo-watch.toml"
"""The documented default, which is also `config/nemo-watch.toml`."""

_KEY: Final = re.compile(r"^(\w+) = ", re.MULTILINE)


def run(options: argparse.Namespace) -> int:
    """Write and make what is missing; change nothing that is there."""
    path = given_file(options) or user_config_path(os.environ)
    config = _chosen(options, path)
    try:
        for line in [*made_folders(config.folders), written_config(path, config)]:
            say(line)
    except OSError as error:
        raise UsageError(f"{error.filename} cannot be made ({error.strerror}).") from error
    say("")
    say("Next: put a folder with photos into the inbox, then run: nemo-watch run")
    say("To look first, free and offline: nemo-watch demo. To have it run always: nemo-watch service install --user")
    return 0


def _chosen(options: argparse.Namespace, path: Path) -> Config:
    """What is in force; a file that `--config` names and that is not there yet is about to be written."""
    if getattr(options, "config", None) is not None and not path.exists():
        del options.config
    return configured(options)


def made_folders(folders: Folders) -> list[str]:
    """Make the three folders, the state folder for its owner alone; one line on each. Raises: OSError."""
    lines = []
    for name, folder, mode in (
        ("inbox", folders.inbox, 0o777),
        ("outbox", folders.outbox, 0o777),
        ("state", folders.state, 0o700),
    ):
        there = folder.is_dir()
        folder.mkdir(mode=mode, parents=True, exist_ok=True)  # 0o777 is cut by the umask, as mkdir(1) does
        lines.append(f"{name:7} {shown(str(folder))} {'is there already' if there else 'made'}")
    return lines


def written_config(path: Path, config: Config) -> str:
    """Write the configuration if there is none at `path`; the line to say. Raises: OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    except FileExistsError:
        return f"config  {shown(str(path))} is there already and stays as it is"
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(config_text(TEMPLATE.read_text("utf-8"), config))
    return f"config  {shown(str(path))} written"


def config_text(template: str, config: Config) -> str:
    """The template with these folders and this backend; every other key is commented out, so that defaults stay defaults."""
    import tomli_w

    values = {name: str(getattr(config.folders, name)) for name in ("inbox", "outbox", "state")}
    if config.service.backend != "cloud":
        values["backend"] = config.service.backend

    def line(found: re.Match[str]) -> str:
        name, rest = found[1], found[2]
        return tomli_w.dumps({name: values[name]}).rstrip("\n") if name in values else f"#{name} = {rest}"

    try:
        return re.sub(rf"{_KEY.pattern}(.*)$", line, template, flags=re.MULTILINE)
    except UnicodeEncodeError as error:
        raise UsageError("A configuration cannot hold a folder whose name is not UTF-8.") from error
