"""Several machines that share one journal: each a daemon of its own on a state folder of its own; inbox and outbox shared, or not."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tests.e2e.cloud import Cloud
from tests.e2e.house import House

SILENCE = "2s"


class Host(House):
    """One of them. It sees the inbox and the outbox by another path than the others."""

    def __init__(self, root: Path, cloud: Cloud, name: str, database: str, shared: Path | None) -> None:
        self.name = name
        self.database = database
        self.shared = shared
        super().__init__(root, cloud)

    def configure(self, changes=None) -> None:
        """Write the config: the folders as this host sees them, and the journal."""
        if self.shared is not None and not (self.root / "mnt").exists():
            for folder in ("inbox", "outbox"):
                (self.shared / folder).mkdir(parents=True, exist_ok=True)
            self.inbox.rmdir()
            (self.root / "mnt").symlink_to(self.shared)
            self.inbox, self.outbox = self.root / "mnt" / "inbox", self.root / "mnt" / "outbox"
        journal = {"url": self.database, "host": self.name, "silence": SILENCE}
        if self.shared is not None:
            journal["site"] = "home"
        tables = {name: dict(keys) for name, keys in (changes or {}).items()}
        tables["journal"] = journal | tables.get("journal", {})
        super().configure(tables)


@contextlib.contextmanager
def cluster(root: Path, cloud: Cloud, database: str, count: int = 2, *, shared: bool = True) -> Iterator[list[Host]]:
    """So many hosts, none started yet."""
    hosts = [
        Host(root / f"nas-{n}", cloud, f"nas-{n}", database, root / "share" if shared else None)
        for n in range(1, count + 1)
    ]
    try:
        yield hosts
    finally:
        for host in hosts:
            host.close()
