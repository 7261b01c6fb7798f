"""Deleting for good: a file moves to trash/, then its row goes, then the file.

Wherever that is cut off, `settle` sees from file and row which step comes next.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from projects_db.records import ClipRow, NotFound
from projects_db.repository import Repository
from studio.home import Home
from studio.jobs.crashpoint import reach
from studio.library.files import place, writing


def purge(home: Home, repository: Repository, rows: Sequence[ClipRow]) -> tuple[str, ...]:
    """Delete clips of the trash with their files; returns the ids of those that are gone."""
    for row in rows:
        if (home.root / row.path).is_file():
            place(home.root / row.path, _trash_place(home, row))
    reach("library.trashed")
    gone = repository.purge_clips([row.id for row in rows])
    reach("library.purged")
    for row in rows:
        _finish(home, row, purged=row.id in gone)
    return gone


def settle(home: Home, repository: Repository) -> int:
    """Finish what a crash left half purged; returns how many files were settled."""
    count = 0
    for file in _clip_files(home.trash):
        try:
            row = repository.clip(file.stem)
        except NotFound:
            _unlink(file)
        else:
            purged = row.deleted_at is not None and bool(repository.purge_clips([row.id]))
            _finish(home, row, purged)
        count += 1
    return count


def set_aside(home: Home, file: Path) -> Path:
    """Move a file that is no clip out of the clips folder, and never delete it."""
    folder = home.trash / "unreadable"
    target = folder / file.name
    number = 1
    while target.exists():
        target = folder / f"{file.stem}-{number}{file.suffix}"
        number += 1
    with writing(target):
        folder.mkdir(parents=True, exist_ok=True)
        os.replace(file, target)
    return target


def _finish(home: Home, row: ClipRow, purged: bool) -> None:
    """The last step: without a row the files go; a clip that was restored meanwhile gets its file back."""
    trashed, file = _trash_place(home, row), home.root / row.path
    if purged:
        _unlink(trashed)
        _unlink(home.root / row.poster)
    elif trashed.is_file() and not file.exists():
        place(trashed, file)


def _trash_place(home: Home, row: ClipRow) -> Path:
    return home.trash / f"{row.id}{Path(row.path).suffix}"


def _clip_files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))


def _unlink(path: Path) -> None:
    with writing(path):
        path.unlink(missing_ok=True)
