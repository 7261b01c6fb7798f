"""The Control tab: the structure of a clip, a sketch or a figure leads a new one; or a part of a clip is remade."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pipelines.domain.conditioning import Conditioning, ControlClip, ControlKind, MaskClip, SourceClip, StartImage
from pipelines.domain.errors import InvalidRequest, Problem
from pipelines.domain.request import GenerationRequest
from pipelines.families.family import ModelCard
from studio.camera.sketches import path_of, sketch_of
from studio.ui.framed import keep_framed
from studio.ui.specs import FieldSpec
from studio.ui.tabs.tab import Tab, Values

if TYPE_CHECKING:
    from studio.studio import Studio

_FIELD = "control"
_NOTHING = "This model takes no control clips and no source clip."
_WHOLE = (0.0, 1.0)
_ALL_STEPS = "With this model a control clip counts for all steps."
_MASKED = frozenset({"paint", "subject", "background", "around"})
CONTROLS: Mapping[str, ControlKind] = MappingProxyType(
    {"depth": "depth", "pose": "pose", "edges": "edges", "lineart": "edges", "scribble": "scribble", "flow": "flow"}
)
"""What each structure of the form is in a request: line art is one way to find edges."""


def _specs(card: ModelCard) -> tuple[FieldSpec, ...]:
    can = card.capabilities
    takes = {kind.kind: kind.kind in can.conditionings for kind in (ControlClip, SourceClip, MaskClip)}
    return (
        FieldSpec(
            name=_FIELD,
            kind="control",
            label="Source",
            default={},
            note="A clip, a picture or a figure whose structure leads",
            reason="" if takes[ControlClip.kind] or takes[SourceClip.kind] else _NOTHING,
            extra={
                "controls": takes[ControlClip.kind],
                "kinds": sorted(can.controls),
                "most": can.max_controls,
                "source": takes[SourceClip.kind],
                "mask": takes[MaskClip.kind],
                "style": can.restyles,
                "start": can.why_not(StartImage.kind),
                "span": "" if can.control_span else _ALL_STEPS,
            },
        ),
    )


def _held(values: Mapping[str, Any], name: str, kind: type[Any]) -> Any:
    found = values.get(name)
    return found if isinstance(found, kind) else kind()


def _share(value: Any, default: float) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else default


def _structures(held: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The structures that are asked for, each kind once."""
    seen: set[str] = set()
    for each in _held(held, "structures", list):
        kind = str(each.get("kind")) if isinstance(each, dict) else ""
        if kind in CONTROLS and kind not in seen and (each.get("given") or held.get("source")):
            seen.add(kind)
            yield each


def _what(held: Mapping[str, Any]) -> str:
    """What is made anew; without pictures of a source that is all."""
    source = _held(held, "source", dict)
    what = str(_held(held, "change", dict).get("what") or "all")
    return what if source.get("media") else "all"


def _start(held: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The start picture, where there is one."""
    picture = _held(held, "start", dict)
    return picture if picture.get("media") else None


def _span(held: Mapping[str, Any]) -> tuple[float, float]:
    """The steps in which control clips count, as shares; all of them where the model is given more than those."""
    span = _held(held, "span", list)
    if len(span) != 2 or _what(held) != "all" or _start(held):
        return _WHOLE
    return _share(span[0], 0.0), _share(span[1], 1.0)


def _parts(values: Mapping[str, Any]) -> Values:
    """What is made so far; what is not is asked for again when Generate is pressed."""
    held = _held(values, _FIELD, dict)
    made = _held(held, "made", dict)
    start, end = _span(held)
    picture = _start(held)
    parts: list[Conditioning] = [
        ControlClip(
            media=str(made[each["kind"]]),
            control=CONTROLS[each["kind"]],
            strength=_share(each.get("strength"), 1.0),
            start=start,
            end=end,
        )
        for each in _structures(held)
        if made.get(each["kind"])
    ]
    parts += _changed(_what(held), made, _held(held, "change", dict))
    parts += [StartImage(media=str(picture["media"]))] if picture else []
    return {"conditioning": tuple(parts), **_camera(held)}


def _camera(held: Mapping[str, Any]) -> Values:
    """The path whose rendered depth is followed, so that the clip can be measured against it."""
    path = next((each["path"] for each in _structures(held) if each.get("given") and each.get("path")), None)
    try:
        return {"camera": path_of({"path": path})} if path else {}
    except InvalidRequest:  # then the depth leads alone
        return {}


def _changed(what: str, made: Mapping[str, Any], change: Mapping[str, Any]) -> Iterator[Conditioning]:
    if what == "style" and made.get("source"):
        yield SourceClip(media=str(made["source"]), strength=_share(change.get("strength"), 0.6))
    clip = made.get("around" if what == "around" else "source")
    if what in _MASKED and clip and made.get("mask"):
        yield SourceClip(media=str(clip))
        yield MaskClip(media=str(made["mask"]))


def _prepared(values: Values, studio: Studio) -> Values:
    """Refuses while something that was asked for is not made, and what the made clips themselves show to be wrong."""
    from studio.structure import problems
    from studio.ui.forms import request_from

    found = tuple(_missing(_held(values, _FIELD, dict)))
    if not found:
        found = problems(studio.library, request_from(values, roll=0))
    if found:
        raise InvalidRequest(tuple(dataclasses.replace(each, field=_FIELD) for each in found))
    held, size = _held(values, _FIELD, dict), request_from(values, roll=0)
    if not (picture := _start(held)):
        return values
    shown = keep_framed(picture, (size.width, size.height), studio)
    return values | {_FIELD: held | {"start": {"media": shown}}}


def _missing(held: Mapping[str, Any]) -> Iterator[Problem]:
    made, what = _held(held, "made", dict), _what(held)
    asked = list(_structures(held))
    if not asked and what == "all":
        message = "There is no structure to follow." if held.get("source") else "There is no source."
        hint = "Choose one, such as depth." if held.get("source") else "Drop a clip, or pose the figure."
        yield Problem(field=_FIELD, message=message, hint=hint)
    for each in asked:
        if not made.get(each["kind"]):
            words = "line art" if each["kind"] == "lineart" else each["kind"]
            yield _unmade(f"The {words} of the source was not read.")
    change = _held(held, "change", dict)
    brought = change.get("kept") or change.get("file")
    if what == "paint" and not brought and not any(_held(change, "shapes", dict).values()):
        hint = "Paint what shall be made anew, or bring a mask."
        yield Problem(field=_FIELD, message="Nothing is painted.", hint=hint)
    elif what in _MASKED and not made.get("mask"):
        yield _unmade("The mask was not made.")
    elif what != "all" and not made.get("around" if what == "around" else "source"):
        yield _unmade("The source was not brought to the clip's size.")


def _unmade(message: str) -> Problem:
    return Problem(field=_FIELD, message=message, hint="The stage tells why; try again there, or leave it out.")


def _values(request: GenerationRequest) -> Values | None:
    """The way back: every clip of the request as one made elsewhere, for the form does not know how it was made."""
    controls = [part for part in request.conditioning if isinstance(part, ControlClip)]
    source, mask, start = (_part(request, kind) for kind in (SourceClip, MaskClip, StartImage))
    if not (controls or source) or _is_a_move(request):
        return None
    path = {} if request.camera is None else {"path": sketch_of(request.camera, None)["path"]}
    structures = [
        {"kind": part.control, "given": part.media, "strength": part.strength}
        | (path if part.control == "depth" else {})
        for part in controls
        if part.control in CONTROLS
    ]
    kept = {
        "source": source.media if source else "",
        "mask": mask.media if mask else "",
        "strength": source.strength if source else 1.0,
    }
    value: Values = {"structures": structures, "restored": kept}
    if controls and (controls[0].start, controls[0].end) != _WHOLE:
        value["span"] = [controls[0].start, controls[0].end]
    return {_FIELD: value | ({"start": {"media": start.media}} if start else {})}


def _part(request: GenerationRequest, kind: type[Any]) -> Any:
    """The request's only part of a kind, or None."""
    return next((part for part in request.conditioning if isinstance(part, kind)), None)


def _is_a_move(request: GenerationRequest) -> bool:
    """Whether the Camera tab makes such a request: a path alone, its stage's depth, or a picture moved along it."""
    kinds = sorted(part.kind for part in request.conditioning)
    moved = {StartImage.kind, SourceClip.kind, MaskClip.kind}
    return request.camera is not None and (kinds == [ControlClip.kind] or set(kinds) <= moved)


def _fitted(values: Mapping[str, Any], card: ModelCard) -> Values:
    """Little is let go: what the card cannot take is greyed, and stays for the next one."""
    held = values.get(_FIELD)
    if isinstance(held, Mapping) and "span" in held and not card.capabilities.control_span:
        held = {name: value for name, value in held.items() if name != "span"}
    return {_FIELD: held}


TAB = Tab(
    name="control",
    title="Control",
    specs=_specs,
    parts=_parts,
    values=_values,
    fitted=_fitted,
    prepared=_prepared,
    control_of=dict.fromkeys(("camera", *(k.kind for k in (ControlClip, SourceClip, MaskClip, StartImage))), _FIELD),
)
