"""The Prometheus text file: readable by Prometheus's own parser, with the counts that were made."""

from __future__ import annotations

from datetime import UTC, datetime

from prometheus_client.parser import text_string_to_metric_families

from nemo_watch.daemon.metrics import FILE, Metrics, _code
from nemo_watch.errors import Cause, FilmState, Trouble
from nemo_watch.model import Backend, Credits, FilmRow, Overview, Watching


def test_the_file_tells_what_was_counted(tmp_path):
    metrics = Metrics()
    metrics.counted("upload")
    metrics.counted("upload", Trouble(Cause.NETWORK_DOWN, reason="no route"))
    metrics.counted("message", _raised_from(Trouble(Cause.REQUEST_REFUSED), Trouble(Cause.FILE_TOO_LARGE, code=4002)))
    moments = iter([100.0, 100.5, 103.5, 104.5])
    passed = metrics.steps_from(lambda: next(moments))
    for step in ("session", "upload", "upload"):
        passed(step)
    metrics.looked(0.5)
    metrics.jobs_ended["done", ""] += 1
    row = FilmRow("trip", 1, FilmState.DONE, "", 1.0, None, None, datetime(2026, 11, 22, tzinfo=UTC))
    overview = Overview((row,), (), Backend.CLOUD, Credits(90, 10, 100), Watching("events"))
    metrics.write(tmp_path, overview)
    families = text_string_to_metric_families((tmp_path / FILE).read_text())
    samples = {(s.name, tuple(sorted(s.labels.items()))): s.value for f in families for s in f.samples}
    assert samples["nemo_watch_films", (("state", "done"),)] == 1
    assert samples["nemo_watch_films", (("state", "failed"),)] == 0
    assert samples["nemo_watch_requests_total", (("call", "upload"), ("outcome", "network_down"))] == 1
    assert samples["nemo_watch_api_errors_total", (("call", "message"), ("code", "4002"))] == 1
    assert [key for key in samples if key[0] == "nemo_watch_api_errors_total" and ("call", "upload") in key[1]] == []
    assert samples["nemo_watch_steps_total", (("step", "upload"),)] == 2
    assert samples["nemo_watch_step_seconds_total", (("step", "session"),)] == 0.5
    assert samples["nemo_watch_step_seconds_total", (("step", "upload"),)] == 4.0
    assert samples["nemo_watch_credits", (("kind", "available"),)] == 90
    assert samples["nemo_watch_look_seconds_total", ()] == 0.5


async def test_a_films_way_is_counted_step_by_step(house):
    await house.script({"call": "render", "at": 1, "do": {"code": 402}})
    house.photo("trip/a.jpg")
    house.prompt("trip/prompt.txt", "one")
    async with house.daemon() as daemon:
        await house.until_state("trip", "needs_you")
        await house.ask("retry", "trip")
        await house.until_state("trip", "done")
        metrics = daemon._chores.service.metrics
    done = {step: count for (step,), count in metrics.steps.items()}
    assert {name: done.get(name) for name in ("session", "upload", "message", "submit", "render", "video")} == {
        "session": 1, "upload": 1, "message": 1, "submit": 1, "render": 1, "video": 1,
    }  # fmt: skip
    assert metrics.api_errors == {("render_submit", "402"): 1}
    assert sum(metrics.step_seconds.values()) <= metrics.job_seconds + 0.5


def _raised_from(trouble: Trouble, cause: Trouble) -> Trouble:
    trouble.__cause__ = cause
    return trouble


def test_it_is_written_before_anything_was_seen(tmp_path):
    Metrics().write(tmp_path, None)
    assert "nemo_watch_films" in (tmp_path / FILE).read_text()


def test_a_trouble_that_stands_behind_itself_is_no_endless_search():
    first, second = Trouble(Cause.NETWORK_DOWN), Trouble(Cause.DOWNLOAD_BROKEN)
    first.__cause__, second.__cause__ = second, first
    assert _code(first) is None
    second.data["code"] = 503
    assert _code(first) == 503
