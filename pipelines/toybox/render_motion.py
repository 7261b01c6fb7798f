"""Where objects are at every moment of a clip: exact poses of the motions a caption can name."""

import math

import numpy as np

from pipelines.toybox.camera_moves import FloatArray
from pipelines.toybox.scene import SIZES, SceneObject
from pipelines.toybox.sdf import SOLIDS

ROLL_METRES = 1.5
BOUNCE_METRES = 0.75
SPIN_RADIANS = math.radians(220.0)


def object_path(item: SceneObject, num_frames: int) -> tuple[FloatArray, FloatArray]:
    """Centres (T, 3) in metres and object-to-world rotations (T, 3, 3) of an object."""
    solid, size = SOLIDS[item.shape], SIZES[item.size]
    progress = np.linspace(0.0, 1.0, num_frames) if num_frames > 1 else np.array([0.5])
    shift, yaw, roll = _displacement(item, progress, solid.drop * size)
    centres = np.array([item.x, item.base_y - solid.drop * size, item.z]) + shift
    rotations = np.stack([_rotation(item.yaw_radians + a, b) for a, b in zip(yaw, roll, strict=True)])
    return centres, rotations


def _displacement(item: SceneObject, u: FloatArray, radius: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Shift (T, 3), yaw (T,) and roll about z (T,) that the motion adds at progress u."""
    shift = np.zeros((len(u), 3))
    yaw, roll = np.zeros(len(u)), np.zeros(len(u))
    match item.motion:
        case "rolls left" | "rolls right":
            shift[:, 0] = (u - 0.5) * ROLL_METRES * (1.0 if item.motion == "rolls right" else -1.0)
            roll = shift[:, 0] / radius if item.shape in ("ball", "ring") else roll
        case "bounces":
            hop = np.mod(2.0 * u, 1.0)
            shift[:, 1] = -4.0 * BOUNCE_METRES * hop * (1.0 - hop)
        case "spins":
            yaw = (u - 0.5) * SPIN_RADIANS
        case "circles":
            angle = 2.0 * math.pi * u
            shift[:, 0], shift[:, 2] = 0.6 * np.sin(angle), 0.6 * np.cos(angle)
        case "comes closer":
            shift[:, 2] = (0.5 - u) * 2.4
        case "moves away":
            shift[:, 2] = (u - 0.5) * 3.0
        case "falls":
            shift[:, 1] = -np.maximum(0.0, 1.8 * (1.0 - (u / 0.75) ** 2))
    return shift, yaw, roll


def _rotation(yaw: float, roll: float) -> FloatArray:
    cos_y, sin_y, cos_r, sin_r = math.cos(yaw), math.sin(yaw), math.cos(roll), math.sin(roll)
    about_y = np.array([[cos_y, 0.0, sin_y], [0.0, 1.0, 0.0], [-sin_y, 0.0, cos_y]])
    about_z = np.array([[cos_r, -sin_r, 0.0], [sin_r, cos_r, 0.0], [0.0, 0.0, 1.0]])
    return np.asarray(about_z @ about_y)
