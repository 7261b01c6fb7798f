from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.domain.camera import pose
from pipelines.domain.camera.fit import exact_path, path_from_stroke, path_from_track, simplify
from pipelines.domain.camera.path import CameraPath
from pipelines.domain.camera.plan_text import path_from_text
from pipelines.domain.camera.problems import MAX_KEYS, problems
from pipelines.domain.camera.track import CameraTrack, track_of
from pipelines.domain.errors import InvalidRequest
from tests.pipelines.domain.strategies import camera_paths, vectors

strokes = st.lists(vectors(3, 10.0), min_size=2, max_size=40).map(np.array)


@given(strokes, st.floats(0.01, 5))
def test_what_is_left_of_a_stroke_is_near_all_of_it(stroke: np.ndarray, tolerance: float) -> None:
    kept = simplify(stroke, tolerance)
    assert kept[0] == 0 and kept[-1] == len(stroke) - 1 and (np.diff(kept) > 0).all()
    for first, last in zip(kept, kept[1:], strict=False):
        a, b = stroke[first], stroke[last]
        for point in stroke[first:last]:
            along = np.clip((point - a) @ (b - a) / max(float((b - a) @ (b - a)), 1e-12), 0, 1)
            assert np.linalg.norm(point - a - along * (b - a)) <= tolerance + 1e-6


@given(strokes)
def test_any_stroke_becomes_a_sound_path_of_few_keys_or_is_refused(stroke: np.ndarray) -> None:
    try:
        path = path_from_stroke(stroke, target=(50.0, -1.0, 50.0), max_keys=8)
    except InvalidRequest as error:
        assert "length" in error.message and np.abs(np.diff(stroke, axis=0)).max() < 1e-3
        return
    assert problems(path) == () and 2 <= len(path.keys) <= 8
    poses, _ = path.at([0.0, 1.0])
    assert np.abs(poses[0, :3, 3] - stroke[0]).max() < 1e-9


def test_a_drawn_circle_keeps_its_form_in_few_keys() -> None:
    turn = np.linspace(0, 2 * np.pi, 400)
    noise = np.random.default_rng(0).normal(0, 0.003, 400)
    circle = np.stack([4 * np.sin(turn) + noise, np.full(400, -1.2), -4 * np.cos(turn) + noise], -1)
    path = path_from_stroke(circle, target=(0.0, -0.7, 0.0))
    poses, _ = path.sample(81)
    assert len(path.keys) <= 24
    np.testing.assert_allclose(np.hypot(poses[:, 0, 3], poses[:, 2, 3]), 4.0, atol=0.12)
    metres = np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1)
    assert metres.max() < 1.3 * metres.mean()


def test_the_rhythm_of_the_hand_is_kept_where_it_is_given() -> None:
    line = np.stack([np.linspace(0, 2, 21), np.full(21, -1.0), np.zeros(21)], -1)
    line[10, 1] = -1.5
    moments = np.concatenate([np.linspace(0, 3, 11), np.linspace(3.1, 4, 10)])
    path = path_from_stroke(line, moments=moments)
    assert path.keys[np.argmin([abs(k.position[0] - 1) for k in path.keys])].time == pytest.approx(0.75, abs=0.02)
    poses, _ = path.at([0.0])
    assert poses[0, 0, 2] > 0.9  # it looks where it goes


def test_a_stroke_that_is_none_is_refused() -> None:
    for stroke in (np.zeros((5, 3)), np.zeros((1, 3)), np.zeros((4, 2)), np.full((4, 3), np.nan)):
        with pytest.raises(InvalidRequest):
            path_from_stroke(stroke)


@settings(max_examples=30)
@given(camera_paths(), st.integers(1, 12))
def test_one_key_per_pose_is_exact(path: CameraPath, num_frames: int) -> None:
    track = track_of(replace(path, loop=False) if path.keys[-1].time < 1 else path, num_frames)
    exact, notes = exact_path(track)
    assert notes == ()
    poses, focal = exact.at([key.time for key in exact.keys][:num_frames])
    np.testing.assert_allclose(poses, track.camera_to_world, atol=1e-6)
    np.testing.assert_allclose(focal, track.focal_mm, rtol=1e-9)


def test_a_measured_camera_becomes_few_keys_within_its_tolerance() -> None:
    track = track_of(path_from_text("orbit left 90 and zoom in 1.5 then pan right 20"), 121)
    path = path_from_track(track, tolerance_metres=0.02, tolerance_degrees=0.5)
    poses, focal = path.sample(121)
    assert len(path.keys) <= 14
    assert np.abs(poses[:, :3, 3] - track.camera_to_world[:, :3, 3]).max() < 0.021
    assert pose.angles_degrees(poses[:, :3, :3], track.camera_to_world[:, :3, :3]).max() < 0.51
    assert np.abs(np.log(focal / track.focal_mm)).max() < 0.011


def test_more_poses_than_keys_are_told() -> None:
    steps = np.broadcast_to(np.eye(4), (MAX_KEYS + 500, 4, 4)).copy()
    steps[:, 0, 3] = np.linspace(0, 1, len(steps))
    path, notes = exact_path(CameraTrack(camera_to_world=steps))
    assert len(path.keys) <= MAX_KEYS and "1,500 poses" in notes[0] and problems(path) == ()
