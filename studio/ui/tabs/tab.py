"""What a tab is: its own controls beside the common ones, and what they mean in a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipelines.domain.request import GenerationRequest
from pipelines.families.family import ModelCard
from studio.ui.specs import FieldSpec

if TYPE_CHECKING:
    from studio.studio import Studio

Values = dict[str, Any]
"""A filled form: the value of each control by its name, plain JSON."""


def _nothing_against(card: ModelCard) -> str:
    return ""


def _as_it_is(values: Values, studio: Studio) -> Values:
    return values


@dataclass(frozen=True, kw_only=True)
class Tab:
    """One way to ask for a clip. Prompt, model, size and the like stand in every tab; these are its own.

    specs: its own controls for a card, drawn below the prompt; no two tabs share a name.
    parts: what its own values add to a request, as fields of GenerationRequest ("conditioning", "camera"). Pure and
    quick, for it runs at each change of the form.
    values: the way back: its own values for a request, None where the request has nothing that this tab shows.
    fitted: its own values brought onto a card; what the card cannot do is let go.
    prepared: reads and writes files where Generate needs that; runs once per click, before `parts`. May raise
    GimbalError, MediaError for a picture that is gone.
    control_of: fields of a Problem and the control that shows them.
    why_not: why a card makes nothing in this tab where its controls alone do not tell; empty where it does.
    """

    name: str
    title: str
    specs: Callable[[ModelCard], tuple[FieldSpec, ...]]
    parts: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    values: Callable[[GenerationRequest], Values | None]
    fitted: Callable[[Mapping[str, Any], ModelCard], Values]
    prepared: Callable[[Values, Studio], Values] = _as_it_is
    control_of: Mapping[str, str] = field(default_factory=dict)
    why_not: Callable[[ModelCard], str] = _nothing_against
