"""What a family of models is: cards that describe, a footprint to plan with, and a loader. No torch here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from pipelines.domain.capabilities import Capabilities
from pipelines.domain.frames import Frames
from pipelines.domain.request import GenerationRequest

Stage = Literal["loading", "encoding", "denoising", "decoding"]


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """One model a person can choose.

    folder: the checkpoint folder in diffusers layout. licence: SPDX name or the licence's own.
    examples: prompts that work well. weaknesses: what it cannot do, in plain words.
    settings: what only the family reads (such as the text window), never shown.
    """

    id: str
    title: str
    family: str
    folder: Path
    summary: str
    licence: str
    capabilities: Capabilities
    examples: tuple[str, ...] = ()
    weaknesses: str = ""
    settings: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """Bytes a request needs: `components` by name (weights), and `activations` at the largest moment.

    flops: floating-point operations of the whole request, for the estimate of its time.
    """

    components: Mapping[str, int]
    activations: int
    flops: float

    @property
    def weights(self) -> int:
        return sum(self.components.values())


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What a running request reports. `fraction` is 0..1 of the stage; `preview` is uint8 (T, H, W, 3) or None."""

    stage: Stage
    step: int = 0
    steps: int = 0
    fraction: float = 0.0
    preview: Any = None


OnProgress = Callable[[Progress], None]  # raises domain.errors.Stopped to leave at once


class LoadedModel(Protocol):
    """A model in memory. One request at a time."""

    def generate(
        self, request: GenerationRequest, media: Mapping[str, Frames], on_progress: OnProgress
    ) -> Frames:
        """The frames of a request; `media` holds the frames of each content hash it names."""
        ...


class Family(Protocol):
    """A folder under `pipelines/families`, as the manager sees it (module-level functions do)."""

    def recognises(self, folder: Path) -> bool:
        """Whether a checkpoint folder belongs to this family (reads its model_index.json only)."""
        ...

    def card(self, folder: Path, card_id: str) -> ModelCard:
        """The card of a checkpoint folder. Raises BrokenCheckpoint when files are missing."""
        ...

    def footprint(self, card: ModelCard, request: GenerationRequest) -> Footprint:
        """Bytes and operations, from the card's configuration files alone."""
        ...
