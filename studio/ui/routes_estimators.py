"""Routes of the shelf's estimators: those that are here, and those that can be fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, Request

from studio.ui.routes_models import errand, only_here, place

if TYPE_CHECKING:
    from studio.shelf.estimators import Reader
    from studio.studio import Studio

Project = Annotated[str, Body(embed=True, max_length=100)]


def router(studio: Studio) -> APIRouter:
    from studio.shelf.estimators import Estimators

    routes, shelf = APIRouter(prefix="/gimbal/api/estimators"), Estimators(studio)

    @routes.get("")
    def every() -> dict[str, Any]:
        """What reads structure here, and what can be fetched for it."""
        return {"estimators": [_told(reader) for reader in shelf.offers()], **place(studio)}

    @routes.post("/{name}/fetch")
    def fetch(name: str, project: Project) -> dict[str, Any]:
        return {"job": shelf.fetch(name, project).id}

    @routes.post("/{name}/verify")
    def verify(name: str, project: Project) -> dict[str, Any]:
        return {"job": shelf.verify(name, project).id}

    @routes.post("/{name}/remove")
    def remove(request: Request, name: str) -> dict[str, Any]:
        only_here(request)
        return {"freed": shelf.remove(name)}

    @routes.post("/{name}/discard")
    def discard(request: Request, name: str) -> dict[str, Any]:
        only_here(request)
        return {"freed": shelf.discard(name)}

    return routes


def _told(reader: Reader) -> dict[str, Any]:
    about = reader.about
    return {
        "id": reader.id,
        "title": reader.title,
        "reads": reader.reads,
        "origin": reader.origin,
        "why_not": reader.why_not,
        "licence": about.licence if about else "",
        "non_commercial": bool(about and about.source.non_commercial),
        "repository": about.source.repository if about else "",
        "size": reader.size,
        "held": reader.held,
        "job": errand(reader.job),
    }
