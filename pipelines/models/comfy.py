"""ComfyUI's folder of models: the files in it that a model can be put together from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

_FOLDERS = ("diffusion_models", "unet", "checkpoints")
_MOST = 20_000
_SUFFIXES = (".safetensors", ".gguf")
_NOISE = re.compile(r"(high|low)(?=[_\- ]?noise|[_\- .]|$)", re.IGNORECASE)


def comfy_models(path: Path) -> Path | None:
    """The folder `models` of a ComfyUI that `path` is or holds; None where it is none."""
    for folder in (path, path / "models"):
        if any((folder / name).is_dir() for name in _FOLDERS):
            return folder
    return None


def comfy_files(models: Path) -> list[tuple[Path, ...]]:
    """The files of denoisers, each alone, or with its other half where one is for high noise and one for low."""
    pairs: dict[str, list[Path]] = {}
    for path in sorted(islice(_files(models), _MOST)):
        key = _NOISE.sub("*", path.stem)
        pairs.setdefault(f"{path.parent}/{key}" if "*" in key else str(path), []).append(path)
    return [tuple(paths) for paths in pairs.values()]


def _files(models: Path) -> Iterator[Path]:
    for name in _FOLDERS:
        for path in (models / name).rglob("*"):
            if path.suffix.lower() in _SUFFIXES and path.is_file():
                yield path
