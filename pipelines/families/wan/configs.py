"""The configuration files of a Wan VACE checkpoint, reduced to the numbers that grids and footprints need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pipelines.domain.errors import BrokenCheckpoint
from pipelines.families.checkpoint import weights_of
from pipelines.models.parts import Place, read_places
from pipelines.models.weights import AGAIN, Weights, inside, read_json

T = TypeVar("T")
EULER = "FlowMatchEulerDiscreteScheduler"
# Component -> (library, classes that may be built for it); the names that model_index.json must carry.
CLASSES: dict[str, tuple[str, tuple[str, ...]]] = {
    "tokenizer": ("transformers", ("T5TokenizerFast", "T5Tokenizer", "PreTrainedTokenizerFast", "TokenizersBackend")),
    "text_encoder": ("transformers", ("UMT5EncoderModel",)),
    "transformer": ("diffusers", ("WanVACETransformer3DModel",)),
    "vae": ("diffusers", ("AutoencoderKLWan",)),
    "scheduler": ("diffusers", (EULER, "UniPCMultistepScheduler")),
}
SECOND = "transformer_2"
"""The expert for low noise, where a checkpoint has two transformers of one shape."""

KINDS = {**CLASSES, SECOND: CLASSES["transformer"]}
WEIGHTED = ("text_encoder", "transformer", SECOND, "vae")
_CONFIGS = {
    SECOND: "config.json",
    "tokenizer": "tokenizer_config.json",
    "text_encoder": "config.json",
    "transformer": "config.json",
    "vae": "config.json",
    "scheduler": "scheduler_config.json",
}


@dataclass(frozen=True, kw_only=True)
class TextConfig:
    """UMT5 encoder: width `dim`, feed-forward `ffn_dim`, `inner_dim` of all heads together."""

    dim: int
    ffn_dim: int
    inner_dim: int
    layers: int


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """Wan VACE transformer: width `dim`; `patch` latent cells (time, height, width) make one token."""

    dim: int
    ffn_dim: int
    layers: int
    vace_layers: int
    patch: tuple[int, int, int]
    channels: int
    text_dim: int


@dataclass(frozen=True, kw_only=True)
class VaeConfig:
    """Wan VAE: `patch` x `patch` pixels are folded into channels before its first layer."""

    base_dim: int
    decoder_dim: int
    z_dim: int
    dim_mult: tuple[int, ...]
    res_blocks: int
    downsample_time: tuple[bool, ...]
    patch: int

    @property
    def spatial(self) -> int:
        """Pixels per side of a latent cell, as the stock pipeline derives it."""
        return 1 << len(self.downsample_time)

    @property
    def temporal(self) -> int:
        """Frames per latent frame after the first, as the stock pipeline derives it."""
        return 1 << sum(self.downsample_time)


@dataclass(frozen=True, kw_only=True)
class WanFolder:
    """A checkpoint folder that passed every check that needs no torch.

    boundary_ratio: with two experts, the share of the noise levels below which the second one works.
    """

    classes: dict[str, str]
    text: TextConfig
    transformer: TransformerConfig
    vae: VaeConfig
    weights: dict[str, Weights]
    places: dict[str, Place] = field(default_factory=dict, repr=False, compare=False)
    boundary_ratio: float | None = None

    @property
    def size_multiple(self) -> int:
        """Width and height are multiples of this many pixels."""
        return self.vae.spatial * self.transformer.patch[1]


def read_folder(folder: Path) -> WanFolder:
    """Check a checkpoint folder whole and read its numbers. Raises BrokenCheckpoint naming the file and the remedy."""
    index = read_json(folder / "model_index.json")
    names = KINDS if (index.get(SECOND) or [None])[0] is not None else CLASSES
    boundary_ratio = _boundary(folder, index) if SECOND in names else None
    classes = {name: _class_name(folder, index, name) for name in names}
    elsewhere = read_places(folder)
    places = {name: elsewhere.get(name) or Place(path=folder / name) for name in names}
    homes = {name: folder / name if place.is_file else place.path for name, place in places.items()}
    configs = {name: _config(homes[name], name, classes[name]) for name in names}
    vae = _numbers(_vae, folder / "vae", configs["vae"])
    transformer = _numbers(_transformer, folder / "transformer", configs["transformer"])
    text = _numbers(_text, folder / "text_encoder", configs["text_encoder"])
    _check_fit(folder, vae, transformer, configs["transformer"])
    if SECOND in names and _numbers(_transformer, folder / SECOND, configs[SECOND]) != transformer:
        raise BrokenCheckpoint(f"The two transformers of {folder} are of different shapes.", AGAIN)
    weights = {name: weights_of(places[name], KINDS[name][0])[0] for name in WEIGHTED if name in names}
    _check_tokenizer(homes["tokenizer"])
    return WanFolder(
        classes=classes,
        text=text,
        transformer=transformer,
        vae=vae,
        weights=weights,
        places=places,
        boundary_ratio=boundary_ratio,
    )


def _boundary(folder: Path, index: dict[str, Any]) -> float:
    ratio = index.get("boundary_ratio")
    if isinstance(ratio, int | float) and 0 < ratio < 1:
        return float(ratio)
    message = f"{folder / 'model_index.json'} does not say at which noise its second transformer takes over."
    raise BrokenCheckpoint(message, 'Add "boundary_ratio", a number between 0 and 1, as its publisher gives it.')


def _class_name(folder: Path, index: dict[str, Any], name: str) -> str:
    entry = index.get(name)
    library, allowed = KINDS[name]
    if not isinstance(entry, list) or len(entry) != 2 or entry[0] != library or entry[1] not in allowed:
        message = f"{folder / 'model_index.json'} gives {entry!r} as {name}, not {library} {' or '.join(allowed)}."
        raise BrokenCheckpoint(message, "Foreign classes and remote code are not loaded; use a stock Wan VACE export.")
    return str(entry[1])


def _config(home: Path, name: str, class_name: str) -> dict[str, Any]:
    if not home.is_dir():
        raise BrokenCheckpoint(f"The checkpoint misses the folder {home}.", AGAIN)
    path = inside(home, _CONFIGS[name])
    config = read_json(path)
    if "auto_map" in config or config.get("trust_remote_code"):
        raise BrokenCheckpoint(f"{path} asks to run code from the checkpoint.", "Remote code is not loaded.")
    named = config.get("_class_name")
    if named is not None and named != class_name:
        raise BrokenCheckpoint(f"{path} is of class {named}, but model_index.json says {class_name}.", AGAIN)
    return config


def _check_tokenizer(folder: Path) -> None:
    if not any(inside(folder, name).is_file() for name in ("tokenizer.json", "spiece.model")):
        raise BrokenCheckpoint(f"The checkpoint misses the file {folder / 'tokenizer.json'}.", AGAIN)


def _check_fit(folder: Path, vae: VaeConfig, transformer: TransformerConfig, raw: dict[str, Any]) -> None:
    expected = 2 * vae.z_dim + vae.spatial**2
    if transformer.channels != vae.z_dim or raw.get("vace_in_channels", 96) != expected:
        message = f"{folder / 'transformer' / 'config.json'} does not belong to the vae beside it."
        raise BrokenCheckpoint(message, f"vace_in_channels is 2 * z_dim + spatial factor ^ 2 = {expected}.")


def _numbers(read: Callable[[dict[str, Any]], T], folder: Path, raw: dict[str, Any]) -> T:
    try:
        return read(raw)
    except (KeyError, TypeError, ValueError) as error:
        message = f"{folder / 'config.json'} lacks or distorts a number ({error!r})."
    raise BrokenCheckpoint(message, AGAIN)


def _int(raw: Any) -> int:
    if not isinstance(raw, int) or isinstance(raw, bool) or not 1 <= raw <= 2**20:
        raise ValueError(f"{raw!r} is not a sensible number")
    return raw


def _text(raw: dict[str, Any]) -> TextConfig:
    return TextConfig(
        dim=_int(raw["d_model"]),
        ffn_dim=_int(raw["d_ff"]),
        inner_dim=_int(raw["num_heads"]) * _int(raw["d_kv"]),
        layers=_int(raw["num_layers"]),
    )


def _transformer(raw: dict[str, Any]) -> TransformerConfig:
    time, height, width = raw.get("patch_size", (1, 2, 2))
    if height != width:
        raise ValueError(f"patch_size {raw['patch_size']} is not square")
    return TransformerConfig(
        dim=_int(raw["num_attention_heads"]) * _int(raw["attention_head_dim"]),
        ffn_dim=_int(raw["ffn_dim"]),
        layers=_int(raw["num_layers"]),
        vace_layers=len(raw["vace_layers"]),
        patch=(_int(time), _int(height), _int(width)),
        channels=_int(raw.get("in_channels", 16)),
        text_dim=_int(raw["text_dim"]),
    )


def _vae(raw: dict[str, Any]) -> VaeConfig:
    if len(raw["latents_mean"]) != raw["z_dim"] or len(raw["latents_std"]) != raw["z_dim"]:
        raise ValueError("latents_mean and latents_std have not z_dim entries")
    return VaeConfig(
        base_dim=_int(raw["base_dim"]),
        decoder_dim=_int(raw.get("decoder_base_dim") or raw["base_dim"]),
        z_dim=_int(raw["z_dim"]),
        dim_mult=tuple(_int(m) for m in raw["dim_mult"]),
        res_blocks=_int(raw["num_res_blocks"]),
        downsample_time=tuple(bool(b) for b in raw["temperal_downsample"]),
        patch=_int(raw.get("patch_size") or 1),
    )
