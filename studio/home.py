"""The data folder: where a person's clips, their history and the studio's own files live."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.domain.errors import NoSpace, StorageError

if TYPE_CHECKING:
    from pipelines.models.catalog import Catalog

_FULL = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})
_REFUSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


@dataclass(frozen=True)
class Home:
    """The paths inside a data folder. Everything in it belongs to the person; `root` alone has to be kept."""

    root: Path

    @property
    def database(self) -> Path:
        return self.root / "gimbal.sqlite3"

    @property
    def backups(self) -> Path:
        return self.root / "backups"

    @property
    def clips(self) -> Path:
        return self.root / "clips"

    @property
    def posters(self) -> Path:
        return self.root / "posters"

    @property
    def media(self) -> Path:
        return self.root / "media"

    @property
    def incoming(self) -> Path:
        return self.root / "incoming"

    @property
    def trash(self) -> Path:
        return self.root / "trash"

    @property
    def tasks(self) -> Path:
        """A folder for each job that makes something else than a clip, until it has ended well."""
        return self.root / "tasks"

    @property
    def subjects(self) -> Path:
        """The files of trained subjects, a folder for each content."""
        return self.root / "subjects"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def models(self) -> Path:
        """Where published models are put when they are fetched."""
        return self.root / "models"

    @property
    def estimators(self) -> Path:
        """A person's own readers of depth, poses and masks, a folder for each, and those that were fetched."""
        return self.root / "estimators"

    @property
    def measured(self) -> Path:
        """What was measured of models on this machine."""
        return self.root / "measured"

    @property
    def loras(self) -> Path:
        return self.root / "loras"

    @property
    def models_file(self) -> Path:
        return self.root / "models.json"

    @property
    def dispatch_lock(self) -> Path:
        return self.root / "dispatch.lock"

    @property
    def window_lock(self) -> Path:
        return self.root / "window.lock"

    @property
    def window_file(self) -> Path:
        return self.root / "window.json"


def prepare(root: Path) -> Home:
    """Make the folders and prove that they can be written. Raises StorageError, NoSpace."""
    home = Home(root)
    probe = home.logs / f".probe-{secrets.token_hex(4)}"
    folders = (home.backups, home.clips, home.posters, home.media, home.incoming, home.trash, home.logs)
    try:
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"gimbal" * 700)
        probe.unlink()
    except OSError as error:
        with contextlib.suppress(OSError):
            probe.unlink()
        raise storage_error(error, root) from error
    return home


def storage_error(error: OSError, path: Path) -> StorageError:
    """The error to tell a person when writing `path` failed."""
    if error.errno in _FULL:
        return NoSpace(f"The disk that holds {path} is full.", "Free some space, then try again.")
    if error.errno in _REFUSED:
        hint = "Allow writing there, or set GIMBAL_HOME to a folder of your own."
        return StorageError(f"The folder {path} cannot be written ({error.strerror}).", hint)
    if isinstance(error, FileExistsError | NotADirectoryError):
        return StorageError(f"{path} cannot be a folder: a file is in its way.", "Move that file, or set GIMBAL_HOME.")
    reason = error.strerror or str(error)
    hint = "Check the disk, or set GIMBAL_HOME to another folder."
    return StorageError(f"{path} cannot be written ({reason}).", hint)


def added_models(home: Home) -> tuple[Path, ...]:
    """The checkpoint folders a person added; an unreadable list counts as empty."""
    try:
        raw = json.loads(home.models_file.read_text("utf-8"))
    except (OSError, ValueError):
        return ()
    folders = raw.get("folders") if isinstance(raw, dict) else None
    if not isinstance(folders, list):
        return ()
    return tuple(Path(folder) for folder in folders if isinstance(folder, str))


def catalog_of(assets: Path, home: Home) -> Catalog:
    """The models that came with Gimbal, those a person added and those that were fetched, as they lie there now."""
    from pipelines.models.catalog import Catalog

    return Catalog(assets, added_models(home), home.models)


def add_model(home: Home, folder: Path) -> None:
    """Remember a checkpoint folder (once), atomically. Raises StorageError."""
    folders = dict.fromkeys((*map(str, added_models(home)), str(folder.expanduser().resolve())))
    write_atomically(home.models_file, json.dumps({"folders": list(folders)}, indent=1))


def forget_model(home: Home, folder: Path) -> None:
    """Offer a checkpoint folder no longer; its files stay. Raises StorageError."""
    folders = [str(each) for each in added_models(home) if each != folder]
    write_atomically(home.models_file, json.dumps({"folders": folders}, indent=1))


def write_atomically(path: Path, text: str) -> None:
    """Replace a small text file so that a reader sees the old or the new one. Raises StorageError, NoSpace."""
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        with part.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise storage_error(error, path) from error
