"""Drafts beside final clips: how near each way of leaving work out comes to the final clip, in which share of its time.

Called by `studio.bench.models`, on the default model.
"""

from __future__ import annotations

import functools
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipelines.domain.request import GenerationRequest, Shortcut
from pipelines.models.catalog import DEFAULT, Catalog
from pipelines.models.device import DeviceFacts
from pipelines.models.drafts import Draft, drafting
from pipelines.models.manager import ModelManager
from pipelines.toybox.bench.pictures import psnr
from studio.bench.making import unwatched
from studio.bench.report import Measure
from studio.studio import default_request

FAST = "toybox-fast"
_FEWER = (10, 4)


@dataclass(frozen=True)
class Way:
    """One way at one strength; None = as drafts usually have it."""

    by: Shortcut
    strength: float | None = None

    @property
    def told(self) -> str:
        return f"{self.by} at {self.strength:g}" if self.strength is not None else self.by


WAYS = (
    *(Way("first_block", threshold) for threshold in (0.06, 0.1, 0.2)),
    *(Way("mag", steps) for steps in (1, 2)),
    *(Way("attention", every) for every in (2, 3)),
    *(Way("words", every) for every in (2, 4)),
    *(Way("deep", every) for every in (2, 3)),
)


@dataclass(frozen=True)
class _Clip:
    """A clip's pixels, what its draft left out (0..1), and the seconds it took."""

    pixels: Any
    reused: float
    seconds: float


def drafts(assets: Path, on: DeviceFacts, ways: Sequence[Way] = WAYS, prompts: int = 2) -> Iterator[Measure]:
    """Every way on the same requests; then fewer steps, and weights made for few. The final clip is made anew beside
    each other one, so that both have the same share of a busy machine.
    """
    manager = ModelManager(Catalog(assets), on)
    card = manager.catalog.card(DEFAULT)
    requests = [replace(default_request(card, prompt), seed=5) for prompt in card.examples[:prompts]]
    _final(manager, requests[0])  # the first clip of a process is slower than all others
    before = _final(manager, requests[0])
    ratios = _calibrated(manager, requests[0])
    for way in ways:
        draft = Draft(by=way.by, steps=requests[0].steps, strength=way.strength, ratios=ratios)
        pairs = [(_draft(manager, request, draft), _final(manager, request)) for request in requests]
        reused = statistics.mean(made.reused for made, _ in pairs)
        yield _compared(f"draft by {way.told}", pairs, f"{100 * reused:.0f} % taken over")
    for steps in _FEWER:
        pairs = [(_final(manager, replace(r, steps=steps)), _final(manager, r)) for r in requests]
        yield _compared(f"{steps} steps instead of {requests[0].steps}", pairs, "nothing taken over")
    if FAST in {other.id for other in manager.catalog.cards()}:
        usual = default_request(manager.catalog.card(FAST))
        few = [replace(usual, prompt=request.prompt, seed=request.seed) for request in requests]
        pairs = [(_final(manager, one), _final(manager, other)) for one, other in zip(few, requests, strict=True)]
        yield _compared(f"{FAST}, {usual.steps} steps", pairs, "weights of their own")
    same = float((_final(manager, requests[0]).pixels == before.pixels).all())
    yield Measure(name="final clip after drafts, the same to the bit", value=same, unit="", least=1)


def _compared(name: str, pairs: Sequence[tuple[_Clip, _Clip]], note: str) -> Measure:
    apart = [psnr(made.pixels, final.pixels) for made, final in pairs]
    shares = [made.seconds / final.seconds for made, final in pairs]
    return Measure(
        name=f"{name}: PSNR against the final clip",
        value=statistics.mean(apart),
        unit="dB",
        beside={"share of the final's time": statistics.median(shares)},
        note=f"{note}; {len(pairs)} clips, {min(apart):.1f} to {max(apart):.1f} dB",
    )


def _calibrated(manager: ModelManager, request: GenerationRequest) -> dict[str, list[float]]:
    with manager.use(request.model, request, unwatched) as lent:
        with drafting(lent.pipe, Draft(by="mag", steps=request.steps)) as left:
            lent.generate(request, {}, unwatched)
    return left.ratios


def _draft(manager: ModelManager, request: GenerationRequest, draft: Draft) -> _Clip:
    with manager.use(request.model, request, unwatched) as lent, drafting(lent.pipe, draft) as left:
        pixels, seconds = _timed(functools.partial(lent.generate, request, {}, unwatched))
    return _Clip(pixels, left.reused, seconds)


def _final(manager: ModelManager, request: GenerationRequest) -> _Clip:
    with manager.use(request.model, request, unwatched) as lent:
        pixels, seconds = _timed(functools.partial(lent.generate, request, {}, unwatched))
    return _Clip(pixels, 0.0, seconds)


def _timed(make: Callable[[], Any]) -> tuple[Any, float]:
    """(pixels, seconds of this process's processor time, or of the clock where a device works beside it)."""
    import torch

    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    began = clock()
    frames = make()
    return frames.pixels, clock() - began
