"""What is done to real tiny components: fewer bits, streamed layers, remembered words, and all of it undone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pipelines.domain.request import GenerationRequest
from pipelines.families import family_named
from pipelines.families.family import LoadedModel, ModelCard, Progress, Setup
from pipelines.models.placing import release, store, usable
from pipelines.models.remember import Remembered, forget, remember

CPU = Setup(device="cpu", half=True)


def quiet(progress: Progress) -> None:
    pass


class Bench:
    """The tiny model's components, and how often its text encoder really ran."""

    def __init__(self, card: ModelCard) -> None:
        self.card = card
        self.loader = family_named(card.family).loader()
        self.parts = {name: self.loader.component(card, name, CPU) for name in self.loader.shares(card)}
        self.encoded = 0
        self.parts["text_encoder"].encoder.register_forward_hook(self._count)

    def _count(self, *_: Any) -> None:
        self.encoded += 1

    def model(self, setup: Setup = CPU) -> LoadedModel:
        return self.loader.assemble(self.card, self.parts, setup)

    def bytes_of(self, name: str) -> int:
        return sum(p.numel() * p.element_size() for p in self.parts[name].parameters())


@pytest.fixture
def bench(tiny_card: ModelCard) -> Iterator[Bench]:
    made = Bench(tiny_card)
    yield made
    for part in made.parts.values():
        release(part)


@pytest.mark.skipif(find_spec("flash_attn_interface") is not None, reason="FlashAttention 3 is installed")
def test_attention_that_diffusers_cannot_use_is_torch_s_own() -> None:
    assert usable("_flash_3") == "native" and usable("native") == "native"


def test_words_are_encoded_once_and_come_back_to_the_bit(bench: Bench, tiny_request: GenerationRequest) -> None:
    first = bench.model().generate(tiny_request, {}, quiet)
    once = bench.encoded
    again = bench.model().generate(tiny_request, {}, quiet)
    assert once == 2 and bench.encoded == once  # the prompt and the empty negative prompt
    assert again.digest() == first.digest()
    bench.model().generate(replace(tiny_request, prompt="a blue cone on snow"), {}, quiet)
    assert bench.encoded == once + 1


def test_words_remembered_survive_another_placement(bench: Bench, tiny_request: GenerationRequest) -> None:
    first = bench.model().generate(tiny_request, {}, quiet)
    for part in bench.parts.values():
        release(part)
    streamed = bench.model(replace(CPU, placement="group_offload")).generate(tiny_request, {}, quiet)
    assert bench.encoded == 2 and streamed.digest() == first.digest()


def test_changed_weights_are_not_answered_from_memory(bench: Bench) -> None:
    encoder = bench.parts["text_encoder"]
    remember(encoder)
    words = torch.tensor([[3, 4, 1]])
    with torch.no_grad():
        before = encoder(words)[0].clone()
        encoder.shared.weight[4] += 1.0
        assert not torch.equal(encoder(words)[0], before)
    with torch.enable_grad():
        encoder(words)
        encoder(words)
    assert bench.encoded == 4  # where gradients may flow nothing is remembered
    forget(encoder)
    assert "forward" not in vars(encoder)


def test_what_is_remembered_stays_within_its_bound() -> None:
    kept = Remembered(limit_bytes=100)
    asked: list[int] = []

    def make(number: int) -> dict[str, torch.Tensor]:
        asked.append(number)
        return {"states": torch.full((10,), float(number))}

    for number in (1, 2, 3, 1, 2):
        assert float(kept.get(number, torch.device("cpu"), lambda n=number: make(n))["states"][0]) == number
        assert kept.bytes <= 100
    assert asked == [1, 2, 3, 1, 2] and kept.hits == 0  # two fit; the oldest always just left
    assert float(kept.get(2, torch.device("cpu"), lambda: make(9))["states"][0]) == 2 and kept.hits == 1
    kept.get("large", torch.device("cpu"), lambda: torch.zeros(1000))
    assert kept.bytes <= 100 and kept.hits == 1


def test_weights_in_eight_bit_floats_take_half_and_give_nearly_the_same(
    bench: Bench, tiny_request: GenerationRequest
) -> None:
    whole, size = bench.model().generate(tiny_request, {}, quiet), bench.bytes_of("transformer")
    store(bench.parts["transformer"], "fp8", half=True)
    assert bench.bytes_of("transformer") < 0.75 * size
    rounded = bench.model(replace(CPU, storage="fp8")).generate(tiny_request, {}, quiet)
    apart = np.abs(rounded.pixels.astype(float) - whole.pixels).mean()
    assert 0 < apart < 12


@pytest.mark.skipif(find_spec("torchao") is None and find_spec("optimum") is None, reason="no quantizer is installed")
def test_weights_in_eight_bit_integers_give_nearly_the_same(bench: Bench, tiny_request: GenerationRequest) -> None:
    whole = bench.model().generate(tiny_request, {}, quiet)
    store(bench.parts["transformer"], "int8", half=True)
    rounded = bench.model(replace(CPU, storage="int8")).generate(tiny_request, {}, quiet)
    assert 0 < np.abs(rounded.pixels.astype(float) - whole.pixels).mean() < 12


def test_tiles_go_on_and_off_with_the_setup(bench: Bench) -> None:
    vae = bench.parts["vae"]
    bench.model(replace(CPU, tiled=True))
    assert vae.use_tiling
    bench.model()
    assert not vae.use_tiling


@pytest.mark.toybox  # bringing in the compiler takes long
@pytest.mark.filterwarnings("ignore:.torch.jit.script_method. is deprecated:DeprecationWarning")
def test_compiled_blocks_are_taken_back(bench: Bench) -> None:
    transformer = bench.parts["transformer"]

    def compiled() -> int:
        return sum(part._compiled_call_impl is not None for part in transformer.modules())

    bench.model(replace(CPU, compiled=True))
    assert compiled() == 3  # two blocks and one of the VACE branch, not the whole
    bench.model()
    assert compiled() == 0


def test_the_attention_backend_is_always_said(bench: Bench) -> None:
    """It is global and sticky in diffusers, so a setup that says nothing would inherit the last one's."""
    place_of = bench.parts["transformer"].blocks[0].attn1.processor
    bench.parts["transformer"].set_attention_backend("_native_math")
    bench.model()
    assert place_of._attention_backend == "native"


def test_weights_in_their_own_form_stay_the_file_they_were_read_from(tmp_path: Path) -> None:
    """So the system can drop them when memory is short and read them again: streaming from disk rests on it."""
    from safetensors.torch import load_file, save_file

    save_file({"weight": torch.zeros(16 * 2**20, dtype=torch.bfloat16)}, tmp_path / "weights.safetensors")
    maps = Path("/proc/self/smaps")
    if not maps.exists():
        pytest.skip("only Linux tells where memory comes from")
    weight = load_file(tmp_path / "weights.safetensors")["weight"]
    assert "weights.safetensors" in maps.read_text() and weight.numel() == 16 * 2**20
