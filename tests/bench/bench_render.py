"""The renderer against the floor, against moviepy, and its memory. A script, not a test.

    python -m tests.bench.bench_render [floor] [memory] [giants] [--photos 10] [--seconds 20] [--rounds 3] [--canvas 1920x1080]
                                       [--preset superfast] [--crf 23] [--many 100] [--moviepy PYTHON]

`floor`: the same frames from a raw file through the same encoder, alternating with the renderer; with `--moviepy`, an interpreter that
has moviepy, the same timeline by moviepy's fastest known form once a round. `memory`: few photos of 12 megapixels beside many.
`giants`: JPEG, WebP and PNG of 48 megapixels. Ratios of one run; nothing is asserted: wall times belong to the machine, ratios to the code.
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
from dataclasses import asdict, dataclass
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

RENDER = [sys.executable, "-m", "nemo_watch.studio.drawing.render"]
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


def floor(raw: str, width: str, height: str, frames: str, sound: str, out: str, preset: str, crf: str) -> None:
    """Feed a raw file to the product's own encoder: what no renderer can beat."""
    size = int(width), int(height)
    with (
        Path(raw).open("rb") as stream,
        Encoder(Path(out), size, 30, Path(sound), 0.0, int(frames), Settings(preset, int(crf))) as encoder,
    ):
        for _ in range(int(frames)):
            frame = encoder.frame()
            stream.readinto(frame.buffer.data)
            encoder.write(frame)
        encoder.finish()


def job_file(
    folder: Path, count: int, seconds: int, canvas: tuple[int, int], settings: Settings
) -> tuple[dict[str, Any], Path]:
    """A job with `count` photos in `seconds`, and where it is written."""
    media = folder / f"media{count}"
    media.mkdir()
    draft = direct(f"{PROMPT}, {seconds} seconds", photos(media, count), None, "en").draft
    draft["m"].update(width=canvas[0], height=canvas[1])
    output = str(folder / f"film{count}.mp4")
    job = {"draft": draft, "media_folder": str(media), "output": output, **asdict(settings)}
    path = folder / f"job{count}.json"
    path.write_text(json.dumps(job), encoding="utf-8")
    return job, path


def giants(folder: Path) -> Path:
    """Photos of 48 megapixels as JPEG, WebP and PNG, and the job that shows one after another."""
    media = folder / "giants"
    media.mkdir()
    grain = np.random.default_rng(1).integers(0, 255, (600, 800, 3), dtype=np.uint8)
    large = Image.fromarray(grain).resize((8064, 6048), Image.Resampling.BICUBIC)
    options: dict[str, dict[str, Any]] = {
        "a.jpg": {"quality": 88},
        "b.webp": {"quality": 80},
        "c.png": {"compress_level": 1},
    }
    for name, how in options.items():
        large.save(media / name, **how)
    parts = [{"d": 1_000, "m": {"key": name}} for name in options]
    draft = {"t": [{"tt": 0, "sg": parts}], "m": {"width": 1920, "height": 1080}}
    path = folder / "giants.json"
    path.write_text(json.dumps({"draft": draft, "media_folder": str(media), "output": str(folder / "giants.mp4")}))
    return path


def first_progress_s(path: Path) -> float:
    """Seconds from the start of a render to the first progress that it tells."""
    began = time.monotonic()
    with subprocess.Popen([*RENDER, str(path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        next(line for line in child.stdout if "progress" in line)
        took = time.monotonic() - began
        child.communicate()
    return took


def beside_the_floor(folder: Path, options: argparse.Namespace, canvas: tuple[int, int]) -> None:
    """Floor, renderer and moviepy in turn, and how soon the renderer speaks."""
    settings = Settings(options.preset, options.crf)
    job, path = job_file(folder, options.photos, options.seconds, canvas, settings)
    raw, sound = folder / "frames.yuv", folder / "silence.f32"
    frames, drawing_s = write_raw(job, raw)
    sound.write_bytes(bytes(round(frames / 30 * 48_000) * 8))
    arguments = [*map(str, (raw, *canvas, frames, sound, folder / "floor.mp4", settings.preset, settings.crf))]
    code = "import sys; from tests.bench import bench_render; bench_render.floor(*sys.argv[1:])"
    commands = {"floor": [sys.executable, "-c", code, *arguments], "renderer": [*RENDER, str(path)]}
    if options.moviepy:
        commands["moviepy"] = [
            options.moviepy, str(Path(__file__).with_name("moviepy_film.py")), str(path), str(folder / "moviepy.mp4"),
        ]  # fmt: skip
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(options.rounds):
        for name, command in commands.items():
            runs[name].append(measured(command))
    print(f"{frames} frames; drawing alone {frames / drawing_s:.0f} frames a second on one core")
    report(frames, runs)
    print(f"first progress after {statistics.median(first_progress_s(path) for _ in range(options.rounds)):.2f} s")


def report(frames: int, runs: dict[str, list[Run]]) -> None:
    """Print the medians, and each beside the floor's."""
    least = medians(runs["floor"])
    for name, several in runs.items():
        own = medians(several)
        print(
            f"{name:9}{own.wall_s:7.1f} s wall ({own.wall_s / least.wall_s:.2f} x) {own.cpu_s:7.1f} s CPU ({own.cpu_s / least.cpu_s:.2f} x) "
            f"{frames / own.wall_s:5.1f} frames a second, peak {own.peak_mb:.0f} MB"
        )


def medians(runs: list[Run]) -> Run:
    """The median of each figure."""
    return Run(*(statistics.median(getattr(run, name) for run in runs) for name in ("wall_s", "cpu_s", "peak_mb")))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", default=["floor", "memory"])
    for name, usual in (("--photos", 10), ("--seconds", 20), ("--rounds", 3), ("--many", 100)):
        parser.add_argument(name, type=int, default=usual)
    parser.add_argument("--canvas", default="1920x1080")
    parser.add_argument("--preset", default=Settings().preset)
    parser.add_argument("--crf", type=int, default=Settings().crf)
    parser.add_argument("--moviepy")
    options = parser.parse_args()
    width, height = (int(side) for side in options.canvas.split("x"))
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        if "floor" in options.what:
            beside_the_floor(folder, options, (width, height))
        if "memory" in options.what:
            for count in (options.photos, options.many):
                inner = folder / str(count)
                inner.mkdir()
                _, path = job_file(inner, count, 2 * count, (width, height), Settings(options.preset, options.crf))
                print(f"peak memory with {count} photos: {measured([*RENDER, str(path)]).peak_mb:.0f} MB")
        if "giants" in options.what:
            print(
                f"peak memory with photos of 48 megapixels: {measured([*RENDER, str(giants(folder))]).peak_mb:.0f} MB"
            )


if __name__ == "__main__":
    main()
