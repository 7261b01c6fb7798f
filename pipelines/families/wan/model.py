"""A Wan VACE model in memory: stock `WanVACEPipeline`, one request at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pipelines.domain.conditioning import SourceClip
from pipelines.domain.frames import Frames
from pipelines.domain.request import GenerationRequest
from pipelines.families.adapting import Adapting
from pipelines.families.family import Adapter, ModelCard, OnProgress, Progress
from pipelines.families.wan.arithmetic import workload
from pipelines.families.wan.conditioning import VaceInput, compose, restyled
from pipelines.families.wan.influence import span_of, within
from pipelines.families.wan.preview import LinearPreview, cell_for, latent_moments
from pipelines.families.wan.restyle import encoded, first_sigma, steps_taken, under_noise, without_first


class WanModel:
    """See `pipelines.families.family.LoadedModel`. The noise is drawn on the CPU, so the device does not decide it."""

    def __init__(self, pipe: Any, card: ModelCard, device: torch.device) -> None:
        self._pipe = pipe
        self._card = card
        self._device = device
        self._checkpoint = card.settings["checkpoint"]
        self._previews: dict[int, LinearPreview] = {}
        self._adapting = Adapting(pipe, card.title)

    def adapt(self, adapters: Sequence[Adapter]) -> None:
        """Change the model by these LoRA until the next call; see `Adapting.adapt`."""
        self._adapting.adapt(adapters)

    @property
    def pipe(self) -> Any:
        """The stock pipeline."""
        return self._pipe

    def generate(self, request: GenerationRequest, media: Mapping[str, Frames], on_progress: OnProgress) -> Frames:
        """The frames of a request; see `LoadedModel.generate`."""
        given = compose(request, media, self._checkpoint.vae.temporal)
        on_progress(Progress(stage="encoding", steps=request.steps))
        preview = self._preview_for(request)
        on_progress(Progress(stage="encoding", steps=request.steps, fraction=0.5))
        taken = _steps_taken(request)
        run = _Run(self._pipe, request, on_progress, preview, len(given.references), taken)
        with (
            torch.inference_mode(),
            without_first(self._pipe.scheduler, request.steps - taken),
            within(self._pipe, span_of(request), lambda: run.share),
        ):
            noise = self._start(request, media)
            latents = self._denoise(request, given, noise, run)
            pixels = self._decode(latents[:, :, len(given.references) :])
        preview.learn(latents[:, :, len(given.references) :], pixels)
        on_progress(Progress(stage="decoding", step=request.steps, steps=request.steps, fraction=1.0))
        return Frames(pixels, request.fps)

    def _preview_for(self, request: GenerationRequest) -> LinearPreview:
        work = workload(self._checkpoint, request, 0)
        spatial = self._checkpoint.vae.spatial
        cell = cell_for(work.height, work.width, spatial)
        if cell not in self._previews:
            preview = LinearPreview(self._pipe.vae, spatial, cell)
            preview.fit()
            self._previews[cell] = preview
        return self._previews[cell]

    def _noise(self, request: GenerationRequest) -> Tensor:
        """float32 (1, z, t, h, w) of the request's seed; frames of references come first, as in the pipeline."""
        work = workload(self._checkpoint, request, 0)
        shape = (1, self._checkpoint.vae.z_dim, work.frames + work.references, work.height, work.width)
        return torch.randn(shape, generator=torch.Generator("cpu").manual_seed(request.seed), dtype=torch.float32)

    def _start(self, request: GenerationRequest, media: Mapping[str, Frames]) -> Tensor:
        """What the first step begins with: noise, or a clip to restyle under some of it."""
        noise, clip = self._noise(request), _video_tensor(restyled(request, media))
        if clip is None:
            return noise
        return under_noise(encoded(self._pipe, clip), noise, first_sigma(self._pipe.scheduler, request.steps))

    def _denoise(self, request: GenerationRequest, given: VaceInput, noise: Tensor, run: _Run) -> Tensor:
        run.start(noise)
        result = self._pipe(
            prompt=request.prompt,
            negative_prompt=request.negative_prompt,
            video=_video_tensor(given.video),
            mask=_mask_tensor(given.mask),
            reference_images=[Image.fromarray(picture) for picture in given.references] or None,
            conditioning_scale=given.strength,
            height=request.height,
            width=request.width,
            num_frames=request.num_frames,
            num_inference_steps=request.steps,
            guidance_scale=request.guidance,
            generator=torch.Generator("cpu").manual_seed(request.seed),
            latents=noise,
            output_type="latent",
            callback_on_step_end=run.after_step,
            max_sequence_length=self._card.settings["max_sequence_length"],
        )
        latents: Tensor = result.frames
        return latents

    def _decode(self, latents: Tensor) -> Any:
        """uint8 (T, H, W, 3) of normalised latents, to the bit as the pipeline itself decodes them."""
        vae = self._pipe.vae
        mean, deviation = (moment.to(latents.device, vae.dtype) for moment in latent_moments(vae))
        # The pipeline divides by the rounded inverse of the deviation, in the codec's own number format.
        video = vae.decode(latents.to(vae.dtype) / (1.0 / deviation) + mean, return_dict=False)[0]
        self._pipe.maybe_free_model_hooks()
        frames = self._pipe.video_processor.postprocess_video(video, output_type="np")[0]
        return (frames * 255).round().astype(np.uint8)


class _Run:
    """One denoising run: reports each step, with what the finished clip will look like as far as it is known."""

    def __init__(
        self,
        pipe: Any,
        request: GenerationRequest,
        on_progress: OnProgress,
        preview: LinearPreview,
        skip: int,
        taken: int,
    ) -> None:
        self._pipe, self._steps, self._skip = pipe, taken, skip
        self._on_progress, self._preview = on_progress, preview
        self._last: Tensor | None = None
        self.share = 0.0

    def start(self, noise: Tensor) -> None:
        self._last = noise

    def after_step(self, pipe: Any, step: int, timestep: Any, kept: dict[str, Tensor]) -> dict[str, Tensor]:
        """The pipeline's callback; what `on_progress` raises leaves the pipeline at once, and it stays usable."""
        done = step + 1
        self.share = done / self._steps
        latents = kept["latents"]
        shown = self._preview.show(self._foreseen(latents, done)[:, :, self._skip :])
        self._last = latents
        self._on_progress(
            Progress(stage="denoising", step=done, steps=self._steps, fraction=done / self._steps, preview=shown)
        )
        if done == self._steps:
            self._on_progress(Progress(stage="decoding", step=done, steps=self._steps, preview=shown))
        return {}

    def _foreseen(self, latents: Tensor, done: int) -> Tensor:
        """The clean latents that the last step points to: on a rectified flow the path is x = clean + sigma * v."""
        before, after = (float(sigma) for sigma in self._pipe.scheduler.sigmas[done - 1 : done + 1])
        now = latents.float().cpu()
        if self._last is None or before == after:
            return now
        return now - after * (now - self._last.float().cpu()) / (after - before)


def _steps_taken(request: GenerationRequest) -> int:
    strengths = [part.strength for part in request.conditioning if isinstance(part, SourceClip)]
    return steps_taken(request.steps, min(strengths, default=1.0))


def _video_tensor(video: Any) -> Tensor | None:
    """float (1, T, 3, H, W) in 0..1, the pipeline's own form, so that grey stays exactly grey."""
    return None if video is None else torch.from_numpy(video).permute(0, 3, 1, 2)[None].contiguous()


def _mask_tensor(mask: Any) -> Tensor | None:
    return None if mask is None else torch.from_numpy(mask)[:, None].expand(-1, 3, -1, -1)[None].contiguous()
