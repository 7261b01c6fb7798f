"""What single files of weights look like: whose component they are, told by names and shapes alone. No torch.

A family lists its `FILES`; the numbers that a layout reads off the shapes are compared with a checkpoint's
configuration, which a file does not bring along.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pipelines.families.checkpoint import Kind

Shapes = Mapping[str, tuple[int, ...]]
Number = tuple[str, int] | str
"""Where a number stands: (tensor, axis), or the name before the numbers of blocks that are counted."""

PREFIXES = ("", "model.diffusion_model.", "diffusion_model.", "transformer.", "vae.", "first_stage_model.", "model.")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How the tensors of a component are named. holds, lacks: names that are there, and that are not.

    numbers: keys of the configuration and where they stand; a tensor that is not there gives None. "inner_dim" is heads
    times their width, and a key that ends in "#" the length of a list. refused: why such a file is not read.
    """

    name: Literal["original", "diffusers"]
    holds: tuple[str, ...]
    lacks: tuple[str, ...] = ()
    numbers: Mapping[str, Number] = field(default_factory=dict)
    refused: str = ""


@dataclass(frozen=True, kw_only=True)
class FileKind:
    """One component that comes as a single file, of a class of diffusers.

    recorded: the numbers of a published card, those read off the file and the defaults of the class are the whole
    configuration; without it a checkpoint with the same component must be here. packed: diffusers reads its GGUF.
    """

    component: str
    cls: str
    layouts: tuple[Layout, ...]
    recorded: bool = False
    packed: bool = True


@dataclass(frozen=True, kw_only=True)
class Match:
    """What a file turned out to be. numbers: read off its shapes."""

    kind: FileKind
    layout: Layout
    prefix: str
    numbers: Mapping[str, int | None]

    def fits(self, config: Mapping[str, Any]) -> bool:
        """Whether a configuration, as far as it says, is that of this file."""
        return all(_same(config, key, number) for key, number in self.numbers.items())

    def completed(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """A published card's numbers with those of the file, for a class whose defaults are the rest."""
        own = {key: number for key, number in self.numbers.items() if key != "inner_dim" and not key.endswith("#")}
        return {"_class_name": self.kind.cls, **own, **config}


@dataclass(frozen=True, kw_only=True)
class Record:
    """A published checkpoint as far as a model can be put together by it.

    configs: the numbers of its components that tell it from others. parameters: of each component that has weights.
    options: plain values of its index.
    """

    id: str
    title: str
    kind: Kind
    configs: Mapping[str, Mapping[str, Any]]
    parameters: Mapping[str, int]
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def components(self) -> tuple[str, ...]:
        """What it is made of: the weights it counts, and all else that its pipeline cannot do without."""
        return tuple(name for name in self.kind.parts if name in self.parameters or name not in self.kind.optional)


def match(shapes: Shapes, kinds: Sequence[FileKind]) -> Match | None:
    """What the tensors of a file are; None where no kind knows them."""
    for prefix in PREFIXES:
        below = {name[len(prefix) :]: shape for name, shape in shapes.items() if name.startswith(prefix)}
        for kind in kinds:
            for layout in kind.layouts:
                if all(name in below for name in layout.holds) and not any(name in below for name in layout.lacks):
                    return Match(kind=kind, layout=layout, prefix=prefix, numbers=_numbers(below, layout))
    return None


def _numbers(shapes: Shapes, layout: Layout) -> dict[str, int | None]:
    return {key: _read(shapes, number) for key, number in layout.numbers.items()}


def _read(shapes: Shapes, number: Number) -> int | None:
    if isinstance(number, str):
        found = {m[1] for name in shapes if (m := re.match(re.escape(number) + r"\.(\d+)\.", name))}
        return len(found)
    tensor, axis = number
    shape = shapes.get(tensor)
    return None if shape is None or len(shape) <= axis else shape[axis]


def _same(config: Mapping[str, Any], key: str, number: int | None) -> bool:
    if key == "inner_dim":
        heads, width = config.get("num_attention_heads"), config.get("attention_head_dim")
        return not (isinstance(heads, int) and isinstance(width, int)) or heads * width == number
    if key.endswith("#"):
        listed = config.get(key[:-1], ())
        return not isinstance(listed, list) or len(listed) == number
    return key not in config or config[key] == number


@dataclass(frozen=True, kw_only=True)
class Singles:
    """What a family knows of single files, and the published checkpoints that such a file may belong to."""

    files: tuple[FileKind, ...]
    records: tuple[Record, ...]
