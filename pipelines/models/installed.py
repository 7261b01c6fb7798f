"""What is installed that makes models smaller or faster, and what of it a device can use. Imports none of it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from pipelines.families.family import Attention, Storage
from pipelines.models.device import DeviceFacts
from pipelines.models.placement import Machine

# Operations per second that models reach where nothing was measured: on 2 Zen 5 cores, and of common cards.
_CPU_CORE_HALF = 60e9
_CPU_CORE_FULL = 25e9
_CUDA = 120e12
_MPS = 4e12
_REACHED = 0.55  # what a whole model reaches of the speed of large matrix products
_LINK = 12e9


@dataclass(frozen=True, kw_only=True)
class Installed:
    """Optional packages: FlashAttention 3, SageAttention, torchao, quanto, GGUF files, and the compiler's triton."""

    flash3: bool = False
    sage: bool = False
    torchao: bool = False
    quanto: bool = False
    gguf: bool = False
    triton: bool = False


def find_installed() -> Installed:
    """What this Python could import."""
    return Installed(
        flash3=_there("flash_attn_interface"),
        sage=_there("sageattention"),
        torchao=_there("torchao"),
        quanto=_there("optimum") and _there("optimum.quanto"),
        gguf=_there("gguf"),
        triton=_there("triton"),
    )


def storages(device: DeviceFacts, installed: Installed) -> tuple[Storage, ...]:
    """The forms in which a denoiser's weights can lie in memory here, the most exact first."""
    found: list[Storage] = ["whole"]
    if installed.torchao or installed.quanto:
        found.append("int8")
    if device.kind != "mps" and device.half:
        found.append("fp8")
    if installed.quanto and device.kind == "cuda":
        found.append("int4")
    return tuple(found)


def attention(device: DeviceFacts, installed: Installed, draft: bool = False) -> Attention:
    """How attention is computed: FlashAttention 3 where it runs; SageAttention rounds to 8 bits, so for drafts only."""
    if device.kind != "cuda":
        return "native"
    if draft and installed.sage and device.capability >= 8.0:
        return "sage"
    if installed.flash3 and device.capability == 9.0:
        return "_flash_3"
    return "native"


def machine_of(device: DeviceFacts, installed: Installed) -> Machine:
    """The device as placements see it, with its measured speeds where there are any."""
    return Machine(
        kind=device.kind, flops=speed(device), link=device.link or _LINK, storages=storages(device, installed)
    )


def speed(device: DeviceFacts) -> float:
    """Operations per second that a model reaches here."""
    if device.flops:
        return device.flops * _REACHED
    if device.kind == "cuda":
        return _CUDA
    if device.kind == "mps":
        return _MPS
    return device.cores * (_CPU_CORE_HALF if device.half else _CPU_CORE_FULL)


def _there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False
