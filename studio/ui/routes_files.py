"""Routes for files that come and go: dropped clips and pictures, exports."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel

from pipelines.domain.errors import MediaError, UnknownModel
from projects_db.records import NotFound
from studio.ui import answers
from studio.ui.brought import arrived
from studio.ui.exports import Exports

if TYPE_CHECKING:
    from studio.export import ExportOptions
    from studio.media.record import ClipRecord
    from studio.studio import Studio

class Wish(BaseModel, extra="forbid"):
    """What the export sheet sends; see `studio.export.ExportOptions`."""

    format: str
    start: int = 0
    end: int | None = None
    loop: Literal["none", "loop", "boomerang"] = "none"
    repeats: int = 1
    scale: float | None = None
    fps: float | None = None


def router(studio: Studio, exports: Exports) -> APIRouter:
    routes = APIRouter(prefix="/gimbal")
    _drops(routes, studio)
    _exports(routes, exports)
    return routes


def _drops(routes: APIRouter, studio: Studio) -> None:
    @routes.post("/api/drop")
    async def drop(request: Request, name: str = "file") -> dict[str, Any]:
        """Say what a dropped file is: a clip of Gimbal with its settings, or a picture or clip of another kind."""
        async with arrived(request, name) as path:
            return await asyncio.to_thread(_what_is, studio, path, name)


def _what_is(studio: Studio, path: Path, name: str) -> dict[str, Any]:
    from studio.media.tags import read_record

    try:
        record = read_record(path)
    except MediaError as error:
        return _without_settings(path, name, error)
    return {
        "kind": "gimbal",
        "name": name,
        "request": record.request.to_json(),
        "clip_id": _known(studio, record.clip_id),
        "media": _pictures(studio, record),
        "missing_model": _missing_model(studio, record.request.model),
    }


def _without_settings(path: Path, name: str, why: MediaError) -> dict[str, Any]:
    from studio.media import probe

    try:
        info = probe(path)
    except MediaError as error:
        return {"kind": "other", "name": name, "message": error.message, "hint": error.hint}
    size = {"width": info.width, "height": info.height, "num_frames": info.num_frames, "fps": info.fps}
    return {"kind": info.kind, "name": name, **size, "message": why.message, "hint": why.hint}


def _pictures(studio: Studio, record: ClipRecord) -> list[str]:
    """Keep the small pictures that travelled inside the clip, and name those that the request still lacks."""
    for data in record.media.values():
        studio.library.add_media(data, "from a clip")
    return [media for media in record.request.media if studio.repository.media(media) is None]


def _known(studio: Studio, clip_id: str) -> str | None:
    try:
        row = studio.repository.clip(clip_id)
    except NotFound:
        return None
    return row.id if row.deleted_at is None else None


def _missing_model(studio: Studio, model: str) -> str | None:
    try:
        studio.catalog.card(model)
    except UnknownModel:
        return model
    return None


def _exports(routes: APIRouter, exports: Exports) -> None:
    @routes.post("/api/clips/{clip_id}/export")
    def start(clip_id: str, wish: Wish) -> dict[str, Any]:
        return exports.start(clip_id, _options(wish)).view()

    @routes.get("/media/exports/{export_id}")
    def download(request: Request, export_id: str) -> Response:
        return _sent(request, exports.get(export_id).path)

    @routes.get("/media/exports/{export_id}/settings")
    def settings(request: Request, export_id: str) -> Response:
        return _sent(request, exports.get(export_id).sidecar)


def _sent(request: Request, path: Path | None) -> Response:
    if path is None:
        raise NotFound("This export is not finished.", "Wait a moment.")
    return answers.file(request, path, "application/octet-stream", name=path.name)


def _options(wish: Wish) -> ExportOptions:
    from studio.export import ExportOptions

    return ExportOptions(**wish.model_dump())
