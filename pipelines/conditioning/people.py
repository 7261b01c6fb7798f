"""The people in a clip: which joints a skeleton has, by name, and who is who from frame to frame.

A whole skeleton has 128 joints (..., 128, 3) of x, y in pixels and confidence: the body's COCO-18, then a left and a
right hand of 21 each, then the 68 points of a face (Sagonas et al., 2016). What is not seen is NaN, NaN, 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipelines.conditioning.pose import CONFIDENT

Joints = NDArray[np.float32]

BODY_NAMES = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "right_eye", "left_eye",
    "right_ear", "left_ear",
)  # fmt: skip
FINGERS = ("thumb", "index", "middle", "ring", "little")
HAND_NAMES = ("wrist", *(f"{finger}_{joint}" for finger in FINGERS for joint in range(1, 5)))
NAMES = (
    *BODY_NAMES,
    *(f"{side}_hand_{name}" for side in ("left", "right") for name in HAND_NAMES),
    *(f"face_{point}" for point in range(1, 69)),
)
WHOLE = len(NAMES)
BODY, LEFT_HAND, RIGHT_HAND, FACE = slice(0, 18), slice(18, 39), slice(39, 60), slice(60, WHOLE)
MOST = 6
"""People that are followed at once, the largest first."""
FURTHEST = 1.5
"""How far someone may go from one frame to the next, in shares of their own size."""


def nobody(*shape: int) -> Joints:
    """Whole skeletons (*shape, 128, 3) of which nothing is seen."""
    return np.broadcast_to(np.array([np.nan, np.nan, 0.0], np.float32), (*shape, WHOLE, 3)).copy()


def followed(found: Sequence[Joints], most: int = MOST) -> tuple[Joints, int]:
    """Skeletons (people, J, 3) of each frame as (T, P <= most, J, 3), each person in one place, and how many were.

    Someone is who they overlap most in the frame where they were last seen, or else are nearest to. Who is largest over
    the whole clip comes first. The count is the fullest frame's.
    """
    tracks: list[dict[int, Joints]] = []
    for frame, people in enumerate(found):
        for person, track in _matched(people, tracks):
            (tracks[track] if track is not None else _begun(tracks))[frame] = people[person]
    tracks.sort(key=lambda track: -sum(_area(_box(joints)) for joints in track.values()))
    joints = found[0].shape[1] if found else WHOLE
    result = nobody(len(found), min(most, len(tracks)))[..., :joints, :]
    for place, skeletons in enumerate(tracks[:most]):
        for frame, skeleton in skeletons.items():
            result[frame, place] = skeleton
    return result, max((len(people) for people in found), default=0)


def _begun(tracks: list[dict[int, Joints]]) -> dict[int, Joints]:
    tracks.append({})
    return tracks[-1]


def _matched(people: Joints, tracks: Sequence[dict[int, Joints]]) -> list[tuple[int, int | None]]:
    """For each person of a frame their track, None for a new one: the closest pairs first, each track once."""
    here = [_box(person) for person in people]
    last = [_box(track[max(track)]) for track in tracks]
    pairs = [(_likeness(one, other), person, track)
             for person, one in enumerate(here) for track, other in enumerate(last)]  # fmt: skip
    taken: dict[int, int] = {}
    for likeness, person, track in sorted(pairs, reverse=True):
        if likeness > 0.0 and person not in taken and track not in taken.values():
            taken[person] = track
    return [(person, taken.get(person)) for person in range(len(people))]


def _box(joints: Joints) -> NDArray[np.float32]:
    """Left, top, right, bottom of what is seen of a skeleton (J, 3); of nothing, four zeros."""
    seen = joints[(joints[:, 2] >= CONFIDENT) & np.isfinite(joints[:, :2]).all(axis=1), :2]
    return np.concatenate([seen.min(axis=0), seen.max(axis=0)]) if len(seen) else np.zeros(4, np.float32)


def _area(box: NDArray[np.float32]) -> float:
    return float(np.prod((box[2:] - box[:2]).clip(0.0)))


def _likeness(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """1 to 2 by the overlap of two boxes; 0 to 1 by nearness where there is none; 0 where they are too far apart."""
    both = np.concatenate([np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])])
    if (shared := _area(both)) > 0.0:
        return 1.0 + shared / (_area(one) + _area(other) - shared)
    size = max(float(np.ptp(box.reshape(2, 2), axis=0).max()) for box in (one, other))
    away = float(np.linalg.norm((one[:2] + one[2:] - other[:2] - other[2:]) / 2.0))
    return max(0.0, 1.0 - away / max(FURTHEST * size, 1.0))
