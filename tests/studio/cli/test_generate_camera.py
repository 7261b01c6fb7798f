"""generate --camera: the path goes to the model as depth, the way the window sends it."""

from __future__ import annotations

from pipelines.domain.camera.plan_text import path_from_text
from pipelines.domain.camera.text import from_dict
from tests.studio.cli.conftest import Made


def test_generate_with_a_camera_move_gives_the_model_its_depth(made: Made) -> None:
    answer = made.gimbal("generate", "a red ball on sand", "--camera", "orbit left 90", "--steps", 1, "--json")
    assert answer.code == 0, answer.err
    request = answer.json["request"]
    assert from_dict(request["camera"]) == path_from_text("orbit left 90")
    assert [(part["kind"], part["control"]) for part in request["conditioning"]] == [("control_clip", "depth")]
    assert "depth" in answer.err


def test_a_move_that_is_none_is_refused_before_any_work(made: Made) -> None:
    answer = made.gimbal("generate", "a red ball on sand", "--camera", "wobble left", "--json")
    assert answer.code != 0 and "wobble" in answer.out + answer.err
