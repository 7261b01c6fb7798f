"""Estimators that were published and can be fetched, each into a folder of its name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipelines.conditioning.estimators import EstimatorKind, card_of
from pipelines.families.family import Source

TAKE = ("config.json", "preprocessor_config.json", "model.safetensors", "README.md", "LICENSE*")
_APACHE = "Apache-2.0"


@dataclass(frozen=True, kw_only=True)
class PublishedEstimator:
    """What is known of a published estimator without having it; `id` is the name of its folder."""

    id: str
    title: str
    kind: EstimatorKind
    licence: str
    folder: Path
    source: Source


def published(home: Path) -> tuple[PublishedEstimator, ...]:
    """Every one that is known, with its place below the folder `home` of a person's estimators."""
    return tuple(
        PublishedEstimator(
            id=name, title=title, kind=kind, licence=licence, folder=home / name,
            source=Source(repository=repository, download_bytes=megabytes * 10**6, take=TAKE,
                          non_commercial=licence.startswith("CC-BY-NC")),
        )
        for name, title, kind, repository, megabytes, licence in _KNOWN
    )  # fmt: skip


_KNOWN: tuple[tuple[str, str, EstimatorKind, str, int, str], ...] = (
    ("depth-anything-v2-small", "Depth Anything V2, small", "depth", "depth-anything/Depth-Anything-V2-Small-hf", 99,
     _APACHE),
    ("depth-anything-v2-base", "Depth Anything V2, base", "depth", "depth-anything/Depth-Anything-V2-Base-hf", 390,
     "CC-BY-NC-4.0"),
    ("midas-dpt-hybrid", "MiDaS 3.0, DPT hybrid", "depth", "Intel/dpt-hybrid-midas", 490, _APACHE),
    ("vitpose-base-simple", "ViTPose, base", "pose", "usyd-community/vitpose-base-simple", 343, _APACHE),
    ("sam2.1-hiera-tiny", "SAM 2.1, tiny", "mask", "facebook/sam2.1-hiera-tiny", 156, _APACHE),
    ("sam2.1-hiera-small", "SAM 2.1, small", "mask", "facebook/sam2.1-hiera-small", 184, _APACHE),
)  # fmt: skip
"""Name, title, what it reads, repository, megabytes, licence. To offer one more: one line here."""


def whole(folder: Path) -> None:
    """Whether a fetched folder is one that is run here. Raises BrokenCheckpoint."""
    card_of(folder)
