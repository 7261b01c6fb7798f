"""Clips and media on disk, and the order in which files and rows change.

A clip is durable under its name before its row exists, and its row goes before its file does. A crash in between
leaves files that `reconcile` understands, never a row without its file.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Iterable
from pathlib import Path

from pipelines.domain.conditioning import ExtendClip
from pipelines.domain.errors import MediaError
from pipelines.domain.request import GenerationRequest
from projects_db.records import ClipRow, JobRow, MediaRow, NotFound
from projects_db.repository import Repository
from studio.home import Home
from studio.jobs.crashpoint import reach
from studio.library import trash
from studio.library.files import place
from studio.library.importing import import_clip, row_with_id
from studio.library.intake import take_in
from studio.library.posters import make_poster
from studio.library.produced import Finished
from studio.library.rebuild import Rebuilt, open_or_rebuild
from studio.library.reconcile import Reconciliation, reconcile
from studio.library.rows import Described, row_of
from studio.media.tags import read_record

TRASH_SECONDS = 30 * 86_400.0
_log = logging.getLogger("gimbal.library")


class Library:
    """The clips and media of one data folder. Safe from any thread; `reconcile` is for whoever dispatches jobs."""

    def __init__(self, home: Path, repository: Repository) -> None:
        self.home = Home(home)
        self.repository = repository

    @classmethod
    def open(cls, home: Path) -> tuple[Library, Rebuilt | None]:
        """Open a prepared data folder; a damaged history is set aside and made anew, and what came of it is told.

        Raises NewerDatabase, DatabaseError, StorageError, NoSpace.
        """
        repository, rebuilt = open_or_rebuild(Home(home))
        return cls(home, repository), rebuilt

    def store(self, job: JobRow, produced: Finished) -> ClipRow:
        """Keep the clip that a job made: check it, give it its place, then write clip and finished job at once.

        Raises MediaError where the file is not this job's clip, StorageError, NoSpace, DatabaseError.
        """
        kept = row_with_id(self.repository, job.id)
        if kept is not None:
            self.repository.finish_job(job.id, kept, kept.facts_json)
            _discard(produced)
            return kept
        row = row_of(_described(job, produced), job.id, job.project_id, job.id)
        row = dataclasses.replace(row, parent_clip_id=self._parent(job))
        reach("library.checked")
        if produced.poster.is_file():
            place(produced.poster, self.home.root / row.poster)
        reach("library.poster_placed")
        place(produced.path, self.home.root / row.path)
        reach("library.renamed")
        self.repository.finish_job(job.id, row, row.facts_json)
        reach("library.committed")
        return row

    def _parent(self, job: JobRow) -> str | None:
        """The clip that this one extends, if it is in the library."""
        parts = GenerationRequest.from_json(job.request_json).conditioning
        extended = (self.repository.clip_of_file(part.media) for part in parts if isinstance(part, ExtendClip))
        return next((clip.id for clip in extended if clip is not None), None)

    def import_clip(self, path: Path, project_id: str | None = None) -> ClipRow:
        """Copy a clip that carries its record into the library; one that is already there leaves the trash.

        Raises MediaError where the file is no clip of Gimbal, StorageError, NoSpace.
        """
        return import_clip(self.home, self.repository, path, project_id)

    def add_media(self, source: Path | bytes, original_name: str) -> MediaRow:
        """Check and keep a picture or clip that requests may name; the same bytes are kept once.

        Raises MediaError, StorageError, NoSpace.
        """
        return take_in(self.home, self.repository, source, original_name)

    def media_path(self, sha256: str) -> Path:
        """The file of a content hash. Raises NotFound, MediaError where the file is gone."""
        row = self.repository.media(sha256)
        if row is None:
            raise NotFound(f"No picture or clip {sha256[:12]}… was added here.", "Add it again.")
        path = self.home.root / row.path
        if not path.is_file():
            raise MediaError(f"The file of “{row.original_name}” is gone from the data folder.", "Add it again.")
        return path

    def clip_path(self, clip: ClipRow) -> Path:
        """Where a clip's file is, if it is not missing."""
        return self.home.root / clip.path

    def poster_path(self, clip: ClipRow) -> Path:
        """A clip's poster, made again where it is gone and the clip is there."""
        poster = self.home.root / clip.poster
        if not poster.is_file() and self.clip_path(clip).is_file():
            make_poster(self.clip_path(clip), poster)
        return poster

    def delete(self, ids: Iterable[str]) -> tuple[str, ...]:
        """Move clips to the trash; returns those that were not there yet, for `undo_delete`."""
        return self.repository.delete_clips(ids)

    def undo_delete(self, ids: Iterable[str]) -> tuple[str, ...]:
        """Take clips out of the trash, as they were."""
        return self.repository.restore_clips(ids)

    def purge(self, older_than: float | None = None) -> tuple[str, ...]:
        """Delete for good what was moved to the trash before `older_than` (a time); without it, the whole trash."""
        rows = self.repository.purgeable_clips(time.time() if older_than is None else older_than)
        return trash.purge(self.home, self.repository, rows)

    def reconcile(self) -> Reconciliation:
        """Put files and rows together again, and purge what lay in the trash for 30 days.

        Only for whoever holds the lock of the dispatcher, before jobs are leased.
        """
        done = reconcile(self.home, self.repository)
        self.purge(time.time() - TRASH_SECONDS)
        for line in done.lines():
            _log.info(line)
        return done


def _described(job: JobRow, produced: Finished) -> Described:
    """The worker's file, if it really is the clip of this job."""
    record = read_record(produced.path)
    mine = (record.clip_id, record.frames_sha256) == (produced.clip_id, produced.frames_sha256)
    if not mine or produced.clip_id != job.id or record.request.to_json() != _normal(job.request_json):
        raise MediaError("The finished file is not the clip of this job.", "Retry it.")
    return Described(
        file=produced.path,
        record=record,
        width=produced.width,
        height=produced.height,
        num_frames=produced.num_frames,
        fps=produced.fps,
    )


def _normal(request_json: str) -> str:
    return GenerationRequest.from_json(request_json).to_json()


def _discard(produced: Finished) -> None:
    produced.path.unlink(missing_ok=True)
    produced.poster.unlink(missing_ok=True)
