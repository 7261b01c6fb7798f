"""ViTPose folders of any size at work. Imports torch; `pose.load` imports it late.

ViTPose looks into a box around a person. Instead of a detector it is asked twice: about the whole picture, and then
about a box around the joints it found there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from transformers import VitPoseForPoseEstimation

from pipelines.conditioning.coco import with_neck
from pipelines.conditioning.estimators import EstimatorCard
from pipelines.conditioning.heatmaps import peaks
from pipelines.conditioning.person_box import View, around, whole
from pipelines.conditioning.pose import CONFIDENT
from pipelines.conditioning.preparation import Preparation
from pipelines.domain.errors import BrokenCheckpoint

JOINTS = 17
PERSON = 0.4
"""The median confidence of a person's joints: what is below is taken for no person (measured on training renders)."""


class PoseModel:
    """One loaded estimator on one device."""

    def __init__(self, card: EstimatorCard, device: str = "cpu") -> None:
        self.card, self.device = card, device
        try:
            self.preparation = Preparation.read(card.folder)
            self.model = VitPoseForPoseEstimation.from_pretrained(
                card.folder, dtype=torch.float32, use_safetensors=True, local_files_only=True
            )
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise BrokenCheckpoint(f"{card.id} cannot be loaded: {error}", "Copy its folder again.") from error
        self.model = self.model.to(device).eval()
        if self.model.config.num_labels < JOINTS:
            raise BrokenCheckpoint(f"{card.id} knows {self.model.config.num_labels} joints.", "COCO's 17 are needed.")

    @torch.no_grad()
    def estimate(self, frames: NDArray[np.uint8], batch: int = 16) -> NDArray[np.float32]:
        """Skeletons float32 (T, 18, 3) of frames uint8 (T, H, W, 3), as `pose.estimate` tells."""
        parts = [self._part(frames[start : start + batch]) for start in range(0, len(frames), batch)]
        return np.concatenate(parts) if parts else np.empty((0, 18, 3), np.float32)

    def _part(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        height, width = frames.shape[1:3]
        joints = self._look(frames, [View(whole(width, height), self.preparation.size)] * len(frames))
        joints = self._look_closer(frames, joints)
        joints[~is_person(joints)] = (np.nan, np.nan, 0.0)
        return with_neck(joints)

    def _look_closer(self, frames: NDArray[np.uint8], joints: NDArray[np.float32]) -> NDArray[np.float32]:
        """The joints as seen in boxes around those found; where the closer look finds nobody the first one holds."""
        found = np.flatnonzero(is_person(joints))
        if len(found) == 0:
            return joints
        known = [joints[place][joints[place, :, 2] >= CONFIDENT, :2] for place in found]
        closer = self._look(frames[found], [View(around(places), self.preparation.size) for places in known])
        better = is_person(closer)
        result = joints.copy()
        result[found[better]] = closer[better]
        return result

    def _look(self, frames: NDArray[np.uint8], views: Sequence[View]) -> NDArray[np.float32]:
        """Joints (N, 17, 3) in pixels of the frames, one person in each view."""
        cuts = [view.cut(frame) for view, frame in zip(views, frames, strict=True)]
        heatmaps = self._heatmaps(self.preparation.pixels(cuts).to(self.device))
        grid = (heatmaps.shape[3], heatmaps.shape[2])
        joints = np.stack([peaks(hills) for hills in heatmaps])
        for view, places in zip(views, joints, strict=True):
            places[:, :2] = view.back(places[:, :2], grid)
        return joints

    def _heatmaps(self, pixels: torch.Tensor) -> NDArray[np.float32]:
        experts = getattr(self.model.config.backbone_config, "num_experts", 1)
        # Of ViTPose+'s experts the first is COCO's.
        expert = pixels.new_zeros(len(pixels), dtype=torch.long) if experts > 1 else None
        answer = self.model(pixel_values=pixels, dataset_index=expert).heatmaps[:, :JOINTS]
        heatmaps: NDArray[np.float32] = answer.float().cpu().numpy()
        return heatmaps


def is_person(joints: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether at least half of the joints (N, 17, 3) are seen well."""
    seen: NDArray[np.bool_] = np.median(joints[..., 2], axis=-1) >= PERSON
    return seen
