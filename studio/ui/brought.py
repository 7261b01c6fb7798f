"""Pictures and clips that a page brings, and pictures that it is shown: the same for every tab."""

from __future__ import annotations

import asyncio
import io
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import Request
from fastapi.responses import Response
from numpy.typing import NDArray

from pipelines.domain.errors import MediaError
from studio.media.limits import MAX_FILE_BYTES
from studio.ui.answers import KEPT, explain
from studio.ui.routes_files import received


async def brought(request: Request, name: str, keep: Callable[[Path], Mapping[str, Any]]) -> dict[str, Any]:
    """What `keep` tells of the file in the request's body; one that cannot be read is told in `refused`."""
    with tempfile.TemporaryDirectory(prefix="gimbal-brought-") as folder:
        try:
            path = await received(request, Path(folder), name, most=MAX_FILE_BYTES)
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
