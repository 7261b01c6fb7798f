"""The Control tab: the structure of a clip, a sketch or a figure leads a new one; or a part of a clip is remade."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pipelines.domain.conditioning import Conditioning, ControlClip, ControlKind, MaskClip, SourceClip
from pipelines.domain.errors import InvalidRequest, Problem
from pipelines.domain.request import GenerationRequest
from pipelines.families.family import ModelCard
from studio.ui.specs import FieldSpec
from studio.ui.tabs.tab import Tab, Values

if TYPE_CHECKING:
    from studio.studio import Studio

_FIELD = "control"
_NOTHING = "This model takes no control clips and no source clip."
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


def _parts(values: Mapping[str, Any]) -> Values:
    """What is made so far; what is not is asked for again when Generate is pressed."""
    held = _held(values, _FIELD, dict)
    made = _held(held, "made", dict)
    parts: list[Conditioning] = [
        ControlClip(
            media=str(made[each["kind"]]),
            control=CONTROLS[each["kind"]],
            strength=_share(each.get("strength"), 1.0),
        )
        for each in _structures(held)
        if made.get(each["kind"])
    ]
    return {"conditioning": (*parts, *_changed(_what(held), made, _held(held, "change", dict)))}


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
    return values


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
    if what == "paint" and not change.get("kept") and not any(_held(change, "shapes", dict).values()):
        yield Problem(field=_FIELD, message="Nothing is painted.", hint="Paint what shall be made anew.")
    elif what in _MASKED and not made.get("mask"):
        yield _unmade("The mask was not made.")
    elif what != "all" and not made.get("around" if what == "around" else "source"):
        yield _unmade("The source was not brought to the clip's size.")


def _unmade(message: str) -> Problem:
    return Problem(field=_FIELD, message=message, hint="The stage tells why; try again there, or leave it out.")


def _values(request: GenerationRequest) -> Values | None:
    """The way back: every clip of the request as one made elsewhere, for the form does not know how it was made."""
    controls = [part for part in request.conditioning if isinstance(part, ControlClip)]
    source = next((part for part in request.conditioning if isinstance(part, SourceClip)), None)
    if request.camera is not None or not (controls or source):
        return None
    structures = [
        {"kind": part.control, "given": part.media, "strength": part.strength}
        for part in controls
        if part.control in CONTROLS
    ]
    mask = next((part.media for part in request.conditioning if isinstance(part, MaskClip)), "")
    kept = {"source": source.media if source else "", "mask": mask, "strength": source.strength if source else 1.0}
    return {_FIELD: {"structures": structures, "restored": kept}}


def _fitted(values: Mapping[str, Any], card: ModelCard) -> Values:
    """Nothing is let go: what the card cannot take is greyed, and stays for the next one."""
    return {_FIELD: values.get(_FIELD)}


TAB = Tab(
    name="control",
    title="Control",
    specs=_specs,
    parts=_parts,
    values=_values,
    fitted=_fitted,
    prepared=_prepared,
    control_of={kind.kind: _FIELD for kind in (ControlClip, SourceClip, MaskClip)},
)
