"""Routes of the sketcher: moves from words, the rendered stage, saved moves, camera files, what a clip made of it."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, Query, Request

from pipelines.domain.camera.fit import path_from_track
from pipelines.domain.camera.formats import decode, encode, format_named
from pipelines.domain.camera.formats.files import MAX_BYTES
from pipelines.domain.camera.plan_text import path_from_text
from pipelines.domain.camera.text import from_dict, to_dict
from pipelines.domain.errors import InvalidRequest, MediaError
from studio.camera.sketches import path_of, stage_of, start_of
from studio.ui.answers import explain

if TYPE_CHECKING:
    from projects_db.records import CameraPathRow
    from studio.camera.obtained import Measuring
    from studio.studio import Studio

PREVIEW_PIXELS = 256
MAX_FRAMES = 129
Frames = Annotated[int, Body(ge=2, le=1000)]
Fps = Annotated[float, Body(gt=0, le=240)]
Aspect = Annotated[float, Body(ge=0.1, le=10)]
Name = Annotated[str, Body(min_length=1, max_length=120)]
Project = Annotated[str, Body(max_length=60)]


def router(studio: Studio, measuring: Measuring) -> APIRouter:
    routes = APIRouter(prefix="/gimbal/api/camera")
    _moves(routes)
    _files(routes)
    _saved(routes, studio)

    @routes.get("/clips/{clip_id}")
    def obtained(clip_id: str) -> dict[str, Any]:
        """What became of the path a clip was made with; asking begins the measurement."""
        return {"camera": measuring.of(studio.repository.clip(clip_id))}

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

    @routes.post("/preview")
    def preview(
        path: Annotated[Any, Body()], things: Annotated[Any, Body()], num_frames: Frames, fps: Fps, aspect: Aspect
    ) -> dict[str, Any]:
        """The stage along the path beside its depth, as a playing picture (data URL)."""
        sketch = {"path": path, "things": things}
        return {"picture": _url(_rendered(sketch, min(num_frames, MAX_FRAMES), fps, aspect), "image/webp")}


def _rendered(sketch: dict[str, Any], num_frames: int, fps: float, aspect: float) -> bytes:
    import numpy as np
    from PIL import Image

    from pipelines.conditioning import depth
    from pipelines.conditioning.previz import render

    stage, path = stage_of(sketch), path_of(sketch)
    found = stage.problems(path)
    if found:
        raise InvalidRequest(found)
    width, height = _size(aspect)
    seen = render(stage, *path.sample(num_frames), width, height)
    control = depth.to_control(depth.nearness(seen.depth))
    both = np.concatenate([seen.frames, control], axis=1 if aspect > 1.2 else 2)  # wide ones one over the other
    first, *rest = (Image.fromarray(frame) for frame in both)
    out = io.BytesIO()
    first.save(out, "WEBP", save_all=True, append_images=rest, duration=round(1000 / fps), loop=0, quality=82, method=0)
    return out.getvalue()


def _size(aspect: float) -> tuple[int, int]:
    longer, shorter = PREVIEW_PIXELS, max(16, round(PREVIEW_PIXELS * min(aspect, 1 / aspect)))
    return (longer, shorter) if aspect >= 1 else (shorter, longer)


def _url(data: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _files(routes: APIRouter) -> None:
    @routes.post("/import")
    async def take(request: Request, name: str = "camera") -> dict[str, Any]:
        data = bytearray()
        async for chunk in request.stream():
            data += chunk
            if len(data) > MAX_BYTES:
                raise MediaError("The camera file is larger than 32 MB.", "Cut it to the frames you need.")
        found = decode(bytes(data), name=name)
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
