"""controlnet-aux's detectors with weights: offered where these are, in safetensors alone; run where it is installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from pipelines.conditioning.choosing import chosen
from pipelines.conditioning.extractors import every
from pipelines.conditioning.extractors.auxiliary import imported, why_not
from pipelines.domain.errors import BrokenCheckpoint, GimbalError
from tests.studio.structure.samples import rolling

is_here = pytest.mark.skipif(bool(why_not()), reason="controlnet-aux is not installed")


def weights(folder: Path, name: str, network: Callable[[], Any], cut: bool = False) -> None:
    """Seeded weights of a network, under the names they were published with."""
    torch.manual_seed(0)
    folder.mkdir(exist_ok=True)
    tensors = {key.partition(".")[2] if cut else key: value for key, value in network().state_dict().items()}
    save_file({key: value.contiguous() for key, value in tensors.items()}, folder / f"{name}.safetensors")


def test_weights_in_a_folder_are_offered_by_what_they_read(tmp_path: Path) -> None:
    (tmp_path / "aux").mkdir()
    for name in ("body_pose_model", "hand_pose_model", "ControlNetHED", "sk_model"):
        (tmp_path / "aux" / f"{name}.safetensors").write_bytes(b"")
    offered = {one.id: one for one in every([tmp_path]) if one.id.endswith("-aux")}
    assert {name: one.control for name, one in offered.items()} == {
        "openpose-aux": "pose", "hed-edges-aux": "edges", "hed-scribble-aux": "scribble", "lines-aux": "edges",
    }  # fmt: skip
    assert offered["openpose-aux"].gives == ("body", "hands") and offered["openpose-aux"].most_people == 6
    assert all(one.why_not == why_not() for one in offered.values())


def test_a_pickle_is_named_and_never_opened(tmp_path: Path) -> None:
    (tmp_path / "aux").mkdir()
    (tmp_path / "aux" / "ControlNetHED.pth").write_bytes(b"\x80\x04cos\nsystem\n.")
    with pytest.raises(GimbalError, match="is a pickle, which is never opened"):
        chosen("edges", "hed-edges-aux", every([tmp_path]))


@is_here
def test_soft_edges_and_line_art_are_drawn(tmp_path: Path) -> None:
    weights(tmp_path / "aux", "ControlNetHED", imported("hed").ControlNetHED_Apache2)
    weights(tmp_path / "aux", "sk_model", lambda: imported("lineart").Generator(3, 1, 3))
    for control, name in (("edges", "hed-edges-aux"), ("scribble", "hed-scribble-aux"), ("edges", "lines-aux")):
        reader = chosen(control, name, every([tmp_path]))  # type: ignore[arg-type]
        made = reader.extract(rolling(2, 128, 96), (64, 48), {}, lambda fraction: None)
        assert made.pixels.shape == (2, 48, 64, 3) and made.estimator == name
        assert np.ptp(made.pixels.astype(int), axis=-1).max() == 0


@is_here
def test_openpose_runs_whole_and_untrained_sees_nobody(tmp_path: Path) -> None:
    weights(tmp_path / "aux", "body_pose_model", imported("open_pose.model").bodypose_model, cut=True)
    reader = chosen("pose", "openpose-aux", every([tmp_path]))
    with pytest.raises(GimbalError, match="No person is seen"):
        reader.extract(rolling(1, 96, 64), (96, 64), {}, lambda fraction: None)


@is_here
def test_people_that_openpose_tells_become_joints(tmp_path: Path) -> None:
    package = imported("open_pose")
    (tmp_path / "body_pose_model.safetensors").write_bytes(b"")
    (reader,) = (one for one in every([tmp_path]) if one.id.startswith("openpose-"))
    point = package.Keypoint
    points = [point(x=0.1 + 0.01 * place, y=0.5) for place in range(18)]
    body = package.BodyResult(keypoints=[*points[:17], None], total_score=1.0, total_parts=17)
    hand = [point(x=0.5, y=0.02 * place) for place in range(20)] + [point(x=-0.01, y=0.1)]
    pose = package.PoseResult(body, hand, None, [point(x=0.2, y=0.3)] * 70)

    class Answering:
        def detect_poses(self, *asked: object) -> list[Any]:
            return [pose]

    reader.__dict__["_detector"] = Answering()
    made = reader.extract(rolling(1, 100, 100), (200, 200), {}, lambda fraction: None)
    assert made.joints is not None and made.joints.shape == (1, 1, 128, 3)
    assert made.joints[0, 0, 1, :2].tolist() == pytest.approx([22, 100], abs=0.01) and made.joints[0, 0, 17, 2] == 0
    assert made.joints[0, 0, 18:38, 2].all() and made.joints[0, 0, 38, 2] == 0 and not made.joints[0, 0, 39:60, 2].any()
    assert made.joints[0, 0, 60:, 2].all()


@is_here
def test_weights_of_another_network_are_told(tmp_path: Path) -> None:
    weights(tmp_path / "aux", "ControlNetHED", lambda: torch.nn.Linear(2, 2))
    with pytest.raises(BrokenCheckpoint, match="another network's"):
        chosen("edges", "hed-edges-aux", every([tmp_path])).extract(rolling(1), (64, 48), {}, lambda fraction: None)
