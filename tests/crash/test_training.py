"""A training that is killed in the middle goes on from its last state, with the losses it would have had."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.personalize.settings import Settings
from studio.jobs.crashpoint import VARIABLE
from studio.jobs.executors import Executor, Listener
from studio.settings import Settings as StudioSettings
from studio.studio import Studio
from tests.pipelines import tiny
from tests.studio.subjects.test_subjects import wish

pytestmark = pytest.mark.crash
STEPS = Settings(
    steps=30, batch=1, rank=2, alpha=2, every=30, prior_clips=1, sample_steps=1, width=64, height=64, num_frames=5
)


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    """A studio whose first worker is killed with the 38th report, the second one lives."""
    tiny.write(tmp_path / "assets" / "models" / "tiny")
    settings = StudioSettings.read(
        {}, home=tmp_path / "home", assets=tmp_path / "assets", device="cpu", warm_start=False
    )
    started: list[int] = []

    def start(listener: Listener) -> Executor:
        if started:
            monkeypatch.delenv(VARIABLE, raising=False)
        else:
            monkeypatch.setenv(VARIABLE, "worker.training#38")
        executor = made._spawn(listener)
        started.append(executor.pid)
        return executor

    made = Studio(settings, start_worker=start)
    made.started = started  # type: ignore[attr-defined]
    with made:
        yield made


def test_a_training_killed_in_the_middle_goes_on_with_the_same_losses(studio: Any) -> None:
    version, job = studio.subjects.train(wish(studio, settings=STEPS))
    row = studio.wait(job.id, timeout=400)
    assert row.state == "finished", row.error_message
    assert len(studio.started) == 2 and row.attempts == 2
    told = studio.subjects.training(version.id)
    assert (told["state"], len(told["losses"])) == ("ready", 30)
    first = job.id
    assert all((studio.home.subjects / c["digest"]).is_dir() for c in told["checkpoints"])
    whole, job = studio.subjects.train(wish(studio, token="<same-ball>", settings=STEPS))
    assert studio.wait(job.id, timeout=400).state == "finished"
    np.testing.assert_allclose(told["losses"], studio.subjects.training(whole.id)["losses"], rtol=1e-3)
    assert not (studio.home.tasks / first).exists()
    assert os.environ.get(VARIABLE) is None
