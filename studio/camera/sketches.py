"""A sketch as a page sends it, plain JSON, and back: the path, the stand-ins on the stage, the words it came from."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from pipelines.conditioning.previz import KINDS, MAX_STAND_INS, Stage, StandIn
from pipelines.domain.camera import pose
from pipelines.domain.camera.path import CameraPath
from pipelines.domain.camera.plan_text import path_from_text
from pipelines.domain.camera.rig import START, Start
from pipelines.domain.camera.text import from_dict, to_dict
from pipelines.domain.camera.track import CameraTrack
from pipelines.domain.errors import InvalidRequest, Problem

FIRST_MOVE = "orbit left 45 eased"
SIZES = (0.05, 50.0)
FARTHEST_METRES = 1000.0


def first_sketch() -> dict[str, Any]:
    """What an untouched sketch holds: a short move about one ball."""
    stage = Stage()
    start = Start(position=START.position, target=stage.stand_ins[0].middle)
    return sketch_of(path_from_text(FIRST_MOVE, start), stage, FIRST_MOVE)


def sketch_of(
    path: CameraPath, stage: Stage | None, words: str = "", picture: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """A sketch for a page; without a stage the page keeps the one that it shows."""
    things = None if stage is None else [_plain(thing) for thing in stage.stand_ins]
    return {"path": to_dict(path), "things": things, "text": words, "picture": dict(picture) if picture else None}


def picture_of(sketch: Any) -> Any:
    """The start picture of a sketch as the page tells of it, None where it has none."""
    picture = sketch.get("picture") if isinstance(sketch, Mapping) else None
    return picture or None


def placed(track: CameraTrack, start: Start) -> CameraTrack:
    """A measured track put into the sketch's world: it begins where the sketch does, looking where that looks.

    Its unit, the distance of what the first frame sees, becomes the distance of what the sketch looks at.
    """
    away = float(np.linalg.norm(np.subtract(start.target, start.position))) or 1.0
    begin = np.eye(4)
    begin[:3, :3] = pose.look_at(np.array(start.position), np.array(start.target))
    begin[:3, 3] = start.position
    steps = pose.relative_to(track.camera_to_world, track.camera_to_world[0])
    steps[:, :3, 3] *= away
    return replace(track, camera_to_world=begin @ steps)


def _plain(thing: StandIn) -> dict[str, Any]:
    return dataclasses.asdict(thing) | {"size": thing.size, "colour": list(thing.colour)}


def path_of(sketch: Any) -> CameraPath:
    """The path of a sketch. Raises InvalidRequest."""
    return from_dict(sketch.get("path") if isinstance(sketch, Mapping) else None)


def stage_of(sketch: Any) -> Stage:
    """The stage of a sketch. Raises InvalidRequest on what is no stand-in."""
    things = sketch.get("things") if isinstance(sketch, Mapping) else None
    if not isinstance(things, list) or len(things) > MAX_STAND_INS:
        raise _refuse(f"The stage holds at most {MAX_STAND_INS} things.", "Take some away.")
    return Stage(stand_ins=tuple(_thing(raw) for raw in things))


def _thing(raw: Any) -> StandIn:
    if not isinstance(raw, Mapping) or raw.get("kind") not in KINDS:
        raise _refuse("The stage holds a thing of an unknown kind.", f"Known are {', '.join(KINDS)}.")
    colour = raw.get("colour")
    if not isinstance(colour, list) or len(colour) != 3:
        raise _refuse("A thing on the stage has no colour.", "Put it there again.")
    red, green, blue = (_number(part, 0.0, 1.0) for part in colour)
    return StandIn(
        kind=raw["kind"],
        x=_number(raw.get("x"), -FARTHEST_METRES, FARTHEST_METRES),
        z=_number(raw.get("z"), -FARTHEST_METRES, FARTHEST_METRES),
        size=_number(raw.get("size", 1.0), *SIZES),
        yaw_degrees=_number(raw.get("yaw_degrees", 0.0), -3600.0, 3600.0),
        colour=(red, green, blue),
    )


def start_of(raw: Any) -> Start:
    """Where moves begin, as a page says it. Raises InvalidRequest."""
    given = raw if isinstance(raw, Mapping) else {}
    return Start(
        position=_vector(given.get("position"), START.position),
        target=_vector(given.get("target"), START.target),
        focal_mm=_number(given.get("focal_mm", START.focal_mm), 2.0, 2000.0),
    )


def _vector(raw: Any, usual: tuple[float, float, float]) -> tuple[float, float, float]:
    if raw is None:
        return usual
    if not isinstance(raw, list) or len(raw) != 3:
        raise _refuse("A place is three numbers.", "Draw it again.")
    x, y, z = (_number(part, -FARTHEST_METRES, FARTHEST_METRES) for part in raw)
    return x, y, z


def _number(raw: Any, low: float, high: float) -> float:
    if not isinstance(raw, int | float) or isinstance(raw, bool) or not low <= raw <= high:
        raise _refuse(
            f"The sketch holds {str(raw)[:30]!r} where a number from {low:g} to {high:g} belongs.", "Undo it."
        )
    return float(raw)


def _refuse(message: str, hint: str) -> InvalidRequest:
    return InvalidRequest((Problem(field="camera", message=message, hint=hint),))
