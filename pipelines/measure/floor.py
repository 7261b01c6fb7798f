"""How well the measurement does on the toy world's true renders: the floor under every error of a generated clip.

`python -m pipelines.measure.floor [--clips N] [--kinds "pan left,truck left"]` prints a table, one line per clip.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from pipelines.domain.camera.compare import Comparison, compare
from pipelines.domain.camera.track import CameraTrack
from pipelines.measure.measure import measure
from pipelines.measure.measured import Measured, as_track
from pipelines.toybox.camera_moves import MOVES
from pipelines.toybox.render import render
from pipelines.toybox.sampling import EVERYDAY, sample_held_out

SEED = 20261121


@dataclass(frozen=True, kw_only=True)
class FloorClip:
    """One rendered clip and its measurement; comparison is None where it failed."""

    kind: str
    ground: str
    measured: Measured
    comparison: Comparison | None
    seconds: float


def floor_clip(kind: str, seed: int) -> FloorClip:
    """Render a held-out scene with a camera move of this kind and measure it, the first focal length given."""
    mixture = replace(EVERYDAY, moves=MappingProxyType({kind: 1.0}))
    scene = sample_held_out(np.random.default_rng([SEED, list(MOVES).index(kind), seed]), mixture)
    clip = render([scene])
    frames, size = clip.frames[0].numpy(), (clip.frames.shape[3], clip.frames.shape[2])
    began = time.perf_counter()
    found = measure(frames, float(clip.intrinsics[0, 0, 0, 0]))
    seconds = time.perf_counter() - began
    truth = CameraTrack(camera_to_world=clip.camera_to_world[0].double().numpy(), size=size)
    compared = None if found.problem else compare(truth, as_track(found, size))
    return FloorClip(kind=kind, ground=scene.ground, measured=found, comparison=compared, seconds=seconds)


def row(clip: FloorClip) -> str:
    """A line of the table."""
    c = clip.comparison
    if c is None:
        return f"| {clip.kind} | {clip.ground} | could not be measured | | | | | {clip.seconds:.1f} |"
    way = "" if c.mean_translation_fraction is None else f"{c.mean_translation_fraction:.1%}"
    direction = "" if c.direction_to_end_degrees is None else f"{c.direction_to_end_degrees:.0f}"
    turn = f"{c.mean_rotation_degrees:.2f}"
    explained = f"{clip.measured.confidence:.0%}"
    cells = (clip.kind, clip.ground, clip.measured.method, explained, turn, way, direction, f"{clip.seconds:.1f}")
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=1, help="how many of each kind")
    parser.add_argument("--kinds", default=",".join(MOVES), help="camera moves, separated by commas")
    options = parser.parse_args()
    print("| move | ground | measured as | explained | rotation, ° | position, of the way | direction, ° | seconds |")
    print("|---|---|---|---|---|---|---|---|")
    for kind in options.kinds.split(","):
        for index in range(options.clips):
            print(row(floor_clip(kind, index)), flush=True)


if __name__ == "__main__":
    main()
