"""Several control clips become one video that shows each of them."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.domain.conditioning import ControlClip, ControlKind
from pipelines.families.wan.controls import mixed

SHAPE = (3, 16, 16, 3)


def part(control: ControlKind, strength: float = 1.0) -> ControlClip:
    return ControlClip(media="a" * 64, control=control, strength=strength)


def plain(level: float) -> np.ndarray:
    return np.full(SHAPE, level, np.float32)


def stick(colour: tuple[float, float, float]) -> np.ndarray:
    video = plain(0.0)
    video[:, :, 7] = colour
    return video


def test_one_clip_alone_stays_as_it_is() -> None:
    video = np.random.default_rng(0).random(SHAPE).astype(np.float32)
    assert mixed([(part("depth", 0.3), video)]) is video


def test_lines_lie_over_what_fills_the_picture() -> None:
    made = mixed([(part("pose"), stick((1.0, 0.0, 0.0))), (part("depth"), plain(0.4))])
    assert np.allclose(made[:, :, 7], (1.0, 0.0, 0.0)) and np.allclose(made[:, :, :7], 0.4)


def test_a_weaker_line_lets_the_depth_through() -> None:
    made = mixed([(part("depth"), plain(0.4)), (part("edges", 0.5), stick((1.0, 1.0, 1.0)))])
    assert np.allclose(made[:, :, 7], 0.7)


def test_filling_clips_are_mixed_by_strength() -> None:
    assert np.allclose(mixed([(part("depth", 1.5), plain(1.0)), (part("grey", 0.5), plain(0.0))]), 0.75)


@pytest.mark.parametrize("order", [1, -1])
def test_lines_alone_lie_on_black(order: int) -> None:
    edge = plain(0.0)
    edge[:, 3] = 1.0
    made = mixed([(part("pose"), stick((0.0, 1.0, 0.0))), (part("edges"), edge)][::order])
    assert np.allclose(made[:, :3, :7], 0.0) and np.allclose(made[:, 3, :7], 1.0)
    assert np.allclose(made[:, 5:, 7], (0.0, 1.0, 0.0))


def test_a_clip_of_no_strength_is_not_heard() -> None:
    assert np.allclose(mixed([(part("depth", 0.0), plain(1.0)), (part("grey"), plain(0.2))]), 0.2)
