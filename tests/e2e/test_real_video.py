"""The installed command with its own studio and nothing pretended: the MP4 is what was promised."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable

from tests.e2e.house import House, photo


def test_run_once_with_the_local_studio_makes_a_1080p_film_that_plays(make_house: Callable[..., House]):
    import imageio_ffmpeg

    house = make_house()
    house.write("real/prompt.txt", 'A 4 second film with a title "Real" and calm music')
    house.write("real/wide.jpg", photo("wide", (1600, 1200)))
    house.write("real/tall.png", photo("tall", (900, 1200), "PNG"))
    done = house.command("run", "--once", "--studio", timeout_s=110)
    assert done.returncode == 0, done.stderr
    row = house.row("real")
    assert (row["state"], row["video"]) == ("done", "real/real.mp4")
    assert house.status()["service"]["backend"] == "studio"
    video = house.outbox / "real/real.mp4"
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    told = subprocess.run(
        [ffmpeg, "-v", "info", "-xerror", "-i", video, "-f", "null", "-"], capture_output=True, text=True
    )
    assert told.returncode == 0, told.stderr
    source = told.stderr.partition("Output #0")[0]
    assert re.search(r"Video: h264 .*yuv420p.*1920x1080.*30 fps", source), source
    assert "Audio: aac" in source
    assert video.read_bytes().find(b"moov") < video.read_bytes().find(b"mdat"), "it starts before it has come whole"
    assert house.command("status", "--studio").returncode == 0
    assert house.videos()["real/real.mp4"] == house.videos()["real/real-v1.mp4"]
