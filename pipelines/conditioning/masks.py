"""Masks over time: one painted frame followed through a clip, a subject cut from its background, pixels put back.

Masks are bool (T, H, W), True = made anew.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.conditioning.extractors.filters import grey
from pipelines.conditioning.extractors.flow import between
from pipelines.domain.errors import GimbalError

Clip = NDArray[np.uint8]
Masks = NDArray[np.bool_]
OnShare = Callable[[float], None]

BAND = 0.02
"""How far an outline may move when it is refined, in shares of the shorter side."""
SMALLEST = 0.0005
"""A mask smaller than this share of the frame counts as lost."""
ITERATIONS = 2
FEATHER = 0.02
"""How far into the mask the source still shows through, in shares of the shorter side."""


def track(clip: Clip, painted: Masks, frame: int, on_share: OnShare) -> Masks:
    """The mask (H, W) painted on one frame of a clip uint8 (T, H, W, 3), at every frame: (T, H, W).

    It is carried along the flow (DIS), then its outline is put where colours change (GrabCut, Rother et al., 2004).
    Where it is lost, it stays away.
    """
    greys = [grey(picture) for picture in clip]
    masks = np.zeros(clip.shape[:3], bool)
    masks[frame] = painted
    forward, backward = range(frame + 1, len(clip)), range(frame - 1, -1, -1)
    for done, here in enumerate((*forward, *backward)):
        on_share(done / max(1, len(clip) - 1))
        before = here - 1 if here > frame else here + 1
        carried, sure = _carried(masks[before], greys[here], greys[before])
        masks[here] = _refined(clip[here], carried, sure) if carried.mean() >= SMALLEST else carried
    return masks


def lost(masks: Masks) -> int:
    """In how many frames nothing of the mask is left."""
    return int((masks.mean(axis=(1, 2)) < SMALLEST).sum())


def _carried(mask: Masks, here: Clip, before: Clip) -> tuple[Masks, Masks]:
    """The mask of the frame before, fetched along the flow from this frame back to it; and where that is sure.

    It is not where the flow does not lead back to where it came from: there something was covered or uncovered.
    """
    back, forth = between(here, before), between(before, here)
    rows, columns = np.mgrid[: mask.shape[0], : mask.shape[1]].astype(np.float32)
    at = columns + back[..., 0], rows + back[..., 1]
    fetched = cv2.remap(mask.astype(np.float32), *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    returned = cv2.remap(forth, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    astray = np.linalg.norm(back + returned, axis=-1)
    limit = 1.0 + 0.1 * np.linalg.norm(back, axis=-1)
    return np.asarray(fetched > 0.5), np.asarray(astray < limit)


def _brush(shape: tuple[int, ...], share: float) -> NDArray[np.uint8]:
    side = 2 * max(1, round(share * min(shape[:2]))) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def _refined(picture: Clip, mask: Masks, sure: Masks) -> Masks:
    """The outline moved to where colours change, within a band and where it is not sure; else as it was."""
    brush = _brush(mask.shape, BAND)
    inner = cv2.erode(mask.astype(np.uint8), brush)
    outer = cv2.dilate(mask.astype(np.uint8), brush)
    if not (inner.astype(bool) & sure).any() or outer.all():
        return mask
    labels = np.full(mask.shape, cv2.GC_BGD, np.uint8)
    labels[outer > 0] = cv2.GC_PR_BGD
    labels[mask] = cv2.GC_PR_FGD
    labels[(inner > 0) & sure] = cv2.GC_FGD
    found = _grab(picture, labels)
    # half or double the size: the colours inside and outside are too much alike to be told apart
    return found if 0.5 < found.sum() / mask.sum() < 1.5 else mask


def _grab(picture: Clip, labels: NDArray[np.uint8]) -> Masks:
    cv2.setRNGSeed(0)
    picture, inside, outside = np.ascontiguousarray(picture), np.zeros((1, 65)), np.zeros((1, 65))
    made = cv2.grabCut(picture, labels, (0, 0, 1, 1), inside, outside, ITERATIONS, cv2.GC_INIT_WITH_MASK)[0]
    return np.asarray((made == cv2.GC_FGD) | (made == cv2.GC_PR_FGD))


def standing_out(clip: Clip, frame: int) -> Masks:
    """About where the subject of a clip (T, H, W, 3) is on one of its frames: (H, W).

    It is what moves against the rest, and where nothing does, what differs in the middle of the frame. Raises
    GimbalError where nothing stands out.
    """
    found = _moving_or_central(clip, frame)
    if found is None:
        message = "Nothing stands out of this clip, so no subject was found."
        raise GimbalError(message, "Paint over it on one frame; it is then followed.")
    return found


def _moving_or_central(clip: Clip, frame: int) -> Masks | None:
    """What moves unlike the whole picture around `frame`; else a guess by colour; None where neither finds anything."""
    other = min(frame + 2, len(clip) - 1) if frame + 1 < len(clip) else max(frame - 2, 0)
    found = _moving(clip[frame], clip[other]) if other != frame else None
    if found is not None:
        return found
    height, width = clip.shape[1:3]
    labels = np.full((height, width), cv2.GC_PR_BGD, np.uint8)
    labels[height // 5 : height * 9 // 10, width // 4 : width - width // 4] = cv2.GC_PR_FGD
    edge = max(2, min(height, width) // 16)
    labels[:edge] = labels[:, :edge] = labels[:, -edge:] = cv2.GC_BGD
    guess = _largest(_grab(clip[frame], labels))
    return guess if guess is not None and 0.01 < guess.mean() < 0.6 else None


def _moving(here: Clip, there: Clip) -> Masks | None:
    """What does not go with the motion of the whole picture, an affine one fitted to most of it."""
    motion = between(grey(here), grey(there))
    rows, columns = np.mgrid[: motion.shape[0], : motion.shape[1]].astype(np.float32)
    places = np.ascontiguousarray(np.stack([columns, rows], axis=-1).reshape(-1, 2)[::7])
    went = np.ascontiguousarray(places + motion.reshape(-1, 2)[::7], np.float32)
    cv2.setRNGSeed(0)
    whole, _ = cv2.estimateAffine2D(places, went, ransacReprojThreshold=1.0)
    if whole is None:
        return None
    expected = np.stack([columns, rows, np.ones_like(rows)], axis=-1) @ whole.T - np.stack([columns, rows], axis=-1)
    away = np.linalg.norm(motion - expected, axis=-1)
    limit = max(0.75, 0.004 * min(motion.shape[:2]))
    found = _largest(away > limit)
    return found if found is not None and 0.004 < found.mean() < 0.6 else None


def _largest(mask: Masks) -> Masks | None:
    """The largest connected part, with its holes closed."""
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, _brush(mask.shape, BAND))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    if count < 2:
        return None
    return np.asarray(labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax()))


def cut_out(picture: Clip, about: Masks) -> Masks:
    """The subject that a rough mask (H, W) of a picture means."""
    brush = _brush(about.shape, 3 * BAND)
    labels = np.full(about.shape, cv2.GC_BGD, np.uint8)
    labels[cv2.dilate(about.astype(np.uint8), brush) > 0] = cv2.GC_PR_BGD
    labels[about] = cv2.GC_PR_FGD
    found = _largest(_grab(picture, labels)) if (labels == cv2.GC_BGD).any() else None
    return found if found is not None and 0.3 < found.sum() / about.sum() < 3.0 else about


def put_back(made: Clip, source: Clip, masks: Masks) -> Clip:
    """What was made, inside the masks; outside of them the source's own pixels. All (T, H, W[, 3]).

    Only inside of a mask, along its outline, the source fades into what was made; where the mask reaches the border of
    the frame there is nothing to fade into.
    """
    reach = max(1.0, FEATHER * min(made.shape[1:3]))
    result = source.copy()
    for frame in np.flatnonzero(masks.any(axis=(1, 2))):
        inside = np.pad(masks[frame].astype(np.uint8), 1, mode="edge")
        depth = cv2.distanceTransform(inside, cv2.DIST_L2, 5)[1:-1, 1:-1] if not masks[frame].all() else None
        share = 1.0 if depth is None else (depth / reach).clip(0.0, 1.0)[..., None]
        mixed = source[frame] + share * (made[frame].astype(np.float32) - source[frame])
        result[frame] = mixed.round().clip(0, 255).astype(np.uint8)
    return result
