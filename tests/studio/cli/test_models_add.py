"""`models add` of single files and of ComfyUI's folder, by the command itself."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import load_file, save_file

from tests.checkpoints.test_single_files import as_wan_has_it, in_comfy
from tests.studio.cli.conftest import Gimbal


def original(folder: Path, file: Path) -> Path:
    """The transformer of a folder as a file in the naming of its authors."""
    file.parent.mkdir(parents=True, exist_ok=True)
    weights = as_wan_has_it(load_file(folder / "transformer" / "diffusion_pytorch_model.safetensors"))
    save_file(in_comfy(weights), file)
    return file


def test_a_file_is_completed_by_the_model_it_fits_and_makes_a_clip(gimbal: Gimbal, tmp_path: Path) -> None:
    file = original(gimbal.assets / "models" / "tiny", tmp_path / "Mine.safetensors")
    added = gimbal("models", "add", file, "--json").json["models"]
    assert [(card["id"], card["title"]) for card in added] == [("mine", "Tiny (Mine)")]
    assert {card["id"] for card in gimbal("models", "--json").json["models"]} == {"tiny", "mine"}
    again = gimbal("models", "add", file, "--json")
    assert again.code == 1 and "a model mine already" in again.json["error"]["message"]
    clips = [tmp_path / f"{model}.mp4" for model in ("mine", "tiny")]
    for clip in clips:
        made = gimbal("generate", "a red ball", "--model", clip.stem, "--seed", "3", "-o", clip, "--json")
        assert made.code == 0, made.err
    assert gimbal("again", clips[0], "--json").code == 0


def test_all_that_fits_of_comfyui_is_added_and_the_rest_is_told(gimbal: Gimbal, tmp_path: Path) -> None:
    models = tmp_path / "ComfyUI" / "models"
    original(gimbal.assets / "models" / "tiny", models / "diffusion_models" / "good.safetensors")
    (models / "checkpoints").mkdir()
    (models / "checkpoints" / "bad.safetensors").write_bytes(b"12345678")
    answer = gimbal("models", "add", tmp_path / "ComfyUI")
    assert answer.code == 0 and "added as good" in answer.out and "bad.safetensors" in answer.out
