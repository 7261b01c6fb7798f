"""Train the tiny depth estimator on rendered clips and write it as a stock `DepthAnythingForDepthEstimation` folder.

    python -m pipelines.toybox.train_depth --recipe cpu --run RUN --target assets/models/toybox-depth

Reads the shards under RUN/clips and resumes from RUN/depth/state.pt. The output is inverse depth with the sky at 0.
Loss: scale-and-shift-invariant absolute error in the form of Depth Anything (Yang et al., 2024) and gradient matching
of MiDaS (Ranftl et al., 2022), and beside them the plain error of log(inverse depth + 1/50 m), which keeps the frames
of a clip on one scale and the far ground right.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config, PreTrainedModel

from pipelines.toybox.estimators_data import Picture, PictureSource
from pipelines.toybox.estimators_recipes import DEPTH, DepthRecipe
from pipelines.toybox.estimators_training import Course, EstimatorRun, Lesson

NEAREST_METRES = 1.0
FAR_METRES = 50.0
GRADIENT_SCALES = 3


def build(recipe: DepthRecipe) -> DepthAnythingForDepthEstimation:
    """A fresh model whose first answer is a middling distance everywhere, so that its last ReLU is alive."""
    backbone = Dinov2Config(
        image_size=recipe.size,
        patch_size=recipe.patch,
        hidden_size=recipe.hidden,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        out_indices=[max(1, recipe.layers * part // 4) for part in (1, 2, 3, 4)],
        reshape_hidden_states=False,
        use_mask_token=False,
    )
    config = DepthAnythingConfig(
        backbone_config=backbone,
        patch_size=recipe.patch,
        reassemble_hidden_size=recipe.hidden,
        neck_hidden_sizes=list(recipe.neck),
        fusion_hidden_size=recipe.fusion,
        head_hidden_size=recipe.head,
    )
    model = DepthAnythingForDepthEstimation(config)
    nn.init.constant_(model.head.conv3.bias, 0.15)
    return model


def processor(recipe: DepthRecipe) -> dict[str, object]:
    """What `preprocessor_config.json` says: a multiple of the patch near the last side, pixels to -1..1."""
    side = {"height": recipe.sides[1], "width": recipe.sides[1]}
    return {
        "image_processor_type": "DPTImageProcessor",
        "do_resize": True,
        "size": side,
        "keep_aspect_ratio": True,
        "ensure_multiple_of": recipe.patch,
        "resample": 3,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    }


def invariant(inverse: Tensor) -> Tensor:
    """Inverse depth (B, H, W) without scale and shift: median 0, mean distance from it 1 (Depth Anything, eq. 3)."""
    flat = inverse.flatten(1)
    centred = flat - flat.median(dim=1, keepdim=True).values
    return (centred / centred.abs().mean(dim=1, keepdim=True).clamp_min(0.005)).view_as(inverse)


def depth_loss(predicted: Tensor, truth: Tensor, recipe: DepthRecipe) -> Tensor:
    """The loss of inverse depths (B, H, W) against true ones in 1/metres."""
    error = invariant(predicted) - invariant(truth)
    slopes = error.new_zeros(())
    for scale in range(GRADIENT_SCALES):
        coarse = error[:, :: 2**scale, :: 2**scale]
        slopes = slopes + coarse.diff(dim=1).abs().mean() + coarse.diff(dim=2).abs().mean()
    anchor = ((predicted + 1.0 / FAR_METRES).log() - (truth + 1.0 / FAR_METRES).log()).abs().mean()
    return error.abs().mean() + recipe.gradient_weight * slopes + recipe.anchor_weight * anchor


def batch(source: PictureSource, recipe: DepthRecipe, step: int) -> tuple[Tensor, Tensor]:
    """Pixels (B, 3, S, S) in -1..1 and inverse depth (B, S, S) of one step."""
    rng = np.random.default_rng([recipe.schedule.seed, 2, step])
    side = recipe.sides[int(step >= recipe.first_share * recipe.schedule.steps)]
    pairs = [_example(source.any(rng), side) for _ in range(recipe.schedule.batch)]
    pixels = torch.from_numpy(np.stack([pixel for pixel, _ in pairs])).permute(0, 3, 1, 2)
    return pixels.float() / 127.5 - 1.0, torch.from_numpy(np.stack([inverse for _, inverse in pairs]))


def _example(picture: Picture, side: int) -> tuple[np.ndarray, np.ndarray]:
    inverse = 1.0 / np.maximum(picture.depth, NEAREST_METRES)
    if picture.frame.shape[0] == side:
        return picture.frame, inverse
    frame = cv2.resize(picture.frame, (side, side), interpolation=cv2.INTER_AREA)
    return frame, cv2.resize(inverse, (side, side), interpolation=cv2.INTER_NEAREST)


def lesson(recipe: DepthRecipe, run: EstimatorRun) -> Lesson:
    """The lesson of a recipe on the clips of a run."""
    source = PictureSource(run.clips)

    def loss(model: nn.Module, step: int, device: str) -> Tensor:
        pixels, inverse = batch(source, recipe, step)
        pixels = pixels.to(device, memory_format=torch.channels_last)
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            predicted = model(pixel_values=pixels).predicted_depth
        return depth_loss(predicted.float(), inverse.to(device), recipe)

    def fresh() -> PreTrainedModel:
        return build(recipe)

    return Lesson("depth", recipe.schedule, fresh, loss)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, and write the folder when the last step is done (or with --finish at once)."""
    Course(__doc__.splitlines()[0], DEPTH, lesson, processor).run(arguments)


if __name__ == "__main__":
    main()
