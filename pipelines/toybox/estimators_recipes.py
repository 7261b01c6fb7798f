"""The named recipes of the depth and the pose estimator: `cpu` (the shipped weights), `full` (one CUDA GPU), `ci`."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How long and how fast a model learns; `muon_rate` is for hidden matrices, `learning_rate` for everything else."""

    steps: int
    batch: int = 32
    learning_rate: float = 1e-3
    muon_rate: float = 3e-3
    warmup_steps: int = 40
    ema_decay: float = 0.99
    checkpoint_every: int = 100
    seed: int = 20261122


@dataclass(frozen=True, kw_only=True)
class DepthRecipe:
    """Shape and training of the `DepthAnythingForDepthEstimation`.

    size: side in pixels of the picture that its grid of positions is made for. sides: of the pictures it learns from in
    the first `first_share` of the steps and in the rest; the latter is what its processor asks for.
    """

    size: int = 128
    sides: tuple[int, int] = (64, 64)
    first_share: float = 0.5
    patch: int = 8
    hidden: int = 96
    layers: int = 4
    heads: int = 3
    neck: tuple[int, int, int, int] = (16, 24, 32, 48)
    fusion: int = 24
    head: int = 12
    gradient_weight: float = 0.5
    anchor_weight: float = 0.5
    schedule: Schedule


@dataclass(frozen=True, kw_only=True)
class PoseRecipe:
    """Shape and training of the `VitPoseForPoseEstimation`.

    size: side of its square input in pixels; heatmaps are a quarter of it. sigma: of a joint's spot, in heatmap pixels.
    figure_share: of the pictures show the figure; whole_share: of those are seen whole and not cut around it.
    """

    size: int = 128
    patch: int = 16
    hidden: int = 128
    layers: int = 4
    heads: int = 4
    sigma: float = 1.5
    figure_share: float = 0.85
    whole_share: float = 0.4
    schedule: Schedule


DEPTH: Mapping[str, DepthRecipe] = MappingProxyType(
    {
        "cpu": DepthRecipe(schedule=Schedule(steps=800)),
        "full": DepthRecipe(
            size=256,
            sides=(128, 256),
            first_share=0.3,
            hidden=192,
            layers=8,
            heads=6,
            neck=(32, 48, 64, 96),
            fusion=48,
            head=24,
            schedule=Schedule(steps=60_000, batch=64, warmup_steps=500, ema_decay=0.999, checkpoint_every=1000),
        ),
        "ci": DepthRecipe(
            size=32,
            sides=(16, 32),
            first_share=0.25,
            hidden=16,
            layers=4,
            heads=2,
            neck=(4, 4, 8, 8),
            fusion=8,
            head=4,
            schedule=Schedule(steps=8, batch=4, warmup_steps=2, checkpoint_every=4),
        ),
    }
)

POSE: Mapping[str, PoseRecipe] = MappingProxyType(
    {
        "cpu": PoseRecipe(schedule=Schedule(steps=760)),
        "full": PoseRecipe(
            size=256,
            hidden=256,
            layers=8,
            sigma=2.0,
            schedule=Schedule(steps=60_000, batch=128, warmup_steps=500, ema_decay=0.999, checkpoint_every=1000),
        ),
        "ci": PoseRecipe(
            size=32,
            patch=8,
            hidden=16,
            layers=1,
            heads=2,
            schedule=Schedule(steps=8, batch=4, warmup_steps=2, checkpoint_every=4),
        ),
    }
)
