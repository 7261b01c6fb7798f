"""Laws of the distance functions that sphere tracing relies on."""

import pytest
import torch

from pipelines.toybox.scene import SHAPES
from pipelines.toybox.sdf import SOLIDS


def cloud(reach: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return (torch.rand(3, 20_000, generator=generator, dtype=torch.float64) * 2 - 1) * reach


@pytest.mark.parametrize("shape", SHAPES)
def test_no_step_of_a_ray_can_pass_a_surface(shape: str) -> None:
    points = cloud(2.0).requires_grad_(True)
    field = SOLIDS[shape].field(points[0], points[1], points[2])
    (slope,) = torch.autograd.grad(field.sum(), points)
    outside = field.detach() > 0.02
    assert slope.norm(dim=0)[outside].max() < 1.01


@pytest.mark.parametrize("shape", SHAPES)
def test_the_bounding_sphere_holds_the_shape(shape: str) -> None:
    solid = SOLIDS[shape]
    points = cloud(1.4)
    inside = solid.field(points[0], points[1], points[2]) < 0
    assert inside.any()
    assert points.norm(dim=0)[inside].max() <= solid.bound


@pytest.mark.parametrize("shape", SHAPES)
def test_the_base_touches_the_ground(shape: str) -> None:
    solid = SOLIDS[shape]
    points = cloud(1.2)
    inside = solid.field(points[0], points[1], points[2]) < 0
    lowest = points[1][inside].max()
    assert lowest == pytest.approx(solid.drop, abs=0.06)
    assert lowest <= solid.drop + 0.005
