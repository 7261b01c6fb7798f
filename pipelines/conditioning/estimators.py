"""Which estimators there are: folders in transformers' layout that read depth, a body's pose or masks off pictures.

The shipped ones are tiny and know toybox's world; a folder of Depth Anything, DPT or ViTPose of any size is used by the
same code, and SAM 2 for masks. No torch at import; `depth.load` and `pose.load` open a folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from pipelines.domain.errors import BrokenCheckpoint

EstimatorKind = Literal["depth", "pose", "mask"]

FAMILIES: Mapping[str, EstimatorKind] = MappingProxyType(
    {"depth_anything": "depth", "dpt": "depth", "vitpose": "pose", "sam2_video": "mask"}
)
"""Kinds by the `model_type` that a folder's config.json names. To add a family: one entry here."""

MODELS = Path(__file__).resolve().parents[2] / "assets" / "models"
SHIPPED: Mapping[EstimatorKind, Path] = MappingProxyType(
    {"depth": MODELS / "toybox-depth", "pose": MODELS / "toybox-pose"}
)
CONFIG_BYTES = 1 << 20
WEIGHTS = ("model.safetensors", "model.safetensors.index.json")


@dataclass(frozen=True, kw_only=True)
class EstimatorCard:
    """An estimator that can be used: what it reads off pictures, and its folder; `id` is stored with what it made."""

    id: str
    kind: EstimatorKind
    family: str
    folder: Path


def card_of(folder: Path) -> EstimatorCard:
    """The card of a folder; its weights are not read. Raises BrokenCheckpoint where it is none that is run here."""
    family = str(_config(folder).get("model_type"))
    if family not in FAMILIES:
        message = f"{folder.name} is of a kind {family!r} that reads no structure here."
        raise BrokenCheckpoint(message, f"Known: {', '.join(FAMILIES)}.")
    for name in ("preprocessor_config.json", WEIGHTS[0]):
        if not (folder / name).is_file() and not (name == WEIGHTS[0] and (folder / WEIGHTS[1]).is_file()):
            hint = "Copy the whole folder; weights in safetensors only."
            raise BrokenCheckpoint(f"{folder.name} lacks {name}.", hint)
    return EstimatorCard(id=folder.resolve().name, kind=FAMILIES[family], family=family, folder=folder)


def available(kind: EstimatorKind, added: Sequence[Path] = ()) -> tuple[EstimatorCard, ...]:
    """The estimators of a kind, a shipped one first; `added` are folders or folders of such."""
    cards: list[EstimatorCard] = []
    shipped = (SHIPPED[kind],) if kind in SHIPPED else ()
    for folder in (*shipped, *candidates(added)):
        try:
            card = card_of(folder)
        except BrokenCheckpoint:
            continue
        if card.kind == kind and all(card.folder.resolve() != other.folder.resolve() for other in cards):
            cards.append(card)
    return tuple(cards)


def chosen(kind: EstimatorKind, folder: Path | None) -> EstimatorCard:
    """The card of that folder, or the shipped one where it is None. Raises BrokenCheckpoint for one of another kind."""
    card = card_of(folder or SHIPPED[kind])
    if card.kind != kind:
        raise BrokenCheckpoint(f"{card.id} reads {card.kind}, not {kind}.", f"Choose an estimator of {kind}.")
    return card


def candidates(added: Sequence[Path]) -> Iterable[Path]:
    """The folders themselves, and what lies in those that are folders of such."""
    for path in added:
        yield path
        if path.is_dir() and not (path / "config.json").is_file():
            yield from sorted(path.iterdir())


def _config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    try:
        if path.stat().st_size > CONFIG_BYTES:
            raise ValueError("too large")
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BrokenCheckpoint(f"{folder} holds no readable config.json.", "Choose a folder of a model.") from error
    return content if isinstance(content, dict) else {}
