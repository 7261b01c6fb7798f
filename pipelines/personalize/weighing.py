"""What each latent of an example weighs in the loss: what shows the subject more than what is around it.

A subject fills a small part of its pictures, so that most of a plain loss speaks of the ground and the sky, which the
base knows. For large models the same is known as masked training.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from pipelines.personalize.dataset import find

LOOKED_AT = 5
"""Frames of a clip in which the subject is looked for; those between have the mask of the nearest."""


def weights(frames: NDArray[np.uint8], shape: tuple[int, int, int], more: float) -> Tensor:
    """Float32 (1, 1, t, h, w) for latents of that shape (t, h, w), made of frames uint8 (T, H, W, 3).

    A latent that shows nothing but the subject weighs 1 + more, one without it 1; the mean is 1.
    """
    places = np.unique(np.linspace(0, len(frames) - 1, LOOKED_AT).round().astype(int))
    seen = {place: find(frames[place]).mask for place in places if not _repeats(frames, place)}
    nearest = [min(seen, key=lambda place: abs(place - frame)) for frame in range(len(frames))]
    masks = torch.from_numpy(np.stack([seen[place] for place in nearest]).astype(np.float32))
    share = F.adaptive_avg_pool3d(masks[None, None], shape)
    found = 1.0 + more * share
    return found / found.mean()


def alike(count: int) -> Tensor:
    """The weights (count, 1, 1, 1, 1) of examples in which nothing counts for more than the rest."""
    return torch.ones(count, 1, 1, 1, 1)


def _repeats(frames: NDArray[np.uint8], place: int) -> bool:
    """Whether a frame is the first one again, as in a picture that is held still."""
    return place > 0 and np.array_equal(frames[place], frames[0])


def error(answer: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """The mean squared error of (B, z, t, h, w) under weights (B, 1, t, h, w) whose mean is 1."""
    return (weight.to(answer) * F.mse_loss(answer, target, reduction="none")).mean()
