"""A zip of PNG frames, lossless, with the record as request.json beside them."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from studio.export.pictures import ExportFormat, OnCount, Pictures
from studio.media.tags import ZIP_ENTRY

_FIRST_ZIP_DAY = (1980, 1, 1, 0, 0, 0)


def _write(path: Path, pictures: Pictures, record: str | None, on_count: OnCount) -> None:
    from PIL import Image

    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        if record is not None:
            archive.writestr(_entry(ZIP_ENTRY), record)
        for count, picture in enumerate(pictures, start=1):
            data = io.BytesIO()
            Image.fromarray(picture).save(data, format="PNG")
            archive.writestr(_entry(f"frame_{count - 1:05d}.png"), data.getvalue())
            on_count(count)


def _entry(name: str) -> zipfile.ZipInfo:
    """An entry without today's date: equal frames give equal files."""
    return zipfile.ZipInfo(name, _FIRST_ZIP_DAY)


FORMAT = ExportFormat(
    id="zip",
    title="PNG frames (zip)",
    suffix=".zip",
    note="Lossless single pictures.",
    even_sides=False,
    write=_write,
)
