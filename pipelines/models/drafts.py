"""Drafts: a clip in less time, by leaving out work that changes little from step to step. Needs torch.

FirstBlock caching: each step runs the first block of the denoiser; where its effect is nearly that of the step before,
the effect of all other blocks is taken from there (after "TeaCache", Liu et al. 2025, in the form of diffusers). A
final clip never does so, and turning it off again gives the model back to the bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from torch import nn

from pipelines.models.placing import DENOISERS

THRESHOLD = 0.1


@dataclass
class Left:
    """What a draft left out. passes: runs of the denoiser; computed: those in which all its blocks ran."""

    passes: int = 0
    computed: int = 0

    @property
    def share(self) -> float:
        """The share of the work that was done."""
        return self.computed / self.passes if self.passes else 1.0

    @property
    def told(self) -> str:
        """In words, for the clip."""
        return f"draft: {self.passes - self.computed} of {self.passes} passes reused the step before"


@contextmanager
def drafting(pipe: Any, threshold: float = THRESHOLD) -> Iterator[Left]:
    """Have a pipeline's denoisers reuse what changes by less than `threshold`; what was left out is counted meanwhile.

    Raises ValueError for a pipeline whose denoiser has no blocks to pass over.
    """
    from diffusers.hooks import FirstBlockCacheConfig

    denoisers: list[Any] = [getattr(pipe, name, None) for name in DENOISERS]
    able = [denoiser for denoiser in denoisers if hasattr(denoiser, "enable_cache")]
    if not able:
        raise ValueError("this pipeline has no denoiser whose blocks could be passed over")
    left = Left()
    with ExitStack() as undo:
        for denoiser in able:
            undo.callback(_counted(denoiser, left))
            denoiser.enable_cache(FirstBlockCacheConfig(threshold=threshold))
            undo.callback(denoiser.disable_cache)
        yield left


def _counted(denoiser: Any, left: Left) -> Any:
    """Count the passes of a denoiser, and those that reach a layer behind its first block; returns what ends that."""
    layer = _behind_the_first(denoiser)

    def passed(*_: Any) -> None:
        left.passes += 1

    def computed(*_: Any) -> None:
        left.computed += 1

    handles = [denoiser.register_forward_hook(passed), layer.register_forward_hook(computed)]

    def end() -> None:
        for handle in handles:
            handle.remove()

    return end


def _behind_the_first(denoiser: nn.Module) -> nn.Module:
    """A layer that runs once in each whole pass and in no other: the first linear one of the last block."""
    lists = [child for child in denoiser.children() if isinstance(child, nn.ModuleList) and len(child) > 1]
    if not lists:
        raise ValueError("its blocks are not in a list")
    last = max(lists, key=len)[-1]
    return next(layer for layer in last.modules() if isinstance(layer, nn.Linear))
