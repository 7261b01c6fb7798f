"""Asked against obtained: how far a camera's real path is from the one that was wanted.

Rotation error is the angle of R1^T R2 per frame, told in degrees and as the mean over frames (CameraCtrl, He et al.
2024, sums the same angle in radians). A path seen in a video has no unit of length, so it is scaled to the asked one
before translations are compared. Translation error is told as a fraction of the asked path's length. The relative
errors of single steps do not grow with drift (the RPE of Sturm et al. 2012).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipelines.domain.camera import pose
from pipelines.domain.camera.pose import Floats
from pipelines.domain.camera.track import CameraTrack

Alignment = Literal["first", "best"]
STILL_METRES = 1e-6
"""Paths shorter than this have no direction and no scale."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """Errors of n frames.

    rotation_degrees: (n,). step_rotation_degrees: (n - 1,), of each turn from one frame to the next.
    translation_fraction: (n,), of the asked path's length; None where one of both cameras only turned.
    direction_degrees: (n - 1,), between the asked and the obtained step; nan where the asked camera rests or the
    obtained one does. direction_to_end_degrees: the same from the first to the farthest asked frame, None without one.
    scale: asked metres per obtained unit. asked_length: metres. aligned: the obtained poses (n, 4, 4) laid over the
    asked ones, in metres, for plots. asked: (n, 4, 4), in the same world.
    """

    align: Alignment
    rotation_degrees: Floats
    step_rotation_degrees: Floats
    translation_fraction: Floats | None
    direction_degrees: Floats
    direction_to_end_degrees: float | None
    scale: float | None
    asked_length: float
    asked: Floats
    aligned: Floats

    @property
    def mean_rotation_degrees(self) -> float:
        return float(self.rotation_degrees.mean())

    @property
    def mean_step_rotation_degrees(self) -> float:
        return float(self.step_rotation_degrees.mean()) if len(self.step_rotation_degrees) else 0.0

    @property
    def mean_translation_fraction(self) -> float | None:
        return None if self.translation_fraction is None else float(self.translation_fraction.mean())

    @property
    def mean_direction_degrees(self) -> float | None:
        known = self.direction_degrees[~np.isnan(self.direction_degrees)]
        return float(known.mean()) if len(known) else None


def compare(asked: CameraTrack, obtained: CameraTrack, align: Alignment = "first") -> Comparison:
    """Compare two tracks of equal length, frame by frame. Raises ValueError where their lengths differ.

    align "first": both begin in the same pose and the lengths of both paths are made equal, as in CameraCtrl.
    align "best": the similarity that lays positions and rotations over each other best (`best_similarity`).
    """
    if len(asked) != len(obtained):
        raise ValueError(f"{len(asked)} asked poses against {len(obtained)} obtained ones")
    wanted = pose.relative_to(asked.camera_to_world, asked.camera_to_world[0])
    found = pose.relative_to(obtained.camera_to_world, obtained.camera_to_world[0])
    length = path_length(wanted)
    if align == "best":
        scale, turn, shift = best_similarity(wanted, found)
        moved = bool(scale)
    else:
        moved = length > STILL_METRES and path_length(found) > STILL_METRES
        scale, turn, shift = (length / path_length(found) if moved else 0.0), np.eye(3), np.zeros(3)
    aligned = pose.matrices(turn @ found[:, :3, :3], scale * found[:, :3, 3] @ turn.T + shift)
    away = np.linalg.norm(aligned[:, :3, 3] - wanted[:, :3, 3], axis=1)
    return Comparison(
        align=align,
        rotation_degrees=pose.angles_degrees(aligned[:, :3, :3], wanted[:, :3, :3]),
        step_rotation_degrees=pose.angles_degrees(_turns(wanted), _turns(found)),
        translation_fraction=away / length if moved else None,
        direction_degrees=_directions(wanted, aligned, length),
        direction_to_end_degrees=_direction_to_end(wanted, aligned) if moved else None,
        scale=scale if moved else None,
        asked_length=length,
        asked=np.asarray(asked.camera_to_world[0] @ wanted),
        aligned=np.asarray(asked.camera_to_world[0] @ aligned),
    )


def path_length(poses: Floats) -> float:
    """How far a camera (n, 4, 4) travelled, in its unit."""
    return float(np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1).sum())


def best_similarity(wanted: Floats, found: Floats) -> tuple[float, Floats, Floats]:
    """(scale, rotation (3, 3), shift (3,)) with scale * rotation @ found + shift close to wanted, for poses (n, 4, 4).

    Positions and viewing axes decide the rotation together (Umeyama 1991, with the axes of every camera as further
    points, weighted like the spread of the positions), so that straight paths, too, have one answer. Scale 0 where
    one of both only turned.
    """
    a, b = wanted[:, :3, 3], found[:, :3, 3]
    mean_a, mean_b = a.mean(axis=0), b.mean(axis=0)
    spread_a, spread_b = float(np.sqrt(((a - mean_a) ** 2).sum())), float(np.sqrt(((b - mean_b) ** 2).sum()))
    moved = min(spread_a, spread_b) > STILL_METRES
    cross = np.einsum("nij,nkj->ik", wanted[:, :3, :3], found[:, :3, :3]) / len(wanted)
    if moved:
        cross = cross + (a - mean_a).T @ (b - mean_b) / (spread_a * spread_b)
    left, _, right = np.linalg.svd(cross)
    turn = left @ np.diag([1.0, 1.0, np.sign(np.linalg.det(left @ right))]) @ right
    if not moved:
        return 0.0, np.asarray(turn), np.asarray(mean_a)
    scale = float(((a - mean_a) * ((b - mean_b) @ turn.T)).sum()) / spread_b**2
    scale = max(scale, 0.0) or spread_a / spread_b
    return scale, np.asarray(turn), np.asarray(mean_a - scale * turn @ mean_b)


def _turns(poses: Floats) -> Floats:
    rotation = poses[:, :3, :3]
    return np.asarray(np.swapaxes(rotation[:-1], -1, -2) @ rotation[1:])


def _directions(wanted: Floats, found: Floats, length: float) -> Floats:
    """Angles (n - 1,) between the steps of both, each seen from its own camera; nan where one rests."""
    steps = []
    for poses in (wanted, found):
        world = np.diff(poses[:, :3, 3], axis=0)
        steps.append(np.einsum("nji,nj->ni", poses[:-1, :3, :3], world))
    far = [np.linalg.norm(step, axis=1) for step in steps]
    least = max(STILL_METRES, 1e-3 * length / max(1, len(wanted) - 1))
    rests = (far[0] < least) | (far[1] < least)
    return np.where(rests, np.nan, _angle(steps[0], steps[1]))


def _direction_to_end(wanted: Floats, found: Floats) -> float | None:
    away = np.linalg.norm(wanted[:, :3, 3] - wanted[0, :3, 3], axis=1)
    end = int(away.argmax())
    one, other = wanted[end, :3, 3] - wanted[0, :3, 3], found[end, :3, 3] - found[0, :3, 3]
    return float(_angle(one, other)) if min(away[end], np.linalg.norm(other)) > STILL_METRES else None


def _angle(one: Floats, other: Floats) -> Floats:
    """Angles (...) in degrees between vectors (..., 3), accurate also where they are small."""
    crossed = np.linalg.norm(np.cross(one, other), axis=-1)
    return np.asarray(np.degrees(np.arctan2(crossed, (one * other).sum(axis=-1))))
