"""A base whose large weights lie in 8 bits while it is trained, for devices that cannot hold them whole.

`pipelines.models.placing.store` rounds models that only make clips; what it puts over them lets no gradient through.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipelines.models.placing import is_large

STORED = torch.float8_e4m3fn


class EightBits(nn.Linear):
    """A linear layer with its weight in 8-bit floats, and a scale for each of its outputs."""

    scale: Tensor

    def forward(self, given: Tensor) -> Tensor:
        whole = self.weight.to(given.dtype) * self.scale.to(given.dtype)
        return F.linear(given, whole, self.bias)


@torch.no_grad()
def lighten(denoiser: nn.Module) -> None:
    """Keep the large linear layers' weights in 8 bits from now on; they cannot be made whole again."""
    for name, layer in denoiser.named_modules():
        if type(layer) is nn.Linear and is_large(name):
            largest = layer.weight.float().abs().amax(dim=1, keepdim=True)
            scale = largest.clamp(min=1e-12) / torch.finfo(STORED).max
            layer.weight = nn.Parameter((layer.weight.float() / scale).to(STORED), requires_grad=False)
            layer.register_buffer("scale", scale)
            layer.__class__ = EightBits
