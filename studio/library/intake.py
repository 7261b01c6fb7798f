"""Media on their way in: copied aside, checked, named by their bytes, and only then part of the library."""

from __future__ import annotations

import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.domain.errors import MediaError
from projects_db.records import MediaRow, storable
from projects_db.repository import Repository
from studio.home import Home
from studio.library.files import place, sha256_of, writing
from studio.media import MediaInfo, probe
from studio.media.sniff import media_container

PREFIX = "media-"
_SUFFIXES = {"jpeg": "jpg"}


def take_in(home: Home, repository: Repository, source: Path | bytes, original_name: str) -> MediaRow:
    """Check a picture or clip and keep it under the hash of its bytes. Raises MediaError, StorageError, NoSpace."""
    name = storable(Path(original_name.replace("\\", "/")).name)[:200] or "file"
    with _copied(home, source, name) as copy:
        info = probe(copy)
        row = _row_of(copy, info, name)
        known = repository.media(row.sha256)
        if known is not None and (home.root / known.path).is_file():
            return known
        place(copy, home.root / row.path)
    return repository.add_media(row)


def register(home: Home, repository: Repository, file: Path) -> MediaRow | None:
    """Make the row of a file in the media folder; None where its name is not the hash of its bytes."""
    row = _row_of(file, probe(file), file.name)
    return repository.add_media(row) if home.root / row.path == file else None


@contextmanager
def _copied(home: Home, source: Path | bytes, name: str) -> Iterator[Path]:
    """The bytes in a folder of their own, under a name that a message to the person may show."""
    folder = home.incoming / f"{PREFIX}{secrets.token_hex(8)}"
    copy = folder / (re.sub(r"[^\w.\- ]", "_", name).lstrip(".")[-80:] or "file")
    if isinstance(source, Path):
        media_container(source)
    try:
        with writing(home.media):
            folder.mkdir(parents=True)
            if isinstance(source, bytes):
                copy.write_bytes(source)
            else:
                _copy(source, copy)
        yield copy
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy(source: Path, copy: Path) -> None:
    try:
        file = source.open("rb")
    except OSError as error:
        raise MediaError(f"{source.name} cannot be read ({error.strerror}).", "Check that you may read it.") from None
    with file, copy.open("wb") as target:
        shutil.copyfileobj(file, target, 1 << 20)


def _row_of(file: Path, info: MediaInfo, name: str) -> MediaRow:
    sha256 = sha256_of(file)
    suffix = _SUFFIXES.get(info.container, info.container)
    return MediaRow(
        sha256=sha256,
        path=f"media/{sha256[:2]}/{sha256}.{suffix}",
        kind=info.kind,
        width=info.width,
        height=info.height,
        num_frames=info.num_frames,
        fps=info.fps if info.kind == "clip" else None,
        size_bytes=file.stat().st_size,
        original_name=name,
        created_at=time.time(),
    )
