"""`outbox/status.json` → what `status` shows. The daemon writes it at every change; whoever may read the outbox may read it.

Names stay the inbox's own here. Source: README "status --json".
"""

from __future__ import annotations

import difflib
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from nemo_watch.errors import FilmState, Need, UsageError
from nemo_watch.model import Backend, Credits, FilmRow, LeftAlone, Overview, Watching
from nemo_watch.shown import shown

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

NAME: Final = "status.json"

Snapshot = dict[str, Any]
"""The object of `status --json`."""


def read_snapshot(outbox: Path) -> Snapshot | None:
    """The snapshot, None while nothing has run. Raises: UsageError when it cannot be read or understood."""
    path = outbox / NAME
    try:
        found = json.loads(path.read_bytes())
        overview(found)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unreadable(path, error.strerror) from error
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path} is damaged; nemo-watch writes it anew at the next change (start it: nemo-watch run)."
        ) from error
    return dict(found)


def unreadable(path: Path, reason: str | None) -> UsageError:
    """What to say of something in the outbox that this account may not read."""
    return UsageError(f"{path} cannot be read ({reason}); ask its owner for the right to read it.")


def empty(backend: Backend) -> Snapshot:
    """What there is before anything has run."""
    service = {"backend": str(backend), "credits": None}
    return {"projects": [], "files": [], "service": service, "watching": {"mode": "off", "problems": []}}


def narrowed(snapshot: Snapshot, project: str) -> Snapshot:
    """Only this project's, or this film's, rows. Raises: UsageError with near names when there are none."""
    wanted = project.rstrip("/")
    films = [row for row in snapshot["projects"] if means(wanted, row["name"])]
    files = [row for row in snapshot["files"] if row["project"] == wanted]
    if not films and not files:
        known = [row["name"] for row in snapshot["projects"]] + [
            row["project"] for row in snapshot["files"] if row["project"]
        ]
        raise unknown(project, known)
    return snapshot | {"projects": films, "files": files}


def means(wanted: str, film: str) -> bool:
    """Whether a name on the command line means this film: its own name, or its project's."""
    return wanted in {film, film.partition("/")[0]}


def unknown(project: str, films: Iterable[str]) -> UsageError:
    """What to say of a name that no film and no project bears."""
    names = {name for film in films for name in (film, film.partition("/")[0])}
    near = difflib.get_close_matches(project, names, 3, 0.5)
    hint = f" Did you mean {' or '.join(shown(name) for name in near)}?" if near else " See: nemo-watch status"
    return UsageError(f"There is no project called {shown(project)}.{hint}")


def overview(snapshot: Snapshot) -> Overview:
    """The snapshot as values. Raises: ValueError, KeyError or TypeError when it is not one."""
    service, watching = snapshot["service"], snapshot["watching"]
    return Overview(
        films=tuple(_film(row) for row in snapshot["projects"]),
        files=tuple(LeftAlone(row["path"], row["project"], row["reason"]) for row in snapshot["files"]),
        backend=Backend(service["backend"]),
        credits=None if service["credits"] is None else Credits(**service["credits"]),
        watching=Watching(watching["mode"], tuple(watching["problems"])),
    )


def _film(row: dict[str, Any]) -> FilmRow:
    return FilmRow(
        name=row["name"],
        version=row["version"],
        state=FilmState(row["state"]),
        detail=row["detail"],
        progress=float(row["progress"]),
        needs=None if row["needs"] is None else Need(row["needs"]),
        video=row["video"],
        updated_at=datetime.fromisoformat(row["updated_at"]),
    )
