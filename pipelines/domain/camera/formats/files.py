"""What the camera formats share: what is read, what is written, and reading numbers from text that may be hostile."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from pipelines.domain.camera import pose
from pipelines.domain.camera.path import FOCAL_MM, CameraPath
from pipelines.domain.camera.pose import Floats
from pipelines.domain.camera.track import MAX_POSES, CameraTrack
from pipelines.domain.errors import InvalidRequest, Problem

MAX_BYTES = 32_000_000
_MAX_LINE = 100_000
_SKEWED = 1e-3
NO_UNIT = "Its positions have no unit; they are taken as metres."
HINT = "It may be damaged, cut short, of another format or of another convention."


@dataclass(frozen=True, kw_only=True)
class CameraFile:
    """What was read: the poses; the path itself where the file holds one; sentences on what was lost or assumed."""

    form: str
    track: CameraTrack
    path: CameraPath | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Source:
    """What is to be written. size: (width, height) of the pictures."""

    track: CameraTrack
    path: CameraPath | None
    fps: float
    size: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """A file's bytes, the files that belong beside it by name, and sentences on what it cannot hold."""

    data: bytes
    beside: Mapping[str, bytes] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class CameraFormat(Protocol):
    """What the module of a format defines. SUFFIXES: what the names of such files end with, in lower case."""

    NAME: str
    TITLE: str
    SUFFIXES: tuple[str, ...]

    def looks_like(self, head: str, name: str) -> bool:
        """Whether a file that begins so (at most 64 KiB; "" where it is binary) and has this name is of this format."""

    def decode(self, data: bytes, beside: bytes | None) -> CameraFile:
        """Read it. Raises InvalidRequest."""

    def encode(self, source: Source) -> Encoded:
        """Write it."""


def refuse(message: str, hint: str = HINT) -> InvalidRequest:
    """The error of a file that cannot be read."""
    return InvalidRequest((Problem(field="camera", message=message, hint=hint),))


def text_of(data: bytes) -> str:
    """The text of a file. Raises InvalidRequest where it is too large or no UTF-8."""
    if len(data) > MAX_BYTES:
        raise refuse(f"The camera file has more than {MAX_BYTES // 1_000_000} MB.", "Cut it to the frames you need.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise refuse("The camera file is not text.") from None


def lines_of(data: bytes) -> Iterator[tuple[int, str]]:
    """(number from 1, line) of a text file, without comments (#) and blanks at the ends."""
    for number, line in enumerate(text_of(data).splitlines(), 1):
        if len(line) > _MAX_LINE:
            raise refuse(f"Line {number} of the camera file is longer than {_MAX_LINE:,} characters.")
        yield number, line.split("#", 1)[0].strip()


def numbers(words: list[str], where: str) -> list[float]:
    """The numbers of a line. Raises InvalidRequest that names the word which is none."""
    found = []
    for word in words:
        try:
            value = float(word) if len(word) < 64 else math.nan
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise refuse(f"{where} has “{word[:40]}” where a number should be.")
        found.append(value)
    return found


def listed(raw: Any, length: int, where: str) -> list[float]:
    """A JSON list of so many finite numbers. Raises InvalidRequest."""
    right = isinstance(raw, list) and len(raw) == length
    if not right or not all(isinstance(v, int | float) and not isinstance(v, bool) and abs(v) < 1e300 for v in raw):
        raise refuse(f"{where} is not a list of {length} numbers.")
    return [float(value) for value in raw]


def rotation(rows: Floats, where: str) -> Floats:
    """The rotation (3, 3) nearest to the given one. Raises InvalidRequest where that is none, as after a mix-up."""
    skew = float(np.abs(rows @ rows.T - np.eye(3)).max())
    if skew > _SKEWED or np.linalg.det(rows) < 0.0:
        what = "is mirrored" if skew <= _SKEWED else "is stretched or skewed"
        raise refuse(f"{where} has a rotation that {what}, so it is none.")
    left, _, right = np.linalg.svd(rows)
    return np.asarray(left @ right)


def quaternion(values: list[float], where: str) -> Floats:
    """The rotation (3, 3) of (w, x, y, z). Raises InvalidRequest where the length is not about 1."""
    if not 0.99 < math.hypot(*values) < 1.01:
        raise refuse(f"{where} has a quaternion of length {math.hypot(*values):.3g}, not 1.")
    return pose.rotation_from_quaternion(values)


def track_from(poses: list[Floats], **known: Any) -> CameraTrack:
    """The track of poses (4, 4). Raises InvalidRequest where there are none, too many, or they are out of bounds."""
    if not poses:
        raise refuse("The camera file holds no pose.")
    bounded_count(len(poses))
    try:
        return CameraTrack(camera_to_world=np.stack(poses), **known)
    except ValueError as error:
        raise refuse(f"The camera file does not fit: {error}.") from None


def bounded_count(count: int) -> None:
    """Raises InvalidRequest where a file holds more poses than are read."""
    if count > MAX_POSES:
        raise refuse(f"The camera file has more than {MAX_POSES:,} poses.", "Cut it to the frames you need.")


def lens(focal_mm: float, where: str) -> float:
    """A focal length in mm. Raises InvalidRequest where no lens has it."""
    if not FOCAL_MM[0] <= focal_mm <= FOCAL_MM[1]:
        raise refuse(f"{where} has a lens of {focal_mm:.4g} mm, outside {FOCAL_MM[0]:g} to {FOCAL_MM[1]:g} mm.")
    return focal_mm


def not_held(source: Source, what: str) -> tuple[str, ...]:
    """The sentence on a path of which only the poses are written."""
    if source.path is None:
        return ()
    count = len(source.track)
    return (f"{what} holds one pose per frame: the path's keys, targets and speed curve become {count} poses.",)


def focals(source: Source) -> tuple[Floats, tuple[str, ...]]:
    """The focal lengths (n,) to write, and the sentence where they had to be made up."""
    if source.track.focal_mm is not None:
        return source.track.focal_mm, ()
    return np.full(len(source.track), 28.0), ("The lens is not known; 28 mm is written.",)
