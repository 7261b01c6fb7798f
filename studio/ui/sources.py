"""Sources for the Control tab as plain values: brought files, camera paths, what clips came from."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipelines.domain.conditioning import ControlClip, ControlKind, MaskClip, SourceClip
from pipelines.domain.errors import GimbalError, InvalidRequest, MediaError
from pipelines.domain.frames import Frames
from pipelines.domain.request import GenerationRequest
from projects_db.records import ClipRow, MediaRow, NotFound

if TYPE_CHECKING:
    from studio.structure.conforming import Target
    from studio.studio import Studio

_TELLING: tuple[ControlKind, ...] = ("pose", "edges", "depth")
"""What a clip can be seen to be already, the surest first."""


def kept(studio: Studio, path: Path, name: str) -> dict[str, Any]:
    """Keep a brought file, and tell what it is. Raises MediaError, StorageError."""
    row, notes = stored(studio, path, name)
    return facts(studio, row.sha256) | {"notes": list(notes)}


def stored(studio: Studio, path: Path, name: str) -> tuple[MediaRow, tuple[str, ...]]:
    """Keep a brought file; a picture is made plain first, which the notes tell. Raises MediaError, StorageError."""
    from studio.media import probe
    from studio.media.plain import plain

    notes: tuple[str, ...] = ()
    data: bytes | None = None
    if probe(path).kind == "image":
        made = plain(path)
        data, notes = made.data, made.notes
    return studio.library.add_media(data or path, name), notes


def facts(studio: Studio, sha256: str) -> dict[str, Any]:
    """What a medium is. looks: the structure that it looks like already, "" for a picture of things."""
    from studio.structure import looks_like_control
    from studio.structure.timeline import timeline

    path = studio.library.media_path(sha256)
    line = timeline(path)
    row = studio.repository.media(sha256)
    return {
        "media": sha256,
        "name": row.original_name if row else "",
        "kind": line.info.kind,
        "width": line.info.width,
        "height": line.info.height,
        "num_frames": len(line.times),
        "fps": line.fps,
        "seconds": line.seconds,
        "looks": next((kind for kind in _TELLING if looks_like_control(path, kind)), ""),
        "notes": [],
    }


def first_frame(path: Path) -> NDArray[np.uint8]:
    """The first frame of a medium, uint8 (H, W, 3). Raises MediaError."""
    from studio.structure.timeline import frames_at, timeline

    _, picture = next(frames_at(path, timeline(path), (0,)))
    return picture


def estimators(studio: Studio) -> list[dict[str, Any]]:
    """What can read which structure (the first usable one by default), and why what cannot be used cannot."""
    from studio.structure import choices, estimator_folders

    return [dataclasses.asdict(one) | {"available": one.available} for one in choices(estimator_folders(studio.home))]


def rendered(studio: Studio, sketch: Mapping[str, Any], target: Mapping[str, Any]) -> dict[str, Any]:
    """The stage along a camera path: {source: facts of the shaded clip, depth: medium of its exact depth}.

    Raises InvalidRequest where the path cannot be played.
    """
    from pipelines.conditioning import depth
    from pipelines.conditioning.previz import render
    from studio.camera.sketches import path_of, stage_of
    from studio.structure import keep
    from studio.structure.origin import Origin

    grid = target_from(target)
    stage, path = stage_of(sketch), path_of(sketch)
    found = stage.problems(path)
    if found:
        raise InvalidRequest(found)
    seen = render(stage, *path.sample(grid.num_frames), grid.width, grid.height)
    clip = keep(studio.library, Frames(seen.frames, grid.fps), "camera sketch.mp4")
    control = Frames(depth.to_control(depth.nearness(seen.depth)), grid.fps)
    exact = Origin(what="render", control="depth", estimator="the stage itself", source=clip.sha256)
    made = keep(studio.library, control, "camera depth.mp4", exact)
    return {"source": facts(studio, clip.sha256) | {"name": "Camera sketch"}, "depth": made.sha256}


def target_from(raw: Mapping[str, Any]) -> Target:
    """A page's grid {width, height, num_frames, fps}. Raises InvalidRequest."""
    from studio.structure.wishes import wish_from

    wish: Any = wish_from({"wish": "conform", "source": "", "target": raw})
    return wish.target


def origin(studio: Studio, sha256: str) -> dict[str, Any]:
    """How a medium was made, and the facts of its source while that is still here: {origin, source}."""
    from studio.structure.origin import origin_of

    told = origin_of(studio.library.media_path(sha256))
    if told is None:
        return {"origin": None, "source": None}
    try:
        source = facts(studio, told.source) if told.source else None
    except (NotFound, MediaError):
        source = None
    return {"origin": told.as_dict(), "source": source}


def source_of(studio: Studio, clip: ClipRow) -> dict[str, Any] | None:
    """What a clip was made from, for a comparison frame by frame: {media or wish, layback}; None where nothing tells.

    wish: what brings the source to the clip's grid. layback: the wish that lays the clip over the whole source.
    """
    parts = GenerationRequest.from_json(clip.request_json).conditioning
    changed = next((part.media for part in parts if isinstance(part, SourceClip)), "")
    mask = next((part.media for part in parts if isinstance(part, MaskClip)), "")
    media = (changed, *(part.media for part in parts if isinstance(part, ControlClip)))
    for one in filter(None, media):
        found = _source_from(studio, clip, one, mask)
        if found is not None:
            return found | ({"media": changed} if changed else {})
    return {"media": changed} if changed else None


def _source_from(studio: Studio, clip: ClipRow, media: str, mask: str) -> dict[str, Any] | None:
    from studio.structure.origin import origin_of

    try:
        told = origin_of(studio.library.media_path(media))
        if told is None or told.what not in ("conform", "extract", "outpaint", "render") or not told.source:
            return None
        studio.library.media_path(told.source)
    except GimbalError:
        return None
    grid = {"width": clip.width, "height": clip.height, "num_frames": clip.num_frames, "fps": clip.fps}
    cut = told.details.get("cut") or {}
    common = {"source": told.source, "target": grid, "cut": cut}
    result = studio.library.add_media(studio.library.clip_path(clip), f"{clip.id}.mp4").sha256
    lay = {"wish": "layback", "result": result, **common, "mask": mask}
    whole = told.what in ("conform", "extract")
    return {"wish": {"wish": "conform", **common}, **({"layback": lay} if whole else {})}
