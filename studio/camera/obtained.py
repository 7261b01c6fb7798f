"""Asked against obtained: the camera of a finished clip, measured beside the window and kept with the clip's facts."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.domain.camera import pose
from pipelines.domain.camera.compare import Comparison, compare
from pipelines.domain.camera.path import CameraPath
from pipelines.domain.camera.track import CameraTrack, track_of
from pipelines.domain.errors import GimbalError
from pipelines.domain.request import GenerationRequest
from studio.camera.beside import Beside

if TYPE_CHECKING:
    from projects_db.records import ClipRow
    from projects_db.repository import Repository

FACT = "camera"
_DIGITS = 5
_log = logging.getLogger("gimbal.camera")


def measured_against(file: Path, path: CameraPath, size: tuple[int, int], num_frames: int) -> dict[str, Any]:
    """What became of a path in a clip, as plain JSON: `problem`, or errors per frame and both ways in metres.

    doubt: why those are not to be relied on, "" where they are.
    """
    from pipelines.measure.measure import measure
    from pipelines.measure.measured import as_track
    from studio.media import read_frames

    frames = read_frames(file, max_frames=num_frames)
    asked = track_of(path, len(frames), size=size)
    lens = np.asarray(asked.focal_mm)
    steady = float(np.ptp(lens)) < 1e-6 * float(lens[0])
    seen = measure(frames.pixels, float(pose.focal_pixels(lens[0], size[1])) if steady else None)
    if seen.problem:
        return {"problem": seen.problem}
    found = compare(asked, as_track(seen, size))
    told = {"problem": "", "doubt": seen.doubt, "confidence": round(seen.confidence, 3), "method": seen.method}
    return told | _errors(found)


def _errors(found: Comparison) -> dict[str, Any]:
    away = found.translation_fraction
    return {
        "rotation_degrees": _plain(found.rotation_degrees),
        "translation_fraction": None if away is None else _plain(away),
        "asked": _plain(found.asked[:, :3, 3]),
        "obtained": _plain(found.aligned[:, :3, 3]),
    }


def _plain(values: Any) -> Any:
    return np.round(np.asarray(values, np.float64), _DIGITS).tolist()


def way_of(file: Path) -> CameraTrack:
    """How the camera of a clip moved, its lens found too; the unit of length is `Measured`'s, not the metre.

    Raises GimbalError where it could not be measured, MediaError where the file is no clip.
    """
    from pipelines.measure.measure import MOST_FRAMES, measure
    from pipelines.measure.measured import as_track
    from studio.media import read_frames

    frames = read_frames(file, max_frames=MOST_FRAMES)
    seen = measure(frames.pixels)
    if seen.problem:
        raise GimbalError(f"The camera of this clip could not be measured. {seen.problem}", "Draw its move instead.")
    return as_track(seen, (frames.width, frames.height), frames.fps)


class Measuring:
    """Measures clips one at a time in a process beside the window that stands back for others.

    Each clip that is made with a path is measured once it is stored; older ones when they are asked for.
    """

    def __init__(self, repository: Repository, clip_path: Callable[[ClipRow], Path], tell: Callable[[], None]) -> None:
        self._repository = repository
        self._clip_path = clip_path
        self._tell = tell
        self._running: set[str] = set()
        self._lock = threading.Lock()
        self._beside = Beside("measuring", niceness=5, kept_seconds=120.0)
        self._closed = False

    def follow(self, row: ClipRow) -> None:
        """Measure a clip that was just stored, where it has a path. Returns at once."""
        self.of(row)

    def of(self, row: ClipRow) -> dict[str, Any] | None:
        """What is known of a clip's camera; {"measuring": True} until it is measured. None without a path."""
        request = GenerationRequest.from_json(row.request_json)
        known = json.loads(row.facts_json or "{}").get(FACT)
        if request.camera is None:
            return None
        if known and (known.get("problem") or "doubt" in known):  # older ones do not say how sure they are
            return dict(known)
        self._start(row, request, request.camera)
        return {"measuring": True}

    def way_of(self, file: Path) -> Future[CameraTrack]:
        """How the camera of any clip moved; see `way_of`."""
        return self._beside.ask(way_of, file)

    def close(self) -> None:
        """Leave what is not measured yet for another time."""
        self._closed = True
        self._beside.close()

    def _start(self, row: ClipRow, request: GenerationRequest, path: CameraPath) -> None:
        with self._lock:
            if row.id in self._running:
                return
            self._running.add(row.id)
        size = (row.width, row.height)
        work = self._beside.ask(measured_against, self._clip_path(row), path, size, request.num_frames)
        work.add_done_callback(lambda done: self._keep(row.id, done))

    def _keep(self, clip_id: str, done: Future[dict[str, Any]]) -> None:
        try:
            if not done.cancelled() and not self._closed:
                self._repository.tell_of_clip(clip_id, {FACT: _result(clip_id, done)})
        except GimbalError as error:  # such as a clip that was deleted meanwhile
            _log.warning("what became of the camera of clip %s could not be kept: %s", clip_id, error)
        with self._lock:
            self._running.discard(clip_id)
        self._tell()


def _result(clip_id: str, done: Future[dict[str, Any]]) -> dict[str, Any]:
    error = done.exception()
    if error is None:
        return done.result()
    _log.error("measuring the camera of clip %s failed", clip_id, exc_info=error)
    return {"problem": error.message if isinstance(error, GimbalError) else "The clip could not be read."}
