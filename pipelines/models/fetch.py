"""Fetch a published model into the data folder: listed, measured against the disk, resumed, hashed, only then shown.

What is fetched grows in a folder of its own, `.incoming`, where no catalog looks. It is renamed into its place when
every file is there with its hash and the family has read it as a whole; so nothing half-installed is ever offered.
"""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Protocol

from pipelines.domain.errors import BrokenCheckpoint, DownloadError, GimbalError, NoSpace, StorageError
from pipelines.families.family import Part, Source
from pipelines.models.hub import Hub, Listing, RemoteFile, is_whole
from pipelines.models.parts import PARTS

INCOMING = ".incoming"
LOCK = "gimbal-lock.json"
SPARE_BYTES = 2**30
_WANTED = ("*.json", "*.txt", "*.model", "*.safetensors", "LICENSE*", "*.md")
_REFUSED = ("*.py", "*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle", "*.onnx", "*.msgpack", "*.h5")
_OTHER_FORMS = ("*.fp16.*", "*.non_ema.*", "*.fp8*", "*.bf16.*")


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """How far a fetch is. done, total: bytes. file: the one that is coming."""

    done: int
    total: int
    file: str


@dataclass(frozen=True, kw_only=True)
class _Wish:
    """One file to fetch, and where below the model's folder it goes."""

    listing: Listing
    file: RemoteFile
    target: PurePosixPath


class Fetchable(Protocol):
    """What can be fetched: the card of a model, or of an estimator. source: None where it is not published."""

    @property
    def id(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def folder(self) -> Path: ...

    @property
    def source(self) -> Source | None: ...


OnFetched = Callable[[Fetched], None]  # raises domain.errors.Stopped to leave; what has come stays for the next time


def pull(card: Fetchable, hub: Hub, check: Callable[[Path], object], on_fetched: OnFetched) -> Path:
    """Fetch a published card into its folder, and return that.

    check: reads the folder as a whole before it is offered; raises BrokenCheckpoint. Raises DownloadError, NoSpace,
    StorageError, BrokenCheckpoint, and what `on_fetched` raises.
    """
    if card.source is None:
        raise DownloadError(f"{card.title} is not a published model.", "Its folder is already here.")
    if card.folder.exists():
        raise DownloadError(f"{card.folder} is there already.", "Delete the folder to fetch it anew.")
    growing = card.folder.parent / INCOMING / card.id
    try:
        growing.mkdir(parents=True, exist_ok=True)
        pinned = _pinned(growing)
        wishes = list(_wishes(card, hub, pinned))
        _pin(growing, wishes)
        _check_room(growing, wishes)
        _fetch_all(growing, wishes, hub, on_fetched)
        if card.source.index is not None:
            (growing / "model_index.json").write_text(json.dumps(dict(card.source.index), indent=1))
        try:
            check(growing)
        except BrokenCheckpoint as error:
            hint = f"Delete {growing} to fetch it from the beginning. {error.hint}"
            raise BrokenCheckpoint(f"What was fetched is not a whole {card.title}: {error.message}", hint) from None
        growing.replace(card.folder)
    except OSError as error:
        raise _storage(error, growing) from error
    return card.folder


def verify(folder: Path, on_read: Callable[[int, int], None] = lambda done, total: None) -> tuple[str, ...]:
    """The files of a fetched model that are not as they came: changed, cut, gone. Raises GimbalError without a lock.

    on_read(done, total) is told of the bytes after each file; what it raises leaves.
    """
    wrong = []
    try:
        locked = json.loads((folder / LOCK).read_text("utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        message = f"{folder} has no list of hashes: it was not fetched by Gimbal."
        raise GimbalError(message, "Its files can be compared with their source by hand.") from None
    done, total = 0, sum(known["size"] for known in locked.values())
    for name, known in locked.items():
        path = folder / name
        file = RemoteFile(name=name, size=known["size"], sha256=known["sha256"], blob=known["blob"])
        if not path.is_file() or not is_whole(path, file):
            wrong.append(name)
        done += known["size"]
        on_read(done, total)
    return tuple(wrong)


def _wishes(card: Fetchable, hub: Hub, pinned: dict[str, str]) -> Iterator[_Wish]:
    """Every file of a card's repositories that is to be fetched."""
    assert card.source is not None
    whole = Part(repository=card.source.repository, revision=card.source.revision, take=card.source.take)
    for part in (whole, *card.source.parts):
        listing = hub.listing(part.repository, part.revision or pinned.get(part.repository, ""))
        found = [file for file in listing.files if _is_wanted(file.name, part.take)]
        if not found:
            message = f"{part.repository} holds none of the files that {card.title} needs."
            raise DownloadError(message, "It may have changed; look for a newer Gimbal.")
        for file in found:
            yield _Wish(listing=listing, file=file, target=PurePosixPath(part.into) / file.name)


def _is_wanted(name: str, take: tuple[str, ...]) -> bool:
    """Weights in safetensors and what describes them; no pickles, no code, no second copy in another number format."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or any(part.startswith(".") for part in path.parts):
        return False
    if path.name in (PARTS, LOCK) or any(fnmatch(path.name.lower(), pattern) for pattern in _REFUSED):
        return False
    if take:
        return any(fnmatch(name, pattern) for pattern in take)
    if any(fnmatch(path.name, pattern) for pattern in _OTHER_FORMS) or len(path.parts) > 2:
        return False
    is_weights_of_all = len(path.parts) == 1 and path.suffix == ".safetensors"
    return not is_weights_of_all and any(fnmatch(path.name, pattern) for pattern in _WANTED)


def _pinned(growing: Path) -> dict[str, str]:
    """The commits that an earlier attempt began with: what is fetched comes from one state of each repository."""
    try:
        commits = json.loads((growing / LOCK).read_text("utf-8"))["commits"]
        return {str(repository): str(commit) for repository, commit in commits.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _pin(growing: Path, wishes: list[_Wish]) -> None:
    commits = {wish.listing.repository: wish.listing.commit for wish in wishes}
    files = {
        str(wish.target): {"size": wish.file.size, "sha256": wish.file.sha256, "blob": wish.file.blob}
        for wish in wishes
    }
    (growing / LOCK).write_text(json.dumps({"commits": commits, "files": files}, indent=1), encoding="utf-8")


def _held(growing: Path, wish: _Wish) -> int:
    """Bytes of a file that are already here, whole or in part."""
    target = growing / wish.target
    part = target.with_name(target.name + ".part")
    return next((path.stat().st_size for path in (target, part) if path.is_file()), 0)


def _check_room(growing: Path, wishes: list[_Wish]) -> None:
    """Raises NoSpace before the first byte is asked for."""
    missing = sum(max(0, wish.file.size - _held(growing, wish)) for wish in wishes)
    free = shutil.disk_usage(growing).free
    if missing + SPARE_BYTES > free:
        message = (
            f"{missing / 1e9:.1f} GB are still to come, and {free / 1e9:.1f} GB are free on the disk of {growing}."
        )
        raise NoSpace(message, "Free some space, or set GIMBAL_HOME to a folder on another disk.")


def _fetch_all(growing: Path, wishes: list[_Wish], hub: Hub, on_fetched: OnFetched) -> None:
    total = sum(wish.file.size for wish in wishes)
    done = 0
    for wish in sorted(wishes, key=lambda wish: wish.file.size):  # small ones first: a wrong folder shows early
        target = growing / wish.target
        if not (target.is_file() and target.stat().st_size == wish.file.size):
            came = _held(growing, wish)

            def more(size: int, before: int = done, name: str = wish.file.name) -> None:
                nonlocal came
                came += size
                on_fetched(Fetched(done=before + came, total=total, file=name))

            hub.download(wish.listing, wish.file, target, more)
        done += wish.file.size
        on_fetched(Fetched(done=done, total=total, file=wish.file.name))


def _storage(error: OSError, path: Path) -> StorageError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "Free some space and start it again; what has come is kept."
        return NoSpace(f"The disk that holds {path} became full while the model was fetched.", hint)
    return StorageError(f"{path} cannot be written ({error.strerror or error}).", "Check the disk and its permissions.")
