"""SAM 2 folders of any size at work (Ravi et al., "Segment Anything in Images and Videos", 2024). Imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors import SafetensorError
from transformers import Sam2VideoModel
from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession

from pipelines.conditioning.estimators import EstimatorCard
from pipelines.conditioning.masks import Clip, Masks, OnShare
from pipelines.conditioning.preparation import Preparation
from pipelines.domain.errors import BrokenCheckpoint

THING = 1
BOX_CORNERS = (2, 3)
"""The labels by which the model knows two points for the corners of a box."""
REMEMBERED = 16
"""Frames that it looks back on; what lies further back is forgotten, so that memory does not grow with the clip."""


class Sam2:
    """One loaded model on one device. Frames are shown to it one at a time."""

    def __init__(self, card: EstimatorCard, device: str = "cpu") -> None:
        self.card, self.device = card, device
        try:
            self.preparation = Preparation.read(card.folder)
            model, told = Sam2VideoModel.from_pretrained(
                card.folder, dtype=torch.float32, use_safetensors=True, local_files_only=True, output_loading_info=True
            )
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise BrokenCheckpoint(f"{card.id} cannot be loaded: {error}", "Copy its folder again.") from error
        if told["missing_keys"]:
            message = f"{card.id} lacks {len(told['missing_keys'])} of its weights."
            raise BrokenCheckpoint(
                message, "Copy its folder again; the video model is needed, not the one for pictures."
            )
        self.model = model.to(device).eval()

    @torch.no_grad()
    def track(self, clip: Clip, painted: Masks, frame: int, on_share: OnShare) -> Masks:
        """See `trackers.Tracker.track`: from the painted frame to the end, and then to the beginning."""
        masks = np.zeros(clip.shape[:3], bool)
        masks[frame] = painted
        done = 0
        for way in (range(frame, len(clip)), range(frame, -1, -1)):
            if len(way) < 2:
                continue
            session = self._session(clip.shape[1:3])
            session.add_mask_inputs(session.obj_id_to_idx(THING), 0, self._as_input(painted))
            session.obj_with_new_inputs = [THING]
            for count, here in enumerate(way):
                on_share(done / len(clip))
                found = self._look(session, clip[here], count)
                if count:
                    masks[here] = found
                    done += 1
        return masks

    @torch.no_grad()
    def cut_out(self, picture: Clip, about: Masks) -> Masks:
        """See `trackers.Tracker.cut_out`: the thing in the box around the rough mask, which stays if there is none."""
        rows, columns = np.nonzero(about)
        across, down = (self.preparation.size[axis] / about.shape[1 - axis] for axis in (0, 1))
        corners = [[columns.min() * across, rows.min() * down], [(columns.max() + 1) * across, (rows.max() + 1) * down]]
        session = self._session(about.shape)
        inputs = {
            "point_coords": torch.tensor([[corners]], dtype=torch.float32),
            "point_labels": torch.tensor([[BOX_CORNERS]], dtype=torch.int32),
        }
        session.add_point_inputs(session.obj_id_to_idx(THING), 0, inputs)
        session.obj_with_new_inputs = [THING]
        found = self._look(session, picture, 0)
        return found if found.any() else about

    def _session(self, shape: Sequence[int]) -> Any:
        return Sam2VideoInferenceSession(
            video_height=shape[0], video_width=shape[1], inference_device=self.device, dtype=torch.float32
        )

    def _as_input(self, mask: Masks) -> torch.Tensor:
        """A mask (H, W) at the size of the model's input: float32 (1, 1, height, width)."""
        sized = cv2.resize(mask.astype(np.float32), self.preparation.size, interpolation=cv2.INTER_LINEAR)
        return torch.from_numpy((sized >= 0.5).astype(np.float32))[None, None]

    def _look(self, session: Any, picture: Clip, count: int) -> Masks:
        """Where the thing is in the next picture of a session: (H, W)."""
        sized = cv2.resize(np.ascontiguousarray(picture), self.preparation.size, interpolation=cv2.INTER_LINEAR)
        pixels = self.preparation.pixels([sized.astype(np.uint8)]).to(self.device)
        answer = self.model(inference_session=session, frame=pixels, frame_idx=count)
        session.obj_with_new_inputs = []
        _forget(session, count - REMEMBERED)
        logits = F.interpolate(answer.pred_masks.float(), picture.shape[:2], mode="bilinear", align_corners=False)
        found: NDArray[np.bool_] = (logits[0, 0] > 0.0).cpu().numpy()
        return found


def _forget(session: Any, count: int) -> None:
    """Drop a picture and what was made of it; what was painted is never forgotten."""
    session.processed_frames.pop(count + REMEMBERED, None)
    for outputs in session.output_dict_per_obj.values():
        outputs["non_cond_frame_outputs"].pop(count, None)
