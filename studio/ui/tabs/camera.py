"""The Camera tab: a sketched move, of the stage or of a start picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from pipelines.domain.camera.formats import FORMATS, format_named
from pipelines.domain.camera.moves import MOVES
from pipelines.domain.conditioning import ControlClip, MaskClip, SourceClip, StartImage
from pipelines.domain.errors import InvalidRequest
from pipelines.domain.request import GenerationRequest
from pipelines.families.family import ModelCard
from studio.camera.compile import compiled, compiled_with_picture, route_for, takes_pictures, told
from studio.camera.sketches import first_sketch, path_of, picture_of, sketch_of, stage_of
from studio.ui.specs import FieldSpec
from studio.ui.tabs.tab import Tab, Values

if TYPE_CHECKING:
    from studio.studio import Studio

_COMPILED = "camera_compiled"
_GIVEN = (ControlClip, SourceClip, MaskClip, StartImage)
_MOVE_FACTS = ("name", "help", "directions", "unit", "default", "low", "high")


def _specs(card: ModelCard) -> tuple[FieldSpec, ...]:
    can = card.capabilities
    routes = {name: told(route_for(can, picture=name == "picture")) for name in ("stage", "picture")}
    limits = can.camera_limits
    return (
        FieldSpec(
            name="camera",
            kind="camera",
            label="Camera move",
            default=first_sketch(),
            note="In words, or drawn on the plan or on a picture",
            extra={
                "routes": {name: asdict(words) for name, words in routes.items()},
                "pictures": "" if takes_pictures(can) else can.why_not(StartImage.kind),
                "limits": None if limits is None else {**asdict(limits), "model": card.title},
                "moves": [{name: getattr(move, name) for name in _MOVE_FACTS} for move in MOVES],
                "formats": [{"name": name, "title": format_named(name).TITLE} for name in FORMATS],
            },
        ),
    )


def _takes_no_move(card: ModelCard) -> bool:
    return all(route_for(card.capabilities, picture=picture) == "none" for picture in (False, True))


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
    path, picture = path_of(sketch), picture_of(sketch)
    studio.catalog.check(_with_picture(request, picture, card))  # the form's own problems come before any work
    if picture is None:
        ready = compiled(request, path, stage_of(sketch), card.capabilities, studio.library)
    else:
        shown = studio.pictures.shown(picture, request.width, request.height)
        ready = compiled_with_picture(request, path, shown, card.capabilities, studio.pictures)
    return values | {_COMPILED: ready, "prompt": ready.prompt}


def _with_picture(request: GenerationRequest, picture: Any, card: ModelCard) -> GenerationRequest:
    """The request with its start picture as it was brought, for models that make nothing without one."""
    if not isinstance(picture, Mapping) or not card.capabilities.takes(StartImage.kind):
        return request
    return replace(request, conditioning=(StartImage(media=str(picture.get("media"))),))


def _values(request: GenerationRequest) -> Values | None:
    """A request's own start picture was cut to its frame already."""
    if request.camera is None:
        return None
    start = next((part.media for part in request.conditioning if isinstance(part, StartImage)), None)
    return {"camera": sketch_of(request.camera, None, picture={"media": start} if start else None)}


def _fitted(values: Mapping[str, Any], card: ModelCard) -> Values:
    sketch = values.get("camera")
    if isinstance(sketch, Mapping) and sketch.get("picture") and not takes_pictures(card.capabilities):
        sketch = {**sketch, "picture": None}
    return {"camera": sketch}


TAB = Tab(
    name="camera",
    title="Camera",
    specs=_specs,
    parts=_parts,
    values=_values,
    fitted=_fitted,
    prepared=_prepared,
    why_not=lambda card: told("none").lost if _takes_no_move(card) else "",
    control_of=dict.fromkeys(("camera", *(part.kind for part in _GIVEN)), "camera"),
)
