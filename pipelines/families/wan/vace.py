"""The published checkpoints of Wan 2.1 VACE, as far as they are known without having them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pipelines.families.checkpoint import Kind
from pipelines.families.family import Source
from pipelines.families.single import Record
from pipelines.families.wan.configs import KINDS, SECOND, TextConfig, TransformerConfig, VaeConfig, WanFolder
from pipelines.families.wan.controls import MAX_CONTROLS
from pipelines.models.weights import Weights

_BOUNDARY = 0.875  # as the index of the published VACE-Fun has it
SMALLEST = 1536
"""Width of the smallest published model; anything narrower is somebody's own."""

SETTINGS = "the defaults of VACE's own inference script for Wan, and the repository of Wan 2.1"
KIND = Kind(
    pipeline="WanVACEPipeline",
    parts={name: allowed for name, (_, allowed) in KINDS.items()},
    optional=frozenset({SECOND}),
)
WEAKNESSES = "Where control clip and words disagree it follows the clip; ragged moving holes leave seams."
DOUBLE = " Its two experts are twice the weights of one model."
TRAITS: Mapping[str, Any] = MappingProxyType(
    {"max_controls": MAX_CONTROLS, "restyles": True, "control_span": True, "adapters": True}
)
_TEXT = TextConfig(dim=4096, ffn_dim=10240, inner_dim=4096, layers=24)
_VAE = VaeConfig(
    base_dim=96,
    decoder_dim=96,
    z_dim=16,
    dim_mult=(1, 2, 4, 4),
    res_blocks=2,
    downsample_time=(False, True, True),
    patch=1,
)


@dataclass(frozen=True, kw_only=True)
class Vace:
    """One published checkpoint; `folder` holds its numbers and no files."""

    id: str
    title: str
    source: Source
    folder: WanFolder


def _vace(size: str, dim: int, ffn_dim: int, layers: int, vace_layers: int, parameters: int) -> Vace:
    numbers = TransformerConfig(
        dim=dim,
        ffn_dim=ffn_dim,
        layers=layers,
        vace_layers=vace_layers,
        patch=(1, 2, 2),
        channels=16,
        text_dim=4096,
    )
    return _known(
        f"wan-2.1-vace-{size.lower()}",
        f"Wan 2.1 VACE {size}",
        f"Wan-AI/Wan2.1-VACE-{size}-diffusers",
        numbers,
        parameters,
    )


def _known(card_id: str, title: str, repository: str, numbers: TransformerConfig, *parameters: int) -> Vace:
    """One published checkpoint. parameters: of each of its transformers."""
    transformers = dict(zip(("transformer", SECOND), parameters, strict=False))
    counts = {"text_encoder": 5_680_910_336, **transformers, "vae": 126_892_531}
    folder = WanFolder(
        classes={name: KINDS[name][1][0] for name in (*counts, "tokenizer", "scheduler")},
        text=_TEXT,
        transformer=numbers,
        vae=_VAE,
        weights={name: Weights(files=(), parameters=number, file_bytes=0) for name, number in counts.items()},
        boundary_ratio=_BOUNDARY if SECOND in counts else None,
    )
    source = Source(repository=repository, download_bytes=2 * sum(counts.values()))
    return Vace(id=card_id, title=title, source=source, folder=folder)


def _numbers(heads: int, branches: range) -> dict[str, Any]:
    """What tells the transformers apart: heads, and beside which of its layers the branch has one of its own."""
    return {
        "num_attention_heads": heads,
        "attention_head_dim": 128,
        "num_layers": branches.stop,
        "in_channels": 16,
        "vace_layers": list(branches),
    }


_SMALL, _LARGE = _numbers(12, range(0, 30, 2)), _numbers(40, range(0, 40, 5))
_PLAIN = (
    _vace("1.3B", 1536, 8960, 30, 15, 2_153_972_032),
    _vace("14B", 5120, 13824, 40, 8, 17_337_592_896),
)
_FUN = _known(
    "wan-2.2-vace-fun-a14b",
    "Wan 2.2 VACE-Fun A14B",
    "linoyts/Wan2.2-VACE-Fun-14B-diffusers",
    _PLAIN[1].folder.transformer,
    *(17_337_592_896, 17_337_592_896),
)
CARDS = (*_PLAIN, _FUN)


RECORDS = tuple(
    Record(
        id=known.id,
        title=known.title,
        kind=KIND,
        configs={"transformer": numbers, "vae": {"base_dim": _VAE.base_dim, "z_dim": _VAE.z_dim}},
        parameters={name: weights.parameters for name, weights in known.folder.weights.items()},
        options={"boundary_ratio": _BOUNDARY} if SECOND in known.folder.weights else {},
    )
    for known, numbers in zip(CARDS, (_SMALL, _LARGE, _LARGE), strict=True)
)


def source_of(folder: Path, checked: WanFolder) -> Source | None:
    """Where a checkpoint comes from: by its folder's name, or by its numbers; None where it is somebody's own."""
    names = {part.lower() for part in folder.parts[-3:]}
    for known in CARDS:
        tail = known.source.repository.rpartition("/")[2].lower()
        cached = "models--" + known.source.repository.replace("/", "--").lower()
        same = known.folder.transformer == checked.transformer and known.folder.weights.keys() == checked.weights.keys()
        if same or not names.isdisjoint({known.id, tail, cached}):
            return known.source
    return None
