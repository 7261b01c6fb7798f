"""The library of LoRA files: a folder in the person's data, each file known by its content and its base."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.domain.adapters import AdapterUse
from pipelines.domain.errors import BrokenCheckpoint, InvalidRequest, Problem
from pipelines.families.family import Adapter, ModelCard
from pipelines.models.hub import sha256_of
from pipelines.models.lora_keys import LoraFacts, fits, read_lora

INDEX = ".index.json"


@dataclass(frozen=True, kw_only=True)
class Lora:
    """One file of the library. digest: SHA-256 of its content, by which requests name it."""

    name: str
    path: Path
    digest: str
    facts: LoraFacts


class LoraShelf:
    """The LoRA files in `folder`. Files may be put there by hand; what is no LoRA is told in `broken`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broken: tuple[tuple[Path, str], ...] = ()

    def all(self) -> tuple[Lora, ...]:
        """Every LoRA, by name."""
        found, broken, known = [], [], self._known()
        index: dict[str, Any] = {}
        for path in sorted(self.folder.glob("*.safetensors")) if self.folder.is_dir() else ():
            try:
                facts = read_lora(path)
            except BrokenCheckpoint as error:
                broken.append((path, error.message))
                continue
            stat = path.stat()
            mark = [stat.st_size, stat.st_mtime_ns]
            entry = known.get(path.name, {})
            digest = entry["digest"] if entry.get("mark") == mark else sha256_of(path)
            index[path.name] = {"mark": mark, "digest": digest}
            found.append(Lora(name=path.stem, path=path, digest=digest, facts=facts))
        self.broken = tuple(broken)
        if index != known:
            self._remember(index)
        return tuple(found)

    def add(self, path: Path) -> Lora:
        """Copy a LoRA file into the library. Raises BrokenCheckpoint where it is none, OSError (the disk)."""
        facts, digest = read_lora(path), sha256_of(path)
        for lora in self.all():
            if lora.digest == digest:
                return lora
        self.folder.mkdir(parents=True, exist_ok=True)
        target = self.folder / path.name
        if target.exists():
            target = target.with_stem(f"{path.stem}-{digest[:6]}")
        part = self.folder / f".{secrets.token_hex(4)}.part"
        try:
            shutil.copyfile(path, part)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
        return Lora(name=target.stem, path=target, digest=digest, facts=facts)

    def named(self, name: str) -> Lora:
        """The LoRA of that name, or whose digest begins so. Raises InvalidRequest."""
        for lora in self.all():
            if name in (lora.name, lora.path.name) or (len(name) >= 6 and lora.digest.startswith(name)):
                return lora
        known = ", ".join(lora.name for lora in self.all()) or "none"
        message = f"There is no LoRA {name!r} here."
        raise InvalidRequest(
            (Problem(field="adapters", message=message, hint=f"Known: {known}. Add one: launch.py models lora FILE."),)
        )

    def resolve(self, uses: tuple[AdapterUse, ...], card: ModelCard) -> tuple[Adapter, ...]:
        """The files of a request's LoRA. Raises InvalidRequest naming each that is missing or for another base."""
        by_digest = {lora.digest: lora for lora in self.all()} if uses else {}
        problems = [problem for use in uses if (problem := _problem(use, by_digest, card)) is not None]
        if problems:
            raise InvalidRequest(tuple(problems))
        return tuple(Adapter(path=by_digest[use.digest].path, strength=use.strength) for use in uses)

    def _known(self) -> dict[str, Any]:
        try:
            raw = json.loads((self.folder / INDEX).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return raw if isinstance(raw, dict) else {}

    def _remember(self, index: Mapping[str, Any]) -> None:
        """Hashes are kept beside the files; a folder that cannot be written only costs time."""
        part = self.folder / f"{INDEX}.{secrets.token_hex(4)}"
        try:
            part.write_text(json.dumps(index), encoding="utf-8")
            part.replace(self.folder / INDEX)
        except OSError:
            part.unlink(missing_ok=True)


def _problem(use: AdapterUse, known: Mapping[str, Lora], card: ModelCard) -> Problem | None:
    name = use.name or use.digest[:8]
    lora = known.get(use.digest)
    if lora is None:
        message = f"The LoRA {name} is not in the library."
        return Problem(field="adapters", message=message, hint="Add its file: launch.py models lora FILE.")
    why = fits(lora.facts, card)
    if why:
        message = f"The LoRA {lora.name} does not fit. {why}"
        return Problem(field="adapters", message=message, hint="Choose one that was made for this model.")
    return None
