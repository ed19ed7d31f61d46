"""The program that renders one draft: `python -m nemo_watch.studio.drawing.render JOB.json`, started as a child of the studio.

JOB.json holds `draft`, `media_folder`, `output`, and maybe `names` (uploaded name → stored key) and `preset`, `crf`.
It writes JSON lines to stdout: `{"progress": 0…1}`, then `{"done": true, …}` or `{"error": sentence}`, and exits with 0
only when the MP4 is whole under its final name. To cancel, kill its process group.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from nemo_watch.studio.drawing.encoder import Settings
    from nemo_watch.studio.drawing.plan import FilmPlan

SOUND_SHARE, PICTURE_SHARE = 0.03, 0.95
"""The parts of the progress for mixing the sound and for the frames; the rest is the encoder's last work."""


def main(arguments: list[str]) -> int:
    """Render the job of this file; the exit code is 0 for a whole film, 1 for a failure that was told, 2 for wrong usage."""
    if len(arguments) != 1:
        _say(error="Usage: python -m nemo_watch.studio.drawing.render JOB.json")
        return 2
    _say(progress=0.0)  # before the heavy imports, so that people see at once that it runs
    signal.signal(signal.SIGTERM, _stop)
    from nemo_watch.studio.drawing.encoder import EncodingFailed
    from nemo_watch.studio.drawing.plan import Unplannable

    try:
        _render(json.loads(Path(arguments[0]).read_text(encoding="utf-8")))
    except (Unplannable, EncodingFailed) as error:
        _say(error=str(error))
        return 1
    except OSError as error:
        _say(error=f"The film could not be written: {error.strerror or error}.")
        return 1
    # The last resort of the child: a reason on its stdout is worth more than a traceback that nobody reads.
    except Exception as error:  # noqa: BLE001
        _say(error=f"The studio failed at this film ({type(error).__name__}: {str(error)[:200]}).")
        return 1
    return 0


def _render(job: Mapping[str, Any]) -> None:
    from nemo_watch.studio.drawing.film import surveyed
    from nemo_watch.studio.drawing.plan import film_plan

    library = Library(Path(job["media_folder"]), job.get("names") or {})
    output = Path(job["output"])
    warnings: list[str] = []
    plan = film_plan(job["draft"])
    warnings += plan.warnings
    plan = surveyed(plan, library.find, warnings.append)
    part, sound = (output.with_name(f"{output.name}{ending}") for ending in (".part", ".sound.part"))
    try:
        _draw(plan, library, part, sound, _settings(job), warnings)
        _publish(part, output)
    finally:
        part.unlink(missing_ok=True)
        sound.unlink(missing_ok=True)
    _say(progress=1.0)
    _say(done=True, warnings=list(dict.fromkeys(warnings)), duration_ms=plan.duration_ms, frames=plan.frames)


def _draw(plan: FilmPlan, library: Library, part: Path, sound: Path, settings: Settings, warnings: list[str]) -> None:
    """Mix the sound, then draw and encode every frame."""
    from nemo_watch.studio.drawing.encoder import Encoder
    from nemo_watch.studio.drawing.film import Film
    from nemo_watch.studio.sounding.sound import mixed

    size, told = (plan.canvas.width, plan.canvas.height), 0
    film = Film(plan, library.find, warnings.append)
    try:
        plan = film.begun()
        gain_db = mixed(plan, library.find, sound, warnings.append)
        _say(progress=SOUND_SHARE)
        with Encoder(part, size, plan.canvas.fps, sound, gain_db, plan.frames, settings) as encoder:
            for number in range(plan.frames):
                frame = encoder.frame()
                film.draw(number, frame)
                encoder.write(frame)
                if (percent := 100 * number // plan.frames) > told:
                    told = percent
                    _say(progress=round(SOUND_SHARE + PICTURE_SHARE * number / plan.frames, 4))
            encoder.finish()
    finally:
        film.close()


class Library:
    """The files that a draft may use: those directly in the media folder, by key or by uploaded name."""

    def __init__(self, folder: Path, names: Mapping[str, str]) -> None:
        self._folder, self._names = folder, names

    def find(self, key: str, name: str) -> Path | None:
        """The file of a segment; a name that would lead out of the folder finds nothing."""
        for wanted in (key, self._names.get(key, ""), self._names.get(name, ""), name):
            if wanted and wanted not in (".", "..") and not set("/\\\0") & set(wanted):
                path = self._folder / wanted
                if path.is_file() and not path.is_symlink():
                    return path
        return None


def _settings(job: Mapping[str, Any]) -> Settings:
    from nemo_watch.studio.drawing.encoder import Settings

    usual = Settings()
    return Settings(str(job.get("preset", usual.preset)), int(job.get("crf", usual.crf)))


def _publish(part: Path, output: Path) -> None:
    """Give the whole film its name, so that it survives a power cut: bytes first, then the name."""
    with part.open("rb") as stream:
        os.fsync(stream.fileno())
    part.replace(output)
    folder = os.open(output.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _say(**line: object) -> None:
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _stop(*_: object) -> NoReturn:
    """SIGTERM as an exception, so that the encoder is killed and the parts are deleted on the way out."""
    raise SystemExit(143)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
