"""The benchmarks measure what they say: small runs of the real ones."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from pipelines.toybox.bench.readings import ESTIMATORS
from studio import bench
from studio.bench import click, library, page, subject
from studio.bench.camera import Extent
from studio.bench.report import Measure, Report, machine
from studio.cli import bench_extent, main
from studio.settings import Settings
from tests.pipelines import tiny


def test_every_benchmark_says_what_it_measures() -> None:
    assert all(bench.summary(name) for name in bench.NAMES)


def test_a_report_names_its_machine_and_judges_its_promises() -> None:
    measures = tuple(
        Measure(name="n", value=value, unit="s", limit=limit) for value, limit in ((1, 2), (3, 2), (3, None))
    )
    told = json.loads(
        json.dumps(Report(name="x", machine=machine(), began_at=0, seconds=1, measures=measures).as_dict())
    )
    assert [measure["verdict"] for measure in told["measures"]] == ["kept", "missed", ""]
    assert told["machine"]["cores"] >= 1 and told["machine"]["packages"]["torch"]


def test_the_studio_makes_the_same_frames_as_the_bare_pipeline(tmp_path: Path) -> None:
    """The benchmark compares like with like, and every clip is what stock diffusers makes of its request."""
    tiny.write(tmp_path / "models" / "tiny")
    said: list[str] = []
    measures = click.measure(said.append, Settings.read(assets=tmp_path), runs=2)
    found = {measure.name: measure for measure in measures}
    assert found["clips with other frames than the bare call"].value == 0
    assert found["click to stored clip"].value > 0 and len(said) == 3


def test_every_kind_of_search_is_measured_against_its_promise() -> None:
    measures = library.measure(lambda text: None, clips=2000)
    searches = [measure for measure in measures if measure.name.startswith("search")]
    assert len(searches) >= 8 and all(measure.limit == 50 for measure in searches)
    assert all(0 < measure.value < 1000 for measure in searches)


def test_the_page_of_results_tells_the_results_beside_it() -> None:
    folder = Path(__file__).parents[2] / "assets" / "measured"
    assert (folder / page.NAME).read_text(encoding="utf-8") == page.page(folder)


def test_what_stands_beside_a_figure_has_a_column_of_its_own(tmp_path: Path) -> None:
    measures = (
        Measure(name="plain", value=123.4, unit="s", limit=150),
        Measure(name="compared", value=0.125, unit="dB", beside={"true renders": 12.34}, note="by eye"),
    )
    report = Report(name="click", machine=machine(), began_at=0, seconds=60, measures=measures)
    (tmp_path / "click.json").write_text(json.dumps(report.as_dict()))
    lines = page.page(tmp_path).splitlines()
    assert "| what | value | promised |  | true renders | how |" in lines
    assert "| plain | 123 s | <= 150 | kept |  |  |" in lines
    assert "| compared | 0.12 dB |  |  | 12.3 | by eye |" in lines


def test_only_the_camera_benchmark_can_be_made_smaller(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "start", "--paths", "2"]) == 1
    assert "Only the camera benchmark" in capsys.readouterr().err
    assert main(["bench", "camera", "--paths", "0"]) == 2


def test_an_extent_is_what_was_said_and_the_rest_as_usual() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    bench_extent.arguments(parser)
    asked = parser.parse_args(["camera", "--paths", "2", "--estimator", "exact", "--estimator", "structure"])
    assert bench_extent.extent_of(asked) == Extent(paths=2, estimators=("exact", "structure"))
    assert bench_extent.extent_of(parser.parse_args(["camera"])) is None
    assert tuple(ESTIMATORS) == bench_extent.ESTIMATORS


def test_the_settings_of_a_measured_training_are_those_said(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    bench_extent.arguments(parser)
    said = ["--set", "subject_weight=3", "--set", "steps=40", "--prompts", "2", "--preset", "good", "--keep", "made"]
    wanted = subject.Extent(prompts=2, preset="good", keep=Path("made"), changes={"subject_weight": 3.0, "steps": 40})
    assert bench_extent.extent_of(parser.parse_args(["subject", *said])) == wanted
    assert main(["bench", "subject", "--set", "stride=3"]) == 1
    assert "There is no setting 'stride'" in capsys.readouterr().err
    assert main(["bench", "subject", "--set", "steps=0"]) == 1
    assert "steps 0 is outside 1" in capsys.readouterr().err
