"""Paint: the colours and patterns of objects, in linear light."""

import torch
from torch import Tensor

from pipelines.toybox.render_rays import Triple
from pipelines.toybox.render_sky import linear
from pipelines.toybox.scene import COLOURS, SceneObject


def albedo(item: SceneObject, unit: Triple) -> Tensor:
    """Linear albedo (N, 3) or (3,) of an object's paint at points in its own units."""
    paint = torch.tensor(linear(COLOURS[item.colour]), device=unit[0].device)
    if item.pattern == "plain":
        return paint
    second = COLOURS["white"] if item.colour not in ("white", "yellow") else COLOURS["black"]
    if item.pattern == "striped":
        pattern = torch.sin(unit[1] * 17.0 + 0.6)
    else:
        pattern = torch.sin(unit[0] * 9.0 + 0.4) * torch.sin(unit[1] * 9.0 + 0.4) * torch.sin(unit[2] * 9.0 + 0.4)
    blend = (pattern * 12.0 + 0.5).clamp(0.0, 1.0)[:, None]
    return torch.lerp(paint, torch.tensor(linear(second), device=paint.device), blend)
