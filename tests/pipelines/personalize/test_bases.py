"""Every architecture that can be trained, in small: as its pipeline sees it, and from pictures to plain diffusers."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image

from pipelines.domain.errors import InvalidRequest
from pipelines.domain.request import GenerationRequest
from pipelines.domain.subject import SubjectUse
from pipelines.families import NAMES, family_named
from pipelines.families.family import ModelCard
from pipelines.models.device import cpu_facts
from pipelines.personalize.bases import KINDS, base_of
from pipelines.personalize.examples import Example
from pipelines.personalize.files import LORA, digest_of
from pipelines.personalize.learning import learn, load_own
from pipelines.personalize.noise import Diffusion, Flow
from pipelines.personalize.settings import Settings
from pipelines.personalize.wearing import wearing
from tests.checkpoints import tiny
from tests.pipelines.personalize import stock
from tests.pipelines.personalize.conftest import SMALL, ignore, lesson

# Schedulers of diffusers call numpy in a way that it is about to drop.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
FACTS = dataclasses.replace(cpu_facts(), half=False)
PUBLISHED = {card.id: card for name in NAMES for card in family_named(name).published(Path("models"))}
CARDS = ("wan-2.1-t2v-1.3b", "ltx-0.9", "ltx-0.9.5", "cogvideox-2b", "cogvideox-1.5-5b")


@pytest.fixture(scope="module", params=CARDS)
def card(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ModelCard:
    published = PUBLISHED[request.param]
    folder = tiny.write(tmp_path_factory.mktemp("tiny"), published)
    return family_named(published.family).card(folder, published.id)


def settings_for(card: ModelCard, **changes: Any) -> Settings:
    width, height = card.capabilities.grid.sizes[0]
    return dataclasses.replace(SMALL, width=width, height=height, num_frames=5, checkpointing=True, **changes)


class Watched:
    """The transformer's calls while a pipeline runs."""

    def __init__(self, transformer: Any) -> None:
        self.given: list[Mapping[str, Any]] = []
        self.answers: list[torch.Tensor] = []
        self._hook = transformer.register_forward_hook(self._note, with_kwargs=True)

    def _note(self, module: Any, positional: Any, given: Mapping[str, Any], answer: Any) -> None:
        self.given.append(given)
        self.answers.append(answer[0])

    def __enter__(self) -> Watched:
        return self

    def __exit__(self, *raised: object) -> None:
        self._hook.remove()


def test_a_base_asks_its_denoiser_what_the_pipeline_itself_asks(card: ModelCard) -> None:
    settings = settings_for(card)
    pipe = load_own(card, FACTS).pipe
    base = base_of(pipe, card, settings)
    pipe.set_progress_bar_config(disable=True)
    with Watched(pipe.transformer) as seen, torch.no_grad():
        made = pipe(
            prompt="a ball on sand", guidance_scale=1.0, num_inference_steps=2, height=settings.height,
            width=settings.width, num_frames=5, output_type="latent", generator=torch.Generator().manual_seed(1),
            **base.arguments,
        ).frames  # fmt: skip
        given = seen.given[-1]
        noisy, answer = (base.unpacked(packed) for packed in (given["hidden_states"], seen.answers[-1]))
        scale = 999.0 if isinstance(base.noise, Diffusion) else 1000.0
        level = given["timestep"].reshape(1).float() / scale
        ours = base.velocity(noisy, level, base.states(["a ball on sand"]))
    assert base.unpacked(made).shape == noisy.shape == base.latents(frames(settings)).shape
    torch.testing.assert_close(ours, answer.float(), rtol=1e-4, atol=1e-5)


def frames(settings: Settings) -> Any:
    rng = np.random.default_rng(0)
    return rng.integers(0, 255, (settings.num_frames, settings.height, settings.width, 3), dtype=np.uint8)


def test_latents_are_those_that_the_codec_turns_back_into_the_picture(card: ModelCard) -> None:
    """A codec with random weights gives no picture back, but its latents have to be scaled as the pipeline expects."""
    pipe = load_own(card, FACTS).pipe
    settings = settings_for(card)
    vae, given = pipe.vae, frames(settings)
    with torch.no_grad():
        raw = vae.encode(torch.from_numpy(given).permute(3, 0, 1, 2)[None] / 127.5 - 1.0).latent_dist.mode()
    latents = base_of(pipe, card, settings).latents(given)[:, :, -raw.shape[2] :]
    config = vae.config
    if "CogVideoX" in type(vae).__name__:
        back = latents / config.scaling_factor
    elif "LTX" in type(vae).__name__:
        back = pipe._denormalize_latents(latents, vae.latents_mean, vae.latents_std, config.scaling_factor)
    else:
        mean, deviation = (
            torch.tensor(values).view(1, -1, 1, 1, 1) for values in (config.latents_mean, config.latents_std)
        )
        back = latents * deviation + mean
    torch.testing.assert_close(back, raw, rtol=1e-4, atol=1e-4)


def test_pictures_become_files_that_plain_diffusers_makes_the_same_frames_of(card: ModelCard, folder: Path) -> None:
    settings = settings_for(card, lora_rate=0.05, token_rate=0.3)
    wanted = lesson(card, settings)
    learned = learn(wanted, card, FACTS, folder, ignore)
    assert len(learned.losses) == settings.steps and np.isfinite(learned.losses).all()
    assert learned.checkpoints[-1].drift > 0
    source = folder / "steps" / f"{settings.steps:06d}"
    shutil.copytree(source, folder / digest_of(source))
    use = SubjectUse(token="<my-ball>", version=1, digest=digest_of(source))
    model, asked = load_own(card, FACTS), request(card, settings, "a <my-ball> ball", use)
    plain = model.generate(request(card, settings, "a ball ball"), {}, ignore).pixels
    with wearing(model, card, asked, folder) as told:
        ours = model.generate(told, {}, ignore).pixels
    assert not np.array_equal(ours, plain)
    theirs = stock_pipe(card)
    stock.put_on(theirs, {"<my-ball>": folder / use.digest})
    assert (folder / use.digest / LORA).is_file()
    made = stock.frames(theirs, told.prompt, **arguments(card, asked))
    assert np.array_equal(ours, made[: asked.num_frames])


def test_what_is_learned_tells_the_pictures_from_noise(card: ModelCard, folder: Path) -> None:
    """Trained on one plain picture for some steps, it answers better than before at the same levels and noise."""
    settings = settings_for(card, method="lora", lora_rate=5e-3, prior_weight=0.0)
    settings = dataclasses.replace(settings, steps=30, every=30, rank=8, alpha=8, held_out=0)
    plain = np.full((1, settings.height, settings.width, 3), (220, 40, 30), np.uint8)
    wanted = dataclasses.replace(lesson(card, settings), examples=(Example(plain, "a <my-ball> ball"),), samples=())
    first, last = learn(wanted, card, FACTS, folder, ignore).checkpoints
    assert last.held_out < 0.99 * first.held_out


def test_a_picture_can_be_the_one_frame_that_it_is(card: ModelCard, folder: Path) -> None:
    settings = dataclasses.replace(settings_for(card), num_frames=1, steps=1, every=1)
    learned = learn(lesson(card, settings), card, FACTS, folder, ignore)
    assert np.isfinite(learned.losses).all()
    with Image.open(folder / "steps" / "000001" / "sample-0.webp") as sample:
        assert (sample.size, sample.n_frames) == ((settings.width, settings.height), 1)


def stock_pipe(card: ModelCard) -> Any:
    build: Any = getattr(diffusers, card.settings["pipeline"])
    pipe = build.from_pretrained(card.folder, dtype=torch.float32)
    if card.settings["shift"]:
        name = "flow_shift" if "UniPC" in type(pipe.scheduler).__name__ else "shift"
        pipe.scheduler = type(pipe.scheduler).from_config(pipe.scheduler.config, **{name: card.settings["shift"]})
    return pipe


def request(card: ModelCard, settings: Settings, prompt: str, *uses: SubjectUse) -> GenerationRequest:
    return GenerationRequest(
        model=card.id,
        prompt=prompt,
        seed=4,
        width=settings.width,
        height=settings.height,
        num_frames=5,
        fps=8,
        steps=2,
        guidance=3,
        subjects=uses,
    )


def arguments(card: ModelCard, asked: GenerationRequest) -> dict[str, Any]:
    """What the stock pipeline is called with for a request."""
    values: dict[str, Any] = {
        "height": asked.height, "width": asked.width, "num_frames": asked.num_frames, "guidance_scale": asked.guidance,
        "num_inference_steps": asked.steps, "max_sequence_length": card.settings["max_sequence_length"],
    }  # fmt: skip
    if card.family == "ltx":
        values["frame_rate"] = asked.fps
    for name in ("decode_timestep", "image_cond_noise_scale"):
        if name in card.settings:
            values[name] = card.settings[name]
    return values


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    made = tmp_path / "lesson"
    made.mkdir()
    yield made


@pytest.mark.parametrize("noise", [Flow(3.0), *(Diffusion(torch.linspace(0.99, 0.01, 100), name) for name in
                         ("epsilon", "sample", "v_prediction"))])  # fmt: skip
def test_clean_latents_follow_from_the_noisy_ones_and_the_answer(noise: Any) -> None:
    generator = torch.Generator().manual_seed(2)
    clean, drawn = (torch.randn(64, 2, 3, generator=generator) for _ in range(2))
    levels = noise.levels(64, 0.2, 0.9, generator)
    assert 0 < levels.min() and levels.max() < 1 and levels.std() > 0.05
    noisy, answer = noise.mixed(clean, drawn, levels)
    if isinstance(noise, Flow):
        found = noisy - levels.view(-1, 1, 1) * answer
    else:
        kept = noise.kept[noise.timesteps(levels)].view(-1, 1, 1)
        found = {
            "epsilon": (noisy - (1 - kept).sqrt() * answer) / kept.sqrt(),
            "sample": answer,
            "v_prediction": kept.sqrt() * noisy - (1 - kept).sqrt() * answer,
        }[noise.prediction]
    torch.testing.assert_close(found, clean, rtol=1e-3, atol=1e-3)


def test_a_kind_without_a_trainer_is_refused_by_name(card: ModelCard) -> None:
    assert set(KINDS) >= {PUBLISHED[name].settings["pipeline"] for name in CARDS}
    with pytest.raises(InvalidRequest, match="int yet"):
        base_of(3, card, SMALL)
