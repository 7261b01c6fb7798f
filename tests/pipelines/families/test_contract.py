"""What every card promises, on true classes: the tiny checkpoint and each one that ships."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from pipelines.domain.conditioning import CONDITIONING_TYPES, Conditioning, ControlClip, KeyImage, StartImage
from pipelines.domain.errors import InvalidRequest, Stopped
from pipelines.domain.frames import Frames
from pipelines.domain.request import GenerationRequest
from pipelines.families.family import ModelCard, Progress
from pipelines.models.catalog import Catalog
from pipelines.models.device import measure
from pipelines.models.manager import ModelManager
from tests.pipelines.conftest import smallest_request

ASSETS = Path(__file__).parents[3] / "assets"
SHIPPED = sorted(path.parent.name for path in ASSETS.glob("models/*/model_index.json"))
STAGES = ["loading", "encoding", "denoising", "decoding"]
PICTURE, OTHER = "a" * 64, "b" * 64


@dataclasses.dataclass(frozen=True)
class Bench:
    """A manager and one of its cards."""

    manager: ModelManager
    card: ModelCard

    def make(self, request: GenerationRequest, media: dict[str, Frames] | None = None) -> Frames:
        with self.manager.use(self.card.id, request, lambda progress: None) as model:
            return model.generate(request, media or {}, lambda progress: None)

    def picture(self, value: int) -> Frames:
        width, height = self.card.capabilities.grid.sizes[0]
        return Frames(np.full((1, height, width, 3), value, np.uint8), 1)


@pytest.fixture(scope="module", params=["tiny", *SHIPPED])
def bench(request: pytest.FixtureRequest, tiny_folder: Path) -> Bench:
    catalog = Catalog(ASSETS, [tiny_folder])
    return Bench(ModelManager(catalog, measure()), catalog.card(request.param))


def test_the_smallest_request_is_served_as_asked(bench: Bench) -> None:
    request = smallest_request(bench.card)
    frames = bench.make(request)
    assert (len(frames), frames.width, frames.height) == (request.num_frames, request.width, request.height)
    assert frames.fps == request.fps


def test_every_offered_size_and_length_is_served(bench: Bench) -> None:
    grid = bench.card.capabilities.grid
    for width, height in grid.sizes[:3]:
        for num_frames in grid.lengths[:3]:
            request = smallest_request(bench.card, width=width, height=height, num_frames=num_frames, guidance=1.0)
            frames = bench.make(request)
            assert (len(frames), frames.width, frames.height) == (num_frames, width, height)


def test_the_seed_decides(bench: Bench) -> None:
    request = smallest_request(bench.card)
    first, other, again = (bench.make(request.with_seed(seed)).digest() for seed in (5, 6, 5))
    assert first == again != other


def test_the_same_seed_gives_the_same_bits_after_a_fresh_load(bench: Bench) -> None:
    request = smallest_request(bench.card)
    first = bench.make(request).digest()
    assert bench.manager.evict() > 0
    assert bench.make(request).digest() == first


@pytest.mark.parametrize("change", [{"prompt": "a blue cube"}, {"guidance": 1.0}, {"steps": 5}])
def test_what_a_person_sets_reaches_the_model(bench: Bench, change: dict[str, object]) -> None:
    plain = smallest_request(bench.card, prompt="a red ball")
    assert bench.make(plain).digest() != bench.make(dataclasses.replace(plain, **change)).digest()  # type: ignore[arg-type]


def test_stop_takes_effect_at_the_next_step_and_the_model_stays_usable(bench: Bench) -> None:
    request = smallest_request(bench.card, steps=6)
    before = bench.make(request).digest()
    steps: list[int] = []

    def stopping(progress: Progress) -> None:
        steps.append(progress.step)
        if progress.stage == "denoising" and progress.step == 2:
            raise Stopped("Stopped.")

    with pytest.raises(Stopped), bench.manager.use(bench.card.id, request, stopping) as model:
        model.generate(request, {}, stopping)
    assert max(steps) == 2
    assert not any(r.pinned for r in bench.manager.residents())
    assert bench.make(request).digest() == before


@pytest.mark.parametrize("stage", STAGES)
def test_stop_takes_effect_between_stages(bench: Bench, stage: str) -> None:
    request = smallest_request(bench.card)
    seen: list[str] = []

    def stopping(progress: Progress) -> None:
        seen.append(progress.stage)
        if progress.stage == stage:
            raise Stopped("Stopped.")

    with pytest.raises(Stopped), bench.manager.use(bench.card.id, request, stopping) as model:
        model.generate(request, {}, stopping)
    assert seen[-1] == stage and seen.count(stage) == 1


def test_progress_only_moves_forward(bench: Bench) -> None:
    request = smallest_request(bench.card, steps=5)
    told: list[Progress] = []
    with bench.manager.use(bench.card.id, request, told.append) as model:
        model.generate(request, {}, told.append)
    order = [(STAGES.index(p.stage), p.fraction) for p in told]
    assert order == sorted(order)
    assert [p.step for p in told if p.stage == "denoising"] == [1, 2, 3, 4, 5]
    assert told[-1].stage == "decoding" and told[-1].fraction == 1.0


def test_each_step_shows_a_small_picture(bench: Bench) -> None:
    request = smallest_request(bench.card)
    told: list[Progress] = []
    with bench.manager.use(bench.card.id, request, told.append) as model:
        model.generate(request, {}, told.append)
    for progress in (p for p in told if p.stage == "denoising"):
        assert progress.preview.dtype == np.uint8 and progress.preview.shape[-1] == 3
        assert max(progress.preview.shape[1:3]) <= 96
        assert progress.preview.shape[1] * request.width == progress.preview.shape[2] * request.height


def test_the_start_picture_is_used(bench: Bench) -> None:
    request = smallest_request(bench.card, conditioning=(StartImage(media=PICTURE),), steps=8)
    dark, bright = (bench.make(request, {PICTURE: bench.picture(value)}) for value in (20, 235))
    assert len({dark.digest(), bright.digest(), bench.make(smallest_request(bench.card, steps=8)).digest()}) == 3
    if bench.card.id in SHIPPED:  # trained weights follow it, too
        assert bright.pixels[0].mean() > dark.pixels[0].mean() + 40


def test_every_conditioning_a_card_lists_changes_the_clip(bench: Bench) -> None:
    plain = bench.make(smallest_request(bench.card)).digest()
    width, height = bench.card.capabilities.grid.sizes[0]
    ramp = np.linspace(0, 255, 33 * height * width * 3).astype(np.uint8).reshape(33, height, width, 3)
    mask = np.zeros_like(ramp)
    mask[:, :, : width // 2] = 255
    media = {PICTURE: Frames(ramp, 8), OTHER: Frames(mask, 8)}
    for cls in CONDITIONING_TYPES:
        if cls.kind not in bench.card.capabilities.conditionings:
            continue
        part = _part(cls)
        parts = (_part(_by_kind("source_clip")), part) if cls.kind == "mask_clip" else (part,)
        made = bench.make(smallest_request(bench.card, conditioning=parts), media)
        assert made.digest() != plain, cls.kind


def test_a_medium_that_is_not_there_is_an_invalid_request(bench: Bench) -> None:
    request = smallest_request(bench.card, conditioning=(StartImage(media=PICTURE),))
    with pytest.raises(InvalidRequest, match="start image"):
        bench.make(request)


def test_a_request_off_the_grid_loads_nothing(bench: Bench) -> None:
    bench.manager.evict()
    with pytest.raises(InvalidRequest):
        bench.make(smallest_request(bench.card, width=17))
    assert bench.manager.residents() == ()


def test_the_run_is_measured(bench: Bench) -> None:
    request = smallest_request(bench.card)
    bench.make(request)
    run = bench.manager.last_run
    assert run is not None
    assert (run.model, run.rung, run.placement) == (bench.card.id, "none", "resident")
    assert run.seconds > 0 and run.flops > 0 and run.peak_bytes > 0
    assert run.to_dict()["device"] == bench.manager.device.name


def _by_kind(kind: str) -> type[Conditioning]:
    return next(cls for cls in CONDITIONING_TYPES if cls.kind == kind)


def _part(cls: type[Conditioning]) -> Conditioning:
    if cls is ControlClip:
        return ControlClip(media=PICTURE, control="depth")
    if cls is KeyImage:
        return KeyImage(media=PICTURE, frame=2)
    return cls(media=OTHER if cls.kind == "mask_clip" else PICTURE)  # type: ignore[call-arg]
