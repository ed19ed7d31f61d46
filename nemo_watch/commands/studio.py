"""`studio`: the local studio as a server on loopback, for trying clients."""

from __future__ import annotations

import asyncio
import tempfile
from typing import TYPE_CHECKING

from nemo_watch.commands.speaking import say, tell
from nemo_watch.config import named_file
from nemo_watch.errors import UsageError
from nemo_watch.keys import path_of

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from nemo_watch.studio.script import Script

HOW_TO_INSTALL = "Install it with: pip install 'nemo-watch[studio]'"


def run(options: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C."""
    need_studio()
    from nemo_watch.studio.server import serve_forever
    from nemo_watch.studio.settings import Settings

    script = _script(options.script)
    folder = named_file(options.folder or tempfile.mkdtemp(prefix="nemo-watch-studio-"), "option --folder")
    try:
        asyncio.run(
            serve_forever(
                folder,
                port=options.port,
                settings=script.settings_over(Settings()),
                script=script,
                announce=lambda url: _announce(url, folder),
            )
        )
    except (OSError, OverflowError) as error:  # the port is taken, or none; the folder cannot be made
        raise UsageError(f"The studio cannot start: {error}") from error
    return 0


def missing_parts() -> list[str]:
    """The packages of the extra `studio` that are not installed."""
    from importlib.util import find_spec

    wanted = ("cv2", "imageio_ffmpeg", "numpy", "python_multipart", "starlette", "uvicorn")
    return [name for name in wanted if find_spec(name) is None]


def need_studio() -> None:
    """Raises: UsageError that says how to install the studio, where it is not."""
    if missing := missing_parts():
        raise UsageError(f"The local studio is not installed ({', '.join(missing)} missing). {HOW_TO_INSTALL}")


def _script(path: str | None) -> Script:
    from nemo_watch.studio.__main__ import script_from
    from nemo_watch.studio.script import Script

    if path is None:
        return Script()
    try:
        return script_from(path_of(path))
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}).") from error
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from error


def _announce(url: str, folder: Path) -> None:
    import sys

    say(url)
    sys.stdout.flush()
    tell(f"The studio keeps its world in {folder}. To use it: NEMO_API_URL={url} nemo-watch run")
