"""What a LoRA file is, read from the names and shapes in its header alone: for which base, how large, by which trainer.

Names are those that diffusers, the original code of each model, and kohya's scripts write. No weight is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipelines.domain.errors import BrokenCheckpoint
from pipelines.families.family import ModelCard
from pipelines.models.weights import PICKLES, read_json, read_shapes

Trainer = Literal["diffusers", "original", "kohya"]
_DOWN = re.compile(r"^(?P<layer>.+?)[._](?:lora_A|lora_down|lora\.down)(?:\.[\w-]+)?\.weight$")
# Which architecture a layer's name belongs to; the first that matches. Separators of kohya's names are underscores.
_KINDS: tuple[tuple[str, str], ...] = (
    ("animatediff", r"motion_modules[._]\d"),
    ("svd", r"temporal_transformer_blocks"),
    ("hunyuan", r"double_blocks[._]\d|single_blocks[._]\d|single_transformer_blocks[._]\d"),
    ("sd", r"(down|mid|up)_blocks?[._]"),
    ("transformer", r"transformer_blocks[._]\d+[._](attn\d?|ff|norm)"),
    ("wan", r"(^|[._])(vace_)?blocks[._]\d+[._](self_attn|cross_attn|attn1|attn2|ffn|proj_|face|img_)"),
)
_QUERY = re.compile(r"(attn\d?|self_attn)[._](to_q|q)$|img_attn_qkv$|attn[._]to_q$")
_TITLES: Mapping[tuple[str, int], str] = {
    ("wan", 1536): "Wan 1.3B",
    ("wan", 3072): "Wan 2.2 5B",
    ("wan", 5120): "Wan 14B",
    ("hunyuan", 3072): "HunyuanVideo",
    ("hunyuan", 2048): "HunyuanVideo 1.5",
    ("transformer", 2048): "LTX-Video",
    ("transformer", 4096): "LTX-2",
    ("transformer", 1920): "CogVideoX 2B",
    ("transformer", 3072): "CogVideoX 5B",
}
_FAMILIES: Mapping[str, frozenset[str]] = {
    "wan": frozenset({"wan"}),
    "hunyuan": frozenset({"hunyuan"}),
    "transformer": frozenset({"ltx", "cogvideox", "sanawm"}),
    "animatediff": frozenset({"animatediff"}),
    "sd": frozenset({"animatediff", "modelscope"}),
    "svd": frozenset({"svd"}),
}


@dataclass(frozen=True, kw_only=True)
class LoraFacts:
    """What a LoRA changes. kind: the architecture its layers belong to; width: the size of a token there (0 = unknown).

    rank: the largest. layers: how many it changes.
    """

    kind: str
    width: int
    rank: int
    layers: int
    trainer: Trainer

    @property
    def base(self) -> str:
        """The model it was made for, in words."""
        known = _TITLES.get((self.kind, self.width))
        return known or f"a model of the {self.kind} kind, {self.width} wide"


def read_lora(path: Path) -> LoraFacts:
    """What a LoRA file is. Raises BrokenCheckpoint where it is none, is damaged, or is a pickle."""
    if path.suffix.lower() in PICKLES:
        message = f"{path.name} is a pickle, which can run any code when it is loaded."
        raise BrokenCheckpoint(message, "Use the LoRA in safetensors.")
    if path.suffix.lower() != ".safetensors":
        raise BrokenCheckpoint(f"{path.name} is no safetensors file.", "LoRA come as files ending in .safetensors.")
    shapes = read_shapes(path)
    downs = {found["layer"]: shape for name, shape in shapes.items() if (found := _DOWN.match(name)) and len(shape) > 1}
    if not downs:
        message = f"{path.name} is no LoRA: none of its {len(shapes)} tensors is one half of a low-rank change."
        raise BrokenCheckpoint(message, "A whole model belongs to the models: launch.py models add FILE.")
    return LoraFacts(
        kind=_kind(path, downs),
        width=_width(downs),
        rank=max(shape[0] for shape in downs.values()),
        layers=len(downs),
        trainer=_trainer(downs),
    )


def fits(lora: LoraFacts, card: ModelCard) -> str:
    """Why a LoRA does not fit a model; empty where it does."""
    if not card.capabilities.adapters:
        return f"{card.title} takes no LoRA."
    if card.family not in _FAMILIES.get(lora.kind, frozenset()):
        return f"It was made for {lora.base}, not for {card.title}."
    width = width_of(card)
    if width and lora.width and width != lora.width:
        return f"It was made for {lora.base}; {card.title} is {width} wide."
    return ""


def width_of(card: ModelCard) -> int:
    """The size of a token in a card's denoiser, from its configuration; 0 where that does not say."""
    folder = card.settings.get("base", card.folder)
    for name in ("transformer", "unet"):
        if (folder / name / "config.json").is_file():
            raw = read_json(folder / name / "config.json")
            heads, size = raw.get("num_attention_heads"), raw.get("attention_head_dim")
            return heads * size if isinstance(heads, int) and isinstance(size, int) else 0
    return 0


def _kind(path: Path, layers: Mapping[str, object]) -> str:
    for kind, pattern in _KINDS:
        if any(re.search(pattern, layer) for layer in layers):
            return kind
    some = next(iter(layers))
    raise BrokenCheckpoint(
        f"{path.name} changes {some[:80]}, which belongs to no model that Gimbal knows.", "Use one for a video model."
    )


def _width(downs: Mapping[str, tuple[int, ...]]) -> int:
    """The inputs of the first query projection, else of most layers."""
    queries = [shape[1] for layer, shape in downs.items() if _QUERY.search(layer)]
    if queries:
        return queries[0]
    inputs = [shape[1] for shape in downs.values()]
    return max(set(inputs), key=inputs.count)


def _trainer(layers: Mapping[str, object]) -> Trainer:
    if any(layer.startswith("lora_") for layer in layers):
        return "kohya"
    return "diffusers" if any(layer.startswith(("transformer.", "unet.")) for layer in layers) else "original"
