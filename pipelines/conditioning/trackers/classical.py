"""Masks followed by optical flow and cut where colours change: no model, at home in any clip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pipelines.conditioning import masks
from pipelines.conditioning.masks import Clip, Masks, OnShare


class FlowAndGrabCut:
    """DIS flow and GrabCut, whose time grows with the area while its outline hardly gains."""

    id, title, why_not, side = "dis-grabcut", "Optical flow and colours", "", 384
    control: Literal["mask"] = "mask"

    def track(self, clip: Clip, painted: Masks, frame: int, on_share: OnShare) -> Masks:
        return masks.track(clip, painted, frame, on_share)

    def cut_out(self, picture: Clip, about: Masks) -> Masks:
        return masks.cut_out(picture, about)


def trackers(added: Sequence[Path]) -> tuple[FlowAndGrabCut, ...]:
    return (FlowAndGrabCut(),)
