"""Routes of the library: search, rate, delete and bring back, make again, and the files themselves by id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, Query, Request
from fastapi.responses import Response

from pipelines.domain.request import GenerationRequest
from studio.ui import answers, views

if TYPE_CHECKING:
    from studio.studio import Studio

Ids = Annotated[list[str], Body(embed=True, min_length=1, max_length=10_000)]
_VIDEO = {".mp4": "video/mp4", ".webm": "video/webm", ".mov": "video/quicktime"}

_PICTURE = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}


def router(studio: Studio) -> APIRouter:
    routes = APIRouter(prefix="/gimbal")
    _reading(routes, studio)
    _changing(routes, studio)
    _making(routes, studio)
    _files(routes, studio)
    return routes


def _reading(routes: APIRouter, studio: Studio) -> None:
    @routes.get("/api/clips")
    def search(
        text: Annotated[str, Query(max_length=400)] = "",
        project: str = "",
        model: str = "",
        rating: Annotated[int, Query(ge=0, le=5)] = 0,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        cursor: str = "",
    ) -> dict[str, Any]:
        page = studio.repository.search_clips(
            text,
            project_id=project or None,
            model=model or None,
            min_rating=rating,
            limit=limit,
            cursor=cursor or None,
        )
        return {"clips": [views.clip(row) for row in page.clips], "cursor": page.cursor}

    @routes.get("/api/clips/{clip_id}")
    def one(clip_id: str) -> dict[str, Any]:
        return views.clip_in_full(studio.repository.clip(clip_id))


def _changing(routes: APIRouter, studio: Studio) -> None:
    @routes.post("/api/clips/{clip_id}/rate")
    def rate(clip_id: str, rating: Annotated[int, Body(embed=True, ge=0, le=5)]) -> dict[str, Any]:
        studio.repository.rate_clip(clip_id, rating)
        return {"rating": rating}

    @routes.post("/api/clips/delete")
    def delete(ids: Ids) -> dict[str, Any]:
        return {"ids": list(studio.library.delete(ids))}

    @routes.post("/api/clips/restore")
    def restore(ids: Ids) -> dict[str, Any]:
        return {"ids": list(studio.library.undo_delete(ids))}


def _making(routes: APIRouter, studio: Studio) -> None:
    @routes.post("/api/clips/{clip_id}/again")
    def again(
        clip_id: str,
        takes: Annotated[int, Body(embed=True, ge=1, le=8)] = 1,
        vary: Annotated[bool, Body(embed=True)] = False,
    ) -> dict[str, Any]:
        row = studio.repository.clip(clip_id)
        request = GenerationRequest.from_json(row.request_json)
        seeds = None if not vary else _fresh(takes)
        jobs = studio.queue.submit(row.project_id, request, takes=takes, seeds=seeds)
        return {"jobs": [job.id for job in jobs]}


def _fresh(count: int) -> list[int]:
    import secrets

    return [secrets.randbelow(2**32) for _ in range(count)]


def _files(routes: APIRouter, studio: Studio) -> None:
    @routes.get("/media/clips/{clip_id}")
    def clip(request: Request, clip_id: str) -> Response:
        path = studio.library.clip_path(studio.repository.clip(clip_id))
        return answers.file(request, path, _VIDEO.get(path.suffix, "application/octet-stream"))

    @routes.get("/media/posters/{clip_id}")
    def poster(request: Request, clip_id: str) -> Response:
        path = studio.library.poster_path(studio.repository.clip(clip_id))
        return answers.file(request, path, "image/webp")

    @routes.get("/media/pictures/{sha256}")
    def picture(request: Request, sha256: str) -> Response:
        path = studio.library.media_path(sha256)
        return answers.file(request, path, (_PICTURE | _VIDEO).get(path.suffix, "application/octet-stream"))
