"""A clip made for a benchmark: nobody watches, and only its pixels are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.domain.frames import Frames
    from pipelines.domain.request import GenerationRequest
    from pipelines.models.manager import ModelManager
    from pipelines.toybox.judge import Clips


def pixels(manager: ModelManager, request: GenerationRequest, media: Mapping[str, Frames]) -> Clips:
    """The frames uint8 (T, H, W, 3) of a request, its media by digest."""
    with manager.use(request.model, request, unwatched) as model:
        return model.generate(request, media, unwatched).pixels


def unwatched(*told: object) -> None:
    """No one hears how far it is."""
