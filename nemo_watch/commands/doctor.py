"""`doctor`: what is in force, what was checked, what was found, and what to do; changes nothing and spends nothing."""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from nemo_watch import __version__
from nemo_watch.commands.acting import become_owner
from nemo_watch.commands.checks.finding import Finding, Grade, fine, note
from nemo_watch.commands.checks.folders import folder_findings
from nemo_watch.commands.checks.journal import journal_findings
from nemo_watch.commands.checks.machine import machine_findings
from nemo_watch.commands.checks.service import reached, service_findings
from nemo_watch.commands.checks.settings import settings
from nemo_watch.commands.configuring import configured
from nemo_watch.commands.speaking import on_terminal, say
from nemo_watch.shown import shown

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from nemo_watch.config import Config

_COLOURS: Final = {Grade.FINE: "32", Grade.NOTE: "36", Grade.WRONG: "1;31"}  # Source: ECMA-48 SGR


def run(options: argparse.Namespace) -> int:
    """Print the configuration and every finding; 1 when something is wrong."""
    config = configured(options)
    become_owner(config)
    say("Configuration")
    for key, value, source in settings(config):
        say(f"  {key:32} {shown(value):34} {shown(source)}")
    say("\nChecks")
    colours = on_terminal(sys.stdout) and not os.environ.get("NO_COLOR")
    bad = 0
    for finding in findings(config):
        bad += finding.grade is Grade.WRONG
        for line in finding_lines(finding, colours=colours):
            say(line)
        sys.stdout.flush()  # the network may take its time
    say("\n" + ("All is well." if not bad else f"{bad} thing{'s' if bad > 1 else ''} to put right."))
    return 1 if bad else 0


def findings(config: Config) -> Iterator[Finding]:
    """Every check, the quick ones first."""
    now = datetime.now(UTC)
    yield fine(
        "version",
        f"nemo-watch {__version__}, Python {platform.python_version()}, {platform.system()} {platform.release()}",
    )
    if config.path is None:
        yield note("config", "no file; built-in values", "to have one: nemo-watch init")
    else:
        yield fine("config", f"{shown(str(config.path))} can be read and makes sense")
    yield from folder_findings(config)
    yield from machine_findings(config, now)
    yield from journal_findings(config)
    yield from service_findings(config, os.environ, now, reached)


def finding_lines(finding: Finding, *, colours: bool) -> Iterable[str]:
    """The finding, and under it what to do."""
    grade = f"{finding.grade.value:5}"
    if colours:
        grade = f"\x1b[{_COLOURS[finding.grade]}m{grade}\x1b[0m"
    yield f"  {grade} {finding.what:14} {finding.found}"
    if finding.todo:
        yield f"  {'':5} {'':14} → {finding.todo}"
