"""The catalog: what can be chosen, what cannot and why, and what fits."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.domain.errors import BrokenCheckpoint, InvalidRequest, UnknownModel
from pipelines.families.family import ModelCard
from pipelines.models.catalog import Catalog
from tests.pipelines.conftest import smallest_request

ROOT = Path(__file__).parents[3]


def test_the_default_comes_first_and_each_folder_once(tiny_folder: Path, tmp_path: Path) -> None:
    for name in ("alpha", "toybox"):
        shutil.copytree(tiny_folder, tmp_path / "models" / name)
    catalog = Catalog(tmp_path, [tiny_folder, tmp_path / "models", tiny_folder])
    assert [card.id for card in catalog.cards()] == ["toybox", "alpha", "tiny"]


def test_folders_of_the_same_name_get_different_ids(tiny_folder: Path, tmp_path: Path) -> None:
    for place in ("a", "b"):
        shutil.copytree(tiny_folder, tmp_path / place / "My Model")
    catalog = Catalog(tmp_path, [tmp_path / "a", tmp_path / "b"])
    assert [card.id for card in catalog.cards()] == ["my-model", "my-model-2"]


def test_a_broken_folder_is_reported_and_the_others_stay(own_folder: Path, tiny_folder: Path) -> None:
    (own_folder / "vae/diffusion_pytorch_model.safetensors").unlink()
    catalog = Catalog(own_folder / "none", [own_folder, tiny_folder])
    assert [card.id for card in catalog.cards()] == ["tiny"]
    (broken,) = catalog.broken
    assert broken.folder == own_folder and "diffusion_pytorch_model.safetensors" in broken.message and broken.hint
    with pytest.raises(BrokenCheckpoint, match=r"diffusion_pytorch_model\.safetensors"):
        catalog.card("checkpoint")


def test_a_mended_folder_is_back_after_a_refresh(own_folder: Path) -> None:
    index = own_folder / "model_index.json"
    text = index.read_text()
    index.write_text(text.replace("AutoencoderKLWan", "Strange"))
    catalog = Catalog(own_folder / "none", [own_folder])
    assert catalog.cards() == ()
    index.write_text(text)
    catalog.refresh()
    assert len(catalog.cards()) == 1 and catalog.broken == ()


def test_a_folder_without_a_checkpoint_says_what_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    catalog = Catalog(tmp_path, [tmp_path / "empty"])
    assert "model_index.json" in catalog.broken[0].message


def test_another_kind_of_model_is_named_as_such(own_folder: Path) -> None:
    (own_folder / "model_index.json").write_text(json.dumps({"_class_name": "FluxPipeline"}))
    catalog = Catalog(own_folder, [own_folder])
    assert "does not run" in catalog.broken[0].message


def test_an_unknown_model_lists_the_known_ones(tiny_folder: Path) -> None:
    with pytest.raises(UnknownModel) as caught:
        Catalog(tiny_folder, [tiny_folder]).card("sora")
    assert "'sora'" in caught.value.message and "tiny" in caught.value.hint


def test_a_request_off_the_grid_is_refused_before_anything_runs(tiny_folder: Path, tiny_card: ModelCard) -> None:
    catalog = Catalog(tiny_folder, [tiny_folder])
    catalog.check(smallest_request(tiny_card))
    with pytest.raises(InvalidRequest) as caught:
        catalog.check(smallest_request(tiny_card, width=65, num_frames=6))
    assert {p.field for p in caught.value.problems} == {"size", "num_frames"}


def test_looking_at_models_loads_no_torch(tiny_folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from pipelines.models.catalog import Catalog\n"
        "from pipelines.models import device, estimate, ladder, manager, residency\n"
        f"assert Catalog(Path('none'), [Path({str(tiny_folder)!r})]).cards()\n"
        "device.measure_without_torch()\n"
        "assert not {'torch', 'diffusers', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)


def test_the_hub_cache_is_read_by_its_newest_commit_and_named_by_its_repository(
    tiny_folder: Path, tmp_path: Path
) -> None:
    repository = tmp_path / "hub/models--someone--Tiny-Video"
    for commit in ("a" * 40, "b" * 40):
        shutil.copytree(tiny_folder, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs/main").write_text("a" * 40)
    for place in (tmp_path / "hub", repository):
        (card,) = Catalog(tmp_path / "none", [place]).cards()
        assert card.id == "tiny-video" and card.folder.name == "a" * 40
    (repository / "refs/main").write_text("../../../elsewhere")
    assert Catalog(tmp_path / "none", [repository]).cards()[0].folder.name == "b" * 40


def test_what_can_be_fetched_is_told_and_not_offered(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "none", (), tmp_path / "models")
    assert catalog.cards() == () and not any(card.is_here for card in catalog.published())
    for card in catalog.published():
        assert card.source is not None and card.licence and card.folder.parent == tmp_path / "models"
        with pytest.raises(UnknownModel, match="not on this machine yet") as caught:
            catalog.card(card.id)
        assert f"models pull {card.id}" in caught.value.hint


def test_a_path_that_is_no_checkpoint_is_told_for_what_it_is(tmp_path: Path) -> None:
    from safetensors.torch import save_file
    from torch import ones

    save_file({"transformer.blocks.0.attn1.to_q.lora_A.weight": ones(2, 1536)}, tmp_path / "few.safetensors")
    save_file({"blocks.0.attn1.to_q.weight": ones(2, 2)}, tmp_path / "single.safetensors")
    (tmp_path / "old.ckpt").write_bytes(b"x")
    (tmp_path / "q4.gguf").write_bytes(b"GGUF")
    (tmp_path / "comfy/models/diffusion_models").mkdir(parents=True)
    said = {
        "few.safetensors": "is a LoRA for Wan 1.3B",
        "single.safetensors": "a single file of 1 tensors",
        "old.ckpt": "is a pickle",
        "q4.gguf": "GGUF",
        "comfy": "ComfyUI",
        "nowhere": "There is no",
    }
    for name, words in said.items():
        (broken,) = Catalog(tmp_path / "none", [tmp_path / name]).broken
        assert words in broken.message and broken.hint


def test_a_checkpoint_of_a_newer_library_says_so(own_folder: Path) -> None:
    index = own_folder / "model_index.json"
    raw = json.loads(index.read_text())
    index.write_text(json.dumps({**raw, "_diffusers_version": "9.1.0", "vae": ["diffusers", "AutoencoderFuture"]}))
    (broken,) = Catalog(own_folder / "none", [own_folder]).broken
    assert "diffusers 9.1.0" in broken.hint and "newer Gimbal" in broken.hint


def test_a_place_for_fetched_models_that_is_empty_is_nothing_broken(tmp_path: Path) -> None:
    for fetched in (tmp_path / "nowhere", tmp_path):
        catalog = Catalog(tmp_path / "none", fetched=fetched)
        assert catalog.broken == () and catalog.cards() == () and catalog.published()
