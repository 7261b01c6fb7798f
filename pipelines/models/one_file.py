"""One file of weights as untrusted input: safetensors or GGUF, known by its header alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.domain.errors import BrokenCheckpoint
from pipelines.models.gguf_header import read_gguf
from pipelines.models.weights import PICKLES, Entry, Weights, read_tensors

_SCALES = ("scale_weight", "weight_scale", "input_scale", "scale_input", "scaled_fp8", "comfy_quant")
_FOREIGN = ("absmax", "quant_state", "quant_map", "qweight", "wscales", "qzeros")
_FLOATS = {"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"}
_OTHER = "Use the same model in bf16, fp16 or plain fp8 safetensors, or as GGUF."


@dataclass(frozen=True, kw_only=True)
class OneFile:
    """What the header of a file says. shapes: of its tensors. sizes: their bytes."""

    path: Path
    shapes: Mapping[str, tuple[int, ...]] = field(repr=False)
    sizes: Mapping[str, int] = field(repr=False)

    @property
    def is_gguf(self) -> bool:
        """Whether its weights stay packed in memory as they are in the file."""
        return self.path.suffix.lower() == ".gguf"

    def below(self, prefix: str) -> dict[str, tuple[int, ...]]:
        """The shapes of the tensors whose names begin so, by what follows."""
        return {name[len(prefix) :]: shape for name, shape in self.shapes.items() if name.startswith(prefix)}

    def weights(self, prefix: str) -> Weights:
        """The tensors whose names begin so, counted."""
        chosen = [name for name in self.shapes if name.startswith(prefix)]
        size = sum(self.sizes[name] for name in chosen)
        return Weights(
            files=(self.path,),
            parameters=sum(math.prod(self.shapes[name]) for name in chosen),
            file_bytes=size,
            packed_bytes=size if self.is_gguf else 0,
        )


def read_one(path: Path) -> OneFile:
    """The header of a safetensors or GGUF file. Raises BrokenCheckpoint, also for pickles and unreadable formats."""
    ending = path.suffix.lower()
    if ending in PICKLES:
        message = f"{path} is a pickle, which can run any code when it is loaded."
        raise BrokenCheckpoint(message, "Use the same model in safetensors or GGUF.")
    if ending == ".gguf":
        packed = read_gguf(path)
        return OneFile(
            path=path,
            shapes={name: tensor.shape for name, tensor in packed.items()},
            sizes={name: tensor.size for name, tensor in packed.items()},
        )
    if ending != ".safetensors":
        raise BrokenCheckpoint(f"{path} is no file of weights.", "Weights come as .safetensors or .gguf.")
    tensors = read_tensors(path)
    _check_plain(path, tensors)
    return OneFile(
        path=path,
        shapes={name: tensor.shape for name, tensor in tensors.items()},
        sizes={name: tensor.size for name, tensor in tensors.items()},
    )


def _check_plain(path: Path, tensors: Mapping[str, Entry]) -> None:
    """Rounded weights that need more than their own numbers would load as noise."""
    tails = {name.rpartition(".")[2] for name in tensors}
    if not tails.isdisjoint(_SCALES):
        raise BrokenCheckpoint(f"{path} holds 8-bit weights with scales beside them, which diffusers ignores.", _OTHER)
    whole = {tensor.kind for tensor in tensors.values() if len(tensor.shape) > 1} - _FLOATS
    if whole or not tails.isdisjoint(_FOREIGN):
        raise BrokenCheckpoint(f"{path} was rounded by another program, in a form that diffusers cannot read.", _OTHER)
