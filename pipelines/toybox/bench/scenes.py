"""The fixed scenes of the benchmark: held-out combinations from seeds that no training uses, with their truth."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from pipelines.toybox.captions import caption
from pipelines.toybox.judge import Clips
from pipelines.toybox.mixing import Truth
from pipelines.toybox.render import Rendered, render
from pipelines.toybox.sampling import Mixture, sample_held_out
from pipelines.toybox.scene import Scene
from pipelines.toybox.truth_flow import Flow, optical_flow

BENCH_SEED = 9_000_000
UNMEASURED = ("water",)
"""Grounds that move by themselves, on which the camera cannot be told from the waves."""
WITHOUT_POSE = ("static", "zoom in", "zoom out", "handheld")


@dataclass(frozen=True)
class Shape:
    """The size of a clip: pixels and frames."""

    width: int
    height: int
    num_frames: int


@dataclass(frozen=True, eq=False)
class Case:
    """One scene, its caption, and everything that is true of its render (see `render.Rendered`, without the batch)."""

    scene: Scene
    caption: str
    rendered: Rendered

    @property
    def frames(self) -> Clips:
        return np.asarray(self.rendered.frames[0].numpy())

    @property
    def depth(self) -> npt.NDArray[np.float32]:
        return np.asarray(self.rendered.depth[0].numpy())

    @property
    def instances(self) -> npt.NDArray[np.uint8]:
        return np.asarray(self.rendered.instances[0].numpy())

    @property
    def skeletons(self) -> npt.NDArray[np.float32]:
        return np.asarray(self.rendered.skeletons[0].numpy())

    @property
    def poses(self) -> npt.NDArray[np.float64]:
        """Camera to world (T, 4, 4)."""
        return np.asarray(self.rendered.camera_to_world[0].double().numpy())

    @property
    def focals(self) -> npt.NDArray[np.float64]:
        """Focal lengths (T,) in pixels."""
        return np.asarray(self.rendered.intrinsics[0, :, 0, 0].double().numpy())

    @property
    def still(self) -> npt.NDArray[np.bool_]:
        """Where nothing moves by itself, (T, H, W)."""
        scene = self.scene
        moving = [2 + place for place, item in enumerate(scene.objects) if item.motion != "still"]
        if scene.figure is not None:
            moving.append(2 + len(scene.objects))
        return ~np.isin(self.instances, moving)

    @cached_property
    def flow(self) -> Flow:
        """The exact optical flow."""
        return optical_flow(self.scene, self.rendered)

    def truth(self) -> Truth:
        """The clip as the training mixture reads it."""
        return Truth(self.frames, self.depth, self.instances, self.skeletons, self.scene.camera)


def has_figure(scene: Scene) -> bool:
    return scene.figure is not None


def has_measurable_path(scene: Scene) -> bool:
    """Whether the camera changes its pose, before a ground that holds still, with at least one thing in view."""
    return scene.camera.kind not in WITHOUT_POSE and scene.ground not in UNMEASURED and bool(scene.objects)


def is_one_thing(scene: Scene) -> bool:
    """Whether the scene shows one thing alone, which a picture of it can stand for."""
    return scene.figure is None and len(scene.objects) == 1


def anything(scene: Scene) -> bool:
    return True


def draw_cases(
    mixture: Mixture, shape: Shape, count: int, chosen: Callable[[Scene], bool] = anything, series: int = 0
) -> list[Case]:
    """The first `count` held-out scenes of a series that are chosen, rendered."""
    cases: list[Case] = []
    index = 0
    while len(cases) < count:
        rng = np.random.default_rng([BENCH_SEED, series, index])
        scene = sample_held_out(rng, mixture)
        index += 1
        if chosen(scene):
            clip = render([scene], num_frames=shape.num_frames, width=shape.width, height=shape.height)
            cases.append(Case(scene, caption(scene, rng), clip))
    return cases
