"""Frames as a codec takes them."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor


def as_clip(frames: NDArray[Any], vae: Any) -> Tensor:
    """Frames uint8 (T, H, W, 3) as (1, 3, T, H, W) in -1..1, on a codec's device and in its number format."""
    pixels = torch.from_numpy(frames).permute(3, 0, 1, 2)[None].float() / 127.5 - 1.0
    return pixels.to(vae.device, vae.dtype)
