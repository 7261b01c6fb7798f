"""What one run cost and how it was done: kept with its job and its clip."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pipelines.families.family import Attention, Placement, Storage
from pipelines.models.ladder import Rung


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """What one run cost, kept with its job and clip.

    seconds: at work, without load_seconds. peak_bytes: the most the process held on the device. rung: how far up the
    out-of-memory ladder it went. flops: counted operations that were done, so that later estimates learn the machine's
    real speed. storage: in which form the weights lay. why: the placement in words. draft: what was left out of a
    draft, in words; empty for a final clip. ahead_bytes: of its weights, read while the clip before was made.
    """

    model: str
    load_seconds: float
    seconds: float
    peak_bytes: int
    rung: Rung
    placement: Placement
    device: str
    flops: float
    storage: Storage = "whole"
    tiled: bool = False
    attention: Attention = "native"
    compiled: bool = False
    why: str = ""
    draft: str = ""
    ahead_bytes: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)
