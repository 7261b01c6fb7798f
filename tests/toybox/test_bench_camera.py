"""The camera benchmark at toy size, on an untrained checkpoint of the true classes."""

import json
from pathlib import Path

import numpy as np
import pytest

from pipelines.domain.errors import GimbalError
from pipelines.toybox.bench.readings import ESTIMATORS, exact, structure
from pipelines.toybox.bench.routes import Errors, RouteResults
from pipelines.toybox.bench.scenes import Case, Shape, draw_cases, has_measurable_path
from pipelines.toybox.sampling import EVERYDAY
from studio.bench import camera
from studio.bench.camera import Extent
from studio.bench.report import Findings, Measure, Report, machine
from studio.settings import Settings
from tests.pipelines import tiny

KINDS = ("own", "shuffled", "words only", "true renders", "after the codec")
SMALL = Extent(paths=1, seeds=1, steps=1)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    assets = tmp_path_factory.mktemp("assets")
    tiny.write(assets / "models" / "toybox")
    return camera.measure(lambda text: None, Settings.read(assets=assets), SMALL)


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return draw_cases(EVERYDAY, Shape(64, 64, 9), 2, has_measurable_path, series=2)


def named(found: Findings, *words: str) -> list[Measure]:
    return [measure for measure in found.measures if all(word in measure.name for word in words)]


def test_each_route_tells_how_many_clips_could_not_be_measured_beside_floors_and_baselines(found: Findings) -> None:
    for route in ("previz", "picture-warp"):
        (measure,) = named(found, "could not be measured", route)
        assert set(measure.beside) == {"true renders", "after the codec", "shuffled", "words only"}
        assert 0 <= measure.value <= 100 and "of 1 clips" in measure.note


def test_the_floor_on_true_renders_is_far_below_what_is_promised(found: Findings) -> None:
    for measure in named(found, "rotation error,"):
        assert measure.limit == 2.0 and "1 paths, 1 seeds; direct alignment" in measure.note
        assert measure.beside["true renders"] < 1.0


def test_a_general_estimator_is_named_and_promises_nothing() -> None:
    errors = Errors(clips=4, failed=0.25, rotation=3.0, translation=0.1, by_move={"pan left": (3.0, 0.1)})
    results = RouteResults(errors={name: dict.fromkeys(KINDS, errors) for name in ESTIMATORS})
    told = {measure.name: measure for measure in camera.told("toybox", "warp", results, Extent())}
    general = [measure for name, measure in told.items() if name.endswith("by structure from motion")]
    assert len(general) == 4 == len(told) - len(general) and not any(measure.promise for measure in general)
    assert {measure.value for measure in general} == {3.0, 10.0, 25.0, 1.0}
    assert sum(measure.verdict == "missed" for measure in told.values()) == 3


def test_there_is_a_sheet_of_each_route_and_the_report_is_plain_json(found: Findings) -> None:
    assert set(found.pictures) == {"toybox-camera-previz.jpg", "toybox-camera-warp.jpg"}
    report = Report(name="camera", machine=machine(), began_at=0, seconds=1, measures=found.measures)
    assert json.loads(json.dumps(report.as_dict()))["machine"]["cores"] >= 1


def test_a_model_that_is_no_toybox_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GimbalError, match="no toybox 'wan'"):
        camera.measure(lambda text: None, Settings.read(assets=tmp_path), Extent(card="wan"))


def test_a_clip_that_stands_still_has_the_whole_path_as_its_error(cases: list[Case]) -> None:
    case = next(case for case in cases if np.ptp(case.poses[:, :3, 3], axis=0).max() > 0.05)
    still = np.repeat(case.frames[:1], len(case.frames), axis=0)
    read = exact(case, case, still)
    assert read.problem == "" and read.translation is not None and read.translation > 0.2
    assert exact(case, case, case.frames).translation < 0.05


def test_noise_could_not_be_measured_and_says_so(cases: list[Case]) -> None:
    noise = np.random.default_rng(0).integers(0, 255, cases[0].frames.shape, dtype=np.uint8)
    assert exact(cases[0], cases[0], noise).problem
    assert structure(cases[0], cases[0], noise).problem
