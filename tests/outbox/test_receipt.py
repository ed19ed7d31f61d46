"""project.toml: exact both ways, never lost, never fatal."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outbox_samples import NOW
from structlog.testing import capture_logs

from nemo_watch.errors import Cause, Trouble
from nemo_watch.model import Backend, BoughtVersion, FilmReceipt, ProjectReceipt
from nemo_watch.outbox import receipt as receipts
from nemo_watch.outbox.publish import OutboxFolder
from nemo_watch.outbox.receipt import parsed_receipt, read_receipt, read_receipts, receipt_text, write_receipt
from nemo_watch.shown import shown_lines

ANY = st.text(st.characters(), max_size=30)  # lone surrogates, controls and all
TEXTS = st.one_of(
    ANY,
    st.sampled_from(["", "a\r\nb", "\\", "\\udce9", "\\\\udce9", "\udce9", '"""', "\0", "caf\udce9\\", "用我的照片"]),
)
SHA = st.one_of(st.text("0123456789abcdef", min_size=64, max_size=64), ANY)
MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001  the strategy's bounds are bare
VERSIONS = st.builds(
    BoughtVersion,
    version=st.integers(1, 10**6), backend=st.sampled_from(Backend), made_at=MOMENTS, video=st.none() | TEXTS,
    video_sha256=st.none() | SHA, media=st.dictionaries(SHA, TEXTS, max_size=4), urls=st.lists(TEXTS, max_size=3).map(tuple),
    messages=st.lists(TEXTS, max_size=3).map(tuple), account=TEXTS, session_id=TEXTS, task_id=st.none() | TEXTS,
    render_id=st.none() | TEXTS, credits_before=st.none() | st.floats(allow_nan=False),
    credits_after=st.none() | st.floats(allow_nan=False), finished=st.booleans(), unsure=st.booleans(), left_out=st.lists(TEXTS, max_size=2).map(tuple), paths=st.dictionaries(SHA, TEXTS, max_size=4),
)  # fmt: skip
FILMS = st.builds(FilmReceipt, name=TEXTS, stem=TEXTS, versions=st.lists(VERSIONS, max_size=3).map(tuple))
RECEIPTS = st.builds(ProjectReceipt, project=TEXTS, folder=TEXTS, films=st.lists(FILMS, max_size=3).map(tuple))


def sample(folder: str = "trip", project: str = "trip") -> ProjectReceipt:
    version = BoughtVersion(
        version=1, backend=Backend.CLOUD, made_at=NOW, video=f"{folder}/{folder}-v1.mp4", video_sha256="ab" * 32,
        media={"cd" * 32: "IMG_0001.jpg"}, urls=("https://example.org/a.mp4",), messages=("A calm film", "Bigger title"),
        account="account-1", session_id="s-1", task_id="t-1", render_id="r-1", credits_before=100.0, credits_after=50.0,
        paths={"cd" * 32: f"{project}/IMG_0001.jpg"},
    )  # fmt: skip
    return ProjectReceipt(project, folder, (FilmReceipt(project, folder, (version,)),))


@settings(max_examples=40)
@given(RECEIPTS)
def test_a_receipt_is_read_back_exactly(receipt):
    data = receipt_text(receipt).encode()  # always UTF-8
    assert parsed_receipt(data.decode()) == receipt


def test_a_person_can_read_it():
    text = receipt_text(sample())
    assert text.startswith("# The receipt of this project")
    table = tomllib.loads(text)
    assert table["films"][0]["versions"][0]["media"] == [
        {"sha256": "cd" * 32, "name": "IMG_0001.jpg", "path": "trip/IMG_0001.jpg"}
    ]
    assert table["films"][0]["versions"][0]["messages"] == ["A calm film", "Bigger title"]


def test_a_moment_of_another_zone_is_the_same_moment():
    moment = datetime(2026, 11, 22, 16, 42, 7, 123456, timezone(timedelta(hours=1)))
    version = sample().films[0].versions[0]
    given_ = BoughtVersion(**{name: getattr(version, name) for name in version.__slots__} | {"made_at": moment})
    receipt = ProjectReceipt("p", "p", (FilmReceipt("p", "p", (given_,)),))
    assert parsed_receipt(receipt_text(receipt)) == receipt


def test_written_and_found_again(outbox):
    write_receipt(outbox, sample("trip"))
    write_receipt(outbox, sample("caf_", "caf\udce9"))
    assert read_receipt(outbox.root / "trip/project.toml") == sample("trip")
    assert read_receipts(outbox.root) == (sample("caf_", "caf\udce9"), sample("trip"))


def test_the_same_receipt_is_not_written_twice(outbox):
    write_receipt(outbox, sample())
    before = (outbox.root / "trip/project.toml").stat()
    write_receipt(outbox, sample())
    assert (outbox.root / "trip/project.toml").stat().st_ino == before.st_ino


def test_no_receipt_is_none(outbox):
    (outbox.root / "trip").mkdir()
    assert read_receipt(outbox.root / "trip/project.toml") is None
    assert read_receipt(outbox.root / "none/project.toml") is None
    assert read_receipts(outbox.root) == ()


GOOD = receipt_text(sample())


@pytest.mark.parametrize(
    "damaged",
    [
        b"", b"\xff\xfe\0", b"not = [toml", GOOD.encode()[: len(GOOD) // 2], b"x" * 100, b"[" * 5000 + b"]" * 5000,
        b"a=" + b"[" * 5000 + b"]" * 5000,
        GOOD.replace("format = 1", "format = 2").encode(), GOOD.replace("version = 1", 'version = "1"').encode(),
        GOOD.replace("version = 1", "version = true").encode(), GOOD.replace('backend = "cloud"', 'backend = "moon"').encode(),
        GOOD.replace("2026-11-22T15:42:07", "2026-11-22T15:42:07").replace("+00:00", "").encode(),
        GOOD.replace('account = "account-1"\n', "").encode(),
    ],
)  # fmt: skip
def test_a_damaged_receipt_is_told_left_out_and_kept_when_a_new_one_is_written(outbox, damaged):
    write_receipt(outbox, sample("good"))
    (outbox.root / "trip").mkdir()
    (outbox.root / "trip/project.toml").write_bytes(damaged)
    with capture_logs() as logs:
        assert read_receipts(outbox.root) == (sample("good"),)
    assert [(log["event"], log["file"]) for log in logs] == [("receipt.found_damaged", "trip/project.toml")]
    write_receipt(outbox, sample("trip"))
    assert (outbox.root / "trip/project.toml.bad").read_bytes() == damaged
    assert read_receipt(outbox.root / "trip/project.toml") == sample("trip")


def test_every_damaged_receipt_is_kept_and_none_twice(outbox):
    (outbox.root / "trip").mkdir()
    for damage in (b"one", b"one", b"two"):
        (outbox.root / "trip/project.toml").write_bytes(damage)
        write_receipt(outbox, sample())
    kept = {path.name: path.read_bytes() for path in (outbox.root / "trip").glob("*.bad*")}
    assert kept == {"project.toml.bad": b"one", "project.toml.bad-2": b"two"}


@given(st.binary(max_size=300), st.integers(0, len(GOOD)))
def test_any_bytes_are_a_receipt_or_none(data, at):
    for text in (data, GOOD.encode()[:at] + data + GOOD.encode()[at:]):
        found = receipts._parsed(text, "x")
        assert found is None or isinstance(found, ProjectReceipt)


def test_a_receipt_behind_a_link_is_none_of_ours(outbox, tmp_path):
    elsewhere = OutboxFolder(tmp_path / "elsewhere")
    elsewhere.root.mkdir()
    write_receipt(elsewhere, sample())
    (outbox.root / "linked").symlink_to(elsewhere.root / "trip")
    (outbox.root / "trip").mkdir()
    (outbox.root / "trip/project.toml").symlink_to(elsewhere.root / "trip/project.toml")
    with capture_logs() as logs:
        assert read_receipts(outbox.root) == ()
    assert [log["event"] for log in logs] == ["receipt.found_unreadable"]
    with pytest.raises(Trouble):
        write_receipt(outbox, sample())  # what is there cannot be read, so it is not replaced


def test_an_enormous_receipt_is_not_read(outbox, monkeypatch):
    monkeypatch.setattr(receipts, "RECEIPT_BYTES_MAX", 1000)
    (outbox.root / "trip").mkdir()
    (outbox.root / "trip/project.toml").write_bytes(b"#" * 1001)
    with capture_logs() as logs:
        assert read_receipts(outbox.root) == ()
    assert "File too large" in logs[0]["reason"]


def test_an_outbox_that_is_not_there_is_told(tmp_path):
    """It must never look like an outbox without receipts: everything would be bought again."""
    with pytest.raises(Trouble) as trouble:
        read_receipts(tmp_path / "unmounted")
    assert trouble.value.cause is Cause.OUTBOX_UNWRITABLE


def test_nothing_in_a_receipt_steers_a_terminal_that_shows_it():
    name = "a\x9b31mb\u202ec\u2028d\\u0041"
    receipt = ProjectReceipt(name, name, ())
    text = receipt_text(receipt)
    assert shown_lines(text) == text
    assert parsed_receipt(text) == receipt
