"""`python -m nemo_watch.studio --folder FOLDER`: a studio as a process of its own; prints its base URL on one line."""

from __future__ import annotations

import argparse
import asyncio
import json
import tomllib
from pathlib import Path

from nemo_watch.studio.script import Script, read_script
from nemo_watch.studio.server import serve_forever
from nemo_watch.studio.settings import Settings


def script_from(path: Path) -> Script:
    """A script from a TOML file, or a JSON file. Raises `ValueError` that says what is wrong with it."""
    text = path.read_text("utf-8")
    return read_script(tomllib.loads(text) if path.suffix == ".toml" else json.loads(text))


def main(arguments: list[str] | None = None) -> None:
    """Parse the arguments and serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m nemo_watch.studio", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where media, videos and accounts are kept")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--script", type=Path, help="faults to perform: a TOML or JSON file")
    parser.add_argument(
        "--control", action="store_true", help="allow /__studio/… to change the script and read the log"
    )
    options = parser.parse_args(arguments)
    script = script_from(options.script) if options.script else Script()
    asyncio.run(
        serve_forever(
            options.folder,
            port=options.port,
            settings=script.settings_over(Settings()),
            script=script,
            control=options.control,
            announce=lambda url: print(url, flush=True),  # noqa: T201 - the command's one line of output
        )
    )


if __name__ == "__main__":
    main()
