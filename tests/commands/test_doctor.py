from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from nemo_watch.commands import doctor
from nemo_watch.commands.checks import folders, journal, machine, service
from nemo_watch.commands.checks.finding import Finding, Grade
from nemo_watch.commands.checks.settings import settings, written
from nemo_watch.config import Inbox, Notify, Sharing, load
from nemo_watch.jobs import hosts
from nemo_watch.jobs.postgres import open_postgres
from nemo_watch.keys import KEYS
from nemo_watch.status import needs_text
from tests.commands.conftest import row

NOW = datetime(2026, 11, 22, 15, 42, tzinfo=UTC)


def answering(status: int = 404, date: datetime | None = NOW) -> Callable[[str], service.Answer]:
    return lambda _url: service.Answer(status, date)


def unreachable(_url: str) -> service.Answer:
    raise OSError("Name or service not known")


def limits(folder: Path, watches: int, instances: int = 128) -> Path:
    (folder / "max_user_watches").write_text(f"{watches}\n")
    (folder / "max_user_instances").write_text(f"{instances}\n")
    return folder


def by_name(found) -> dict[str, Finding]:
    return {finding.what: finding for finding in found}


# -- the command ---------------------------------------------------------------------------------------------------------------


def test_all_well_ends_with_0(run, config, monkeypatch):
    monkeypatch.setattr(doctor, "reached", answering(date=None))
    ended = run("doctor")
    assert ended.code == 0, ended.out
    assert ended.out.endswith("All is well.\n")


def test_something_wrong_ends_with_1_and_says_what_to_do(run, config, monkeypatch):
    monkeypatch.setattr(doctor, "reached", unreachable)
    config.folders.inbox.rmdir()
    ended = run("doctor")
    assert ended.code == 1
    assert f"WRONG inbox          {config.folders.inbox} is not there\n" in ended.out
    assert "→ make it: nemo-watch init" in ended.out
    assert "WRONG network" in ended.out
    assert ended.out.endswith("2 things to put right.\n")


def test_doctor_changes_nothing(run, config, monkeypatch, home):
    monkeypatch.setattr(doctor, "reached", answering())
    before = sorted(home.rglob("*"))
    run("doctor")
    assert sorted(home.rglob("*")) == before


def test_no_secret_is_shown_wherever_it_stands(run, config, monkeypatch, home):
    monkeypatch.setattr(doctor, "reached", unreachable)
    monkeypatch.setenv("NEMO_TOKEN", "nmv_usr_5ecret")
    monkeypatch.setenv("HTTPS_PROXY", "http://ann:5ecret@proxy:3128")
    (home / "c.toml").write_text('[notify]\nurls = ["tgram://5ecret/5ecret"]\n')
    ended = run("doctor", "--config", str(home / "c.toml"))
    assert "5ecret" not in ended.out + ended.err
    assert "there, from NEMO_TOKEN (not shown)" in ended.out
    assert 'tgram://***"' in ended.out
    assert "proxy:3128" in ended.out


# -- the configuration ---------------------------------------------------------------------------------------------------------


def test_every_key_is_told_with_its_value_and_where_it_came_from(home, monkeypatch):

    (home / "c.toml").write_text('[inbox]\nsettle = "7s"\n')
    monkeypatch.setenv("NEMO_API_URL", "http://127.0.0.1:1")
    found = load(path=home / "c.toml", options={"folders.inbox": "/x", "service.backend": "studio"})
    told = {key: (value, source) for key, value, source in settings(found)}
    assert set(told) == set(KEYS)
    assert told["inbox.settle"] == ('"7s"', f"{home}/c.toml:2")
    assert told["folders.inbox"] == ('"/x"', "option --inbox")
    assert told["service.backend"] == ('"studio"', "option --studio")
    assert told["service.url"] == ('"http://127.0.0.1:1"', "environment NEMO_API_URL")
    assert told["inbox.rescan"] == ('"30s"', "default")


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("x_s", 0.5, '"500ms"'), ("x_s", 90.0, '"90s"'), ("x_s", 7200.0, '"2h"'), ("x_s", 0.0, '"0ms"'), ("x_s", float("inf"), '"forever"'),
        ("x_bytes", 500_000_000, '"500MB"'), ("x_bytes", 1, '"1B"'), ("x_s", (30.0, 60.0), '["30s", "1m"]'), ("x", True, "true"), ("x", 3, "3"),
    ],
)  # fmt: skip
def test_values_are_written_as_the_file_would_have_them(name, value, text):
    assert written(name, value) == text


def test_what_is_written_can_be_read_back():
    from nemo_watch.keys import duration_s, size_bytes

    for seconds in (0.001, 0.25, 1.5, 59.0, 60.0, 61.0, 3600.0, 86400.0):
        assert duration_s(written("x_s", seconds).strip('"')) == pytest.approx(seconds)
    for size in (1, 999, 1000, 1_500_000, 2 * 10**9):
        assert size_bytes(written("x_bytes", size).strip('"')) == size


def test_a_journals_password_is_masked(config):
    told = {
        key: value
        for key, value, _ in settings(replace(config, journal=Sharing("postgresql://u:5ecret@h/db"), notify=Notify()))
    }
    assert told["journal.url"] == '"postgresql://***@h/db"'


# -- folders ---------------------------------------------------------------------------------------------------------------------


def test_folders_that_can_be_used_are_fine(config):
    assert {finding.grade for finding in folders.folder_findings(config)} == {Grade.FINE}


def test_a_state_folder_open_to_others_is_wrong(config):
    config.folders.state.chmod(0o755)
    found = by_name(folders.folder_findings(config))["state"]
    assert found.grade is Grade.WRONG
    assert "chmod 700" in found.todo


def test_a_file_in_the_place_of_a_folder_is_told(config):
    config.folders.outbox.rmdir()
    config.folders.outbox.write_text("")
    assert "is not a folder" in by_name(folders.folder_findings(config))["outbox"].found


def test_ones_own_state_folder_that_cannot_be_written_is_wrong(config, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, _mode: path != config.folders.state)  # root may write everything
    found = by_name(folders.folder_findings(config))["state"]
    assert found.grade is Grade.WRONG
    assert f"chmod 700 {config.folders.state}" in found.todo


@pytest.mark.parametrize("below", ["", "x"])
def test_a_file_in_the_place_of_the_state_folder_is_not_to_be_closed_to_others(config, below):
    config.folders.state.rmdir()
    config.folders.state.write_text("")
    config.folders.state.chmod(0o644)
    state = config.folders.state / below
    found = by_name(folders.folder_findings(replace(config, folders=replace(config.folders, state=state))))["state"]
    assert found.grade is Grade.WRONG
    assert found.found == f"{state} is not a folder"
    assert "chmod" not in found.todo


def test_a_state_folder_that_is_not_there_yet_is_no_fault(config):
    config.folders.state.rmdir()
    assert by_name(folders.folder_findings(config))["state"].grade is Grade.NOTE


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders away")
def test_prompts_that_another_account_writes_need_a_shared_folder(config):
    os.chown(config.folders.state, 65534, 65534)
    os.chown(config.folders.inbox, 1, 1)
    found = by_name(folders.folder_findings(config))["prompts"]
    assert found.grade is Grade.WRONG
    assert "chmod 2775" in found.todo
    config.folders.inbox.chmod(0o2775)
    assert by_name(folders.folder_findings(config))["prompts"].grade is Grade.FINE


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders away")
def test_an_owner_outside_of_the_inboxs_group_cannot_edit_the_prompts(config):
    os.chown(config.folders.state, 65534, 65534)
    os.chown(config.folders.inbox, 1, 65534)
    config.folders.inbox.chmod(0o2775)
    found = by_name(folders.folder_findings(config))["prompts"]
    assert found.grade is Grade.WRONG
    assert "usermod -aG" in found.todo


def test_a_prompt_that_cannot_be_edited_is_named(config, monkeypatch):
    for name in ("beach", "garden"):
        (config.folders.inbox / name).mkdir()
        (config.folders.inbox / name / "prompt.txt").write_text("x")
    locked = config.folders.inbox / "garden" / "prompt.txt"
    real = os.access  # root may write everything, so its answer is given for it
    monkeypatch.setattr(os, "access", lambda path, mode: path != locked and real(path, mode))
    assert folders.locked_prompt(config.folders.inbox) == locked
    found = by_name(folders.folder_findings(config))["prompts"]
    assert found.grade is Grade.WRONG
    assert f"chmod g+rw {locked}" in found.todo


def test_a_full_disk_is_told_with_how_much_is_left(config, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _path: type("Usage", (), {"free": 10**8})())
    found = by_name(folders.folder_findings(config))["room (outbox)"]
    assert (found.grade, found.found) == (Grade.WRONG, "0.1 GB free")


# -- the machine -----------------------------------------------------------------------------------------------------------------


def test_more_folders_than_the_kernel_watches_is_wrong_with_the_number_to_set(config, tmp_path):
    for number in range(9):
        (config.folders.inbox / str(number)).mkdir()
    found = machine.watching(config, limits(tmp_path, 9))
    assert found.grade is Grade.WRONG
    assert "max_user_watches=20" in found.todo
    assert machine.watching(config, limits(tmp_path, 19)).grade is Grade.NOTE
    assert machine.watching(config, limits(tmp_path, 20)).grade is Grade.FINE


def test_a_machine_that_hides_its_limits_is_no_fault(config, tmp_path):
    assert machine.watching(config, tmp_path / "absent").grade is Grade.NOTE


def test_polling_needs_no_watches(config, tmp_path):
    polling = replace(config, inbox=Inbox(watch="polling"))
    assert machine.watching(polling, limits(tmp_path, 0, 0)).grade is Grade.FINE


def test_a_clock_that_was_never_set_is_wrong(tmp_path):
    assert machine.clock(tmp_path, datetime(1970, 1, 1, tzinfo=UTC)).grade is Grade.WRONG
    assert machine.clock(tmp_path, NOW).grade is Grade.FINE


def test_a_clock_behind_what_was_made_already_is_wrong(tmp_path):
    (tmp_path / "status.json").write_text("{}")
    later = (NOW + timedelta(days=3)).timestamp()
    os.utime(tmp_path / "status.json", (later, later))
    assert machine.clock(tmp_path, NOW).grade is Grade.WRONG


def test_whether_the_daemon_runs_is_told(config):
    from nemo_watch.daemon.wiring import only_daemon

    assert by_name(machine.machine_findings(config, NOW))["daemon"].grade is Grade.NOTE
    with only_daemon(config):
        assert by_name(machine.machine_findings(config, NOW))["daemon"].found == "runs"


# -- the service -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", " \n", "two words", "nmv\x00", "ключ"])
def test_what_can_be_no_token_is_told_without_showing_it(text):
    found = service.token({"NEMO_TOKEN": text})
    assert found.grade is Grade.WRONG
    assert not text.strip() or text.strip() not in f"{found}"


def test_the_credential_comes_before_the_environment(tmp_path):
    (tmp_path / "nemo_token").write_text("nmv_a\n")
    found = service.token({"CREDENTIALS_DIRECTORY": str(tmp_path), "NEMO_TOKEN": "two words"})
    assert found.grade is Grade.FINE
    assert "credential" in found.found


def test_a_credentials_folder_without_a_token_falls_back(tmp_path):
    assert service.token({"CREDENTIALS_DIRECTORY": str(tmp_path), "NEMO_TOKEN": "nmv_a"}).grade is Grade.FINE
    assert service.token({"CREDENTIALS_DIRECTORY": str(tmp_path)}).grade is Grade.NOTE


@pytest.mark.parametrize(("status", "grade"), [(200, Grade.FINE), (401, Grade.FINE), (503, Grade.NOTE)])
def test_any_answer_means_that_there_is_a_way(status, grade):
    assert [f.grade for f in service.network("https://x", {}, NOW, answering(status, None))] == [grade]


def test_a_clock_that_disagrees_with_the_service_is_wrong():
    found = by_name(service.network("https://x", {}, NOW, answering(200, NOW - timedelta(minutes=9))))["clock"]
    assert found.grade is Grade.WRONG
    assert "9 minutes" in found.found


def test_the_service_is_asked_once_and_without_a_token(monkeypatch):
    import httpx

    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(405, headers={"date": "Sun, 22 Nov 2026 15:42:00 GMT"})

    real = httpx.Client
    monkeypatch.setattr(httpx, "Client", lambda **more: real(transport=httpx.MockTransport(answer), **more))
    monkeypatch.setenv("NEMO_TOKEN", "nmv_usr_5ecret")
    assert service.reached("https://service.example/") == service.Answer(405, NOW)
    [request] = asked
    assert request.method == "HEAD"
    assert "5ecret" not in f"{request.url} {request.headers}"


def test_a_way_that_is_barred_is_told_in_words(monkeypatch):
    import socket

    import httpx

    def barred(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("[Errno -2] Name or service not known") from socket.gaierror(-2, "unknown")

    real = httpx.Client
    monkeypatch.setattr(httpx, "Client", lambda **more: real(transport=httpx.MockTransport(barred), **more))
    with pytest.raises(OSError, match="its name cannot be resolved"):
        service.reached("https://service.example/")


def test_a_studio_that_is_not_installed_matters_only_where_it_is_used(monkeypatch):
    monkeypatch.setattr("nemo_watch.commands.studio.missing_parts", lambda: ["cv2"])
    assert service.studio(needed=True).grade is Grade.WRONG
    found = service.studio(needed=False)
    assert found.grade is Grade.NOTE
    assert "pip install 'nemo-watch[studio]'" in found.todo


def test_what_the_daemon_complains_of_is_passed_on(config, tell):
    tell(row("a"), watching={"mode": "polling", "problems": ["too many\x1b folders"]})
    [found] = service.complaints(config.folders.outbox)
    assert found.grade is Grade.WRONG
    assert "too many\\x1b folders" in found.found


@pytest.mark.parametrize(
    ("address", "grade"), [("mailtoo://bob:5ecret@host", Grade.WRONG), ("json://localhost", Grade.FINE)]
)
def test_an_address_that_apprise_does_not_know_is_told_without_its_secret(address, grade):
    pytest.importorskip("apprise")
    [found] = service.messages(Notify(urls=(address,)))
    assert found.grade is grade
    assert "5ecret" not in f"{found}"


def test_without_addresses_there_is_nothing_to_say_of_messages():
    assert list(service.messages(Notify())) == []


def test_what_is_asked_for_the_whole_account_is_wrong_and_told_with_its_next_move(run, config, monkeypatch):
    monkeypatch.setattr(doctor, "reached", answering(date=None))
    text = needs_text("NemoVideo does not accept your token.", "Put a new token into NEMO_TOKEN.")
    (config.folders.outbox / "NEEDS-YOU.txt").write_text(text)
    ended = run("doctor")
    assert ended.code == 1
    assert "WRONG account        the daemon says: NemoVideo does not accept your token.\n" in ended.out
    assert "→ Put a new token into NEMO_TOKEN.\n" in ended.out


def test_a_needs_you_of_somebody_elses_making_is_told_as_it_stands(tmp_path):
    (tmp_path / "NEEDS-YOU.txt").write_bytes(b"\xff\x1b[2J\n")
    [found] = service.asked_of_the_account(tmp_path)
    assert found.grade is Grade.WRONG
    assert "\x1b" not in found.found


# -- a shared journal ----------------------------------------------------------------------------------------------------------


def shared(config, url: str):
    return replace(config, journal=Sharing(url=url))


def test_a_journal_of_this_machine_needs_no_finding(config):
    assert list(journal.journal_findings(config)) == []


def test_a_shared_journal_is_named_with_its_server_and_its_living_hosts(config, database):
    finding = by_name(journal.journal_findings(shared(config, database)))
    assert finding["journal"].grade is Grade.FINE
    assert "none yet" in finding["hosts"].found
    store = open_postgres(database)
    store.submit(lambda c: hosts.join(c, hosts.Host("o1", "attic", "1", silent_s=600), "home", "m1")).result()
    store.submit(lambda c: hosts.join(c, hosts.Host("o2", "cellar", "1", silent_s=0), "cabin", "m2")).result()
    store.close()
    found = list(journal.journal_findings(shared(config, database)))
    assert [(one.grade, one.found) for one in found[1:]] == [
        (Grade.FINE, "attic"),
        (Grade.NOTE, 'no host of the site "cabin" is running'),
    ]


@pytest.mark.parametrize("url", ["postgresql://nobody@127.0.0.1:1/x", "nonsense of an address"])
def test_a_shared_journal_that_cannot_be_used_is_wrong_and_says_why(config, url):
    [finding] = journal.journal_findings(shared(config, url))
    assert finding.grade is Grade.WRONG
    assert finding.todo


def test_a_server_too_old_and_a_newer_journal_are_wrong(config, database, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(journal, "OLDEST", 990_000)
        found = list(journal.journal_findings(shared(config, database)))
    assert found[0].grade is Grade.WRONG
    assert found[0].todo == "use PostgreSQL 13 or later"
    open_postgres(database).close()
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'schema'")
    finding = by_name(journal.journal_findings(shared(config, database)))
    assert finding["journal"].grade is Grade.WRONG
    assert "newer nemo-watch" in finding["journal"].found
