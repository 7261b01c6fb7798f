"""Drafts through the manager: what they say of themselves, what is learned for them, and that nothing of them stays."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from pathlib import Path

import pytest

from pipelines.domain.errors import OutOfMemory
from pipelines.domain.request import Shortcut
from pipelines.families.family import Progress
from pipelines.models.catalog import Catalog
from pipelines.models.device import DeviceFacts, measure
from pipelines.models.manager import Belongings, ModelManager
from tests.pipelines.conftest import smallest_request
from tests.pipelines.models.test_manager import ScriptedMemory, make, quiet


@pytest.fixture
def device() -> DeviceFacts:
    return measure()


@pytest.fixture
def catalog(tiny_folder: Path, tmp_path: Path) -> Catalog:
    """One model of its own, whose files may be touched."""
    shutil.copytree(tiny_folder, tmp_path / "models" / "one")
    return Catalog(tmp_path)


def test_a_draft_says_so_and_the_final_clip_after_it_is_the_same_to_the_bit(
    catalog: Catalog, device: DeviceFacts
) -> None:
    manager = ModelManager(catalog, device)
    request = smallest_request(catalog.card("one"), steps=8)
    final = make(manager, request, quiet)
    whole = manager.last_run
    draft = make(manager, dataclasses.replace(request, draft=True), quiet)
    quick = manager.last_run
    assert whole is not None and quick is not None and whole.draft == "" and "taken over" in quick.draft
    assert quick.flops < whole.flops and draft.digest() != final.digest()
    assert make(manager, request, quiet).digest() == final.digest()


@pytest.mark.parametrize("way", ["attention", "words", "deep"])
def test_a_draft_by_a_named_way_says_so_and_leaves_the_model_as_it_was(
    catalog: Catalog, device: DeviceFacts, way: Shortcut
) -> None:
    manager = ModelManager(catalog, device)
    request = smallest_request(catalog.card("one"), steps=6)
    final = make(manager, request, quiet).digest()
    draft = make(manager, dataclasses.replace(request, draft=True, shortcut=way), quiet)
    run = manager.last_run
    assert run is not None and "taken over in" in run.draft and draft.digest() != final
    assert run.flops == 0.0  # nobody counted what was saved, so no estimate learns from it
    assert make(manager, request, quiet).digest() == final


def test_steps_are_left_out_by_the_checkpoint_s_own_figures_once_they_are_measured(
    catalog: Catalog, device: DeviceFacts, tmp_path: Path
) -> None:
    measured = tmp_path / "measured"
    own = Belongings(measured=measured)
    request = smallest_request(catalog.card("one"), steps=10)
    draft = dataclasses.replace(request, draft=True, shortcut="mag")
    manager = ModelManager(catalog, device, own=own)
    final = make(manager, request, quiet).digest()
    assert make(manager, draft, quiet).digest() == final  # measured on a clip that is made whole
    assert manager.last_run is not None and "to learn" in manager.last_run.draft
    (ratios,) = (kept["transformer"] for kept in json.loads((measured / "step-ratios.json").read_text()).values())
    assert len(ratios) == 10 and ratios[0] == 1.0 and len(set(ratios)) > 5
    again = ModelManager(catalog, device, own=own)
    made = make(again, draft, quiet).digest()
    run = again.last_run
    assert run is not None and "passes reused" in run.draft and not run.draft.startswith("draft: 0") and made != final
    assert make(again, draft, quiet).digest() == made and make(again, request, quiet).digest() == final
    weights = tmp_path / "models/one/transformer/diffusion_pytorch_model.safetensors"
    os.utime(weights, ns=(1, 1))
    make(again, draft, quiet)
    assert again.last_run is not None and "to learn" in again.last_run.draft  # the file on the disk is another one now


def test_a_draft_that_would_keep_more_than_there_is_room_for_is_refused(catalog: Catalog, device: DeviceFacts) -> None:
    memory = ScriptedMemory(device, free=10**9)
    manager = ModelManager(catalog, device, memory=memory)
    request = smallest_request(catalog.card("one"), steps=4, draft=True, shortcut="attention")

    def filling(progress: Progress) -> None:
        if progress.stage == "encoding":
            memory.free_bytes = 1000

    with manager.use("one", request, quiet) as model:
        memory.free_bytes = 1000
        with pytest.raises(OutOfMemory, match="would keep") as caught:
            model.generate(request, {}, filling)
    assert "first_block" in caught.value.hint
