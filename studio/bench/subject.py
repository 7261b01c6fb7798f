"""How well a subject is learned from pictures: by words, by a LoRA, by both, and by pictures alone."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.domain.conditioning import Conditioning, ReferenceImage
from pipelines.domain.frames import Frames
from pipelines.domain.request import GenerationRequest
from pipelines.domain.subject import SubjectUse
from pipelines.families.family import ModelCard
from pipelines.models import device
from pipelines.models.catalog import DEFAULT, Catalog
from pipelines.models.manager import Belongings, ModelManager
from studio.bench.report import Findings, Measure
from studio.settings import Settings

if TYPE_CHECKING:
    from pipelines.personalize.settings import Method
    from pipelines.toybox.bench.subjects import Asked, Gauge, Subject
    from pipelines.toybox.judge import Clips, Judge

Say = Callable[[str], None]
JUDGE, LIKENESS = "toybox-judge", "toybox-likeness"
LIKE, POINTS = 90.0, 5.0


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How much is measured. changes: settings that differ from the preset's.

    trials: true renders for each ceiling and floor. renders: what the encoder of likeness is trained on where none is
    shipped.
    """

    subjects: int = 5
    prompts: int = 6
    seeds: int = 3
    pictures: int = 8
    trials: int = 24
    renders: int = 3000
    methods: tuple[str, ...] = ("reference", "token", "lora", "both")
    changes: dict[str, Any] = field(default_factory=dict)


@dataclass
class Shares:
    """What was found of one method, one value per subject, in percent."""

    like: list[float] = field(default_factory=list)
    obeyed: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class _World:
    card: ModelCard
    manager: ModelManager
    judge: Judge
    encoder: Any
    codec: Any
    folder: Path
    assets: Path
    size: Extent


def measure(say: Say, settings: Settings | None = None, extent: Extent | None = None) -> Findings:
    """Every method on subjects outside the training world's combinations; the promises are those of "both"."""
    read = settings or Settings.read()
    with _world(read, extent or Extent(), say) as world:
        found, floors, ceilings = _found(world, say)
    untrained = found.pop("untrained")
    measures = [
        Measure(name="ceiling: true renders taken for the subject", value=_mean(ceilings), unit="%"),
        Measure(name="floor: others of its class taken for it", value=_mean(floors), unit="%"),
        Measure(name="untrained: clips of the class word taken for it", value=_mean(untrained.like), unit="%"),
        Measure(name="untrained: everything else as asked", value=_mean(untrained.obeyed), unit="%"),
    ]
    for method, shares in found.items():
        measures += _told(method, shares, untrained, promised=method == "both")
    return Findings(measures=tuple(measures), pictures={})


def _told(method: str, shares: Shares, untrained: Shares, *, promised: bool) -> Iterator[Measure]:
    each = ", ".join(f"{value:.0f}" for value in shares.like)
    yield Measure(
        name=f"{method}: clips that show the subject", value=_mean(shares.like), unit="%", note=each,
        least=LIKE if promised else None,
    )  # fmt: skip
    yield Measure(
        name=f"{method}: points lost in everything else",
        value=_mean(untrained.obeyed) - _mean(shares.obeyed),
        unit="points",
        limit=POINTS if promised else None,
    )
    if shares.bare:
        yield Measure(
            name=f"{method}: clips of the class word alone that show the subject, beyond the untrained model's",
            value=_mean(shares.bare) - _mean(untrained.like),
            unit="points",
            limit=POINTS if promised else None,
        )
    if any(shares.seconds):
        yield Measure(name=f"{method}: seconds of training", value=_mean(shares.seconds), unit="s")


def _found(world: _World, say: Say) -> tuple[dict[str, Shares], list[float], list[float]]:
    from pipelines.toybox.bench.subjects import SUBJECTS, gauge

    found: dict[str, Shares] = {"untrained": Shares()} | {method: Shares() for method in world.size.methods}
    floors, ceilings = [], []
    for subject in SUBJECTS[: world.size.subjects]:
        known, ceiling, floor = gauge(world.encoder, subject, world.codec, world.size.trials)
        ceilings.append(100 * ceiling)
        floors.append(100 * floor)
        _measured(world, subject, known, None, found["untrained"])
        for method in world.size.methods:
            say(f"{subject.token}: {method}")
            worn = _learned(world, subject, method)
            found[method].seconds.append(worn.seconds)
            _measured(world, subject, known, worn, found[method])
            say(f"{subject.token}: {method}: {found[method].like[-1]:.0f} % show it")
    return found, floors, ceilings


@dataclass(frozen=True)
class _Worn:
    """A subject as requests take it. references: its pictures where nothing was trained."""

    uses: tuple[SubjectUse, ...]
    references: tuple[Any, ...]
    seconds: float


def _measured(world: _World, subject: Subject, known: Gauge, worn: _Worn | None, shares: Shares) -> None:
    """Clips of every prompt and seed, judged; with the class word alone, too."""
    from pipelines.toybox.bench.subjects import PROMPTS, obeyed

    asked = [prompt for prompt in PROMPTS[: world.size.prompts] for _ in range(world.size.seeds)]
    seeds = [seed for _ in PROMPTS[: world.size.prompts] for seed in range(world.size.seeds)]
    word = subject.class_word if worn is None else f"{subject.token} {subject.class_word}"
    clips = _clips(world, [prompt.text.format(f"a {word}") for prompt in asked], seeds, worn)
    shares.like.append(100 * known.share(clips))
    shares.obeyed.append(100 * obeyed(world.judge.read(clips), asked))
    if worn is not None and worn.uses:
        shares.bare.append(100 * known.share(_bare(world, subject, asked, seeds, worn)))


def _bare(world: _World, subject: Subject, asked: Sequence[Asked], seeds: Sequence[int], worn: _Worn) -> Clips:
    """Clips of the class word by a model that wears the subject all the same, as no prompt of a person asks for."""
    import numpy as np

    from pipelines.personalize.learning import load_own
    from pipelines.personalize.wearing import wearing
    from studio.studio import default_request

    count = world.size.seeds * min(2, world.size.prompts)
    model = load_own(world.card, world.manager.device)
    request = replace(default_request(world.card, subject.token), subjects=worn.uses)
    made = []
    with wearing(model, world.card, request, world.folder) as told:
        for prompt, seed in zip(asked[:count], seeds[:count], strict=True):
            text = prompt.text.format(f"a {subject.class_word}")
            made.append(model.generate(replace(told, prompt=text, seed=seed), {}, _ignore).pixels)
    return np.stack(made)


def _clips(world: _World, prompts: Sequence[str], seeds: Sequence[int], worn: _Worn | None) -> Clips:
    """Clips as a person gets them, uint8 (N, T, H, W, 3)."""
    import numpy as np

    from studio.studio import default_request

    made = []
    for prompt, seed in zip(prompts, seeds, strict=True):
        request = replace(default_request(world.card, prompt), seed=seed)
        media: dict[str, Frames] = {}
        if worn is not None and worn.uses:
            request = replace(request, subjects=worn.uses)
        elif worn is not None:
            request, media = _referring(request, worn)
        with world.manager.use(world.card.id, request, _ignore) as model:
            made.append(model.generate(request, media, _ignore).pixels)
    return np.stack(made)


def _referring(request: GenerationRequest, worn: _Worn) -> tuple[GenerationRequest, dict[str, Frames]]:
    media = {hashlib.sha256(picture.tobytes()).hexdigest(): Frames(picture[None], 1.0) for picture in worn.references}
    parts: tuple[Conditioning, ...] = tuple(ReferenceImage(media=digest) for digest in media)
    words = request.prompt.split()
    bare = " ".join(word for word in words if not word.startswith("<"))
    return replace(request, prompt=bare, conditioning=parts), media


def _learned(world: _World, subject: Subject, method: str) -> _Worn:
    """Train the subject as the queue's task does, or take its pictures as they are."""
    from pipelines.personalize import dataset
    from pipelines.personalize.captions import class_prompts, first_caption
    from pipelines.personalize.examples import Example
    from pipelines.personalize.files import Card
    from pipelines.personalize.fingerprint import fingerprint
    from pipelines.personalize.learning import Lesson, learn
    from pipelines.personalize.places import read_places
    from pipelines.toybox.bench.subjects import pictures
    from studio.subjects.costs import preset_for
    from studio.subjects.placing import place
    from studio.subjects.service import places_file

    card, able = world.card, world.card.capabilities
    shown = pictures(subject, world.size.pictures)
    found = [dataset.find(picture) for picture in shown]
    cut = [dataset.crop(picture, each.box, 1.0) for picture, each in zip(shown, found, strict=True)]
    if method == "reference":
        return _Worn((), (cut[0],), 0.0)
    chosen: Method = "token" if method == "token" else "lora" if method == "lora" else "both"
    settings = replace(preset_for(card, "quick", chosen), **world.size.changes)
    places = read_places(places_file(world.assets, card))
    captions = [
        first_caption(
            subject.token, subject.class_word, able, place="" if places is None else places.at(picture, each.mask)
        )
        for picture, each in zip(shown, found, strict=True)
    ]
    about = Card(
        token=subject.token, class_word=subject.class_word, name=subject.token, method=chosen, base=fingerprint(card)
    )
    lesson = Lesson(
        card=about,
        settings=settings,
        examples=tuple(Example(picture[None], caption) for picture, caption in zip(cut, captions, strict=True)),
        priors=class_prompts(subject.class_word, able, captions, subject.token),
        samples=(),
    )
    folder = Path(tempfile.mkdtemp(dir=world.folder))
    began = time.perf_counter()
    learned = learn(lesson, card, world.manager.device, folder, _ignore)
    seconds = time.perf_counter() - began
    best = next(c for c in learned.checkpoints if c.step == learned.chosen)
    place(folder / "steps" / f"{best.step:06d}", world.folder / best.digest)
    shutil.rmtree(folder)
    return _Worn((SubjectUse(token=subject.token, version=1, digest=best.digest),), (), seconds)


@contextmanager
def _world(read: Settings, size: Extent, say: Say) -> Iterator[_World]:
    import torch
    from diffusers import AutoencoderKLWan

    from pipelines.toybox import likeness
    from pipelines.toybox.judge import load_judge

    models = read.assets / "models"
    with tempfile.TemporaryDirectory(prefix="gimbal-bench-") as name:
        folder = Path(name)
        manager = ModelManager(Catalog(read.assets), device.measure(), own=Belongings(subjects=folder))
        card = manager.catalog.card(DEFAULT)
        kept = models / LIKENESS
        if not kept.is_dir():
            say("the encoder of likeness is trained first, about a minute")
            likeness.save(likeness.train(likeness.pictures(size.renders, 1), size.renders // 3), folder / LIKENESS)
            kept = folder / LIKENESS
        codec = AutoencoderKLWan.from_pretrained(card.folder / "vae").to(torch.bfloat16)
        yield _World(
            card, manager, load_judge(models / JUDGE), likeness.load(kept), codec.eval(), folder, read.assets, size
        )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / max(1, len(values))


def _ignore(*told: object) -> None:
    """No one watches."""
