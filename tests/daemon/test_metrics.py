"""The Prometheus text file: readable by Prometheus's own parser, with the counts that were made."""

from __future__ import annotations

from datetime import UTC, datetime

from prometheus_client.parser import text_string_to_metric_families

from nemo_watch.daemon.metrics import FILE, Metrics
from nemo_watch.errors import FilmState
from nemo_watch.model import Backend, Credits, FilmRow, Overview, Watching


def test_the_file_tells_what_was_counted(tmp_path):
    metrics = Metrics()
    metrics.counted("upload", "ok")
    metrics.counted("upload", "network_down")
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
    assert samples["nemo_watch_credits", (("kind", "available"),)] == 90
    assert samples["nemo_watch_look_seconds_total", ()] == 0.5


def test_it_is_written_before_anything_was_seen(tmp_path):
    Metrics().write(tmp_path, None)
    assert "nemo_watch_films" in (tmp_path / FILE).read_text()
