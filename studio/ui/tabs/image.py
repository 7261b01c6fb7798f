"""The Image tab: pictures that the clip must show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.domain.conditioning import StartImage
from pipelines.domain.request import GenerationRequest
from pipelines.families.family import ModelCard
from studio.ui.specs import FieldSpec
from studio.ui.tabs.tab import Tab, Values


def _specs(card: ModelCard) -> tuple[FieldSpec, ...]:
    takes_picture = StartImage.kind in card.capabilities.conditionings
    return (
        FieldSpec(
            name="picture",
            kind="picture",
            label="Start picture",
            default=None,
            note="The first frame",
            reason="" if takes_picture else "This model takes no start picture.",
        ),
    )


def _parts(values: Mapping[str, Any]) -> Values:
    picture = values.get("picture")
    media = picture.get("media") if isinstance(picture, dict) else None
    return {"conditioning": (StartImage(media=str(media)),) if media else ()}


def _values(request: GenerationRequest) -> Values | None:
    starts = [part for part in request.conditioning if isinstance(part, StartImage)]
    return {"picture": {"media": starts[0].media}} if starts else None


def _fitted(values: Mapping[str, Any], card: ModelCard) -> Values:
    takes_picture = StartImage.kind in card.capabilities.conditionings
    return {"picture": values.get("picture") if takes_picture else None}


TAB = Tab(
    name="image",
    title="Image",
    specs=_specs,
    parts=_parts,
    values=_values,
    fitted=_fitted,
    control_of={StartImage.kind: "picture"},
)
