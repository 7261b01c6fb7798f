"""Muon for the transformer's hidden matrices beside AdamW for everything else, behind one optimizer's face."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from pipelines.toybox.networks import Denoiser
from pipelines.toybox.recipes import TransformerRecipe


class ConvolutionMuon(torch.optim.Optimizer):
    """Muon for kernels of any rank, each taken as a matrix (outputs, everything else).

    The step of a matrix has the size that AdamW's would have (0.2 per element and unit of learning rate).
    """

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float, momentum: float = 0.95) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move every parameter that has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    memory = self.state[parameter].setdefault("momentum", torch.zeros_like(parameter))
                    memory.lerp_(parameter.grad, 1.0 - group["momentum"])
                    ahead = parameter.grad.lerp(memory, group["momentum"])
                    parameter.add_(orthogonalised(ahead.flatten(1)).view_as(parameter), alpha=-group["lr"])


def orthogonalised(matrix: Tensor, iterations: int = 5) -> Tensor:
    """The nearest semi-orthogonal matrix by Newton-Schulz, scaled so that its elements have a deviation of 0.2."""
    flipped = matrix.shape[0] > matrix.shape[1]
    turned = (matrix.T if flipped else matrix).bfloat16()
    turned = turned / turned.norm().clamp_min(1e-7)
    for _ in range(iterations):
        gram = turned @ turned.T
        turned = 3.4445 * turned + (-4.7750 * gram + 2.0315 * gram @ gram) @ turned
    result = (turned.T if flipped else turned).float()
    return result * (0.2 * max(matrix.shape) ** 0.5)


class TwoOptimizers:
    """Muon beside another optimizer, stepped as one."""

    def __init__(self, muon: torch.optim.Optimizer, adamw: torch.optim.Optimizer) -> None:
        self.parts = (muon, adamw)

    def set_share(self, share: float) -> None:
        """Set both rates to this share of their peaks (as `defaults` hold them)."""
        for part in self.parts:
            for group in part.param_groups:
                group["lr"] = part.defaults["lr"] * share

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients."""
        for part in self.parts:
            part.zero_grad(set_to_none)

    def step(self) -> None:
        """Step both."""
        for part in self.parts:
            part.step()

    def state_dict(self) -> dict[str, Any]:
        """Both states by name."""
        return {"muon": self.parts[0].state_dict(), "adamw": self.parts[1].state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up both states."""
        self.parts[0].load_state_dict(state["muon"])
        self.parts[1].load_state_dict(state["adamw"])


class CodecOptimizer(TwoOptimizers):
    """Muon for the decoder's kernels beside AdamW for its norms and biases."""

    def __init__(self, parameters: Sequence[nn.Parameter], rate: float) -> None:
        kernels = [parameter for parameter in parameters if parameter[0].numel() > 1]
        others = [parameter for parameter in parameters if parameter[0].numel() == 1]
        super().__init__(ConvolutionMuon(kernels, lr=rate), torch.optim.AdamW(others, lr=rate, betas=(0.9, 0.99)))


class MuonAndAdamW(TwoOptimizers):
    """Muon for the transformer's hidden matrices (Jordan et al. 2024, its step scaled to AdamW's) beside AdamW."""

    def __init__(self, model: Denoiser, recipe: TransformerRecipe) -> None:
        blocks = nn.ModuleList([*model.transformer.blocks, *model.transformer.vace_blocks])
        hidden = [weight for weight in blocks.parameters() if weight.ndim == 2]
        known = {id(weight) for weight in hidden}
        others = [weight for weight in model.parameters() if id(weight) not in known]
        super().__init__(
            torch.optim.Muon(
                hidden, lr=recipe.muon_rate, weight_decay=recipe.weight_decay, adjust_lr_fn="match_rms_adamw"
            ),
            torch.optim.AdamW(others, lr=recipe.learning_rate, betas=(0.9, 0.99), weight_decay=0.0),
        )
