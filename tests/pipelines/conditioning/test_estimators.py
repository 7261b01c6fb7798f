"""Estimators: any folder of the known classes works through the same door, and others are refused with a reason."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import (
    DPTConfig,
    DPTForDepthEstimation,
    VitPoseBackboneConfig,
    VitPoseConfig,
    VitPoseForPoseEstimation,
)

from pipelines.conditioning import depth, estimators, pose
from pipelines.domain.errors import BrokenCheckpoint

ROOT = Path(__file__).parents[3]
FRAMES = np.random.default_rng(0).integers(0, 255, (3, 40, 60, 3)).astype(np.uint8)


def vitpose(folder: Path, labels: int = 17, experts: int = 1) -> Path:
    """A ViTPose of the usual tall shape, only tiny, with its expert layers where asked."""
    torch.manual_seed(0)
    backbone = VitPoseBackboneConfig(
        image_size=[64, 48],
        patch_size=[16, 16],
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_experts=experts,
        part_features=4,
        out_indices=[1],
    )
    config = VitPoseConfig(backbone_config=backbone, num_labels=labels, use_simple_decoder=False)
    VitPoseForPoseEstimation(config).save_pretrained(folder)
    told = {
        "image_processor_type": "VitPoseImageProcessor",
        "size": {"height": 64, "width": 48},
        "image_mean": [0.485, 0.456, 0.406],
        "image_std": [0.229, 0.224, 0.225],
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(told))
    return folder


def dpt(folder: Path) -> Path:
    """A DPT as MiDaS uses it, only tiny."""
    torch.manual_seed(0)
    config = DPTConfig(
        hidden_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=32,
        patch_size=8,
        backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=[4, 4, 4, 4],
        fusion_hidden_size=4,
    )
    DPTForDepthEstimation(config).save_pretrained(folder)
    told = {"image_processor_type": "DPTImageProcessor", "size": {"height": 32, "width": 32}}
    (folder / "preprocessor_config.json").write_text(json.dumps(told))
    return folder


def test_a_vitpose_of_another_shape_size_and_head_reads_a_pose(tmp_path: Path) -> None:
    for experts in (1, 3):
        found = pose.estimate(FRAMES, vitpose(tmp_path / str(experts), labels=20, experts=experts))
        assert found.shape == (3, 18, 3) and found.dtype == np.float32


def test_a_dpt_reads_depth_of_frames_of_any_shape(tmp_path: Path) -> None:
    found = depth.estimate(FRAMES, dpt(tmp_path))
    assert found.shape == (3, 40, 60) and found.dtype == np.float32
    assert np.isfinite(found).all()


def test_a_long_clip_is_read_in_parts_with_the_same_result(tmp_path: Path) -> None:
    by_depth, by_pose = depth.load(dpt(tmp_path / "dpt")), pose.load(vitpose(tmp_path / "vitpose"))
    assert np.allclose(by_depth.estimate(FRAMES, batch=2), by_depth.estimate(FRAMES), atol=1e-5)
    parts, at_once = by_pose.estimate(FRAMES, batch=1), by_pose.estimate(FRAMES)
    assert np.allclose(parts, at_once, atol=1e-3, equal_nan=True)
    assert by_depth.estimate(FRAMES[:0]).shape == (0, 40, 60) and by_pose.estimate(FRAMES[:0]).shape == (0, 18, 3)


def test_folders_that_a_person_added_come_after_the_shipped_one(tmp_path: Path) -> None:
    vitpose(tmp_path / "big")
    dpt(tmp_path / "midas")
    (tmp_path / "notes").mkdir()
    assert [card.id for card in estimators.available("pose", [tmp_path])][-1] == "big"
    assert [card.id for card in estimators.available("depth", [tmp_path, tmp_path / "midas"])].count("midas") == 1
    assert estimators.card_of(tmp_path / "midas").family == "dpt"


def test_a_folder_of_another_kind_is_refused_before_it_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(BrokenCheckpoint, match="reads depth, not pose"):
        pose.load(dpt(tmp_path / "midas"))
    with pytest.raises(BrokenCheckpoint, match=r"no readable config\.json"):
        depth.load(tmp_path / "nothing")
    (tmp_path / "bert").mkdir()
    (tmp_path / "bert" / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(BrokenCheckpoint, match="'bert'"):
        estimators.card_of(tmp_path / "bert")


def test_missing_and_damaged_files_are_told(tmp_path: Path) -> None:
    folder = vitpose(tmp_path / "big")
    (folder / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(BrokenCheckpoint, match="cannot be loaded"):
        pose.load(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(BrokenCheckpoint, match=r"lacks model\.safetensors"):
        pose.load(folder)


def test_too_few_joints_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokenCheckpoint, match="16 joints"):
        pose.load(vitpose(tmp_path, labels=16))


def test_importing_conditioning_loads_no_torch() -> None:
    code = (
        "import sys; from pipelines.conditioning import depth, edges, estimators, pose\n"
        "estimators.available('depth')\n"
        "assert not {'torch', 'transformers', 'diffusers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)


def test_a_copied_folder_needs_nothing_from_where_it_was_made(tmp_path: Path) -> None:
    shutil.copytree(dpt(tmp_path / "made"), tmp_path / "copied")
    shutil.rmtree(tmp_path / "made")
    assert depth.load(tmp_path / "copied").card.id == "copied"
