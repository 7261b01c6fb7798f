"""A checkpoint folder of a stock pipeline as untrusted input: checked whole, without torch and without its weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.domain.errors import BrokenCheckpoint
from pipelines.models.one_file import read_one
from pipelines.models.parts import Place, read_places
from pipelines.models.weights import AGAIN, Weights, component_weights, inside, read_json

INDEX = "model_index.json"
TOKENIZERS = (
    *("T5Tokenizer", "T5TokenizerFast", "CLIPTokenizer", "CLIPTokenizerFast", "LlamaTokenizer", "LlamaTokenizerFast"),
    *("GemmaTokenizer", "GemmaTokenizerFast", "Qwen2Tokenizer", "Qwen2TokenizerFast", "ByT5Tokenizer"),
    *("PreTrainedTokenizerFast", "TokenizersBackend"),
)
SCHEDULERS = (
    *("FlowMatchEulerDiscreteScheduler", "UniPCMultistepScheduler", "CogVideoXDDIMScheduler", "CogVideoXDPMScheduler"),
    *("DDIMScheduler", "PNDMScheduler", "EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler"),
    *("LMSDiscreteScheduler", "DPMSolverMultistepScheduler"),
)
PROCESSORS = (
    *("CLIPImageProcessor", "CLIPImageProcessorPil", "CLIPFeatureExtractor"),
    *("SiglipImageProcessor", "SiglipImageProcessorPil"),
)
_UNWEIGHTED = ("tokenizer", "scheduler", "feature_extractor", "image_processor", "guider")
_SCALARS = (bool, int, float, type(None))


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One pipeline class of diffusers that a family serves.

    parts: each component with the classes that may be built for it. optional: components that may be absent.
    local: the package of diffusers.pipelines in which classes of the pipeline's own lie, as an index names it.
    """

    pipeline: str
    parts: Mapping[str, tuple[str, ...]]
    optional: frozenset[str] = frozenset()
    local: str = ""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A folder that passed every check that needs no torch.

    classes: (library, class) of each component that is there. configs: what their configuration files say.
    options: plain values of the index, such as boundary_ratio. variants: "fp16" where only such files are there.
    places: where each component lies.
    """

    kind: Kind
    classes: Mapping[str, tuple[str, str]]
    configs: Mapping[str, Mapping[str, Any]] = field(repr=False)
    weights: Mapping[str, Weights] = field(repr=False)
    options: Mapping[str, Any]
    variants: Mapping[str, str]
    places: Mapping[str, Place] = field(repr=False)

    @property
    def packed(self) -> Mapping[str, int]:
        """Bytes of the components whose weights stay in memory as they are in their file."""
        return {name: found.packed_bytes for name, found in self.weights.items() if found.packed_bytes}


def pipeline_of(folder: Path) -> str:
    """The pipeline class that a folder's index names; empty where it names none."""
    try:
        text = (folder / INDEX).read_text(encoding="utf-8")
        index = json.loads(text) if len(text) < 100_000 else None
    except (OSError, ValueError, RecursionError):
        return ""
    name = index.get("_class_name") if isinstance(index, dict) else None
    return name if isinstance(name, str) else ""


def is_weighted(name: str) -> bool:
    """Whether a component of that name has weights."""
    return not name.startswith(_UNWEIGHTED) and name != "processor"


def read_checkpoint(folder: Path, kind: Kind) -> Checkpoint:
    """Check a folder whole. Raises BrokenCheckpoint naming the file and the remedy."""
    index = read_json(folder / INDEX)
    classes = {name: found for name in kind.parts if (found := _class_of(folder, index, name, kind)) is not None}
    elsewhere = read_places(folder)
    places = {name: elsewhere.get(name) or Place(path=folder / name) for name in classes}
    homes = {name: folder / name if place.is_file else place.path for name, place in places.items()}
    configs = {name: _config(homes[name], name, cls) for name, (_, cls) in classes.items()}
    weights, variants = {}, {}
    for name, (library, _) in classes.items():
        if is_weighted(name):
            weights[name], variants[name] = weights_of(places[name], library)
    options = {k: v for k, v in index.items() if not k.startswith("_") and isinstance(v, _SCALARS)}
    return Checkpoint(
        kind=kind,
        classes=classes,
        configs=configs,
        weights=weights,
        options=options,
        variants=variants,
        places=places,
    )


def _class_of(folder: Path, index: Mapping[str, Any], name: str, kind: Kind) -> tuple[str, str] | None:
    entry, allowed = index.get(name), kind.parts[name]
    absent = entry is None or (isinstance(entry, list) and entry[:1] == [None])
    if absent and name in kind.optional:
        return None
    libraries = {"diffusers", "transformers", kind.local} - {""}
    pair = [word for word in entry if isinstance(word, str)] if isinstance(entry, list) else []
    if len(pair) != 2 or pair[0] not in libraries or pair[1] not in allowed:
        message = f"{folder / INDEX} gives {entry!r} as {name}, not {' or '.join(allowed[:4])}."
        raise BrokenCheckpoint(message, f"Foreign classes and remote code are not loaded; use a stock {kind.pipeline}.")
    return pair[0], pair[1]


def _config(home: Path, name: str, class_name: str) -> Mapping[str, Any]:
    if not home.is_dir():
        raise BrokenCheckpoint(f"The checkpoint misses the folder {home}.", AGAIN)
    if not is_weighted(name):
        return _side_config(home, name)
    config = read_json(inside(home, "config.json"))
    if "auto_map" in config or config.get("trust_remote_code"):
        raise BrokenCheckpoint(f"{home / 'config.json'} asks to run code from the checkpoint.", "It is not loaded.")
    named = config.get("_class_name", class_name)
    if named != class_name:
        raise BrokenCheckpoint(f"{home / 'config.json'} is of class {named}, the index says {class_name}.", AGAIN)
    return config


def _side_config(home: Path, name: str) -> Mapping[str, Any]:
    """The configuration of a tokenizer, scheduler or picture processor."""
    names = ("scheduler_config.json", "tokenizer_config.json", "preprocessor_config.json", "guider_config.json")
    found = [path for path in (inside(home, each) for each in names) if path.is_file()]
    if not found:
        raise BrokenCheckpoint(f"The {name} of {home.parent} has no configuration file.", AGAIN)
    config = read_json(found[0])
    if "auto_map" in config:
        raise BrokenCheckpoint(f"{found[0]} asks to run code from the checkpoint.", "Remote code is not loaded.")
    return config


def weights_of(place: Place, library: str) -> tuple[Weights, str]:
    """The weights of a component, and "fp16" where they lie only in files of that name. Raises BrokenCheckpoint."""
    if place.is_file:
        return read_one(place.path).weights(place.prefix), ""
    home = place.path
    stem = "model" if library == "transformers" else "diffusion_pytorch_model"
    plain = (home / f"{stem}.safetensors").is_file() or (home / f"{stem}.safetensors.index.json").is_file()
    if not plain and (home / f"{stem}.fp16.safetensors").is_file():
        return component_weights(home, f"{stem}.fp16"), "fp16"
    return component_weights(home, stem), ""
