"""Putting files and rows together again after whatever happened: at every start, by whoever dispatches jobs."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.domain.errors import GimbalError, MediaError
from projects_db.records import ClipFile
from projects_db.repository import Repository
from studio.home import Home
from studio.library import trash
from studio.library.importing import adopt
from studio.library.intake import PREFIX, register
from studio.library.posters import make_poster

_UPLOAD_SECONDS = 3600.0
_POSTERS_AT_ONCE = 200
_log = logging.getLogger("gimbal.library")


@dataclass(frozen=True, kw_only=True)
class Reconciliation:
    """What was found and done; ids of clips (and so of jobs), paths relative to the data folder.

    finished: clips whose job had not been told. imported: clips without a row. returned: files that were missing.
    missing: clips whose file is gone. unreadable: files set aside. lost_media: pictures whose file is gone.
    """

    swept: int = 0
    finished: tuple[str, ...] = ()
    imported: tuple[str, ...] = ()
    returned: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    forgotten: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    posters: int = 0
    lost_media: tuple[str, ...] = ()

    def lines(self) -> tuple[str, ...]:
        """What a person should know, one sentence each; empty when all was in order."""
        told = (
            (len(self.finished), "{} finished when Gimbal ended, and kept."),
            (len(self.imported), "{} found without an entry, and added to the library."),
            (len(self.returned), "{} found again."),
            (len(self.missing), "{} not found in the data folder; put the files back, or delete the entries."),
            (len(self.unreadable), "{} of the clips folder that carry no request moved to trash/unreadable."),
            (len(self.lost_media), "{} that requests may need not found in the data folder."),
        )
        return tuple(text.format(_count(number)) for number, text in told if number)


def reconcile(home: Home, repository: Repository) -> Reconciliation:
    """Sweep what is temporary, give every clip file its row and say whose file is gone.

    Call it only while holding the lock of the dispatcher, before jobs are leased: it takes every job's temporary
    files for left-overs. Files that cannot be handled are logged and left; it raises only when the database fails.
    """
    swept = _sweep(home)
    trash.settle(home, repository)
    adopted = adopt_files(home, repository)
    missing, forgotten = _compare(home, repository)
    return Reconciliation(
        swept=swept,
        finished=adopted["finished"],
        imported=adopted["imported"],
        returned=tuple(dict.fromkeys((*adopted["returned"], *_returned(home, repository)))),
        unreadable=adopted["unreadable"],
        missing=missing,
        forgotten=forgotten,
        posters=_mend_posters(home, repository),
        lost_media=_compare_media(home, repository),
    )


def adopt_files(home: Home, repository: Repository) -> dict[str, tuple[str, ...]]:
    """Give every file in the clips folder a row; what carries no record is set aside as unreadable."""
    known = {row.path for row in repository.all_clip_files()}
    found: dict[str, list[str]] = {"finished": [], "imported": [], "returned": [], "unreadable": []}
    for path in [*_files_below(home.clips)]:
        if f"clips/{path.parent.name}/{path.name}" in known:
            continue
        try:
            how, clip_id = adopt(home, repository, path)
            found[how].append(clip_id)
        except MediaError as error:
            _log.warning("%s was set aside: %s", path.name, error)
            found["unreadable"].append(trash.set_aside(home, path).relative_to(home.root).as_posix())
        except OSError as error:
            _log.warning("%s was left alone: %s", path, error)
    return {how: tuple(ids) for how, ids in found.items()}


def _sweep(home: Home) -> int:
    """Remove the worker's temporary files, and uploads old enough that no other process is still at them."""
    count = 0
    for folder in (home.incoming, home.posters):
        for path in [*folder.iterdir()] if folder.is_dir() else []:
            if _is_leftover(path, home):
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
                count += 1
    return count


def _is_leftover(path: Path, home: Home) -> bool:
    if path.parent == home.posters:
        return path.name.startswith(".") and ".part" in path.name
    young = time.time() - path.stat().st_mtime < _UPLOAD_SECONDS
    return not (path.name.startswith(PREFIX) and young)


def _compare(home: Home, repository: Repository) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Mark clips without a file as missing; those of the trash are forgotten at once."""
    there = _names(home)
    gone = [row for row in repository.all_clip_files() if row.path not in there]
    forgotten = repository.purge_clips([row.id for row in gone if row.deleted_at is not None])
    missing = [row for row in gone if row.deleted_at is None]
    repository.mark_missing([row.id for row in missing if row.missing_since is None], True)
    return tuple(row.id for row in missing), forgotten


def _returned(home: Home, repository: Repository) -> tuple[str, ...]:
    """Clips that were marked missing and have their file again."""
    marked = [row for row in repository.all_clip_files() if row.missing_since is not None]
    back = tuple(row.id for row in marked if (home.root / row.path).is_file())
    repository.mark_missing(back, False)
    return back


def _mend_posters(home: Home, repository: Repository) -> int:
    """Make posters that are gone (the first ones now, the others when they are looked at) and remove orphans."""
    rows = {row.poster: row for row in repository.all_clip_files()}
    there = {f"posters/{entry.name}" for entry in os.scandir(home.posters)} if home.posters.is_dir() else set()
    for orphan in there - rows.keys():
        if orphan.endswith(".webp"):
            (home.root / orphan).unlink(missing_ok=True)
    bare = [row for poster, row in rows.items() if poster not in there and row.missing_since is None]
    return sum(_mend(home, row) for row in bare[:_POSTERS_AT_ONCE])


def _mend(home: Home, row: ClipFile) -> bool:
    return make_poster(home.root / row.path, home.root / row.poster)


def _compare_media(home: Home, repository: Repository) -> tuple[str, ...]:
    known = {row.path for row in repository.all_media()}
    for path in _files_below(home.media):
        if f"media/{path.parent.name}/{path.name}" not in known:
            try:
                register(home, repository, path)
            except (GimbalError, OSError) as error:
                _log.warning("%s was left alone: %s", path, error)
    return tuple(row.original_name for row in repository.all_media() if not (home.root / row.path).is_file())


def _names(home: Home) -> set[str]:
    return {f"clips/{path.parent.name}/{path.name}" for path in _files_below(home.clips)}


def _files_below(folder: Path) -> Iterator[Path]:
    """Ordinary files exactly two levels down; hidden ones belong to the system or to a copy in progress."""
    for month in sorted(p for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else ():
        with os.scandir(month) as entries:
            yield from sorted(
                Path(e.path) for e in entries if e.is_file(follow_symlinks=False) and not e.name.startswith(".")
            )


def _count(number: int) -> str:
    return "1 clip or picture was" if number == 1 else f"{number} clips or pictures were"
