"""What people get wrong: each a plain sentence with the next move, no traceback, nothing lost, nothing paid."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.cloud import Cloud
from tests.e2e.house import House, photo

WITHIN_S = 120.0


def refused(house: House, *words: str) -> str:
    """What a command that ends with 2 says; never a traceback."""
    done = house.command(*(words or ("run", "--once")))
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done.stderr


# -- the config ----------------------------------------------------------------------------------------------------------------


def test_every_problem_of_a_config_is_told_at_once_with_its_key_and_line(house: House):
    house.config.write_text(
        f'[folders]\ninbox = "{house.inbox}"\noutbox = 7\n\n[inbox]\nsettle = "soon"\nsetle = "1s"\nwatch = "sometimes"\n\n'
        "[service]\npaid_messages_a_day = -1\n[service.pace]\nrender_poll = 30\n[nonsense]\nx = 1\n",
        "utf-8",
    )
    said = refused(house)
    problems = [
        (3, "outbox"),
        (6, "settle"),
        (7, "setle"),
        (8, "watch"),
        (11, "paid_messages_a_day"),
        (13, "render_poll"),
        (15, "nonsense"),
    ]
    for line, key in problems:
        assert any(f":{line}:" in told and key in told for told in said.splitlines()), (line, key, said)
    assert len(said.splitlines()) == 7


@pytest.mark.parametrize(
    "text", ["[folders\ninbox = 1", "just words", "\x00\x01", '[inbox]\nsettle = "1s"\nsettle = "2s"']
)
def test_a_config_that_is_no_toml_is_told(house: House, text: str):
    house.config.write_text(text, "utf-8")
    assert str(house.config) in refused(house)


def test_a_config_that_is_not_there_is_told(house: House):
    house.config.unlink()
    assert str(house.config) in refused(house)


@pytest.mark.parametrize(
    "folders",
    [
        {"outbox": "inbox"},
        {"outbox": "inbox/out"},
        {"inbox": "outbox/in"},
        {"state": "inbox/.state"},
        {"state": "outbox/state"},
        {"outbox": "state/out"},
        {"outbox": "link-to-inbox"},
    ],
)
def test_folders_that_contain_one_another_are_refused(house: House, folders: dict[str, str]):
    (house.root / "link-to-inbox").symlink_to(house.inbox)
    house.configure({"folders": {name: str(house.root / where) for name, where in folders.items()}})
    assert "give each its own place" in refused(house)


def test_an_inbox_that_does_not_exist_is_told_with_what_to_do(house: House):
    house.inbox.rmdir()
    said = refused(house)
    assert str(house.inbox) in said
    assert "mkdir" in said
    assert not house.inbox.exists()


@pytest.mark.parametrize("name", ["inbox", "outbox", "state"])
def test_a_file_where_a_folder_should_be_is_told(house: House, name: str):
    folder = getattr(house, name)
    if folder.exists():
        folder.rmdir()
    folder.write_text("a file")
    assert str(folder) in refused(house)
    assert folder.read_text() == "a file"


@pytest.mark.parametrize(
    "words", [("run", "--wat"), ("no-such-command",), ("retry",), ("service",), ("run", "too", "many")]
)
def test_wrong_usage_ends_with_2(house: House, words: tuple[str, ...]):
    refused(house, *words)


@pytest.mark.parametrize("url", ["ftp://example.org", "not a url", "http://", "https://user:secret@example.org"])
def test_an_api_url_that_is_none_is_told_without_its_secret(house: House, url: str):
    house.env["NEMO_API_URL"] = url
    said = refused(house)
    assert "NEMO_API_URL" in said
    assert "secret" not in said


@pytest.mark.parametrize("token", ["two words", "new\nline", "übel"])
def test_a_token_that_cannot_be_one_is_told_without_showing_it(house: House, token: str):
    house.env["NEMO_TOKEN"] = token
    said = refused(house)
    assert "NEMO_TOKEN" in said
    assert token not in said


def test_a_command_shows_help_on_the_way_in():
    import subprocess

    from tests.e2e.house import COMMAND

    assert "usage:" in subprocess.run([COMMAND, "--help"], capture_output=True, text=True, check=True).stdout
    bare = subprocess.run([COMMAND], capture_output=True, text=True)
    assert bare.returncode == 2
    assert "usage:" in bare.stderr


# -- the disk and the network --------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_an_outbox_that_cannot_be_written_is_told(house: House):
    house.outbox.mkdir()
    house.outbox.chmod(0o500)
    assert str(house.outbox) in refused(house)


@pytest.mark.slow
def test_no_network_at_all_is_a_wait_and_every_command_says_so_plainly(make_house: Callable[..., House]):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        house = make_house(None, url=f"http://127.0.0.1:{closed.getsockname()[1]}")
        house.project("far", "A film from far away")
        house.start()
        row = house.until(
            lambda: (
                house.row("far").get("state") == "queued"
                and "reached" in house.row("far")["detail"]
                and house.row("far")
            )
        )
        assert row["needs"] is None
        for words in (("credits",), ("link", "far"), ("doctor",)):
            said = house.command(*words)
            assert said.returncode != 2 or words == ("link", "far")
            assert "Traceback" not in said.stdout + said.stderr
        assert house.stop() == 0
    assert not house.videos()


def test_an_inbox_that_goes_away_and_comes_back_is_a_pause_in_which_nothing_is_forgotten(house: House, cloud: Cloud):
    house.project("there", "A film that is there")
    house.start()
    house.until_done("there")
    away = house.root / "away"
    house.inbox.rename(away)
    house.until(lambda: house.status()["watching"]["problems"])
    assert "inbox" in house.status()["watching"]["problems"][0]
    away.rename(house.inbox)
    house.until(lambda: not house.status()["watching"]["problems"])
    house.project("new", "A film after the return")
    house.until_done("new")
    assert house.row("there")["state"] == "done"
    assert cloud.messages == ["A film that is there", "A film after the return"]


@pytest.mark.parametrize("kind", ["link", "file"])
def test_a_name_that_is_taken_in_the_outbox_by_no_folder_is_not_followed_and_holds_nobody_else_up(
    house: House, cloud: Cloud, kind: str
):
    elsewhere = house.root / "elsewhere"
    elsewhere.mkdir()
    house.outbox.mkdir()
    if kind == "link":
        (house.outbox / "a-taken").symlink_to(elsewhere)
    else:
        (house.outbox / "a-taken").write_text("a person's notes")
    house.project("a-taken", "A film whose name is taken")
    house.project("b-other", "A film of somebody else")
    house.start()
    house.until_done("b-other")
    row = house.until_state("a-taken", "done", "needs_you")
    assert row["needs"] in {None, "space"}
    assert list(elsewhere.iterdir()) == []
    assert kind == "link" or (house.outbox / "a-taken").read_text() == "a person's notes"


def test_a_project_folder_of_the_outbox_that_is_swapped_for_a_link_holds_nobody_else_up_and_is_not_followed(
    house: House, cloud: Cloud
):
    house.project("a-swapped", "A film in a folder that is swapped")
    house.start()
    house.until_done("a-swapped")
    elsewhere = house.root / "elsewhere"
    elsewhere.mkdir()
    (house.outbox / "a-swapped").rename(house.root / "kept")
    (house.outbox / "a-swapped").symlink_to(elsewhere)
    house.write("a-swapped/prompt.txt", "A film in a folder that is swapped, 20 seconds")
    house.project("b-other", "A film of somebody else")
    house.until_done("b-other")
    house.until_state("a-swapped", "needs_you", "queued")
    assert list(elsewhere.iterdir()) == []
    (house.outbox / "a-swapped").unlink()
    (house.root / "kept").rename(house.outbox / "a-swapped")
    assert house.command("retry", "a-swapped").returncode == 0
    house.until_done("a-swapped", 2)
    assert cloud.messages.count("A film in a folder that is swapped, 20 seconds") == 1


# -- what lies in the inbox ----------------------------------------------------------------------------------------------------


def test_what_is_not_media_is_left_alone_and_named_with_a_reason(street: House):
    street.write("mixed/prompt.txt", "A film of what is usable")
    strange = {
        "mixed/letter.docx": b"PK\x03\x04 no photo", "mixed/raw.cr2": b"II*\0 raw", "mixed/empty.jpg": b"",
        "mixed/.hidden.jpg": photo("hidden"), "mixed/Thumbs.db": b"junk", "mixed/coming.jpg.part": b"half",
        "mixed/program.jpg": b"MZ\x90\0" + bytes(500), "mixed/notes.md": b"# notes",
    }  # fmt: skip
    for path, data in strange.items():
        street.write(path, data)
    street.photos("mixed/good.jpg")
    (street.inbox / "mixed/link.jpg").symlink_to(street.inbox / "mixed/good.jpg")
    os.mkfifo(street.inbox / "mixed/pipe.jpg")
    (street.inbox / "mixed/coming.jpg.part").unlink()  # it would hold the project up, as it should
    before = {path: (street.inbox / path).read_bytes() for path in strange if "part" not in path}
    street.until_done("mixed")
    for path in [*before, "mixed/link.jpg", "mixed/pipe.jpg"]:
        entry = street.until(lambda path=path: street.file(path))
        assert entry["project"] == "mixed"
        assert entry["reason"]
    assert {path: (street.inbox / path).read_bytes() for path in before} == before
    assert street.file("mixed/good.jpg") is None
    uploads = [
        asked for asked in street.cloud.asked("upload") if asked.session == street.cloud.asked("run_sse")[-1].session
    ]
    assert len(uploads) == 1


def test_an_empty_folder_waits_and_says_for_what(street: House):
    (street.inbox / "nothing").mkdir()
    street.until(lambda: street.row("nothing") or street.cloud)
    street.project("something", "A film beside nothing")
    street.until_done("something")
    assert not (street.inbox / "nothing/prompt.txt").exists()
    assert street.row("nothing").get("state") in {None, "settling"}
    street.photos("nothing/first.jpg")
    street.until_done("nothing")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("binary", bytes(range(256)) * 4),
        ("rich", b"{\\rtf1\\ansi A film}"),
        ("word", b"PK\x03\x04" + bytes(200)),
        ("latin", "Ein schöner Film".encode("latin-1")),
        ("nul", b"A film\0of nothing"),
    ],
)
def test_a_prompt_that_is_no_text_needs_a_file_and_is_not_touched_and_a_better_one_goes_on(
    street: House, name: str, data: bytes
):
    name = f"prompt-{name}"
    street.write(f"{name}/prompt.txt", data)
    street.photos(f"{name}/a.jpg")
    row = street.until_state(name, "needs_you")
    assert row["needs"] == "file"
    assert "prompt.txt" in row["detail"]
    assert "plain text" in street.until(lambda: street.text(f"{name}/NEEDS-YOU.txt"))
    assert (street.inbox / name / "prompt.txt").read_bytes() == data
    paid = street.cloud.count("run_sse")
    street.write(f"{name}/prompt.txt", f"A film {name}")
    street.until_done(name)
    assert street.cloud.count("run_sse") == paid + 1


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("bom", "\ufeffA film with a mark".encode()),
        ("crlf", b"A film\r\nwith lines\r\n"),
        ("utf-16", "A film of sixteen bits".encode("utf-16")),
        ("comments", b"# nothing\nA film with comments\n# more\n"),
        ("separator", "A film with\u2028a separator".encode()),
    ],
)
def test_a_prompt_of_any_editor_is_read(street: House, name: str, data: bytes):
    paid = street.cloud.count("run_sse")
    street.write(f"editor-{name}/prompt.txt", data)
    street.photos(f"editor-{name}/a.jpg")
    street.until_done(f"editor-{name}")
    told = {
        "bom": "A film with a mark", "crlf": "A film\nwith lines", "utf-16": "A film of sixteen bits",
        "comments": "A film with comments", "separator": "A film with\u2028a separator",
    }  # fmt: skip
    assert street.cloud.messages[paid:] == [told[name]]


def test_an_emptied_prompt_waits_for_words(street: House):
    street.write("emptied/prompt.txt", "")
    street.photos("emptied/a.jpg")
    row = street.until_state("emptied", "waiting_for_prompt")
    assert "no words" in row["detail"]
    assert (street.inbox / "emptied/prompt.txt").read_bytes() == b""
    street.write("emptied/prompt.txt", "A film with words at last")
    street.until_done("emptied")


def test_a_photo_that_is_cut_off_holds_its_project_until_it_is_whole(street: House):
    whole = photo("cut-off", (400, 300))
    street.write("slow/prompt.txt", "A film of a slow copy")
    street.write("slow/a.jpg", whole[: len(whole) // 2])
    street.until(lambda: street.file("slow/a.jpg"))
    assert street.row("slow")["state"] == "settling"
    with (street.inbox / "slow/a.jpg").open("ab") as copy:
        copy.write(whole[len(whole) // 2 :])
    street.until_done("slow")
    assert [words for words in street.cloud.messages if "slow copy" in words] == ["A film of a slow copy"]


def test_a_file_over_the_limit_is_left_alone_and_never_sent(house: House, cloud: Cloud):
    house.configure({"inbox": {"max_file": "20KB"}})
    house.write("big/prompt.txt", "A film without the big one")
    house.photos("big/small.jpg")
    house.write("big/large.jpg", photo("large") + bytes(30_000))
    house.start()
    house.until_done("big")
    assert "larger than" in house.file("big/large.jpg")["reason"]
    assert cloud.count("upload") == 1


@pytest.mark.parametrize(
    "name",
    [
        "a b & c; rm -rf ~", "'\"`$(reboot)", "con", "NEEDS-YOU.txt", "status.json", "ünï-日本語-🎬", "x" * 200,
        "trailing. ", "-rf", "%s%n", "<script>alert(1)", "\x1b[31mred", "line\nbreak",
    ],
)  # fmt: skip
def test_a_folder_of_any_name_becomes_a_video_in_the_outbox_and_nowhere_else(street: House, name: str):
    street.project(name, f"A film called {name!a}", 1)
    row = street.until_done(name)
    video = Path(row["video"])
    assert len(video.parts) == 2
    assert ".." not in video.parts
    assert (street.outbox / video).is_file()
    assert row["name"] == name
    assert len(os.fsencode(video.parts[0])) <= 200
    assert video.parts[0] not in {"NEEDS-YOU.txt", "status.json", "index.html"}


def test_names_that_differ_only_in_case_do_not_meet_in_the_outbox(street: House):
    street.project("Case", "A film in capitals", 1)
    street.project("case", "A film in small letters", 1)
    one, two = street.until_done("Case"), street.until_done("case")
    assert one["video"].casefold() != two["video"].casefold()


def test_a_name_that_is_no_text_is_shown_escaped_and_made_all_the_same(street: House):
    raw = os.fsencode(street.inbox) + b"/caf\xe9"
    os.mkdir(raw)  # noqa: PTH102  as below
    with open(raw + b"/a.jpg", "wb") as file:  # noqa: PTH123  a name that no Path of text can hold portably
        file.write(photo("cafe"))
    street.until_done(os.fsdecode(b"caf\xe9"))
    assert street.command("status").returncode in {0, 1}


def test_a_whole_tree_deep_inside_a_project_belongs_to_it(street: House):
    street.write("deep/prompt.txt", "A film of the deep")
    street.photos("deep/one/a.jpg", "deep/one/two/b.jpg")
    street.until_done("deep")
    session = next(asked.session for asked in street.cloud.asked("run_sse") if "deep" in asked.words)
    assert len([asked for asked in street.cloud.asked("upload") if asked.session == session]) == 2


@pytest.mark.slow
def test_a_folder_that_vanishes_while_its_film_is_made_does_no_harm(street: House):
    import shutil

    gate = street.cloud.hook("render", "asked", holds=True)
    street.project("vanishing", "A film that goes away")
    assert gate.happened.wait(WITHIN_S)
    shutil.rmtree(street.inbox / "vanishing")
    gate.released.set()
    street.until((street.outbox / "vanishing/vanishing-v1.mp4").exists)
    street.project("staying", "A film that stays")
    street.until_done("staying")
