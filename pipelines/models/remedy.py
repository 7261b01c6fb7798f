"""What a person can do when a clip does not fit: the largest clip of the same model that would."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pipelines.domain.request import GenerationRequest
from pipelines.families.family import ModelCard
from pipelines.models.device import DeviceFacts
from pipelines.models.estimate import footprint_on

_ELSE = "Make the clip smaller or shorter, or close other programs."


def remedy(card: ModelCard, request: GenerationRequest, device: DeviceFacts, most: int) -> str:
    """What to try next. most: bytes that activations may take, the codec in tiles."""
    for fewer in _smaller(card, request):
        if footprint_on(card, fewer, device).tiled_activations <= most:
            size = f"{fewer.width}x{fewer.height}"
            what = f"{fewer.num_frames} frames" if size == f"{request.width}x{request.height}" else size
            if fewer.num_frames != request.num_frames and "x" in what:
                what = f"{what} with {fewer.num_frames} frames"
            return f"Make the clip smaller: {what} takes half the memory or less. Or close other programs."
    return _ELSE


def _smaller(card: ModelCard, request: GenerationRequest) -> Iterator[GenerationRequest]:
    """Requests of fewer pixels that the card offers, the largest first."""
    grid = card.capabilities.grid
    frames = [n for n in (request.num_frames, *sorted(grid.lengths, reverse=True)) if n <= request.num_frames]
    sizes = [(request.width, request.height), *sorted(grid.sizes, key=lambda size: -size[0] * size[1])]
    area = request.width * request.height
    found = {(width, height, n) for width, height in sizes if width * height <= area for n in frames}
    for width, height, n in sorted(found, key=lambda choice: -choice[0] * choice[1] * choice[2]):
        if width * height * n < area * request.num_frames:
            yield replace(request, width=width, height=height, num_frames=n)
