"""What diffusers alone makes of a subject's files: added tokens, a longer table of words, `load_lora_weights`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from pipelines.families.family import Adapter
from pipelines.personalize.files import EMBEDDINGS, LORA
from pipelines.personalize.words import places


def put_on(pipe: Any, subjects: Mapping[str, Path], loras: Sequence[Adapter] = ()) -> None:
    """Give a stock pipeline the files of subjects by token, and other LoRA beside them."""
    for token, folder in subjects.items():
        rows = load_file(folder / EMBEDDINGS)["rows"]
        pipe.tokenizer.add_tokens(list(places(token, len(rows))))
        pipe.text_encoder.resize_token_embeddings(len(pipe.tokenizer), mean_resizing=False)
        with torch.no_grad():
            ids = pipe.tokenizer.convert_tokens_to_ids(list(places(token, len(rows))))
            pipe.text_encoder.get_input_embeddings().weight[ids] = rows
    layers = [*loras, *(Adapter(path=folder / LORA) for folder in subjects.values() if (folder / LORA).is_file())]
    names = [f"lora{number}" for number in range(len(layers))]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Already found a `peft_config`")
        for name, layer in zip(names, layers, strict=True):
            pipe.load_lora_weights(layer.path.parent, weight_name=layer.path.name, adapter_name=name)
    if layers:
        pipe.set_adapters(names, [layer.strength for layer in layers])


def frames(pipe: Any, prompt: str, **arguments: Any) -> NDArray[np.uint8]:
    """uint8 (T, H, W, 3) of a call with seed 4."""
    pipe.set_progress_bar_config(disable=True)
    generator = torch.Generator().manual_seed(4)
    made = pipe(prompt=prompt, negative_prompt="", generator=generator, output_type="np", **arguments).frames[0]
    return np.asarray((made * 255).round(), np.uint8)
