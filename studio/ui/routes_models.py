"""Routes of the shelf: the models that are here or can be fetched, and the LoRA. Each is a call of the studio."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, Request

from pipelines.domain.errors import BrokenCheckpoint, MediaError
from pipelines.models.weights import PICKLES
from projects_db.records import NotFound
from studio.shelf.loras import Kept, plain_name
from studio.ui import answers, views
from studio.ui.brought import arrived

if TYPE_CHECKING:
    from studio.studio import Studio

MOST_LORA_BYTES = 4 * 2**30


def router(studio: Studio) -> APIRouter:
    routes = APIRouter(prefix="/gimbal")
    _loras(routes, studio)
    return routes


def _loras(routes: APIRouter, studio: Studio) -> None:
    @routes.get("/api/loras")
    def every() -> dict[str, Any]:
        broken = [{"name": path.name, "message": why} for path, why in studio.loras.broken]
        return {"loras": [_lora(kept, studio) for kept in studio.loras.all()], "broken": broken}

    @routes.post("/api/loras/take")
    async def take(request: Request, name: str = "lora") -> dict[str, Any]:
        """Keep a dropped LoRA. What may be a subject's file is told so and left alone; what is neither is `refused`."""
        try:
            async with arrived(request, name, most=MOST_LORA_BYTES) as path:
                return await asyncio.to_thread(_taken, studio, path, name)
        except (BrokenCheckpoint, MediaError) as error:  # what a stranger's file is like is an answer, too
            return {"kind": "refused", "refused": answers.explain(error)}

    @routes.post("/api/loras/{digest}/change")
    def change(
        digest: str,
        name: Annotated[str | None, Body(max_length=200)] = None,
        strength: Annotated[float | None, Body()] = None,
    ) -> dict[str, Any]:
        return _lora(studio.loras.change(digest, name=name, strength=strength), studio)

    @routes.post("/api/loras/{digest}/remove")
    def remove(digest: str) -> dict[str, Any]:
        studio.loras.remove(digest)
        return {}

    @routes.post("/api/loras/{digest}/restore")
    def restore(digest: str) -> dict[str, Any]:
        return _lora(studio.loras.restore(digest), studio)


def _taken(studio: Studio, path: Path, name: str) -> dict[str, Any]:
    from pipelines.models.lora_keys import read_lora
    from studio.subjects.exchange import is_subject

    ending = next((known for known in (".safetensors", *PICKLES) if name.lower().endswith(known)), "")
    named = path.with_name(f"{plain_name(Path(name).stem) or 'lora'}{ending}")
    path.rename(named)
    if named.suffix not in PICKLES:
        try:
            read_lora(named)
        except BrokenCheckpoint:
            return {"kind": "subject"}
        if is_subject(named):
            return {"kind": "subject"}
    return {"kind": "lora", "lora": _lora(studio.loras.take(named), studio)}


def _lora(kept: Kept, studio: Studio) -> dict[str, Any]:
    """A LoRA as the shelf shows it; fits: the titles of the models here that can wear it, by id."""
    from pipelines.models.lora_keys import fits

    lora = kept.lora
    able = {card.id: card.title for card in studio.catalog.cards() if not fits(lora.facts, card)}
    return {
        "digest": lora.digest,
        "name": lora.name,
        "title": kept.title,
        "base": lora.facts.base,
        "rank": lora.facts.rank,
        "layers": lora.facts.layers,
        "bytes": lora.path.stat().st_size,
        "words": list(kept.words),
        "strength": kept.note.strength,
        "fits": able,
        "sample": _sample(kept.note.sample, studio),
    }


def _sample(job_id: str, studio: Studio) -> dict[str, Any] | None:
    """The job of a sample, with its clip once that is there."""
    try:
        row = studio.repository.job(job_id)
        clip = views.clip(studio.repository.clip(row.clip_id)) if row.clip_id else None
    except NotFound:
        return None
    return {"job": row.id, "state": row.state, "clip": None if clip and clip["deleted"] else clip}
