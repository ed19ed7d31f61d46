"""A Python that lies in root's home can still be imported from when root has become another account.

Modules are found by paths, and /root is closed to others; a folder that was opened before stays open, and is reached by
/proc/self/fd. Source: proc(5) "/proc/pid/fd"; pipx puts a user's programs into the home's .local.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path


def keep_python_reachable() -> None:
    """Open the closed folders that Python imports from, and import through them from now on. Nothing, where none is closed."""
    roots = {Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parents[2]}
    for root in sorted(roots, key=lambda root: -len(root.parts)):  # the inner first: the outer may contain it
        if closed_to_others(root):
            _move_imports(str(root), f"/proc/self/fd/{os.open(root, os.O_PATH | os.O_CLOEXEC)}")


def closed_to_others(path: Path) -> bool:
    """Whether a folder above it lets only its owner through."""
    return any(not parent.stat().st_mode & stat.S_IXOTH for parent in path.resolve().parents)


def _move_imports(root: str, reached: str) -> None:
    """Let everything that is imported from below `root` be imported from below `reached`."""
    sys.path[:] = [_moved(place, root, reached) for place in sys.path]
    for module in list(sys.modules.values()):
        places = getattr(module, "__path__", None)
        if isinstance(places, list):
            places[:] = [_moved(place, root, reached) for place in places]


def _moved(place: str, root: str, reached: str) -> str:
    return reached + place[len(root) :] if place == root or place.startswith(root + "/") else place
