"""Asked against obtained: the camera of a finished clip, measured beside the window and kept with the clip's facts."""

from __future__ import annotations

import json
import logging
import multiprocessing
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.domain.camera import pose
from pipelines.domain.camera.compare import Comparison, compare
from pipelines.domain.camera.path import CameraPath
from pipelines.domain.camera.track import track_of
from pipelines.domain.request import GenerationRequest

if TYPE_CHECKING:
    from projects_db.records import ClipRow
    from projects_db.repository import Repository

FACT = "camera"
_DIGITS = 5
_log = logging.getLogger("gimbal.camera")


def measured_against(file: Path, path: CameraPath, size: tuple[int, int], num_frames: int) -> dict[str, Any]:
    """What became of a path in a clip, as plain JSON: `problem`, or errors per frame and both ways in metres."""
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
    return {"problem": "", "confidence": round(seen.confidence, 3), "method": seen.method, **_errors(found)}


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


class Measuring:
    """Measures clips one at a time in a process of its own, so that the window stays quick."""

    def __init__(self, repository: Repository, clip_path: Callable[[ClipRow], Path], tell: Callable[[], None]) -> None:
        self._repository = repository
        self._clip_path = clip_path
        self._tell = tell
        self._running: set[str] = set()
        self._lock = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None

    def of(self, row: ClipRow) -> dict[str, Any] | None:
        """What is known of a clip's camera; {"measuring": True} from the first question on. None without a path."""
        request = GenerationRequest.from_json(row.request_json)
        known = json.loads(row.facts_json or "{}").get(FACT)
        if request.camera is None or known:
            return known if request.camera is not None else None
        self._start(row, request, request.camera)
        return {"measuring": True}

    def close(self) -> None:
        """Forget what is not measured yet."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _start(self, row: ClipRow, request: GenerationRequest, path: CameraPath) -> None:
        with self._lock:
            if row.id in self._running:
                return
            self._running.add(row.id)
            if self._pool is None:
                self._pool = ProcessPoolExecutor(max_workers=1, mp_context=multiprocessing.get_context("spawn"))
        size = (request.width, request.height)
        work = self._pool.submit(measured_against, self._clip_path(row), path, size, request.num_frames)
        work.add_done_callback(lambda done: self._keep(row.id, done))

    def _keep(self, clip_id: str, done: Future[dict[str, Any]]) -> None:
        if done.cancelled():
            return
        error = done.exception()
        if error is not None:
            _log.error("measuring the camera of clip %s failed", clip_id, exc_info=error)
        found = {"problem": "The clip could not be read."} if error is not None else done.result()
        self._repository.tell_of_clip(clip_id, {FACT: found})
        with self._lock:
            self._running.discard(clip_id)
        self._tell()
