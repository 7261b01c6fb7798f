"""A form's controls as data: what one control shows, and the controls that every tab has. No word about any model."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pipelines.domain.capabilities import FrameGrid, Range
from pipelines.domain.request import MAX_SEED
from pipelines.families.family import ModelCard

FieldKind = Literal[
    "adapters",
    "camera",
    "control",
    "draft",
    "extension",
    "hidden",
    "model",
    "number",
    "pictures",
    "seed",
    "size",
    "subject",
    "text",
]
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


def common(card: ModelCard, cards: Sequence[ModelCard]) -> tuple[FieldSpec, ...]:
    """The controls that stand in every tab."""
    return (*_words(card), *_shape(card, cards), _draft(card), *_look(card))


def _words(card: ModelCard) -> tuple[FieldSpec, ...]:
    can = card.capabilities
    return (
        FieldSpec(
            name="prompt",
            kind="text",
            label="Prompt",
            default="",
            rows=4,
            note="What the clip shows",
            reason="" if can.prompt else "This model takes no words: the picture alone decides.",
        ),
        FieldSpec(
            name="negative_prompt",
            kind="text",
            label="Avoid",
            default="",
            rows=2,
            note="What it should not show",
            reason="" if can.negative_prompt else "This model takes no negative prompt.",
        ),
    )


def _shape(card: ModelCard, cards: Sequence[ModelCard]) -> tuple[FieldSpec, ...]:
    return (
        _model(card, cards),
        *_extent(card.capabilities.grid),
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


def _model(card: ModelCard, cards: Sequence[ModelCard]) -> FieldSpec:
    return FieldSpec(
        name="model",
        kind="model",
        label="Model",
        default=card.id,
        options=tuple((c.id, c.title) for c in cards),
        note=card.summary,
        extra={"weaknesses": card.weaknesses, "licence": card.licence, "examples": list(card.examples)},
    )


def _extent(grid: FrameGrid) -> tuple[FieldSpec, FieldSpec]:
    """Size and length on the model's grid."""
    sizes = tuple(((w, h), f"{w} × {h}") for w, h in grid.sizes)
    limits = {
        "multiple": grid.size_multiple,
        "min": grid.min_side,
        "max": grid.max_side,
        "max_pixels": grid.max_pixels,
    }
    return (
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
    )


def _draft(card: ModelCard) -> FieldSpec:
    return FieldSpec(
        name="draft",
        kind="draft",
        label="Quality",
        default=False,
        note="A draft leaves out work that changes little from step to step; a final clip leaves out nothing",
        reason=""
        if card.capabilities.draft
        else "This model makes no drafts: there is no work that it could leave out.",
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
