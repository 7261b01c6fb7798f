"""The whole benchmark at toy size, on an untrained checkpoint of the true classes and an untrained judge."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pipelines.toybox.bench.controls import CONTROLS, Instruments, media_of
from pipelines.toybox.bench.run import Size, partner
from pipelines.toybox.bench.scenes import Case, Shape, draw_cases, has_measurable_path
from pipelines.toybox.bench.sheets import sheet
from pipelines.toybox.judge import Clips, Judge, JudgeShape, facts, save_judge
from pipelines.toybox.sampling import EVERYDAY
from studio.bench import toybox
from studio.bench.report import Findings
from studio.settings import Settings
from tests.pipelines import tiny

SIZE = Size(text_scenes=2, control_scenes=2, others=3, seeds=1)


@pytest.fixture(scope="module")
def tools() -> Instruments:
    torch.manual_seed(0)
    judge = Judge(JudgeShape(side=32, width=8, memory=16)).eval()
    return Instruments(judge=judge, nearness=brightness, skeletons=middles)


def brightness(clip: Clips) -> np.ndarray:
    """A poor estimate of nearness, which is all the test needs."""
    return clip.mean(axis=-1).astype(np.float32)


def middles(clip: Clips) -> np.ndarray:
    joints = np.ones((len(clip), 18, 3), np.float32)
    joints[..., :2] = clip.shape[1] / 2
    return joints


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, tools: Instruments) -> Findings:
    assets = tmp_path_factory.mktemp("assets")
    for name in ("toybox", "toybox-fast"):
        tiny.write(assets / "models" / name)
    save_judge(tools.judge, assets / "models" / toybox.JUDGE, "everyday")
    return toybox.measure(lambda text: None, Settings.read(assets=assets), SIZE, tools)


@pytest.fixture(scope="module")
def case() -> Case:
    return draw_cases(EVERYDAY, Shape(32, 32, 5), 1, has_measurable_path)[0]


def test_every_control_is_measured_beside_truth_a_wrong_control_and_none(found: Findings) -> None:
    beside = {measure.name: set(measure.beside) for measure in found.measures}
    for name in ("rotation error, previz route", "depth, AbsRel", "first frame, PSNR", "edges, F-score"):
        assert beside[f"toybox: {name}"] == {"true renders", "after the codec", "shuffled", "without"}
    assert all(np.isfinite(measure.value) for measure in found.measures)


def test_the_promises_are_those_of_the_base_model(found: Findings) -> None:
    promised = {measure.name: measure.promise for measure in found.measures}
    assert promised["toybox: text, all attributes together"] == ">= 90"
    assert promised["toybox: rotation error, picture-warp route"] == "<= 2"
    assert promised["toybox-fast: text, all attributes together"] == ""
    assert promised["toybox-fast: points behind the base, all attributes together"] == "<= 5"
    assert promised["toybox-fast: seconds per clip"] == "<= 4"


def test_true_renders_are_better_than_what_an_untrained_model_makes(found: Findings) -> None:
    measures = {measure.name: measure for measure in found.measures}
    first, edges = measures["toybox: first frame, PSNR"], measures["toybox: edges, F-score"]
    assert first.beside["true renders"] == 60.0 > first.value
    assert edges.beside["true renders"] == pytest.approx(100.0) and edges.value < 90.0


def test_there_is_a_sheet_of_every_control_and_it_is_small(found: Findings) -> None:
    assert {f"toybox-{name.replace(' ', '-')}.jpg" for name in ("text", *CONTROLS)} < found.pictures.keys()
    assert sum(map(len, found.pictures.values())) < 1_500_000


def test_every_control_names_its_media_by_what_they_hold(case: Case) -> None:
    for control in CONTROLS.values():
        parts = control.parts(case)
        assert {part.kind for part in parts} == control.needs
        assert all(media_of(parts)[part.media].pixels is clip for part, clip in parts.items())


def test_the_control_of_another_scene_has_another_camera() -> None:
    cases = draw_cases(EVERYDAY, Shape(16, 16, 5), 4, has_measurable_path)
    kinds = [facts(case.scene)["camera"] for case in cases]
    others = [partner(cases, place) for place in range(len(cases))]
    assert all(kinds[place] != kinds[other] for place, other in enumerate(others) if len(set(kinds)) > 1)


def test_a_sheet_has_a_row_for_each_of_asked_obtained_and_truth(case: Case, tmp_path: Path) -> None:
    from pipelines.toybox.bench.run import Example

    rows = [Example(None, case.frames, case.frames, "words"), Example(case.frames[:1], case.frames, case.frames, "a")]
    (tmp_path / "sheet.jpg").write_bytes(sheet(rows))
    with Image.open(tmp_path / "sheet.jpg") as picture:
        assert picture.height > 5 * 96


def test_the_report_of_the_benchmark_is_plain_json(found: Findings) -> None:
    from studio.bench.report import Report, machine

    report = Report(
        name="toybox", machine=machine(), began_at=0, seconds=1, measures=found.measures, pictures=found.pictures
    )
    told = json.loads(json.dumps(report.as_dict()))
    assert told["pictures"] == sorted(found.pictures)
    assert {"kept", "missed"} >= {measure["verdict"] for measure in told["measures"] if measure["verdict"]}
