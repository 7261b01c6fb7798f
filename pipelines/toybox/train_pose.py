"""Train the tiny pose estimator on rendered clips and write it as a stock `VitPoseForPoseEstimation` folder.

    python -m pipelines.toybox.train_pose --recipe cpu --run RUN --target assets/models/toybox-pose

Reads the shards under RUN/clips and resumes from RUN/pose/state.pt. As in ViTPose (Xu et al., 2022) a heatmap for each
of COCO's 17 joints is a Gaussian at the joint, learnt by squared error. A hidden joint and a picture without a person
have none, so that the height of a peak tells whether there is anything. Boxes vary from the whole picture to tight
around the figure, since use looks twice: at the whole picture first, then around what was found.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import PreTrainedModel, VitPoseBackboneConfig, VitPoseConfig, VitPoseForPoseEstimation

from pipelines.conditioning.coco import TO_17
from pipelines.conditioning.person_box import Box, View, around, whole
from pipelines.toybox.estimators_data import Picture, PictureSource
from pipelines.toybox.estimators_recipes import POSE, PoseRecipe
from pipelines.toybox.estimators_training import Course, EstimatorRun, Lesson

JOINTS = 17
HEATMAP_SHARE = 4
SPOT_WEIGHT = 2.0
JITTER = 0.12


def build(recipe: PoseRecipe) -> VitPoseForPoseEstimation:
    """A fresh model with a square input, ViTPose's simple decoder and heatmaps of a quarter of the input."""
    backbone = VitPoseBackboneConfig(
        image_size=[recipe.size, recipe.size],
        patch_size=[recipe.patch, recipe.patch],
        hidden_size=recipe.hidden,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        out_indices=[recipe.layers],
    )
    scale = recipe.patch // HEATMAP_SHARE
    return VitPoseForPoseEstimation(VitPoseConfig(backbone_config=backbone, num_labels=JOINTS, scale_factor=scale))


def processor(recipe: PoseRecipe) -> dict[str, object]:
    """What `preprocessor_config.json` says: the box cut to the input, pixels to -1..1."""
    return {
        "image_processor_type": "VitPoseImageProcessor",
        "do_affine_transform": True,
        "size": {"height": recipe.size, "width": recipe.size},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    }


def box_of(picture: Picture, rng: np.random.Generator, whole_share: float) -> Box:
    """The whole picture, or a box around the visible joints that is off by as much as a first look is."""
    height, width = picture.frame.shape[:2]
    seen = picture.skeleton[picture.skeleton[:, 2] > 0.5, :2]
    full = whole(width, height)
    if len(seen) < 3 or rng.random() < whole_share:
        return full if rng.random() < 0.6 else _shaken(full, rng, 0.0)
    return _shaken(around(seen), rng, 0.5 if rng.random() < 0.3 else 0.1)


def _shaken(box: Box, rng: np.random.Generator, larger: float) -> Box:
    side = max(box.width, box.height)
    grown = np.exp(rng.uniform(-JITTER, JITTER + larger))
    width, height = box.width * grown, box.height * grown
    left = box.left + (box.width - width) / 2 + JITTER * side * rng.uniform(-1.0, 1.0)
    top = box.top + (box.height - height) / 2 + JITTER * side * rng.uniform(-1.0, 1.0)
    return Box(left, top, width, height)


def heatmaps(joints: NDArray[np.float32], side: int, sigma: float) -> NDArray[np.float32]:
    """Gaussians (J, side, side) at joints (J, 3) of x, y in heatmap pixels and visibility; nothing for hidden ones."""
    places = np.where(joints[:, 2:] > 0.5, joints[:, :2], -1e3)
    steps = np.arange(side, dtype=np.float32)
    across = np.exp(-((steps - places[:, :1]) ** 2) / (2.0 * sigma**2))
    down = np.exp(-((steps - places[:, 1:]) ** 2) / (2.0 * sigma**2))
    return (down[:, :, None] * across[:, None, :]).astype(np.float32)


def batch(source: PictureSource, recipe: PoseRecipe, step: int) -> tuple[Tensor, Tensor]:
    """Pixels (B, 3, S, S) in -1..1 and heatmaps (B, 17, S/4, S/4) of one step."""
    rng = np.random.default_rng([recipe.schedule.seed, 3, step])
    inputs, targets = [], []
    side = recipe.size // HEATMAP_SHARE
    for _ in range(recipe.schedule.batch):
        picture = source.person(rng) if rng.random() < recipe.figure_share else source.nobody(rng)
        view = View(box_of(picture, rng, recipe.whole_share), (recipe.size, recipe.size))
        joints = picture.skeleton[list(TO_17)].copy()
        joints[:, :2] = view.into(joints[:, :2], (side, side))
        inputs.append(view.cut(picture.frame))
        targets.append(heatmaps(joints, side, recipe.sigma))
    pixels = torch.from_numpy(np.stack(inputs)).permute(0, 3, 1, 2).float() / 127.5 - 1.0
    return pixels, torch.from_numpy(np.stack(targets))


def heatmap_loss(predicted: Tensor, truth: Tensor) -> Tensor:
    """Squared error (times 1000); a spot weighs more than the emptiness around it, which is most of a heatmap."""
    return 1000.0 * ((1.0 + SPOT_WEIGHT * truth) * (predicted - truth).square()).mean() / (1.0 + SPOT_WEIGHT)


def lesson(recipe: PoseRecipe, run: EstimatorRun) -> Lesson:
    """The lesson of a recipe on the clips of a run."""
    source = PictureSource(run.clips)

    def loss(model: nn.Module, step: int, device: str) -> Tensor:
        pixels, truth = batch(source, recipe, step)
        pixels = pixels.to(device, memory_format=torch.channels_last)
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            predicted = model(pixel_values=pixels).heatmaps
        return heatmap_loss(predicted.float(), truth.to(device))

    def fresh() -> PreTrainedModel:
        return build(recipe)

    return Lesson("pose", recipe.schedule, fresh, loss)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, and write the folder when the last step is done (or with --finish at once)."""
    Course(__doc__.splitlines()[0], POSE, lesson, processor).run(arguments)


if __name__ == "__main__":
    main()
