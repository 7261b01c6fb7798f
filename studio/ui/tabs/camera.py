"""The Camera tab: a sketched move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipelines.domain.camera.formats import FORMATS, format_named
from pipelines.domain.camera.moves import MOVES
from pipelines.domain.conditioning import ControlClip
from pipelines.domain.errors import InvalidRequest
from pipelines.domain.request import GenerationRequest
from pipelines.families.family import ModelCard
from studio.camera.compile import compiled, route_for, told
from studio.camera.sketches import LIMITS, first_sketch, path_of, sketch_of, stage_of
from studio.ui.specs import FieldSpec
from studio.ui.tabs.tab import Tab, Values

if TYPE_CHECKING:
    from studio.studio import Studio

_COMPILED = "camera_compiled"
_MOVE_FACTS = ("name", "help", "directions", "unit", "default", "low", "high")


def _specs(card: ModelCard) -> tuple[FieldSpec, ...]:
    route = told(route_for(card.capabilities))
    return (
        FieldSpec(
            name="camera",
            kind="camera",
            label="Camera move",
            default=first_sketch(),
            note="In words, or drawn on the plan",
            extra={
                "gets": route.gets,
                "lost": route.lost,
                "limits": LIMITS,
                "moves": [{name: getattr(move, name) for name in _MOVE_FACTS} for move in MOVES],
                "formats": [{"name": name, "title": format_named(name).TITLE} for name in FORMATS],
            },
        ),
    )


def _parts(values: Mapping[str, Any]) -> Mapping[str, Any]:
    ready = values.get(_COMPILED)
    if isinstance(ready, GenerationRequest):
        return {"camera": ready.camera, "conditioning": ready.conditioning}
    try:
        return {"camera": path_of(values.get("camera"))}
    except InvalidRequest:  # told when Generate is pressed
        return {}


def _prepared(values: Values, studio: Studio) -> Values:
    from studio.ui.forms import request_from

    sketch = values.get("camera")
    card = studio.catalog.card(str(values.get("model")))
    request = request_from(values | {"tab": "text"})
    studio.catalog.check(request)  # the form's own problems come before any work
    ready = compiled(request, path_of(sketch), stage_of(sketch), card.capabilities, studio.library)
    return values | {_COMPILED: ready, "prompt": ready.prompt}


def _values(request: GenerationRequest) -> Values | None:
    return None if request.camera is None else {"camera": sketch_of(request.camera, None)}


TAB = Tab(
    name="camera",
    title="Camera",
    specs=_specs,
    parts=_parts,
    values=_values,
    fitted=lambda values, card: {"camera": values.get("camera")},
    prepared=_prepared,
    control_of={"camera": "camera", ControlClip.kind: "camera"},
)
