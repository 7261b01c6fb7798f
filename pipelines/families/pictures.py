"""Pictures and clips of a request at the size of the clip that is made. Numpy and Pillow only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipelines.domain.conditioning import Conditioning, ControlClip, ExtendClip, MaskClip, SourceClip
from pipelines.domain.errors import InvalidRequest, Problem
from pipelines.domain.frames import Frames
from pipelines.domain.request import GenerationRequest

P = TypeVar("P", bound=Conditioning)


def cover(pixels: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Frames uint8 (T, h, w, 3) scaled (Lanczos) to cover (height, width), the rest cropped evenly on both sides."""
    old_height, old_width = pixels.shape[1:3]
    if (old_width, old_height) == (width, height):
        return pixels
    scale = max(width / old_width, height / old_height)
    crop_width, crop_height = min(old_width, width / scale), min(old_height, height / scale)
    left, top = (old_width - crop_width) / 2, (old_height - crop_height) / 2
    box = (left, top, left + crop_width, top + crop_height)
    resized = (Image.fromarray(f).resize((width, height), Image.Resampling.LANCZOS, box=box) for f in pixels)
    return np.stack([np.asarray(image, np.uint8) for image in resized])


class Given:
    """What a request gives besides words, its media at hand.

    Raises InvalidRequest with every medium that is missing or has too few frames.
    """

    def __init__(self, request: GenerationRequest, media: Mapping[str, Frames]) -> None:
        self.request, self._media = request, media
        found = tuple(self._problems())
        if found:
            raise InvalidRequest(found)

    def part(self, kind: type[P]) -> P | None:
        """The first part of a kind."""
        return next(iter(self.parts(kind)), None)

    def parts(self, kind: type[P]) -> list[P]:
        """Every part of a kind, in order."""
        return [part for part in self.request.conditioning if isinstance(part, kind)]

    def picture(self, part: Conditioning) -> Image.Image:
        """The first frame of a part's medium at the clip's size."""
        return self.clip(part, slice(0, 1))[0]

    def whole_picture(self, part: Conditioning) -> Image.Image:
        """The first frame of a part's medium in its own size."""
        return Image.fromarray(self._media[part.media].pixels[0])

    def clip(self, part: Conditioning, which: slice | None = None) -> list[Image.Image]:
        """Frames of a part's medium at the clip's size: as many as the clip has, or those of a slice."""
        chosen = self._media[part.media].pixels[slice(0, self.request.num_frames) if which is None else which]
        return [Image.fromarray(frame) for frame in cover(chosen, self.request.width, self.request.height)]

    def kept(self, part: ExtendClip) -> list[Image.Image]:
        """The frames that a clip is extended from: its last ones, or going backward its first ones."""
        return self.clip(part, slice(-part.keep, None) if part.way == "forward" else slice(0, part.keep))

    def _problems(self) -> Iterator[Problem]:
        for part in self.request.conditioning:
            what = part.kind.replace("_", " ")
            if part.media not in self._media:
                yield Problem(field=part.kind, message=f"The file of the {what} is not in the library.", hint="Add it.")
                continue
            have, need = len(self._media[part.media]), _frames_needed(part, self.request)
            if have < need and not (have == 1 and isinstance(part, MaskClip)):
                message = f"The {what} has {have} frames, but {need} are needed."
                yield Problem(field=part.kind, message=message, hint="Use a longer one or make the clip shorter.")


def _frames_needed(part: Conditioning, request: GenerationRequest) -> int:
    if isinstance(part, ControlClip | SourceClip | MaskClip):
        return request.num_frames
    return part.keep if isinstance(part, ExtendClip) else 1
