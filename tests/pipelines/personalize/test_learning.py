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
from safetensors.torch import load_file, save_file

from pipelines.domain.errors import InvalidRequest, Stopped
from pipelines.domain.request import GenerationRequest
from pipelines.domain.subject import SubjectUse
from pipelines.families import family_named
from pipelines.families.family import Adapter, ModelCard, Setup
from pipelines.models.device import cpu_facts
from pipelines.models.lora_layouts import Layout
from pipelines.personalize.files import EMBEDDINGS, LORA, Card, digest_of, metadata_of
from pipelines.personalize.fingerprint import fingerprint
from pipelines.personalize.learning import Learned, learn
from pipelines.personalize.wearing import wearing
from pipelines.personalize.words import Words
from studio.jobs.making import failure
from tests.pipelines.personalize import stock
from tests.pipelines.personalize.conftest import SMALL, ignore, lesson

ASKED: dict[str, Any] = {
    "height": 64,
    "width": 64,
    "num_frames": 5,
    "num_inference_steps": 2,
    "guidance_scale": 3.0,
    "max_sequence_length": 16,
}


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


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_disk_that_fills_in_the_middle_costs_nothing_but_time(base: ModelCard, folder: Path) -> None:
    settings = dataclasses.replace(SMALL, method="token", steps=4, every=2)
    whole = learn(lesson(base, settings), base, facts(), folder, ignore)
    again = folder.parent / "again"
    again.mkdir()

    def fill(stage: str, step: int, *told: object) -> None:
        if step == 3:
            (again / "state.pt.part").symlink_to("/dev/full")

    with pytest.raises(OSError) as caught:
        learn(lesson(base, settings), base, facts(), again, fill)
    assert failure(caught.value) == ("NoSpace", "The disk is full.", "Free some space, then try again.")
    (again / "state.pt.part").unlink()
    resumed = learn(lesson(base, settings), base, facts(), again, ignore)
    np.testing.assert_allclose(resumed.losses, whole.losses, rtol=1e-5)
    assert [c.step for c in resumed.checkpoints] == [0, 2, 4]


def test_the_files_give_the_same_frames_in_plain_diffusers(base: ModelCard, folder: Path) -> None:
    settings = dataclasses.replace(SMALL, lora_rate=0.05, token_rate=0.3, prior_weight=0.0)
    learned = learn(lesson(base, settings), base, facts(), folder, ignore)
    use = keep(learned, folder, folder.parent / "subjects")
    model, asked = full(base), request("a <my-ball> ball on sand", use)
    plain = model.generate(request("a ball ball on sand"), {}, ignore).pixels
    with wearing(model, base, asked, folder.parent / "subjects") as told:
        ours = model.generate(told, {}, ignore).pixels
    assert not np.array_equal(ours, plain)
    after = model.generate(request("a ball ball on sand"), {}, ignore).pixels
    assert np.array_equal(after, plain), "the model is not as it was"
    theirs = stock_pipe(base)
    stock.put_on(theirs, {"<my-ball>": folder.parent / "subjects" / use.digest})
    assert np.array_equal(ours, stock.frames(theirs, told.prompt, **ASKED))


def stock_pipe(base: ModelCard) -> Any:
    """The checkpoint as diffusers alone loads it."""
    pipe = WanVACEPipeline.from_pretrained(base.folder, dtype=torch.float32)
    pipe.scheduler = type(pipe.scheduler).from_config(pipe.scheduler.config, shift=base.settings["shift"])
    return pipe


def made_up(folder: Path, base: ModelCard, token: str, seed: int) -> SubjectUse:
    """A subject whose files hold random numbers."""
    generator = torch.Generator().manual_seed(seed)
    about = metadata_of(Card(token=token, class_word="ball", name="x", method="both", base=fingerprint(base)))
    staged = folder / "staged"
    staged.mkdir(parents=True)
    save_file({"rows": torch.randn(2, 32, generator=generator)}, staged / EMBEDDINGS, about)
    save_file(halves(seed), staged / LORA, about)
    digest = digest_of(staged)
    staged.rename(folder / digest)
    return SubjectUse(token=token, version=1, digest=digest)


def halves(seed: int, layer: str = "blocks.0.attn1.to_q") -> dict[str, torch.Tensor]:
    """A LoRA of rank 2 on one layer."""
    generator = torch.Generator().manual_seed(seed)
    shapes = {"lora_A": (2, 48), "lora_B": (48, 2)}
    return {f"transformer.{layer}.{h}.weight": torch.randn(s, generator=generator) for h, s in shapes.items()}


def test_two_subjects_and_a_lora_go_over_the_model_together(base: ModelCard, tmp_path: Path) -> None:
    uses = [made_up(tmp_path, base, token, seed) for token, seed in (("<a>", 1), ("<b>", 2))]
    scaled = Layout({}, {"blocks.0.attn2.to_v": 2}, {"blocks.0.attn2.to_v": 0.6}).metadata
    save_file(halves(3, "blocks.0.attn2.to_v"), tmp_path / "style.safetensors", scaled)
    style = Adapter(path=tmp_path / "style.safetensors", strength=0.7)
    model, theirs = full(base), stock_pipe(base)
    model.adapt([style])
    styled = model.generate(request("a ball on sand"), {}, ignore).pixels
    with wearing(model, base, request("a <a> ball on <b> sand", *uses), tmp_path, [style]) as told:
        ours = model.generate(told, {}, ignore).pixels
    assert np.array_equal(model.generate(request("a ball on sand"), {}, ignore).pixels, styled), "the LoRA is off"
    stock.put_on(theirs, {use.token: tmp_path / use.digest for use in uses}, [style])
    assert np.array_equal(ours, stock.frames(theirs, told.prompt, **ASKED))


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
            wearing(model, card, request("a <my-ball> ball", use), subjects),
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
