"""How near a clip is to the truth, frame by frame: depth, joints, edges, pixels, and how quietly it runs."""

import cv2
import numpy as np
import numpy.typing as npt

from pipelines.conditioning.pose_hits import hits
from pipelines.toybox import measure_estimators
from pipelines.toybox.judge import Clips
from pipelines.toybox.truth_flow import Flow

Floats = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]

BEST_PSNR = 60.0
FAR_METRES = 40.0
"""Depth beyond this is not compared: it is all one colour of haze."""


def psnr(made: Clips, wanted: Clips, where: Mask | None = None) -> float:
    """Peak signal-to-noise ratio in dB of uint8 pictures (..., 3), over the pixels `where` (...); at most 60."""
    square = (made.astype(np.float64) - wanted.astype(np.float64)) ** 2
    error = float(square.mean() if where is None else square[where].mean())
    return BEST_PSNR if error <= 0.0 else min(BEST_PSNR, 10.0 * float(np.log10(255.0**2 / error)))


def depth_errors(nearness: Floats, depth: Floats) -> dict[str, float]:
    """AbsRel and the share within a factor of 1.25 of an estimate, after the best scale and shift of its nearness.

    nearness: relative inverse depth (T, H, W), larger = nearer. depth: the truth in metres, inf in the sky; what is
    far is left out. As in Ranftl et al., "Towards Robust Monocular Depth Estimation" (2020), with one fit per clip.
    """
    errors = measure_estimators.depth_errors(nearness, depth, FAR_METRES)
    return {"abs_rel": errors.absrel, "delta": errors.delta}


def pck(found: Floats, true: Floats) -> float | None:
    """PCK@0.1 of skeletons (T, 18, 3), by the rule of `pipelines.conditioning.pose_hits`.

    None where no person has enough visible joints to be judged by.
    """
    right, total = hits(found, true)
    return right / total if total else None


def edge_score(found: Clips, wanted: Clips, reach: int = 1) -> float:
    """F-score of edge maps uint8 (T, H, W, 3), an edge counting as met within `reach` pixels."""
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    ours, theirs = ((clip[..., 0] > 127).astype(np.uint8) for clip in (found, wanted))
    near_ours, near_theirs = (np.stack([cv2.dilate(frame, kernel) for frame in clip]) for clip in (ours, theirs))
    precision = float((ours & near_theirs).sum()) / max(1, int(ours.sum()))
    recall = float((theirs & near_ours).sum()) / max(1, int(theirs.sum()))
    return 2.0 * precision * recall / max(precision + recall, 1e-9)


def flicker(clip: Clips) -> float:
    """How much the light of a pixel jumps to and fro: mean second difference over time, in grey levels of 0..255."""
    grey = clip.astype(np.float32).mean(axis=-1)
    return float(np.abs(grey[2:] - 2.0 * grey[1:-1] + grey[:-2]).mean())


def warping_error(clip: Clips, flow: Flow) -> float:
    """Mean difference (grey levels of 0..255) between frames and the next ones fetched back along the true flow."""
    motion, visible = flow.motion.numpy(), flow.visible.numpy()
    height, width = clip.shape[1:3]
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    errors = []
    for here, there, step, seen in zip(clip[:-1], clip[1:], motion, visible, strict=True):
        fetched = cv2.remap(there, columns + step[..., 0], rows + step[..., 1], cv2.INTER_LINEAR)
        errors.append(np.abs(fetched.astype(np.float32) - here)[seen].mean())
    return float(np.mean(errors))
