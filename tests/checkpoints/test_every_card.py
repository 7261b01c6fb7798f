"""What every card of every family promises, without exception, on a tiny checkpoint of its true classes."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from pipelines.domain.camera.plan_text import path_from_text
from pipelines.domain.camera.rig import Start
from pipelines.domain.capabilities import problems
from pipelines.domain.conditioning import (
    PART_TYPES,
    Conditioning,
    ControlClip,
    ExtendClip,
    KeyImage,
    SourceClip,
)
from pipelines.domain.errors import BrokenCheckpoint, InvalidRequest, Stopped
from pipelines.domain.frames import Frames
from pipelines.domain.request import GenerationRequest
from pipelines.families import NAMES, family_named
from pipelines.families.family import Adapter, ModelCard, Progress, Setup
from pipelines.models.drafts import DEFAULT, Draft, drafting
from tests.checkpoints import tiny
from tests.pipelines.conftest import smallest_request

PICTURE, OTHER = "a" * 64, "b" * 64
SETUP = Setup(device="cpu", half=False)
CARDS = [card for name in NAMES for card in family_named(name).published(Path("models"))]
# Schedulers of diffusers call numpy in a way that it is about to drop.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
STAGES = ["encoding", "denoising", "decoding"]


@dataclasses.dataclass
class Bench:
    """A tiny checkpoint that bears a card's name, loaded."""

    card: ModelCard
    model: Any
    denoiser: torch.nn.Module

    def request(self, **changes: Any) -> GenerationRequest:
        """The cheapest request the card serves, with what it needs."""
        can = self.card.capabilities
        own: dict[str, Any] = {"steps": 2, "conditioning": self.needed()}
        if not can.prompt:
            own["prompt"] = ""
        return smallest_request(self.card, **{**own, **changes})

    def needed(self) -> tuple[Conditioning, ...]:
        can = self.card.capabilities
        return tuple(part(kind, can.controls) for kind in sorted(can.needs))

    def make(self, request: GenerationRequest, told: list[Progress] | None = None) -> Frames:
        assert problems(request, self.card.capabilities) == ()
        heard = [] if told is None else told
        made: Frames = self.model.generate(request, self.media(request), heard.append)
        return made

    def media(self, request: GenerationRequest) -> Mapping[str, Frames]:
        rng = np.random.default_rng(3)
        shape = (request.num_frames, request.height, request.width, 3)
        noise, mask = rng.integers(0, 255, shape, np.uint8), np.zeros(shape, np.uint8)
        mask[:, :, : request.width // 2] = 255
        return {PICTURE: Frames(noise, 8), OTHER: Frames(mask, 8)}


def part(kind: str, controls: frozenset[str] = frozenset(), **fields: Any) -> Conditioning:
    """A part of a kind on the noisy clip, a mask on the other one."""
    if kind == ControlClip.kind:
        control: Any = min(controls or {"depth"})
        return ControlClip(media=PICTURE, control=control, **fields)
    if kind == KeyImage.kind:
        return KeyImage(media=PICTURE, frame=0)
    if kind == ExtendClip.kind:
        return ExtendClip(media=PICTURE, keep=1)
    cls: Any = next(each for each in PART_TYPES if each.kind == kind)
    return cls(media=OTHER if kind == "mask_clip" else PICTURE)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tiny")


@pytest.fixture(scope="module", params=CARDS, ids=lambda card: card.id)
def bench(request: pytest.FixtureRequest, home: Path) -> Bench:
    published: ModelCard = request.param
    folder = tiny.write(home, published)
    family = family_named(published.family)
    assert family.recognises(folder)
    card = family.card(folder, published.id)
    loader = family.loader()
    components = {name: loader.component(card, name, SETUP) for name in loader.shares(card)}
    model = loader.assemble(card, components, SETUP)
    denoiser = components.get("transformer", components.get("unet"))
    assert isinstance(denoiser, torch.nn.Module)
    return Bench(card, model, denoiser)


def test_a_folder_of_its_name_takes_over_the_published_card(bench: Bench) -> None:
    published = next(card for card in CARDS if card.id == bench.card.id)
    assert bench.card.is_here and not published.is_here
    assert (bench.card.source, bench.card.licence) == (published.source, published.licence)
    mine, theirs = bench.card.capabilities, published.capabilities
    assert (mine.conditionings, mine.needs, mine.lacks) == (theirs.conditionings, theirs.needs, theirs.lacks)


def test_a_request_is_served_as_asked_and_the_seed_decides(bench: Bench) -> None:
    told: list[Progress] = []
    request = bench.request(seed=5)
    made = bench.make(request, told)
    assert (len(made), made.width, made.height) == (request.num_frames, request.width, request.height)
    assert made.fps == request.fps
    assert made.pixels.std() > 0
    assert (made.sound is not None) == ("sound" in bench.card.summary)
    assert made.sound is None or abs(made.sound.seconds - made.seconds) < 0.01
    order = [(STAGES.index(p.stage), p.fraction) for p in told]
    assert order == sorted(order) and told[-1].stage == "decoding" and told[-1].fraction == 1.0
    for number, progress in enumerate([p for p in told if p.stage == "denoising"], 1):
        assert progress.step == number and progress.preview.dtype == np.uint8
        assert max(progress.preview.shape[1:3]) <= 96
    other, again = (bench.make(request.with_seed(seed)).digest() for seed in (6, 5))
    assert made.digest() == again != other


def test_stop_takes_effect_at_the_next_step_and_the_model_stays_usable(bench: Bench) -> None:
    request = bench.request(steps=4)
    steps: list[int] = []

    def stopping(progress: Progress) -> None:
        if progress.stage == "denoising":
            steps.append(progress.step)
            raise Stopped("Stopped.")

    before = bench.make(request).digest()
    with pytest.raises(Stopped):
        bench.model.generate(request, bench.media(request), stopping)
    assert steps == [1]
    assert bench.make(request).digest() == before


def test_what_a_card_lists_changes_the_clip_and_all_else_is_refused_with_a_reason(bench: Bench) -> None:
    can = bench.card.capabilities
    plain = bench.make(bench.request()).digest()
    for cls in PART_TYPES:
        request = with_part(bench, cls.kind)
        if can.takes(cls.kind):
            if cls.kind in can.needs:
                request = bench.request()
                dark = {name: Frames(frames.pixels // 4, 8) for name, frames in bench.media(request).items()}
                quiet: list[Progress] = []
                assert bench.model.generate(request, dark, quiet.append).digest() != plain, cls.kind
                continue
            assert bench.make(request).digest() != plain, cls.kind
            continue
        found = [each for each in problems(request, can) if each.field == cls.kind]
        assert found and can.why_not(cls.kind) in found[0].message
        assert dict(can.lacks).get(cls.kind) or cls is ExtendClip, f"no reason why it lacks {cls.kind}"


def test_a_camera_path_changes_the_clip_where_the_card_takes_one(bench: Bench) -> None:
    if not bench.card.capabilities.cameras:
        return
    still = bench.make(bench.request()).digest()
    path = path_from_text("push-in 2", Start())
    assert bench.make(bench.request(camera=path)).digest() != still
    assert bench.make(bench.request()).digest() == still


def test_a_draft_leaves_work_out_and_the_model_as_it_was(bench: Bench) -> None:
    if not bench.card.capabilities.draft:
        return
    request = bench.request(steps=4)
    whole = bench.make(request).digest()
    with drafting(bench.model.pipe, Draft(by="first_block", steps=4, strength=1e6)) as left:
        bench.make(request)
    assert 0 < left.computed < left.passes
    assert bench.make(request).digest() == whole
    reused = {}
    for way in ("mag", "attention", "words", "deep"):
        try:
            with drafting(bench.model.pipe, Draft(by=way, steps=4)) as left:
                bench.make(request)
        except InvalidRequest as error:  # told in words which of the model's own kind it is
            assert way in error.problems[0].message
        else:
            reused[way] = left.reused if way != "mag" else len(left.ratios)
        assert bench.make(request).digest() == whole
    assert DEFAULT in reused and all(reused.values())


def with_part(bench: Bench, kind: str) -> GenerationRequest:
    parts = [p for p in bench.needed() if p.kind != kind] + [part(kind, bench.card.capabilities.controls)]
    if kind == "mask_clip" and not any(isinstance(p, SourceClip) for p in parts):
        parts.insert(0, part("source_clip"))
    return bench.request(conditioning=tuple(parts))


def test_what_it_needs_is_asked_for(bench: Bench) -> None:
    for kind in bench.card.capabilities.needs:
        lacking = bench.request(conditioning=())
        assert kind in {problem.field for problem in problems(lacking, bench.card.capabilities)}


def test_a_medium_that_is_not_there_is_an_invalid_request(bench: Bench) -> None:
    can = bench.card.capabilities
    kinds = [cls.kind for cls in PART_TYPES if can.takes(cls.kind)]
    for kind in kinds:
        with pytest.raises(InvalidRequest, match=kind.replace("_", " ")):
            bench.model.generate(with_part(bench, kind), {}, lambda progress: None)


def test_a_lora_changes_the_clip_and_is_taken_off_again(bench: Bench, tmp_path: Path) -> None:
    if not bench.card.capabilities.adapters:
        assert not hasattr(bench.model, "pipe") or not bench.card.capabilities.adapters
        return
    request = bench.request()
    plain = bench.make(request).digest()
    bench.model.adapt([Adapter(path=lora(bench, tmp_path / "own.safetensors"))])
    assert bench.make(request).digest() != plain
    bench.model.adapt([])
    assert bench.make(request).digest() == plain
    foreign = tmp_path / "foreign.safetensors"
    save_file({"transformer.nowhere.lora_A.weight": torch.zeros(1, 7)}, foreign)
    with pytest.raises(BrokenCheckpoint, match="does not fit"):
        bench.model.adapt([Adapter(path=foreign)])
    assert bench.make(request).digest() == plain


@pytest.mark.parametrize("layout", ["peft", "original", "kohya"])
def test_a_lora_in_the_names_of_other_trainers_does_the_same(bench: Bench, tmp_path: Path, layout: str) -> None:
    if bench.card.family not in ("wan", "ltx", "cogvideox"):
        return
    given = load_file(lora(bench, tmp_path / "own.safetensors"))
    bench.model.adapt([Adapter(path=tmp_path / "own.safetensors", strength=0.5)])
    expected = bench.make(bench.request()).digest()
    save_file(renamed(given, layout), tmp_path / "theirs.safetensors")
    bench.model.adapt([Adapter(path=tmp_path / "theirs.safetensors")])
    assert bench.make(bench.request()).digest() == expected
    bench.model.adapt([])


def renamed(given: Mapping[str, torch.Tensor], layout: str) -> dict[str, torch.Tensor]:
    """The same change as another trainer writes it, at half its strength: by its alpha, or by smaller numbers."""
    if layout == "kohya":
        told = {}
        for name, value in given.items():
            layer, _, half = name.removeprefix("transformer.").rpartition(".lora_")
            stem = f"lora_unet_{layer.replace('.', '_')}"
            told[f"{stem}.lora_{'down' if half.startswith('A') else 'up'}.weight"] = value
            told[f"{stem}.alpha"] = torch.tensor(1.0)
        return told
    prefix = {"peft": "base_model.model.", "original": "diffusion_model."}[layout]
    half = {name: value * (0.5 if ".lora_B." in name else 1.0) for name, value in given.items()}
    return {name.replace("transformer.", prefix, 1): value for name, value in half.items()}


def lora(bench: Bench, path: Path) -> Path:
    """A LoRA of rank 2 for every query and value layer of the denoiser."""
    generator = torch.Generator().manual_seed(int(hashlib.sha256(bench.card.id.encode()).hexdigest()[:8], 16))
    denoiser = getattr(bench.model.pipe, "transformer", None) or bench.model.pipe.unet
    prefix = "transformer" if hasattr(bench.model.pipe, "transformer") else "unet"
    tensors = {}
    for name, module in denoiser.named_modules():
        if isinstance(module, torch.nn.Linear) and name.endswith(("to_q", "to_v", "qkv", "q_proj", "to_qkv")):
            rows, columns = module.weight.shape
            tensors[f"{prefix}.{name}.lora_A.weight"] = torch.randn(2, columns, generator=generator)
            tensors[f"{prefix}.{name}.lora_B.weight"] = torch.randn(rows, 2, generator=generator)
    save_file(tensors, path)
    return path


def test_the_footprint_grows_with_the_clip(bench: Bench) -> None:
    request = bench.request()
    footprint = family_named(bench.card.family).footprint
    small = footprint(bench.card, request)
    larger = footprint(bench.card, dataclasses.replace(request, steps=4))
    assert 0 < small.flops < larger.flops and small.weights > 0 and small.activations > 0
