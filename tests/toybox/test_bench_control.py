"""The control benchmark at toy size, on an untrained checkpoint of the true classes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipelines.toybox.bench.controls import Instruments
from pipelines.toybox.bench.structure import MEASURED
from pipelines.toybox.judge import Clips, Judge, JudgeShape
from studio.bench import control
from studio.bench.report import Findings
from studio.settings import Settings
from tests.pipelines import tiny


def brightness(clip: Clips) -> np.ndarray:
    return clip.mean(axis=-1).astype(np.float32)


def middles(clip: Clips) -> np.ndarray:
    joints = np.ones((len(clip), 18, 3), np.float32)
    joints[..., :2] = clip.shape[1] / 2
    return joints


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    assets = tmp_path_factory.mktemp("assets")
    tiny.write(assets / "models" / "toybox")
    torch.manual_seed(0)
    judge = Judge(JudgeShape(side=32, width=8, memory=16)).eval()
    tools = Instruments(judge=judge, nearness=brightness, skeletons=middles)
    extent = control.Extent(scenes=2, seeds=1)
    return control.measure(lambda text: None, Settings.read(assets=assets), extent, tools)


def test_every_control_stands_beside_truth_another_scenes_control_and_none(found: Findings) -> None:
    beside = {measure.name: set(measure.beside) for measure in found.measures}
    for name in (
        "depth: depth, AbsRel",
        "pose: pose, PCK@0.1",
        "edges: edges, F-score",
        "depth and pose: pose, PCK@0.1",
    ):
        assert beside[f"toybox, {name}"] == {"true renders", "after the codec", "shuffled", "without"}
    together = {name for name in beside if name.startswith("toybox, edges, start picture and camera")}
    assert {name.rpartition(": ")[2] for name in together} >= {"depth, AbsRel", "edges, F-score", "first frame, PSNR"}
    assert len(found.pictures) == len(MEASURED)


def test_outside_a_mask_even_an_untrained_model_keeps_the_source(found: Findings) -> None:
    (outside,) = (m for m in found.measures if m.name.startswith("toybox, mask, put back"))
    assert outside.value == 60.0 and outside.beside["without"] < 30.0
