"""Messages over the two ends of a pair of pipes: a length, then a pickle. Both ends are our own processes."""

from __future__ import annotations

import os
import pickle
import struct
import threading
from typing import IO, Any

_LENGTH = struct.Struct(">I")


class Pipe:
    """One end. `send` may be called from any thread, `receive` from one."""

    def __init__(self, reader: IO[bytes], writer: IO[bytes]) -> None:
        self._reader = reader
        self._writer = writer
        self._lock = threading.Lock()

    def send(self, message: object) -> bool:
        """Hand a message over; False when the other side has gone."""
        data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
        try:
            with self._lock:
                self._writer.write(_LENGTH.pack(len(data)) + data)
                self._writer.flush()
        except (OSError, ValueError):  # ValueError: the file is closed already
            return False
        return True

    def receive(self) -> Any:
        """The next message. Raises EOFError when the other side has gone."""
        (size,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
        return pickle.loads(self._exactly(size))  # noqa: S301 - the other end is our own process

    def close(self) -> None:
        """Let the other side see the end."""
        for end in (self._writer, self._reader):
            try:
                end.close()
            except OSError:
                continue

    def _exactly(self, size: int) -> bytes:
        try:
            data = self._reader.read(size)
        except (OSError, ValueError):
            data = b""
        if len(data) < size:
            raise EOFError
        return data


def over_stdio() -> Pipe:
    """The pipe on stdin and stdout; what libraries print from now on goes to the log on stderr."""
    reader, writer = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.dup2(2, 1)
    os.close(empty)
    return Pipe(reader, writer)
