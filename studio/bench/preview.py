"""How soon a camera move is seen: 17 frames at 256 pixels, of the stage and of a start picture, cold and warm."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pipelines.conditioning.previz import Stage, StandIn, render
from pipelines.domain.camera.path import CameraPath
from pipelines.domain.camera.plan_text import path_from_text
from studio.bench.report import Measure, middle, spread
from studio.camera.beside import Beside
from studio.camera.picture import PREVIEW_PIXELS, Pictures, Shown
from studio.home import prepare
from studio.library import Library
from studio.media.plain import png

FRAMES = 17
RUNS = 7
LIMIT_SECONDS = 1.0
PATH = "orbit left 45 and zoom in 1.3"
SIZE = (PREVIEW_PIXELS, PREVIEW_PIXELS)
FIRST = "starts the process, imports torch, reads the depth estimator"
STAND_INS = (StandIn(), StandIn(kind="figure", x=1.2), StandIn(kind="box", x=-1.2, z=0.5))


def measure(say: Callable[[str], None], runs: int = RUNS) -> tuple[Measure, ...]:
    """Each figure as the window sees it: the process beside it and what goes between them are counted."""
    with tempfile.TemporaryDirectory(prefix="gimbal-bench-") as folder:
        library, _ = Library.open(prepare(Path(folder)).root)
        beside = Beside("pictures")
        try:
            return (*_of_pictures(beside, library, say, runs), _of_stage(say, runs))
        finally:
            beside.close()
            library.repository.close()


def _of_pictures(beside: Beside, library: Library, say: Callable[[str], None], runs: int) -> tuple[Measure, ...]:
    pictures = Pictures(beside, library)
    shown = [_brought(pictures, library, number) for number in range(runs + 1)]
    path = path_from_text(PATH)
    say("a picture, while the process beside the window is not there yet")
    first = _seconds(partial(_play, pictures, shown[0], path))
    say(f"the same picture, {runs} other moves, then {runs} other pictures")
    moves = [path_from_text(f"orbit right {20 + 5 * number}") for number in range(runs)]
    before = beside.ask(time.process_time).result()
    same = [_seconds(partial(_play, pictures, shown[0], move)) for move in moves]
    between = beside.ask(time.process_time).result()
    other = [_seconds(partial(_play, pictures, one, path)) for one in shown[1:]]
    after = beside.ask(time.process_time).result()
    return (
        _measure("a move of a picture", same, (between - before) / runs),
        _measure("a move of a new picture, its depth too", other, (after - between) / runs),
        Measure(name="the first move of the first picture", value=first, unit="s", note=FIRST),
    )


def _of_stage(say: Callable[[str], None], runs: int) -> Measure:
    say("the stage with three stand-ins")
    work = partial(render, Stage(stand_ins=STAND_INS), *path_from_text(PATH).sample(FRAMES), *SIZE)
    before = time.process_time()
    seconds = [_seconds(work) for _ in range(runs)]
    return _measure("a move on the stage", seconds, (time.process_time() - before) / runs)


def _measure(name: str, seconds: list[float], processor_seconds: float) -> Measure:
    note = f"{FRAMES} frames of {SIZE[0]} x {SIZE[1]}; {spread(seconds)}"
    beside = {"processor seconds": processor_seconds}
    return Measure(name=name, value=middle(seconds), unit="s", limit=LIMIT_SECONDS, note=note, beside=beside)


def _play(pictures: Pictures, shown: Shown, path: CameraPath) -> None:
    pictures.play(shown, path, FRAMES).result()


def _brought(pictures: Pictures, library: Library, number: int) -> Shown:
    """A picture that no cache knows: a rendered stage, each with a ball of another colour."""
    colour = (0.2 + 0.1 * (number % 8), 0.7 - 0.08 * (number % 8), 0.3)
    seen = render(Stage(stand_ins=(StandIn(colour=colour),)), *path_from_text("static").sample(2), 512, 512)
    media = library.add_media(png(seen.frames[0]), f"{number}.png").sha256
    return pictures.shown({"media": media}, *SIZE)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
