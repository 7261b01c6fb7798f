"""A subject's files on their way to their place, named by their content."""

from __future__ import annotations

import shutil
from pathlib import Path

from studio.home import storage_error


def place(source: Path, target: Path) -> None:
    """Copy a folder to its place, whole or not at all; one that is there stays. Raises StorageError, NoSpace."""
    if target.is_dir():
        return
    part = target.with_name(f".{target.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, part)
        part.rename(target)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise storage_error(error, target) from error
