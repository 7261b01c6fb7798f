"""How the pipeline of SANA-WM is called: it takes the poses of the camera themselves."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.domain.camera.path import DEFAULT_FOCAL_MM
from pipelines.domain.camera.pose import SENSOR_HEIGHT_MM, relative_to
from pipelines.domain.conditioning import StartImage
from pipelines.domain.request import GenerationRequest
from pipelines.families.stock import Call, Recipe


def camera_of(request: GenerationRequest) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Camera-to-world (n, 4, 4) from the first frame on, and [fx, fy, cx, cy] in pixels (n, 4); no path = still."""
    count = request.num_frames
    poses, focal = np.broadcast_to(np.eye(4), (count, 4, 4)), np.full(count, DEFAULT_FOCAL_MM)
    if request.camera is not None:
        poses, focal = request.camera.sample(count)
        poses = relative_to(poses, poses[0])
    pixels = focal * request.height / SENSOR_HEIGHT_MM
    middle = np.full(count, request.width / 2), np.full(count, request.height / 2)
    lens = np.stack([pixels, pixels, *middle], axis=1)
    return np.asarray(poses, np.float32), np.asarray(lens, np.float32)


def _arguments(call: Call) -> Mapping[str, Any]:
    start = call.given.part(StartImage)
    poses, lens = camera_of(call.request)
    picture = {} if start is None else {"image": call.given.picture(start)}
    return {**picture, "c2w": poses, "intrinsics": lens, "fps": max(1, round(call.request.fps))}


RECIPES: Mapping[str, Recipe] = MappingProxyType({"SanaWMPipeline": Recipe(arguments=_arguments, full=("vae",))})
