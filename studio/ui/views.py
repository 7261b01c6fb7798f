"""Rows and cards as the JSON that pages read. Paths never leave the process; media are addressed by id."""

from __future__ import annotations

import json
from typing import Any

from pipelines.families.family import ModelCard
from projects_db.records import ClipRow, JobRow, ProjectRow
from studio.ui.abilities import abilities


def project(row: ProjectRow) -> dict[str, Any]:
    return {"id": row.id, "name": row.name, "created_at": row.created_at, "clips": row.clips}


def card(card: ModelCard) -> dict[str, Any]:
    return {
        "id": card.id,
        "title": card.title,
        "summary": card.summary,
        "licence": card.licence,
        "weaknesses": card.weaknesses,
        "examples": list(card.examples),
        "tabs": abilities(card),
    }


def clip(row: ClipRow) -> dict[str, Any]:
    """A clip without its request: enough for a wall, a filmstrip and the player."""
    return {
        "id": row.id,
        "project_id": row.project_id,
        "job_id": row.job_id,
        "model": row.model,
        "prompt": row.prompt,
        "seed": row.seed,
        "width": row.width,
        "height": row.height,
        "num_frames": row.num_frames,
        "fps": row.fps,
        "seconds": row.num_frames / row.fps,
        "size_bytes": row.size_bytes,
        "rating": row.rating,
        "created_at": row.created_at,
        "deleted": row.deleted_at is not None,
        "missing": row.missing_since is not None,
        "parent": row.parent_clip_id,
        "draft": bool(json.loads(row.facts_json or "{}").get("draft")),
        "sound": bool(json.loads(row.facts_json or "{}").get("sound")),
        "url": f"/gimbal/media/clips/{row.id}",
        "poster": f"/gimbal/media/posters/{row.id}",
    }


def clip_in_full(row: ClipRow) -> dict[str, Any]:
    """A clip with the request that made it and what the run took."""
    return {
        **clip(row),
        "request": json.loads(row.request_json),
        "facts": json.loads(row.facts_json or "{}"),
        "frames_sha256": row.frames_sha256,
    }


def job(row: JobRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "project_id": row.project_id,
        "state": row.state,
        "request": json.loads(row.request_json),
        "attempts": row.attempts,
        "error_message": row.error_message,
        "error_hint": row.error_hint,
        "clip_id": row.clip_id,
        "facts": json.loads(row.facts_json or "{}"),
    }
