"""A lesson from beginning to end, inside the worker: load the base, prepare, train, keep checkpoints, choose the best.

Everything lies in one folder, so that a lesson that ended in the middle goes on from its last state:

    subject.latents, held_out.latents, prior.latents    caches
    subject.weights, held_out.weights                   the same of what counts for more, where something does
    state.pt                        the training as it was (see `Trainer.save`)
    steps/000050/                   lora.safetensors, embeddings.safetensors, sample-0.webp, ... and about.json
    progress.json                   what a page shows
"""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from pipelines.domain.request import GenerationRequest
from pipelines.families import family_named
from pipelines.families.family import ModelCard, Setup
from pipelines.models.device import DeviceFacts
from pipelines.personalize import weighing, words
from pipelines.personalize.bases import base_of
from pipelines.personalize.examples import Example, Latents, Shown, encoded, held_still, split
from pipelines.personalize.files import EMBEDDINGS, LORA, Card, digest_of, metadata_of
from pipelines.personalize.judging import Checkpoint, best, warnings_of
from pipelines.personalize.lighter import lighten
from pipelines.personalize.moving import with_moves
from pipelines.personalize.resembling import Look
from pipelines.personalize.settings import Settings
from pipelines.personalize.training import Trainer

SAVE_EVERY = 20
FULL = 4 * 2**20
Tell = Callable[[str, int, int, float, float | None, NDArray[np.uint8] | None], None]
"""tell(stage, step, steps, fraction of the whole, seconds left, preview); raises Stopped to leave."""


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """What is learned. examples: with the token in their captions. priors: captions of the class without it.

    samples: prompts, with the token in them, that show how far it is.
    """

    card: Card
    settings: Settings
    examples: tuple[Example, ...]
    priors: tuple[str, ...]
    samples: tuple[str, ...]


@dataclass
class Learned:
    """What a lesson came to. checkpoints: in order; chosen: the step of the best; aside: pictures not trained on."""

    checkpoints: list[Checkpoint] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    chosen: int = 0
    aside: int = 0
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return dataclasses.asdict(self)


def learn(lesson: Lesson, card: ModelCard, device: DeviceFacts, folder: Path, tell: Tell) -> Learned:
    """Do the lesson, or go on with it. Raises what the base's loader raises, InvalidRequest, and what `tell` raises."""
    tell("loading", 0, lesson.settings.steps, 0.0, None, None)
    model = load_own(card, device, light=lesson.settings.light_base)
    run = _Run(lesson, card, model, device, folder, tell)
    try:
        return run.go()
    except (SafetensorError, RuntimeError) as error:
        if shutil.disk_usage(folder).free < FULL:  # neither torch nor safetensors says so itself
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder)) from error
        raise
    finally:
        run.words.take_off()


def load_own(card: ModelCard, device: DeviceFacts, *, light: bool = False) -> Any:
    """A copy of the model that belongs to the caller alone and may be changed. light: its large weights in 8 bits."""
    loader = family_named(card.family).loader()
    setup = Setup(device=device.torch_name, half=device.half)
    components = {name: loader.component(card, name, setup) for name in loader.shares(card)}
    if light:
        lighten(components["transformer"])
    return loader.assemble(card, components, setup)


class _Run:
    """One lesson with everything that it needs, from its first step here to its last."""

    def __init__(
        self, lesson: Lesson, card: ModelCard, model: Any, device: DeviceFacts, folder: Path, tell: Tell
    ) -> None:
        self.lesson, self.card, self.model = lesson, card, model
        self.folder, self.tell = folder, tell
        self.accelerator = Accelerator(cpu=device.kind == "cpu", mixed_precision="bf16" if device.half else "no")
        self.base = base_of(model.pipe, card, lesson.settings)
        pipe, settings = self.base.pipe, lesson.settings
        rows = words.begin(pipe.tokenizer, pipe.text_encoder, lesson.card.class_word, settings.vectors, settings.seed)
        self.words = words.Words(pipe.tokenizer, pipe.text_encoder, {lesson.card.token: rows})
        self.look = Look(lesson.examples)
        self.learned = Learned()

    def go(self) -> Learned:
        settings, pipe = self.lesson.settings, self.base.pipe
        data = self._data()
        pipe.tokenizer = self.words.tokenizer
        self.words.put_on()
        trainer = Trainer(self.base, self.words, data, settings, self.accelerator)
        trainer.resume(self.folder)
        self._take_up(trainer)
        if trainer.state.step == 0:
            self._checkpoint(trainer)
        while not trainer.done:
            began = time.perf_counter()
            trainer.step()
            trainer.state.seconds += time.perf_counter() - began
            step = trainer.state.step
            if step % settings.every == 0 or trainer.done:
                self._checkpoint(trainer)
            elif step % SAVE_EVERY == 0:
                trainer.save(self.folder)
                self._note(trainer)
            self._tell_step(trainer)
        self.learned.seconds = trainer.state.seconds
        self._note(trainer)
        return self.learned

    def _data(self) -> Latents:
        """Latents of everything, made once; the base is still unchanged here."""
        lesson, settings = self.lesson, self.lesson.settings
        known, aside = split(lesson.examples, settings.held_out)
        self.learned.aside = len(aside)
        shown = with_moves([lesson.examples[n] for n in known], self.card.capabilities, settings)
        kept = [lesson.examples[n] for n in aside]
        self.tell("preparing", 0, settings.steps, 0.01, None, None)
        subject, held = self._encoded("subject.latents", shown), self._encoded("held_out.latents", kept)
        weights, held_weights = self._weighed("subject", shown, subject), self._weighed("held_out", kept, held)
        wanted = settings.prior_clips if settings.prior_batch else 0
        prompts = [lesson.priors[n % len(lesson.priors)] for n in range(wanted)] if lesson.priors else []
        prior = encoded(self.folder / "prior.latents", len(prompts), lambda n: self._prior(prompts[n], n, len(prompts)))
        return Latents(
            subject=subject,
            weights=weights,
            captions=tuple(self.words.text(example.caption) for example in shown),
            held_out=held,
            held_weights=held_weights,
            held_captions=tuple(self.words.text(example.caption) for example in kept),
            prior=prior,
            prior_captions=tuple(prompts),
        )

    def _encoded(self, name: str, examples: Sequence[Shown]) -> Tensor:
        settings, base = self.lesson.settings, self.base
        return encoded(self.folder / name, len(examples), lambda n: base.latents(held_still(examples[n], settings)))

    def _weighed(self, name: str, examples: Sequence[Shown], latents: Tensor) -> Tensor:
        settings = self.lesson.settings
        if not settings.subject_weight:
            return weighing.alike(len(examples))

        def weight(place: int) -> Tensor:
            frames, height, width = latents.shape[2:]
            shown = held_still(examples[place], settings)
            return weighing.weights(shown, (frames, height, width), settings.subject_weight)

        return encoded(self.folder / f"{name}.weights", len(examples), weight)

    def _prior(self, prompt: str, number: int, count: int) -> Tensor:
        """The latents of a clip that the base makes of its class."""
        settings = self.lesson.settings
        self.tell("preparing", 0, settings.steps, 0.02 + 0.08 * number / max(1, count), None, None)
        with torch.inference_mode():
            made: Tensor = self.base.pipe(
                prompt=prompt,
                negative_prompt="",
                height=settings.height,
                width=settings.width,
                num_frames=settings.num_frames,
                num_inference_steps=settings.sample_steps,
                guidance_scale=self.card.capabilities.guidance.default,
                generator=torch.Generator("cpu").manual_seed(settings.seed + number),
                output_type="latent",
                **self.base.arguments,
            ).frames
        return self.base.unpacked(made.detach().float()).cpu().clone()

    def _take_up(self, trainer: Trainer) -> None:
        """The checkpoints that were there when a lesson ended in the middle."""
        for path in sorted((self.folder / "steps").glob("*/about.json")):
            found = Checkpoint(**json.loads(path.read_text("utf-8")))
            if found.step <= trainer.state.step:
                self.learned.checkpoints.append(found)

    def _checkpoint(self, trainer: Trainer) -> None:
        step = trainer.state.step
        target = self.folder / "steps" / f"{step:06d}"
        target.mkdir(parents=True, exist_ok=True)
        about = dataclasses.replace(self.lesson.card, steps=step)
        save_file({"rows": trainer.embeddings()}, target / EMBEDDINGS, metadata_of(about))
        layers = trainer.adapter()
        if layers:
            save_file(layers, target / LORA, metadata_of(about))
        held_out, drift = trainer.held_out_loss(), trainer.drift()
        trainer.state.held_out.append((step, held_out))
        trainer.state.drifts.append((step, drift))
        samples, clips = self._samples(trainer, target)
        found = Checkpoint(
            step=step,
            digest=digest_of(target),
            held_out=held_out,
            drift=drift,
            samples=samples,
            alike=self.look.likeness(clips) if clips else None,
        )
        self.learned.checkpoints = [c for c in self.learned.checkpoints if c.step != step] + [found]
        (target / "about.json").write_text(json.dumps(dataclasses.asdict(found)), "utf-8")
        trainer.save(self.folder)
        self._note(trainer)
        self._tell_step(trainer, clips[0] if clips else None)

    def _samples(self, trainer: Trainer, target: Path) -> tuple[tuple[str, ...], list[NDArray[np.uint8]]]:
        """Clips with a fixed seed, as the model makes them now."""
        names: list[str] = []
        clips: list[NDArray[np.uint8]] = []
        for number, prompt in enumerate(self.lesson.samples):
            request = self._request(self.words.text(prompt), number)
            clips.append(self.model.generate(request, {}, lambda progress: self._tell_step(trainer)).pixels)
            names.append(f"sample-{number}.webp")
            write_animation(target / names[-1], clips[-1], request.fps)
        return tuple(names), clips

    def _request(self, prompt: str, number: int) -> GenerationRequest:
        settings, able = self.lesson.settings, self.card.capabilities
        return GenerationRequest(
            model=self.card.id,
            prompt=prompt,
            seed=settings.seed + number,
            width=settings.width,
            height=settings.height,
            num_frames=settings.num_frames,
            fps=able.grid.fps.default,
            steps=settings.sample_steps,
            guidance=able.guidance.default,
        )

    def _note(self, trainer: Trainer) -> None:
        """Write down what a page shows, so that a reader sees the old or the new text whole."""
        learned, state = self.learned, trainer.state
        learned.losses, learned.seconds = state.losses, state.seconds
        learned.chosen = best(learned.checkpoints)
        learned.warnings = list(warnings_of(learned.checkpoints, state.losses))
        part = self.folder / "progress.json.part"
        part.write_text(json.dumps({"step": state.step, "steps": self.lesson.settings.steps, **learned.to_dict()}))
        part.replace(self.folder / "progress.json")

    def _fraction(self, trainer: Trainer) -> float:
        return 0.1 + 0.88 * trainer.state.step / self.lesson.settings.steps

    def _left(self, trainer: Trainer) -> float | None:
        state = trainer.state
        if state.step < 3:
            return None
        return state.seconds / state.step * (self.lesson.settings.steps - state.step)

    def _tell_step(self, trainer: Trainer, shown: NDArray[np.uint8] | None = None) -> None:
        steps = self.lesson.settings.steps
        self.tell("training", trainer.state.step, steps, self._fraction(trainer), self._left(trainer), shown)


def write_animation(path: Path, pixels: NDArray[np.uint8], fps: float) -> None:
    """Frames uint8 (T, H, W, 3) as an animated WebP."""
    images = [Image.fromarray(frame) for frame in pixels]
    images[0].save(path, save_all=True, append_images=images[1:], duration=round(1000 / fps), loop=0, quality=85)
