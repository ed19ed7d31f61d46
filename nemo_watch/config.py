"""The configuration: a TOML file, the environment and options → one frozen value, or every problem at once.

It never holds the token (that is read by `daemon.wiring` and handed to the account alone). How a single value is read: `keys`.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

from nemo_watch.errors import ConfigProblem, UsageError
from nemo_watch.keys import KEYS, NOT_PLAIN, TABLES, is_plain, path_of

API_URL: Final = "https://mega-api-prod.nemovideo.ai"  # Source: API text, "API base"
_NEAR: Final = 0.6  # of 1: how alike two names are of which one may be the other's slip
DEFAULT_PROMPT: Final = "generate a video from my photos with transitions and background music"  # Source: API text


@dataclass(frozen=True, slots=True)
class Folders:
    """Where things lie. Resolved, none may equal or contain another."""

    inbox: Path
    outbox: Path
    state: Path


@dataclass(frozen=True, slots=True)
class Pace:
    """The waits that the service prescribes or deserves, in seconds. Source: API text; gaps as the README tells."""

    render_poll_s: float = 30.0
    render_polls: int = 10
    render_poll_later_s: float = 300.0
    message_limit_s: float = 900.0
    heartbeat_limit_s: float = 600.0
    still_working_s: float = 120.0
    recovery_waits_s: tuple[float, ...] = (30.0, 60.0, 60.0, 60.0, 60.0)
    rate_limit_wait_s: float = 30.0
    balance_check_s: float = 600.0
    stop_wait_s: float = 120.0
    request_limit_s: float = 60.0
    retry_wait_s: float = 30.0  # the first wait after a trouble that mends itself; each further one is twice as long …
    retry_wait_longest_s: float = 1800.0  # … up to this: a service down for a day is asked some fifty times


@dataclass(frozen=True, slots=True)
class Service:
    """Who makes the videos, and how much at once."""

    backend: str = "cloud"
    url: str = API_URL
    skill_version: str = "1.0.0"
    projects_at_once: int = 8
    uploads_at_once: int = 3
    paid_messages_a_day: int = 20
    pace: Pace = field(default_factory=Pace)


@dataclass(frozen=True, slots=True)
class Inbox:
    """How the inbox is read. Durations in seconds, `prompt_wait_s` may be FOREVER; `max_file_bytes` in bytes."""

    settle_s: float = 5.0
    project_settle_s: float = 20.0
    prompt_wait_s: float = 120.0
    rescan_s: float = 30.0
    watch: str = "auto"
    loose_files: str = "gather"
    default_prompt: str = DEFAULT_PROMPT
    language: str = "auto"
    max_file_bytes: int = 500_000_000
    max_files: int = 2_000


@dataclass(frozen=True, slots=True)
class Outbox:
    """What is written beside the videos."""

    gallery: bool = True


@dataclass(frozen=True, slots=True)
class Notify:
    """Who is told (Apprise URLs), and of what."""

    urls: tuple[str, ...] = ()
    on: tuple[str, ...] = ("done", "needs_you", "failed")


@dataclass(frozen=True, slots=True)
class Sharing:
    """Several hosts on one PostgreSQL: its address ("" is SQLite, one host), the site, this host's
    name ("" is the machine's) and own limit (0: none). A host that is silent for `silence_s` is taken for dead.
    """

    url: str = ""
    site: str = ""
    host: str = ""
    projects_here: int = 0
    silence_s: float = 15.0


@dataclass(frozen=True, slots=True)
class Config:
    """The effective configuration. `sources` says for each key that is not a default where its value came from."""

    folders: Folders
    service: Service = field(default_factory=Service)
    inbox: Inbox = field(default_factory=Inbox)
    outbox: Outbox = field(default_factory=Outbox)
    notify: Notify = field(default_factory=Notify)
    journal: Sharing = field(default_factory=Sharing)
    client_id: str | None = None
    skill_source: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    path: Path | None = None


def default_folders(env: Mapping[str, str]) -> Folders:
    """The built-in folders: under the home for a person, under /var/lib for a system service without one."""
    home = Path(env.get("HOME") or "/var/lib/nemo-watch")
    state = Path(env.get("XDG_STATE_HOME") or home / ".local" / "state") / "nemo-watch"
    if "STATE_DIRECTORY" in env:  # systemd's StateDirectory=
        state = Path(env["STATE_DIRECTORY"].split(":")[0])
    base = home / "nemo-watch"
    return Folders(base / "inbox", base / "outbox", state)


def config_paths(env: Mapping[str, str]) -> list[Path]:
    """Where a configuration is looked for when `--config` names none; the first that exists is read. Raises: UsageError."""
    named = env.get("NEMO_WATCH_CONFIG")
    if named:
        return [named_file(named, "environment NEMO_WATCH_CONFIG")]
    return [user_config_path(env), Path("/etc/nemo-watch/config.toml")]


def named_file(text: str, where: str) -> Path:
    """The file that an option or a variable names. Raises: UsageError when it can be none."""
    try:
        return path_of(text)
    except ValueError as error:
        raise UsageError(ConfigProblem(where, "", str(error))) from error


def user_config_path(env: Mapping[str, str]) -> Path:
    """The user's own configuration file (XDG)."""
    home = Path(env.get("HOME") or "/var/lib/nemo-watch")
    return Path(env.get("XDG_CONFIG_HOME") or home / ".config") / "nemo-watch" / "config.toml"


def load(
    env: Mapping[str, str] | None = None, *, path: Path | None = None, options: Mapping[str, object] | None = None
) -> Config:
    """The effective configuration: defaults, then one file, then the environment, then options.

    `options` maps dotted keys to raw values (`{"folders.inbox": "/x"}`).
    Raises: UsageError with every problem at once, each with its place, key and what is wanted.
    """
    env = os.environ if env is None else env
    problems: list[ConfigProblem | str] = []
    file = _chosen_file(env, path)
    values: dict[str, tuple[Any, str]] = {}
    if file is not None:
        values |= _file_values(file, problems)
    for key, name in (("service.url", "NEMO_API_URL"),):
        if env.get(name):
            values |= _read({key: env[name]}, lambda _key, name=name: f"environment {name}", problems)  # type: ignore[misc]
    given = {key: value for key, value in (options or {}).items() if value is not None}
    values |= _read(given, lambda key: "option --" + key.rpartition(".")[2], problems)
    if not is_plain(env.get("NEMO_CLIENT_ID", "").strip()):
        problems.append(ConfigProblem("environment NEMO_CLIENT_ID", "", NOT_PLAIN))
    config = _assembled(values, env, file)
    problems += folder_problems(config.folders)
    if problems:
        raise UsageError(*problems)
    return config


def folder_problems(folders: Folders) -> list[ConfigProblem]:
    """Inbox, outbox and state, resolved, may not equal or contain one another."""
    named = [(f.name, Path(os.path.realpath(getattr(folders, f.name)))) for f in fields(folders)]
    problems = []
    for index, (name, folder) in enumerate(named):
        for other_name, other in named[index + 1 :]:
            if folder == other:
                problems.append(_overlap(name, f"is the same folder as {other_name} ({folder})"))
            elif folder in other.parents:
                problems.append(_overlap(other_name, f"{other} lies inside {name} ({folder})"))
            elif other in folder.parents:
                problems.append(_overlap(name, f"{folder} lies inside {other_name} ({other})"))
    return problems


def _overlap(name: str, problem: str) -> ConfigProblem:
    return ConfigProblem("folders", name, f"{problem}; give each its own place")


def _chosen_file(env: Mapping[str, str], path: Path | None) -> Path | None:
    if path is not None:
        return path
    named = config_paths(env)
    if env.get("NEMO_WATCH_CONFIG"):
        return named[0]
    return next((candidate for candidate in named if candidate.is_file()), None)


def _file_values(file: Path, problems: list[ConfigProblem | str]) -> dict[str, tuple[Any, str]]:
    try:
        with file.open(encoding="utf-8-sig") as opened:
            text, names = opened.read(), os.fstat(opened.fileno()).st_nlink
        raw = tomllib.loads(text)
    except OSError as error:
        problems.append(ConfigProblem(str(file), "", f"cannot be read ({error.strerror})"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        if "overwrite a value" in str(error) and (twice := _twice(text)):
            problems.append(ConfigProblem(f"{file}:{twice[1]}", twice[0], twice[2]))
        else:
            problems.append(ConfigProblem(str(file), "", f"is not TOML: {error}"))
    else:
        if (
            not names and file.is_file()
        ):  # a service to which this one file was bound, and an editor that saves by another
            problems.append(ConfigProblem(str(file), "", "was replaced; restart nemo-watch to read the new one"))
        flat = _flat(raw)
        return _read(flat, lambda key: f"{file}:{_line_of(text, key)}", problems)
    return {}


def _flat(table: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """`{"inbox": {"settle": "5s"}}` as `{"inbox.settle": "5s"}`; an empty table vanishes."""
    flat: dict[str, object] = {}
    for name, value in table.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict) and (key in TABLES or key not in KEYS):
            flat |= _flat(value, f"{key}.") if value or key in TABLES else {key: value}
        else:
            flat[key] = value
    return flat


def _line_of(text: str, key: str) -> int:
    """The line on which a key stands (1 for the first); its table's line, or 1, where it cannot be told."""
    table, _, name = key.rpartition(".")
    current, table_line = "", 1
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[\s*([^\[\]]+?)\s*\]", line):
            current = header[1].replace(" ", "").replace('"', "")
            table_line = number if current == table else table_line
        elif ((found := re.match(r"\s*\"?([\w.-]+)\"?\s*=", line)) and f"{current}.{found[1]}".lstrip(".") == key) or (
            found and current == table and found[1] == name
        ):
            return number
    return table_line


def _twice(text: str) -> tuple[str, int, str] | None:
    """The first key that stands twice, its line, and what to do; None where none can be told."""
    seen: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[\s*([^\[\]]+?)\s*\]", line):
            table = header[1].replace(" ", "").replace('"', "") + "."
        elif found := re.match(r"\s*\"?([\w.-]+)\"?\s*=", line):
            key = table + found[1]
            if key in seen:
                return key, number, f"stands twice, first on line {seen[key]}; keep one of them"
            seen[key] = number
    return None


def _read(
    raw: Mapping[str, object], where: Callable[[str], str], problems: list[ConfigProblem | str]
) -> dict[str, tuple[Any, str]]:
    values: dict[str, tuple[Any, str]] = {}
    for key, value in raw.items():
        if key in TABLES:
            problems.append(ConfigProblem(where(key), key, "must be a table"))
        elif key not in KEYS:
            problems.append(ConfigProblem(where(key), key, f"is not known{_hint(key)}"))
        else:
            try:
                values[key] = (KEYS[key][1](value), where(key))
            except ValueError as error:
                problems.append(ConfigProblem(where(key), key, str(error)))
    return values


def _hint(key: str) -> str:
    """The nearest known key: of the same table, or of that very name in another; a resemblance of the table alone is none."""
    table, _, name = key.rpartition(".")
    if "token" in name:
        return "; the token is no setting: it comes from NEMO_TOKEN, or from the systemd credential nemo_token"
    same = {known.rpartition(".")[2]: known for known in KEYS if known.rpartition(".")[0] == table}
    if near := difflib.get_close_matches(name, same, 1, _NEAR):
        return f"; did you mean {same[near[0]]}?"
    others = [known for known in KEYS if difflib.SequenceMatcher(None, name, known.rpartition(".")[2]).ratio() >= _NEAR]
    near = difflib.get_close_matches(key, others, 1, 0.0)
    return f"; did you mean {near[0]}?" if near else ""


def _assembled(values: Mapping[str, tuple[Any, str]], env: Mapping[str, str], file: Path | None) -> Config:
    def given(table: str) -> dict[str, Any]:
        return {KEYS[key][0]: value for key, (value, _) in values.items() if key.rpartition(".")[0] == table}

    folders = replace(default_folders(env), **given("folders"))
    return Config(
        folders=Folders(*(Path(os.path.abspath(getattr(folders, f.name))) for f in fields(folders))),  # noqa: PTH100  links stay
        service=replace(Service(pace=replace(Pace(), **given("service.pace"))), **given("service")),
        inbox=replace(Inbox(), **given("inbox")),
        outbox=replace(Outbox(), **given("outbox")),
        notify=replace(Notify(), **given("notify")),
        journal=replace(Sharing(), **given("journal")),
        client_id=env.get("NEMO_CLIENT_ID") or None,
        skill_source=env.get("SKILL_SOURCE") or None,
        sources={key: source for key, (_, source) in values.items()},
        path=file,
    )
