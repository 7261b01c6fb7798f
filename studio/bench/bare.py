"""The stock pipeline alone, in a process of its own: `python -m studio.bench.bare FOLDER`.

Each line of its input is a request; each line it prints is what the bare call took and the digest of its frames.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.domain.frames import Frames
from pipelines.domain.request import GenerationRequest
from pipelines.families import wan
from pipelines.families.family import ModelCard
from pipelines.models.device import DeviceFacts, measure, settle


def main(folder: Path) -> None:
    device = measure()
    settle(device)
    card = wan.card(folder, "bare")
    pipe = load(card, device)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        request = GenerationRequest.from_json(line)
        began, busy = time.monotonic(), time.process_time()
        frames = call(pipe, request, card.settings["max_sequence_length"])
        seconds, busy = time.monotonic() - began, time.process_time() - busy
        taken = {"seconds": seconds, "processor_seconds": busy, "frames_sha256": frames.digest()}
        print(json.dumps(taken), flush=True)


def load(card: ModelCard, device: DeviceFacts) -> Any:
    """The checkpoint as diffusers loads it, in the number formats that Gimbal uses on this device."""
    import torch
    from diffusers import WanVACEPipeline
    from diffusers.utils import logging

    logging.disable_progress_bar()
    load: Any = WanVACEPipeline.from_pretrained
    pipe = load(card.folder, torch_dtype=torch.bfloat16 if device.half else torch.float32, local_files_only=True)
    if device.kind != "cpu":
        pipe.vae.to(torch.float32)
    config = pipe.scheduler.config
    shift = "shift" if "shift" in config else "flow_shift"
    pipe.scheduler = type(pipe.scheduler).from_config(config, **{shift: card.settings["shift"]})
    pipe.set_progress_bar_config(disable=True)
    return pipe.to(device.torch_name)


def call(pipe: Any, request: GenerationRequest, max_sequence_length: int) -> Frames:
    """One call of the pipeline, nothing around it."""
    import torch

    result = pipe(
        prompt=request.prompt,
        negative_prompt=request.negative_prompt,
        height=request.height,
        width=request.width,
        num_frames=request.num_frames,
        num_inference_steps=request.steps,
        guidance_scale=request.guidance,
        generator=torch.Generator("cpu").manual_seed(request.seed),
        output_type="np",
        max_sequence_length=max_sequence_length,
    )
    return Frames((result.frames[0] * 255).round().astype(np.uint8), request.fps)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
