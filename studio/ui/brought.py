"""Pictures and clips that a page brings, and pictures that it is shown: the same for every tab."""

from __future__ import annotations

import asyncio
import io
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import Request
from fastapi.responses import Response
from numpy.typing import NDArray

from pipelines.domain.errors import MediaError
from studio.media.limits import MAX_FILE_BYTES
from studio.ui.answers import KEPT, explain

MAX_DROP_BYTES = 512 * 2**20


@asynccontextmanager
async def arrived(request: Request, name: str, most: int = MAX_DROP_BYTES) -> AsyncIterator[Path]:
    """The request's body in a file that is gone afterwards; only the suffix of its name is kept. most: bytes."""
    suffix = "".join(c for c in Path(name).suffix.lower() if c.isalnum() or c == ".")[:8]
    size = 0
    with tempfile.TemporaryDirectory(prefix="gimbal-brought-") as folder:
        path = Path(folder, f"dropped{suffix}")
        with path.open("wb") as out:
            async for chunk in request.stream():
                size += len(chunk)
                if size > most:
                    raise MediaError(f"The file is larger than {most / 2**20:,.0f} MB.", "Cut it to the part you need.")
                await asyncio.to_thread(out.write, chunk)
        yield path


async def brought(request: Request, name: str, keep: Callable[[Path], Mapping[str, Any]]) -> dict[str, Any]:
    """What `keep` tells of the file in the request's body; one that cannot be read is told in `refused`."""
    try:
        async with arrived(request, name, most=MAX_FILE_BYTES) as path:
            return dict(await asyncio.to_thread(keep, path))
    except MediaError as error:  # what a stranger's file is like is an answer, too
        told = explain(error)
        return {"refused": told | {"message": told["message"].replace(f"dropped{Path(name).suffix}", name)}}


def jpeg(pixels: NDArray[np.uint8]) -> Response:
    """A picture uint8 (H, W, 3) as the page may keep it."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=88)
    return Response(out.getvalue(), media_type="image/jpeg", headers={"cache-control": KEPT})
