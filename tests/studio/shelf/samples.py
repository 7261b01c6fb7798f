"""LoRA files for the tests of the shelf, with seeded weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

TOYBOX_WIDTH = 256
LAYER = "transformer.blocks.{}.attn1.to_q"


def write_lora(
    path: Path,
    *,
    width: int = TOYBOX_WIDTH,
    layer: str = LAYER,
    size: float = 0.1,
    told: Mapping[str, str] | None = None,
) -> Path:
    """A LoRA of rank 2 over two layers of a Wan transformer (of another, where `layer` says so)."""
    random, tensors = np.random.default_rng(3), {}
    for number in range(2):
        name = layer.format(number)
        tensors[f"{name}.lora_A.weight"] = (random.standard_normal((2, width)) * size).astype(np.float32)
        tensors[f"{name}.lora_B.weight"] = (random.standard_normal((width, 2)) * size).astype(np.float32)
    save_file(tensors, path, metadata=dict(told or {}))
    return path
