"""A clip that goes on from another: the new frames are joined to the whole of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pipelines.domain.conditioning import ExtendClip
from pipelines.domain.frames import Frames
from pipelines.domain.request import GenerationRequest
from studio.media import conform


def whole_clips(request: GenerationRequest) -> frozenset[str]:
    """The media that are needed from their first frame to their last."""
    return frozenset(part.media for part in request.conditioning if isinstance(part, ExtendClip))


def joined(request: GenerationRequest, media: Mapping[str, Frames], made: Frames) -> Frames:
    """The frames of the clip: those that were made, joined to the clip they extend where there is one.

    The kept frames come from the clip itself, not from the model's copy of them, so no frame stands twice.
    """
    for part in request.conditioning:
        if isinstance(part, ExtendClip):
            source = media[part.media]
            old = conform(source, made.width, made.height, len(source), source.fps).pixels
            forward = part.way == "forward"
            new = made.pixels[part.keep :] if forward else made.pixels[: len(made) - part.keep]
            return Frames(np.concatenate((old, new) if forward else (new, old)), made.fps)
    return made
