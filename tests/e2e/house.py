"""Somebody's machine: an inbox, an outbox, a state folder, a config with short waits, and the installed command in a process.

Nothing here waits for a fixed time: `until` looks again and again within a bound and says what it saw when that is over.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.e2e.cloud import Cloud, story

COMMAND = Path(sys.executable).with_name("nemo-watch")
LONGEST_S = 150.0  # a bound for a machine that has much else to do
LOOK_EVERY_S = 0.02
CONFIG: dict[str, dict[str, Any]] = {
    "service": {},
    "service.pace": {
        "render_poll": "0.1s",
        "render_poll_later": "0.2s",
        "recovery_waits": ["0.2s"] * 5,
        "rate_limit_wait": "0.2s",
        "balance_check": "0.5s",
        "stop_wait": "3s",
        "request_limit": "5s",
        "message_limit": "15s",
        "heartbeat_limit": "8s",
    },
    "inbox": {"settle": "0.2s", "project_settle": "0.4s", "prompt_wait": "0.3s", "rescan": "1s"},
}
Row = dict[str, Any]


class House:
    """The folders and everything a person does with them; at most one daemon runs in it at a time."""

    def __init__(self, root: Path, cloud: Cloud | None, url: str | None = None) -> None:
        self.root = root
        self.cloud = cloud
        self.url = url or (cloud.url if cloud else "http://127.0.0.1:9")
        self.inbox, self.outbox, self.state = (root / name for name in ("inbox", "outbox", "state"))
        self.inbox.mkdir(parents=True)
        (root / "home").mkdir()
        self.config = root / "nemo-watch.toml"
        self.log = root / "daemon.log"
        self.daemon: subprocess.Popen[bytes] | None = None
        self.env: dict[str, str] = {}
        self.configure()

    # -- the config and the command ----------------------------------------------------------------------------------------

    def configure(self, changes: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        """Write the config: the folders, short waits, and these changes by table."""
        tables = {name: dict(keys) for name, keys in CONFIG.items()}
        tables["folders"] = {name: str(getattr(self, name)) for name in ("inbox", "outbox", "state")}
        for name, keys in (changes or {}).items():
            tables.setdefault(name, {}).update(keys)
        lines = [
            f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())
            for name, keys in sorted(tables.items())
        ]
        self.config.write_text("\n".join(lines), "utf-8")

    def environment(self) -> dict[str, str]:
        """A bare environment: no token, no config, no proxy of the machine that runs the tests."""
        kept = {
            k: v
            for k, v in os.environ.items()
            if not k.startswith(("NEMO_", "XDG_", "SKILL_")) and "proxy" not in k.lower()
        }
        coverage = {k: v for k, v in os.environ.items() if k.startswith("NEMO_WATCH_COVERAGE")}
        own = {"HOME": str(self.root / "home"), "NEMO_API_URL": self.url, "PYTHONUNBUFFERED": "1"}
        return {**kept, **coverage, **own, **self.env}

    def command(self, *words: str, timeout_s: float = LONGEST_S, **more: Any) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        arguments = [str(COMMAND), *words, "--config", str(self.config)]
        return subprocess.run(
            arguments,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            cwd=self.root,
            **more,
        )

    def once(self, timeout_s: float = LONGEST_S) -> int:
        """`run --once` to its end; its exit code. What it said goes to the daemon's log."""
        done = self.command("run", "--once", timeout_s=timeout_s)
        with self.log.open("a", encoding="utf-8") as log:
            log.write(done.stdout + done.stderr)
        return done.returncode

    def decide(self, verb: str, name: str) -> Row:
        """`retry` or `again` for a film that waits for a decision, and its row when that has led to something (or to nothing)."""
        log = f"{name}/project.log"
        before = self.text(log)
        said = self.command(verb, name)
        assert said.returncode == 0, said.stderr

        def told() -> bool:
            last = self.text(log).removeprefix(before).strip().rpartition("\n")[2]
            return "Your video is ready" in last or f"nemo-watch again {name}" in last

        self.until(told)
        return self.until_state(name, *(["done"] if "ready" in self.text(log).removeprefix(before) else ["needs_you"]))

    # -- the daemon --------------------------------------------------------------------------------------------------------

    def start(self) -> int:
        """Start the daemon; its process id."""
        assert self.daemon is None or self.daemon.poll() is not None, "it runs already"
        with self.log.open("ab") as log:
            self.daemon = subprocess.Popen(
                [str(COMMAND), "run", "--config", str(self.config)],
                env=self.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.root, start_new_session=True,
            )  # fmt: skip
        return self.daemon.pid

    def signal(self, number: signal.Signals) -> None:
        """Send the daemon a signal."""
        assert self.daemon is not None
        self.daemon.send_signal(number)

    def kill(self) -> None:
        """As a power cut would: SIGKILL, and wait until it is gone."""
        assert self.daemon is not None
        self.daemon.kill()
        self.daemon.wait(LONGEST_S)

    def ended(self, within_s: float = LONGEST_S) -> int:
        """Wait for the daemon's own end; its exit code."""
        assert self.daemon is not None
        return self.daemon.wait(within_s)

    def stop(self, within_s: float = LONGEST_S) -> int:
        """SIGTERM, and wait; the exit code."""
        self.signal(signal.SIGTERM)
        return self.ended(within_s)

    # -- what a person does ------------------------------------------------------------------------------------------------

    def write(self, path: str, data: str | bytes) -> Path:
        """A file in the inbox, saved the way editors do: another file, renamed."""
        target = self.inbox / path
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = self.root / f"saving-{time.monotonic_ns()}"
        beside.write_bytes(data.encode() if isinstance(data, str) else data)
        beside.rename(target)
        return target

    def photos(self, *paths: str) -> None:
        """Photos in the inbox, each another picture."""
        for path in paths:
            self.write(path, photo(path))

    def project(self, name: str, prompt: str | None, count: int = 2) -> None:
        """A folder with photos and words, copied in as one."""
        staging = self.root / f"copying-{time.monotonic_ns()}"
        staging.mkdir()
        for number in range(count):
            (staging / f"IMG_{number + 1:04}.jpg").write_bytes(photo(f"{name}/{number}"))
        if prompt is not None:
            (staging / "prompt.txt").write_text(prompt, "utf-8")
        staging.rename(self.inbox / name)

    # -- what a person sees ------------------------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """The outbox's status.json; empty before the first."""
        try:
            found: dict[str, Any] = json.loads((self.outbox / "status.json").read_bytes())
        except FileNotFoundError:
            return {"projects": [], "files": []}
        return found

    def rows(self) -> dict[str, Row]:
        """The films by name."""
        return {row["name"]: row for row in self.status()["projects"]}

    def row(self, name: str) -> Row:
        """One film's row; empty while there is none."""
        return self.rows().get(name, {})

    def file(self, path: str) -> dict[str, Any] | None:
        """What the status says of another file."""
        return next((entry for entry in self.status()["files"] if entry["path"] == path), None)

    def until(self, what: Callable[[], Any], within_s: float = LONGEST_S, *, daemon: bool = True) -> Any:
        """What `what` gives as soon as it is true. Fails, with everything worth knowing, when it is not within the bound."""
        end = time.monotonic() + within_s
        while True:
            found = what()
            if found:
                return found
            if time.monotonic() > end:
                raise AssertionError(f"it did not happen within {within_s} s\n{self.report()}")
            if daemon and self.daemon is not None and self.daemon.poll() is not None and not what():
                raise AssertionError(f"the daemon ended with {self.daemon.returncode}\n{self.report()}")
            time.sleep(LOOK_EVERY_S)

    def until_state(self, name: str, *states: str, version: int | None = None, within_s: float = LONGEST_S) -> Row:
        """The film's row once it is in one of these states (and of this version)."""

        def there() -> Row | None:
            row = self.row(name)
            return row if row.get("state") in states and version in {None, row["version"]} else None

        found: Row = self.until(there, within_s)
        return found

    def until_done(self, name: str, version: int | None = None, within_s: float = LONGEST_S) -> Row:
        """The film's row once it is done."""
        return self.until_state(name, "done", version=version, within_s=within_s)

    def video(self, path: str) -> bytes:
        """A video of the outbox."""
        return (self.outbox / path).read_bytes()

    def text(self, path: str) -> str:
        """A text of the outbox; empty when it is not there."""
        try:
            return (self.outbox / path).read_text("utf-8")
        except FileNotFoundError:
            return ""

    def report(self) -> str:
        """Everything a failure's reader wants."""
        lines = [json.dumps(self.status(), indent=1)]
        lines += [] if self.cloud is None else [story(self.cloud.calls)]
        lines += [self.log.read_text("utf-8", "replace")[-6000:] if self.log.exists() else "no log"]
        for path in sorted(self.outbox.rglob("project.log")):
            lines += [str(path), path.read_text("utf-8")[-3000:]]
        return "\n".join(lines)

    def forget(self) -> None:
        """Lose the journal, as a disk does; the account's files stay."""
        for path in self.state.glob("journal.db*"):
            path.unlink()

    def close(self) -> None:
        """End whatever still runs."""
        if self.daemon is not None and self.daemon.poll() is None:
            self.daemon.send_signal(signal.SIGCONT)
            self.kill()

    # -- what must hold whatever happened ----------------------------------------------------------------------------------

    def belongings(self) -> dict[str, tuple[int, str]]:
        """Every file of the person: its inode and sum. Gathering moves one and changes neither."""
        return {
            str(path): (path.stat().st_ino, sum_of(path)) for path in sorted(self.inbox.rglob("*")) if path.is_file()
        }

    def leftovers(self) -> list[str]:
        """Temporary files that nobody will come back for."""
        names = [
            (Path(top) / name).relative_to(self.root)
            for folder in (self.inbox, self.outbox, self.state)
            for top, folders, files in os.walk(folder)  # it minds no folder that vanishes meanwhile
            for name in (*folders, *files)
        ]
        return [str(n) for n in names if n.name.endswith((".part", ".tmp")) or n.name.startswith(".gathering-")]

    def holding(self, words: bytes, folder: Path | None = None) -> list[Path]:
        """The files in which these words stand; what a running daemon takes away meanwhile holds nothing."""
        found = []
        for top, _, files in os.walk(folder or self.root):
            for name in files:
                with suppress(FileNotFoundError):
                    if words in (Path(top) / name).read_bytes():
                        found.append(Path(top) / name)
        return found

    def videos(self) -> dict[str, str]:
        """Every MP4 of the outbox with its sum."""
        return {str(p.relative_to(self.outbox)): sum_of(p) for p in sorted(self.outbox.rglob("*.mp4"))}


def sum_of(path: Path) -> str:
    """The file's sum."""
    return sha256(path.read_bytes()).hexdigest()


_photos: dict[str, bytes] = {}


def photo(seed: str, size: tuple[int, int] = (96, 64), kind: str = "JPEG") -> bytes:
    """A small picture that no other seed gives."""
    import io

    from PIL import Image

    key = f"{seed}/{size}/{kind}"
    if key not in _photos:
        colours = sha256(key.encode()).digest()
        picture = Image.new("RGB", size, tuple(colours[:3]))
        picture.paste(tuple(colours[3:6]), (size[0] // 4, size[1] // 4, size[0] // 2, size[1] // 2))
        out = io.BytesIO()
        picture.save(out, kind)
        _photos[key] = out.getvalue()
    return _photos[key]


def copy_folder(source: Path, target: Path) -> None:
    """A folder copied beside itself, as a file manager does."""
    shutil.copytree(source, target)
