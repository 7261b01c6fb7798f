"""Measure the camera of a clip, compare it with a path, or take it from the clip as a path of few keys.

CLIP is any video. A folder is measured clip by clip against the camera files (NAME.txt) beside them, as a table, which
-o PAGE.md also writes.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.cli.console import Console

if TYPE_CHECKING:
    from pipelines.domain.camera.compare import Comparison
    from pipelines.domain.camera.formats.files import CameraFile
    from pipelines.domain.camera.track import CameraTrack
    from pipelines.domain.errors import InvalidRequest
    from pipelines.measure.lens import FocalPixels
    from pipelines.measure.measured import Measured

HELP = "measure how the camera of a clip moved"
LARGEST_SIDE = 640
"""Clips are read no larger than this: more pixels cost memory and make nothing better."""
ANOTHER_SHAPE = 0.03
"""The relative difference of two aspects from which a clip is not taken for the whole picture of its source."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("clip", type=Path, metavar="CLIP", help="a video, or a folder of clips with camera files")
    parser.add_argument("--against", type=Path, metavar="PATH", help="a camera file of any format: tell the errors")
    parser.add_argument(
        "--focal",
        metavar="PIXELS",
        help="focal length in the clip's pixels, FX,FY if the pixels are not square, or 'unknown' to find it "
        "(without it that of PATH, where PATH has one; a clip of another shape than PATH tells is tried as squeezed "
        "and as cropped)",
    )
    parser.add_argument(
        "--align",
        choices=("first", "best"),
        default="first",
        help="lay the paths over each other at the first frame, or where they fit best",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="write the measured path, with few keys; of a folder the table, as a page NAME.md",
    )
    parser.add_argument(
        "--distance", type=float, default=4.0, metavar="METRES", help="how far away the scene is, for --output"
    )


def run(options: argparse.Namespace, console: Console) -> int:
    # many threads make small matrices slower; this must be said before numpy is loaded
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if options.clip.is_dir():
        from studio.cli.camera_table import table

        return table(options, console)
    outcome = measured_clip(options.clip, options.against, options.focal, options.align)
    console.result(ok=not outcome.measured.problem, **outcome.as_dict())
    if outcome.measured.problem:
        console.say(f"The camera could not be measured. {outcome.measured.problem}")
        return 1
    for line in outcome.lines():
        console.say(line)
    if options.output:
        _write(outcome, options.output, options.distance, console)
    return 0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A measured clip, and how it compares with a path where one was given."""

    clip: Path
    measured: Measured
    track: CameraTrack | None
    comparison: Comparison | None
    fps: float
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """The answer of --json."""
        m = self.measured
        answer: dict[str, Any] = {
            "clip": str(self.clip),
            "could_not_be_measured": bool(m.problem),
            "reason": m.problem or None,
            "method": m.method,
            "translation_seen": m.translation_seen,
            "zooms": m.zooms,
            "confidence": round(m.confidence, 4),
            "reliable": not (m.problem or m.doubt),
            "why_not": m.doubt or None,
            "expected_rotation_error_degrees": _rounded(m.doubt_degrees),
            "expected_translation_error": _rounded(m.doubt_way),
            "lens": m.lens_source,
            "focal_pixels": m.focal_pixels.round(3).tolist(),
            "status": list(m.status),
            "residual_pixels": [None if value != value else round(float(value), 4) for value in m.residual_pixels],
            "camera_to_world": m.camera_to_world.tolist(),
            "seconds": round(self.seconds, 3),
        }
        return answer | (_errors(self.comparison) if self.comparison else {})

    def lines(self) -> list[str]:
        """The answer for a person."""
        m = self.measured
        told = [
            f"{self.clip.name}: {m.method}, {m.confidence:.0%} of what was seen is explained ({self.seconds:.1f} s)"
        ]
        expected = f"Expected errors: {m.doubt_degrees:.2f} degrees"
        told.append(expected + (f", {m.doubt_way:.1%} of the way." if m.doubt_way is not None else "."))
        told.append(f"Lens {m.lens_source}: fx {m.focal_pixels[0, 0]:.1f}, fy {m.focal_pixels[0, 1]:.1f} pixels.")
        if m.zooms:
            told.append(f"It zooms {m.focal_pixels[-1, 1] / m.focal_pixels[0, 1]:.2f} times from first to last frame.")
        if not m.translation_seen:
            told.append("Nothing moved against anything else: the camera only turned, or moved too little to tell.")
        if m.doubt:
            told.append(f"Do not rely on the numbers. {m.doubt}")
        if self.comparison:
            told.append(_sentence(self.comparison))
        return told


def measured_clip(clip: Path, against: Path | None, focal: str | None, align: str) -> Outcome:
    """Measure one clip. Raises GimbalError where clip or camera file cannot be read or do not belong together."""
    from pipelines.domain.camera.compare import compare
    from pipelines.domain.camera.formats.disk import read_file
    from pipelines.measure.measure import measure
    from pipelines.measure.measured import as_track
    from studio.media.clips import read_frames
    from studio.media.info import probe

    info = probe(clip)
    shrink = min(1.0, LARGEST_SIDE / max(info.width, info.height))
    size = (max(1, round(info.width * shrink)), max(1, round(info.height * shrink)))
    file = read_file(against) if against else None
    frames = read_frames(clip, size=size if shrink < 1 else None)
    asked = _asked(file, len(frames), frames.fps, size) if file else None
    began = time.perf_counter()
    found = measure(frames.pixels, _focal(focal, asked, shrink, (frames.width, frames.height)))
    found = replace(found, focal_pixels=found.focal_pixels / shrink, residual_pixels=found.residual_pixels / shrink)
    seconds = time.perf_counter() - began
    track = None if found.problem else as_track(found, (info.width, info.height), frames.fps)
    comparison = compare(asked, track, "best" if align == "best" else "first") if asked and track else None
    return Outcome(clip=clip, measured=found, track=track, comparison=comparison, fps=frames.fps, seconds=seconds)


def _asked(file: CameraFile, num_frames: int, fps: float, size: tuple[int, int]) -> CameraTrack:
    from pipelines.domain.camera.track import track_of

    if file.path:
        return track_of(file.path, num_frames, fps=fps, size=size)
    if len(file.track) != num_frames:
        message = f"The camera file has {len(file.track)} poses, the clip {num_frames} frames."
        raise refused(message, "Give a file with a pose for every frame, or a path with keys.")
    return file.track


def _focal(told: str | None, asked: CameraTrack | None, shrink: float, size: tuple[int, int]) -> FocalPixels:
    """The focal length in pixels of the frames as they were read, `size` (width, height); `told` is in the clip's."""
    if told == "unknown" or (told is None and (asked is None or asked.focal_mm is None)):
        return None
    if told is None:
        assert asked is not None
        return _focal_of(asked, size)
    try:
        numbers = [float(part) * shrink for part in told.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2) or not all(1.0 <= number < 1e6 for number in numbers):
        raise refused(f"“{told[:40]}” is no focal length.", "Give one number, two (FX,FY), or the word unknown.")
    return numbers[0] if len(numbers) == 1 else (numbers[0], numbers[1])


def _focal_of(asked: CameraTrack, size: tuple[int, int]) -> FocalPixels:
    """The lens of a camera file; where its picture had another shape than the clip, both ways to get from one to the
    other."""
    from pipelines.domain.camera.pose import focal_pixels
    from pipelines.measure.lens import shapes_of

    assert asked.focal_mm is not None
    heights = float(focal_pixels(asked.focal_mm[0], 1))
    if asked.aspect and abs(asked.aspect * size[1] / size[0] - 1.0) > ANOTHER_SHAPE:
        return shapes_of(heights, asked.aspect, size)
    return heights * size[1]


def refused(message: str, hint: str) -> InvalidRequest:
    """What to raise where an option or a file is not what it should be."""
    from pipelines.domain.errors import InvalidRequest, Problem

    return InvalidRequest((Problem(field="camera", message=message, hint=hint),))


def _errors(c: Comparison) -> dict[str, Any]:
    fraction = c.translation_fraction
    return {
        "align": c.align,
        "rotation_error_degrees": round(c.mean_rotation_degrees, 4),
        "rotation_error_degrees_per_frame": c.rotation_degrees.round(4).tolist(),
        "translation_error": None if fraction is None else round(float(fraction.mean()), 5),
        "translation_error_per_frame": None if fraction is None else fraction.round(5).tolist(),
        "translation_direction_error_degrees": _rounded(c.direction_to_end_degrees),
        "step_direction_error_degrees": _rounded(c.mean_direction_degrees),
        "step_rotation_error_degrees": round(c.mean_step_rotation_degrees, 4),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _sentence(c: Comparison) -> str:
    turn = (
        f"Rotation is off by {c.mean_rotation_degrees:.2f} degrees per frame (at most {c.rotation_degrees.max():.2f})"
    )
    if c.mean_translation_fraction is None or c.direction_to_end_degrees is None:
        return f"{turn}; the way cannot be compared, since one of both cameras only turned."
    return (
        f"{turn}, position by {c.mean_translation_fraction:.1%} of the way, "
        f"the direction of the way by {c.direction_to_end_degrees:.1f} degrees."
    )


def _write(outcome: Outcome, target: Path, distance: float, console: Console) -> None:
    """The measured path as keys, its scene `distance` metres away."""
    from pipelines.domain.camera.fit import path_from_track
    from pipelines.domain.camera.formats.disk import write_file

    assert outcome.track is not None
    world = outcome.track.camera_to_world.copy()
    world[:, :3, 3] *= distance
    track = replace(outcome.track, camera_to_world=world)
    path = path_from_track(track, tolerance_metres=0.01 * distance, tolerance_degrees=0.5)
    size = track.size or (1024, 576)
    for note in write_file(target, path, num_frames=len(track), fps=outcome.fps, size=size):
        console.note(note)
    console.say(f"{target}  {len(path.keys)} keys")
