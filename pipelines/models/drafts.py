"""Drafts: a clip in less time, by leaving out work that changes little from step to step. Needs torch.

first_block: each step runs the first block of the denoiser; where its effect is nearly that of the step before, the
effect of all other blocks is taken from there (after "TeaCache", Liu et al. 2025, in the form of diffusers). mag: whole
steps are left out as far as the checkpoint's own figures allow (see `calibration`). The others are in `reuse`. A final
clip never does so, and when a draft has ended the model is as it was, to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from pipelines.domain.errors import InvalidRequest, Problem
from pipelines.domain.request import SHORTCUTS, Shortcut
from pipelines.models.calibration import Ratios
from pipelines.models.placing import DENOISERS
from pipelines.models.reuse import Rhythm, Tally, blocks_of, reusing_attention, reusing_deep_blocks

DEFAULT: Shortcut = "deep"
_THRESHOLD = 0.1  # of first_block: the relative change of the first block's effect
_ERROR = 0.06  # of mag: how far the sizes of what is left out may add up to differ
_EVERY: Mapping[str, int] = {"attention": 2, "words": 2, "deep": 2}
_IN_A_ROW = 1  # steps that mag leaves out one after another
_ALWAYS = 0.2  # of the steps at the beginning, where the clip takes shape, that do all the work
_LAST = 1  # steps at the end that do


@dataclass(frozen=True, kw_only=True)
class Draft:
    """How a draft is made. steps: of the clip.

    strength: the threshold of first_block, how many steps in a row mag leaves out, in every how many passes the others
    do the work; None = as drafts usually have it. ratios: the checkpoint's figures for mag, None = this clip is made
    whole to measure them. room: bytes of memory that may be taken to keep what is reused.
    """

    by: Shortcut = DEFAULT
    steps: int
    strength: float | None = None
    ratios: Ratios | None = None
    room: Callable[[], int] = lambda: 2**62


@dataclass
class Left:
    """What a draft left out. passes: runs of the denoiser; computed: those in which all its blocks ran.

    tally: layers that ran and were taken over, where it is not whole passes. ratios: what a calibrating draft measured.
    """

    by: Shortcut
    passes: int = 0
    computed: int = 0
    tally: Tally = field(default_factory=Tally)
    ratios: dict[str, list[float]] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """The share of the work that was done; 0 where nobody counted it."""
        if self.tally.calls:
            return 0.0
        return self.computed / self.passes if self.passes else 1.0

    @property
    def reused(self) -> float:
        """The share of the passes, or else of the layers' calls, that took over what was there."""
        return self.tally.reused / self.tally.calls if self.tally.calls else 1 - self.share

    @property
    def told(self) -> str:
        """In words, for the clip."""
        if self.ratios:
            return "draft: made whole this once, to learn which steps this model can leave out"
        if self.tally.calls:
            return f"draft: {_WHAT[self.by]} was taken over in {100 * self.reused:.0f} % of its calls"
        return f"draft: {self.passes - self.computed} of {self.passes} passes reused the step before"


_WHAT: Mapping[Shortcut, str] = {
    "attention": "the attention of layers",
    "words": "the layers' attention to the words",
    "deep": "what the inner blocks add",
}


@contextmanager
def drafting(pipe: Any, draft: Draft) -> Iterator[Left]:
    """Have a pipeline's denoisers leave work out meanwhile; what was left out is counted.

    Raises InvalidRequest where this pipeline cannot make its drafts so.
    """
    denoisers: dict[str, Any] = {name: getattr(pipe, name, None) for name in DENOISERS}
    able = {name: denoiser for name, denoiser in denoisers.items() if hasattr(denoiser, "enable_cache")}
    if not able:
        raise _impossible(draft.by, "it has no denoiser whose blocks could be passed over")
    left = Left(draft.by)
    with ExitStack() as undo:
        for name, denoiser in able.items():
            try:
                undo.enter_context(_leaving_out(name, denoiser, draft, left))
            except ValueError as error:
                raise _impossible(draft.by, str(error)) from error
        yield left


def _leaving_out(name: str, denoiser: Any, draft: Draft, left: Left) -> Any:
    """What has one denoiser leave out work."""
    rhythm = Rhythm(every=_every(draft), first=_first(draft.steps), last=draft.steps - _LAST)
    match draft.by:
        case "first_block" | "":
            return _first_block(denoiser, draft, left)
        case "mag":
            return _calibrated(name, denoiser, left) if draft.ratios is None else _mag(name, denoiser, draft, left)
        case "attention":
            words = Rhythm(every=2 * rhythm.every, first=rhythm.first, last=rhythm.last)
            return reusing_attention(denoiser, rhythm, words, left.tally, draft.room)
        case "words":
            return reusing_attention(denoiser, None, rhythm, left.tally, draft.room)
        case "deep":
            return reusing_deep_blocks(denoiser, rhythm, left.tally)


def _every(draft: Draft) -> int:
    return int(draft.strength or _EVERY.get(draft.by, 1))


def _first(steps: int) -> int:
    return max(1, round(_ALWAYS * steps))


def _impossible(by: Shortcut, why: str) -> InvalidRequest:
    message = f"This model cannot make drafts by {by}: {why}."
    others = ", ".join(other for other in SHORTCUTS if other not in ("", by))
    return InvalidRequest((Problem(field="shortcut", message=message, hint=f"Leave it open, or try: {others}."),))


@contextmanager
def _first_block(denoiser: Any, draft: Draft, left: Left) -> Iterator[None]:
    from diffusers.hooks import FirstBlockCacheConfig

    with _cached(denoiser, FirstBlockCacheConfig(threshold=draft.strength or _THRESHOLD)), _counted(denoiser, left):
        yield


@contextmanager
def _mag(name: str, denoiser: Any, draft: Draft, left: Left) -> Iterator[None]:
    from diffusers.hooks import MagCacheConfig

    ratios = (draft.ratios or {}).get(name)
    if not ratios:
        raise ValueError(f"nothing is known of its {name}")
    config = MagCacheConfig(
        threshold=_ERROR,
        max_skip_steps=int(draft.strength or _IN_A_ROW),
        retention_ratio=_ALWAYS,
        num_inference_steps=draft.steps,
        mag_ratios=list(ratios),
    )
    with _cached(denoiser, config), _counted(denoiser, left):
        yield


@contextmanager
def _calibrated(name: str, denoiser: Any, left: Left) -> Iterator[None]:
    """Measure the figures while every pass is done."""
    from diffusers.hooks import MagCacheConfig
    from diffusers.hooks.mag_cache import _MAG_CACHE_LEADER_BLOCK_HOOK

    endless = 2**31  # at the last step of a known number the figures would be printed and dropped

    def note(*_: Any) -> None:  # after each pass, since a pipeline drops what its hooks hold when it ends
        registries = [part._diffusers_hook for part in denoiser.modules() if hasattr(part, "_diffusers_hook")]
        hooks = [hook for registry in registries if (hook := registry.get_hook(_MAG_CACHE_LEADER_BLOCK_HOOK))]
        states = [state for hook in hooks for state in hook.state_manager._state_cache.values()]
        left.ratios[name] = [*states[0].calibration_ratios]

    with _cached(denoiser, MagCacheConfig(calibrate=True, num_inference_steps=endless)), _counted(denoiser, left):
        handle = denoiser.register_forward_hook(note)
        try:
            yield
        finally:
            handle.remove()


@contextmanager
def _cached(denoiser: Any, config: Any) -> Iterator[None]:
    denoiser.enable_cache(config)
    try:
        yield
    finally:
        denoiser.disable_cache()


@contextmanager
def _counted(denoiser: Any, left: Left) -> Iterator[None]:
    """Count the passes of a denoiser, and those that reach a layer behind its first block."""
    last = blocks_of(denoiser)[-1]
    layer = next(layer for layer in last.modules() if isinstance(layer, nn.Linear))

    def passed(*_: Any) -> None:
        left.passes += 1

    def computed(*_: Any) -> None:
        left.computed += 1

    handles = [denoiser.register_forward_hook(passed), layer.register_forward_hook(computed)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
