"""The subject benchmark at its smallest: one subject, one prompt, one seed, a few steps, the shipped model."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from studio.bench import subject
from studio.bench.subject import Extent

pytestmark = pytest.mark.toybox


def test_every_method_is_measured_against_the_untrained_model_and_true_renders(tmp_path: Path) -> None:
    said: list[str] = []
    changes = {"steps": 2, "batch": 1, "every": 2, "prior_clips": 1, "sample_steps": 4}
    few = {"subjects": 1, "prompts": 1, "seeds": 1, "pictures": 4, "trials": 6}
    extent = Extent(**few, methods=("reference", "both"), changes=changes, keep=tmp_path)
    findings = subject.measure(said.append, extent=extent)
    found = {measure.name: measure for measure in findings.measures}
    ceiling, floor = "ceiling: true renders taken for the subject", "floor: others of its class taken for it"
    assert 0 <= found[floor].value <= found[ceiling].value <= 100
    assert {name for name in found if name.startswith("reference: ")}
    promised = [name for name, measure in found.items() if measure.promise]
    assert len(promised) == 3 and all(name.startswith("both: ") for name in promised)
    assert "seconds" in found["both: seconds of training"].name
    told = [line.partition(":")[0] for line in said]
    assert told == ["<spot-ball>, untrained", "<spot-ball>, reference", "<spot-ball>, both"]
    with Image.open(io.BytesIO(findings.pictures["subject.jpg"])) as sheet:
        assert sheet.height > 4 * 96  # the true pictures, and a row for each of the three
    again = subject.measure(said.append, extent=extent)
    assert again.measures == findings.measures, "a run that goes on takes what was made, its seconds included"
