"""A model's capabilities as a form, and a filled form as a request. No Gradio here, and no word about any model."""

from __future__ import annotations

import dataclasses
import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pipelines.domain.capabilities import Range, unknown_words
from pipelines.domain.conditioning import Conditioning, StartImage
from pipelines.domain.request import MAX_SEED, GenerationRequest
from pipelines.families.family import ModelCard

FieldKind = Literal["text", "model", "picture", "size", "number", "seed"]
NAMES = (
    "prompt",
    "picture",
    "model",
    "size",
    "num_frames",
    "takes",
    "seed",
    "negative_prompt",
    "guidance",
    "steps",
    "fps",
)
MAX_TAKES = 8


@dataclass(frozen=True, kw_only=True)
class FieldSpec:
    """What one control shows. `default` is where one click leads back to; `reason` says why it is greyed, if it is.

    options: (value, label) pairs. low, high, step: the grid of a number; every value it can take is on it.
    fps: set where the number counts frames, so that the control can tell seconds.
    """

    name: str
    kind: FieldKind
    label: str
    default: Any
    unit: str = ""
    note: str = ""
    reason: str = ""
    options: tuple[tuple[Any, str], ...] = ()
    low: float = 0
    high: float = 0
    step: float = 1
    rows: int = 0
    extra: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def specs(card: ModelCard, cards: Sequence[ModelCard]) -> dict[str, FieldSpec]:
    """The controls of a form for `card`, by the names of `NAMES`."""
    return {spec.name: spec for spec in (*_words(card), *_shape(card, cards), *_look(card))}


def _words(card: ModelCard) -> tuple[FieldSpec, ...]:
    can = card.capabilities
    takes_picture = StartImage.kind in can.conditionings
    return (
        FieldSpec(name="prompt", kind="text", label="Prompt", default="", rows=4, note="What the clip shows"),
        FieldSpec(
            name="negative_prompt",
            kind="text",
            label="Avoid",
            default="",
            rows=2,
            note="What it should not show",
            reason="" if can.negative_prompt else "This model takes no negative prompt.",
        ),
        FieldSpec(
            name="picture",
            kind="picture",
            label="Start picture",
            default=None,
            note="The first frame",
            reason="" if takes_picture else "This model takes no start picture.",
        ),
    )


def _shape(card: ModelCard, cards: Sequence[ModelCard]) -> tuple[FieldSpec, ...]:
    grid = card.capabilities.grid
    sizes = tuple(((w, h), f"{w} × {h}") for w, h in grid.sizes)
    limits = {
        "multiple": grid.size_multiple,
        "min": grid.min_side,
        "max": grid.max_side,
        "max_pixels": grid.max_pixels,
    }
    return (
        FieldSpec(
            name="model",
            kind="model",
            label="Model",
            default=card.id,
            options=tuple((c.id, c.title) for c in cards),
            note=card.summary,
            extra={"weaknesses": card.weaknesses, "licence": card.licence, "examples": list(card.examples)},
        ),
        FieldSpec(
            name="size", kind="size", label="Size", default=grid.sizes[0], unit="px", options=sizes, extra=limits
        ),
        FieldSpec(
            name="num_frames",
            kind="number",
            label="Length",
            default=grid.lengths[0],
            unit="frames",
            low=1,
            high=grid.snap_frames(grid.max_frames),
            step=grid.frames_multiple,
            extra={"seconds": True},
        ),
        FieldSpec(name="takes", kind="number", label="Takes", default=1, low=1, high=MAX_TAKES),
        FieldSpec(
            name="seed",
            kind="seed",
            label="Seed",
            default={"locked": False, "value": 0},
            high=MAX_SEED,
            note="Rolled anew for each clip, unless locked",
        ),
    )


def _look(card: ModelCard) -> tuple[FieldSpec, ...]:
    can = card.capabilities
    return (
        _number("guidance", "Prompt strength", can.guidance, note="Classifier-free guidance scale; 1 is off"),
        _number("steps", "Steps", can.steps, note="Denoising steps: more is slower and cleaner"),
        _number("fps", "Frame rate", can.grid.fps, unit="fps"),
    )


def _number(name: str, label: str, allowed: Range, unit: str = "", note: str = "") -> FieldSpec:
    fixed = "This model has one value here." if allowed.low == allowed.high else ""
    return FieldSpec(
        name=name,
        kind="number",
        label=label,
        default=allowed.default,
        unit=unit,
        note=note,
        reason=fixed,
        low=allowed.low,
        high=allowed.high,
        step=allowed.step,
    )


def defaults(card: ModelCard, cards: Sequence[ModelCard]) -> dict[str, Any]:
    """The value of each control of an untouched form."""
    return {name: _plain(spec.default) for name, spec in specs(card, cards).items()}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def request_from(values: Mapping[str, Any], roll: int | None = None) -> GenerationRequest:
    """The request a form stands for. An unlocked seed becomes `roll`, or a random one.

    What is missing or no number becomes a value that the validator refuses at its field (0, or NaN as 0).
    """
    seed = values.get("seed") or {}
    rolled = roll if roll is not None else secrets.randbelow(MAX_SEED + 1)
    width, height = (*(values.get("size") or ()), 0, 0)[:2]
    return GenerationRequest(
        model=str(values.get("model") or ""),
        prompt=str(values.get("prompt") or "").strip(),
        negative_prompt=str(values.get("negative_prompt") or "").strip(),
        seed=_whole(seed.get("value")) if seed.get("locked") else rolled,
        width=_whole(width),
        height=_whole(height),
        num_frames=_whole(values.get("num_frames")),
        fps=_real(values.get("fps")),
        steps=_whole(values.get("steps")),
        guidance=_real(values.get("guidance")),
        conditioning=_conditioning(values.get("picture")),
    )


def takes_of(values: Mapping[str, Any]) -> int:
    """How many clips one click makes, 1 to MAX_TAKES."""
    return max(1, min(MAX_TAKES, _whole(values.get("takes")) or 1))


def _conditioning(picture: Any) -> tuple[Conditioning, ...]:
    media = picture.get("media") if isinstance(picture, dict) else None
    return (StartImage(media=str(media)),) if media else ()


def _whole(value: Any) -> int:
    return round(_real(value))


def _real(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return 0.0
    return number if math.isfinite(number) else 0.0


def values_from(request: GenerationRequest, *, lock_seed: bool) -> dict[str, Any]:
    """The form that stands for a request; parts of its conditioning that the form has no control for are left out."""
    starts = [part for part in request.conditioning if isinstance(part, StartImage)]
    return {
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "picture": {"media": starts[0].media} if starts else None,
        "model": request.model,
        "size": [request.width, request.height],
        "num_frames": request.num_frames,
        "takes": 1,
        "seed": {"locked": lock_seed, "value": request.seed},
        "guidance": request.guidance,
        "steps": request.steps,
        "fps": request.fps,
    }


def fitted(values: Mapping[str, Any], card: ModelCard) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The values brought onto a card's grid, and the labels of those that had to change."""
    grid, can = card.capabilities.grid, card.capabilities
    request = request_from(values, roll=0)
    new: dict[str, Any] = dict(values) | {"model": card.id}
    new["size"] = list(grid.snap_size(max(1, request.width), max(1, request.height)))
    new["num_frames"] = grid.snap_frames(max(1, request.num_frames))
    for name, allowed in (("steps", can.steps), ("guidance", can.guidance), ("fps", grid.fps)):
        new[name] = min(allowed.high, max(allowed.low, _real(values.get(name)) or allowed.default))
    if not can.negative_prompt:
        new["negative_prompt"] = ""
    if StartImage.kind not in can.conditionings:
        new["picture"] = None
    labels = {name: spec.label for name, spec in specs(card, (card,)).items()}
    changed = tuple(labels[name] for name in NAMES if name != "model" and new.get(name) != values.get(name))
    return new, changed


def unknown(values: Mapping[str, Any], card: ModelCard) -> tuple[str, ...]:
    """The words of the prompt that the model has never seen."""
    return unknown_words(str(values.get("prompt") or ""), card.capabilities)
