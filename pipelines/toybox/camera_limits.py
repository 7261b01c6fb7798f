"""How fast the camera is in the clips of a mixture: what a model that learnt from them can be expected to follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipelines.domain.camera.speed import speed_of
from pipelines.toybox.camera_moves import camera_path
from pipelines.toybox.sampling import MIXTURES, sample_scene

SCENES = 2000
SEED = 20261121
PERCENT = 99.0


def camera_limits(mixture: str, num_frames: int) -> Mapping[str, Any]:
    """The frame steps, in degrees and metres, that all but a hundredth of a mixture's clips stay below; as JSON."""
    rng = np.random.default_rng(SEED)
    steps = []
    for _ in range(SCENES):
        fastest = speed_of(*camera_path(sample_scene(rng, MIXTURES[mixture]).camera, num_frames))
        steps.append((fastest.degrees.max(), fastest.metres.max()))
    degrees, metres = np.percentile(np.array(steps), PERCENT, axis=0)
    source = f"99 of 100 clips of its training mixture “{mixture}” are slower at every frame"
    return {"degrees": round(float(degrees), 1), "metres": round(float(metres), 2), "source": source}
