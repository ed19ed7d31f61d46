"""What the outbox's tests share."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nemo_watch.outbox.publish import OutboxFolder

sys.path.insert(0, str(Path(__file__).parent))  # for the modules beside this one: tests are no package

from outbox_chromium import Chromium
from outbox_samples import mp4


@pytest.fixture
def outbox(tmp_path: Path) -> OutboxFolder:
    root = tmp_path / "outbox"
    root.mkdir()
    return OutboxFolder(root)


@pytest.fixture
def fetched(outbox: OutboxFolder):
    """A function that puts a fetched video where `part_path` says, and returns that place."""

    def fetch(folder: str, stem: str, version: int, data: bytes | None = None) -> Path:
        part = outbox.part_path(folder, stem, version)
        part.write_bytes(mp4() if data is None else data)
        return part

    return fetch


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory):
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium); the gallery was not looked at")
    browser = Chromium(program, tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def real_mp4() -> bytes:
    """Two seconds of a test picture that a browser can play."""
    encoder = pytest.importorskip("imageio_ffmpeg", reason="no encoder for a real MP4 (extra: studio)").get_ffmpeg_exe()
    command = (
        "-v error -f lavfi -i testsrc2=size=640x360:rate=10:duration=2 -pix_fmt yuv420p -c:v libx264 -preset ultrafast "
        "-movflags frag_keyframe+empty_moov+default_base_moof -f mp4 pipe:1"
    )
    return subprocess.run([encoder, *command.split()], stdout=subprocess.PIPE, check=True).stdout
