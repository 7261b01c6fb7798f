"""What the model made, put together with what was given: a mask's surroundings, the clip that is gone on from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from pipelines.domain.conditioning import ExtendClip, MaskClip, SourceClip
from pipelines.domain.frames import Frames
from pipelines.domain.request import GenerationRequest
from studio.media import conform

WHITE = 127.5
"""Grey levels above which a mask asks for new pixels, as where it is given to a model."""


def whole_clips(request: GenerationRequest) -> frozenset[str]:
    """The media that are needed from their first frame to their last."""
    return frozenset(part.media for part in request.conditioning if isinstance(part, ExtendClip))


def joined(request: GenerationRequest, media: Mapping[str, Frames], made: Frames) -> Frames:
    """The frames of the clip: those made, with the source put back outside a mask, joined to a clip that they extend.

    What is kept comes from the source or clip itself, not from the model's copy of it; no frame stands twice.
    """
    made = kept_outside(request, media, made)
    for part in request.conditioning:
        if isinstance(part, ExtendClip):
            source = media[part.media]
            old = conform(source, made.width, made.height, len(source), source.fps).pixels
            forward = part.way == "forward"
            new = made.pixels[part.keep :] if forward else made.pixels[: len(made) - part.keep]
            sound = made.sound and made.sound.after((len(old) - part.keep) / made.fps if forward else 0)
            return Frames(np.concatenate((old, new) if forward else (new, old)), made.fps, sound)
    return made


def kept_outside(request: GenerationRequest, media: Mapping[str, Frames], made: Frames) -> Frames:
    """What was made, inside the mask; outside of it the source's own pixels. The outline is soft on the inside only.

    Without a source or a mask, and after the end of the source, the frames stay as they were made.
    """
    parts = {type(part): part.media for part in request.conditioning}
    if SourceClip not in parts or MaskClip not in parts:
        return made
    from pipelines.conditioning.masks import put_back

    source = media[parts[SourceClip]]
    count = min(len(source), len(made))
    size = (made.width, made.height)
    kept = conform(source, *size, count, source.fps).pixels
    mask = media[parts[MaskClip]]
    white = conform(mask, *size, count, mask.fps).pixels.mean(axis=-1) > WHITE  # a single picture holds throughout
    pixels = np.concatenate((put_back(made.pixels[:count], kept, white), made.pixels[count:]))
    return replace(made, pixels=pixels)
