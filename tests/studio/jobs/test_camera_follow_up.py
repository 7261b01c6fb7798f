"""What became of a camera path is measured once its clip is stored, whether anybody looks or not."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from pipelines.domain.camera.plan_text import path_from_text
from projects_db.records import JobRow
from studio.studio import Studio, default_request
from tests.studio.jobs.conftest import Open
from tests.studio.jobs.scripted import diligent
from tests.studio.jobs.test_dispatcher import until


def submitted(studio: Studio, words: str | None) -> JobRow:
    request = default_request(studio.catalog.cards()[0])
    path = None if words is None else path_from_text(words)
    project = studio.repository.list_projects()[0]
    return studio.queue.submit(project.id, dataclasses.replace(request, camera=path))[0]


def facts(studio: Studio, clip_id: str | None) -> dict[str, Any]:
    assert clip_id is not None
    return dict(json.loads(studio.repository.clip(clip_id).facts_json or "{}"))


def test_a_clip_with_a_path_is_measured_without_being_asked_for(opened: Open) -> None:
    studio = opened(diligent)
    made = studio.wait(submitted(studio, "orbit left 30").id, timeout=60)
    until(lambda: "camera" in facts(studio, made.clip_id), seconds=60)
    found = facts(studio, made.clip_id)
    assert found["camera"]["problem"] or len(found["camera"]["rotation_degrees"]) > 1
    assert found["seconds"] == 2.0  # what the run took is still there


def test_a_clip_without_a_path_starts_no_measurement(opened: Open) -> None:
    studio = opened(diligent)
    made = studio.wait(submitted(studio, None).id, timeout=60)
    assert "camera" not in facts(studio, made.clip_id)
    assert made.clip_id is not None and studio.measuring.of(studio.repository.clip(made.clip_id)) is None
