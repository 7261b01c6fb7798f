"""Errors as answers, and files as answers: the two things every route shares."""

from __future__ import annotations

import logging
from email.utils import formatdate
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, Response

from pipelines.domain.errors import (
    DatabaseError,
    GimbalError,
    InvalidRequest,
    MediaError,
    NoSpace,
    StorageError,
    UnknownModel,
)
from projects_db.records import NotFound

KEPT = "private, max-age=31536000, immutable"
"""For what never changes under its address."""

_STATUS: tuple[tuple[type[GimbalError], int], ...] = (
    (NotFound, 404),
    (InvalidRequest, 422),
    (MediaError, 415),
    (NoSpace, 507),
    (UnknownModel, 404),
    (StorageError, 500),
    (DatabaseError, 500),
)
_log = logging.getLogger(__name__)


def explain(error: GimbalError) -> dict[str, Any]:
    """An error as a page shows it."""
    problems = error.problems if isinstance(error, InvalidRequest) else ()
    listed = [{"field": p.field, "message": p.message, "hint": p.hint} for p in problems]
    return {"message": error.message, "hint": error.hint, "problems": listed}


def install(app: FastAPI) -> None:
    """Answer every GimbalError with its words, and everything else with a plain sentence and one log entry."""

    @app.exception_handler(GimbalError)
    async def told(request: Request, error: GimbalError) -> JSONResponse:
        status = next((code for kind, code in _STATUS if isinstance(error, kind)), 400)
        return JSONResponse({"error": explain(error)}, status_code=status)

    @app.exception_handler(RequestValidationError)
    async def misfit(request: Request, error: RequestValidationError) -> JSONResponse:
        fields = [".".join(str(part) for part in found["loc"][1:]) for found in error.errors()]
        problems = [
            {"field": name, "message": f["msg"], "hint": ""} for name, f in zip(fields, error.errors(), strict=True)
        ]
        words = {"message": f"This does not fit: {', '.join(filter(None, fields)) or 'the request'}.", "hint": ""}
        return JSONResponse({"error": {**words, "problems": problems}}, status_code=422)

    @app.exception_handler(Exception)
    async def untold(request: Request, error: Exception) -> JSONResponse:
        _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        words = {"message": "Gimbal met a fault of its own.", "hint": "The log in the data folder has the details."}
        return JSONResponse({"error": {**words, "problems": []}}, status_code=500)


def file(request: Request, path: Path, media_type: str, *, name: str | None = None) -> Response:
    """A file that never changes under its address: byte ranges, an ETag, kept by the browser. Raises NotFound."""
    try:
        stat = path.stat()
    except OSError:
        raise NotFound("The file of this entry is not in the data folder.", "It may have been moved by hand.") from None
    etag = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'
    headers = {
        "etag": etag,
        "last-modified": formatdate(stat.st_mtime, usegmt=True),
        "cache-control": KEPT if name is None else "no-store",
    }
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return FileResponse(path, media_type=media_type, headers=headers, filename=name, stat_result=stat)
