"""Sound: what is heard beside the pictures of a clip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Sound:
    """The sound of one clip, from its first picture on.

    samples: float32 (C, N) in -1..1, one or two channels. rate: samples per second.
    """

    samples: NDArray[np.float32]
    rate: int

    def __post_init__(self) -> None:
        shape = self.samples.shape
        if self.samples.dtype != np.float32 or len(shape) != 2 or shape[0] not in (1, 2) or shape[1] < 1:
            raise ValueError(f"sound is float32 (1 or 2, N) with N >= 1, not {self.samples.dtype} {shape}")
        if not 8_000 <= self.rate <= 96_000:
            raise ValueError(f"a sound has 8,000 to 96,000 samples a second, not {self.rate}")

    @property
    def seconds(self) -> float:
        return float(self.samples.shape[1] / self.rate)

    def after(self, seconds: float) -> Sound:
        """The same sound after so much silence."""
        silence = np.zeros((len(self.samples), max(0, round(seconds * self.rate))), np.float32)
        return Sound(np.concatenate((silence, self.samples), axis=1), self.rate)

    def lasting(self, seconds: float) -> Sound:
        """The same sound cut, or with silence after it, to last so long."""
        wanted = max(1, round(seconds * self.rate))
        missing = max(0, wanted - self.samples.shape[1])
        return Sound(np.pad(self.samples[:, :wanted], ((0, 0), (0, missing))), self.rate)
