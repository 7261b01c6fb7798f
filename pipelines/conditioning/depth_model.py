"""Depth Anything and DPT folders of any size at work. Imports torch; `depth.load` imports it late."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors import SafetensorError
from transformers import AutoImageProcessor, AutoModelForDepthEstimation

from pipelines.conditioning.depth import nearness
from pipelines.conditioning.estimators import EstimatorCard
from pipelines.domain.errors import BrokenCheckpoint


class DepthModel:
    """One loaded estimator on one device."""

    def __init__(self, card: EstimatorCard, device: str = "cpu") -> None:
        self.card, self.device = card, device
        try:
            # The default backend of processors is torchvision; Pillow's needs nothing beside it.
            self.processor = AutoImageProcessor.from_pretrained(card.folder, backend="pil", local_files_only=True)
            self.model = AutoModelForDepthEstimation.from_pretrained(
                card.folder, dtype=torch.float32, use_safetensors=True, local_files_only=True
            )
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise BrokenCheckpoint(f"{card.id} cannot be loaded: {error}", "Copy its folder again.") from error
        self.model = self.model.to(device).eval()
        self.is_metric = getattr(self.model.config, "depth_estimation_type", "relative") == "metric"

    @torch.no_grad()
    def estimate(self, frames: NDArray[np.uint8], batch: int = 8) -> NDArray[np.float32]:
        """Relative inverse depth float32 (T, H, W), larger = nearer, of frames uint8 (T, H, W, 3)."""
        parts = [self._part(frames[start : start + batch]) for start in range(0, len(frames), batch)]
        return np.concatenate(parts) if parts else np.empty(frames.shape[:3], np.float32)

    def _part(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        inputs = self.processor(images=list(frames), input_data_format="channels_last", return_tensors="pt")
        predicted = self.model(pixel_values=inputs["pixel_values"].to(self.device)).predicted_depth.float()
        sized = F.interpolate(predicted[:, None], frames.shape[1:3], mode="bilinear", align_corners=False)[:, 0]
        depth = sized.cpu().numpy()
        return nearness(depth) if self.is_metric else depth
