"""Exports asked for by pages: made one at a time beside the window, offered for download, forgotten at the end."""

from __future__ import annotations

import re
import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.domain.errors import GimbalError, StorageError
from projects_db.records import ClipRow, NotFound
from studio.ui.answers import explain

if TYPE_CHECKING:
    from studio.export import ExportOptions
    from studio.studio import Studio

KEPT = 12


@dataclass(frozen=True, kw_only=True)
class Export:
    """One export: its state as pages see it, and where its files are once done."""

    id: str
    clip_id: str
    fraction: float = 0.0
    error: dict[str, Any] | None = None
    path: Path | None = None
    sidecar: Path | None = None
    report: dict[str, Any] | None = None

    def view(self) -> dict[str, Any]:
        done = self.path is not None
        return {
            "id": self.id,
            "clip_id": self.clip_id,
            "fraction": self.fraction,
            "error": self.error,
            "url": f"/gimbal/media/exports/{self.id}" if done else None,
            "sidecar": f"/gimbal/media/exports/{self.id}/settings" if self.sidecar else None,
            "report": self.report,
        }


class Exports:
    """Runs exports in the background and keeps the latest few until the window closes."""

    def __init__(self, studio: Studio, tell: Callable[[str, Any], None]) -> None:
        self.studio = studio
        self.tell = tell
        self._found: dict[str, Export] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="export")
        self._folder: Path | None = None

    def start(self, clip_id: str, options: ExportOptions) -> Export:
        """Begin an export. Raises NotFound for an unknown clip."""
        row = self.studio.repository.clip(clip_id)
        export = Export(id=secrets.token_hex(8), clip_id=clip_id)
        self._keep(export)
        self._pool.submit(self._run, export, row, options)
        return export

    def get(self, export_id: str) -> Export:
        with self._lock:
            export = self._found.get(export_id)
        if export is None:
            raise NotFound("This export is not kept any more.", "Export the clip again.")
        return export

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, export: Export, row: ClipRow, options: ExportOptions) -> None:
        try:
            self._keep(self._made(export, row, options))
        except GimbalError as error:
            self._keep(_changed(export, error=explain(error)))
        except OSError as error:
            self._keep(_changed(export, error=explain(StorageError(f"The export could not be written ({error}).", ""))))
        except Exception as error:
            self._keep(_changed(export, error={"message": "The export failed.", "hint": str(error), "problems": []}))
            raise

    def _made(self, export: Export, row: ClipRow, options: ExportOptions) -> Export:
        from studio.export import export as write

        target = self._target(export, row, options)
        report = write(
            self.studio.library.clip_path(row),
            target,
            options,
            on_progress=lambda fraction: self._keep(_changed(export, fraction=float(fraction))),
        )
        facts = {
            "name": report.path.name,
            "num_frames": report.num_frames,
            "width": report.width,
            "height": report.height,
            "fps": report.fps,
            "bytes": report.bytes,
        }
        return _changed(export, fraction=1.0, path=report.path, sidecar=report.sidecar, report=facts)

    def _target(self, export: Export, row: ClipRow, options: ExportOptions) -> Path:
        with self._lock:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="gimbal-exports-"))
            folder = self._folder / export.id
        folder.mkdir()
        return folder / f"{file_stem(row)}{suffix(options.format)}"

    def _keep(self, export: Export) -> None:
        with self._lock:
            self._found[export.id] = export
            old = [self._found.pop(key) for key in list(self._found)[:-KEPT]]
        for gone in old:
            if gone.path is not None:
                shutil.rmtree(gone.path.parent, ignore_errors=True)
        self.tell("exports", {key: kept.view() for key, kept in list(self._found.items())})


def _changed(export: Export, **changes: Any) -> Export:
    import dataclasses

    return dataclasses.replace(export, **changes)


def file_stem(row: ClipRow) -> str:
    """A file name a person recognises: the first words of the prompt and the seed."""
    words = re.findall(r"[A-Za-z0-9]+", row.prompt)[:6]
    return "-".join([*words, str(row.seed)]).lower()[:80]


def formats() -> list[dict[str, Any]]:
    """The formats a page offers."""
    from studio.export import FORMATS

    return [{"id": f.id, "title": f.title, "suffix": f.suffix, "note": f.note} for f in FORMATS]


def suffix(format_id: str | None) -> str:
    """The ending of a format's files. Raises InvalidRequest for one that is not in the list."""
    from studio.export import format_by_id

    return format_by_id(format_id or "").suffix
