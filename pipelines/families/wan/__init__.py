"""Wan: VACE, which takes text, pictures and control clips, and the text and picture models beside it. No torch here.

The stock pipelines of Wan 2.1 and 2.2 are described in `stock.py`; the rest of this page is VACE. A few-step card is a
folder with a LoRA and the name of such a checkpoint beside it (see `pipelines.models.tuned`). Any folder in diffusers
layout whose model_index.json says WanVACEPipeline is served: the small default `toybox` as well as Wan 2.1 VACE 1.3B
and 14B (Jiang et al., "VACE: All-in-One Video Creation and Editing", 2025).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipelines.domain.capabilities import Capabilities, Range
from pipelines.domain.conditioning import CONDITIONING_TYPES
from pipelines.domain.errors import BrokenCheckpoint
from pipelines.domain.request import GenerationRequest
from pipelines.families.about import About, read_about
from pipelines.families.arithmetic import Shape
from pipelines.families.checkpoint import pipeline_of
from pipelines.families.family import Footprint, Loader, ModelCard
from pipelines.families.published import capabilities
from pipelines.families.single import Singles
from pipelines.families.wan import vace
from pipelines.families.wan.adapter import check_adapter
from pipelines.families.wan.arithmetic import count
from pipelines.families.wan.configs import EULER, SECOND, WanFolder, read_folder
from pipelines.families.wan.files import FILES
from pipelines.families.wan.stock import STOCK
from pipelines.models.parts import origin
from pipelines.models.tuned import base_folder

NAME = "wan"
FEWEST_STEPS_OF_DRAFTS = 8  # a model of fewer steps changes too much from one to the next to leave work out
PIPELINE = "WanVACEPipeline"
SINGLES = Singles(files=FILES, records=(*vace.RECORDS, *STOCK.records()))


def recognises(folder: Path) -> bool:
    """Whether the folder's model_index.json names a pipeline of this family."""
    return pipeline_of(folder) == PIPELINE or STOCK.recognises(folder)


def card(folder: Path, card_id: str) -> ModelCard:
    """The card of a checkpoint folder, or of one that changes another by a LoRA; every file was checked.

    Raises BrokenCheckpoint.
    """
    base = base_folder(folder)
    if base is None and pipeline_of(folder) != PIPELINE:
        return STOCK.card(folder, card_id)
    checked = read_folder(base or folder)
    described = origin(base or folder)
    source = vace.source_of(described, checked)
    about = read_about(base or folder, _defaults(checked, described.name, source is not None))
    if base is not None:
        about = read_about(folder, vars(about))
    if about.shift_terminal and checked.classes["scheduler"] != EULER:
        raise BrokenCheckpoint(f"{folder}: shift_terminal needs the scheduler {EULER}.", "Remove it.")
    return ModelCard(
        id=card_id,
        title=about.title,
        family=NAME,
        folder=folder,
        summary=about.summary,
        licence=about.licence,
        capabilities=_capabilities(folder, checked, about),
        examples=about.examples,
        weaknesses=about.weaknesses,
        settings={
            "pipeline": PIPELINE,
            "checkpoint": checked,
            "base": base or folder,
            "adapter": check_adapter(folder, about.adapter, checked) if base else None,
            "shift": about.shift,
            "shift_terminal": about.shift_terminal,
            "max_sequence_length": about.max_sequence_length,
        },
        source=source if base is None else None,
        settings_source=vace.SETTINGS if source else "",
    )


def published(home: Path) -> tuple[ModelCard, ...]:
    """The published checkpoints of this family; none of their folders is read."""
    found = tuple(_published_vace(known, home / known.id) for known in vace.CARDS)
    return (*found, *STOCK.published(home))


def footprint(card: ModelCard, request: GenerationRequest) -> Footprint:
    """Bytes (weights in 16 bits) and operations of a request."""
    if card.settings["pipeline"] != PIPELINE:
        return STOCK.footprint(card, request)
    return count(card.settings["checkpoint"], request, card.settings["max_sequence_length"])


def loader() -> Loader:
    """The part that needs torch and diffusers, imported now."""
    from pipelines.families.wan.either import EitherLoader

    return EitherLoader()


def _published_vace(known: vace.Vace, folder: Path) -> ModelCard:
    about = About(**_defaults(known.folder, known.id, True))
    return ModelCard(
        id=known.id,
        title=known.title,
        family=NAME,
        folder=folder,
        summary=about.summary,
        licence=about.licence,
        capabilities=_capabilities(folder, known.folder, about),
        weaknesses=about.weaknesses,
        settings={
            "pipeline": PIPELINE,
            "checkpoint": known.folder,
            "max_sequence_length": about.max_sequence_length,
        },
        source=known.source,
        is_here=False,
        settings_source=vace.SETTINGS,
    )


def _capabilities(folder: Path, checked: WanFolder, about: About) -> Capabilities:
    shape = Shape(spatial=checked.vae.spatial, temporal=checked.vae.temporal, patch=checked.transformer.patch[1])
    draft = about.steps.high >= FEWEST_STEPS_OF_DRAFTS
    return capabilities(about, shape, {**vace.TRAITS, "draft": draft}, folder)


def _defaults(checked: WanFolder, name: str, is_published: bool) -> dict[str, Any]:
    """What holds where gimbal.json is silent: the published numbers of Wan 2.1 VACE.

    Sizes, 81 frames, 16 fps and 512 text tokens: the Wan 2.1 repository (1.3B: 480p, 14B: 480p and 720p).
    Steps 50, guidance 5, shift 16: defaults of VACE's own inference script for Wan. With two experts (VACE-Fun of Wan
    2.2) the shift is the checkpoint's.
    """
    large, is_double = checked.transformer.layers >= 40, SECOND in checked.weights
    wide = ((832, 480), (480, 832), (624, 624))
    kind = "2.2 VACE-Fun A14B" if is_double else f"2.1 VACE {'14B' if large else '1.3B'}"
    return {
        "title": f"Wan {kind} ({name})" if checked.transformer.dim >= vace.SMALLEST else name,
        "summary": "A Wan VACE checkpoint: video from text, pictures, masks and control clips.",
        "sizes": (*wide, (1280, 720), (720, 1280)) if large else wide,
        "min_side": 256,
        "lengths": (81, 49, 33, 17, 1),
        "fps": Range(low=1, high=60, default=16),
        "steps": Range(low=1, high=100, default=50),
        "guidance": Range(low=1, high=20, default=5, step=0.1),
        "shift": 0.0 if is_double else 16.0,
        "max_sequence_length": 512,
        "conditionings": frozenset(t.kind for t in CONDITIONING_TYPES),
        "licence": f"Apache-2.0 (Wan {kind[:3]})" if is_published else "the checkpoint's own",
        "weaknesses": (vace.WEAKNESSES + (vace.DOUBLE if is_double else "")) if is_published else "",
    }
