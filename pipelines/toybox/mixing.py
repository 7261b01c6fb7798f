"""The training mixture: what a clip is conditioned on besides its words, drawn from its exact truth.

Every pattern goes through `families.wan.conditioning.compose`, the same code that a person's request goes through.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import cv2
import numpy as np
import numpy.typing as npt

from pipelines.conditioning import depth, edges, pose
from pipelines.domain.camera.pose import focal_pixels, relative_to
from pipelines.domain.camera.warp import warp
from pipelines.domain.conditioning import (
    Conditioning,
    ControlClip,
    ControlKind,
    EndImage,
    ExtendClip,
    KeyImage,
    MaskClip,
    SourceClip,
    StartImage,
)
from pipelines.domain.frames import Frames
from pipelines.domain.request import GenerationRequest
from pipelines.families.wan.conditioning import VaceInput, compose
from pipelines.toybox.camera_moves import camera_path
from pipelines.toybox.clips import Shard
from pipelines.toybox.scene import CameraMove

GROUP = 4
FIGURE_IN = 2
MIRRORED_JOINTS = (0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10, 15, 14, 17, 16)
PICTURE, CLIP, HOLES = "0" * 64, "1" * 64, "2" * 64

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Truth:
    """One clip and what is known of it: arrays as in `render.Rendered`, without the batch axis."""

    frames: Bytes
    depth: npt.NDArray[np.float32]
    instances: Bytes
    skeletons: npt.NDArray[np.float32]
    camera: CameraMove
    is_mirrored: bool = False

    @staticmethod
    def of(shard: Shard, index: int) -> "Truth":
        """A clip of a shard."""
        return Truth(
            np.array(shard.frames[index]), shard.depth[index].astype(np.float32), np.array(shard.instances[index]),
            np.array(shard.skeletons[index]), shard.scenes[index].camera,
        )

    @property
    def has_figure(self) -> bool:
        return bool(np.isfinite(self.skeletons[..., 0]).any())

    def mirrored(self) -> "Truth":
        """The clip with left and right exchanged."""
        joints = self.skeletons[:, MIRRORED_JOINTS].copy()
        joints[..., 0] = self.frames.shape[2] - joints[..., 0]
        flipped = (np.ascontiguousarray(part[:, :, ::-1]) for part in (self.frames, self.depth, self.instances))
        frames, metres, instances = flipped
        return replace(
            self, frames=frames, depth=metres, instances=instances, skeletons=joints, is_mirrored=not self.is_mirrored
        )


Pattern = Callable[[Truth, np.random.Generator], dict[Conditioning, Bytes]]
"""Draws the conditioning parts of a request, each with the frames (T, H, W, 3) of its medium."""


def draw(truth: Truth, name: str, rng: np.random.Generator) -> VaceInput:
    """What VACE is given for this clip by the pattern of that name."""
    parts = PATTERNS[name](truth, rng)
    count, height, width = truth.frames.shape[:3]
    request = GenerationRequest(
        model="toybox", prompt="", seed=0, width=width, height=height, num_frames=count, fps=8, steps=1, guidance=1,
        conditioning=tuple(parts),
    )
    return compose(request, {part.media: Frames(frames, 8) for part, frames in parts.items()}, GROUP)


def reference(truth: Truth, rng: np.random.Generator) -> Bytes:
    """A picture (H, W, 3) of one thing of the clip on white, cut out of one of its frames, somewhat larger or smaller.

    An all-white picture where nothing can be cut out.
    """
    canvas = np.full(truth.frames.shape[1:], 255, np.uint8)
    frame = int(rng.integers(len(truth.frames)))
    labels = truth.instances[frame]
    things = [number for number in np.unique(labels) if number >= FIGURE_IN]
    if not things:
        return canvas
    mask = labels == rng.choice(things)
    rows, columns = np.nonzero(mask)
    box = slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)
    cut = np.where(mask[box][..., None], truth.frames[frame][box], np.uint8(255))
    side = max(cut.shape[:2])
    scale = rng.uniform(0.5, 0.9) * len(canvas) / side
    height, width = (max(1, min(len(canvas), round(scale * size))) for size in cut.shape[:2])
    top, left = (len(canvas) - height) // 2, (len(canvas) - width) // 2
    canvas[top : top + height, left : left + width] = cv2.resize(cut, (width, height), interpolation=cv2.INTER_AREA)
    return canvas


def shares(truth: Truth) -> Mapping[str, float]:
    """How often each pattern is drawn for this clip."""
    return SHARES if truth.has_figure else WITHOUT_FIGURE


def _start(truth: Truth, rng: np.random.Generator) -> dict[Conditioning, Bytes]:
    return {StartImage(media=PICTURE): truth.frames[:1]}


def _end(truth: Truth, rng: np.random.Generator) -> dict[Conditioning, Bytes]:
    return {EndImage(media=PICTURE): truth.frames[-1:]}


def _start_and_end(truth: Truth, rng: np.random.Generator) -> dict[Conditioning, Bytes]:
    return {StartImage(media=PICTURE): truth.frames[:1], EndImage(media=CLIP): truth.frames[-1:]}


def _keys(truth: Truth, rng: np.random.Generator) -> dict[Conditioning, Bytes]:
    count = len(truth.frames)
    chosen = np.sort(rng.choice(count, size=int(rng.integers(1, min(4, count + 1))), replace=False))
    return {KeyImage(media=f"{frame:064x}", frame=int(frame)): truth.frames[frame : frame + 1] for frame in chosen}


def _first_part(truth: Truth, rng: np.random.Generator) -> dict[Conditioning, Bytes]:
    count = 1 + GROUP * _groups(truth, rng)
    return {SourceClip(media=CLIP): truth.frames[:count]}


def _last_part(truth: Truth, rng: np.random.Generator) -> dict[Conditioning, Bytes]:
    count = GROUP * _groups(truth, rng)
    return {ExtendClip(media=CLIP, way="backward", keep=count): truth.frames[-count:]}


def _groups(truth: Truth, rng: np.random.Generator) -> int:
    """How many of a clip's latent groups are given: at least one, never all."""
    return int(rng.integers(1, max(2, len(truth.frames) // GROUP)))


def _depth_frames(truth: Truth, rng: np.random.Generator) -> Bytes:
    """The depth clip; half of them soft, as estimated ones are."""
    control = depth.to_control(depth.nearness(truth.depth))
    return _soft(control, rng.uniform(0.3, 1.5)) if rng.random() < 0.5 else control


def _soft(frames: Bytes, sigma: float) -> Bytes:
    return np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in frames]).astype(np.uint8)


def _pose_frames(truth: Truth, rng: np.random.Generator) -> Bytes:
    """The skeleton clip; half of them without the joints that are hidden."""
    joints = truth.skeletons.copy()
    if rng.random() < 0.5:
        joints[..., 2] = 1.0
    count, height, width = truth.frames.shape[:3]
    return pose.draw(joints, width, height)


def _edge_frames(truth: Truth, rng: np.random.Generator) -> Bytes:
    scale = rng.uniform(0.6, 1.4)
    return edges.to_control(truth.frames, scale * edges.LOW, scale * edges.HIGH)


FRAMES: Mapping[ControlKind, Callable[[Truth, np.random.Generator], Bytes]] = MappingProxyType({
    "depth": _depth_frames, "pose": _pose_frames, "edges": _edge_frames,
})


def _control(*kinds: ControlKind, start: bool = False) -> Pattern:
    """Control clips of these kinds together, with the first picture or without."""

    def pattern(truth: Truth, rng: np.random.Generator) -> dict[Conditioning, Bytes]:
        parts: dict[Conditioning, Bytes] = {
            ControlClip(media=f"{number:064x}", control=kind): FRAMES[kind](truth, rng)
            for number, kind in enumerate(kinds, 1)
        }
        return parts | (_start(truth, rng) if start else {})

    return pattern


def _warp(truth: Truth, rng: np.random.Generator) -> dict[Conditioning, Bytes]:
    """The first picture moved along the true path; what it does not show is left to the model."""
    count, height = truth.frames.shape[:2]
    poses, millimetres = camera_path(truth.camera, count)
    focals = focal_pixels(millimetres, height)
    if truth.is_mirrored:
        flip = np.diag([-1.0, 1.0, 1.0, 1.0])
        poses = flip @ poses @ flip
    seen = warp(truth.frames[0], truth.depth[0], float(focals[0]), relative_to(poses, poses[0]), focals)
    return {SourceClip(media=CLIP): seen.frames, MaskClip(media=HOLES): mask_frames(seen.holes)}


def _inpaint(truth: Truth, rng: np.random.Generator) -> dict[Conditioning, Bytes]:
    """A box that stands still or moves, or the things of the clip themselves, grown a little."""
    if rng.random() < 0.4:
        grown = [cv2.dilate((labels >= FIGURE_IN).astype(np.uint8), np.ones((9, 9))) for labels in truth.instances]
        holes = np.stack(grown).astype(bool)
    else:
        holes = _boxes(truth.frames.shape[:3], rng, (0.25, 0.65))
    return {SourceClip(media=CLIP): truth.frames, MaskClip(media=HOLES): mask_frames(holes)}


def _outpaint(truth: Truth, rng: np.random.Generator) -> dict[Conditioning, Bytes]:
    kept = _boxes(truth.frames.shape[:3], rng, (0.5, 0.85), still=True)
    return {SourceClip(media=CLIP): truth.frames, MaskClip(media=HOLES): mask_frames(~kept)}


def _boxes(
    shape: tuple[int, int, int], rng: np.random.Generator, sides: tuple[float, float], *, still: bool = False
) -> npt.NDArray[np.bool_]:
    """A box (T, H, W) with sides in this range of the frame's, from one place to another (or resting)."""
    count, height, width = shape
    size = rng.uniform(*sides, size=2) * (height, width)
    places = rng.uniform(0.0, 1.0, size=(2, 2)) * (height - size[0], width - size[1])
    places[1] = places[0] if still or rng.random() < 0.5 else places[1]
    result = np.zeros(shape, bool)
    for index, share in enumerate(np.linspace(0.0, 1.0, count)):
        top, left = (places[0] * (1.0 - share) + places[1] * share).astype(int)
        result[index, top : top + int(size[0]), left : left + int(size[1])] = True
    return result


def mask_frames(mask: npt.NDArray[np.bool_]) -> Bytes:
    """A mask (T, H, W) as frames (T, H, W, 3): white where it is true."""
    return np.repeat(np.where(mask, np.uint8(255), np.uint8(0))[..., None], 3, axis=-1)


PATTERNS: Mapping[str, Pattern] = MappingProxyType({
    "start": _start,
    "end": _end,
    "start and end": _start_and_end,
    "keys": _keys,
    "first part": _first_part,
    "last part": _last_part,
    "depth": _control("depth"),
    "pose": _control("pose"),
    "edges": _control("edges"),
    "depth and start": _control("depth", start=True),
    "pose and start": _control("pose", start=True),
    "depth and pose": _control("depth", "pose"),
    "depth, edges and start": _control("depth", "edges", start=True),
    "warp": _warp,
    "inpaint": _inpaint,
    "outpaint": _outpaint,
})

SHARES: Mapping[str, float] = MappingProxyType({
    "start": 0.10, "end": 0.02, "start and end": 0.04, "keys": 0.03, "first part": 0.04, "last part": 0.03,
    "depth": 0.12, "pose": 0.15, "edges": 0.09, "depth and start": 0.05, "pose and start": 0.06,
    "depth and pose": 0.10, "depth, edges and start": 0.04, "warp": 0.07, "inpaint": 0.04, "outpaint": 0.02,
})
"""How often each pattern is drawn for a clip with a figure; text alone and references are drawn beside them."""

WITHOUT_FIGURE: Mapping[str, float] = MappingProxyType(
    {name: share for name, share in SHARES.items() if "pose" not in name}
)
