"""The names that trainers give the layers of a LoRA, brought to those of diffusers; or why they cannot be.

Read are, for any transformer whose layers are known (Wan, LTX, CogVideoX and the like):

    diffusers   transformer.LAYER.lora_A.weight
    peft        base_model.model.LAYER.lora_A.weight, also with an adapter's name: ...lora_A.default.weight
    original    diffusion_model.LAYER.lora_A.weight (or lora_down), layers named as in the authors' own code
    kohya,      lora_unet_LAYER.lora_down.weight and .alpha, dots of the layer written as underscores
    musubi

A layer is found by comparing with the base's own, never by guessing where a dot was. No torch, and no weight is read:
what changes are the names, and a scale (alpha / rank) that is told in the metadata diffusers reads or folded in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.domain.errors import MediaError

Shapes = Mapping[str, tuple[int, ...]]
_HALVES = {"lora_A": "lora_A", "lora_down": "lora_A", "lora_B": "lora_B", "lora_up": "lora_B"}
_PART = re.compile(r"(?P<stem>.+?)\.(?P<half>lora_A|lora_B|lora_down|lora_up)(?:\.(?!weight|bias)\w+)?\.weight")
_PREFIXES = (
    *("base_model.model.", "diffusion_model.", "transformer.", "lora_unet_", "lora_transformer_", "pipe.dit."),
    "model.diffusion_model.",
)
_OTHER_KINDS = {
    "hada_": "LoHa", "lokr_": "LoKr", "oft_": "OFT", "dora_scale": "DoRA", "magnitude_vector": "DoRA",
    ".diff": "full differences", "ia3_": "IA3",
}  # fmt: skip
_FOREIGN = "Use a LoRA that was made for this base model."

# What the authors' own code calls a layer of Wan, from what diffusers calls it.
_WAN = (
    (".attn1.to_q", ".self_attn.q"), (".attn1.to_k", ".self_attn.k"), (".attn1.to_v", ".self_attn.v"),
    (".attn1.to_out.0", ".self_attn.o"), (".attn2.to_q", ".cross_attn.q"), (".attn2.to_k", ".cross_attn.k"),
    (".attn2.to_v", ".cross_attn.v"), (".attn2.to_out.0", ".cross_attn.o"), (".ffn.net.0.proj", ".ffn.0"),
    (".ffn.net.2", ".ffn.2"), ("condition_embedder.text_embedder.linear_1", "text_embedding.0"),
    ("condition_embedder.text_embedder.linear_2", "text_embedding.2"),
    ("condition_embedder.time_embedder.linear_1", "time_embedding.0"),
    ("condition_embedder.time_embedder.linear_2", "time_embedding.2"),
    ("condition_embedder.time_proj", "time_projection.1"), ("proj_out", "head.head"),
)  # fmt: skip
# The same for LTX.
_LTX = (("proj_in", "patchify_proj"), ("time_embed", "adaln_single"), (".norm_q", ".q_norm"), (".norm_k", ".k_norm"))


@dataclass(frozen=True)
class Layout:
    """How a file is to be read: new names by old ones, and of each layer its rank, and its alpha where one is told."""

    names: Mapping[str, str]
    ranks: Mapping[str, int]
    alphas: Mapping[str, float]

    @property
    def metadata(self) -> dict[str, str]:
        """What tells diffusers a scale other than 1, {} where there is none."""
        if not self.alphas:
            return {}
        told = {layer: self.alphas.get(layer, float(rank)) for layer, rank in self.ranks.items()}
        rank, alpha = max(self.ranks.values()), max(told.values())
        config = {
            "transformer.r": rank,
            "transformer.lora_alpha": alpha,
            "transformer.rank_pattern": {layer: r for layer, r in self.ranks.items() if r != rank},
            "transformer.alpha_pattern": {layer: a for layer, a in told.items() if a != alpha},
            "transformer.target_modules": sorted(self.ranks),
        }
        return {"lora_adapter_metadata": json.dumps(config, sort_keys=True)}

    def scale(self, name: str) -> float:
        """What a tensor is to be multiplied by where no metadata tell the scale; `name` is its new one."""
        layer, _, half = name.removeprefix("transformer.").rpartition(".lora_")
        return self.alphas.get(layer, self.ranks[layer]) / self.ranks[layer] if half.startswith("B") else 1.0


def read_layout(shapes: Shapes, base: Shapes, scalars: Mapping[str, float], name: str) -> Layout:
    """The layout of a LoRA with tensors `shapes` for a transformer with tensors `base`.

    scalars: the values of its ".alpha" tensors. name: of the file, for messages. Raises MediaError with the reason.
    """
    _refuse_other_kinds(shapes, name)
    known = _known_layers(base)
    halves: dict[str, dict[str, str]] = {}
    alphas: dict[str, float] = {}
    for tensor in shapes:
        found = _PART.fullmatch(tensor)
        if found is None and tensor.endswith(".alpha"):
            alphas[_layer(tensor.removesuffix(".alpha"), known, name)] = scalars.get(tensor, 0.0)
        elif found is None:
            message = f"{name} holds {tensor[:100]}, which is no part of a LoRA."
            raise MediaError(message, "Only LoRA files can be imported.")
        else:
            halves.setdefault(_layer(found["stem"], known, name), {})[_HALVES[found["half"]]] = tensor
    ranks = {layer: _rank(layer, parts, shapes, base, name) for layer, parts in halves.items()}
    if not ranks:
        raise MediaError(f"{name} holds no LoRA.", _FOREIGN)
    names = {
        old: f"transformer.{layer}.{half}.weight" for layer, parts in halves.items() for half, old in parts.items()
    }
    known_alphas = {layer: alpha for layer, alpha in alphas.items() if layer in ranks}
    if any(not 0 < alpha < 1e6 for alpha in known_alphas.values()):
        raise MediaError(f"{name} tells no sensible scale.", "Fetch it again.")
    return Layout(names=names, ranks=ranks, alphas=known_alphas)


def _known_layers(base: Shapes) -> dict[str, str]:
    """diffusers' name of a layer by every name it goes under."""
    known: dict[str, str] = {}
    for tensor in base:
        layer = tensor.removesuffix(".weight")
        if layer == tensor:
            continue
        for spelled in {layer, _renamed(layer, _WAN), _renamed(layer, _LTX)}:
            known.setdefault(spelled, layer)
            known.setdefault(spelled.replace(".", "_"), layer)
    return known


def _renamed(layer: str, table: tuple[tuple[str, str], ...]) -> str:
    for ours, theirs in table:
        layer = layer.replace(ours, theirs)
    return layer


def _layer(stem: str, known: Mapping[str, str], name: str) -> str:
    bare = stem
    for prefix in _PREFIXES:
        bare = bare.removeprefix(prefix)
    for spelled in (stem, bare):
        if spelled in known:
            return known[spelled]
    message = f"{name} changes the layer {bare[:100]}, which the base model has not."
    raise MediaError(message, _FOREIGN)


def _rank(layer: str, parts: Mapping[str, str], shapes: Shapes, base: Shapes, name: str) -> int:
    if set(parts) != {"lora_A", "lora_B"}:
        raise MediaError(f"{name} holds one half only of the change of {layer}.", "Fetch it again.")
    down, up, weight = shapes[parts["lora_A"]], shapes[parts["lora_B"]], base[f"{layer}.weight"]
    inputs = 1
    for side in weight[1:]:
        inputs *= side
    flat = 1
    for side in down[1:]:
        flat *= side
    if len(down) < 2 or len(up) < 2 or up[0] != weight[0] or flat != inputs or up[1] != down[0]:
        message = f"{name}: the change of {layer} is {list(up)} times {list(down)}, the layer {list(weight)}."
        raise MediaError(message, _FOREIGN)
    return down[0]


def _refuse_other_kinds(shapes: Shapes, name: str) -> None:
    for mark, kind in _OTHER_KINDS.items():
        if any(mark in tensor for tensor in shapes):
            raise MediaError(f"{name} is of the kind {kind}, which is not read.", "Use a plain LoRA.")
    if any(tensor.startswith(("text_encoder", "lora_te")) for tensor in shapes):
        message = f"{name} also changes the text encoder, which is not read."
        raise MediaError(message, "Use a LoRA of the transformer alone.")
