from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.conditioning.previz import KINDS, Stage, StandIn, render
from pipelines.domain.camera import pose
from pipelines.domain.camera.plan_text import path_from_text
from pipelines.domain.camera.rig import Start

BALL = Stage()
LEVEL = Start(position=(0.0, -0.5, -4.0), target=(0.0, -0.5, 0.0))


def test_depth_is_exact_on_ball_ground_and_sky() -> None:
    poses, focal = path_from_text("static", LEVEL).sample(2)
    depth = render(BALL, poses, focal, 65, 65).depth[0]
    assert depth[32, 32] == pytest.approx(3.5, abs=1e-5)  # the ball's nearest point
    assert np.isinf(depth[:20, 0]).all()
    row = 64
    down = (row + 0.5 - 32.5) / float(pose.focal_pixels(28.0, 65))
    assert depth[row, 0] == pytest.approx(0.5 / down, rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15)
@given(yaw=st.floats(-180, 180), away=st.floats(1.5, 12), aside=st.floats(-3, 3), size=st.floats(0.3, 2))
def test_the_same_point_has_the_same_place_from_everywhere(
    kind: str, yaw: float, away: float, aside: float, size: float
) -> None:
    """What one camera sees at a depth lies where another camera's depth puts it, or is hidden there."""
    stage = Stage(stand_ins=(StandIn(kind=kind, x=0.3, size=size, yaw_degrees=yaw),))  # type: ignore[arg-type]
    eyes = np.array([[0.0, -1.5, -away - size], [aside, -1.0, -away - size]])
    poses = pose.matrices(pose.look_at(eyes, np.array([0.3, -0.5 * size, 0.0])), eyes)
    shown = render(stage, poses, np.full(2, 24.0), 48, 48)
    rows, columns = np.nonzero(np.isfinite(shown.depth[0]))
    focal = float(pose.focal_pixels(24.0, 48))
    local = np.stack([(columns + 0.5 - 24) / focal, (rows + 0.5 - 24) / focal, np.ones(len(rows))], -1)
    world = (local * shown.depth[0][rows, columns][:, None]) @ poses[0, :3, :3].T + poses[0, :3, 3]
    seen = (world - poses[1, :3, 3]) @ poses[1, :3, :3]
    column, row = (np.floor(seen[:, axis] / seen[:, 2] * focal + 24).astype(int) for axis in (0, 1))
    inside = (seen[:, 2] > 0) & (column >= 1) & (column < 47) & (row >= 1) & (row < 47)
    there = shown.depth[1]
    around = np.stack([there[row[inside] + i, column[inside] + j] for i in (-1, 0, 1) for j in (-1, 0, 1)])
    # A limb that is thinner than a pixel may be met by one camera's rays and missed by the other's.
    assert (around.min(axis=0) < seen[inside, 2] * 1.02 + 0.02).mean() > 0.995


def test_a_stand_in_shows_in_its_colour_and_casts_a_shadow() -> None:
    poses, focal = path_from_text("static", LEVEL).sample(2)
    empty, red = (render(stage, poses, focal, 96, 96).frames[0].astype(int) for stage in (Stage(stand_ins=()), BALL))
    changed = np.abs(empty - red).sum(axis=-1) > 30
    ball = changed & (red[..., 0] > 1.5 * red[..., 1])
    shadow = changed & ~ball & (red.sum(axis=-1) < empty.sum(axis=-1))
    assert 300 < ball.sum() < 3000 and shadow.sum() > 50


def test_a_path_through_a_thing_or_the_ground_is_a_problem() -> None:
    assert BALL.problems(path_from_text("orbit left 90")) == ()
    assert "runs into the ball" in BALL.problems(path_from_text("dolly in 3.7"))[0].message
    assert "under the ground" in BALL.problems(path_from_text("pedestal down 3"))[0].message


def test_a_camera_inside_or_beside_a_thing_still_gets_a_picture() -> None:
    for position in ((0.0, -0.5, 0.0), (0.0, -0.5, -0.51), (0.0, 0.5, -3.0), (0.0, -0.5, 3.0)):
        poses, focal = path_from_text("tilt up 80", Start(position=position, target=(0.1, -0.6, 1.0))).sample(3)
        shown = render(BALL, poses, focal, 32, 24)
        assert shown.frames.shape == (3, 24, 32, 3) and not np.isnan(shown.depth).any() and (shown.depth > 0).all()
