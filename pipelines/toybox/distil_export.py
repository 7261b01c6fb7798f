"""Write a trained student as a card folder: its LoRA, and a gimbal.json that names the base beside it.

    python -m pipelines.toybox.distil_export --recipe cpu --run RUN --base assets/models/toybox \
        --target assets/models/toybox-fast [--sheet sheet.png]

The sheet shows each of the base's own example prompts twice: by the guided base, and by the student.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from diffusers import WanVACEPipeline
from peft import get_peft_model_state_dict

from pipelines.toybox.distil import DistilRun, begin
from pipelines.toybox.distil_recipes import RECIPES, STEPS, DistilRecipe, build_scheduler
from pipelines.toybox.distil_teacher import Base
from pipelines.toybox.export import replacing, write_about
from pipelines.toybox.recipes import RECIPES as BASE_RECIPES
from pipelines.toybox.report import contact_sheet
from pipelines.toybox.samples import load, sample, settings_of

ADAPTER = "four-steps.safetensors"


def about(recipe: DistilRecipe, base: str) -> Mapping[str, Any]:
    """The content of gimbal.json; all that it does not say is the base's."""
    return {
        "version": 1,
        "title": "Toybox, 4 steps",
        "summary": "Toybox in four steps: several times faster, a little softer, without guidance.",
        "base": base,
        "adapter": ADAPTER,
        "steps": {"low": STEPS, "high": STEPS, "default": STEPS},
        "guidance": {"low": 1.0, "high": 1.0, "default": 1.0},
        "negative_prompt": False,
        "shift": recipe.shift,
        "shift_terminal": recipe.shift_terminal,
    }


def averaged_layers(run: DistilRun) -> Mapping[str, torch.Tensor]:
    """The averaged low-rank update of a run's newest state in bfloat16, by the names of the stock loader."""
    state = begin(run, Base(run.base, run.base_recipe, run.device))
    if state.step == 0:
        raise FileNotFoundError(f"{run.folder} holds no student of the weights in {run.base}: train one first.")
    state.average.swap()
    layers = get_peft_model_state_dict(state.model)
    return {name: value.detach().to("cpu", torch.bfloat16).contiguous() for name, value in layers.items()}


def write_folder(run: DistilRun, target: Path) -> None:
    """Replace the card folder at `target`; its model card is kept. The base must lie beside it."""
    if not (target.parent / run.base.name / "model_index.json").is_file():
        raise FileNotFoundError(f"{target.parent} holds no {run.base.name}: the student lies beside its base.")
    with replacing(target) as fresh:
        WanVACEPipeline.save_lora_weights(fresh, transformer_lora_layers=averaged_layers(run), weight_name=ADAPTER)
        write_about(fresh, about(run.recipe, run.base.name))


def load_student(folder: Path, base: Path, recipe: DistilRecipe) -> WanVACEPipeline:
    """The stock pipeline of the base with the student's LoRA fused in and its scheduler."""
    pipe = load(base)
    pipe.load_lora_weights(folder, weight_name=ADAPTER)
    pipe.fuse_lora()
    pipe.scheduler = build_scheduler(recipe)
    return pipe


def write_sheet(run: DistilRun, target: Path, sheet: Path, prompts: Sequence[str] = (), seed: int = 3) -> None:
    """A contact sheet of the base and the student beside each other, on the base's examples or on these prompts."""
    told = settings_of(run.base)
    asked = list(prompts) or json.loads((run.base / "gimbal.json").read_text(encoding="utf-8"))["examples"]
    base, student = load(run.base), load_student(target, run.base, run.recipe)
    clips, captions = [], []
    for prompt in asked:
        clips += [
            sample(base, prompt, seed, told),
            sample(student, prompt, seed, replace(told, steps=STEPS, guidance=1.0)),
        ]
        captions += [f"{told.steps} steps: {prompt}", f"{STEPS} steps"]
    contact_sheet(clips, captions, sheet)


def main(arguments: Sequence[str] | None = None) -> None:
    """Export the averaged weights of a run's newest state."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", choices=sorted(RECIPES), default="cpu")
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--target", type=Path, required=True)
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--prompt", action="append", default=[])
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    run = DistilRun(BASE_RECIPES[options.recipe], RECIPES[options.recipe], options.run, options.base)
    write_folder(run, options.target)
    if options.sheet:
        write_sheet(run, options.target, options.sheet, options.prompt)


if __name__ == "__main__":
    main()
