"""What can be done with a model on this machine, and what it costs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.domain.errors import Problem
from pipelines.families import family_named
from pipelines.families.family import ModelCard
from pipelines.models.parts import is_joined
from pipelines.personalize.bases import KINDS
from pipelines.personalize.settings import LARGE_DIM, METHODS, PRESETS, Method, Preset, Settings, preset, to_dict
from projects_db.records import JobRow, JobState
from studio.subjects.estimating import Denoiser, PastTraining, TrainingEstimate, estimate, step_flops

if TYPE_CHECKING:
    from studio.studio import Studio

_GROUND_SPEED = 1e11


@dataclass(frozen=True, kw_only=True)
class MethodOffer:
    """One way to a subject; why_not says why this model cannot be used so, None where it can."""

    method: Method
    title: str
    why_not: str | None


@dataclass(frozen=True, kw_only=True)
class PresetOffer:
    """One preset of one method with all its settings. fits: the device has the memory."""

    preset: Preset
    method: Method
    settings: dict[str, Any]
    seconds: float
    device_bytes: int
    fits: bool


@dataclass(frozen=True, kw_only=True)
class Offers:
    """Everything that can be chosen."""

    methods: tuple[MethodOffer, ...]
    presets: tuple[PresetOffer, ...]


TITLES: dict[Method, str] = {
    "token": "Words only: small, keeps the model as it is",
    "lora": "Model only: a LoRA",
    "both": "Both: the best likeness",
    "reference": "Pictures only: at once, without training",
}


def preset_for(card: ModelCard, name: Preset, method: Method) -> Settings:
    """A preset's settings for a model.

    A large model is shown a picture as the single frame that it is: it knows how things move, and could forget it.
    """
    grid, dim = card.capabilities.grid, _config(card).get("dim", 0)
    is_still = 1 in grid.lengths or (dim >= LARGE_DIM and grid.snap_frames(1) == 1)
    length = 1 if is_still else grid.lengths[0]
    return preset(name, method, dim=dim, size=grid.sizes[0], num_frames=length)


def preset_here(studio: Studio, card: ModelCard, name: Preset, method: Method) -> Settings:
    """A preset's settings for a model on this machine: the base in 8 bits where it does not fit as it is."""
    whole = preset_for(card, name, method)
    if studio.device().kind == "mps" or estimate_for(studio, card, whole).device_bytes <= _memory(studio):
        return whole
    return dataclasses.replace(whole, light_base=True)


def offers(studio: Studio, card: ModelCard) -> Offers:
    """What there is to choose for a model."""
    methods = tuple(MethodOffer(method=m, title=TITLES[m], why_not=_why_not(card, m)) for m in METHODS)
    usable = [m.method for m in methods if m.why_not is None and m.method != "reference"]
    presets = []
    for method in usable:
        for name in PRESETS:
            settings = preset_here(studio, card, name, method)
            told = estimate_for(studio, card, settings)
            presets.append(
                PresetOffer(
                    preset=name,
                    method=method,
                    settings=to_dict(settings),
                    seconds=told.seconds,
                    device_bytes=told.device_bytes,
                    fits=told.device_bytes <= _memory(studio),
                )
            )
    return Offers(methods=methods, presets=tuple(presets))


def estimate_for(studio: Studio, card: ModelCard, settings: Settings) -> TrainingEstimate:
    """What a training costs here: the speed of this machine's trainings of that model, else of its clips."""
    return estimate(settings, denoiser_of(card, settings), _speed(studio, card), _past(studio, card))


def training_problems(studio: Studio, card: ModelCard, settings: Settings) -> Iterable[Problem]:
    """What keeps a training from being done with this model on this machine."""
    why = _why_not(card, settings.method)
    if why is not None:
        yield Problem(field="model", message=why, hint="Choose another model, or another method.")
        return
    grid = card.capabilities.grid
    if settings.width % grid.size_multiple or settings.height % grid.size_multiple:
        message = f"{settings.width}x{settings.height} is no multiple of {grid.size_multiple}."
        yield Problem(field="settings", message=message, hint=f"{grid.sizes[0][0]}x{grid.sizes[0][1]} is a good start.")
    if grid.snap_frames(settings.num_frames) != settings.num_frames:
        message = f"{settings.num_frames} frames is not a length this model makes."
        hint = f"The nearest is {grid.snap_frames(settings.num_frames)}."
        yield Problem(field="settings", message=message, hint=hint)
    need, have = estimate_for(studio, card, settings).device_bytes, _memory(studio)
    if need > have:
        where = studio.device().name
        message = f"This training needs about {need / 1e9:.1f} GB; {where} has {have / 1e9:.1f} GB for it."
        hint = "Lower the batch, the size or the rank, turn checkpointing on, or keep the base in 8 bits."
        yield Problem(field="settings", message=message, hint=hint)
    if settings.light_base and studio.device().kind == "mps":
        message = "This device does not know the 8-bit numbers that a light base is kept in."
        yield Problem(field="settings", message=message, hint="Turn light_base off.")


def _memory(studio: Studio) -> int:
    """The most a training may take, in bytes."""
    return min(studio.device().total_bytes, studio.settings.budget_bytes or studio.device().total_bytes)


def denoiser_of(card: ModelCard, settings: Settings) -> Denoiser:
    """The numbers of a card's transformer for examples of that size."""
    from studio.studio import default_request

    config = _config(card)
    one = dataclasses.replace(
        default_request(card, "a"),
        width=settings.width,
        height=settings.height,
        num_frames=settings.num_frames,
        steps=1,
        guidance=1.0,
        conditioning=(),
    )
    family = family_named(card.family)
    single, double = family.footprint(card, one), family.footprint(card, dataclasses.replace(one, steps=2))
    return Denoiser(
        layers=config.get("layers", 1),
        dim=config.get("dim", 1),
        tokens=_tokens(card, settings, config),
        pass_flops=double.flops - single.flops,
        hidden=config.get("hidden", 0),
        weights=single.weights,
        denoising=single.components.get("transformer", 0),
    )


def _tokens(card: ModelCard, settings: Settings, config: dict[str, int]) -> int:
    grid = card.capabilities.grid
    frames = 1 + (settings.num_frames - 1) // max(1, grid.frames_multiple)
    cells = (settings.width // grid.size_multiple) * (settings.height // grid.size_multiple)
    return max(1, frames * cells)


def _config(card: ModelCard) -> dict[str, int]:
    """Widths and depth of a card's transformer, {} where they cannot be read; the inner width of Wan alone."""
    path = Path(card.settings.get("base") or card.folder) / "transformer" / "config.json"
    try:
        raw = json.loads(path.read_text("utf-8"))
        layers = int(raw["num_layers"]) + len(raw.get("vace_layers") or ())
        dim = int(raw["num_attention_heads"]) * int(raw["attention_head_dim"])
        return {"dim": dim, "layers": layers, "hidden": int(raw.get("ffn_dim") or 0)}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def why_no_subjects(card: ModelCard) -> str:
    """Why a model can take up no subject in any way; empty where it can, or where only its folder would tell."""
    if not card.is_here and card.settings.get("pipeline") in KINDS:
        return ""
    reasons = [_why_not(card, method) for method in METHODS]
    return "" if None in reasons else str(reasons[0])


def _why_not(card: ModelCard, method: Method) -> str | None:
    if method == "reference":
        takes = "reference_image" in card.capabilities.conditionings
        return None if takes else f"{card.title} takes no reference pictures."
    if is_joined(card.folder):
        return f"{card.title} is put together from single files; train on the model's own folder."
    path = Path(card.settings.get("base") or card.folder) / "model_index.json"
    try:
        index = json.loads(path.read_text("utf-8"))
        second = (index.get("transformer_2") or [None])[0]
        kind = None if second or index.get("expand_timesteps") else index.get("_class_name")
    except (OSError, ValueError, AttributeError):
        kind = None
    if kind not in KINDS:
        return f"Subjects cannot be trained on {card.title} yet; its kind of model has no trainer here."
    return None


def _speed(studio: Studio, card: ModelCard) -> float:
    """Operations per second of this machine with that model, from what its clips take."""
    from studio.studio import default_request

    request = default_request(card, "a")
    seconds = studio.estimate(request).seconds
    flops = family_named(card.family).footprint(card, request).flops
    return max(_GROUND_SPEED / 100, flops / seconds if seconds > 0 else _GROUND_SPEED)


def _past(studio: Studio, card: ModelCard) -> list[PastTraining]:
    finished: tuple[JobState, ...] = ("finished",)
    rows = [row for row in studio.repository.list_jobs(finished, 200) if row.task == "train_subject"]
    return [run for row in rows if row.model == card.id and (run := _run(row, card)) is not None][:5]


def _run(row: JobRow, card: ModelCard) -> PastTraining | None:
    from studio.subjects.spec import TrainSpec

    try:
        settings = TrainSpec.from_json(row.request_json).settings
        facts = json.loads(row.facts_json or "{}")
        flops = settings.steps * step_flops(settings, denoiser_of(card, settings))
        return PastTraining(steps=settings.steps, flops=flops, seconds=float(facts["train_seconds"]))
    except (ValueError, KeyError, TypeError):
        return None
