"""The bench: its process does the work, the library keeps it, and neither a stop nor a death loses the rest."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from pipelines.conditioning.estimators import SHIPPED
from pipelines.domain.errors import GimbalError
from projects_db.records import NotFound
from studio.home import prepare
from studio.library import Library
from studio.structure import Bench, Target, Task, origin_of
from studio.structure.wishes import Extract, TrackMask
from tests.studio.structure.samples import clip_file, rolling

GRID = Target(width=96, height=64, num_frames=6, fps=12.0)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    opened, _ = Library.open(prepare(tmp_path / "home").root)
    yield opened
    opened.repository.close()


@pytest.fixture
def bench(library: Library) -> Iterator[Bench]:
    made = Bench(library.home, library)
    yield made
    made.close()


def own_processes() -> list[psutil.Process]:
    return [p for p in psutil.Process().children() if "studio.structure.process" in " ".join(p.cmdline())]


def test_a_wish_becomes_a_medium_and_the_same_wish_the_same_task(
    library: Library, bench: Bench, tmp_path: Path
) -> None:
    source = library.add_media(clip_file(tmp_path), "source.mp4")
    wish = Extract(source=source.sha256, control="edges", target=GRID)
    seen: list[float] = []
    made = bench.make(wish, lambda task: seen.append(task.fraction))
    assert (made.width, made.height, made.num_frames, made.estimator) == (96, 64, 6, "canny") and seen[-1] == 1.0
    origin = origin_of(library.media_path(made.media))
    assert origin is not None and origin.source == source.sha256
    again = bench.ask(wish)
    assert again.state == "done" and again.made == made
    assert not list(library.home.incoming.iterdir())
    with pytest.raises(GimbalError, match="Nothing named"):
        bench.make(Extract(source=source.sha256, control="edges", target=GRID, estimator="nobody"))


def test_a_task_is_left_and_one_that_waits_is_dropped(library: Library, bench: Bench, tmp_path: Path) -> None:
    frames = np.concatenate([rolling(12, 480, 320)] * 6)
    source = library.add_media(clip_file(tmp_path, frames), "long.mp4")
    mask = library.add_media(_mask(tmp_path), "mask.png")
    long = Target(width=480, height=320, num_frames=72, fps=12.0)
    first = bench.ask(TrackMask(source=source.sha256, mask=mask.sha256, target=long))
    second = bench.ask(Extract(source=source.sha256, control="edges", target=GRID))
    assert second.state == "waiting"
    stopped = bench.stop(second.id)
    assert stopped is not None and stopped.state == "stopped"

    def leave_once_it_runs(task: Task) -> None:
        if task.fraction > 0:
            bench.stop(task.id)

    assert bench.wait(first.id, leave_once_it_runs).state == "stopped"


def _mask(folder: Path) -> Path:
    from PIL import Image

    picture = np.zeros((320, 480), np.uint8)
    picture[100:220, 10:100] = 255
    Image.fromarray(picture).save(folder / "mask.png")
    return folder / "mask.png"


def test_a_process_that_dies_fails_its_task_and_the_next_one_works(
    library: Library, bench: Bench, tmp_path: Path
) -> None:
    source = library.add_media(clip_file(tmp_path), "source.mp4")
    task = bench.ask(Extract(source=source.sha256, control="grey", target=GRID))
    for process in own_processes():
        process.kill()
    assert "gone" in bench.wait(task.id).message
    assert bench.make(Extract(source=source.sha256, control="grey", target=GRID)).estimator == "grey"


def test_an_estimator_that_came_while_the_process_rested_is_used(
    library: Library, bench: Bench, tmp_path: Path
) -> None:
    source = library.add_media(clip_file(tmp_path), "source.mp4")
    wish = Extract(source=source.sha256, control="depth", target=GRID, estimator="my-depth")
    with pytest.raises(GimbalError, match="Nothing named"):
        bench.make(wish)
    shutil.copytree(SHIPPED["depth"], library.home.estimators / "my-depth")
    assert bench.make(wish).estimator == "my-depth"


def test_a_source_that_is_not_there_is_told_at_once(bench: Bench) -> None:
    with pytest.raises(NotFound):
        bench.ask(Extract(source="0" * 64, control="edges", target=GRID))


def test_the_process_goes_when_it_rests_and_when_the_bench_closes(library: Library, tmp_path: Path) -> None:
    source = library.add_media(clip_file(tmp_path), "source.mp4")
    short = Bench(library.home, library, idle_seconds=0.01)
    short.make(Extract(source=source.sha256, control="grey", target=GRID))
    _, left = psutil.wait_procs(own_processes(), timeout=20)
    assert left == []
    short.close()
