"""A picture is lifted by its depth and moved along a path: what is known of the geometry holds in what comes out."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pipelines.conditioning.lift import Lifted, lifted, mask_of, moved, subject_metres, unseen
from pipelines.domain.camera.path import CameraPath
from pipelines.domain.camera.plan_text import path_from_text
from pipelines.domain.errors import InvalidRequest

SIDE = 128
BOX = slice(48, 80)


def scene(softness: float = 0.0) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A red box before a ground that recedes to the horizon under a sky, and its relative inverse depth."""
    rows = (np.arange(SIDE) + 0.5 - SIDE / 2) / SIDE
    near = np.repeat(np.maximum(rows, 0.0).astype(np.float32)[:, None], SIDE, 1)
    picture = np.full((SIDE, SIDE, 3), (90, 140, 90), np.uint8)
    picture[: SIDE // 2] = (130, 160, 220)
    picture[:, ::8] = 250
    picture[BOX, BOX] = (220, 30, 30)
    near[BOX, BOX] = 0.25
    return picture, cv2.GaussianBlur(near, (0, 0), softness).astype(np.float32) if softness else near


def red(frame: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.asarray((frame[..., 0] > 150) & (frame[..., 1] < 90))


def wide(frame: NDArray[np.uint8]) -> int:
    """How many columns hold red."""
    return int(red(frame).any(axis=0).sum())


@pytest.fixture(scope="module")
def lift() -> Lifted:
    return lifted(*scene())


def test_the_first_frame_is_the_picture_itself(lift: Lifted) -> None:
    seen = moved(lift, path_from_text("orbit left 60"), 9)
    assert (seen.frames[0] == lift.picture).all() and not seen.holes[0].any()
    assert unseen(seen.holes)[0] == 0.0 < unseen(seen.holes)[4] < unseen(seen.holes)[8]


def test_what_stands_out_is_put_where_the_path_looks(lift: Lifted) -> None:
    path = path_from_text("dolly in 2")
    assert subject_metres(path) == pytest.approx(np.hypot(4.0, 0.5))
    assert lift.closeness[64, 64] == pytest.approx(1.0)
    depth = lift.depth(subject_metres(path))
    assert depth[64, 64] == pytest.approx(subject_metres(path)) and np.isinf(depth[10, 10])
    last = moved(lift, path, 9).frames[-1]
    away = subject_metres(path)
    assert wide(last) / 32 == pytest.approx(away / (away - 2.0), rel=0.12)


def test_a_camera_to_the_right_moves_the_thing_to_the_left(lift: Lifted) -> None:
    last = moved(lift, path_from_text("truck right 0.5"), 5).frames[-1]
    shift = 0.5 / subject_metres(path_from_text("truck right 0.5")) * 28 / 24 * SIDE
    assert np.flatnonzero(red(last).any(axis=0)).mean() == pytest.approx(63.5 - shift, abs=2.0)


def test_a_soft_estimate_tears_no_ground_and_leaves_things_whole() -> None:
    picture, near = scene(softness=2.0)
    seen = moved(lifted(picture, near), path_from_text("dolly in 1"), 5)
    ground = seen.holes[-1][100:, :]
    assert ground.mean() < 0.02
    assert red(seen.frames[-1])[60:68, 60:68].all()


def test_a_zoom_alone_hides_next_to_nothing(lift: Lifted) -> None:
    assert max(unseen(moved(lift, path_from_text("zoom in 1.5"), 5).holes)) < 0.02


@pytest.mark.parametrize("near", [np.zeros((8, 8)), np.ones((8, 8)), np.ones((1, 1)), np.full((4, 200), 0.3)])
def test_a_picture_without_any_depth_can_still_be_moved(near: NDArray[np.float64]) -> None:
    flat = lifted(np.full((*near.shape, 3), 90, np.uint8), near.astype(np.float32))
    seen = moved(flat, path_from_text("pan left 10"), 3)
    assert seen.frames.shape == (3, *near.shape, 3) and np.isfinite(flat.closeness).all()


def test_a_path_that_is_not_sound_is_refused(lift: Lifted) -> None:
    (key, *_) = path_from_text("static").keys
    with pytest.raises(InvalidRequest):
        moved(lift, CameraPath(keys=(key,)), 5)
    with pytest.raises(InvalidRequest):
        moved(lift, CameraPath(keys=(key, replace(key, position=(np.nan, 0.0, 0.0), time=1.0))), 5)


def test_a_mask_covers_every_hole_with_soft_edges_and_drops_specks() -> None:
    holes = np.zeros((2, 64, 64), bool)
    holes[1, 20:40, 20:40] = True
    holes[1, 5, 5] = True
    mask = mask_of(holes)[..., 0]
    assert not mask[0].any()
    assert (mask[1][20:40, 20:40] > 127).all() and mask[1][5, 5] < 128
    assert ((mask[1] > 0) & (mask[1] < 255)).any() and (mask[1] > 127).sum() > 20 * 20
