"""The Image tab: pictures the clip must show, at its start, its end and in between, and a clip it goes on from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pipelines.domain.conditioning import (
    Conditioning,
    EndImage,
    ExtendClip,
    KeyImage,
    SourceClip,
    StartImage,
)
from pipelines.domain.request import GenerationRequest
from pipelines.families.family import ModelCard
from studio.ui.framed import keep_framed
from studio.ui.specs import FieldSpec
from studio.ui.tabs.tab import Tab, Values

if TYPE_CHECKING:
    from studio.studio import Studio

_NO_PICTURES = "This model takes no pictures."
_NO_CLIP = "This model cannot go on from a clip."
_PLACES = {StartImage.kind: "start", EndImage.kind: "end", KeyImage.kind: "keys"}


def _specs(card: ModelCard) -> tuple[FieldSpec, ...]:
    kinds = card.capabilities.conditionings
    takes = {place: kind in kinds for kind, place in _PLACES.items()}
    grid = card.capabilities.grid
    return (
        FieldSpec(
            name="pictures",
            kind="pictures",
            label="Pictures",
            default={},
            note="What the clip must show, and when",
            reason="" if any(takes.values()) else f"{_NO_PICTURES} {card.capabilities.why_not(StartImage.kind)}",
            step=grid.frames_multiple,
            extra={"takes": takes},
        ),
        FieldSpec(
            name="extension",
            kind="extension",
            label="Go on from a clip",
            default=None,
            note="New frames after the last or before the first frame of a clip",
            reason="" if card.capabilities.takes(ExtendClip.kind) else f"{_NO_CLIP} {_why_no_clip(card)}".strip(),
            step=grid.frames_multiple,
        ),
    )


def _why_no_clip(card: ModelCard) -> str:
    lacks = dict(card.capabilities.lacks)
    return lacks.get(ExtendClip.kind) or lacks.get(SourceClip.kind, "")


def _pictures(values: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(place, picture) for every picture that has a medium."""
    held = values.get("pictures")
    if not isinstance(held, dict):
        return
    keys = held.get("keys")
    for place, picture in (
        ("start", held.get("start")),
        *(("keys", key) for key in (keys if isinstance(keys, list) else ())),
        ("end", held.get("end")),
    ):
        if isinstance(picture, dict) and picture.get("media"):
            yield place, picture


def _parts(values: Mapping[str, Any]) -> Values:
    """The frames of a clip it goes on from stand in for the picture at their end, which the form keeps greyed."""
    parts: list[Conditioning] = []
    clip = values.get("extension")
    clip = clip if isinstance(clip, dict) and clip.get("media") else None
    covered = None if clip is None else "end" if clip.get("way") == "backward" else "start"
    for place, picture in _pictures(values):
        media = str(picture["media"])
        if place == covered:
            continue
        if place == "keys":
            parts.append(KeyImage(media=media, frame=_whole(picture.get("frame"))))
        else:
            parts.append(StartImage(media=media) if place == "start" else EndImage(media=media))
    if clip is not None:
        way: Any = "backward" if clip.get("way") == "backward" else "forward"
        parts.append(ExtendClip(media=str(clip["media"]), way=way, keep=_whole(clip.get("keep"))))
    return {"conditioning": tuple(parts)}


def _whole(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _values(request: GenerationRequest) -> Values | None:
    pictures: Values = {}
    clip: Values | None = None
    for part in request.conditioning:
        match part:
            case StartImage() | EndImage():
                pictures[_PLACES[part.kind]] = {"media": part.media}
            case KeyImage():
                pictures.setdefault("keys", []).append({"media": part.media, "frame": part.frame})
            case ExtendClip():
                clip = {"media": part.media, "way": part.way, "keep": part.keep}
            case _:
                continue
    return {"pictures": pictures, "extension": clip} if pictures or clip else None


def _fitted(values: Mapping[str, Any], card: ModelCard) -> Values:
    kinds = card.capabilities.conditionings
    held = values.get("pictures")
    held = held if isinstance(held, dict) else {}
    taken = {place: held[place] for kind, place in _PLACES.items() if kind in kinds and held.get(place)}
    last = _whole(values.get("num_frames")) - 1
    if "keys" in taken:
        taken["keys"] = [key | {"frame": max(0, min(last, _whole(key.get("frame"))))} for key in taken["keys"]]
    clip = values.get("extension") if card.capabilities.takes(ExtendClip.kind) and last > 0 else None
    if isinstance(clip, dict):
        clip = clip | {"keep": max(1, min(last, _whole(clip.get("keep"))))}
    return {"pictures": taken, "extension": clip}


def _prepared(values: Values, studio: Studio) -> Values:
    """Each picture as its frame shows it, kept in the library."""
    width, height = (_whole(round(side)) for side in (*(values.get("size") or ()), 0, 0)[:2])
    made: Values = {}
    for place, picture in _pictures(values):
        sent = dict(picture) | {"media": keep_framed(picture, (width, height), studio)}
        if place == "keys":
            made.setdefault("keys", []).append(sent)
        else:
            made[place] = sent
    return values | {"pictures": made}


TAB = Tab(
    name="image",
    title="Image",
    specs=_specs,
    parts=_parts,
    values=_values,
    fitted=_fitted,
    prepared=_prepared,
    control_of={
        **dict.fromkeys(_PLACES, "pictures"),
        SourceClip.kind: "extension",
        ExtendClip.kind: "extension",
    },
)
