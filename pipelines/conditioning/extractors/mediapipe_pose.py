"""Pose, hands and face of real people by MediaPipe (Lugaresi et al., 2019), offline, where it is installed.

MediaPipe's last version that ships its models needs NumPy 1, so most machines do without it. Its models see one person
at a time: whoever was found is painted over, and the next one looks at what is left.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.conditioning.coco import with_neck
from pipelines.conditioning.extractors import BodyPart, Clip, OnShare, Options, Structure, parts
from pipelines.conditioning.extractors.pose import drawn
from pipelines.conditioning.people import BODY, FACE, LEFT_HAND, MOST, RIGHT_HAND, Joints, followed, nobody
from pipelines.domain.conditioning import ControlKind

COCO = (0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28)
"""For each of COCO's 17 joints its place among MediaPipe's 33 landmarks."""
FACE_68 = (
    162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389,
    71, 63, 105, 66, 107, 336, 296, 334, 293, 301, 168, 197, 5, 4, 75, 97, 2, 326, 305,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87,
)  # fmt: skip
"""For each of the 68 points of a face its place in MediaPipe's mesh: jaw, brows, nose, eyes, outer and inner lips."""
MODEL = "modules/holistic_landmark/holistic_landmark_cpu.binarypb"
OFFLINE_COMPLEXITY = 1
GREY, SHRUNK = 127, 8
HIDDEN_SHARE = 1 / 24
"""How far around a person the picture is painted over, in shares of its shorter side."""


def skeleton(landmarks: NDArray[np.floating] | None, width: int, height: int) -> NDArray[np.float32]:
    """Landmarks (33, 3) of x, y in 0..1 and visibility as COCO-18 (18, 3) in pixels; nobody is NaN, NaN, 0."""
    if landmarks is None:
        return nobody()[BODY]
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


class _Lookers:
    """One follower for each person: it sees the frame without those before it, and keeps to its own from then on."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self._stack = stack
        self._lookers: list[Any] = []

    def people(self, frame: Clip) -> Joints:
        """The whole skeletons (people, 128, 3) of a frame (H, W, 3). Raises ImportError."""
        found: list[Joints] = []
        left = np.ascontiguousarray(frame)
        while len(found) <= MOST:  # one more than is followed, to know that there are more
            seen = self._looker(len(found)).process(left)
            if seen.pose_landmarks is None:
                break
            found.append(_whole(seen, *frame.shape[1::-1]))
            left = _without(left, seen.segmentation_mask)
        return np.stack(found) if found else nobody(0)

    def _looker(self, place: int) -> Any:
        if place == len(self._lookers):
            solutions: Any = importlib.import_module("mediapipe").solutions
            made = solutions.holistic.Holistic(model_complexity=OFFLINE_COMPLEXITY, enable_segmentation=True)
            self._lookers.append(self._stack.enter_context(made))
        return self._lookers[place]


def _whole(seen: Any, width: int, height: int) -> Joints:
    """One person as a whole skeleton; hands and faces come without visibility, they are found or not."""
    joints = nobody()
    marks = seen.pose_landmarks.landmark
    joints[BODY] = skeleton(np.array([(m.x, m.y, m.visibility) for m in marks]), width, height)
    for place, told in ((LEFT_HAND, seen.left_hand_landmarks), (RIGHT_HAND, seen.right_hand_landmarks)):
        if told is not None:
            joints[place] = _points(told.landmark, width, height)
    if seen.face_landmarks is not None:
        joints[FACE] = _points(seen.face_landmarks.landmark, width, height)[list(FACE_68)]
    return joints


def _points(marks: Any, width: int, height: int) -> NDArray[np.float64]:
    return np.array([(mark.x * width, mark.y * height, 1.0) for mark in marks])


def _without(frame: Clip, person: NDArray[np.floating]) -> Clip:
    """The frame with someone painted over by what is around; person: how surely they are at each pixel.

    The paint has no outline of its own, in which a next person could be seen.
    """
    side = 2 * max(1, round(HIDDEN_SHARE * min(frame.shape[:2]))) + 1
    around = cv2.dilate((person > 0.2).astype(np.uint8), np.ones((side, side), np.uint8))
    if around.all():
        return np.full_like(frame, GREY)
    small = (max(1, frame.shape[1] // SHRUNK), max(1, frame.shape[0] // SHRUNK))
    kept = cv2.resize((1 - around).astype(np.float32), small, interpolation=cv2.INTER_AREA)
    light = cv2.resize(frame * (1.0 - around[..., None]).astype(np.float32), small, interpolation=cv2.INTER_AREA)
    spread = 0.15 * min(small)
    weight = cv2.GaussianBlur(kept, (0, 0), spread) + 1e-4
    paint = cv2.GaussianBlur(light, (0, 0), spread) / weight[..., None]
    paint = cv2.resize(paint, frame.shape[1::-1], interpolation=cv2.INTER_LINEAR).clip(0, 255)
    return np.where(around[..., None] > 0, paint.astype(np.uint8), frame)


class MediaPipePose:
    """Several people, each followed from frame to frame, the largest first."""

    id, title = "mediapipe-pose", "Pose, hands and face, MediaPipe (real people)"
    control: ClassVar[ControlKind] = "pose"
    gives: ClassVar[tuple[BodyPart, ...]] = ("body", "hands", "face")
    most_people: ClassVar[int] = MOST

    @property
    def why_not(self) -> str:
        return why_not()

    def people(self, frames: Clip, on_share: OnShare) -> tuple[Joints, int]:
        """Whole skeletons (T, people, 128, 3), and how many people the fullest frame shows. Raises ImportError."""
        with contextlib.ExitStack() as stack:
            lookers = _Lookers(stack)
            return followed([lookers.people(frames[part.start]) for part in parts(len(frames), 1, on_share)])

    def extract(self, frames: Clip, size: tuple[int, int], options: Options, on_share: OnShare) -> Structure:
        """Raises GimbalError where nobody is seen."""
        people, most = self.people(frames, on_share)
        return drawn(people, frames.shape[1:3], size, self.id, most)


def extractors(added: Sequence[Path]) -> tuple[MediaPipePose, ...]:
    return (MediaPipePose(),)
