"""What the parts of an example weigh in the loss."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pipelines.personalize.weighing import error, weights


def ball_on_sand(count: int = 1, *, rolling: bool = False) -> NDArray[np.uint8]:
    """A red square block on something pale, in its upper left quarter at first."""
    rng = np.random.default_rng(1)
    frames = np.full((count, 128, 128, 3), (220, 200, 160), np.uint8)
    frames = (frames + rng.integers(0, 6, (128, 128, 3))).astype(np.uint8)
    for place in range(count):
        left = 16 + (64 * place // max(1, count - 1) if rolling else 0)
        frames[place, 16:48, left : left + 32] = (200, 20, 20)
    return frames


def test_what_shows_the_subject_weighs_more_and_all_weigh_one_in_the_mean() -> None:
    found = weights(ball_on_sand(), (1, 8, 8), 3.0)
    assert found.shape == (1, 1, 1, 8, 8)
    assert float(found.mean()) == pytest.approx(1.0)
    inside, outside = found[0, 0, 0, 1:3, 1:3], found[0, 0, 0, 4:, 4:]
    assert 2.5 < float(inside.min() / outside.max()) <= 4.0


def test_the_weight_goes_with_a_subject_that_moves() -> None:
    found = weights(ball_on_sand(17, rolling=True), (5, 8, 8), 3.0)[0, 0]
    assert found[0, 1, 2] > 2 * found[0, 1, 5]
    assert found[-1, 1, 5] > 2 * found[-1, 1, 2]


def test_without_a_weight_of_its_own_the_subject_counts_as_all_else_does() -> None:
    assert torch.equal(weights(ball_on_sand(), (1, 8, 8), 0.0), torch.ones(1, 1, 1, 8, 8))


def test_the_error_under_equal_weights_is_the_mean_squared_error() -> None:
    answer, target = torch.randn(2, 3, 1, 4, 4), torch.randn(2, 3, 1, 4, 4)
    plain = torch.nn.functional.mse_loss(answer, target)
    assert float(error(answer, target, torch.ones(2, 1, 1, 4, 4))) == pytest.approx(float(plain), rel=1e-5)
