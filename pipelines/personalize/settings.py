"""Every setting of a training in one place, and the three presets of each method."""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from pipelines.domain.errors import InvalidRequest, Problem

Method = Literal["token", "lora", "both", "reference"]
Preset = Literal["quick", "good", "thorough"]
BATCHES = 64
"""How many batches of the class a training draws from; the base is asked about each once."""
MEASURED = 4
"""Of so many pictures the loss is told where none are kept aside: each takes a pass of the denoiser for each level."""
METHODS: tuple[Method, ...] = typing.get_args(Method)
PRESETS: tuple[Preset, ...] = typing.get_args(Preset)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a subject is learned.

    steps: optimizer steps of `batch` pictures. vectors: rows that the token gets in the text encoder.
    rank, alpha: of the LoRA. lora_rate, token_rate: peak learning rates. warmup: steps.
    width, height, num_frames: what one example is (a picture is held still for `num_frames`).
    low_noise, high_noise: the share of the noise scale that is trained on. subject_weight: how much more than the rest
    that part of a picture counts that shows the subject. prior_weight: how strongly the class is kept as it was;
    prior_clips: clips the model itself makes for that. held_out: pictures kept aside for the held-out loss.
    every: steps between checkpoints; sample_steps: denoising steps of their samples.
    checkpointing: recompute activations, for less memory and a third more time.
    light_base: keep the base's large weights in 8 bits, for half their memory.
    """

    method: Method = "both"
    steps: int = 200
    batch: int = 4
    vectors: int = 2
    rank: int = 16
    alpha: int = 16
    lora_rate: float = 2e-3
    token_rate: float = 2e-2
    warmup: int = 10
    width: int = 128
    height: int = 128
    num_frames: int = 17
    low_noise: float = 0.0
    high_noise: float = 1.0
    subject_weight: float = 0.0
    prior_weight: float = 1.0
    prior_clips: int = 8
    held_out: int = 1
    every: int = 50
    sample_steps: int = 10
    checkpointing: bool = False
    light_base: bool = False
    seed: int = 0

    @property
    def trains_lora(self) -> bool:
        return self.method in ("lora", "both")

    @property
    def prior_batch(self) -> int:
        """Clips of the class in a step: three for four pictures, which have more to change.

        0 where the class is not kept, or cannot be forgotten since the denoiser stays as it is.
        """
        return (3 * self.batch + 3) // 4 if self.trains_lora and self.prior_weight else 0

    @property
    def trains_token(self) -> bool:
        return self.method in ("token", "both")


_BOUNDS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "steps": (1, 100_000),
        "batch": (1, 64),
        "vectors": (1, 16),
        "rank": (1, 256),
        "alpha": (1, 512),
        "lora_rate": (0.0, 0.1),
        "token_rate": (0.0, 1.0),
        "warmup": (0, 10_000),
        "width": (16, 4096),
        "height": (16, 4096),
        "num_frames": (1, 1000),
        "low_noise": (0.0, 1.0),
        "high_noise": (0.0, 1.0),
        "subject_weight": (0.0, 100.0),
        "prior_weight": (0.0, 10.0),
        "prior_clips": (0, 200),
        "held_out": (0, 5),
        "every": (1, 100_000),
        "sample_steps": (1, 100),
        "seed": (0, 2**32 - 1),
    }
)


def setting_problems(settings: Settings) -> Iterable[Problem]:
    """Everything about the numbers that no training could use."""
    if settings.method not in METHODS:
        hint = f"Choose one of {', '.join(METHODS)}."
        yield Problem(field="settings", message=f"There is no method {settings.method!r}.", hint=hint)
    for name, (low, high) in _BOUNDS.items():
        value = getattr(settings, name)
        if not math.isfinite(value) or not low <= value <= high:
            message = f"{name} {value:g} is outside {low:g} to {high:g}."
            yield Problem(field="settings", message=message, hint="The presets are a good start.")
    if settings.low_noise >= settings.high_noise:
        yield Problem(field="settings", message="low_noise is not below high_noise.", hint="0 to 1 is all of it.")


def to_dict(settings: Settings) -> dict[str, Any]:
    """Plain values for JSON."""
    return dataclasses.asdict(settings)


def from_dict(raw: Mapping[str, Any]) -> Settings:
    """Settings from plain values; what is not named stays as it is by default.

    Raises InvalidRequest on a name that is unknown, a value of another type or outside its bounds.
    """
    known = {field.name: field for field in dataclasses.fields(Settings)}
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, value in raw.items():
        kind = type(known[name].default) if name in known else None
        if kind is None:
            problems.append(Problem(field="settings", message=f"There is no setting {name[:40]!r}."))
        elif kind is float and isinstance(value, int | float) and not isinstance(value, bool):
            values[name] = float(value)
        elif type(value) is kind:
            values[name] = value
        else:
            message = f"The setting {name} cannot be {str(value)[:40]!r}."
            problems.append(Problem(field="settings", message=message, hint=f"It is a {kind.__name__}."))
    if not problems:
        problems += setting_problems(Settings(**values))
    if problems:
        raise InvalidRequest(tuple(problems))
    return Settings(**values)


_SMALL: Mapping[Preset, Mapping[str, Any]] = MappingProxyType(
    {
        "quick": {"steps": 500, "rank": 16, "alpha": 16, "every": 250, "prior_clips": 8, "sample_steps": 10},
        "good": {"steps": 1000, "rank": 16, "alpha": 16, "every": 250, "prior_clips": 16, "sample_steps": 10},
        "thorough": {"steps": 2500, "rank": 32, "alpha": 32, "every": 250, "prior_clips": 48, "sample_steps": 20},
    }
)
_LARGE: Mapping[Preset, Mapping[str, Any]] = MappingProxyType(
    {
        "quick": {"steps": 400, "rank": 16, "alpha": 16, "every": 100, "prior_clips": 8, "sample_steps": 20},
        "good": {"steps": 1000, "rank": 32, "alpha": 32, "every": 200, "prior_clips": 16, "sample_steps": 30},
        "thorough": {"steps": 2500, "rank": 64, "alpha": 64, "every": 250, "prior_clips": 32, "sample_steps": 30},
    }
)
LARGE_DIM = 1024


def preset(name: Preset, method: Method, *, dim: int, size: tuple[int, int], num_frames: int) -> Settings:
    """The settings of a preset for a transformer of width `dim` and examples of that size and length.

    Rates of small models are higher: they have far fewer weights that could follow, and the class is kept more strongly
    in return. Their clips are small as well: what shows the subject counts for more, or most of the loss would be
    ground and sky.
    """
    large = dim >= LARGE_DIM
    shape = {"width": size[0], "height": size[1], "num_frames": num_frames}
    if large:
        rates = {"lora_rate": 1e-4, "token_rate": 1e-3, "batch": 1, "warmup": 50, "checkpointing": True}
        return Settings(method=method, **(dict(_LARGE[name]) | rates | shape))
    return Settings(method=method, lora_rate=6e-3, subject_weight=8.0, prior_weight=4.0, **(dict(_SMALL[name]) | shape))
