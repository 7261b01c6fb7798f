"""Routes of the shelf: the models that are here or can be fetched, and the LoRA. Each is a call of the studio."""

from __future__ import annotations

import asyncio
import ipaddress
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, Request

from pipelines.domain.errors import BrokenCheckpoint, GimbalError, MediaError
from pipelines.models.weights import PICKLES
from projects_db.records import NotFound
from studio.shelf.loras import Kept, plain_name
from studio.shelf.models import Offer
from studio.shelf.sampling import sample
from studio.ui import answers, views
from studio.ui.brought import arrived

if TYPE_CHECKING:
    from projects_db.records import JobRow
    from studio.studio import Studio

Project = Annotated[str, Body(embed=True, max_length=100)]
MOST_LORA_BYTES = 4 * 2**30


def router(studio: Studio) -> APIRouter:
    routes = APIRouter(prefix="/gimbal")
    _models(routes, studio)
    _changes(routes, studio)
    _loras(routes, studio)
    return routes


def _models(routes: APIRouter, studio: Studio) -> None:
    @routes.get("/api/models")
    def every() -> dict[str, Any]:
        """What is here and what can be fetched, with what each can do here."""
        broken = [{"name": b.folder.name, "message": b.message, "hint": b.hint} for b in studio.catalog.broken]
        return {"models": [_offer(offer) for offer in studio.models.offers()], "broken": broken, **place(studio)}

    @routes.post("/api/models/{card_id}/fetch")
    def fetch(card_id: str, project: Project) -> dict[str, Any]:
        return {"job": studio.models.fetch(card_id, project).id}

    @routes.post("/api/models/{card_id}/verify")
    def verify(card_id: str, project: Project) -> dict[str, Any]:
        return {"job": studio.models.verify(card_id, project).id}


def _changes(routes: APIRouter, studio: Studio) -> None:
    @routes.post("/api/models/add")
    def add(request: Request, path: Annotated[str, Body(embed=True, max_length=5000)]) -> dict[str, Any]:
        """Use what lies at a path; only for pages on this machine, for paths of it are nobody else's business."""
        only_here(request)
        try:
            return {"added": [{"id": card.id, "title": card.title} for card in studio.models.add(path)]}
        except GimbalError as error:  # what a person typed may be wrong, that is an answer, too
            return {"refused": answers.explain(error)}

    @routes.post("/api/models/{card_id}/remove")
    def remove(request: Request, card_id: str) -> dict[str, Any]:
        only_here(request)
        return {"freed": studio.models.remove(card_id)}

    @routes.post("/api/models/{card_id}/discard")
    def discard(request: Request, card_id: str) -> dict[str, Any]:
        only_here(request)
        return {"freed": studio.models.discard(card_id)}


def place(studio: Studio) -> dict[str, Any]:
    """Where it is fetched from, and the room for it."""
    free = shutil.disk_usage(studio.home.root).free
    return {"offline": studio.settings.offline, "hub": studio.settings.hub, "free_bytes": free}


def errand(job: JobRow | None) -> dict[str, Any] | None:
    """The job that fetches or checks something."""
    return None if job is None else {"id": job.id, "task": job.task, "state": job.state}


def only_here(request: Request) -> None:
    """Raises GimbalError where the page is not on the machine that Gimbal runs on."""
    try:
        is_here = request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        is_here = False
    if not is_here:
        message = "Folders are added and removed on the machine that Gimbal runs on."
        raise GimbalError(message, "Open its window there, or use: launch.py models add FOLDER.")


def _offer(offer: Offer) -> dict[str, Any]:
    card, source = offer.card, offer.card.source
    grid = card.capabilities.grid
    return {
        **views.card(card),
        "family": card.family,
        "origin": offer.origin,
        "folder": str(card.folder) if offer.origin == "added" else "",
        "size": offer.size,
        "held": offer.held,
        "verdict": offer.chance.verdict,
        "seconds": offer.chance.seconds,
        "told": offer.chance.told,
        "clip": {"size": list(grid.sizes[0]), "num_frames": grid.lengths[0], "fps": grid.fps.default},
        "non_commercial": bool(source and source.non_commercial),
        "repository": source.repository if source else "",
        "settings_source": card.settings_source,
        "adapters": card.capabilities.adapters,
        "draft": card.capabilities.draft,
        "why_kept": offer.why_kept,
        "verifies": offer.origin == "fetched",
        "job": errand(offer.job),
    }


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

    @routes.post("/api/loras/{digest}/sample")
    def make_sample(digest: str, project: Project, model: Annotated[str, Body(max_length=400)]) -> dict[str, Any]:
        return {"job": sample(studio, digest, model, project).id}

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
