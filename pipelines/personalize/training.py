"""The training itself: denoising steps on a few pictures, with the class held where it was.

Loss: squared error of what the base answers at noise levels of its kind (`pipelines.personalize.noise`), weighed by
where the subject is seen (`pipelines.personalize.weighing`). The class is held by the base's own answer: on clips that
the base made of the class, the changed denoiser shall answer as the unchanged one does (after the prior preservation of
Ruiz et al., "DreamBooth", 2023). The unchanged one is asked once for each of a number of batches, not in every step.
What a step draws follows from the seed and the step alone, so a training that goes on repeats what it would have done.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from accelerate import Accelerator
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from pipelines.personalize.bases import Base
from pipelines.personalize.examples import Latents
from pipelines.personalize.settings import BATCHES, MEASURED, Settings
from pipelines.personalize.weighing import alike, error
from pipelines.personalize.words import Words

LAYERS = "gimbal_subject"
LEVELS = (0.25, 0.5, 0.75, 0.9)
WORDLESS = 1 / 3
"""How often the class is kept without any words: guidance measures against that answer, and what of the subject gets
into it is taken off the clip again (Ho and Salimans 2021)."""
ROOM = 2**30
"""Bytes that the batches of the class may take; fewer are kept where they are large."""
_CLASS = 500_009
_STATE = "state.pt"


@dataclass
class State:
    """How far a training is; `losses` and `priors` one for each step, `held_out` and `drifts` by step."""

    step: int = 0
    losses: list[float] = field(default_factory=list)
    priors: list[float] = field(default_factory=list)
    held_out: list[tuple[int, float]] = field(default_factory=list)
    drifts: list[tuple[int, float]] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True)
class _Noised:
    """Latents at noise levels (B,) with their texts' states, and what the denoiser shall answer."""

    noisy: Tensor
    levels: Tensor
    target: Tensor
    states: Tensor

    def to(self, device: torch.device | str) -> _Noised:
        return _Noised(*(part.to(device) for part in (self.noisy, self.levels, self.target, self.states)))


class Trainer:
    """One training of one subject on one base. Build it, `resume`, then `step` until `done`."""

    def __init__(self, base: Base, words: Words, data: Latents, settings: Settings, accelerator: Accelerator) -> None:
        self.base, self.words, self.data, self.settings = base, words, data, settings
        self.accelerator = accelerator
        self.state = State()
        self._token = next(iter(words.rows))
        self.rows = nn.Parameter(words.rows[self._token].clone().to(accelerator.device, torch.float32))
        words.rows[self._token] = self.rows
        self.rows.requires_grad_(settings.trains_token)
        self._begun_with = self.rows.detach().clone()
        self.layers = self._add_layers() if settings.trains_lora else []
        self._optimizer = self._build_optimizer()
        self._prior_states = self._fixed((*data.prior_captions, "")) if data.prior_captions else torch.zeros(0)
        fixed = settings.method == "lora"  # the token's rows do not change: neither do the captions' states
        self._subject_states = self._fixed(data.captions) if fixed else None
        self._kept: dict[int, tuple[_Noised, Tensor]] = {}

    @property
    def done(self) -> bool:
        return self.state.step >= self.settings.steps

    def step(self) -> float:
        """One optimizer step; the subject's loss."""
        settings, step = self.settings, self.state.step
        generator = torch.Generator("cpu").manual_seed(settings.seed * 1_000_003 + step)
        chosen = torch.randint(len(self.data.subject), (settings.batch,), generator=generator)
        self._set_rates(step)
        with self._attention():
            asked = self._noised(self.data.subject[chosen], self._states(chosen), generator)
            loss, prior = self._losses(asked, self.data.weights[chosen], self._class(generator))
            self.accelerator.backward(loss + settings.prior_weight * prior if prior is not None else loss)
        self.accelerator.clip_grad_norm_(self._parameters(), 1.0)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self.state.step += 1
        self.state.losses.append(float(loss.detach()))
        self.state.priors.append(0.0 if prior is None else float(prior.detach()))
        return self.state.losses[-1]

    @torch.no_grad()
    def held_out_loss(self) -> float:
        """The loss on the pictures kept aside (on the first of them all where none are), at fixed levels and noise."""
        aside = len(self.data.held_out) > 0
        clean = self.data.held_out if aside else self.data.subject[:MEASURED]
        weights = self.data.held_weights if aside else self.data.weights[:MEASURED]
        captions = self.data.held_captions if aside else self.data.captions[:MEASURED]
        with self._autocast():
            states = self.base.states(captions)
        return self._fixed_errors(clean, states, weights, base=False)[0]

    @torch.no_grad()
    def drift(self) -> float:
        """How far the class has moved: the error against the base's own answers, as a share of its own loss."""
        if not self.layers or not len(self.data.prior):
            return 0.0
        own, moved = self._fixed_errors(self.data.prior, self._prior_states, alike(len(self.data.prior)), base=True)
        return moved / max(own, 1e-6)

    def adapter(self) -> dict[str, Tensor]:
        """The LoRA in diffusers' names, its scale folded in, float32 on the CPU; empty without one."""
        if not self.layers:
            return {}
        scale = self.settings.alpha / self.settings.rank
        found = get_peft_model_state_dict(self.base.pipe.transformer, adapter_name=LAYERS)
        return {
            f"transformer.{name}": (value.detach().float().cpu() * (scale if ".lora_B." in name else 1.0)).clone()
            for name, value in found.items()
        }

    def embeddings(self) -> Tensor:
        """The token's rows, float32 (k, d) on the CPU."""
        return self.rows.detach().float().cpu().clone()

    # -- going on

    def save(self, folder: Path) -> None:
        """Write everything that a later `resume` needs; a crash leaves the old or the new file whole."""
        part = folder / f"{_STATE}.part"
        record = {
            "layers": [layer.detach().cpu() for layer in self.layers],
            "rows": self.rows.detach().cpu(),
            "optimizer": self._optimizer.state_dict(),
            "state": vars(self.state),
        }
        with part.open("wb") as file:
            torch.save(record, file)
            file.flush()
        part.replace(folder / _STATE)

    def resume(self, folder: Path) -> bool:
        """Take up what lies there; False where there is nothing that is whole."""
        path = folder / _STATE
        if not path.exists():
            return False
        record = torch.load(path, map_location="cpu", weights_only=True)
        if len(record["layers"]) != len(self.layers) or record["rows"].shape != self.rows.shape:
            return False
        with torch.no_grad():
            for layer, saved in zip(self.layers, record["layers"], strict=True):
                layer.copy_(saved)
            self.rows.copy_(record["rows"])
        self._optimizer.load_state_dict(record["optimizer"])
        self.state = State(**record["state"])
        return True

    # -- inside

    def _add_layers(self) -> list[nn.Parameter]:
        transformer, settings = self.base.pipe.transformer, self.settings
        torch.manual_seed(settings.seed)
        config = LoraConfig(
            r=settings.rank,
            lora_alpha=settings.alpha,
            target_modules=list(self.base.targets),
            init_lora_weights="gaussian",
        )
        transformer.add_adapter(config, adapter_name=LAYERS)
        if settings.checkpointing:
            transformer.enable_gradient_checkpointing()
            transformer.train()  # recomputing is done while training only; there is no dropout
        layers = [value for name, value in transformer.named_parameters() if f".{LAYERS}." in name]
        for layer in layers:
            layer.data = layer.data.float()
            layer.requires_grad_(True)
        return layers

    def _build_optimizer(self) -> torch.optim.Optimizer:
        settings = self.settings
        groups: list[dict[str, Any]] = []
        if self.layers:
            groups.append({"params": self.layers, "lr": settings.lora_rate, "peak": settings.lora_rate})
        if settings.trains_token:
            groups.append({"params": [self.rows], "lr": settings.token_rate, "peak": settings.token_rate})
        return torch.optim.AdamW(groups, betas=(0.9, 0.99), weight_decay=0.0)

    def _parameters(self) -> list[nn.Parameter]:
        return [*self.layers, *([self.rows] if self.settings.trains_token else [])]

    def _set_rates(self, step: int) -> None:
        for group in self._optimizer.param_groups:
            group["lr"] = group["peak"] * rate_share(step, self.settings.warmup, self.settings.steps)

    @torch.no_grad()
    def _fixed(self, captions: Sequence[str]) -> Tensor:
        if not captions:
            return torch.zeros(0)
        with self._autocast():
            return torch.cat([self.base.states([caption]) for caption in captions])

    def _states(self, chosen: Tensor) -> Tensor:
        if self._subject_states is not None:
            return self._subject_states[chosen]
        with self._autocast():
            return self.base.states([self.data.captions[place] for place in chosen.tolist()])

    def _losses(
        self, asked: _Noised, weight: Tensor, of_class: tuple[_Noised, Tensor] | None
    ) -> tuple[Tensor, Tensor | None]:
        """The subject's loss, and the class's, in one pass of the denoiser."""
        if of_class is None:
            with self._autocast():
                answer = self.base.velocity(asked.noisy, asked.levels, asked.states)
                return error(answer, asked.target, weight), None
        kept, own = of_class
        noisy, levels = torch.cat([asked.noisy, kept.noisy]), torch.cat([asked.levels, kept.levels])
        with self._autocast():
            answers = self.base.velocity(noisy, levels, torch.cat([asked.states, kept.states]))
            subject, others = answers.split([len(asked.noisy), len(kept.noisy)])
            return error(subject, asked.target, weight), F.mse_loss(others, own)

    def _class(self, generator: torch.Generator) -> tuple[_Noised, Tensor] | None:
        """A batch of the class, where it is kept, and what the unchanged denoiser answers; asked when first drawn."""
        count, device = self.settings.prior_batch, self.accelerator.device
        if not count or not len(self.data.prior):
            return None
        fits = ROOM // (4 * count * self.data.prior[0].nbytes)
        place = int(torch.randint(max(1, min(BATCHES, fits)), (1,), generator=generator))
        if place not in self._kept:
            asked = self._class_batch(place)
            self._kept[place] = asked.to("cpu"), self._own(asked).cpu()
        asked, own = self._kept[place]
        return asked.to(device), own.to(device)

    def _class_batch(self, place: int) -> _Noised:
        """Clips of the class at their noise levels, the same for a place in every run."""
        count = self.settings.prior_batch
        generator = torch.Generator("cpu").manual_seed(self.settings.seed * 1_000_003 + _CLASS + place)
        chosen = torch.randint(len(self.data.prior), (count,), generator=generator)
        told = torch.where(torch.rand(count, generator=generator) < WORDLESS, len(self.data.prior), chosen)
        return self._noised(self.data.prior[chosen], self._prior_states[told], generator)

    @torch.no_grad()
    def _own(self, asked: _Noised) -> Tensor:
        """What the unchanged denoiser answers."""
        transformer = self.base.pipe.transformer
        transformer.disable_adapters()
        try:
            with self._autocast():
                return self.base.velocity(asked.noisy, asked.levels, asked.states)
        finally:
            transformer.enable_adapters()
            for layer in self.layers:
                layer.requires_grad_(True)

    def _noised(self, clean: Tensor, states: Tensor, generator: torch.Generator) -> _Noised:
        settings = self.settings
        levels = self.base.noise.levels(len(clean), settings.low_noise, settings.high_noise, generator)
        return self._at(clean, torch.randn(clean.shape, generator=generator), levels, states)

    def _at(self, clean: Tensor, noise: Tensor, levels: Tensor, states: Tensor) -> _Noised:
        device = self.accelerator.device
        levels = levels.to(device)
        noisy, target = self.base.noise.mixed(clean.to(device), noise.to(device), levels)
        return _Noised(noisy, levels, target, states)

    def _fixed_errors(self, clean: Tensor, states: Tensor, weights: Tensor, *, base: bool) -> tuple[float, float]:
        """Mean errors over LEVELS with fixed noise: against the truth, and (0 where not asked) against the base."""
        truth, moved = [], []
        for place, level in enumerate(LEVELS):
            noise = torch.stack([_fixed_noise(clean[n], 977 + 31 * place + n) for n in range(len(clean))])
            for part in torch.arange(len(clean)).split(self.settings.batch):
                asked = self._at(clean[part], noise[part], torch.full((len(part),), level), states[part])
                with self._autocast():
                    answer = self.base.velocity(asked.noisy, asked.levels, asked.states)
                truth.append(len(part) * float(error(answer, asked.target, weights[part])))
                moved.append(len(part) * float(F.mse_loss(answer, self._own(asked))) if base else 0.0)
        count = len(LEVELS) * max(1, len(clean))
        return sum(truth) / count, sum(moved) / count

    def _autocast(self) -> Any:
        return self.accelerator.autocast()

    def _attention(self) -> AbstractContextManager[None]:
        """Plain on a CPU, quicker backwards than the fused one; what is recomputed backwards has to be the same."""
        return sdpa_kernel(SDPBackend.MATH) if self.accelerator.device.type == "cpu" else nullcontext()


def _fixed_noise(like: Tensor, seed: int) -> Tensor:
    return torch.randn(like.shape, generator=torch.Generator("cpu").manual_seed(seed))


def rate_share(step: int, warmup: int, steps: int) -> float:
    """The learning rate as a share of its peak: linear warm-up, then a cosine down to 5 % at the last step."""
    if step < warmup:
        return (step + 1) / (warmup + 1)
    progress = min(1.0, (step - warmup) / max(1, steps - warmup))
    return 0.05 + 0.95 * 0.5 * (1.0 + math.cos(math.pi * progress))
