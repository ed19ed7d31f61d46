"""Asks the decoding child: does this picture decode, and what is it as a JPEG?

It must never decode in this process, nor give the child the environment (the token lives there). A child that dies, hangs or
answers nonsense is an answer too: the picture is unfit.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, BinaryIO, Final

import nemo_watch

LIMIT_S: Final = 180.0  # the child's own CPU limit is 60 s; the rest is a slow disk
_DIED: Final = "decoding it ended the decoder"


def unfit_reason(file: BinaryIO) -> str | None:
    """Why the picture does not decode to its end; None if it does. Blocks for as long as decoding takes.

    Raises OSError if no child can be started. The file's place is anywhere afterwards.
    """
    return _reason(_answer("check", file, None))


def converted(file: BinaryIO, output: BinaryIO) -> str | None:
    """Writes the picture as a JPEG into `output`; returns why that cannot be done, or None when it is. Raises as `unfit_reason`."""
    reason = _reason(_answer("convert", file, output))
    return reason or (None if os.fstat(output.fileno()).st_size else _DIED)


def _reason(answer: dict[str, Any]) -> str | None:
    return None if answer.get("ok") is True else str(answer.get("reason", _DIED))


def _answer(what: str, file: BinaryIO, output: BinaryIO | None) -> dict[str, Any]:
    os.lseek(file.fileno(), 0, os.SEEK_SET)
    handles = [] if output is None else [output.fileno()]
    try:
        child = subprocess.run(
            [sys.executable, "-P", "-m", "nemo_watch.inbox.decoding_child", what, *map(str, handles)],
            stdin=file.fileno(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=handles,
            cwd="/",
            env={"PYTHONPATH": str(Path(nemo_watch.__file__).parents[1]), "LANG": "C.UTF-8"},
            timeout=LIMIT_S,
            check=False,
        )
        found = json.loads(child.stdout)
    except subprocess.TimeoutExpired:
        return {"reason": "decoding it takes too long"}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
