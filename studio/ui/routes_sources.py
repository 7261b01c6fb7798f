"""Routes for what a clip is made from: pictures that are brought, frames and clips of the library."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, Request

from projects_db.records import MediaRow
from studio.ui.brought import arrived

if TYPE_CHECKING:
    from studio.studio import Studio


def router(studio: Studio) -> APIRouter:
    routes = APIRouter(prefix="/gimbal")

    @routes.post("/api/pictures")
    async def picture(request: Request, name: str = "picture") -> dict[str, Any]:
        """Keep a brought picture, made plain where programs would show it differently."""
        async with arrived(request, name) as path:
            return await asyncio.to_thread(_kept, studio, path, name)

    @routes.post("/api/clips/{clip_id}/frame")
    def frame(clip_id: str, frame: Annotated[int, Body(embed=True, ge=0)]) -> dict[str, Any]:
        """Keep one frame of a clip as a picture; past its end, the last one."""
        from studio.media import read_frames
        from studio.media.plain import png

        path = studio.library.clip_path(studio.repository.clip(clip_id))
        read = read_frames(path, max_frames=frame + 1)
        row = studio.library.add_media(png(read.pixels[-1]), f"frame {len(read)} of {clip_id}.png")
        return _told(row, f"Frame {len(read)} of a clip")

    @routes.post("/api/clips/{clip_id}/source")
    def source(clip_id: str) -> dict[str, Any]:
        """Keep a clip as a medium, so that requests can name it."""
        clip = studio.repository.clip(clip_id)
        row = studio.library.add_media(studio.library.clip_path(clip), f"{clip_id}.mp4")
        return {"media": row.sha256, "clip": clip.id, "num_frames": clip.num_frames, "poster": True}

    @routes.get("/api/media/{sha256}")
    def facts(sha256: str) -> dict[str, Any]:
        """What is known of a medium, and the clip whose file it is."""
        studio.library.media_path(sha256)
        row, clip = studio.repository.media(sha256), studio.repository.clip_of_file(sha256)
        assert row is not None
        return _told(row) | {"num_frames": row.num_frames, "clip": clip.id if clip else None}

    return routes


def _kept(studio: Studio, path: Path, name: str) -> dict[str, Any]:
    from studio.media.plain import plain

    made = plain(path)
    row = studio.library.add_media(made.data or path, name)
    return _told(row, name) | {"notes": list(made.notes)}


def _told(row: MediaRow, name: str | None = None) -> dict[str, Any]:
    return {"media": row.sha256, "name": name or row.original_name, "width": row.width, "height": row.height}
