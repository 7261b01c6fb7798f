"""Masks for the Control tab as plain values: several as one, and what a mask made elsewhere is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.domain.errors import InvalidRequest, Problem

if TYPE_CHECKING:
    from studio.structure.conforming import Target
    from studio.structure.timeline import Timeline
    from studio.studio import Studio

_MOST_MASKS = 64
_SAME_SHAPE = 0.02
_GREY = (48, 207)
"""Between these a pixel is neither black nor white; coded clips have such at every outline."""
_MUCH_GREY = 0.2


def joined(studio: Studio, wish: Mapping[str, Any], grid: Target) -> dict[str, Any]:
    """Masks of one clip as one, as a finished task. Raises InvalidRequest.

    wish: {"parts": [{"frame", "media"}], "invert"}. Each frame takes the mask that was painted nearest to it; a still
    picture holds for all frames that it is nearest to.
    """
    from pipelines.domain.frames import Frames
    from studio.structure import keep
    from studio.structure.origin import Origin

    parts = wish.get("parts")
    if not isinstance(parts, list) or not 0 < len(parts) <= _MOST_MASKS or not all(isinstance(p, dict) for p in parts):
        raise InvalidRequest((Problem(field="control", message="There is no mask to take.", hint="Paint one."),))
    masks = [(int(part.get("frame") or 0), _mask(studio, str(part.get("media")), grid)) for part in parts]
    frames = np.stack([_nearest(masks, index) for index in range(grid.num_frames)])
    frames = 255 - frames if wish.get("invert") else frames
    clip = np.repeat(frames[..., None], 3, axis=-1)
    row = keep(studio.library, Frames(clip, grid.fps), "mask.mp4", Origin(what="join", details=dict(wish)))
    made = {"media": row.sha256, "mask": "", "estimator": "", "notes": [], "num_frames": len(clip)}
    return {"id": "", "state": "done", "fraction": 1.0, "stage": "", "made": made, "message": "", "hint": ""}


def _mask(studio: Studio, media: str, grid: Target) -> NDArray[np.uint8]:
    """A mask as uint8 (frames, height, width) of the grid, black or white; one frame for a picture."""
    from studio.media import read_frames

    size = (grid.width, grid.height)
    read = read_frames(studio.library.media_path(media), max_frames=grid.num_frames, size=size)
    return np.where(read.pixels[..., 1] > 127, 255, 0).astype(np.uint8)


def _nearest(masks: Sequence[tuple[int, NDArray[np.uint8]]], index: int) -> NDArray[np.uint8]:
    _, mask = min(masks, key=lambda one: abs(one[0] - index))
    return np.asarray(mask[min(index, len(mask) - 1)])


def kept(studio: Studio, path: Path, name: str) -> dict[str, Any]:
    """Keep a mask made elsewhere, and tell what it is; what is transparent in it is black. Raises MediaError."""
    from studio.media import probe, read_image
    from studio.media.plain import png
    from studio.ui.sources import facts

    is_picture = probe(path).kind == "image"
    data = png(read_image(path, background=(0, 0, 0)).pixels[0]) if is_picture else path
    return facts(studio, studio.library.add_media(data, name).sha256) | {"name": name}


def checked(studio: Studio, media: str, source: str, grid: Target) -> dict[str, Any]:
    """What a mask made elsewhere is worth for a source: {over, notes, message, hint}. Raises MediaError.

    over: "source" where it lies over the whole source and is cut as that is, "clip" where it has the new clip's shape,
    "" where it cannot be used, which `message` and `hint` then tell.
    """
    from studio.structure.checking import sample
    from studio.structure.timeline import timeline

    path = studio.library.media_path(media)
    line, of = timeline(path), timeline(studio.library.media_path(source))
    over = _over(line, of, grid)
    seen = sample(path).mean(axis=-1)
    if not over:
        return _refused(f"The mask has another shape: {_size(line)}, the source {_size(of)}.", "Make it that size.")
    if not (seen > 127).any():
        return _refused("The mask is empty: nothing of it is white.", "White is made anew, black is kept.")
    return {"over": over, "notes": list(_notes(line, of, over, seen)), "message": "", "hint": ""}


def _over(line: Timeline, of: Timeline, grid: Target) -> Literal["source", "clip", ""]:
    """A clip in the shape of both belongs to the one that it is as long as."""
    shape = line.info.width / line.info.height
    fits_source = abs(shape * of.info.height / of.info.width - 1) < _SAME_SHAPE
    fits_clip = abs(shape * grid.height / grid.width - 1) < _SAME_SHAPE
    if fits_source and fits_clip and line.info.kind == "clip":
        wanted = grid.num_frames / grid.fps
        return "source" if abs(line.seconds - of.seconds) <= abs(line.seconds - wanted) else "clip"
    return "source" if fits_source else "clip" if fits_clip else ""


def _notes(line: Timeline, of: Timeline, over: str, seen: NDArray[np.float64]) -> list[str]:
    found = []
    if over == "source" and (line.info.width, line.info.height) != (of.info.width, of.info.height):
        found.append(f"It is {_size(line)} and is scaled to the source's {_size(of)}.")
    if over == "clip" and (line.info.width, line.info.height) != (of.info.width, of.info.height):
        found.append(f"It is {_size(line)}, the new clip's shape, and lies over that.")
    if line.info.kind == "clip" and over == "source" and line.seconds < of.seconds - 0.5 / of.fps:
        found.append(f"It ends at {line.seconds:.2f} s of {of.seconds:.2f}; its last frame is held from there.")
    if ((seen > _GREY[0]) & (seen < _GREY[1])).mean() > _MUCH_GREY:
        found.append("Much of it is grey: what is brighter than the middle counts as white.")
    if (seen > 127).all():
        found.append("All of it is white: everything is made anew.")
    return found


def _size(line: Timeline) -> str:
    return f"{line.info.width} × {line.info.height}"


def _refused(message: str, hint: str) -> dict[str, Any]:
    return {"over": "", "notes": [], "message": message, "hint": hint}
