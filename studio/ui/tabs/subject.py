"""The Subject tab: a person's own subject, learned from a few pictures. It makes versions of subjects, not clips."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.families.family import ModelCard
from studio.subjects.costs import why_no_subjects
from studio.ui.specs import FieldSpec
from studio.ui.tabs.tab import Tab, Values

_FIELD = "subject"


def _specs(card: ModelCard) -> tuple[FieldSpec, ...]:
    return (
        FieldSpec(
            name=_FIELD,
            kind="subject",
            label="Subject",
            default={},
            note="A thing, a figure or a style that prompts can name",
            extra={"title": card.title},
        ),
    )


def _fitted(values: Mapping[str, Any], card: ModelCard) -> Values:
    """Nothing is let go: what was filled in stays for the next model."""
    return {_FIELD: values.get(_FIELD)}


TAB = Tab(
    name="subject",
    title="Subject",
    specs=_specs,
    parts=lambda values: {},
    values=lambda request: None,
    fitted=_fitted,
    why_not=why_no_subjects,
)
