"""How well cameras are measured on the toy world's true renders: the floor under every error of a generated clip.

`python -m pipelines.measure.floor [--clips N] [--kinds "pan left,truck left"] [--spoilt]` prints a table, one line per
clip, and how well the errors that each estimator expects of itself order the real ones. Spoilt clips are also soft or
dark.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.domain.camera.compare import Comparison, compare
from pipelines.domain.camera.track import CameraTrack
from pipelines.measure.measure import measure
from pipelines.measure.measured import Measured, as_track
from pipelines.toybox.bench.readings import Reading, exact
from pipelines.toybox.bench.scenes import Case
from pipelines.toybox.camera_moves import MOVES
from pipelines.toybox.render import render
from pipelines.toybox.sampling import EVERYDAY, sample_held_out

SEED = 20261121
STATES = ("plain", "soft", "dark")
COLUMNS = (
    "move", "ground", "sky", "state", "measured as", "explained", "expects, °", "rotation, °", "position",
    "direction, °", "exact: expects, °", "rotation, °", "position", "seconds",
)  # fmt: skip
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class FloorClip:
    """One rendered clip and its measurements; comparison is None where structure from motion failed."""

    case: Case
    state: str
    measured: Measured
    comparison: Comparison | None
    exact: Reading
    seconds: float


def floor_clips(kind: str, seed: int, states: Sequence[str] = STATES[:1]) -> list[FloorClip]:
    """Render a held-out scene with a camera move of this kind and measure it, the first focal length given."""
    mixture = replace(EVERYDAY, moves=MappingProxyType({kind: 1.0}))
    scene = sample_held_out(np.random.default_rng([SEED, list(MOVES).index(kind), seed]), mixture)
    case = Case(scene, "", render([scene]))
    return [_measured(case, state) for state in states]


def _measured(case: Case, state: str) -> FloorClip:
    frames = spoilt(case.frames, state)
    size = (frames.shape[2], frames.shape[1])
    began = time.process_time()
    found = measure(frames, float(case.focals[0]))
    seconds = time.process_time() - began
    truth = CameraTrack(camera_to_world=case.poses, size=size)
    compared = None if found.problem else compare(truth, as_track(found, size))
    return FloorClip(
        case=case, state=state, measured=found, comparison=compared, exact=exact(case, case, frames), seconds=seconds
    )


def spoilt(frames: Pixels, state: str) -> Pixels:
    """The same clip blurred ("soft"), or at an eighth of its light with noise ("dark")."""
    if state == "soft":
        return np.stack([np.asarray(cv2.GaussianBlur(frame, (0, 0), 2.0), np.uint8) for frame in frames])
    if state == "dark":
        noise = np.random.default_rng(SEED).normal(0.0, 1.0, frames.shape)
        return np.clip(np.rint(frames * 0.12 + noise), 0, 255).astype(np.uint8)
    return frames


def row(clip: FloorClip) -> str:
    """A line of the table."""
    m, c, e = clip.measured, clip.comparison, clip.exact
    scene = clip.case.scene
    cells = [scene.camera.kind, scene.ground, scene.sky, clip.state]
    if c is None:
        cells += ["could not be measured", "", "", "", "", ""]
    else:
        way = "" if c.mean_translation_fraction is None else f"{c.mean_translation_fraction:.1%}"
        direction = "" if c.direction_to_end_degrees is None else f"{c.direction_to_end_degrees:.0f}"
        unsure = " (unsure)" if m.doubt else ""
        turn = f"{c.mean_rotation_degrees:.2f}"
        cells += [m.method + unsure, f"{m.confidence:.0%}", f"{m.doubt_degrees:.2f}", turn, way, direction]
    moved = "" if e.translation is None else f"{e.translation:.1%}"
    cells += ["unsure" if e.problem else f"{e.doubt:.2f}", f"{e.rotation:.2f}", moved, f"{clip.seconds:.1f}"]
    return "| " + " | ".join(cells) + " |"


def order(expected: Sequence[float], real: Sequence[float]) -> float:
    """Spearman's rank correlation."""
    ranks = [np.argsort(np.argsort(values)) for values in (expected, real)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def summary(clips: Sequence[FloorClip]) -> str:
    """How well expected errors order real ones, over the clips that turned or moved and were measured."""
    known = [(clip, clip.comparison) for clip in clips if clip.comparison and clip.measured.method != "static"]
    by_structure = order(
        [clip.measured.doubt_degrees for clip, _ in known], [c.mean_rotation_degrees for _, c in known]
    )
    moving = [clip.exact for clip in clips if clip.case.scene.camera.kind != "static"]
    by_depth = order([read.doubt for read in moving], [read.rotation for read in moving])
    return (
        f"Rank correlation of expected and real rotation errors: structure from motion {by_structure:.2f} "
        f"({len(known)} clips), on the known depth {by_depth:.2f} ({len(moving)} clips)."
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=1, help="how many of each kind")
    parser.add_argument("--kinds", default=",".join(MOVES), help="camera moves, separated by commas")
    parser.add_argument("--spoilt", action="store_true", help="soft and dark clips as well")
    options = parser.parse_args()
    print("| " + " | ".join(COLUMNS) + " |")
    print("|" + "---|" * len(COLUMNS))
    clips = []
    for kind in options.kinds.split(","):
        for index in range(options.clips):
            for clip in floor_clips(kind, index, STATES if options.spoilt else STATES[:1]):
                clips.append(clip)
                print(row(clip), flush=True)
    if len(clips) > 3:
        print("\n" + summary(clips))


if __name__ == "__main__":
    main()
