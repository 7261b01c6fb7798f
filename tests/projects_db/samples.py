"""Requests and clips to fill a history with."""

from __future__ import annotations

import dataclasses
from typing import Any

from pipelines.domain.request import GenerationRequest
from projects_db.records import ClipRow


def request(prompt: str = "a red ball rolls on grass", seed: int = 1, model: str = "toybox") -> GenerationRequest:
    return GenerationRequest(
        model=model,
        prompt=prompt,
        seed=seed,
        width=128,
        height=96,
        num_frames=17,
        fps=8.0,
        steps=4,
        guidance=1.0,
    )


def clip(number: int, project_id: str, prompt: str = "a red ball rolls on grass", **changes: Any) -> ClipRow:
    """A clip made at second 1,000,000 + number."""
    model = changes.get("model", "toybox")
    row = ClipRow(
        id=f"{number:016x}",
        project_id=project_id,
        path=f"clips/1970-01/{number:016x}.mp4",
        poster=f"posters/{number:016x}.webp",
        request_json=request(prompt, number, model).to_json(),
        model=model,
        prompt=prompt,
        seed=number,
        width=128,
        height=96,
        num_frames=17,
        fps=8.0,
        size_bytes=1000,
        file_sha256=f"{number:064x}",
        frames_sha256=f"{number:064x}",
        created_at=1_000_000.0 + number,
    )
    return dataclasses.replace(row, **changes)
