"""The README says what is so: its commands, tables, names and promises are compared with the code."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nemo_watch import config, status
from nemo_watch.commands.grammar import COMMANDS, OPTIONS
from nemo_watch.errors import FAILURES, FilmState, Need
from nemo_watch.inbox import media, prompt
from nemo_watch.keys import KEYS
from nemo_watch.model import Backend, Credits, FilmRow, LeftAlone, MediaKind, Overview, Watching
from nemo_watch.nemo.calls import Attribution
from nemo_watch.nemo.phrases import routed
from nemo_watch.nemo.refusals import CAUSES
from nemo_watch.studio.script import read_script
from tests.docs import readme

PAGE = readme.text()
ROOT = readme.ROOT
CI = (ROOT / ".ci" / "run").read_text("utf-8")
CITED = re.compile(r"README(?:'s)?(?:\s+(?:#\s*)?section)?\s+(?:#\s*)?\"([^\"]+)\"")


def test_the_first_screen_says_what_it_is_and_holds_the_two_commands():
    first = PAGE.partition("\n## ")[0]
    assert first.startswith("# nemo-watch\n\nDrop photos in a folder, get a video back.")
    assert len(first.splitlines()) <= 32
    demo, tests = readme.blocks(first, "sh")
    for command in (demo, tests):
        assert command.count("\n") == 1
        assert command.startswith(
            "python3 -m venv --without-pip .venv && "
        )  # neither ensurepip nor a writable system Python
    assert demo.endswith("&& .venv/bin/nemo-watch demo\n")
    assert tests.endswith("&& .venv/bin/python -m pytest\n")


def test_the_continuous_integration_runs_the_second_command_as_it_stands_and_nothing_after_it():
    _, command = readme.blocks(PAGE.partition("\n## ")[0], "sh")
    assert CI.endswith("\n" + command)


def test_the_continuous_integration_checks_what_the_readme_says():
    commands = [line for line in CI.splitlines() if not line.startswith("#")]
    for check in ("ruff format --check .", "ruff check .", "mypy", "lint-imports", "--cov-fail-under"):
        assert any(check in line for line in commands), check


def test_the_table_of_failures_is_the_codes_own():
    assert readme.rewritten(PAGE) == PAGE, "write it anew: python -m tests.docs.readme"
    assert len(readme.table(readme.section(PAGE, "When something is wrong"))) == len(FAILURES)


# -- names ---------------------------------------------------------------------------------------------------------------------


def _sources() -> list[Path]:
    """The project's own text files."""
    kinds = {".py", ".toml", ".service", ".sh", ".css", ".js", ".html", ".md"}
    folders = ("nemo_watch", "tests", "systemd", "config")
    found = [
        path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in kinds and path.is_file()
    ]
    return [*found, ROOT / "pyproject.toml", ROOT / ".ci" / "run", readme.PATH]


def test_every_section_of_the_readme_that_the_code_cites_is_there():
    known = set(readme.headings(PAGE))
    cited = {
        (str(path.relative_to(ROOT)), heading)
        for path in _sources()
        if path.parent != Path(__file__).parent
        for heading in CITED.findall(path.read_text("utf-8"))
    }
    assert len(cited) > 5
    assert [(path, heading) for path, heading in sorted(cited) if heading not in known] == []


def test_a_citation_is_found_in_every_form_that_it_is_written_in():
    forms = 'README "One"; the README\'s section "Two" says; # README\n# "Three"; README section "Four"'
    assert CITED.findall(forms) == ["One", "Two", "Three", "Four"]


STANDS_ALONE = re.compile(
    r"\bDESIGN\b|\bAPI\.md\b|\bSTYLE\.md\b|\bfacts/|\.\./shared|(?<![\w./%~-])/(?:root/(?!secret)|work/|opt/nw/)"
)


def test_the_tree_stands_alone():
    """Whoever has the repository has all that it cites."""
    cites = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in _sources()
        if path != Path(__file__)
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if STANDS_ALONE.search(line)
    ]
    assert cites == []


def test_every_link_leads_somewhere():
    links = re.findall(r"\[[^\]]+\]\(([^)]+)\)", readme.without_blocks(PAGE))
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in readme.headings(PAGE)}
    assert any(link.startswith("#") for link in links)
    for link in links:
        if link.startswith("#"):
            assert link[1:] in anchors, link
        elif not link.startswith("https://"):
            assert (ROOT / link).exists(), link


# -- the inbox -------------------------------------------------------------------------------------------------------------------


def test_the_formats_are_those_that_count():
    told = readme.section(PAGE, "The inbox")
    for label, kind in (("Photos", MediaKind.IMAGE), ("Clips", MediaKind.VIDEO), ("Music", MediaKind.AUDIO)):
        [names] = re.findall(rf"{label}: ([\w, ]+)\.", told)
        assert set(names.split(", ")) | ({"jpeg"} if kind is MediaKind.IMAGE else set()) == {
            name for name, of in media.FORMATS.items() if of is kind
        }


def test_the_example_of_a_prompt_is_two_messages():
    [example] = readme.blocks(readme.section(PAGE, "The prompt"), "")
    messages = prompt.words(example.encode()).messages
    assert [message.split()[0] for message in messages] == ["Make", "Add"]


@pytest.mark.parametrize(
    ("words", "action"), [(word, action) for row, action in zip(readme.table(readme.section(PAGE, "Routing words")), (
        "export", "credits", "status", "upload"), strict=True) for word in readme.code(row[0])],
)  # fmt: skip
def test_the_routing_words_are_routed_as_the_readme_says(words, action):
    assert routed(words) == action


def test_the_figures_of_the_inbox_are_the_defaults():
    told = readme.section(PAGE, "The inbox")
    usual = config.Inbox()
    assert f"`settle`\n({usual.settle_s:g} s)" in told
    assert f"`project_settle` ({usual.project_settle_s:g} s)" in told
    assert f"`prompt_wait` ({usual.prompt_wait_s / 60:g} minutes)" in told
    assert f"At most {usual.max_file_bytes / 1e6:g} MB a\nfile" in told
    assert f"at most {prompt.URLS_MAX};" in told


# -- commands and configuration --------------------------------------------------------------------------------------------------


def test_every_command_stands_in_the_table_with_its_own_options():
    rows = readme.table(readme.section(PAGE, "Commands"))
    told = {readme.code(row[0])[0].split()[1]: " ".join(row) for row in rows}
    assert set(told) == set(COMMANDS)
    for command, (_, arguments) in COMMANDS.items():
        for flags, _ in arguments:
            option = flags[0]
            assert not option.startswith("-") or option in told[command], f"{command} {option}"


def test_the_options_of_every_command_are_named():
    told = readme.section(PAGE, "Commands")
    for flags, _ in OPTIONS:
        assert flags[0] in told


def test_the_keys_of_the_configuration_are_known_ones():
    rows = readme.table(readme.section(PAGE, "Configuration"))
    keys = [key for row in rows for key in readme.code(row[0])]
    assert len(keys) > 5
    assert set(keys) <= set(KEYS)


def test_the_defaults_of_the_configuration_are_the_codes_own():
    shipped = tomllib.loads((ROOT / "config" / "nemo-watch.toml").read_text("utf-8"))
    for row in readme.table(readme.section(PAGE, "Configuration")):
        keys, told = readme.code(row[0]), readme.code(row[1])
        if len(keys) == 1 and told:
            table, _, name = keys[0].rpartition(".")
            assert tomllib.loads(f"value = {told[0]}")["value"] == shipped[table][name], keys[0]


def test_every_variable_of_the_environment_that_is_read_is_told():
    table = readme.table(readme.section(PAGE, "Configuration"), 1)
    told = {name for row in table for name in readme.code(row[0])}
    read = {
        name
        for path in (ROOT / "nemo_watch").rglob("*.py")
        for name in re.findall(r'"(NEMO_[A-Z_]+|SKILL_[A-Z_]+|NO_COLOR)"', path.read_text("utf-8"))
    }
    assert read <= told


# -- for programs --------------------------------------------------------------------------------------------------------------------


def _shape(value: object) -> Any:
    if isinstance(value, dict):
        return {key: _shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shape(item) for item in value]
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


def test_the_example_of_the_status_has_the_shape_of_a_real_one():
    [example] = readme.blocks(readme.section(PAGE, "status --json"), "json")
    moment = datetime(2026, 11, 22, 15, 42, 7, tzinfo=UTC)
    row = FilmRow("wedding/a", 2, FilmState.WORKING, "rendering (40%)", 0.72, None, "wedding/a.mp4", moment)
    overview = Overview(
        (row,),
        (LeftAlone("wedding/notes.pdf", "wedding", "why"),),
        Backend.CLOUD,
        Credits(60, 40, 100),
        Watching("events"),
    )
    real = json.loads(status.dumps(overview))
    told = json.loads(example)
    assert _shape(told) == _shape(real)
    assert told["projects"] == real["projects"]


def test_every_state_and_every_need_is_explained():
    part = readme.section(PAGE, "status --json")
    rows = readme.table(part)
    assert [readme.code(row[0])[0] for row in rows] == [str(state) for state in FilmState]
    [needs] = [row[1] for row in rows if readme.code(row[0]) == ["needs_you"]]
    assert set(readme.code(needs)) - {"needs"} == {str(need) for need in Need}


# -- the service ----------------------------------------------------------------------------------------------------------------------------


def test_the_headers_are_those_that_are_sent():
    rows = readme.table(readme.section(PAGE, "The service"))
    told = {readme.code(row[0])[0]: readme.code(row[1]) for row in rows}
    assert told.pop("Authorization") == ["Bearer <token>"]
    sent = Attribution().headers()
    assert told.keys() == sent.keys()
    assert all(value in told[name] for name, value in sent.items())


def test_the_codes_are_those_that_are_understood():
    rows = readme.table(readme.section(PAGE, "The service's answers"))
    http = {401, 413, 415}  # statuses that mean one of the codes; the text above the table says so
    assert {int(row[0]) for row in rows} == ({*CAUSES} - http) | {400}


# -- the studio ------------------------------------------------------------------------------------------------------------------------


def test_the_example_of_a_script_can_be_played():
    [example] = readme.blocks(readme.section(PAGE, "The studio"), "toml")
    script = read_script(tomllib.loads(example))
    assert len(script.rules) == 2
    assert script.settings


# -- the code and the tests ----------------------------------------------------------------------------------------------------------------


def test_the_rooms_are_those_of_the_package():
    [tree] = readme.blocks(readme.section(PAGE, "How the code is laid out"), "")
    told = set(re.findall(r"(\w+/|\w+\.py)(?=\s|$)", tree)) - {"nemo_watch/"}
    package = ROOT / "nemo_watch"
    real = {f"{path.parent.name}/" for path in package.glob("*/**/__init__.py")} | {
        path.name for path in package.glob("*.py")
    }
    assert told == real - {"__init__.py"}


def test_the_floors_are_those_that_are_checked():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    [layers] = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    assert f"`{' > '.join(layers)}`" in readme.section(PAGE, "How the code is laid out")


def test_every_folder_of_tests_is_told_and_there():
    rows = readme.table(readme.section(PAGE, "Tests"))
    told = {name for row in rows for name in readme.code(row[0])}
    real = {f"tests/{path.parent.name}" for path in (ROOT / "tests").glob("*/*.py")}
    assert told == real


def test_every_path_that_is_named_is_there():
    for path in re.findall(r"`((?:nemo_watch|tests|systemd|config|\.ci)/[\w./-]+)`", PAGE):
        assert (ROOT / path).exists(), path


def test_the_commands_in_blocks_are_commands_of_the_program():
    words = {
        line.split("nemo-watch ", 1)[1].split()[0]
        for block in readme.blocks(PAGE, "sh")
        for line in block.splitlines()
        if "nemo-watch " in line and not line.startswith("cp ")
    }
    assert words
    assert words <= set(COMMANDS)


def test_the_services_exposure_is_what_the_readme_says():
    import shutil

    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze here")
    unit = ROOT / "systemd" / "nemo-watch.service"
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)],
        capture_output=True, text=True, env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
    )  # fmt: skip
    found = re.search(r"Overall exposure level[^:]*: ([\d.]+)", done.stdout)
    if found is None:
        pytest.skip(f"this systemd-analyze judges no files: {done.stderr.strip()[:200]}")
    assert f"exposure {found[1]} by" in PAGE
    assert float(found[1]) <= 1.2
