"""Routes of the sketcher: moves from words, what they show, saved moves, camera files, what became of a move."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from fastapi import APIRouter, Body, Query, Request
from numpy.typing import NDArray

from pipelines.domain.camera.fit import path_from_track
from pipelines.domain.camera.formats import decode, encode, format_named
from pipelines.domain.camera.formats.files import MAX_BYTES
from pipelines.domain.camera.plan_text import path_from_text
from pipelines.domain.camera.problems import require_sound
from pipelines.domain.camera.text import from_dict, to_dict
from pipelines.domain.errors import InvalidRequest, MediaError
from pipelines.domain.request import GenerationRequest
from studio.camera.picture import preview_size
from studio.camera.sketches import path_of, placed, stage_of, start_of
from studio.ui.answers import explain
from studio.ui.brought import arrived

if TYPE_CHECKING:
    from projects_db.records import CameraPathRow
    from studio.studio import Studio

MAX_FRAMES = 129
Frames = Annotated[int, Body(ge=2, le=1000)]
Fps = Annotated[float, Body(gt=0, le=240)]
Aspect = Annotated[float, Body(ge=0.1, le=10)]
Name = Annotated[str, Body(min_length=1, max_length=120)]
Project = Annotated[str, Body(max_length=60)]


def router(studio: Studio) -> APIRouter:
    routes = APIRouter(prefix="/gimbal/api/camera")
    _moves(routes)
    _given(routes, studio)
    _pictures(routes, studio)
    _taken(routes, studio)
    _files(routes)
    _saved(routes, studio)

    @routes.get("/clips/{clip_id}")
    def obtained(clip_id: str) -> dict[str, Any]:
        """What became of the path a clip was made with; it is measured now where it was not yet."""
        return {"camera": studio.measuring.of(studio.repository.clip(clip_id))}

    return routes


def _moves(routes: APIRouter) -> None:
    @routes.post("/plan")
    def plan(text: Annotated[str, Body()], start: Annotated[Any, Body()] = None) -> dict[str, Any]:
        """The path that words mean, or what is wrong with them: that is an answer, too, while somebody types."""
        begin = start_of(start)
        try:
            return {"path": to_dict(path_from_text(text, begin))}
        except InvalidRequest as error:
            return {"refused": explain(error)}


def _pictures(routes: APIRouter, studio: Studio) -> None:
    @routes.post("/relief")
    def relief(picture: Annotated[Any, Body()], aspect: Annotated[float, Body(ge=0.1, le=10)]) -> dict[str, Any]:
        """A start picture's coarse depth, for the page to draw and to stroke on."""
        return studio.pictures.relief(studio.pictures.shown(picture, *_size(aspect))).result()

    @routes.post("/warp")
    def warp(
        path: Annotated[Any, Body()], picture: Annotated[Any, Body()], num_frames: Frames, aspect: Aspect
    ) -> dict[str, Any]:
        """The picture moved along the path, holes hatched, and how much of each frame it does not show.

        What is wrong with an unfinished path is an answer, too.
        """
        count = min(num_frames, MAX_FRAMES)
        try:
            move = from_dict(path)
            require_sound(move)
        except InvalidRequest as error:
            return {"refused": explain(error)}
        shown = studio.pictures.shown(picture, *preview_size(aspect, count))
        made = studio.pictures.play(shown, move, count).result()
        facts = {"columns": made.columns, "width": made.width, "height": made.height, "unseen": made.unseen}
        return {"sheet": _url(made.sheet, "image/jpeg"), "frames": count, **facts}


def _taken(routes: APIRouter, studio: Studio) -> None:
    @routes.post("/take/{clip_id}")
    def of_clip(clip_id: str, start: Annotated[Any, Body(embed=True)] = None) -> dict[str, Any]:
        """The move of a clip of the library: the one it was made with, else as it is measured."""
        row = studio.repository.clip(clip_id)
        path = GenerationRequest.from_json(row.request_json).camera
        if path is not None:
            return {"path": to_dict(path), "measured": False, "notes": []}
        return _measured(studio, studio.library.clip_path(row), start)

    @routes.post("/take")
    async def of_file(request: Request, name: str = "clip") -> dict[str, Any]:
        """The move of any clip, measured."""
        async with arrived(request, name) as file:
            return await asyncio.to_thread(_measured, studio, file, None)


def _measured(studio: Studio, file: Path, start: Any) -> dict[str, Any]:
    track = studio.measuring.way_of(file).result()
    path = path_from_track(placed(track, start_of(start)))
    note = "It was measured, its lens too; what it looked at is taken to be as far away as the sketch says."
    return {"path": to_dict(path), "measured": True, "notes": [note]}


def _given(routes: APIRouter, studio: Studio) -> None:
    @routes.post("/preview")
    def preview(
        path: Annotated[Any, Body()],
        things: Annotated[Any, Body()],
        num_frames: Frames,
        fps: Fps,
        aspect: Aspect,
        picture: Annotated[Any, Body()] = None,
    ) -> dict[str, Any]:
        """What the model is given, as a playing picture (data URL): the stage beside its depth, or warp beside mask."""
        count = min(num_frames, MAX_FRAMES)
        if picture is None:
            shown = _rendered({"path": path, "things": things}, count, aspect)
        else:
            move = from_dict(path)
            require_sound(move)
            shown = studio.pictures.given(studio.pictures.shown(picture, *preview_size(aspect, count)), move, count)
        return {"picture": _url(_playing(shown, fps, wide=aspect > 1.2), "image/webp")}


Pixels = NDArray[np.uint8]


def _rendered(sketch: dict[str, Any], num_frames: int, aspect: float) -> tuple[Pixels, Pixels]:
    from pipelines.conditioning import depth
    from pipelines.conditioning.previz import render

    stage, path = stage_of(sketch), path_of(sketch)
    found = stage.problems(path)
    if found:
        raise InvalidRequest(found)
    seen = render(stage, *path.sample(num_frames), *_size(aspect))
    return seen.frames, depth.to_control(depth.nearness(seen.depth))


def _playing(shown: tuple[Pixels, Pixels], fps: float, *, wide: bool) -> bytes:
    """Two clips beside each other, wide ones one over the other, as an animated WebP."""
    from PIL import Image

    both = np.concatenate(shown, axis=1 if wide else 2)
    first, *rest = (Image.fromarray(frame) for frame in both)
    out = io.BytesIO()
    first.save(out, "WEBP", save_all=True, append_images=rest, duration=round(1000 / fps), loop=0, quality=82, method=0)
    return out.getvalue()


def _size(aspect: float) -> tuple[int, int]:
    return preview_size(aspect, 1)


def _url(data: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _files(routes: APIRouter) -> None:
    @routes.post("/import")
    async def take(request: Request, name: str = "camera") -> dict[str, Any]:
        """The path of a camera file, with what it could not hold; or why it is none."""
        data = bytearray()
        async for chunk in request.stream():
            data += chunk
            if len(data) > MAX_BYTES:
                raise MediaError("The camera file is larger than 32 MB.", "Cut it to the frames you need.")
        try:
            found = decode(bytes(data), name=name)
        except InvalidRequest as error:
            return {"refused": explain(error)}
        path = found.path or path_from_track(found.track)
        return {"path": to_dict(path), "title": format_named(found.form).TITLE, "notes": list(found.notes)}

    @routes.post("/export")
    def give(
        path: Annotated[Any, Body()],
        format: Annotated[str, Body(max_length=40)],
        num_frames: Frames,
        fps: Fps,
        aspect: Aspect,
    ) -> dict[str, Any]:
        size = (round(576 * aspect), 576)
        made = encode(from_dict(path), format, num_frames=num_frames, fps=fps, size=size)
        suffix = format_named(format).SUFFIXES[0]
        files = {f"camera{suffix}" if suffix[0] in "._" else suffix: made.data, **made.beside}
        urls = [{"name": name, "data": _url(data, "application/octet-stream")} for name, data in files.items()]
        return {"files": urls, "notes": list(made.notes)}


def _saved(routes: APIRouter, studio: Studio) -> None:
    @routes.get("/paths")
    def every(project: str, name: Annotated[str, Query(max_length=120)] = "") -> dict[str, Any]:
        """The newest version of every saved move of a project, or all versions of one."""
        repository = studio.repository
        rows = repository.camera_path_versions(project, name) if name else repository.camera_paths(project)
        return {"paths": [_row(row) for row in rows]}

    @routes.post("/paths")
    def keep(project: Project, name: Name, path: Annotated[Any, Body()]) -> dict[str, Any]:
        return _row(studio.repository.save_camera_path(project, name.strip() or "Move", from_dict(path)))

    @routes.post("/paths/rename")
    def rename(project: Project, name: Name, new_name: Name) -> dict[str, Any]:
        studio.repository.rename_camera_paths(project, name, new_name)
        return {}

    @routes.post("/paths/delete")
    def delete(project: Project, name: Name) -> dict[str, Any]:
        studio.repository.delete_camera_paths(project, name)
        return {}

    @routes.post("/paths/restore")
    def restore(project: Project, name: Name) -> dict[str, Any]:
        studio.repository.restore_camera_paths(project, name)
        return {}


def _row(row: CameraPathRow) -> dict[str, Any]:
    facts = {"id": row.id, "name": row.name, "version": row.version, "created_at": row.created_at}
    return facts | {"path": json.loads(row.path_json)}
