"""The renderer against the floor: the same frames from a raw file through the same encoder. A script, not a test.

    python tests/bench/bench_render.py [--photos 10] [--seconds 20] [--rounds 3] [--canvas 1920x1080] [--many 40]

It prints ratios of one run, floor and renderer alternating, and the renderer's peak memory for few and for many photos.
Nothing is asserted: wall times belong to the machine, ratios to the code.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image

from nemo_watch.studio.directing.director import Material, direct
from nemo_watch.studio.drawing.encoder import Encoder, Settings
from nemo_watch.studio.drawing.film import Film
from nemo_watch.studio.drawing.frames import blank
from nemo_watch.studio.drawing.plan import film_plan
from nemo_watch.studio.drawing.render import Library
from nemo_watch.studio.painting.scenes import SCENES, scene

PROMPT = "generate a video from my photos with transitions and background music, title 'Bench'"


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds of the wall clock, of CPU over all processes, and the peak of resident memory of all processes in MB."""

    wall_s: float
    cpu_s: float
    peak_mb: float


def photos(folder: Path, count: int) -> list[Material]:
    """Photos of 12 megapixels with a camera's grain, every third upright."""
    found = []
    for number in range(count):
        size = (3024, 4032) if number % 3 == 2 else (4032, 3024)
        path = folder / f"IMG_{number:03}.jpg"
        base = Image.fromarray(scene(sorted(SCENES)[number % 6], (size[0] // 2, size[1] // 2), number)).resize(size)
        grain = np.random.default_rng(number).normal(0, 5, (size[1], size[0], 1))
        Image.fromarray(np.clip(np.asarray(base) + grain, 0, 255).astype(np.uint8)).save(path, quality=90)
        found.append(Material(path.name, path.name, "image", *size, 0, has_sound=False))
    return found


def measured(command: list[str]) -> Run:
    """Run a command and watch its whole tree."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    peak = 0.0
    while child.poll() is None:
        try:
            own = psutil.Process(child.pid)
            peak = max(peak, sum(one.memory_info().rss for one in [own, *own.children(recursive=True)]))
        except psutil.NoSuchProcess:
            pass
        time.sleep(0.05)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if child.returncode:
        raise SystemExit(f"{command} ended with {child.returncode}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(time.monotonic() - began, cpu, peak / 1e6)


def write_raw(job: dict[str, Any], raw: Path) -> tuple[int, float]:
    """Draw the film's frames into a raw file; their number and the seconds that drawing alone took."""
    plan = film_plan(job["draft"])
    out = blank(plan.canvas.width, plan.canvas.height)
    film = Film(plan, Library(Path(job["media_folder"]), {}).find, print)
    drawing = 0.0
    with raw.open("wb") as stream:
        for number in range(plan.frames):
            began = time.monotonic()
            film.draw(number, out)
            drawing += time.monotonic() - began
            stream.write(out.buffer.data)
    film.close()
    return plan.frames, drawing


def floor(raw: str, width: str, height: str, frames: str, sound: str, out: str) -> None:
    """Feed a raw file to the product's own encoder: what no renderer can beat."""
    size = int(width), int(height)
    with (
        Path(raw).open("rb") as stream,
        Encoder(Path(out), size, 30, Path(sound), 0.0, int(frames), Settings()) as encoder,
    ):
        for _ in range(int(frames)):
            frame = encoder.frame()
            stream.readinto(frame.buffer.data)
            encoder.write(frame)
        encoder.finish()


def job_file(folder: Path, count: int, seconds: int, canvas: tuple[int, int]) -> tuple[dict[str, Any], Path]:
    """A job with `count` photos in `seconds`, and where it is written."""
    media = folder / f"media{count}"
    media.mkdir()
    draft = direct(f"{PROMPT}, {seconds} seconds", photos(media, count), None, "en").draft
    draft["m"].update(width=canvas[0], height=canvas[1])
    job = {"draft": draft, "media_folder": str(media), "output": str(folder / f"film{count}.mp4")}
    path = folder / f"job{count}.json"
    path.write_text(json.dumps(job), encoding="utf-8")
    return job, path


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, usual in (("--photos", 10), ("--seconds", 20), ("--rounds", 3), ("--many", 40)):
        parser.add_argument(name, type=int, default=usual)
    parser.add_argument("--canvas", default="1920x1080")
    options = parser.parse_args()
    canvas = tuple(int(side) for side in options.canvas.split("x"))
    render = [sys.executable, "-m", "nemo_watch.studio.drawing.render"]
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        job, path = job_file(folder, options.photos, options.seconds, (canvas[0], canvas[1]))
        raw, sound = folder / "frames.yuv", folder / "silence.f32"
        frames, drawing_s = write_raw(job, raw)
        sound.write_bytes(bytes(round(frames / 30 * 48_000) * 8))
        arguments = [str(raw), str(canvas[0]), str(canvas[1]), str(frames), str(sound), str(folder / "floor.mp4")]
        code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import bench_render; bench_render.floor(*sys.argv[1:])"
        floors, renders = [], []
        for _ in range(options.rounds):
            floors.append(measured([sys.executable, "-c", code, *arguments]))
            renders.append(measured([*render, str(path)]))
        report(frames, drawing_s, floors, renders)
        raw.unlink()
        if options.many:
            _, many = job_file(folder, options.many, options.seconds * 2, (canvas[0], canvas[1]))
            few_mb, many_mb = max(run.peak_mb for run in renders), measured([*render, str(many)]).peak_mb
            print(f"peak memory: {few_mb:.0f} MB with {options.photos} photos, {many_mb:.0f} MB with {options.many}")


def report(frames: int, drawing_s: float, floors: list[Run], renders: list[Run]) -> None:
    """Print the medians and their ratios."""
    wall, cpu = (statistics.median(getattr(run, key) for run in floors) for key in ("wall_s", "cpu_s"))
    own_wall, own_cpu = (statistics.median(getattr(run, key) for run in renders) for key in ("wall_s", "cpu_s"))
    print(f"{frames} frames; drawing alone {frames / drawing_s:.0f} frames a second on one core")
    print(f"floor    {wall:6.1f} s wall {cpu:6.1f} s CPU  {frames / wall:5.1f} frames a second")
    print(f"renderer {own_wall:6.1f} s wall {own_cpu:6.1f} s CPU  {frames / own_wall:5.1f} frames a second")
    print(
        f"ratio    {own_wall / wall:6.2f}        {own_cpu / cpu:6.2f}       peak {max(run.peak_mb for run in renders):.0f} MB"
    )


if __name__ == "__main__":
    main()
