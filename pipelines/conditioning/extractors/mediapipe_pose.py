"""Body pose of real people by MediaPipe (BlazePose, Bazarevsky et al., 2020), offline, where it is installed.

MediaPipe's last version that ships its models needs NumPy 1, so most machines do without it.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from pipelines.conditioning.coco import with_neck
from pipelines.conditioning.extractors import Clip, OnShare, Options, Structure, parts
from pipelines.conditioning.extractors.pose import drawn
from pipelines.domain.conditioning import ControlKind

COCO = (0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28)
"""For each of COCO's 17 joints its place among MediaPipe's 33 landmarks."""
MODEL = "modules/pose_landmark/pose_landmark_full.tflite"
OFFLINE_COMPLEXITY = 1


def skeleton(landmarks: NDArray[np.floating] | None, width: int, height: int) -> NDArray[np.float32]:
    """Landmarks (33, 3) of x, y in 0..1 and visibility as COCO-18 (18, 3) in pixels; nobody is NaN, NaN, 0."""
    if landmarks is None:
        return np.tile(np.array([np.nan, np.nan, 0.0], np.float32), (18, 1))
    return with_neck(landmarks[list(COCO)] * np.array([width, height, 1.0]))


@functools.cache
def why_not() -> str:
    """Why it cannot be used here, looked up without importing it."""
    spec = importlib.util.find_spec("mediapipe")
    if spec is None or spec.origin is None:
        return "MediaPipe is not installed (pip install gimbal[control])."
    if not Path(spec.origin).with_name("modules").joinpath(*MODEL.split("/")[1:]).is_file():
        return "This version of MediaPipe ships no models; 0.10.21 does."
    return ""


class MediaPipePose:
    """One person per frame, followed from frame to frame."""

    id, title = "mediapipe-pose", "Body pose, MediaPipe (real people)"
    control: ClassVar[ControlKind] = "pose"

    @property
    def why_not(self) -> str:
        return why_not()

    def skeletons(self, frames: Clip, on_share: OnShare) -> NDArray[np.float32]:
        """Skeletons (T, 18, 3) of x, y in pixels and visibility. Raises ImportError."""
        solutions: Any = importlib.import_module("mediapipe").solutions
        found = []
        with solutions.pose.Pose(model_complexity=OFFLINE_COMPLEXITY, static_image_mode=len(frames) == 1) as looker:
            for part in parts(len(frames), 1, on_share):
                answer = looker.process(np.ascontiguousarray(frames[part.start])).pose_landmarks
                marks = None if answer is None else np.array([(m.x, m.y, m.visibility) for m in answer.landmark])
                found.append(skeleton(marks, frames.shape[2], frames.shape[1]))
        return np.stack(found)

    def extract(self, frames: Clip, size: tuple[int, int], options: Options, on_share: OnShare) -> Structure:
        """Raises GimbalError where nobody is seen."""
        return drawn(self.skeletons(frames, on_share)[:, None], frames.shape[1:3], size, self.id)


def extractors(added: Sequence[Path]) -> tuple[MediaPipePose, ...]:
    return (MediaPipePose(),)
