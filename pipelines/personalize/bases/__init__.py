"""What a training needs of a base model: latents of pictures, states of texts, and its denoiser's answer.

One module for each architecture, with a class `Trained` that is a `Base`. No torch here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import NDArray

from pipelines.domain.errors import InvalidRequest, Problem
from pipelines.families.family import ModelCard
from pipelines.personalize.settings import Settings

if TYPE_CHECKING:
    from torch import Tensor

    from pipelines.personalize.noise import Noise

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "WanVACEPipeline": "wan",
        "WanPipeline": "wan",
        "LTXPipeline": "ltx",
        "LTXConditionPipeline": "ltx",
        "CogVideoXPipeline": "cogvideox",
    }
)
"""The module of every pipeline that can be trained."""


class Base(Protocol):
    """A base model as a training sees it; `pipe` is the stock pipeline.

    targets: the layers that a LoRA changes. arguments: what a call of the pipeline is given besides what all are.
    """

    pipe: Any
    noise: Noise
    targets: tuple[str, ...]
    arguments: Mapping[str, Any]

    def latents(self, frames: NDArray[Any]) -> Tensor:
        """Normalised latents float32 (1, z, t, h, w) of frames uint8 (T, H, W, 3)."""
        ...

    def unpacked(self, made: Tensor) -> Tensor:
        """The same of what the pipeline gives for `output_type="latent"` at the training's size."""
        ...

    def states(self, prompts: Sequence[str]) -> Tensor:
        """What the denoiser reads of texts, a row of a form of its own for each. Gradients reach the words' rows."""
        ...

    def velocity(self, noisy: Tensor, levels: Tensor, states: Tensor) -> Tensor:
        """The denoiser's answer, float32 like `noisy`, at noise levels (B,) in 0..1."""
        ...


def base_of(pipe: Any, card: ModelCard, settings: Settings) -> Base:
    """The base of a pipeline for a training. Raises InvalidRequest for a kind that cannot be trained here."""
    name = type(pipe).__name__
    if name not in KINDS:
        message = f"Subjects cannot be trained on a model of the kind {name} yet."
        hint = "Choose a Wan, LTX-Video or CogVideoX model, or use pictures as a reference without training."
        raise InvalidRequest((Problem(field="model", message=message, hint=hint),))
    made: Base = import_module(f"{__name__}.{KINDS[name]}").Trained(pipe, card, settings)
    return made
