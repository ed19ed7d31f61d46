"""Two lines for a night of trouble: one when it comes, one when it goes."""

from __future__ import annotations

from structlog.testing import capture_logs

from nemo_watch.inbox.announcing import LINES_MAX, Announcer


def lines_of(*looks: list[str]) -> list[tuple[str, object]]:
    announcer = Announcer()
    with capture_logs() as lines:
        for problems in looks:
            announcer.tell(problems)
    return [(line["event"], line.get("problem", line.get("more_problems"))) for line in lines]


def test_a_problem_is_told_when_it_arises_and_when_it_is_over():
    assert lines_of([], ["away"], *[["away"]] * 1000, [], []) == [("inbox.troubled", "away"), ("inbox.healed", "away")]


def test_problems_are_told_apart():
    assert lines_of(["a"], ["a", "b"], ["b"]) == [
        ("inbox.troubled", "a"),
        ("inbox.troubled", "b"),
        ("inbox.healed", "a"),
    ]


def test_a_count_that_changes_is_no_new_problem():
    many = [f"The inbox holds {number} folders, too many for events." for number in (10_001, 10_002, 12_000)]
    assert lines_of(*([problem] for problem in many)) == [("inbox.troubled", many[0])]


def test_files_that_cannot_be_read_are_one_problem_however_many_and_whichever_is_the_first():
    many = [
        "1 file cannot be read: a (no).",
        "300 files cannot be read: the first is a (no).",
        "2 files cannot be read: the first is b (no).",
    ]
    assert lines_of(*([problem] for problem in many), []) == [("inbox.troubled", many[0]), ("inbox.healed", many[2])]


def test_folders_that_differ_by_a_number_are_two_problems():
    assert len(lines_of(["IMG_1 cannot be read: no."], ["IMG_2 cannot be read: no."])) == 3


def test_ten_thousand_unreadable_folders_are_a_few_lines():
    problems = [f"{number} cannot be read: Permission denied." for number in range(10_000)]
    lines = lines_of(problems, problems, [])
    assert len(lines) == 2 * (LINES_MAX + 1)
    assert lines[LINES_MAX] == ("inbox.troubled", 10_000 - LINES_MAX)


def test_looking_and_watching_tell(make_inbox, samples):
    """Through the room's own doors: the inbox goes for a night, and comes back."""
    inbox = make_inbox()
    inbox.put("x/a.jpg", samples.picture("JPEG"))
    inbox.settled()
    with capture_logs() as lines:
        inbox.folder.rename(inbox.folder.with_name("away"))
        for _ in range(100):
            inbox.look(30)
        inbox.folder.with_name("away").rename(inbox.folder)
        inbox.look(30)
    assert [line["event"] for line in lines] == ["inbox.troubled", "inbox.healed"]
    assert "is not there" in lines[0]["problem"]
