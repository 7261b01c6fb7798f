"""Read the record back from any file this studio writes: tags, chunks, comments, zip entries or a sidecar."""

from __future__ import annotations

import zipfile
from pathlib import Path

from pipelines.domain.errors import MediaError
from studio.media.gif_comment import read_comment
from studio.media.limits import MAX_FILE_BYTES, MAX_RECORD_CHARS
from studio.media.open_clip import opened
from studio.media.pictures import picture_file
from studio.media.record import TAG, ClipRecord, embeddable
from studio.media.sniff import CLIPS, Container, sniff

__all__ = ["TAG", "ClipRecord", "embeddable", "read_record", "sidecar"]

ZIP_ENTRY = "request.json"
EXIF_IMAGE_DESCRIPTION = 0x010E


def sidecar(path: Path) -> Path:
    """Where the full record of a file stands that has no room for it: the file's name and `.json`."""
    return path.with_name(path.name + ".json")


def read_record(path: Path) -> ClipRecord:
    """The record of a clip, an export or a request.json. Raises MediaError where there is none or it is damaged."""
    if path.exists() and path.stat().st_size > MAX_FILE_BYTES:
        raise MediaError(f"{path.name} is larger than any clip this studio writes.", "Choose a Gimbal clip.")
    text = _carried(path, sniff(path))
    record = ClipRecord.from_json(text) if text else None
    if record is not None and set(record.media) == set(record.request.media):
        return record
    full = _beside(path, record)
    if full is None:
        message = f"{path.name} carries no request: it was not made here, or its tags were stripped."
        raise MediaError(message, "Choose a clip, or a file that Gimbal exported.")
    return full


def _beside(path: Path, record: ClipRecord | None) -> ClipRecord | None:
    """The sidecar's record where it tells of the same frames, else the one that is already known."""
    beside = sidecar(path)
    if not beside.is_file():
        return record
    try:
        full = ClipRecord.from_json(_text(beside))
    except MediaError:
        return record
    return full if record is None or full.frames_sha256 == record.frames_sha256 else record


def _carried(path: Path, kind: Container) -> str | None:
    if kind in CLIPS:
        with opened(path, kind) as container:
            return next((v for k, v in container.metadata.items() if k.lower() == TAG), None)
    if kind == "gif":
        return read_comment(path)
    if kind in ("webp", "png", "jpeg"):
        with picture_file(path, kind) as image:
            found = image.getexif().get(EXIF_IMAGE_DESCRIPTION)
            return found if isinstance(found, str) and found.startswith("{") else None
    return _zipped(path) if kind == "zip" else _text(path)


def _zipped(path: Path) -> str | None:
    try:
        with zipfile.ZipFile(path) as archive, archive.open(ZIP_ENTRY) as entry:
            return _decoded(entry.read(MAX_RECORD_CHARS + 1))
    except KeyError:
        return None
    except (OSError, ValueError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zipfile.LargeZipFile):
        raise MediaError(f"{path.name} is a damaged zip file.", "Copy or export it again.") from None


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return _decoded(file.read(MAX_RECORD_CHARS + 1))
    except OSError as error:
        raise MediaError(f"{path.name} cannot be read ({error.strerror}).", "Check that you may read it.") from None


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise MediaError("The record in this file is no text.", "The file may be damaged; copy it again.") from None
