"""How a folder of a model wants its pictures: read from its preprocessor_config.json. Imports torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray


@dataclass(frozen=True)
class Preparation:
    """What preprocessor_config.json asks for: the input's (width, height), and pixels * scale, minus mean, by spread.

    Read here, since the stock processors of ViTPose and SAM 2 need SciPy and torchvision.
    """

    size: tuple[int, int]
    scale: float
    mean: tuple[float, ...]
    spread: tuple[float, ...]

    @staticmethod
    def read(folder: Path) -> Preparation:
        """The preparation of a folder. Raises KeyError or ValueError where the file says something else."""
        told = json.loads((folder / "preprocessor_config.json").read_text(encoding="utf-8"))
        size = (int(told["size"]["width"]), int(told["size"]["height"]))
        mean, spread = tuple(map(float, told["image_mean"])), tuple(map(float, told["image_std"]))
        return Preparation(size, float(told.get("rescale_factor", 1 / 255)), mean, spread)

    def pixels(self, cuts: Sequence[NDArray[np.uint8]]) -> torch.Tensor:
        """Cuts uint8 (height, width, 3) as a float32 batch (B, 3, height, width)."""
        values = (np.stack(cuts).astype(np.float32) * self.scale - np.array(self.mean)) / np.array(self.spread)
        return torch.from_numpy(values.astype(np.float32)).permute(0, 3, 1, 2)
