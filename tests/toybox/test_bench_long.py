"""The benchmark of long clips measures what it says: a small run of the real one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipelines.toybox.judge import load_judge
from studio.bench import long
from studio.settings import Settings
from tests.pipelines import tiny

JUDGE = Path(__file__).resolve().parents[2] / "assets" / "models" / "toybox-judge"


@pytest.mark.toybox
def test_every_way_to_a_long_clip_is_measured_part_by_part(tmp_path: Path) -> None:
    tiny.write(tmp_path / "models" / "toybox", about={**tiny.ABOUT, "lengths": [17], "vocabulary": []})
    said: list[str] = []
    extent = long.Extent(prompts=1, steps=1)
    found = long.measure(said.append, Settings.read({}, assets=tmp_path), extent, load_judge(JUDGE))
    ways = {measure.name.partition(":")[0] for measure in found.measures}
    assert ways == {"another seed", "extended from 5 frames", "extended from 9 frames", "filled between key frames"}
    parts = [measure.beside for measure in found.measures if not measure.name.startswith("another seed")]
    assert all(list(beside) == ["part 2", "part 3", "part 4", "part 5"] for beside in parts) and len(said) == 4


def test_drift_is_none_where_nothing_changes_and_seen_where_it_does() -> None:
    clip = np.random.default_rng(1).integers(0, 200, (3, 16, 16, 3), np.uint8)
    assert long.colour_apart(clip, clip) == 0.0 and long.colour_apart(clip, clip + 10) == pytest.approx(10)
    smooth = np.repeat(np.repeat(clip[:, ::4, ::4], 4, 1), 4, 2)
    assert long.detail(smooth) < 0.5 * long.detail(clip)
