"""The few-step student at toy size: it learns, resumes exactly, and what it exports is a card beside its base."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from pipelines.models.catalog import Catalog
from pipelines.toybox import clips, distil, distil_export, export, latents, train_codec
from pipelines.toybox.distil import Course, DistilRun, add_adapter, distil_loss
from pipelines.toybox.distil_recipes import CI, RECIPES, STEPS, bounds, build_scheduler
from pipelines.toybox.distil_teacher import Base, Paths, Teacher, velocity
from pipelines.toybox.encoder import encoder_of
from pipelines.toybox.networks import Denoiser
from pipelines.toybox.recipes import CI as BASE_CI
from pipelines.toybox.samples import load, sample, settings_of
from pipelines.toybox.train_codec import CodecRun
from pipelines.toybox.train_transformer import LatentSource, TransformerRun

# Under autocast the stock norms keep their weights in float32, which torch remarks on once.
pytestmark = pytest.mark.filterwarnings("ignore:Mismatch dtype between input and weight:UserWarning")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Latents of two clips, and an exported base with fresh weights (its last layer too, so that it moves)."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("distil")
    clips.write_shard(folder / "clips", BASE_CI, 0)
    train_codec.fit(CodecRun(BASE_CI, folder))
    codec = latents.load_codec(folder)
    encoder = encoder_of(codec)
    latents.write_grey(encoder, BASE_CI, folder)
    latents.encode_shard(encoder, BASE_CI, folder, 0)
    torch.manual_seed(3)
    denoiser = Denoiser(BASE_CI)
    pipe = export.assemble(BASE_CI, denoiser, latents.load_codec(folder))
    export.write_folder(BASE_CI, pipe, export.words_of(folder / "latents"), folder / "models" / "toybox")
    return folder


def run_in(home: Path, folder: Path, stop_at: int | None = None) -> DistilRun:
    """A run of its own on the shared latents and base."""
    if not (folder / "latents").exists():
        (folder / "latents").symlink_to(home / "latents")
    return DistilRun(BASE_CI, CI, folder, home / "models" / "toybox", stop_at=stop_at)


@pytest.fixture(scope="module")
def run(home: Path, tmp_path_factory: pytest.TempPathFactory) -> DistilRun:
    """A finished run."""
    whole = run_in(home, tmp_path_factory.mktemp("whole"))
    distil.train(whole)
    return whole


@pytest.fixture(scope="module")
def course(run: DistilRun) -> Course:
    return Course(run)


def test_the_student_steps_where_its_scheduler_does_and_none_of_its_steps_is_idle() -> None:
    for recipe in RECIPES.values():
        levels = bounds(recipe)
        assert len(levels) == STEPS + 1 and levels[0] == 1.0 and levels[-1] == 0.0
        assert min(high - low for high, low in zip(levels[:-1], levels[1:], strict=True)) > 0.05
        assert len(recipe.substeps) == STEPS
        scheduler = build_scheduler(recipe)
        scheduler.set_timesteps(STEPS)
        assert torch.allclose(scheduler.timesteps, torch.tensor(levels[:-1]) * 1000)


def test_a_fresh_student_equals_the_base(course: Course) -> None:
    paths = Paths.load(course.path(0))
    noisy, states, control = paths.starts[0].float(), paths.states.float(), paths.control.float()
    sigma = torch.ones(len(noisy))
    model = course.base.transformer()
    before = velocity(model, noisy, sigma, states, control)
    add_adapter(model, CI)
    assert torch.equal(velocity(model, noisy, sigma, states, control), before)


def test_each_path_is_the_guided_walk_of_the_teacher(course: Course) -> None:
    recipe = dataclasses.replace(CI, substeps=(1, 1, 1, 1))
    teacher = Teacher(course.base, course.teacher.model, recipe)
    batch = course.source.batch(0)
    paths = teacher.paths(batch, 0)
    states, count = course.base.states(batch.text), len(batch.latents)
    sigma = torch.full((count,), bounds(recipe)[1])
    asked, silent = (
        velocity(teacher.model, paths.starts[1], sigma, text, batch.control)
        for text in (states, course.base.silence(count))
    )
    assert torch.allclose(paths.velocities[1], silent + course.base.guidance * (asked - silent), atol=0.05)
    high, low = bounds(recipe)[1:3]
    assert torch.allclose(paths.starts[2], paths.starts[1] + (low - high) * paths.velocities[1], atol=1e-5)


def test_later_rounds_start_where_the_student_arrives(course: Course) -> None:
    batch = course.source.batch(0)
    alone, followed = (course.teacher.paths(batch, 0, student) for student in (None, course.state.model))
    assert torch.equal(alone.starts[0], followed.starts[0])
    assert not torch.equal(alone.starts[1], followed.starts[1])


def test_paths_cover_every_kind_of_condition_that_the_base_is_trained_on(course: Course, run: DistilRun) -> None:
    batch = LatentSource(TransformerRun(BASE_CI, run.folder)).batch(0)
    kept = Paths.load(course.path(0))
    assert torch.equal(kept.control, batch.control.to(torch.bfloat16))
    assert kept.starts.shape == (STEPS, *batch.latents.shape) == kept.velocities.shape


def test_a_few_steps_lower_the_loss(course: Course) -> None:
    fresh = course.base.transformer()
    add_adapter(fresh, CI)
    paths = Paths.load(course.path(0))
    losses = []
    with torch.no_grad():
        for model in (fresh, course.state.model):
            whole = (torch.full((paths.starts.shape[1],), interval) for interval in range(STEPS))
            losses.append(sum(float(distil_loss(model, paths, chosen, course.levels)) for chosen in whole))
    assert losses[1] < losses[0]


@pytest.mark.parametrize("stop_at", [4, 6, 8])
def test_a_stopped_run_goes_on_as_if_it_had_not_been_stopped(
    home: Path, run: DistilRun, tmp_path: Path, stop_at: int
) -> None:
    distil.train(run_in(home, tmp_path, stop_at))
    resumed, straight = distil.train(run_in(home, tmp_path)), distil.begin(run, Base(run.base, BASE_CI, "cpu"))
    assert resumed.step == straight.step == CI.steps
    assert resumed.losses == straight.losses
    mine, other = ([*state.average.live, *state.average.shadow] for state in (resumed, straight))
    assert all(torch.equal(a, b) for a, b in zip(mine, other, strict=True))


def test_other_weights_of_the_base_begin_a_run_of_their_own(home: Path, run: DistilRun, tmp_path: Path) -> None:
    base = Base(run.base, BASE_CI, "cpu")
    (tmp_path / "transformer").mkdir()
    file = "transformer/diffusion_pytorch_model.safetensors"
    (tmp_path / file).write_bytes((run.base / file).read_bytes() + b" ")
    base.folder = tmp_path
    assert run.home(base) != run.home(Base(run.base, BASE_CI, "cpu"))


def test_the_exported_student_is_a_card_beside_its_base(home: Path, run: DistilRun) -> None:
    target = home / "models" / "toybox-fast"
    distil_export.write_folder(run, target)
    (target / "README.md").write_text("kept")
    distil_export.write_folder(run, target)
    assert {path.name for path in target.iterdir()} == {"README.md", "gimbal.json", distil_export.ADAPTER}
    catalog = Catalog(home)
    assert catalog.broken == () and [card.id for card in catalog.cards()] == ["toybox", "toybox-fast"]
    fast = catalog.card("toybox-fast")
    assert (fast.capabilities.steps.default, fast.capabilities.guidance.high) == (STEPS, 1)
    told = json.loads((target / "gimbal.json").read_text())
    assert (told["base"], fast.settings["shift_terminal"]) == ("toybox", CI.shift_terminal)
    with safe_open(target / distil_export.ADAPTER, "pt") as file:
        names = list(file.keys())
        assert all(file.get_tensor(name).dtype == torch.bfloat16 for name in names)
    assert any("vace_blocks" in name for name in names)


def test_the_exported_student_runs_in_the_stock_pipeline(home: Path, run: DistilRun, tmp_path: Path) -> None:
    target = home / "models" / "toybox-fast"
    distil_export.write_folder(run, target)
    told = settings_of(run.base)
    brief = dataclasses.replace(told, steps=STEPS, guidance=1.0)
    base, student = load(run.base), distil_export.load_student(target, run.base, CI)
    made = [sample(pipe, "a red ball on grass", 7, brief) for pipe in (base, student, student)]
    assert np.array_equal(made[1], made[2]) and not np.array_equal(made[0], made[1])
    distil_export.write_sheet(run, target, tmp_path / "sheet.png", ["a red ball"])
    assert (tmp_path / "sheet.png").stat().st_size > 1000


def test_a_student_cannot_be_written_away_from_its_base_or_before_it_was_trained(
    home: Path, run: DistilRun, tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError, match="beside its base"):
        distil_export.write_folder(run, tmp_path / "toybox-fast")
    with pytest.raises(FileNotFoundError, match="train one first"):
        distil_export.write_folder(run_in(home, tmp_path), home / "models" / "other")
