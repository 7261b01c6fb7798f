"""What follows masks: SAM 2 of the true class, only tiny, beside the default one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipelines.conditioning.choosing import chosen
from pipelines.conditioning.trackers import every
from pipelines.domain.errors import BrokenCheckpoint, Stopped
from tests.pipelines.conditioning.tiny_sam2 import sam2
from tests.studio.structure.samples import rolling, where


def silent(fraction: float) -> None:
    """Nobody listens."""


def test_sam_2_is_offered_after_the_default_one(tmp_path: Path) -> None:
    sam2(tmp_path / "sam2-tiny")
    assert [tracker.id for tracker in every([tmp_path])] == ["dis-grabcut", "sam2-tiny"]
    assert chosen("mask", "", every([tmp_path])).id == "dis-grabcut"


def test_sam_2_goes_both_ways_from_the_painted_frame_and_repeats_itself(tmp_path: Path) -> None:
    tracker = chosen("mask", "sam2-tiny", every([sam2(tmp_path / "sam2-tiny")]))
    clip, shares = rolling(20), list[float]()
    masks = tracker.track(clip, where(1), 1, shares.append)
    assert masks.shape == clip.shape[:3] and masks.dtype == bool and (masks[1] == where(1)).all()
    assert shares[0] == 0.0 and max(shares) < 1.0 and shares == sorted(shares)
    assert (tracker.track(clip[:3], where(1), 1, silent) == masks[:3]).all()
    corner = np.zeros_like(where(1))
    corner[:20, 60:] = True
    assert (tracker.track(clip[:3], corner, 1, silent)[2] != masks[2]).any()
    alone = tracker.track(clip[:1], where(0), 0, silent)
    assert (alone[0] == where(0)).all()


def test_a_stop_ends_the_tracking(tmp_path: Path) -> None:
    tracker = chosen("mask", "sam2-tiny", every([sam2(tmp_path / "sam2-tiny")]))

    def stop(fraction: float) -> None:
        raise Stopped("Enough.")

    with pytest.raises(Stopped):
        tracker.track(rolling(4), where(0), 0, stop)


def test_a_box_gives_a_mask_of_one_picture(tmp_path: Path) -> None:
    tracker = chosen("mask", "sam2-tiny", every([sam2(tmp_path / "sam2-tiny")]))
    cut = tracker.cut_out(rolling(1)[0], where(0))
    assert cut.shape == where(0).shape and cut.any()


def test_weights_that_are_missing_are_told(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = sam2(tmp_path / "sam2-tiny")
    weights = load_file(folder / "model.safetensors")
    save_file({k: v for k, v in weights.items() if "memory" not in k}, folder / "model.safetensors", {"format": "pt"})
    tracker = chosen("mask", "sam2-tiny", every([folder]))
    with pytest.raises(BrokenCheckpoint, match="lacks .* of its weights"):
        tracker.track(rolling(4), where(0), 0, silent)
