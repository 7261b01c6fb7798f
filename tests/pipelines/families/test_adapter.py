"""Cards that change another model by a LoRA: what they inherit, that both stay themselves, and hostile files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from pipelines.domain.conditioning import StartImage
from pipelines.domain.errors import BrokenCheckpoint, InvalidRequest
from pipelines.domain.frames import Frames
from pipelines.families import family_named
from pipelines.families.family import Loader, ModelCard, Progress, Setup
from pipelines.models.catalog import Catalog
from pipelines.models.tuned import base_folder, is_tuned
from tests.pipelines.conftest import smallest_request

CPU = Setup(device="cpu", half=False)
ASSETS = Path(__file__).parents[3] / "assets"
SHIPPED = sorted(path.name for path in (ASSETS / "models").iterdir() if is_tuned(path) and base_folder(path))
LAYER = "transformer.blocks.0.attn1.to_q"


def quiet(progress: Progress) -> None:
    pass


def cards(pair: Path) -> tuple[ModelCard, ModelCard]:
    catalog = Catalog(pair / "none", [pair])
    return catalog.card("base"), catalog.card("fast")


@pytest.fixture(scope="module")
def loader() -> Loader:
    return family_named("wan").loader()


def components(loader: Loader, card: ModelCard, setup: Setup = CPU) -> dict[str, Any]:
    return {name: loader.component(card, name, setup) for name in loader.shares(card)}


def test_a_tuned_card_inherits_what_it_does_not_say(pair: Path) -> None:
    base, fast = cards(pair)
    assert (fast.title, fast.capabilities.steps.high, fast.capabilities.guidance.high) == ("Tiny, 2 steps", 2, 1)
    assert fast.capabilities.grid == base.capabilities.grid
    assert (fast.licence, fast.examples, fast.weaknesses) == (base.licence, base.examples, base.weaknesses)
    assert fast.capabilities.vocabulary == base.capabilities.vocabulary
    assert base.settings["adapter"] is None and base.settings["shift_terminal"] is None


def test_only_the_transformer_is_its_own(pair: Path, loader: Loader) -> None:
    base, fast = (loader.shares(card) for card in cards(pair))
    assert base.keys() == fast.keys()
    assert [name for name in base if base[name] != fast[name]] == ["transformer"]


def test_without_guidance_a_request_costs_one_pass_per_step(pair: Path) -> None:
    base, fast = cards(pair)
    footprint = family_named("wan").footprint
    request = smallest_request(base, guidance=3.0, steps=2)
    guided, single = footprint(base, request), footprint(fast, replace(request, model="fast", guidance=1.0))
    unguided = footprint(base, replace(request, guidance=1.0))
    assert guided.flops > single.flops == unguided.flops
    assert single.components == guided.components


@pytest.mark.parametrize("half", [False, True])
def test_the_frames_are_those_of_the_stock_pipeline_with_the_lora_loaded(
    pair: Path, loader: Loader, half: bool
) -> None:
    from diffusers import FlowMatchEulerDiscreteScheduler, WanVACEPipeline

    base, fast = cards(pair)
    request = smallest_request(fast)
    setup = replace(CPU, half=half)
    ours = loader.assemble(fast, components(loader, fast, setup), setup).generate(request, {}, quiet)
    build: Any = WanVACEPipeline
    scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0, shift_terminal=0.3)
    stock = build(scheduler=scheduler, **components(loader, base, setup))
    stock.load_lora_weights(pair / "fast", weight_name="few.safetensors")
    stock.set_progress_bar_config(disable=True)
    video = stock(
        prompt=request.prompt,
        negative_prompt="",
        width=request.width,
        height=request.height,
        num_frames=request.num_frames,
        num_inference_steps=request.steps,
        guidance_scale=request.guidance,
        generator=torch.Generator("cpu").manual_seed(request.seed),
        max_sequence_length=16,
    ).frames[0]
    difference = np.abs((video * 255).round() - ours.pixels)
    plain = loader.assemble(base, components(loader, base, setup), setup)
    unchanged = plain.generate(replace(request, model="base"), {}, quiet)
    assert difference.max() <= (12 if half else 1)
    assert np.abs(unchanged.pixels.astype(int) - ours.pixels).mean() > 4 * difference.mean()


def test_the_scale_in_the_metadata_is_obeyed(pair: Path, loader: Loader) -> None:
    file = pair / "fast" / "few.safetensors"
    layer = LAYER.removeprefix("transformer.") + ".weight"

    def change() -> torch.Tensor:
        base, fast = (loader.component(card, "transformer", CPU).state_dict()[layer] for card in cards(pair))
        difference: torch.Tensor = fast - base
        return difference

    whole = change()
    told = {"transformer.r": 2, "transformer.lora_alpha": 1, "transformer.use_dora": False}
    save_file(load_file(file), file, metadata={"lora_adapter_metadata": json.dumps(told)})
    assert torch.allclose(change(), whole / 2, atol=1e-6) and whole.abs().max() > 0.1


def test_the_names_of_the_original_wan_code_are_understood(pair: Path, loader: Loader) -> None:
    file = pair / "fast" / "few.safetensors"
    own = load_file(file)
    before = loader.component(cards(pair)[1], "transformer", CPU).state_dict()["blocks.0.attn1.to_q.weight"]
    theirs = "diffusion_model.blocks.0.self_attn.q"
    save_file({f"{theirs}.lora_{half}.weight": own[f"{LAYER}.lora_{half}.weight"] for half in "AB"}, file)
    after = loader.component(cards(pair)[1], "transformer", CPU).state_dict()["blocks.0.attn1.to_q.weight"]
    assert torch.equal(before, after)


def test_two_models_may_stream_the_components_they_share(pair: Path, loader: Loader) -> None:
    base, fast = cards(pair)
    streamed = replace(CPU, placement="group_offload")
    parts = components(loader, base)
    own = parts | {"transformer": loader.component(fast, "transformer", CPU)}
    requests = [smallest_request(card, steps=2, guidance=1.0) for card in (base, fast)]
    whole = [
        loader.assemble(card, made, CPU).generate(request, {}, quiet).digest()
        for card, made, request in zip((base, fast), (parts, own), requests, strict=True)
    ]
    models = [loader.assemble(card, made, streamed) for card, made in ((base, parts), (fast, own))]
    for _ in range(2):
        again = [model.generate(asked, {}, quiet).digest() for model, asked in zip(models, requests, strict=True)]
        assert again == whole


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_tuned_card_makes_its_own_clip_from_seed_and_picture(name: str, loader: Loader) -> None:
    card = Catalog(ASSETS).card(name)
    model = loader.assemble(card, components(loader, card), CPU)
    request = smallest_request(card, steps=int(card.capabilities.steps.default))
    width, height = card.capabilities.grid.sizes[0]
    dark, bright = (Frames(np.full((1, height, width, 3), value, np.uint8), 1) for value in (20, 235))
    pictured = replace(request, conditioning=(StartImage(media="a" * 64),))
    clips = [model.generate(pictured, {"a" * 64: picture}, quiet) for picture in (dark, bright, bright)]
    assert clips[1].digest() == clips[2].digest()
    assert clips[1].pixels[0].mean() > clips[0].pixels[0].mean() + 40
    assert model.generate(request.with_seed(2), {}, quiet).digest() != model.generate(request, {}, quiet).digest()


def rewritten(change: Callable[[dict[str, torch.Tensor]], None], **metadata: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        tensors = load_file(folder / "few.safetensors")
        change(tensors)
        save_file(tensors, folder / "few.safetensors", metadata=metadata or None)

    return damage


def told(**changes: Any) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        about = json.loads((folder / "gimbal.json").read_text()) | changes
        (folder / "gimbal.json").write_text(json.dumps({k: v for k, v in about.items() if v is not None}))

    return damage


def only(tensors: dict[str, torch.Tensor], name: str) -> None:
    tensors.clear()
    tensors[name] = torch.ones(2, 2)


def pickled(folder: Path) -> None:
    (folder / "few.safetensors").rename(folder / "few.pt")


def cut_short(folder: Path) -> None:
    file = folder / "few.safetensors"
    file.write_bytes(file.read_bytes()[:-10])


def led_away(folder: Path) -> None:
    shutil.move(folder / "few.safetensors", folder.parent.parent / "secret.safetensors")
    (folder / "few.safetensors").symlink_to(folder.parent.parent / "secret.safetensors")


AT_SIGHT: list[tuple[Callable[[Path], None], str]] = [
    (told(base="../base"), "no plain name"),
    (told(base="/etc"), "no plain name"),
    (told(base=".."), "no plain name"),
    (told(base=["base"]), "no plain name"),
    (told(base="fast"), "not beside it"),
    (told(base="elsewhere"), "not beside it"),
    (told(base=None), "names no base"),
    (told(adapter=None), "names no adapter"),
    (told(adapter="../base/transformer/diffusion_pytorch_model.safetensors"), "adapter does not fit"),
    (told(adapter="few.pt"), "no safetensors file"),
    (told(shift_terminal=1.0), "shift_terminal"),
    (pickled, "pickle"),
    (cut_short, "cut short or damaged"),
    (led_away, "leaves the checkpoint folder"),
    (rewritten(lambda t: t.update({"transformer.x.lora_A.weight": torch.ones(2, 2)})), "base model has not"),
    (rewritten(lambda t: t.update({"transformer.blocks.0.attn1.to_q.weight": torch.ones(2)})), "base model has not"),
    (rewritten(lambda t: t.update({f"{LAYER}.lora_A.weight": torch.ones(2, 47)})), "does not fit"),
    (rewritten(lambda t: t.update({f"{LAYER}.lora_B.weight": torch.ones(49, 2)})), "does not fit"),
    (rewritten(lambda t: only(t, "weight")), "holds no LoRA"),
    (rewritten(lambda t: t.update({f"{LAYER}.lora_A.weight": torch.ones(40_000, 48)})), "more than the"),
]


@pytest.mark.parametrize(("damage", "words"), AT_SIGHT)
def test_a_broken_or_foreign_adapter_is_told_at_sight(pair: Path, damage: Callable[[Path], None], words: str) -> None:
    damage(pair / "fast")
    catalog = Catalog(pair / "none", [pair])
    assert [card.id for card in catalog.cards()] == ["base"]
    (broken,) = catalog.broken
    assert broken.folder == pair / "fast" and words in broken.message and broken.hint


METADATA = "lora_adapter_metadata"
WHEN_LOADED: list[tuple[Callable[[Path], None], str]] = [
    (rewritten(lambda t: t.update({f"{LAYER}.lora_A.weight": torch.ones(3, 48)})), "its update"),
    (rewritten(lambda t: t.__delitem__(f"{LAYER}.lora_A.weight")), "one half only"),
    (rewritten(lambda t: t.update({f"{LAYER}.lora_A.weight": torch.full((2, 48), torch.nan)})), "not finite"),
    (rewritten(lambda t: None, **{METADATA: '{"transformer.use_dora": true}'}), "use_dora"),
    (rewritten(lambda t: None, **{METADATA: '{"transformer.r": "os"}'}), "no sensible rank"),
    (rewritten(lambda t: None, **{METADATA: "[1]"}), "fast"),
    (rewritten(lambda t: t.update({"lora.strange": torch.ones(2)})), "no part of a LoRA"),
    (rewritten(lambda t: only(t, "diffusion_model.blocks.9.lora_A.weight")), "fast"),
]


@pytest.mark.parametrize(("damage", "words"), WHEN_LOADED)
def test_an_adapter_that_does_not_add_up_is_told_when_loaded(
    pair: Path, loader: Loader, damage: Callable[[Path], None], words: str
) -> None:
    damage(pair / "fast")
    with pytest.raises(BrokenCheckpoint) as caught:
        loader.component(cards(pair)[1], "transformer", CPU)
    assert "few.safetensors" in caught.value.message and words in caught.value.message


def test_a_tuned_folder_alone_finds_its_base_beside_it(pair: Path) -> None:
    catalog = Catalog(pair / "none", [pair / "fast"])
    assert [card.id for card in catalog.cards()] == ["fast"]


def test_other_steps_than_those_it_was_made_for_are_refused(pair: Path) -> None:
    catalog = Catalog(pair / "none", [pair])
    catalog.check(smallest_request(catalog.card("fast")))
    with pytest.raises(InvalidRequest) as caught:
        catalog.check(smallest_request(catalog.card("fast"), steps=3, guidance=2.0))
    assert {p.field for p in caught.value.problems} == {"steps", "guidance"}
