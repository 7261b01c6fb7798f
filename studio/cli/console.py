"""What a command says: lines and tables on stdout, progress and errors on stderr, one JSON object last if asked."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Sequence
from typing import Any


class Console:
    """With `as_json` stdout carries nothing but the one object of `result` or `refuse`."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._out = sys.stdout
        self._live = sys.stderr.isatty() and not as_json
        self._progress = ""

    def say(self, text: str = "") -> None:
        """A line for the person."""
        self.clear()
        if not self.as_json:
            print(text, file=self._out, flush=True)

    def table(self, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Columns as wide as their widest cell; numbers to the right."""
        cells = [[str(cell) for cell in row] for row in (header, *rows)]
        widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
        right = [bool(rows) and all(isinstance(row[i], int | float) for row in rows) for i in range(len(header))]
        for row in cells:
            padded = (c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right, strict=True))
            self.say("  ".join(padded).rstrip())

    def note(self, text: str) -> None:
        """A line beside the result: on stderr, so that scripts do not read it."""
        self.clear()
        print(text, file=sys.stderr, flush=True)

    def progress(self, text: str) -> None:
        """The line that is rewritten on a terminal; nothing elsewhere."""
        if self._live and text != self._progress:
            width = shutil.get_terminal_size().columns - 1
            sys.stderr.write(f"\r\x1b[2K{text[:width]}")
            sys.stderr.flush()
            self._progress = text

    def clear(self) -> None:
        """Take the progress line away."""
        if self._progress:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()
            self._progress = ""

    def result(self, *, ok: bool = True, **values: Any) -> None:
        """The JSON object of a command that did its work; ok=False where what it found is not as it should be."""
        if self.as_json:
            print(json.dumps({"ok": ok, **values}, ensure_ascii=False, default=str), file=self._out, flush=True)

    def refuse(self, kind: str, message: str, hint: str, **values: Any) -> None:
        """What went wrong and what to do next."""
        self.clear()
        if self.as_json:
            error = {"kind": kind, "message": message, "hint": hint, **values}
            print(
                json.dumps({"ok": False, "error": error}, ensure_ascii=False, default=str), file=self._out, flush=True
            )
        print(f"Gimbal: {message}" + (f"\n{hint}" if hint else ""), file=sys.stderr, flush=True)

    def close(self) -> None:
        """Flush while errors can still be caught: a pipe whose reader has left must not raise at the exit."""
        self.clear()
        try:
            self._out.flush()
        except BrokenPipeError:
            with contextlib.suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._out.fileno())
