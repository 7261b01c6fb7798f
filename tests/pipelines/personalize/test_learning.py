"""Training at toy size: what it learns, that it goes on where it ended, and that its files work in plain diffusers."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import WanVACEPipeline
from safetensors.torch import load_file

from pipelines.domain.errors import InvalidRequest, Stopped
from pipelines.domain.request import GenerationRequest
from pipelines.domain.subject import SubjectUse
from pipelines.families import family_named
from pipelines.families.family import ModelCard, Setup
from pipelines.models.device import cpu_facts
from pipelines.personalize.files import EMBEDDINGS, LORA, digest_of
from pipelines.personalize.learning import Learned, learn
from pipelines.personalize.wearing import wearing
from pipelines.personalize.words import Words, places
from tests.pipelines.personalize.conftest import SMALL, ignore, lesson


def full(card: ModelCard) -> Any:
    """The model in 32 bits, as the worker has it."""
    loader = family_named(card.family).loader()
    setup = Setup(device="cpu", half=False)
    return loader.assemble(card, {name: loader.component(card, name, setup) for name in loader.shares(card)}, setup)


def facts() -> Any:
    return dataclasses.replace(cpu_facts(), half=False)


def request(prompt: str, *uses: SubjectUse) -> GenerationRequest:
    return GenerationRequest(
        model="tiny",
        prompt=prompt,
        seed=4,
        width=64,
        height=64,
        num_frames=5,
        fps=8,
        steps=2,
        guidance=3,
        subjects=uses,
    )


def keep(learned: Learned, folder: Path, subjects: Path) -> SubjectUse:
    """Put the chosen checkpoint where the studio keeps it."""
    source = folder / "steps" / f"{learned.checkpoints[-1].step:06d}"
    digest = digest_of(source)
    shutil.copytree(source, subjects / digest, dirs_exist_ok=True)
    return SubjectUse(token="<my-ball>", version=1, digest=digest)


def test_a_lesson_that_is_interrupted_goes_on_with_the_same_losses(base: ModelCard, folder: Path) -> None:
    whole = learn(lesson(base), base, facts(), folder, ignore)
    assert len(whole.losses) == 6
    assert [c.step for c in whole.checkpoints] == [0, 3, 6]
    again = folder.parent / "again"
    again.mkdir()

    def leave(stage: str, step: int, *told: object) -> None:
        if step == 5:
            raise Stopped("enough")

    with pytest.raises(Stopped):
        learn(lesson(base), base, facts(), again, leave)
    (again / "state.pt.part").write_bytes(b"half of it")
    resumed = learn(lesson(base), base, facts(), again, ignore)
    np.testing.assert_allclose(resumed.losses, whole.losses, rtol=1e-5)
    assert [c.step for c in resumed.checkpoints] == [0, 3, 6]
    assert resumed.checkpoints[-1].held_out == pytest.approx(whole.checkpoints[-1].held_out, rel=1e-5)


def test_the_files_give_the_same_frames_in_plain_diffusers(base: ModelCard, folder: Path) -> None:
    settings = dataclasses.replace(SMALL, lora_rate=0.05, token_rate=0.3, prior_weight=0.0)
    learned = learn(lesson(base, settings), base, facts(), folder, ignore)
    use = keep(learned, folder, folder.parent / "subjects")
    model, asked = full(base), request("a <my-ball> ball on sand", use)
    plain = model.generate(request("a ball ball on sand"), {}, ignore).pixels
    with wearing(model.pipe, base, asked, folder.parent / "subjects") as told:
        ours = model.generate(told, {}, ignore).pixels
    assert not np.array_equal(ours, plain)
    after = model.generate(request("a ball ball on sand"), {}, ignore).pixels
    assert np.array_equal(after, plain), "the model is not as it was"
    assert np.array_equal(ours, _stock_frames(base, folder.parent / "subjects" / use.digest, told.prompt))


def _stock_frames(base: ModelCard, files: Path, prompt: str) -> Any:
    """What diffusers alone makes of the files: added tokens, resized table, `load_lora_weights`."""
    pipe = WanVACEPipeline.from_pretrained(base.folder, dtype=torch.float32)
    pipe.scheduler = type(pipe.scheduler).from_config(pipe.scheduler.config, shift=base.settings["shift"])
    pipe.set_progress_bar_config(disable=True)
    rows = load_file(files / EMBEDDINGS)["rows"]
    pipe.tokenizer.add_tokens(list(places("<my-ball>", len(rows))))
    pipe.text_encoder.resize_token_embeddings(len(pipe.tokenizer), mean_resizing=False)
    with torch.no_grad():
        ids = pipe.tokenizer.convert_tokens_to_ids(list(places("<my-ball>", len(rows))))
        pipe.text_encoder.get_input_embeddings().weight[ids] = rows
    pipe.load_lora_weights(files, weight_name=LORA)
    frames = pipe(
        prompt=prompt, negative_prompt="", height=64, width=64, num_frames=5, num_inference_steps=2, guidance_scale=3.0,
        generator=torch.Generator().manual_seed(4), output_type="np", max_sequence_length=16,
    ).frames[0]  # fmt: skip
    return (frames * 255).round().astype(np.uint8)


@pytest.mark.parametrize("method", ["token", "lora"])
def test_each_method_changes_what_it_says(base: ModelCard, folder: Path, method: Any) -> None:
    settings = dataclasses.replace(SMALL, method=method, steps=3)
    learned = learn(lesson(base, settings), base, facts(), folder, ignore)
    last = folder / "steps" / "000003"
    first = folder / "steps" / "000000"
    moved = not torch.equal(load_file(first / EMBEDDINGS)["rows"], load_file(last / EMBEDDINGS)["rows"])
    assert moved == (method == "token")
    assert (last / LORA).exists() == (method == "lora")
    assert learned.checkpoints[-1].samples == ("sample-0.webp",)
    assert (last / "sample-0.webp").stat().st_size > 100


def test_a_subject_of_another_base_is_refused(base: ModelCard, folder: Path, tmp_path: Path) -> None:
    learned = learn(lesson(base, dataclasses.replace(SMALL, steps=1)), base, facts(), folder, ignore)
    use = keep(learned, folder, tmp_path / "subjects")
    other = dataclasses.replace(base, settings={**base.settings, "base": tmp_path})
    model = full(base)
    for card, subjects in ((other, tmp_path / "subjects"), (base, tmp_path / "elsewhere")):
        with (
            pytest.raises(InvalidRequest, match="<my-ball>"),
            wearing(model.pipe, card, request("a <my-ball> ball", use), subjects),
        ):
            pass


def test_two_subjects_can_stand_in_one_prompt(base: ModelCard) -> None:
    model = full(base)
    rows = {"<a>": torch.ones(2, 32), "<b-2>": -torch.ones(1, 32)}
    words = Words(model.pipe.tokenizer, model.pipe.text_encoder, rows)
    text = words.text("a <a> ball on <b-2> sand")
    assert text.split() == ["a", "<a|0>", "<a|1>", "ball", "on", "<b-2|0>", "sand"]
    told = words.tokenizer(text, return_tensors="pt")
    assert told.input_ids.shape[1] == 8
    words.put_on()
    with_rows = model.pipe.text_encoder(told.input_ids, told.attention_mask).last_hidden_state
    rows["<a>"].zero_()
    words.take_off()
    assert torch.isfinite(with_rows).all()
    assert not model.pipe.text_encoder.encoder.embed_tokens._forward_hooks
