from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.domain.camera import pose
from pipelines.domain.camera.fit import exact_path, path_from_track
from pipelines.domain.camera.path import CameraPath
from pipelines.domain.camera.plan_text import path_from_text
from pipelines.domain.camera.problems import MAX_KEYS, problems
from pipelines.domain.camera.track import CameraTrack, track_of
from tests.pipelines.domain.strategies import camera_paths


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
