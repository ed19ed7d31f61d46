"""The clause table of the README: every row names code that is there and a test that is there, and no heading is left out."""

from __future__ import annotations

import ast
import functools
import re

import pytest

from tests.docs import readme

ROWS = readme.table(readme.section(readme.text(), "Clause by clause"))
HEADINGS = (
    "Getting Started",
    "First-Time Connection",
    "Matching Input to Actions",
    "Cloud Render Pipeline Details",
    "Error Codes",
    "Translating GUI Instructions",
    "SSE Event Handling",
    "Common Workflows",
    "Tips and Tricks",
)
"""The headings of the service's text, in its order."""
CODES = ("0", "1001", "1002", "2001", "4001", "4002", "400", "402", "429")
"""Its error codes, in its order."""


@functools.cache
def names_in(path: str) -> frozenset[str]:
    """Every function, class and constant of a module; a class's own as `Class.name`."""
    names: set[str] = set()

    def collect(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.add(prefix + node.name)
            if isinstance(node, ast.ClassDef):
                collect(node.body, f"{prefix}{node.name}.")
            targets = (
                node.targets
                if isinstance(node, ast.Assign)
                else [node.target]
                if isinstance(node, ast.AnnAssign)
                else []
            )
            names.update(prefix + target.id for target in targets if isinstance(target, ast.Name))

    collect(ast.parse((readme.ROOT / path).read_text("utf-8")).body, "")
    return frozenset(names)


def missing(reference: str, folder: str) -> str | None:
    """What is wrong with `path::name`, or with a bare `path`; None when it is there."""
    path, _, name = reference.partition("::")
    if not (readme.ROOT / folder / path).is_file():
        return f"{folder}/{path} is not there"
    if path.endswith(".py") and name not in names_in(f"{folder}/{path}"):
        return f"{folder}/{path} has no {name or 'name given'}"
    return None


@pytest.mark.parametrize("row", ROWS, ids=[row[0][:40] for row in ROWS])
def test_a_clause_names_code_and_a_test_that_are_there(row):
    said, heading, where, held_by = row
    assert said
    assert heading in HEADINGS
    places, tests = readme.code(where), readme.code(held_by)
    assert places
    assert tests
    assert [wrong for place in places if (wrong := missing(place, "nemo_watch"))] == []
    assert [wrong for test in tests if (wrong := missing(test, "tests"))] == []
    for test in tests:
        assert re.search(r"::test_\w+$", test) or "/golden/" in test, f"{test} is no test"


def test_a_golden_exchange_is_played_by_a_test():
    played = (readme.ROOT / "tests/nemo/test_client.py").read_text("utf-8")
    assert 'glob("golden/*.json")' in played


def test_every_heading_of_the_text_has_its_clauses():
    assert {row[1] for row in ROWS} == set(HEADINGS)


def test_every_error_code_has_its_row_in_the_texts_order():
    told = [readme.code(row[0])[0] for row in ROWS if row[1] == "Error Codes"]
    assert told == list(CODES)


@pytest.mark.parametrize(
    ("reference", "folder", "wrong"),
    [
        ("errors.py::FAILURES", "nemo_watch", None),
        ("nemo/account.py::Account.bearer", "nemo_watch", None),
        ("errors.py::FAILINGS", "nemo_watch", "nemo_watch/errors.py has no FAILINGS"),
        ("errors.py", "nemo_watch", "nemo_watch/errors.py has no name given"),
        ("errands.py::FAILURES", "nemo_watch", "nemo_watch/errands.py is not there"),
        ("nemo/golden/session.json", "tests", None),
    ],
)
def test_what_is_not_there_is_noticed(reference, folder, wrong):
    assert missing(reference, folder) == wrong
