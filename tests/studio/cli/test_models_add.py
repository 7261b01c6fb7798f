"""`models add` of folders, single files and of ComfyUI's folder, and `models remove`, by the commands themselves."""

from __future__ import annotations

import shutil
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


def test_what_was_added_is_forgotten_and_stays_where_it_is(gimbal: Gimbal, tmp_path: Path) -> None:
    own = tmp_path / "own"
    shutil.copytree(gimbal.assets / "models" / "tiny", own)
    assert [card["id"] for card in gimbal("models", "add", own, "--json").json["models"]] == ["own"]
    assert gimbal("models", "remove", "own", "--json").json["freed_bytes"] == 0
    assert {card["id"] for card in gimbal("models", "--json").json["models"]} == {"tiny"}
    assert (own / "model_index.json").is_file()


def test_a_model_that_was_put_together_is_deleted_and_its_file_is_not(gimbal: Gimbal, tmp_path: Path) -> None:
    file = original(gimbal.assets / "models" / "tiny", tmp_path / "Mine.safetensors")
    gimbal("models", "add", file)
    assert gimbal("models", "remove", "mine", "--json").json["freed_bytes"] > 0
    assert file.is_file()
    assert {card["id"] for card in gimbal("models", "--json").json["models"]} == {"tiny"}


def test_a_model_that_came_with_gimbal_or_is_unknown_is_not_removed(gimbal: Gimbal) -> None:
    shipped = gimbal("models", "remove", "tiny", "--json")
    assert shipped.code == 1 and "came with Gimbal" in shipped.json["error"]["message"]
    assert gimbal("models", "remove", "another", "--json").code == 1
    assert (gimbal.assets / "models" / "tiny" / "model_index.json").is_file()
