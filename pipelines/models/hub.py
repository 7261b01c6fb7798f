"""The Hugging Face Hub, or a mirror of it, as a place to fetch models from: what is there, and its bytes.

Only `huggingface_hub` talks to it. Nothing is asked of any host before a person says so, and never when offline.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pipelines.domain.errors import DownloadError

DEFAULT_ENDPOINT = "https://huggingface.co"
_AGAIN = "Look at the connection and start it again; it goes on where it stopped."
_CHUNK = 2**20


@dataclass(frozen=True, kw_only=True)
class RemoteFile:
    """A file of a repository. sha256: of its content where the Hub knows it (large files), else git's own blob id."""

    name: str
    size: int
    sha256: str = ""
    blob: str = ""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What a repository holds at one commit."""

    repository: str
    commit: str
    files: tuple[RemoteFile, ...]


@dataclass(frozen=True, kw_only=True)
class Hub:
    """Where models are fetched from. endpoint: the Hub's address or a mirror's. offline: ask nobody."""

    endpoint: str = DEFAULT_ENDPOINT
    offline: bool = False
    token: str | None = None

    def listing(self, repository: str, revision: str) -> Listing:
        """The files of a repository; revision: a commit or a branch, empty = the main one. Raises DownloadError."""
        self._check_online()
        from huggingface_hub import HfApi

        with _told(f"{repository} at {self.endpoint}"):
            info = HfApi(endpoint=self.endpoint, token=self.token or False).model_info(
                repository, revision=revision or None, files_metadata=True, timeout=30
            )
        return Listing(
            repository=repository, commit=str(info.sha), files=tuple(_remote(file) for file in info.siblings or ())
        )

    def download(self, listing: Listing, file: RemoteFile, target: Path, on_bytes: Callable[[int], None]) -> None:
        """Fetch a file to `target`, going on where an earlier attempt stopped, and check that it is what was promised.

        on_bytes(more) is told of each piece; what it raises leaves at once, and what has come stays. Raises
        DownloadError and OSError (the disk).
        """
        self._check_online()
        from huggingface_hub import hf_hub_url
        from huggingface_hub.file_download import http_get
        from huggingface_hub.utils import build_hf_headers

        part = target.with_name(target.name + ".part")
        target.parent.mkdir(parents=True, exist_ok=True)
        if not part.exists() or part.stat().st_size > file.size:
            part.write_bytes(b"")
        url = hf_hub_url(listing.repository, file.name, revision=listing.commit, endpoint=self.endpoint)
        headers = {**build_hf_headers(token=self.token or False), "Accept-Encoding": "identity"}
        with part.open("ab") as opened, _told(f"{file.name} of {listing.repository}"):
            counted: Any = _Counted(opened, on_bytes)
            http_get(url, counted, resume_size=part.stat().st_size, headers=headers, expected_size=file.size)
            opened.flush()
            os.fsync(opened.fileno())
        if not is_whole(part, file):
            part.unlink()
            message = f"{file.name} of {listing.repository} came with another content than its hash promises."
            raise DownloadError(message, "Start it again; if it happens again, do not use this source.")
        part.replace(target)

    def _check_online(self) -> None:
        if self.offline:
            message = "Gimbal is offline, so nothing is fetched."
            raise DownloadError(message, "Unset GIMBAL_OFFLINE, or add a folder that is here: launch.py models add.")


def is_whole(path: Path, file: RemoteFile) -> bool:
    """Whether a file has the size and the hash that the Hub gave for it."""
    if path.stat().st_size != file.size:
        return False
    if file.sha256:
        return sha256_of(path) == file.sha256
    if file.blob:
        return _digest(path, hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False)) == file.blob
    return True


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal digits."""
    return _digest(path, hashlib.sha256())


def _digest(path: Path, begun: Any) -> str:
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            begun.update(piece)
    return str(begun.hexdigest())


def _remote(file: Any) -> RemoteFile:
    large = file.lfs
    return RemoteFile(
        name=file.rfilename,
        size=int((large.size if large else file.size) or 0),
        sha256=large.sha256 if large else "",
        blob="" if large else file.blob_id or "",
    )


class _Counted:
    """A file that tells of each piece written to it."""

    def __init__(self, file: BinaryIO, on_bytes: Callable[[int], None]) -> None:
        self._file, self._on_bytes = file, on_bytes

    def write(self, data: bytes) -> int:
        written = self._file.write(data)
        self._on_bytes(len(data))
        return written

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int) -> int:
        return self._file.seek(offset)

    def truncate(self) -> int:
        return self._file.truncate()


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    """Network trouble as an error for a person; the library's own progress bars and warnings stay silent."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    try:
        yield
    except HfHubHTTPError as error:
        status = error.response.status_code
        raise DownloadError(f"{what} cannot be had (the server said {status}).", _remedy(status)) from None
    except HFValidationError as error:
        raise DownloadError(f"{what} is no name of a repository ({str(error)[:200]}).", "Check its name.") from None
    except httpx2.HTTPError as error:
        raise DownloadError(f"{what} cannot be had ({type(error).__name__}: {str(error)[:200]}).", _AGAIN) from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise DownloadError(f"{what} came incomplete ({str(error).splitlines()[0][:200]}).", _AGAIN) from None


def _remedy(status: int) -> str:
    if status in (401, 403):
        return "Its licence may have to be accepted on its page first; then set HF_TOKEN to your access token."
    if status == 404:
        return "It may have been moved or withdrawn."
    return _AGAIN
