"""From a request's conditioning to what VACE takes: one video, one mask, reference pictures. Pure numpy and Pillow.

VACE (Jiang et al., 2025) encodes `inactive = video * (1 - mask)` and `reactive = video * mask`: a white mask asks for
new pixels, a black one keeps the video's; grey (0.5) under white says nothing, all else there is a structure to follow.

Layers, each over the one before: grey and white everywhere; the control clips; a source clip, black where its mask is
black (all of it without a mask; frames after its end stay white, so the clip is continued); the kept frames of a clip
that is extended, black, as the first frames when it goes forward and as the last when it goes backward; start, end and
key pictures, black at their frame. Media of another shape are scaled to cover the clip's size and cropped in the
centre. References keep their shape; the pipeline itself puts them on a white canvas.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.domain.conditioning import (
    ControlClip,
    EndImage,
    ExtendClip,
    KeyImage,
    MaskClip,
    ReferenceImage,
    SourceClip,
    StartImage,
)
from pipelines.domain.errors import InvalidRequest, Problem
from pipelines.domain.frames import Frames
from pipelines.domain.request import GenerationRequest
from pipelines.families.pictures import cover
from pipelines.families.wan.controls import mixed

GREY = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class VaceInput:
    """What the pipeline is given besides words.

    video: float32 (T, H, W, 3) in 0..1; mask: float32 (T, H, W), 1 = generate; both None where nothing is set.
    references: uint8 (h, w, 3) each. strength: weight of the control branch. A clip that is restyled is no part of it.
    """

    video: NDArray[np.float32] | None
    mask: NDArray[np.float32] | None
    references: tuple[NDArray[np.uint8], ...]
    strength: float


def compose(request: GenerationRequest, media: Mapping[str, Frames], group: int) -> VaceInput:
    """What VACE takes for a request.

    media: frames by content hash. group: frames per latent frame; mask holes are widened to whole groups, since masks
    are sampled once per group. Raises InvalidRequest with every medium that is missing or too short.
    """
    found = tuple(_problems(request, media))
    if found:
        raise InvalidRequest(found)
    layers = _Layers(request, media)
    controls = tuple(part for part in request.conditioning if isinstance(part, ControlClip))
    if controls:
        layers.control(controls)
    layers.source(group)
    for part in request.conditioning:
        if isinstance(part, ExtendClip):
            layers.extend(part)
    for part in request.conditioning:
        if isinstance(part, StartImage | EndImage | KeyImage):
            layers.picture(part)
    references = tuple(media[p.media].pixels[0] for p in request.conditioning if isinstance(p, ReferenceImage))
    strength = max((part.strength for part in controls), default=1.0)
    video, mask = (layers.video, layers.mask) if layers.touched else (None, None)
    return VaceInput(video=video, mask=mask, references=references, strength=strength)


def restyled(request: GenerationRequest, media: Mapping[str, Frames]) -> NDArray[np.float32] | None:
    """The clip to begin from, float32 (T, H, W, 3) in 0..1, its last frame held where it is short; None without one."""
    for part in request.conditioning:
        if isinstance(part, SourceClip) and part.strength < 1.0:
            clip = _as_video(media[part.media].pixels[: request.num_frames], request)
            held = np.minimum(np.arange(request.num_frames), len(clip) - 1)
            return np.asarray(clip[held])
    return None


class _Layers:
    """The video and mask while layers are put on them."""

    def __init__(self, request: GenerationRequest, media: Mapping[str, Frames]) -> None:
        self.request, self.media = request, media
        shape = (request.num_frames, request.height, request.width)
        self.video = np.full((*shape, 3), GREY, np.float32)
        self.mask = np.ones(shape, np.float32)
        self.touched = False

    def control(self, parts: tuple[ControlClip, ...]) -> None:
        self.video[:] = mixed([(part, self._covering(part.media)) for part in parts])
        self.touched = True

    def source(self, group: int) -> None:
        parts = {type(part): part for part in self.request.conditioning}
        own = parts.get(SourceClip)
        if not isinstance(own, SourceClip) or own.strength < 1.0:
            return
        source = self._covering(own.media)
        keep = np.ones(source.shape[:3], bool)
        if MaskClip in parts:
            keep = ~_widened(self._holes(parts[MaskClip].media, len(source)), group)
        self.video[: len(source)] = np.where(keep[..., None], source, self.video[: len(source)])
        self.mask[: len(source)] = np.where(keep, 0.0, 1.0)
        self.touched = True

    def extend(self, part: ExtendClip) -> None:
        whole = self.media[part.media].pixels
        forward = part.way == "forward"
        kept = _as_video(whole[-part.keep :] if forward else whole[: part.keep], self.request)
        at = slice(0, part.keep) if forward else slice(self.request.num_frames - part.keep, None)
        self.video[at] = kept
        self.mask[at] = 0.0
        self.touched = True

    def picture(self, part: StartImage | EndImage | KeyImage) -> None:
        frame = part.frame if isinstance(part, KeyImage) else -1 if isinstance(part, EndImage) else 0
        self.video[frame] = self._covering(part.media, 1)[0]
        self.mask[frame] = 0.0
        self.touched = True

    def _covering(self, media: str, count: int | None = None) -> NDArray[np.float32]:
        return _as_video(self.media[media].pixels[: count or self.request.num_frames], self.request)

    def _holes(self, media: str, length: int) -> NDArray[np.bool_]:
        """Where the mask is white: bool (length, H, W); a single picture holds for all frames."""
        white = self._covering(media).mean(axis=-1) > GREY
        return np.broadcast_to(white, (length, *white.shape[1:])) if len(white) == 1 else white[:length]


def _as_video(pixels: NDArray[np.uint8], request: GenerationRequest) -> NDArray[np.float32]:
    return cover(pixels, request.width, request.height).astype(np.float32) / np.float32(255)


def _widened(holes: NDArray[np.bool_], group: int) -> NDArray[np.bool_]:
    """Holes grown in time to whole latent groups: frame 0 alone, then every `group` frames together."""
    wide = holes.copy()
    for start in range(1, len(holes), group):
        wide[start : start + group] = holes[start : start + group].any(axis=0)
    return wide


def _problems(request: GenerationRequest, media: Mapping[str, Frames]) -> Iterator[Problem]:
    for part in request.conditioning:
        what = part.kind.replace("_", " ")
        if part.media not in media:
            yield Problem(field=part.kind, message=f"The file of the {what} is not in the library.", hint="Add it.")
        elif isinstance(part, ControlClip | MaskClip):
            yield from _too_short(part, request, media)
        elif isinstance(part, ExtendClip) and len(media[part.media]) < part.keep:
            message = f"{part.keep} frames are to be kept of a clip that has {len(media[part.media])}."
            yield Problem(field=part.kind, message=message, hint="Keep fewer.")


def _too_short(part: Any, request: GenerationRequest, media: Mapping[str, Frames]) -> Iterator[Problem]:
    have, need = len(media[part.media]), request.num_frames
    if isinstance(part, MaskClip):
        sources = [p.media for p in request.conditioning if isinstance(p, SourceClip)]
        need = min(need, *(len(media[m]) for m in sources if m in media), need)
        if have == 1:
            return
    if have < need:
        what = part.kind.replace("_", " ")
        message = f"The {what} has {have} frames, but {need} are needed."
        yield Problem(field=part.kind, message=message, hint="Use a longer one or make the clip shorter.")
