"""The benchmarks measure what they say: small runs of the real ones."""

from __future__ import annotations

import json
from pathlib import Path

from studio import bench
from studio.bench import click, library
from studio.bench.report import Measure, Report, machine
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
