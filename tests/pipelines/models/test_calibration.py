"""What is known of a checkpoint's steps: kept, found again, and never believed where it is damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from diffusers import FlowMatchEulerDiscreteScheduler

from pipelines.models.calibration import Calibrations, key_of


def test_figures_outlive_the_process_and_those_of_another_checkpoint_stay(tmp_path: Path) -> None:
    known = Calibrations(tmp_path / "measured")
    known.keep("a", {"transformer": [1.0, 0.9]})
    known.keep("b", {"transformer": [1.0], "transformer_2": [1.0, 1.1]})
    again = Calibrations(tmp_path / "measured")
    assert again.find("a") == {"transformer": [1.0, 0.9]} and again.find("c") is None
    assert set(again.find("b") or {}) == {"transformer", "transformer_2"}


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"a": {}}', '{"a": {"t": []}}', '{"a": {"t": [NaN]}}', '{"a": {"t": ["x"]}}', '{"a": 3}']
)
def test_a_damaged_file_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "step-ratios.json").write_text(text)
    assert Calibrations(tmp_path).find("a") is None
    Calibrations(tmp_path).keep("a", {"t": [1.0]})
    assert json.loads((tmp_path / "step-ratios.json").read_text()) == {"a": {"t": [1.0]}}


def test_figures_belong_to_the_files_and_to_the_scheduler(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    keys = {key_of([tmp_path], FlowMatchEulerDiscreteScheduler(shift=shift)) for shift in (1.0, 1.0, 3.0)}
    assert len(keys) == 2
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    assert key_of([tmp_path], FlowMatchEulerDiscreteScheduler(shift=1.0)) not in keys
