"""Components on their device: placement changes where weights lie, never which clip comes out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from pipelines.domain.request import GenerationRequest
from pipelines.families import family_named
from pipelines.families.family import Loader, ModelCard, Progress, Setup
from pipelines.families.wan.preview import LinearPreview

CPU = Setup(device="cpu", half=True)


@pytest.fixture(scope="module")
def loader() -> Loader:
    return family_named("wan").loader()


@pytest.fixture(scope="module")
def components(loader: Loader, tiny_card: ModelCard) -> dict[str, object]:
    return {name: loader.component(tiny_card, name, CPU) for name in loader.shares(tiny_card)}


def quiet(progress: Progress) -> None:
    pass


def test_streaming_layers_through_the_device_changes_no_bit(
    loader: Loader, components: dict[str, object], tiny_card: ModelCard, tiny_request: GenerationRequest
) -> None:
    whole = loader.assemble(tiny_card, components, CPU).generate(tiny_request, {}, quiet)
    streamed = loader.assemble(tiny_card, components, replace(CPU, placement="group_offload"))
    assert streamed.generate(tiny_request, {}, quiet).digest() == whole.digest()
    for component in components.values():
        loader.release(component)
    hooks = [
        hook
        for component in components.values()
        if isinstance(component, torch.nn.Module)
        for module in component.modules()
        for hook in getattr(getattr(module, "_diffusers_hook", None), "hooks", {})
    ]
    assert hooks == []
    again = loader.assemble(tiny_card, components, CPU).generate(tiny_request, {}, quiet)
    assert again.digest() == whole.digest()


@pytest.mark.parametrize(("half", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_precision_follows_the_device_and_is_never_float16(
    loader: Loader, tiny_card: ModelCard, half: bool, dtype: torch.dtype
) -> None:
    setup = replace(CPU, half=half)
    for name in ("vae", "transformer", "text_encoder"):
        assert loader.component(tiny_card, name, setup).dtype == dtype
    assert loader.component(tiny_card, "vae", replace(setup, device="cuda:0")).dtype == torch.float32


def test_the_shift_of_the_card_reaches_the_scheduler(
    loader: Loader, components: dict[str, object], tiny_card: ModelCard, tiny_request: GenerationRequest
) -> None:
    plain = loader.assemble(tiny_card, components, CPU)
    settings = {**tiny_card.settings, "shift": 9.0}
    shifted = loader.assemble(replace(tiny_card, settings=settings), components, CPU)
    digests = {model.generate(tiny_request, {}, quiet).digest() for model in (plain, shifted)}
    assert len(digests) == 2


@pytest.mark.parametrize("half", [False, True])
def test_the_frames_are_to_the_bit_those_of_the_stock_pipeline(
    loader: Loader, tiny_card: ModelCard, tiny_request: GenerationRequest, half: bool
) -> None:
    from diffusers import FlowMatchEulerDiscreteScheduler, WanVACEPipeline

    setup = replace(CPU, half=half)
    components = {name: loader.component(tiny_card, name, setup) for name in loader.shares(tiny_card)}
    uneven = [0.1 + 0.3 * channel for channel in range(len(components["vae"].config.latents_mean))]
    components["vae"].register_to_config(latents_mean=uneven, latents_std=[1 + x for x in uneven])
    ours = loader.assemble(tiny_card, components, setup).generate(tiny_request, {}, quiet)
    build = WanVACEPipeline  # type: ignore[no-untyped-call]
    stock = build(scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0), **components)
    stock.set_progress_bar_config(disable=True)
    video = stock(
        prompt=tiny_request.prompt,
        negative_prompt="",
        width=tiny_request.width,
        height=tiny_request.height,
        num_frames=tiny_request.num_frames,
        num_inference_steps=tiny_request.steps,
        guidance_scale=tiny_request.guidance,
        generator=torch.Generator("cpu").manual_seed(tiny_request.seed),
        max_sequence_length=16,
    ).frames[0]
    assert np.array_equal((video * 255).round().astype(np.uint8), ours.pixels)


def test_the_preview_follows_the_codec_and_learns(components: dict[str, object]) -> None:
    vae = components["vae"]
    assert isinstance(vae, torch.nn.Module)
    preview = LinearPreview(vae, 16, 8)
    preview.fit()
    latents = torch.randn(1, 8, 3, 4, 6, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        decoded = vae.decode(latents.to(vae.dtype), return_dict=False)[0]  # type: ignore[operator]
    pixels = decoded[0].float().add(1).mul(127.5).round().byte().permute(1, 2, 3, 0).numpy()
    small = pixels[[0, 3, 7]].reshape(3, 32, 2, 48, 2, 3).mean((2, 4))

    def error() -> float:
        return float(np.abs(preview.show(latents).astype(float) - small).mean())

    before = error()
    for _ in range(20):
        preview.learn(latents, pixels)
    assert preview.show(latents).shape == (3, 32, 48, 3)
    assert error() < before
