"""Depth as a control clip: near is bright, as in MiDaS (Ranftl et al., 2022) and in what VACE was trained on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipelines.conditioning.estimators import chosen

if TYPE_CHECKING:
    from pipelines.conditioning.depth_model import DepthModel


def to_control(nearness: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Relative inverse depth (T, H, W), larger = nearer, as grey frames uint8 (T, H, W, 3).

    The nearest point of the whole clip is white and the farthest black, so brightness means the same in all frames.
    """
    low, high = float(nearness.min()), float(nearness.max())
    scaled = (nearness - low) * (255.0 / max(high - low, 1e-9))
    return np.repeat(np.rint(scaled).astype(np.uint8)[..., None], 3, axis=-1)


def nearness(depth: NDArray[np.floating]) -> NDArray[np.float32]:
    """Inverse of metric z-depth (T, H, W) in 1/metres; the sky (inf) is 0."""
    near: NDArray[np.float32] = np.reciprocal(depth.astype(np.float32).clip(np.float32(1e-3)))
    return near


def load(folder: Path | None = None, device: str = "cpu") -> DepthModel:
    """The estimator in a folder of Depth Anything's or DPT's classes, by default the shipped one; imports torch now.

    Raises BrokenCheckpoint where the folder is none, is damaged or holds something else.
    """
    from pipelines.conditioning.depth_model import DepthModel

    return DepthModel(chosen("depth", folder), device)


def estimate(frames: NDArray[np.uint8], folder: Path | None = None, device: str = "cpu") -> NDArray[np.float32]:
    """Relative inverse depth float32 (T, H, W), larger = nearer, of frames uint8 (T, H, W, 3); see `load`."""
    return load(folder, device).estimate(frames)
