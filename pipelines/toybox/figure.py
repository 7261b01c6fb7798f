"""The jointed figure: a simple person of capsules, its actions as joint angles, and its COCO-18 keypoints.

Body axes: x to the figure's own right, y down, z to its front, metres; the origin is the pelvis. The figure is 1.75 m
tall and faces -z of the world at yaw 0. Angles are radians.
"""

import math
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from pipelines.toybox.camera_moves import FloatArray
from pipelines.toybox.scene import FigureSpec

WALK_METRES = 1.2
JUMP_METRES = 0.5

COCO_NAMES = (
    "nose", "neck", "right shoulder", "right elbow", "right wrist", "left shoulder", "left elbow", "left wrist",
    "right hip", "right knee", "right ankle", "left hip", "left knee", "left ankle", "right eye", "left eye",
    "right ear", "left ear",
)
"""Order of the 18 keypoints (OpenPose's COCO order); left and right are the figure's own."""


@dataclass(frozen=True)
class Limb:
    """Angles of an arm or leg: `raised` sideways from hanging, `swung` forward, `bent` at elbow or knee."""

    raised: float = 0.0
    swung: float = 0.0
    bent: float = 0.0


@dataclass(frozen=True)
class Posture:
    """The figure at one moment: its lowest part hovers `airborne` metres high; `forward` is where it heads."""

    right_arm: Limb = Limb(0.16, 0.0, 0.2)
    left_arm: Limb = Limb(0.16, 0.0, 0.2)
    right_leg: Limb = Limb(0.07)
    left_leg: Limb = Limb(0.07)
    airborne: float = 0.0
    forward: float = 0.0
    sideways: float = 0.0
    turned: float = 0.0
    lean: float = 0.0


@dataclass(frozen=True)
class Part:
    """A capsule between two named joints, with the paint it wears (a key of `paints`)."""

    start: str
    end: str
    radius: float
    paint: str


PARTS = (
    Part("chest", "waist", 0.165, "shirt"),
    Part("right shoulder", "left shoulder", 0.085, "shirt"),
    Part("right shoulder", "right elbow", 0.068, "shirt"),
    Part("left shoulder", "left elbow", 0.068, "shirt"),
    Part("right elbow", "right wrist", 0.055, "skin"),
    Part("left elbow", "left wrist", 0.055, "skin"),
    Part("right hip", "left hip", 0.125, "trousers"),
    Part("right hip", "right knee", 0.092, "trousers"),
    Part("left hip", "left knee", 0.092, "trousers"),
    Part("right knee", "right ankle", 0.075, "trousers"),
    Part("left knee", "left ankle", 0.075, "trousers"),
    Part("right ankle", "right toe", 0.062, "shoe"),
    Part("left ankle", "left toe", 0.062, "shoe"),
    Part("neck", "head", 0.065, "skin"),
    Part("head", "brow", 0.135, "skin"),
    Part("crown", "nape", 0.130, "hair"),
)


@dataclass(frozen=True)
class FigurePath:
    """The figure over a clip: capsule ends (T, K, 3), keypoints (T, 18, 3), centres (T, 3), world metres."""

    starts: FloatArray
    ends: FloatArray
    keypoints: FloatArray
    centres: FloatArray


def figure_path(figure: FigureSpec, num_frames: int) -> FigurePath:
    """Where every capsule and keypoint of the figure is in each frame."""
    progress = [index / (num_frames - 1) if num_frames > 1 else 0.5 for index in range(num_frames)]
    moments = tuple(_placed(figure, posture(figure, u)) for u in progress)
    return FigurePath(
        np.array([[joints[part.start] for part in PARTS] for joints in moments]),
        np.array([[joints[part.end] for part in PARTS] for joints in moments]),
        np.array([[joints[name] for name in COCO_NAMES] for joints in moments]),
        np.array([0.5 * (joints["waist"] + joints["chest"]) for joints in moments]),
    )


def posture(figure: FigureSpec, u: float) -> Posture:
    """The action's posture at clip progress u; cyclic actions run one to two cycles over a clip."""
    return ACTION_POSTURES[figure.action](u, figure.phase_radians)


def _stands(u: float, phase: float) -> Posture:
    sway = 0.03 * math.sin(2.0 * math.pi * u + phase)
    return Posture(sideways=sway * 0.4, lean=sway)


def _walks(u: float, phase: float) -> Posture:
    swing = math.sin(2.0 * math.pi * u + phase)
    rate = math.cos(2.0 * math.pi * u + phase)
    return Posture(
        right_arm=Limb(0.12, -0.55 * swing, 0.45), left_arm=Limb(0.12, 0.55 * swing, 0.45),
        right_leg=Limb(0.03, 0.52 * swing, 0.15 + 0.65 * max(0.0, rate)),
        left_leg=Limb(0.03, -0.52 * swing, 0.15 + 0.65 * max(0.0, -rate)),
        forward=(u - 0.5) * WALK_METRES, lean=0.06,
    )


def _waves(u: float, phase: float) -> Posture:
    beat = math.sin(4.0 * math.pi * u + phase)
    return Posture(right_arm=Limb(2.05 + 0.12 * beat, 0.0, -0.75 + 0.55 * beat))


def _jumps(u: float, phase: float) -> Posture:
    hop = (2.0 * u) % 1.0
    air = 4.0 * hop * (1.0 - hop)
    crouch = 0.55 * (1.0 - air)
    arm = Limb(0.5 + 1.7 * air, 0.0, 0.1)
    leg = Limb(0.08 + 0.16 * air, crouch, 2.0 * crouch)
    return Posture(right_arm=arm, left_arm=arm, right_leg=leg, left_leg=leg,
                   airborne=JUMP_METRES * air, lean=0.1 * math.sin(phase) * crouch)


def _dances(u: float, phase: float) -> Posture:
    beat = math.sin(4.0 * math.pi * u + phase)
    high, low = 1.5 + 0.9 * beat, 1.5 - 0.9 * beat
    knee = 0.35 + 0.25 * beat
    other = 0.35 - 0.25 * beat
    return Posture(
        right_arm=Limb(high, 0.25, -0.6), left_arm=Limb(low, 0.25, -0.6),
        right_leg=Limb(0.24, knee, 2.0 * knee), left_leg=Limb(0.24, other, 2.0 * other),
        sideways=0.09 * beat, turned=0.4 * math.sin(2.0 * math.pi * u + phase), lean=0.12 * beat,
    )


def _sits(u: float, phase: float) -> Posture:
    breath = 0.04 * math.sin(2.0 * math.pi * u + phase)
    arm = Limb(0.22, 0.75 + breath, 0.35)
    leg = Limb(0.12, 2.15, 1.46)
    return Posture(right_arm=arm, left_arm=arm, right_leg=leg, left_leg=leg, lean=breath)


ACTION_POSTURES = MappingProxyType({
    "stands": _stands, "walks": _walks, "waves": _waves, "jumps": _jumps, "dances": _dances, "sits": _sits,
})
"""Every action: (progress, phase) -> posture."""


def _swing(side: float, raised: float, swung: float) -> FloatArray:
    """The direction of a limb that hangs down at zero angles; side is +1 on the right."""
    across, down = math.sin(raised), math.cos(raised)
    return np.array([side * across, down * math.cos(swung), down * math.sin(swung)])


def _arm(side: float, shoulder: FloatArray, arm: Limb) -> tuple[FloatArray, FloatArray]:
    """Elbow and wrist. A positive bend folds the forearm forward, a negative one folds it up towards the head."""
    elbow = shoulder + 0.27 * _swing(side, arm.raised, arm.swung)
    if arm.bent >= 0.0:
        return elbow, elbow + 0.25 * _swing(side, arm.raised, arm.swung + arm.bent)
    return elbow, elbow + 0.25 * _swing(side, arm.raised - arm.bent, arm.swung)


def _leg(side: float, hip: FloatArray, leg: Limb) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Knee, ankle and toe; the knee folds the shin backward."""
    knee = hip + 0.42 * _swing(side, leg.raised, leg.swung)
    ankle = knee + 0.41 * _swing(side, leg.raised, leg.swung - leg.bent)
    return knee, ankle, ankle + np.array([0.02 * side, 0.0, 0.13])


def body_joints(pose: Posture) -> dict[str, FloatArray]:
    """Every named joint relative to the pelvis, in body axes."""
    pelvis = np.zeros(3)
    tilt = np.array([math.sin(pose.lean), -math.cos(pose.lean), 0.0])
    joints = {"waist": pelvis + 0.10 * tilt, "chest": pelvis + 0.36 * tilt, "neck": pelvis + 0.52 * tilt}
    head = pelvis + 0.70 * tilt
    joints |= {"head": head, "brow": head + np.array([0.0, -0.03, 0.0])}
    joints |= {"crown": head + np.array([0.0, -0.055, -0.03]), "nape": head + np.array([0.0, 0.01, -0.045])}
    joints["nose"] = head + np.array([0.0, -0.005, 0.133])
    for name, side in (("right", 1.0), ("left", -1.0)):
        shoulder = joints["neck"] + np.array([0.19 * side, 0.05, 0.0])
        elbow, wrist = _arm(side, shoulder, pose.right_arm if side > 0 else pose.left_arm)
        hip = pelvis + np.array([0.10 * side, 0.0, 0.0])
        knee, ankle, toe = _leg(side, hip, pose.right_leg if side > 0 else pose.left_leg)
        joints |= {f"{name} shoulder": shoulder, f"{name} elbow": elbow, f"{name} wrist": wrist, f"{name} hip": hip,
                   f"{name} knee": knee, f"{name} ankle": ankle, f"{name} toe": toe}
        joints[f"{name} eye"] = head + np.array([0.05 * side, -0.045, 0.118])
        joints[f"{name} ear"] = head + np.array([0.125 * side, -0.01, 0.01])
    return joints


def _placed(figure: FigureSpec, pose: Posture) -> dict[str, FloatArray]:
    """Joints in world axes: turned to the heading and moved to the figure's place."""
    heading = math.pi + figure.yaw_radians + pose.turned
    right = np.array([math.cos(heading), 0.0, -math.sin(heading)])
    front = np.array([math.sin(heading), 0.0, math.cos(heading)])
    walk = math.pi + figure.yaw_radians
    ahead = np.array([math.sin(walk), 0.0, math.cos(walk)])
    place = np.array([figure.x, 0.0, figure.z]) + ahead * pose.forward + right * pose.sideways
    down = np.array([0.0, 1.0, 0.0])
    joints = body_joints(pose)
    lowest = max(joints[end][1] + part.radius for part in PARTS for end in (part.start, part.end))
    place -= down * (lowest + pose.airborne)
    return {name: place + right * p[0] + down * p[1] + front * p[2] for name, p in joints.items()}
