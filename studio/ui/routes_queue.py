"""Routes of the queue and of projects, and the stream of changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body
from fastapi.responses import Response, StreamingResponse

from studio.ui import views
from studio.ui.feed import Feed

if TYPE_CHECKING:
    from studio.studio import Studio

MAX_NAME_CHARS = 120


def router(studio: Studio, feed: Feed, instance: str) -> APIRouter:
    """`instance` names this start of the studio: a page that sees another one reloads itself."""
    routes = APIRouter(prefix="/gimbal")
    _stream(routes, studio, feed, instance)
    _jobs(routes, studio)
    _projects(routes, studio)
    return routes


def _stream(routes: APIRouter, studio: Studio, feed: Feed, instance: str) -> None:
    @routes.get("/events")
    async def events(project: str = "") -> StreamingResponse:
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(feed.stream(project), media_type="text/event-stream", headers=headers)

    @routes.get("/api/state")
    def state(project: str = "") -> Response:
        return Response(feed.state(project), media_type="application/json", headers={"cache-control": "no-store"})

    @routes.get("/api/start")
    def start() -> dict[str, Any]:
        return {
            "instance": instance,
            "projects": [views.project(row) for row in studio.repository.list_projects()],
            "cards": [views.card(card) for card in studio.catalog.cards()],
            "broken": [{"message": fault.message, "hint": fault.hint} for fault in studio.catalog.broken],
            "formats": _formats(),
            "home": str(studio.settings.home),
        }


def _formats() -> list[dict[str, Any]]:
    from studio.ui.exports import formats

    return formats()


def _jobs(routes: APIRouter, studio: Studio) -> None:
    @routes.get("/api/jobs/{job_id}")
    def one(job_id: str) -> dict[str, Any]:
        return views.job(studio.repository.job(job_id))

    @routes.get("/api/jobs/{job_id}/preview")
    def preview(job_id: str) -> Response:
        picture = studio.preview(job_id)
        if picture is None:
            return Response(status_code=204)
        return Response(picture, media_type="image/webp", headers={"cache-control": "private, max-age=3600"})

    @routes.post("/api/jobs/{job_id}/stop")
    def stop(job_id: str) -> dict[str, Any]:
        studio.queue.stop(job_id)
        return {}

    @routes.post("/api/jobs/{job_id}/cancel")
    def cancel(job_id: str) -> dict[str, Any]:
        studio.queue.cancel(job_id)
        return {}

    @routes.post("/api/jobs/{job_id}/retry")
    def retry(job_id: str) -> dict[str, Any]:
        return views.job(studio.queue.retry(job_id))

    @routes.post("/api/jobs/{job_id}/move")
    def move(job_id: str, before: Annotated[str | None, Body(embed=True)] = None) -> dict[str, Any]:
        studio.queue.move(job_id, before)
        return {}

    @routes.post("/api/queue")
    def pause(paused: Annotated[bool, Body(embed=True)]) -> dict[str, Any]:
        studio.queue.pause() if paused else studio.queue.resume()
        return {}


def _projects(routes: APIRouter, studio: Studio) -> None:
    @routes.get("/api/projects")
    def every() -> list[dict[str, Any]]:
        return [views.project(row) for row in studio.repository.list_projects()]

    @routes.post("/api/projects")
    def create(name: Annotated[str, Body(embed=True, min_length=1, max_length=MAX_NAME_CHARS)]) -> dict[str, Any]:
        return views.project(studio.repository.create_project(name.strip() or "Untitled"))

    @routes.post("/api/projects/{project_id}/rename")
    def rename(
        project_id: str, name: Annotated[str, Body(embed=True, min_length=1, max_length=MAX_NAME_CHARS)]
    ) -> dict[str, Any]:
        studio.repository.rename_project(project_id, name.strip() or "Untitled")
        return {}

    @routes.post("/api/projects/{project_id}/delete")
    def delete(project_id: str) -> dict[str, Any]:
        """Delete a project with its clips, whose ids are told: restoring one of them brings the project back."""
        return {"ids": list(studio.repository.delete_project(project_id, trash_clips=True))}
