"""A model's capabilities as a form, and a filled form as a request. No Gradio here, and no word about any model.

One form serves every tab: the common controls keep their values when the tab changes, each tab adds its own, and the
value `tab` says which of them count.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.domain.capabilities import unknown_words
from pipelines.domain.request import MAX_SEED, GenerationRequest
from pipelines.families.family import ModelCard
from studio.shelf.loras import Kept
from studio.ui import adapters
from studio.ui.specs import MAX_TAKES, FieldSpec, common
from studio.ui.tabs import TABS, tab_for, tab_named

_TAB = FieldSpec(name="tab", kind="hidden", label="Tab", default=TABS[0].name)


def specs(card: ModelCard, cards: Sequence[ModelCard], shelf: Sequence[Kept] = ()) -> dict[str, FieldSpec]:
    """The controls of a form for `card` by name: those of every tab, and each tab's own. shelf: the LoRA there are."""
    own = (spec for tab in TABS for spec in tab.specs(card))
    return {spec.name: spec for spec in (_TAB, *common(card, cards), adapters.spec(card, shelf), *own)}


def own_names(card: ModelCard) -> dict[str, tuple[str, ...]]:
    """The names of each tab's own controls."""
    return {tab.name: tuple(spec.name for spec in tab.specs(card)) for tab in TABS}


def control_of(values: Mapping[str, Any], field: str) -> str:
    """The name of the control that shows a problem of this field of a request."""
    return tab_named(values.get("tab")).control_of.get(field, field)


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
        adapters=adapters.uses(values),
        draft=values.get("draft") is True,
        **tab_named(values.get("tab")).parts(values),
    )


def takes_of(values: Mapping[str, Any]) -> int:
    """How many clips one click makes, 1 to MAX_TAKES."""
    return max(1, min(MAX_TAKES, _whole(values.get("takes")) or 1))


def _whole(value: Any) -> int:
    return round(_real(value))


def _real(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return 0.0
    return number if math.isfinite(number) else 0.0


def values_from(request: GenerationRequest, *, lock_seed: bool) -> dict[str, Any]:
    """The form that stands for a request, without the own controls of other tabs, which keep what they hold.

    Parts of its conditioning that no control shows are left out.
    """
    tab = tab_for(request)
    return {
        "tab": tab.name,
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "model": request.model,
        "size": [request.width, request.height],
        "num_frames": request.num_frames,
        "takes": 1,
        "seed": {"locked": lock_seed, "value": request.seed},
        "guidance": request.guidance,
        "steps": request.steps,
        "fps": request.fps,
        "draft": request.draft,
        adapters.NAME: adapters.values_of(request),
        **(tab.values(request) or {}),
    }


def fitted(
    values: Mapping[str, Any], card: ModelCard, shelf: Sequence[Kept] = ()
) -> tuple[dict[str, Any], tuple[str, ...]]:
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
    if not can.prompt:
        new["prompt"] = ""
    if "draft" in values:
        new["draft"] = values["draft"] is True and can.draft
    if adapters.NAME in values:
        new[adapters.NAME], _ = adapters.fitted(values, card, shelf)
    for tab in TABS:
        new |= {name: value for name, value in tab.fitted(new, card).items() if name in values}
    known = specs(card, (card,)).items()
    changed = tuple(s.label for name, s in known if name != "model" and new.get(name) != values.get(name))
    return new, changed


def without_leftovers(values: Mapping[str, Any], card: ModelCard, cards: Sequence[ModelCard]) -> dict[str, Any]:
    """The values, but what only a model with fixed steps and guidance can have asked for becomes the card's own.

    Nobody chose such values: they would make a model that takes any look as if it knew no better.
    """
    names, new = ("steps", "guidance"), dict(values)
    for can in (other.capabilities for other in cards if other.id != card.id):
        fixed = {name: getattr(can, name) for name in names}
        if all(r.low == r.high == _real(values.get(name)) for name, r in fixed.items()):
            new |= {name: getattr(card.capabilities, name).default for name in names}
    return new


def unknown(values: Mapping[str, Any], card: ModelCard) -> tuple[str, ...]:
    """The words of the prompt that the model has never seen."""
    return unknown_words(str(values.get("prompt") or ""), card.capabilities)
