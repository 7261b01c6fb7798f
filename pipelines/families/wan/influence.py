"""When the control branch counts: from one share of the denoising to another, and not before or after.

Early steps set the layout, late ones the detail: a control that ends early leaves the model free in what it draws.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from pipelines.domain.conditioning import ControlClip
from pipelines.domain.request import GenerationRequest


def span_of(request: GenerationRequest) -> tuple[float, float]:
    """From which to which share of the steps the control clips count: from the first start to the last end."""
    controls = [part for part in request.conditioning if isinstance(part, ControlClip)]
    return min((part.start for part in controls), default=0.0), max((part.end for part in controls), default=1.0)


@contextlib.contextmanager
def within(pipe: Any, span: tuple[float, float], share: Callable[[], float]) -> Iterator[None]:
    """Within it, the branch has no weight while `share()`, how much of the steps is done, lies outside the span."""

    def silence(module: Any, arguments: Any, named: dict[str, Any]) -> Any:
        scale = named.get("control_hidden_states_scale")
        if scale is None or span[0] <= share() < span[1]:
            return None
        return arguments, {**named, "control_hidden_states_scale": scale * 0.0}

    names = ("transformer", "transformer_2") if span != (0.0, 1.0) else ()
    networks = [network for name in names if (network := getattr(pipe, name, None)) is not None]
    hooks = [network.register_forward_pre_hook(silence, with_kwargs=True) for network in networks]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
