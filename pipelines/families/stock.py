"""The half of a family that needs torch, for every stock pipeline of diffusers: load, place, run, stop, adapt.

A family says in a Recipe how its pipeline is called; everything else is the same for all of them. The pipeline encodes
and decodes by itself, so its frames are the stock ones. Noise is drawn on the CPU: the device does not decide it.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import diffusers
import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor

from pipelines.domain.errors import BrokenCheckpoint
from pipelines.domain.frames import Frames
from pipelines.domain.request import GenerationRequest
from pipelines.domain.sound import Sound
from pipelines.families.adapting import Adapting
from pipelines.families.checkpoint import Checkpoint, is_weighted
from pipelines.families.family import Adapter, LoadedModel, ModelCard, OnProgress, Progress, Setup
from pipelines.families.glimpse import Glimpse
from pipelines.families.pictures import Given
from pipelines.families.single_load import load_one
from pipelines.models.memory import is_out_of_memory
from pipelines.models.placing import load_weights, place, release
from pipelines.models.weights import AGAIN

_BROKEN = (OSError, ValueError, RuntimeError, LookupError, TypeError, AttributeError, SafetensorError)
_RENAMED = {"CLIPFeatureExtractor": "CLIPImageProcessor"}  # as older checkpoints name it
Layout = Literal["channels first", "frames first", "tokens"]


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request on its way into a pipeline. extras: components of the checkpoint that the pipeline does not hold."""

    pipe: Any
    card: ModelCard
    request: GenerationRequest
    given: Given
    generator: torch.Generator
    extras: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How one pipeline class is called.

    arguments: what the call is given besides the words, sizes and numbers that every pipeline takes by the same names.
    pipeline: the class of diffusers that serves a request with the same components, where it is not the one of the
    index. layout: how its latents lie: (B, C, t, h, w), (B, t, C, h, w), or (B, tokens, C). passes: steps in all.
    ready: settles the assembled pipeline. run: calls it, where one call is not enough. full: components that are kept
    in 32 bits on accelerators. adapters: LoRA of the checkpoint itself that a request asks for, such as a camera move.
    sound: what the pipeline's output has to be heard.
    """

    arguments: Callable[[Call], Mapping[str, Any]] = lambda call: {}
    pipeline: Callable[[ModelCard, GenerationRequest], str] = lambda card, request: card.settings["pipeline"]
    layout: Layout = "channels first"
    passes: Callable[[ModelCard, GenerationRequest], int] = lambda card, request: request.steps
    ready: Callable[[Any, ModelCard], None] = lambda pipe, card: None
    run: Callable[[Call, dict[str, Any]], Any] = lambda call, arguments: call.pipe(**arguments)
    full: tuple[str, ...] = ()
    adapters: Callable[[ModelCard, GenerationRequest], tuple[Adapter, ...]] = lambda card, request: ()
    sound: Callable[[Call, Any], Sound | None] = lambda call, result: None


class StockLoader:
    """Loads components one by one and assembles them; see `pipelines.families.family.Loader`."""

    def __init__(self, recipes: Mapping[str, Recipe]) -> None:
        self._recipes = recipes
        quiet: tuple[Any, ...] = (transformers.utils.logging, diffusers.utils.logging)
        for logging in quiet:  # progress is told through OnProgress, not on a worker's terminal
            logging.disable_progress_bar()

    def shares(self, card: ModelCard) -> Mapping[str, Path]:
        places = _checkpoint(card).places
        return {name: place.path.resolve() for name, place in places.items() if name != "scheduler"}

    def component(self, card: ModelCard, name: str, setup: Setup) -> Any:
        checkpoint = _checkpoint(card)
        place, (library, class_name) = checkpoint.places[name], checkpoint.classes[name]
        try:
            cls = _class(library, class_name)
            if not is_weighted(name):
                return cls.from_pretrained(place.path, local_files_only=True)
            dtype = self._dtype(card, name, setup)
            if place.is_file:
                return load_one(cls, place, card.folder / name, dtype)
            return load_weights(cls, library, place.path, dtype, setup, checkpoint.variants[name])
        except _BROKEN as error:
            if is_out_of_memory(error):
                raise
            raise BrokenCheckpoint(
                f"The {name} of {place.path} cannot be loaded ({str(error)[:300]}).", AGAIN
            ) from error

    def assemble(self, card: ModelCard, components: Mapping[str, Any], setup: Setup) -> LoadedModel:
        checkpoint = _checkpoint(card)
        cls: Any = getattr(diffusers, card.settings["pipeline"])
        accepted = inspect.signature(cls.__init__).parameters
        given = {**dict.fromkeys(set(checkpoint.kind.optional) & set(accepted)), **components}
        options = {name: value for name, value in checkpoint.options.items() if name in accepted}
        pipe = cls(scheduler=_scheduler(card), **options, **{k: v for k, v in given.items() if k in accepted})
        recipe = self._recipes[card.settings["pipeline"]]
        recipe.ready(pipe, card)
        place(pipe, setup)
        extras = {name: value for name, value in components.items() if name not in accepted}
        for extra in extras.values():
            if isinstance(extra, torch.nn.Module):
                extra.to(setup.device)
        return StockModel(pipe, card, recipe, extras)

    def release(self, component: Any) -> None:
        release(component)

    def _dtype(self, card: ModelCard, name: str, setup: Setup) -> torch.dtype:
        full = self._recipes[card.settings["pipeline"]].full
        if not setup.half or (name in full and setup.device != "cpu"):
            return torch.float32
        return torch.bfloat16


class StockModel:
    """Stock pipelines of the same components in memory; see `pipelines.families.family.LoadedModel`.

    pipe: the one that the checkpoint's index names; its components are those of all.
    """

    def __init__(self, pipe: Any, card: ModelCard, recipe: Recipe, extras: Mapping[str, Any]) -> None:
        self.pipe = pipe
        self._card, self._recipe, self._extras = card, recipe, extras
        self._siblings: dict[str, Any] = {card.settings["pipeline"]: pipe}
        self._glimpse = Glimpse()
        self._adapting = Adapting(pipe, card.title)
        self._asked: tuple[Adapter, ...] = ()

    def generate(self, request: GenerationRequest, media: Mapping[str, Frames], on_progress: OnProgress) -> Frames:
        """The frames of a request; see `LoadedModel.generate`."""
        given = Given(request, media)
        on_progress(Progress(stage="encoding", steps=self._recipe.passes(self._card, request)))
        self._adapting.adapt((*self._asked, *self._recipe.adapters(self._card, request)))
        generator = torch.Generator("cpu").manual_seed(request.seed)
        pipe = self._pipe_for(request)
        call = Call(pipe=pipe, card=self._card, request=request, given=given, generator=generator, extras=self._extras)
        run = _Run(call, self._recipe, on_progress, self._glimpse)
        accepted = frozenset(inspect.signature(pipe.__call__).parameters)
        with torch.inference_mode(), run.watching(accepted) as watched:
            arguments = {**_common(call, accepted), **self._recipe.arguments(call), **watched}
            result = self._recipe.run(call, arguments)
            pixels, sound = _pixels(result)[: request.num_frames], self._recipe.sound(call, result)
        run.finish(pixels)
        return Frames(pixels, request.fps, sound)

    def adapt(self, adapters: Sequence[Adapter]) -> None:
        """Change the model by these LoRA until the next call; see `Adapting.adapt`."""
        self._asked = ()
        self._adapting.adapt(adapters)
        self._asked = tuple(adapters)

    def _pipe_for(self, request: GenerationRequest) -> Any:
        """The pipeline that serves a request, made of the same components when it is first needed."""
        name = self._recipe.pipeline(self._card, request)
        if name not in self._siblings:
            cls: Any = getattr(diffusers, name)
            accepted = inspect.signature(cls.__init__).parameters
            values = {**dict(self.pipe.config), **self.pipe.components, **self._extras}
            sibling = cls(**{key: value for key, value in values.items() if key in accepted})
            self._recipe.ready(sibling, self._card)
            self._siblings[name] = sibling
        pipe = self._siblings[name]
        pipe.set_progress_bar_config(disable=True)
        if "tokenizer" in pipe.components:  # one with words of a person's own may stand there for a clip
            pipe.tokenizer = self.pipe.tokenizer
        return pipe


def _common(call: Call, accepted: frozenset[str]) -> dict[str, Any]:
    """What pipelines take by the same names, as far as this one does."""
    request, settings = call.request, call.card.settings
    values: dict[str, Any] = {
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "height": request.height,
        "width": request.width,
        "num_frames": request.num_frames,
        "num_inference_steps": request.steps,
        "guidance_scale": request.guidance,
        "frame_rate": request.fps,
        "generator": call.generator,
        "output_type": "np",
    }
    if settings["max_sequence_length"]:
        values["max_sequence_length"] = settings["max_sequence_length"]
    return {name: value for name, value in values.items() if name in accepted}


class _Run:
    """One denoising run: reports each step, with a picture of what is known of the clip."""

    def __init__(self, call: Call, recipe: Recipe, on_progress: OnProgress, glimpse: Glimpse) -> None:
        self._call, self._recipe, self._on_progress, self._glimpse = call, recipe, on_progress, glimpse
        self._steps = recipe.passes(call.card, call.request)
        self._done = 0
        self._latents: Tensor | None = None

    @contextmanager
    def watching(self, accepted: frozenset[str]) -> Iterator[dict[str, Any]]:
        """Hear of each step: by the pipeline's own callback, or where it has none by its scheduler's steps.

        What `on_progress` raises leaves the pipeline at once, and it stays usable.
        """
        if "callback_on_step_end" in accepted:
            yield {"callback_on_step_end": self._after_step}
            return
        scheduler = self._call.pipe.scheduler
        step = scheduler.step

        @functools.wraps(step)
        def stepping(*args: Any, **kwargs: Any) -> Any:
            result = step(*args, **kwargs)
            self._after_step(self._call.pipe, 0, 0, {"latents": result[0]})
            return result

        scheduler.step = stepping
        try:
            yield {}
        finally:
            del scheduler.step

    def finish(self, pixels: NDArray[np.uint8]) -> None:
        """Learn from the finished clip and report the end."""
        cells = self._cells(self._latents)
        if cells is not None:
            self._glimpse.learn(cells, pixels)
        self._on_progress(Progress(stage="decoding", step=self._steps, steps=self._steps, fraction=1.0))

    def _after_step(self, pipe: Any, step: int, timestep: Any, kept: dict[str, Tensor]) -> dict[str, Tensor]:
        self._done = min(self._done + 1, self._steps)
        self._latents = kept["latents"]
        cells = self._cells(self._latents)
        shown = None if cells is None else self._glimpse.show(cells)
        fraction = self._done / self._steps
        told = Progress(stage="denoising", step=self._done, steps=self._steps, fraction=fraction, preview=shown)
        self._on_progress(told)
        if self._done == self._steps:
            self._on_progress(Progress(stage="decoding", step=self._done, steps=self._steps, preview=shown))
        return {}

    def _cells(self, latents: Tensor | None) -> Tensor | None:
        """(C, t, h, w) of the first clip, or None where the latents lie otherwise."""
        if latents is None:
            return None
        if self._recipe.layout == "tokens":
            return self._unpacked(latents)
        if latents.ndim == 4:  # frames in place of the batch
            return latents.transpose(0, 1)
        if latents.ndim != 5:
            return None
        return latents[0] if self._recipe.layout == "channels first" else latents[0].transpose(0, 1)

    def _unpacked(self, latents: Tensor) -> Tensor | None:
        """Tokens of one cell each, of the whole size or of half; those of conditions come first and are left out."""
        shape, request = self._call.card.settings["shape"], self._call.request
        frames = 1 + (request.num_frames - 1) // shape.temporal
        for part in (1, 2):
            size = (frames, request.height // part // shape.spatial, request.width // part // shape.spatial)
            if latents.ndim == 3 and latents.shape[1] >= math.prod(size) > 0:
                return latents[0, -math.prod(size) :].T.reshape(-1, *size)
        return None


def _pixels(result: Any) -> NDArray[np.uint8]:
    """uint8 (T, H, W, 3) of a pipeline's output: float in 0..1, one clip or a batch of one."""
    frames = np.asarray(getattr(result, "frames", result))
    frames = frames[0] if frames.ndim == 5 else frames
    return np.asarray((np.nan_to_num(frames).clip(0, 1) * 255).round(), np.uint8)


def _checkpoint(card: ModelCard) -> Checkpoint:
    if not card.is_here:
        raise BrokenCheckpoint(f"{card.title} is not here yet.", f"Fetch it: models pull {card.id}")
    found: Checkpoint = card.settings["checkpoint"]
    return found


def _class(library: str, name: str) -> Any:
    if library == "transformers":
        return getattr(transformers, _RENAMED.get(name, name))
    home = diffusers if library == "diffusers" else getattr(diffusers.pipelines, library)
    return getattr(home, name)


def _scheduler(card: ModelCard) -> Any:
    """The checkpoint's scheduler, with the card's own shift where it has one."""
    _, name = _checkpoint(card).classes["scheduler"]
    cls: Any = getattr(diffusers, name)
    shift = "flow_shift" if name.startswith("UniPC") else "shift"
    own = {shift: card.settings["shift"]} if card.settings["shift"] else {}
    home = _checkpoint(card).places["scheduler"].path
    return cls.from_config(cls.load_config(home, local_files_only=True), **own)
