"""How long a training takes and what memory it needs: arithmetic over one step, corrected by trainings done here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.personalize.settings import BATCHES, MEASURED, Settings

FORWARD_AND_BACK = 3.0
RECOMPUTED = 1.0
BYTES_OF_A_WEIGHT = 16  # in 32 bits: the weight, its gradient and the optimizer's two moments
BYTES_OF_A_CELL = 68  # what is kept of a token and unit of width until the backward pass, in one block
TRUSTED_STEPS = 40  # as many measured steps weigh as much as what was known before them
LIGHT = 0.54  # of 16 bits, with the layers that stay whole
_SAMPLES = 2


@dataclass(frozen=True, kw_only=True)
class Denoiser:
    """What the arithmetic needs of a model. pass_flops: of one pass over one example.

    hidden: width between the two layers of a block's feed-forward part, 0 where a LoRA leaves those alone.
    weights: bytes of the whole model. denoising: those of its denoiser alone.
    """

    layers: int
    dim: int
    tokens: int
    pass_flops: float
    weights: int
    denoising: int = 0
    hidden: int = 0


@dataclass(frozen=True, kw_only=True)
class PastTraining:
    """A training that was done here: its steps, their seconds, and the operations that they were."""

    steps: int
    flops: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class TrainingEstimate:
    """Seconds in all and bytes on the device. learned: from trainings of this machine."""

    seconds: float
    device_bytes: int
    step_seconds: float
    learned: bool


def step_flops(settings: Settings, model: Denoiser) -> float:
    """Operations of one optimizer step."""
    each = FORWARD_AND_BACK + (RECOMPUTED if settings.checkpointing else 0.0)
    return (settings.batch + settings.prior_batch) * each * model.pass_flops


def other_flops(settings: Settings, model: Denoiser) -> float:
    """Operations of the class clips, what the base is asked about them, the sample clips and the measurements."""
    clips = settings.prior_clips if settings.prior_batch else 0
    checkpoints = 1 + settings.steps // settings.every
    made = (clips + _SAMPLES * checkpoints) * settings.sample_steps * 2
    measured = checkpoints * 4 * (2 * clips + max(MEASURED, settings.held_out))
    asked = min(settings.steps, BATCHES) * settings.prior_batch
    return (made + measured + asked) * model.pass_flops


def lora_weights(settings: Settings, model: Denoiser) -> int:
    """Parameters of a LoRA on queries, keys, values and outputs of both attentions, and on the layers between them."""
    attention, between = 8 * 2 * model.dim, 2 * (model.dim + model.hidden) if model.hidden else 0
    return settings.rank * (attention + between) * model.layers if settings.trains_lora else 0


def device_bytes(settings: Settings, model: Denoiser) -> int:
    """The most that a training holds on its device."""
    blocks = 1 if settings.checkpointing else model.layers
    cells = (settings.batch + settings.prior_batch) * model.tokens * model.dim
    kept = cells * (BYTES_OF_A_CELL * blocks + (4 * model.layers if settings.checkpointing else 0))
    saved = (1.0 - LIGHT) * model.denoising if settings.light_base else 0.0
    return int(model.weights - saved + BYTES_OF_A_WEIGHT * lora_weights(settings, model) + kept)


def estimate(
    settings: Settings, model: Denoiser, flops_per_second: float, past: Sequence[PastTraining] = ()
) -> TrainingEstimate:
    """What a training costs: at a speed, brought nearer to that of past trainings the more steps they had."""
    known = [run for run in past if run.seconds > 0 and run.flops > 0]
    pace = 1.0 / flops_per_second
    if known:
        steps = sum(run.steps for run in known)
        measured = sum(run.seconds for run in known) / sum(run.flops for run in known)
        pace = (steps * measured + TRUSTED_STEPS * pace) / (steps + TRUSTED_STEPS)
    step = step_flops(settings, model) * pace
    return TrainingEstimate(
        seconds=settings.steps * step + other_flops(settings, model) * pace,
        device_bytes=device_bytes(settings, model),
        step_seconds=step,
        learned=bool(known),
    )
