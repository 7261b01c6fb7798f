"""Seconds and memory of a pass of Wan at its true size, random weights: every way to run it beside stock diffusers.

Without a GPU the same code runs on a small transformer of the same class: that shows that it works, and nothing more.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from pipelines.families.family import Setup
from pipelines.models.device import DeviceFacts
from pipelines.models.installed import attention, find_installed, storages
from pipelines.models.memory import is_out_of_memory
from studio.bench.report import Measure

Say = Callable[[str], None]
_REPEATS = 5
_PROMISED_SHARE = 0.75  # of stock time for a final clip
_PROMISED_STREAMED = 1.1  # of resident time for weights that stream


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A Wan transformer and what it is given. frames, height, width: cells of the latent volume."""

    name: str
    heads: int
    head: int
    ffn: int
    layers: int
    frames: int
    height: int
    width: int
    text: int = 512
    text_dim: int = 4096

    @property
    def tokens(self) -> int:
        return self.frames * (self.height // 2) * (self.width // 2)

    @property
    def flops(self) -> float:
        """Operations of one pass; a multiply-add is two."""
        d, n, t = self.heads * self.head, self.tokens, self.text
        block = 2 * d * d * (6 * n + 2 * t) + 4 * n * d * (n + t) + 4 * n * d * self.ffn
        return float(self.layers * block)


SIZES = (
    Shape(name="Wan 1.3B, 832x480x81", heads=12, head=128, ffn=8960, layers=30, frames=21, height=60, width=104),
    Shape(name="Wan 14B, 832x480x81", heads=40, head=128, ffn=13824, layers=40, frames=21, height=60, width=104),
)
SMALL = Shape(
    name="rehearsal, no GPU at hand", heads=4, head=32, ffn=256, layers=4, frames=3, height=8, width=8, text=16,
    text_dim=64,
)  # fmt: skip


def speeds(on: DeviceFacts, is_small: bool, say: Say) -> Iterator[Measure]:
    """Every way beside stock diffusers, in one run on the same shapes."""
    for shape in (SMALL,) if is_small else SIZES:
        say(shape.name)
        yield from _ways(shape, on)


def _ways(shape: Shape, on: DeviceFacts) -> Iterator[Measure]:
    base = Setup(device=on.torch_name, half=on.half)
    stock = _run(shape, base, on, plain=True)
    if stock is None:
        yield Measure(name=f"{shape.name}: stock, eager", value=0, unit="s/pass", note="does not fit")
        return
    yield _told(shape, "stock, eager", stock, stock[0], on)
    for name, setup in _setups(base, on):
        found = _run(shape, setup, on)
        if found is not None:
            limit = _PROMISED_SHARE if name.startswith("final") else _PROMISED_STREAMED if "streamed" in name else None
            yield _told(shape, name, found, stock[0], on, limit if on.kind == "cuda" else None)


def _setups(base: Setup, on: DeviceFacts) -> Iterator[tuple[str, Setup]]:
    """What is compared; the last is what a final clip uses."""
    installed = find_installed()
    best = attention(on, installed)
    yield "resident", base
    yield "streamed, locked memory", replace(base, placement="group_offload", pinned=True)
    yield "streamed, plain memory", replace(base, placement="group_offload", pinned=False)
    for storage in storages(on, installed)[1:]:
        yield f"weights in {storage}", replace(base, storage=storage)
    if attention(on, installed, draft=True) == "sage":
        yield "SageAttention, 8 bits", replace(base, attention="sage")
    if on.kind == "cuda" and installed.triton:
        yield "compiled blocks", replace(base, compiled=True)
        yield f"final: {best} attention, compiled blocks", replace(base, attention=best, compiled=True)
    else:
        yield f"final: {best} attention", replace(base, attention=best)


def _run(shape: Shape, setup: Setup, on: DeviceFacts, plain: bool = False) -> tuple[float, float] | None:
    """(seconds of a pass, GB at the peak) of a fresh model; None where it does not fit. plain: untouched by us."""
    import torch

    from pipelines.models.placing import place, release, store

    model: Any = None
    try:
        model = _model(shape, setup)
        if setup.storage != "whole":
            store(model, setup.storage, setup.half)
        if plain:
            model.to(setup.device)
        else:
            place(_Alone(model), setup)
        with torch.inference_mode():
            return _timed(model, shape, setup, on)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return None
    finally:
        if model is not None:
            release(model)
        del model
        gc.collect()
        if on.kind == "cuda":
            torch.cuda.empty_cache()


class _Alone:
    """A pipeline of a transformer alone, as far as placements look at one."""

    def __init__(self, transformer: Any) -> None:
        self.components = {"transformer": transformer}

    def to(self, device: str) -> None:
        self.components["transformer"].to(device)


def _model(shape: Shape, setup: Setup) -> Any:
    import torch
    from diffusers import WanTransformer3DModel

    dtype, before = torch.bfloat16 if setup.half else torch.float32, torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        torch.manual_seed(0)
        model = WanTransformer3DModel(
            num_attention_heads=shape.heads,
            attention_head_dim=shape.head,
            text_dim=shape.text_dim,
            freq_dim=256,
            ffn_dim=shape.ffn,
            num_layers=shape.layers,
        )
    finally:
        torch.set_default_dtype(before)
    return model.eval().requires_grad_(False)


def _timed(model: Any, shape: Shape, setup: Setup, on: DeviceFacts) -> tuple[float, float]:
    import torch

    dtype = torch.bfloat16 if setup.half else torch.float32
    given = {
        "hidden_states": torch.randn(1, 16, shape.frames, shape.height, shape.width, device=setup.device, dtype=dtype),
        "timestep": torch.tensor([500], device=setup.device),
        "encoder_hidden_states": torch.randn(1, shape.text, shape.text_dim, device=setup.device, dtype=dtype),
        "return_dict": False,
    }
    cuda = on.kind == "cuda"
    model(**given)
    if cuda:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    seconds = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        model(**given)
        if cuda:
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - began)
    return min(seconds), torch.cuda.max_memory_allocated() / 1e9 if cuda else 0.0


def _told(
    shape: Shape, name: str, found: tuple[float, float], stock: float, on: DeviceFacts, limit: float | None = None
) -> Measure:
    seconds, peak = found
    note = f"{seconds:.4g} s/pass, {shape.flops / seconds / 1e12:.3g} TFLOP/s"
    if on.kind == "cuda":
        note += f", {peak:.1f} GB at the peak"
    return Measure(
        name=f"{shape.name}: {name}", value=seconds / stock, unit="of stock", limit=limit, note=f"{note}; {on.name}"
    )
