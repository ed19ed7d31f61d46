"""What the end-to-end tests share: the cloud, the house, and what is checked after every one of them.

`--all-kills` runs every kill and every cell of the fault matrix, not the sample (minutes, not seconds); the environment
variable NEMO_WATCH_ALL_KILLS=1 does the same.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.cloud import Cloud
from tests.e2e.house import House


def pytest_addoption(parser: pytest.Parser) -> None:
    """The switch for the complete sets."""
    parser.addoption("--all-kills", action="store_true", help="every kill and every fault of the end-to-end tests")


def all_of_them(config: pytest.Config) -> bool:
    """Whether the complete sets are wanted."""
    return bool(config.getoption("--all-kills", default=False) or os.environ.get("NEMO_WATCH_ALL_KILLS"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not of the sample."""
    if all_of_them(config):
        return
    rest = [item for item in items if item.get_closest_marker("slow") and "tests/e2e" in str(item.path)]
    if rest:
        items[:] = [item for item in items if item not in rest]
        config.hook.pytest_deselected(items=rest)


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small real MP4, faststart."""
    import imageio_ffmpeg

    path = tmp_path_factory.mktemp("sample") / "sample.mp4"
    words = "-loglevel error -f lavfi -i color=c=teal:s=64x36:d=1:r=10 -pix_fmt yuv420p -movflags +faststart -y"
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), *words.split(), str(path)], check=True)
    return path.read_bytes()


@pytest.fixture
def make_cloud(tmp_path: Path, sample: bytes) -> Iterator[Callable[..., Cloud]]:
    """Starts clouds; keywords are the studio's settings."""
    with contextlib.ExitStack() as stack:
        yield lambda name="cloud", **settings: stack.enter_context(a_cloud(tmp_path / name, sample, **settings))


@pytest.fixture
def cloud(make_cloud: Callable[..., Cloud]) -> Cloud:
    """A cloud that gives a client id one token, as the service does."""
    return make_cloud()


@pytest.fixture
def make_house(tmp_path: Path) -> Iterator[Callable[..., House]]:
    """Builds houses."""
    with contextlib.ExitStack() as stack:
        yield lambda cloud=None, name="house", **more: stack.enter_context(a_house(tmp_path / name, cloud, **more))


@pytest.fixture
def house(make_house: Callable[..., House], cloud: Cloud) -> House:
    """A house of its own that knows the cloud; its daemon is not started yet."""
    return make_house(cloud)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, sample: bytes) -> Iterator[House]:
    """A house for a whole module, each test with a project of its own: a start costs more than a film."""
    root = tmp_path_factory.mktemp("shared")
    with a_cloud(root / "cloud", sample) as cloud, a_house(root / "house", cloud) as house:
        house.configure({"service": {"paid_messages_a_day": 100_000}})
        house.start()
        yield house


@pytest.fixture
def street(shared: House) -> House:
    """The shared house with a running daemon and a cloud that is well."""
    assert shared.cloud is not None
    shared.cloud.hooks.clear()
    shared.cloud.film.gate.set()
    shared.cloud.play()
    if shared.daemon is None or shared.daemon.poll() is not None:
        shared.start()
    return shared


@contextlib.contextmanager
def a_cloud(folder: Path, sample: bytes, **settings: Any) -> Iterator[Cloud]:
    """A cloud while the block runs."""
    cloud = Cloud(folder, sample, **{"token_cap": True, **settings})
    cloud.up()
    try:
        yield cloud
    finally:
        cloud.film.gate.set()
        cloud.down()


@contextlib.contextmanager
def a_house(root: Path, cloud: Cloud | None, **more: Any) -> Iterator[House]:
    """A house while the block runs; then no daemon is left, and nothing was told that must not be."""
    house = House(root, cloud, **more)
    try:
        yield house
    finally:
        house.close()
    assert_discreet(house)


_TOKEN = re.compile(rb"nmv_usr_[A-Za-z0-9_-]{8,}")
_RAW = ("Traceback (most recent call last)",)
_HUMAN_RAW = ('{"code"', '{"detail"', '"success":', "<html", "Traceback", "Trouble(", "Error(")


def assert_discreet(house: House) -> None:
    """No token outside the state folder, no traceback in the log, no raw answer in what people read."""
    for folder in (house.outbox, house.log):
        for path in [folder] if folder.is_file() else sorted(folder.rglob("*")):
            if path.is_file():
                found = _TOKEN.search(path.read_bytes())
                assert found is None, f"a token in {path}"
    log = house.log.read_text("utf-8", "replace") if house.log.exists() else ""
    for raw in _RAW:
        assert raw not in log, f"{raw} in the log\n{log[-5000:]}"
    assert "surprised" not in log, log[-5000:]
    for path in sorted(house.outbox.rglob("*")):
        if path.suffix in {".txt", ".log"} and path.is_file():
            text = path.read_text("utf-8")
            for raw in _HUMAN_RAW:
                assert raw not in text, f"{raw} in {path}\n{text}"
