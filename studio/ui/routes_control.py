"""Routes of the Control tab: sources, what is done to them, what is made of them, and what a clip was made from."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, Query, Request
from fastapi.responses import Response

from pipelines.domain.errors import InvalidRequest, MediaError, Problem
from studio.ui import masks, sources
from studio.ui.brought import brought, jpeg
from studio.ui.tabs.control import CONTROLS

if TYPE_CHECKING:
    from studio.structure import Bench
    from studio.studio import Studio

Digest = Annotated[str, Body(pattern="^[0-9a-f]{64}$")]


def router(studio: Studio, bench: Bench) -> APIRouter:
    routes = APIRouter(prefix="/gimbal/api/control")
    _sources(routes, studio)
    _tasks(routes, studio, bench)
    _masks(routes, studio)
    _conventions(routes, studio, bench)

    @routes.get("/estimators")
    def estimators() -> dict[str, Any]:
        """What can read which structure here, and why what cannot cannot."""
        return {"estimators": sources.estimators(studio)}

    @routes.get("/clips/{clip_id}/source")
    def source_of(clip_id: str) -> dict[str, Any]:
        """The source that a clip was made from, brought to its grid: a medium, or a wish that makes one; or null."""
        return {"source": sources.source_of(studio, studio.repository.clip(clip_id))}

    @routes.get("/media/{sha256}/origin")
    def origin(sha256: str) -> dict[str, Any]:
        """How a medium was made, and what is known of the source it was made of."""
        return sources.origin(studio, sha256)

    return routes


def _sources(routes: APIRouter, studio: Studio) -> None:
    @routes.post("/sources")
    async def bring(request: Request, name: str = "source") -> dict[str, Any]:
        """Keep a brought clip or picture; what it is, and the structure that it looks like already, if any."""
        return await brought(request, name, lambda path: sources.kept(studio, path, name))

    @routes.get("/sources/{sha256}")
    def facts(sha256: str) -> dict[str, Any]:
        return sources.facts(studio, sha256)

    @routes.get("/sources/{sha256}/still")
    def still(sha256: str) -> Response:
        """Its first frame, for what a browser cannot play."""
        return jpeg(sources.first_frame(studio.library.media_path(sha256)))

    @routes.post("/report")
    def report(asked: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
        """What bringing a source to a grid would do to it, in words. asked: the fields of a wish `conform`."""
        from studio.structure.conforming import report as told
        from studio.structure.wishes import wish_from

        wish: Any = wish_from({**asked, "wish": "conform"})
        try:
            return told(studio.library.media_path(wish.source), wish.target, wish.cut).as_dict()
        except (InvalidRequest, MediaError) as error:
            return {"steps": [], "warnings": [f"{error.message} {error.hint}".strip()]}

    @routes.post("/camera")
    def camera(
        path: Annotated[Any, Body()], things: Annotated[Any, Body()], target: Annotated[dict[str, Any], Body()]
    ) -> dict[str, Any]:
        """The stage along a camera path as a source, and its exact depth as a control clip."""
        return sources.rendered(studio, {"path": path, "things": things}, target)


def _tasks(routes: APIRouter, studio: Studio, bench: Bench) -> None:
    @routes.post("/tasks")
    def ask(wish: Annotated[dict[str, Any], Body(embed=True)]) -> dict[str, Any]:
        """Have something made; the same wish again is the same task. Joining masks is done at once."""
        from studio.structure.wishes import wish_from

        if wish.get("wish") == "join":
            return masks.joined(studio, wish, sources.target_from(wish.get("target") or {}))
        return dict(bench.ask(wish_from(wish)).as_dict())

    @routes.get("/tasks")
    def tasks(ids: Annotated[str, Query(max_length=4000)]) -> dict[str, Any]:
        found = (bench.task(one) for one in ids.split(","))
        return {"tasks": [task.as_dict() for task in found if task is not None]}

    @routes.post("/tasks/{task_id}/stop")
    def stop(task_id: str) -> dict[str, Any]:
        bench.stop(task_id)
        return {}


def _masks(routes: APIRouter, studio: Studio) -> None:
    @routes.post("/masks")
    async def bring(request: Request, name: str = "mask") -> dict[str, Any]:
        """Keep a black and white picture or clip; what it is."""
        return await brought(request, name, lambda path: masks.kept(studio, path, name))

    @routes.post("/masks/check")
    def check(media: Digest, source: Digest, target: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
        """Whether a mask made elsewhere fits a source, and over what it lies."""
        return masks.checked(studio, media, source, sources.target_from(target))


def _conventions(routes: APIRouter, studio: Studio, bench: Bench) -> None:
    @routes.post("/check")
    def check(media: Digest, kind: Annotated[str, Body(max_length=40)]) -> dict[str, Any]:
        """Whether a control clip made elsewhere is drawn as models expect it."""
        from studio.structure import check as checked

        return dataclasses.asdict(checked(studio.library.media_path(media), _control(kind)))

    @routes.post("/fix")
    def fix(
        media: Digest, kind: Annotated[str, Body(max_length=40)], fix: Annotated[str, Body(max_length=40)]
    ) -> dict[str, Any]:
        """The control clip with one thing mended, as a medium of its own."""
        from studio.structure.wishes import wish_from

        wish = wish_from({"wish": "fix", "source": media, "control": _control(kind), "fix": fix})
        return {"media": bench.make(wish).media}


def _control(kind: str) -> Any:
    if kind not in CONTROLS:
        raise InvalidRequest((Problem(field="control", message=f"There is no structure {kind!r}."),))
    return CONTROLS[kind]
