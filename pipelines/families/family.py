"""What a family of models is: cards that describe, a footprint to plan with, and a loader. No torch here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from pipelines.domain.capabilities import Capabilities
from pipelines.domain.frames import Frames
from pipelines.domain.request import GenerationRequest

Stage = Literal["loading", "encoding", "denoising", "decoding"]
Placement = Literal["resident", "model_offload", "group_offload", "disk_offload"]
Storage = Literal["whole", "int8", "fp8", "int4"]
Attention = Literal["native", "_flash_3", "_sage_qk_int8_pv_fp8_cuda_sm90", "sage"]


@dataclass(frozen=True, kw_only=True)
class Part:
    """A further repository that a published model is put together from.

    revision: a commit; empty = not known here, pinned when it is first fetched. take: patterns of file names in it.
    into: the folder they go to, below the checkpoint's own.
    """

    repository: str
    revision: str = ""
    take: tuple[str, ...] = ()
    into: str = ""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a published model can be fetched.

    revision: a commit; empty = not known here, pinned when it is first fetched. non_commercial: the licence forbids
    commercial use. download_bytes: about, counted from its parameters; the repository itself knows better.
    take: patterns of the files in it, empty = those of the components. parts: what is needed besides. index: what
    model_index.json says where no repository holds one for the whole.
    """

    repository: str
    revision: str = ""
    non_commercial: bool = False
    download_bytes: int = 0
    take: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    index: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """One model a person can choose.

    folder: the checkpoint folder in diffusers layout. licence: SPDX name or the licence's own.
    examples: prompts that work well. weaknesses: what it cannot do, in plain words.
    settings: what only the family reads (such as the text window), never shown.
    source: where a published model comes from. is_here: whether `folder` is there; the card of a model that was not
    fetched yet describes and counts, but cannot be loaded. settings_source: where the recommended settings come from.
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
    source: Source | None = None
    is_here: bool = True
    settings_source: str = ""


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """A LoRA for one clip: its safetensors file, and how strongly it changes the model (1 = as trained).

    title: how it is called in messages, "" = by the file's name.
    """

    path: Path
    strength: float = 1.0
    title: str = ""


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """Bytes a request needs in 16-bit floats: `components` by name (weights), `activations` at the largest moment.

    tiled_activations: the same with the codec working in tiles. streamed: weights on the device at once under group
    offload.

    flops: floating-point operations of the whole request, for the estimate of its time.
    denoisers: the components that run at each step, one of them at a time; only theirs is ever stored in fewer bits.
    packed: components whose weights stay rounded as they are in their file (GGUF), whatever the device computes in.
    """

    components: Mapping[str, int]
    activations: int
    tiled_activations: int
    streamed: int
    flops: float
    denoisers: tuple[str, ...] = ("transformer", "transformer_2", "unet")
    packed: frozenset[str] = frozenset()

    @property
    def weights(self) -> int:
        return sum(self.components.values())

    @property
    def rounds(self) -> bool:
        """Whether the denoisers' weights can be stored in fewer bits: what is packed already cannot."""
        return self.packed.isdisjoint(self.denoisers)

    def in_full_precision(self) -> Footprint:
        """The same in 32 bits, for devices that compute 16-bit floats slowly or not at all."""
        sizes = {name: size if name in self.packed else 2 * size for name, size in self.components.items()}
        return replace(
            self,
            components=sizes,
            activations=2 * self.activations,
            tiled_activations=2 * self.tiled_activations,
            streamed=2 * self.streamed,
        )


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

    def generate(self, request: GenerationRequest, media: Mapping[str, Frames], on_progress: OnProgress) -> Frames:
        """The frames of a request; `media` holds the frames of each content hash it names.

        The seed alone decides: the same request gives the same bits on the same machine. Raises InvalidRequest when
        conditioning and media do not fit together, and whatever `on_progress` raises (Stopped); it stays usable after.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Setup:
    """How a model is put on a device, `device` as torch names it ("cpu", "cuda:0", "mps").

    half: compute in bfloat16, which is fast there.
    tiled: the codec works in tiles, for less memory at some time and slightly different frames.
    storage: the form in which the denoisers' weights lie in memory; they compute in the device's own precision.
    pinned: weights that wait in main memory are locked there, which makes their copies twice as fast.
    attention, compiled: how attention is computed, and whether repeated blocks are compiled; rounding apart they change
    no result.
    """

    device: str
    half: bool
    placement: Placement = "resident"
    tiled: bool = False
    storage: Storage = "whole"
    pinned: bool = True
    attention: Attention = "native"
    compiled: bool = False


class Loader(Protocol):
    """The half of a family that imports torch: components one by one, so that models can share them."""

    def shares(self, card: ModelCard) -> Mapping[str, Path]:
        """Components by name, each with the folder that holds it: equal folders are one component in memory."""
        ...

    def component(self, card: ModelCard, name: str, setup: Setup) -> Any:
        """One component in main memory. Raises BrokenCheckpoint."""
        ...

    def assemble(self, card: ModelCard, components: Mapping[str, Any], setup: Setup) -> LoadedModel:
        """The model of its components, moved where `setup` places them."""
        ...

    def release(self, component: Any) -> None:
        """Take a component off its device and out of every hook that `assemble` put on it."""
        ...


class Family(Protocol):
    """A folder under `pipelines/families`, as the manager sees it (module-level functions do)."""

    NAME: str

    def recognises(self, folder: Path) -> bool:
        """Whether a checkpoint folder belongs to this family (reads its model_index.json only)."""
        ...

    def card(self, folder: Path, card_id: str) -> ModelCard:
        """The card of a checkpoint folder. Raises BrokenCheckpoint when files are missing."""
        ...

    def published(self, home: Path) -> tuple[ModelCard, ...]:
        """Cards of the checkpoints that this family knows of, each with `folder` = `home` / its id, here or not."""
        ...

    def footprint(self, card: ModelCard, request: GenerationRequest) -> Footprint:
        """Bytes and operations, from the card alone (no file is read)."""
        ...

    def loader(self) -> Loader:
        """The half that imports torch; call it in the worker only."""
        ...
