"""Where a subject stands, read off what is behind it: a small table of places, for models of a small world.

A caption that names the place leaves it to the words; else it would be learned as a part of the subject. The table is
made from renders (`pipelines.toybox.places`); a picture that is like none of its places gets no words for it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

FAR = 8.0
_SIDE = 64


@dataclass(frozen=True)
class Places:
    """Words for places, and the features (N, 12) of each with the scatter (12,) that is usual within one."""

    words: tuple[str, ...]
    features: NDArray[np.float64]
    scatter: NDArray[np.float64]

    def at(self, picture: NDArray[np.uint8], subject: NDArray[np.bool_]) -> str:
        """The words for where a picture (h, w, 3) was taken, "" where it is none of the places."""
        apart = (self.features - features(picture, subject)) / self.scatter
        distances = np.sqrt((apart**2).mean(axis=1))
        nearest = int(distances.argmin())
        return self.words[nearest] if distances[nearest] <= FAR else ""


def read_places(path: Path) -> Places | None:
    """The table of a file, None where there is none that can be read."""
    try:
        raw = json.loads(path.read_text("utf-8"))
        table = np.array(raw["features"], float)
        scatter = np.maximum(np.array(raw["scatter"], float), 1.0)
        words = tuple(str(word) for word in raw["words"])
        return Places(words, table, scatter) if table.shape == (len(words), 12) == (len(words), len(scatter)) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def features(picture: NDArray[np.uint8], subject: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean and scatter in Lab of the upper third and of the lower half, the subject left out: 12 numbers."""
    small = cv2.resize(picture, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(float)
    behind = cv2.resize(subject.astype(np.uint8), (_SIDE, _SIDE), interpolation=cv2.INTER_NEAREST) == 0
    parts = []
    for rows in (slice(0, _SIDE // 3), slice(_SIDE // 2 + 4, _SIDE)):
        seen = lab[rows][behind[rows]]
        seen = seen if len(seen) > 8 else lab[rows].reshape(-1, 3)
        parts += [seen.mean(axis=0), seen.std(axis=0)]
    return np.concatenate(parts)
