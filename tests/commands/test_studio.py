from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_studio_serves_on_loopback_until_it_is_told_to_stop(home):
    env = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(home)}
    command = [sys.executable, "-m", "nemo_watch.commands.main", "studio", "--folder", str(home / "world")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) as studio:
        assert studio.stdout is not None
        url = studio.stdout.readline().strip()
        try:
            assert url.startswith("http://127.0.0.1:")
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(f"{url}/api/credits/balance/simple")  # noqa: S310  loopback
            assert refused.value.code == 401
        finally:
            studio.send_signal(signal.SIGTERM)
            said = studio.communicate(timeout=30)[1]
    assert studio.returncode == 0
    assert f"NEMO_API_URL={url} nemo-watch run" in said
    assert (home / "world").is_dir()


def test_a_port_that_is_taken_is_told(run, home):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = run("studio", "--folder", str(home / "world"), "--port", str(taken.getsockname()[1]))
    assert ended.code == 2
    assert "cannot start" in ended.err


def test_a_script_that_cannot_be_read_is_told(run, home):
    (home / "bad.toml").write_text("=")
    (home / "odd.toml").write_text('[nonsense]\nx = "y"\n')
    for name in ("bad.toml", "odd.toml", "absent.toml"):
        ended = run("studio", "--folder", str(home / "world"), "--script", str(home / name))
        assert ended.code == 2
        assert name in ended.err


def test_without_its_parts_the_studio_says_how_to_install_them(run, monkeypatch):
    monkeypatch.setattr("nemo_watch.commands.studio.missing_parts", lambda: ["starlette"])
    ended = run("studio")
    assert ended.code == 2
    assert "pip install 'nemo-watch[studio]'" in ended.err
