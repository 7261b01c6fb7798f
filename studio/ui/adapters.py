"""The LoRA of a form: their control as data, what it means in a request, and which of them a model cannot wear."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.domain.adapters import MAX_ADAPTER_STRENGTH, MAX_ADAPTERS, AdapterUse
from pipelines.domain.request import GenerationRequest
from pipelines.families.family import ModelCard
from pipelines.models.lora_keys import fits
from studio.shelf.loras import Kept
from studio.ui.specs import FieldSpec

NAME = "adapters"
_STEP = 0.05


def spec(card: ModelCard, shelf: Sequence[Kept]) -> FieldSpec:
    """The control: every LoRA of the library, each with the reason where the card cannot wear it."""
    return FieldSpec(
        name=NAME,
        kind="adapters",
        label="LoRA",
        default=[],
        note="Small files that change how a model draws",
        reason="" if card.capabilities.adapters else "This model takes no LoRA.",
        low=-MAX_ADAPTER_STRENGTH,
        high=MAX_ADAPTER_STRENGTH,
        step=_STEP,
        extra={"most": MAX_ADAPTERS, "shelf": [_offer(kept, card) for kept in shelf]},
    )


def _offer(kept: Kept, card: ModelCard) -> dict[str, Any]:
    return {
        "digest": kept.lora.digest,
        "name": kept.lora.name,
        "base": kept.lora.facts.base,
        "words": list(kept.words),
        "strength": kept.note.strength,
        "why": fits(kept.lora.facts, card),
    }


def uses(values: Mapping[str, Any]) -> tuple[AdapterUse, ...]:
    """What the control means in a request."""
    held = values.get(NAME)
    return tuple(
        AdapterUse(digest=str(each["digest"]), name=str(each.get("name") or ""), strength=_strength(each))
        for each in (held if isinstance(held, list) else ())
        if isinstance(each, dict) and each.get("digest")
    )


def _strength(each: Mapping[str, Any]) -> float:
    value = each.get("strength")
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 1.0


def values_of(request: GenerationRequest) -> list[dict[str, Any]]:
    """The way back."""
    return [{"digest": use.digest, "name": use.name, "strength": use.strength} for use in request.adapters]


def fitted(
    values: Mapping[str, Any], card: ModelCard, shelf: Sequence[Kept]
) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """What the card can wear of the control's LoRA, and why others are let go. One that is gone stays, to be told."""
    known = {kept.lora.digest: kept for kept in shelf}
    taken, told = [], []
    for use in uses(values):
        kept = known.get(use.digest)
        why = (
            fits(kept.lora.facts, card)
            if kept
            else ""
            if card.capabilities.adapters
            else f"{card.title} takes no LoRA."
        )
        if why:
            told.append(f"The LoRA {use.name or use.digest[:8]} is let go. {why}")
        else:
            taken.append({"digest": use.digest, "name": use.name, "strength": use.strength})
    return taken, tuple(told)
