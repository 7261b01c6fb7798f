"""The LoRA of a data folder as a person sees them: named, with a strength and words of their own, taken in and out."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pipelines.domain.adapters import MAX_ADAPTER_STRENGTH
from pipelines.domain.errors import InvalidRequest, Problem
from pipelines.models.lora_words import title_of, trigger_words
from pipelines.models.loras import Lora, LoraShelf
from projects_db.records import NotFound
from studio.home import Home, storage_error, write_atomically

_NOTES = ".notes.json"
_REMOVED = ".removed"
_KEPT_SECONDS = 30 * 86400.0
_MOST_NAME_CHARS = 80


@dataclass(frozen=True, kw_only=True)
class Note:
    """What belongs to a LoRA besides its file. strength: what a form starts with. sample: the job of its last one."""

    strength: float = 1.0
    sample: str = ""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A LoRA of the library. words: what calls up what it learned. title: what its maker called it."""

    lora: Lora
    words: tuple[str, ...]
    title: str
    note: Note


class Loras:
    """The library of LoRA files. Files may be put into its folder by hand. Thread-safe."""

    def __init__(self, home: Home) -> None:
        self.shelf = LoraShelf(home.loras)
        self._folder = home.loras
        self._lock = threading.RLock()
        self._seen: tuple[object, tuple[Kept, ...]] | None = None
        self._forget_old()

    def all(self) -> tuple[Kept, ...]:
        """Every LoRA, by name; read again only where the folder has changed."""
        with self._lock:
            mark = self._mark()
            if self._seen is None or self._seen[0] != mark:
                notes = self._notes()
                kept = tuple(_kept(lora, notes) for lora in self.shelf.all())
                self._seen = (self._mark(), kept)
            return self._seen[1]

    @property
    def broken(self) -> tuple[tuple[Path, str], ...]:
        """Files of the folder that are no LoRA, each with the reason."""
        self.all()
        return self.shelf.broken

    def one(self, digest: str) -> Kept:
        """The LoRA of that content. Raises NotFound."""
        for kept in self.all():
            if kept.lora.digest == digest:
                return kept
        raise NotFound("This LoRA is not in the library any more.", "Drop its file on the window again.")

    def take(self, path: Path) -> Kept:
        """Copy a file into the library; one that is there already stays. Raises BrokenCheckpoint, StorageError."""
        with self._lock:
            try:
                lora = self.shelf.add(path)
            except OSError as error:
                raise storage_error(error, self._folder) from error
            return self.one(lora.digest)

    def change(self, digest: str, *, name: str | None = None, strength: float | None = None) -> Kept:
        """Call a LoRA otherwise, or have forms start with another strength. Raises NotFound, InvalidRequest."""
        with self._lock:
            kept = self.one(digest)
            if name is not None:
                self._rename(kept.lora, name)
            if strength is not None:
                if not abs(strength) <= MAX_ADAPTER_STRENGTH:
                    message = f"The strength {strength:g} is outside -2 to 2."
                    raise InvalidRequest((Problem(field="strength", message=message, hint="1 is as it was trained."),))
                self._write(digest, replace(kept.note, strength=float(strength)))
            return self.one(digest)

    def sampled(self, digest: str, job_id: str) -> None:
        """Remember the job that makes the sample of a LoRA."""
        with self._lock:
            self._write(digest, replace(self.one(digest).note, sample=job_id))

    def remove(self, digest: str) -> None:
        """Take a LoRA out of the library; for thirty days it can be brought back."""
        with self._lock:
            path = self.one(digest).lora.path
            self._move(path, self._folder / _REMOVED / f"{digest}.{path.stem}.safetensors")

    def restore(self, digest: str) -> Kept:
        """Bring a removed LoRA back under its name. Raises NotFound."""
        with self._lock:
            found = next((self._folder / _REMOVED).glob(f"{digest}.*"), None)
            if found is None:
                raise NotFound("This LoRA is gone.", "Drop its file on the window again.")
            self._move(found, self._free(found.stem.partition(".")[2]))
            return self.one(digest)

    def _rename(self, lora: Lora, name: str) -> None:
        plain = plain_name(name)
        if not plain:
            message = "A name needs a letter or a digit."
            raise InvalidRequest((Problem(field="name", message=message, hint="Such as: watercolour."),))
        if plain != lora.name:
            self._move(lora.path, self._free(plain))

    def _free(self, stem: str) -> Path:
        """A path of that name, or with a number behind it, that is not taken."""
        names = (stem if number == 1 else f"{stem} {number}" for number in range(1, 10_000))
        return next(path for name in names if not (path := self._folder / f"{name}.safetensors").exists())

    def _move(self, source: Path, target: Path) -> None:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(source, target)
        except OSError as error:
            raise storage_error(error, target) from error
        self._seen = None

    def _mark(self) -> object:
        """What differs as soon as a file or a note does."""
        if not self._folder.is_dir():
            return None
        files = (path for path in self._folder.iterdir() if path.suffix == ".safetensors" or path.name == _NOTES)
        return sorted((path.name, (stat := path.stat()).st_size, stat.st_mtime_ns) for path in files)

    def _notes(self) -> Mapping[str, Any]:
        try:
            raw = json.loads((self._folder / _NOTES).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return raw if isinstance(raw, dict) else {}

    def _write(self, digest: str, note: Note) -> None:
        write_atomically(self._folder / _NOTES, json.dumps({**self._notes(), digest: asdict(note)}, indent=1))
        self._seen = None

    def _forget_old(self) -> None:
        for path in (self._folder / _REMOVED).glob("*.safetensors"):
            if time.time() - path.stat().st_mtime > _KEPT_SECONDS:
                path.unlink(missing_ok=True)


def plain_name(name: str) -> str:
    """A person's name for a LoRA as a file can bear it everywhere; empty where nothing of it is left."""
    kept = "".join(c if c.isalnum() or c in "-_.() " else " " for c in name)
    return " ".join(kept.split()).strip(". ")[:_MOST_NAME_CHARS].strip(". ")


def _kept(lora: Lora, notes: Mapping[str, Any]) -> Kept:
    raw = notes.get(lora.digest)
    told = raw if isinstance(raw, dict) else {}
    strength = told.get("strength")
    is_number = isinstance(strength, int | float) and abs(strength) <= MAX_ADAPTER_STRENGTH
    note = Note(
        strength=float(strength) if is_number and strength is not None else 1.0, sample=str(told.get("sample", ""))
    )
    return Kept(lora=lora, words=trigger_words(lora.path), title=title_of(lora.path), note=note)
