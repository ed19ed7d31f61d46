"""What the inbox means: projects, films, gathers, and what is left alone."""

from __future__ import annotations

import random
from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_watch.inbox.gathering import WAITS_FOR_ITS_OWN, WAITS_FOR_PHOTOS
from nemo_watch.inbox.grouping import Grouping, grouped
from nemo_watch.inbox.media import Role, reason_left_alone, role_of
from nemo_watch.inbox.standings import Standing, Unsettled
from nemo_watch.model import EntryKind, FolderIdentity, Sighting

NOW = datetime(2026, 11, 22, 15, 42)  # noqa: DTZ001  local times have no zone here
SETTLE_S = 20.0


def seen(path: str) -> Sighting:
    kind = EntryKind.FOLDER if path.endswith("/") else EntryKind.FILE
    return Sighting(path.rstrip("/"), kind, 10, 1, 1, 1, 1)


def meant(
    *paths: str, unsettled: tuple[str, ...] = (), stuck: tuple[str, ...] = (), quiet_s: float = SETTLE_S, gather: bool = True,
    folders: tuple[str, ...] = (), refused: tuple[str, ...] = (),
) -> Grouping:  # fmt: skip
    """The grouping of an inbox that holds these files at rest, and those unsettled."""
    rest: dict[str, list[Sighting]] = {"": [], **{folder: [] for folder in folders}}
    alone: dict[str, list[tuple[Sighting, str]]] = {}
    waiting: dict[str, list[Unsettled]] = {}
    for path in paths:
        sighting = seen(path)
        folder = sighting.path.rpartition("/")[0].partition("/")[0]
        rest.setdefault(folder, [])
        reason = reason_left_alone(sighting, 500_000_000)
        if reason:
            alone.setdefault(folder, []).append((sighting, reason))
        else:
            rest[folder].append(sighting)
    for path in (*unsettled, *stuck):
        folder = path.rpartition("/")[0].partition("/")[0]
        rest.setdefault(folder, [])
        waiting.setdefault(folder, []).append(Unsettled(seen(path), "is still arriving", holds=path not in stuck))
    standings = [
        Standing(folder, tuple(files), tuple(waiting.get(folder, ())), tuple(alone.get(folder, ())))
        for folder, files in rest.items()
    ]
    identities = {folder: FolderIdentity(1, 1, 1) for folder in rest if folder}
    quiet = dict.fromkeys(rest, quiet_s)
    return grouped(
        standings, identities, quiet, project_settle_s=SETTLE_S, local_time=NOW, gather=gather,
        refused={seen(path): "cannot be moved" for path in refused},
    )  # fmt: skip


def films(grouping: Grouping) -> dict[str, tuple[str, list[str], str | None]]:
    """Film name → its stem, media and prompt."""
    return {
        film.name: (
            film.stem,
            [m.path.rpartition("/")[2] for m in film.media],
            film.prompt.path if film.prompt else None,
        )
        for project in grouping.projects
        for film in project.films
    }


def gathers(grouping: Grouping) -> dict[str, list[str]]:
    return {gather.folder: sorted(s.path for s in gather.files) for gather in grouping.gathers}


def reasons(grouping: Grouping) -> dict[str, str]:
    return {left.path: left.reason for left in grouping.left_alone}


# -- folders -----------------------------------------------------------------------------------------------------------


def test_a_folder_is_a_project_with_one_film_named_like_it():
    grouping = meant("beach/IMG_10.jpg", "beach/IMG_9.heic", "beach/song.mp3", "beach/prompt.txt", "beach/urls.txt")
    assert films(grouping) == {"beach": ("", ["IMG_9.heic", "IMG_10.jpg", "song.mp3"], "beach/prompt.txt")}
    (project,) = grouping.projects
    assert project.ready
    assert project.films[0].urls == seen("beach/urls.txt")


def test_folders_inside_belong_to_the_project():
    assert films(meant("trip/day2/b.jpg", "trip/day1/raw/a.jpg"))["trip"][1] == ["a.jpg", "b.jpg"]


def test_without_a_prompt_its_place_is_known():
    (project,) = meant("beach/a.jpg").projects
    assert (project.films[0].prompt, project.films[0].prompt_path) == (None, "beach/prompt.txt")


def test_batch_style_makes_a_film_of_each_file_with_a_sidecar():
    grouping = meant("wedding/a.jpg", "wedding/a.txt", "wedding/b.jpg", "wedding/b.txt")
    assert films(grouping) == {
        "wedding/a": ("a", ["a.jpg"], "wedding/a.txt"),
        "wedding/b": ("b", ["b.jpg"], "wedding/b.txt"),
    }


def test_files_without_a_sidecar_form_the_film_named_like_the_folder():
    grouping = meant("wedding/a.jpg", "wedding/a.txt", "wedding/c.jpg", "wedding/d.jpg", "wedding/prompt.txt")
    assert films(grouping)["wedding"] == ("", ["c.jpg", "d.jpg"], "wedding/prompt.txt")


def test_a_live_photo_pair_shares_its_sidecar():
    grouping = meant("w/IMG_1.HEIC", "w/IMG_1.mov", "w/img_1.txt", "w/IMG_2.jpg", "w/IMG_2.txt")
    assert films(grouping)["w/img_1"] == ("img_1", ["IMG_1.HEIC", "IMG_1.mov"], "w/img_1.txt")


def test_the_sidecar_of_exactly_the_same_case_comes_first():
    grouping = meant("w/a.jpg", "w/A.jpg", "w/a.txt", "w/A.txt")
    assert films(grouping) == {"w/A": ("A", ["A.jpg"], "w/A.txt"), "w/a": ("a", ["a.jpg"], "w/a.txt")}


def test_a_sidecar_speaks_only_for_its_own_folder():
    grouping = meant("w/day1/a.jpg", "w/day1/a.txt", "w/day2/a.jpg")
    assert films(grouping) == {"w/day1/a": ("day1/a", ["a.jpg"], "w/day1/a.txt"), "w": ("", ["a.jpg"], None)}


def test_a_folder_with_the_sidecar_of_its_own_name_is_one_film():
    assert films(meant("cat/cat.jpg", "cat/cat.txt")) == {"cat": ("", ["cat.jpg"], "cat/cat.txt")}
    more = films(meant("cat/cat.jpg", "cat/cat.txt", "cat/dog.jpg"))
    assert more == {"cat": ("", ["cat.jpg", "dog.jpg"], "cat/cat.txt")}, "it stays that film when photos are added"


def test_beside_a_prompt_a_namesake_is_a_film_like_others():
    grouping = meant("cat/cat.jpg", "cat/cat.txt", "cat/dog.jpg", "cat/prompt.txt")
    assert set(films(grouping)) == {"cat/cat", "cat"}


def test_a_folder_with_only_a_prompt_is_a_film_that_waits_for_photos():
    assert films(meant("ideas/prompt.txt")) == {"ideas": ("", [], "ideas/prompt.txt")}
    assert films(meant("ideas/prompt.txt", "ideas/urls.txt")) == {"ideas": ("", [], "ideas/prompt.txt")}


def test_a_prompt_is_read_in_any_case_and_only_once():
    grouping = meant("x/a.jpg", "x/Prompt.TXT")
    assert films(grouping)["x"][2] == "x/Prompt.TXT"
    grouping = meant("x/a.jpg", "x/Prompt.TXT", "x/prompt.txt")
    assert films(grouping)["x"][2] == "x/prompt.txt"
    assert reasons(grouping) == {"x/Prompt.TXT": "another file of that name is read"}


def test_texts_that_speak_for_nothing_are_left_alone():
    grouping = meant("x/a.jpg", "x/README.txt", "x/sub/prompt.txt", "x/manual.pdf", "x/.DS_Store")
    assert set(reasons(grouping)) == {"x/README.txt", "x/sub/prompt.txt", "x/manual.pdf", "x/.DS_Store"}
    assert all(left.project == "x" for left in grouping.left_alone)


def test_in_batch_style_a_prompt_without_files_of_its_own_makes_no_film():
    grouping = meant("w/a.jpg", "w/a.txt", "w/prompt.txt")
    assert set(films(grouping)) == {"w/a"}
    assert set(reasons(grouping)) == {"w/prompt.txt"}


def test_an_empty_folder_and_one_of_strangers_are_no_projects():
    grouping = meant("x/manual.pdf", folders=("empty",))
    assert grouping.projects == ()
    assert set(reasons(grouping)) == {"x/manual.pdf"}


def test_a_project_is_ready_only_when_all_rest_and_it_is_quiet():
    assert not meant("x/a.jpg", quiet_s=19.9).projects[0].ready
    (project,) = meant("x/a.jpg", unsettled=("x/b.jpg",), quiet_s=50).projects
    assert not project.ready
    assert [(left.path, left.reason) for left in project.unsettled] == [("x/b.jpg", "is still arriving")]
    assert [m.path for m in project.films[0].media] == ["x/a.jpg"]


def test_files_on_their_way_shape_the_films_already():
    """A sidecar that is still being copied does not make its photo another film's for a moment."""
    assert set(films(meant("w/a.jpg", "w/b.jpg", "w/b.txt", unsettled=("w/a.txt",)))) == {"w/a", "w/b"}
    assert films(meant("w/a.txt", unsettled=("w/a.jpg",))) == {"w/a": ("a", [], "w/a.txt")}


# -- loose files -------------------------------------------------------------------------------------------------------


def test_loose_files_are_gathered_into_a_dated_folder_with_their_prompt():
    grouping = meant("IMG_2.jpg", "IMG_1.jpg", "prompt.txt", "urls.txt")
    assert gathers(grouping) == {"2026-11-22-1542": ["IMG_1.jpg", "IMG_2.jpg", "prompt.txt", "urls.txt"]}
    assert grouping.left_alone == ()


def test_a_dated_folder_that_exists_is_never_added_to():
    assert set(gathers(meant("a.jpg", "2026-11-22-1542/b.jpg", "2026-11-22-1542-2/c.jpg"))) == {"2026-11-22-1542-3"}


def test_a_loose_file_with_its_own_sidecar_gets_a_folder_of_its_name():
    grouping = meant("cat.jpg", "cat.txt", "dog.jpg", "prompt.txt")
    assert gathers(grouping) == {"2026-11-22-1542": ["dog.jpg", "prompt.txt"], "cat": ["cat.jpg", "cat.txt"]}


def test_loose_files_wait_for_one_another_but_not_for_one_that_is_stuck():
    assert gathers(meant("a.jpg", unsettled=("b.jpg",))) == {}
    assert gathers(meant("a.jpg", quiet_s=10)) == {}
    assert reasons(meant("a.jpg", quiet_s=10)) == {"a.jpg": "will be gathered into 2026-11-22-1542"}
    grouping = meant("a.jpg", stuck=("b.jpg",))
    assert gathers(grouping) == {"2026-11-22-1542": ["a.jpg"]}
    assert set(reasons(grouping)) == {"b.jpg"}


def test_what_belongs_together_is_never_gathered_apart():
    grouping = meant("cat.heic", "cat.txt", "dog.jpg", stuck=("cat.mov",))
    assert gathers(grouping) == {"2026-11-22-1542": ["dog.jpg"]}
    assert reasons(grouping)["cat.heic"] == WAITS_FOR_ITS_OWN


def test_a_loose_prompt_waits_for_photos_and_a_loose_urls_txt_does_not():
    assert reasons(meant("prompt.txt")) == {"prompt.txt": "waits for loose photos to go with"}
    assert gathers(meant("prompt.txt", "urls.txt")) == {"2026-11-22-1542": ["prompt.txt", "urls.txt"]}


def test_loose_files_can_be_ignored():
    grouping = meant("a.jpg", "cat.jpg", "cat.txt", gather=False)
    assert gathers(grouping) == {}
    assert set(reasons(grouping)) == {"a.jpg", "cat.jpg", "cat.txt"}


def test_a_taken_name_is_numbered_whatever_its_case():
    assert gathers(meant("cat.jpg", "cat.txt", "CAT/dog.jpg")) == {"cat-2": ["cat.jpg", "cat.txt"]}


def test_a_stem_that_no_project_folder_can_bear_goes_into_the_dated_one():
    long = "x" * 240
    assert set(gathers(meant(f"{long}.jpg", f"{long}.txt"))) == {"2026-11-22-1542"}
    assert set(gathers(meant("_UNPACK_a.jpg", "_UNPACK_a.txt"))) == {"2026-11-22-1542"}


def test_a_move_that_a_kill_cut_short_is_finished():
    assert gathers(meant("cat/cat.jpg", "cat.txt")) == {"cat": ["cat.txt"]}
    assert gathers(meant("cat/cat.heic", "cat.mov", "cat.txt")) == {"cat": ["cat.mov", "cat.txt"]}


def test_a_folder_half_filled_by_a_kill_is_finished_under_its_name():
    assert gathers(meant(".gathering-2026-01-02-0304/", "b.jpg")) == {"2026-01-02-0304": ["b.jpg"]}
    assert gathers(meant(".gathering-2026-01-02-0304/")) == {"2026-01-02-0304": []}
    assert gathers(meant(".gathering-2026-01-02-0304/", "prompt.txt")) == {"2026-01-02-0304": ["prompt.txt"]}
    assert gathers(meant(".gathering-cat/", "cat.txt")) == {"cat": ["cat.txt"]}
    assert gathers(meant(".gathering-cat/", "dog.jpg")) == {"2026-11-22-1542": ["dog.jpg"], "cat": []}


EXAMPLES = 60  # each is a whole inbox; thousands were tried when this was written

# -- properties --------------------------------------------------------------------------------------------------------

_STEMS = st.sampled_from(
    ["a", "A", "b", "x", "IMG_1", "prompt", "urls", "cat", "📷", "\udcff", "README", "2026-11-22-1542"]
)
_ENDINGS = st.sampled_from(["jpg", "HEIC", "mov", "txt", "TXT", "mp3", "pdf", "jpg.part", "swp", "png", "crdownload"])
_FOLDERS = st.sampled_from(["", "", "x/", "cat/", "w/", "w/sub/", "w/sub/deep/", "2026-11-22-1542/"])
_PATHS = st.builds(lambda folder, stem, ending: f"{folder}{stem}.{ending}", _FOLDERS, _STEMS, _ENDINGS)
_INBOX = st.lists(
    st.tuples(_PATHS, st.sampled_from(["rest", "rest", "rest", "unsettled", "stuck"])),
    max_size=25,
    unique_by=lambda f: f[0],
)


def split(files: list[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    def of(state: str) -> tuple[str, ...]:
        return tuple(path for path, is_in in files if is_in == state and role_of(path) is not Role.ALONE)

    alone = tuple(path for path, _ in files if role_of(path) is Role.ALONE)
    return {"rest": of("rest") + alone, "unsettled": of("unsettled"), "stuck": of("stuck")}


def places(grouping: Grouping) -> list[str]:
    """Every place in which a path of the inbox stands."""
    found = [left.path for left in grouping.left_alone]
    found += [s.path for gather in grouping.gathers for s in gather.files]
    for project in grouping.projects:
        found += [left.path for left in project.unsettled]
        for film in project.films:
            found += [s.path for s in (*film.media, film.prompt, film.urls) if s is not None]
    return found


@settings(max_examples=EXAMPLES, deadline=None)
@given(_INBOX, st.sampled_from([0.0, 30.0]), st.booleans())
def test_every_file_ends_in_exactly_one_place(files, quiet_s, gather):
    parts = split(files)
    grouping = meant(*parts["rest"], unsettled=parts["unsettled"], stuck=parts["stuck"], quiet_s=quiet_s, gather=gather)
    assert sorted(places(grouping)) == sorted(path for path, _ in files)
    assert all(left.reason for left in grouping.left_alone)


@settings(max_examples=EXAMPLES, deadline=None)
@given(_INBOX, st.integers())
def test_the_order_of_arrival_does_not_matter(files, seed):
    shuffled = files[:]
    random.Random(seed).shuffle(shuffled)
    first, second = (
        meant(*parts["rest"], unsettled=parts["unsettled"], stuck=parts["stuck"])
        for parts in (split(files), split(shuffled))
    )
    assert first == second


@settings(max_examples=EXAMPLES, deadline=None)
@given(_INBOX)
def test_film_names_are_distinct_and_gathers_never_collide(files):
    parts = split(files)
    grouping = meant(*parts["rest"], unsettled=parts["unsettled"], stuck=parts["stuck"])
    names = [film.name for project in grouping.projects for film in project.films]
    assert len(names) == len(set(names))
    folders = [gather.folder for gather in grouping.gathers]
    assert len(folders) == len({folder.casefold() for folder in folders})


@settings(max_examples=EXAMPLES, deadline=None)
@given(_INBOX)
def test_a_second_look_after_gathering_gathers_nothing_more(files):
    """Idempotence: once the gathers are carried out, the inbox means projects only."""
    rest = split(files)["rest"]
    grouping = meant(*rest)
    moved = {s.path: f"{gather.folder}/{s.path}" for gather in grouping.gathers for s in gather.files}
    again = meant(*(moved.get(path, path) for path in rest))
    assert again.gathers == ()
    assert len(places(again)) == len(rest)


def test_a_loose_file_that_cannot_be_moved_stays_alone():
    grouping = meant("a.jpg", "b.jpg", "c.jpg", "prompt.txt", refused=("b.jpg",))
    (gather,) = grouping.gathers
    assert [file.path for file in gather.files] == ["a.jpg", "c.jpg", "prompt.txt"]
    assert [(left.path, left.reason) for left in grouping.left_alone] == [("b.jpg", "cannot be moved")]


def test_words_wait_for_a_loose_photo_that_cannot_be_moved():
    grouping = meant("a.jpg", "a.txt", "prompt.txt", refused=("a.jpg",))
    assert grouping.gathers == ()
    assert {left.path: left.reason for left in grouping.left_alone} == {
        "a.jpg": "cannot be moved",
        "a.txt": WAITS_FOR_ITS_OWN,
        "prompt.txt": WAITS_FOR_PHOTOS,
    }
