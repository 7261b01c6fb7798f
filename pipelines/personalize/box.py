"""Where a subject is in a picture."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Box:
    """A part of a picture as shares of its width and height."""

    left: float
    top: float
    width: float
    height: float

    def pixels(self, columns: int, rows: int) -> tuple[int, int, int, int]:
        """(left, top, width, height) in pixels of a picture of that size, at least one of each."""
        left = min(columns - 1, max(0, round(self.left * columns)))
        top = min(rows - 1, max(0, round(self.top * rows)))
        width = max(1, min(columns - left, round(self.width * columns)))
        return left, top, width, max(1, min(rows - top, round(self.height * rows)))
