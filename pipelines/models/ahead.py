"""Weights of the next request, read while another one runs: from the disk into the system's file cache, no further.

Nothing is built from them yet: what a library does to build a model is not meant to happen beside a running one. The
system gives cached files up before anything else, so they take memory from nobody; still no more is read than is free
beside what runs.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from pipelines.domain.errors import GimbalError

_CHUNK = 8 * 2**20
_log = logging.getLogger("gimbal.ahead")


class ReadAhead:
    """Reads files in a thread of its own. room: bytes of main memory that may hold files now."""

    def __init__(self, room: Callable[[], int]) -> None:
        self._room = room
        self._read: dict[Path, int] = {}
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._turn = threading.Lock()

    def begin(self, files: Callable[[], Sequence[Path]]) -> None:
        """Read what `files` names, in its order, as far as there is room; what was being read is left."""
        with self._turn:
            self._end()
            self._thread = threading.Thread(target=self._go, args=(files,), name="read-ahead", daemon=True)
            self._thread.start()

    def wait(self) -> None:
        """Return when all is read that is going to be."""
        with self._turn:
            if self._thread is not None:
                self._thread.join()

    def taken(self, places: Iterable[Path]) -> int:
        """Leave off, and tell how many bytes of these components were read; who needs the rest reads it now."""
        wanted = set(places)
        with self._turn:
            return sum(size for path, size in self._end().items() if not wanted.isdisjoint((path, path.parent)))

    def _end(self) -> dict[Path, int]:
        """End the thread; what it read, which is forgotten then."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join()
        read, self._read, self._thread = self._read, {}, None
        self._ending.clear()
        return read

    def _go(self, files: Callable[[], Sequence[Path]]) -> None:
        try:
            for path in files():
                if self._ending.is_set() or sum(self._read.values()) + path.stat().st_size > self._room():
                    return
                self._read_one(path)
        except (OSError, GimbalError) as error:  # the request itself tells what is wrong with its files
            _log.info("Reading ahead ended: %s", error)

    def _read_one(self, path: Path) -> None:
        buffer = memoryview(bytearray(_CHUNK))
        with path.open("rb", buffering=0) as file:
            while not self._ending.is_set() and (count := file.readinto(buffer)):
                self._read[path] = self._read.get(path, 0) + count


def weight_files(places: Iterable[Path]) -> tuple[Path, ...]:
    """The files with the weights of components, each once, in their order. places: their folders, or single files."""
    found = (path for place in places for path in ([place] if place.is_file() else sorted(place.glob("*.safetensors"))))
    return tuple(dict.fromkeys(found))
