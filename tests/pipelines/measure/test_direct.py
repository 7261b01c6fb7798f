"""Laws of direct alignment, on a textured plane of which the depth is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pipelines.domain.camera import pose
from pipelines.measure.direct import Followed, follow_camera

Floats = NDArray[np.float64]

SIDE, FOCAL, FRAMES, AWAY = 64, 80.0, 4, 4.0
NORMAL = np.array([0.0, -0.5, 1.0]) / np.linalg.norm([0.0, -0.5, 1.0])
"""Of a plane that leans away from the camera, `AWAY` along its normal."""


def lens(focal: float) -> Floats:
    return np.array([[focal, 0.0, SIDE / 2 - 0.5], [0.0, focal, SIDE / 2 - 0.5], [0.0, 0.0, 1.0]])


def texture(contrast: float) -> NDArray[np.uint8]:
    """A picture (4 SIDE, 4 SIDE, 3) of blurred specks about grey."""
    rough = np.random.default_rng(5).normal(0.0, 1.0, (4 * SIDE, 4 * SIDE, 3)).astype(np.float32)
    soft = np.asarray(cv2.GaussianBlur(rough, (0, 0), 2.5))
    return np.clip(128 + contrast * soft / soft.std(), 0, 255).astype(np.uint8)


def filmed(
    cameras: Floats, focals: Floats | None = None, contrast: float = 40.0
) -> tuple[NDArray[np.uint8], Floats, Floats]:
    """Frames, depth and focal lengths of cameras (T, 4, 4) before the plane."""
    focals = np.full(len(cameras), FOCAL) if focals is None else focals
    paper = np.array([[1.0, 0.0, 1.5 * SIDE], [0.0, 1.0, 1.5 * SIDE], [0.0, 0.0, 1.0]])
    frames, depths = [], []
    rows, columns = np.mgrid[:SIDE, :SIDE]
    for camera, focal in zip(pose.inverse(cameras), focals, strict=True):
        plane = camera[:3, :3] + np.outer(camera[:3, 3], NORMAL) / AWAY
        there = lens(float(focal)) @ plane @ np.linalg.inv(lens(FOCAL)) @ np.linalg.inv(paper)
        frames.append(cv2.warpPerspective(texture(contrast), there, (SIDE, SIDE), flags=cv2.INTER_LINEAR))
        ray = np.stack([columns, rows, np.ones_like(rows)], -1) @ np.linalg.inv(lens(float(focal))).T
        normal = camera[:3, :3] @ NORMAL
        depths.append((AWAY + normal @ camera[:3, 3]) / (ray @ normal))
    return np.stack(frames), np.stack(depths), focals


def travel(steps: int = FRAMES) -> Floats:
    u = np.linspace(0.0, 1.0, steps)
    return pose.matrices(pose.turned(yaw=4.0 * u, roll=2.0 * u), np.column_stack([0.3 * u, 0.05 * u, 0.2 * u]))


def followed(cameras: Floats, focals: Floats | None = None, *, contrast: float = 40.0, zooms: bool = False) -> Followed:
    frames, depth, lengths = filmed(cameras, focals, contrast)
    return follow_camera(frames, depth, np.ones(depth.shape, bool), lengths, zooms=zooms)


def test_a_camera_before_a_known_plane_is_followed_in_metres() -> None:
    found = followed(travel())
    assert pose.angles_degrees(found.poses[:, :3, :3], travel()[:, :3, :3]).max() < 0.3
    assert np.abs(found.poses[:, :3, 3] - travel()[:, :3, 3]).max() < 0.02
    assert found.explained > 0.9 and found.doubt_degrees < 0.3


def test_a_camera_at_rest_is_at_rest() -> None:
    found = followed(np.tile(np.eye(4), (FRAMES, 1, 1)))
    assert np.abs(found.poses - np.eye(4)).max() < 1e-3 and found.explained == pytest.approx(1.0)


def test_a_zoom_is_found_with_the_way_when_it_is_not_believed() -> None:
    zoom = FOCAL * np.linspace(1.0, 1.15, FRAMES)
    found = followed(travel(), zoom, zooms=True)
    assert found.focals == pytest.approx(zoom, rel=0.02)
    assert np.abs(found.poses[:, :3, 3] - travel()[:, :3, 3]).max() < 0.06


def test_the_fainter_the_picture_the_larger_the_doubt() -> None:
    doubts = [followed(travel(), contrast=contrast).doubt_degrees for contrast in (40.0, 8.0, 2.0, 0.0)]
    assert doubts == sorted(doubts) and doubts[-1] > 10 * doubts[0]


def test_pictures_that_do_not_belong_together_are_not_explained() -> None:
    frames, depth, lengths = filmed(travel())
    frames[1::2] = np.random.default_rng(1).integers(0, 255, frames[1::2].shape, dtype=np.uint8)
    assert follow_camera(frames, depth, np.ones(depth.shape, bool), lengths).explained < 0.5


def test_nothing_to_go_by_is_endless_doubt_and_no_failure() -> None:
    frames, depth, lengths = filmed(travel())
    found = follow_camera(frames, depth, np.zeros(depth.shape, bool), lengths)
    assert found.explained == 0.0 and found.doubt_degrees > 1e6 and np.isfinite(found.poses).all()


def test_one_frame_has_one_pose() -> None:
    found = followed(travel()[:1])
    assert np.array_equal(found.poses, np.eye(4)[None]) and found.doubt_degrees == 0.0
