"""How well a subject is learned from pictures: by words, by a LoRA, by both, and by pictures alone."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
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
from studio.bench.making import pixels, unwatched
from studio.bench.report import Findings, Measure
from studio.settings import Settings

if TYPE_CHECKING:
    from diffusers import AutoencoderKLWan

    from pipelines.personalize.examples import Example
    from pipelines.personalize.learning import Lesson
    from pipelines.personalize.settings import Method, Preset
    from pipelines.toybox.bench.subjects import Asked, Subject
    from pipelines.toybox.judge import Clips, Judge
    from pipelines.toybox.likeness import Encoder

Say = Callable[[str], None]
JUDGE, LIKENESS = "toybox-judge", "toybox-likeness"
LIKE, POINTS = 90.0, 5.0


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How much is measured. preset: of every training; changes: settings that differ from the preset's.

    trials: true renders for each ceiling and floor. keep: a folder of what was made: a run that was ended goes on
    there, and one of more methods takes what one of fewer has made. Another version of the program needs another.
    """

    subjects: int = 5
    prompts: int = 6
    seeds: int = 3
    pictures: int = 8
    trials: int = 24
    methods: tuple[str, ...] = ("reference", "token", "lora", "both")
    preset: Preset = "quick"
    changes: dict[str, Any] = field(default_factory=dict)
    keep: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Share:
    """What was found of one subject with one method, in percent. bare: with the class word alone; None untrained."""

    like: float
    obeyed: float
    bare: float | None
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was found of one subject: a `Share` by method, and the rows of its sheet."""

    token: str
    ceiling: float
    floor: float
    shares: dict[str, Share]
    rows: tuple[tuple[str, Clips], ...]


@dataclass(frozen=True)
class _World:
    card: ModelCard
    manager: ModelManager
    folder: Path
    assets: Path
    size: Extent


@dataclass(frozen=True)
class _Eyes:
    """What looks at clips: the judge of everything, the encoder of likeness, and the codec of true renders."""

    judge: Judge
    encoder: Encoder
    codec: AutoencoderKLWan


@dataclass(frozen=True)
class _Made:
    """Clips of a method, every seed of the first prompt, then of the second. bare: of the class word alone."""

    clips: Clips
    bare: Clips | None
    seconds: float


def measure(say: Say, settings: Settings | None = None, extent: Extent | None = None) -> Findings:
    """Every method on subjects outside the training world's combinations; the promises are those of "both"."""
    from pipelines.toybox.bench.sheets import strips

    size = extent or Extent()
    found = list(_all(settings or Settings.read(), size, say))
    untrained = [one.shares["untrained"] for one in found]
    preset = ", ".join((f"{size.preset} preset", *(f"{name} {value}" for name, value in size.changes.items())))
    clips = f"{len(found)} subjects, {size.prompts} prompts, {size.seeds} seeds, {preset}"
    measures = [
        _rendered("ceiling: true renders taken for the subject", [one.ceiling for one in found]),
        _rendered("floor: others of its class taken for it", [one.floor for one in found]),
        Measure(name="untrained: clips of the class word taken for it", value=_like(untrained), unit="%", note=clips),
        Measure(name="untrained: everything else as asked", value=_obeyed(untrained), unit="%"),
    ]
    for method in size.methods:
        measures += _told(method, [one.shares[method] for one in found], untrained, promised=method == "both")
    sheet = strips([(one.token, one.rows) for one in found])
    return Findings(measures=tuple(measures), pictures={"subject.jpg": sheet})


def _rendered(name: str, values: Sequence[float]) -> Measure:
    return Measure(name=name, value=_mean(values), unit="%", note=_each(values))


def _told(method: str, shares: Sequence[Share], untrained: Sequence[Share], *, promised: bool) -> Iterator[Measure]:
    yield Measure(
        name=f"{method}: clips that show the subject",
        value=_like(shares),
        unit="%",
        least=LIKE if promised else None,
        note=_each([share.like for share in shares]),
    )
    yield Measure(
        name=f"{method}: points lost in everything else",
        value=_obeyed(untrained) - _obeyed(shares),
        unit="points",
        limit=POINTS if promised else None,
    )
    bare = [share.bare for share in shares if share.bare is not None]
    if bare:
        yield Measure(
            name=f"{method}: clips of the class word alone that show the subject, beyond the untrained model's",
            value=_mean(bare) - _like(untrained),
            unit="points",
            limit=POINTS if promised else None,
        )
    if any(share.seconds for share in shares):
        seconds = _mean([share.seconds for share in shares])
        yield Measure(name=f"{method}: seconds of training", value=seconds, unit="s", note="one core each")


def _all(read: Settings, size: Extent, say: Say) -> Iterator[Found]:
    """Every method of every subject in processes of one thread: threads of small tensors mostly wait for each other."""
    tasks = [(read, size, number, name) for number in range(size.subjects) for name in ("untrained", *size.methods)]
    with ProcessPoolExecutor(min(os.cpu_count() or 1, len(tasks)), multiprocessing.get_context("spawn")) as pool:
        made = pool.map(_kept, *zip(*tasks, strict=True))
        eyes = _eyes(read)
        for number in range(size.subjects):
            yield _looked_at(eyes, size, number, made, say)


def _looked_at(eyes: _Eyes, size: Extent, number: int, made: Iterator[_Made], say: Say) -> Found:
    """What the clips of one subject show."""
    from pipelines.toybox.bench.subjects import SUBJECTS, gauge, obeyed, pictures

    subject = SUBJECTS[number]
    known, ceiling, floor = gauge(eyes.encoder, subject, eyes.codec, size.trials)
    asked, _ = _prompts(size)
    shares: dict[str, Share] = {}
    rows = [("true", pictures(subject, size.pictures))]
    for method in ("untrained", *size.methods):
        one = next(made)
        shares[method] = share = Share(
            like=100 * known.share(one.clips),
            obeyed=100 * obeyed(eyes.judge.read(one.clips), asked),
            bare=None if one.bare is None else 100 * known.share(one.bare),
            seconds=one.seconds,
        )
        rows.append((method, one.clips[0]))
        say(f"{subject.token}, {method}: {share.like:.0f} % show it, {share.obeyed:.0f} % as asked")
    return Found(token=subject.token, ceiling=100 * ceiling, floor=100 * floor, shares=shares, rows=tuple(rows))


def _prompts(size: Extent) -> tuple[list[Asked], list[int]]:
    """Prompts and seeds of the clips."""
    from pipelines.toybox.bench.subjects import PROMPTS

    pairs = [(prompt, seed) for prompt in PROMPTS[: size.prompts] for seed in range(size.seeds)]
    return [prompt for prompt, _ in pairs], [seed for _, seed in pairs]


def _kept(read: Settings, size: Extent, number: int, method: str) -> _Made:
    """What `_made` makes, or has made before where that is kept."""
    import numpy as np

    if size.keep is None:
        return _made(read, size, number, method)
    asked = (number, method, size.prompts, size.seeds, size.pictures, size.preset, sorted(size.changes.items()))
    path = size.keep / f"{number}-{method}-{hashlib.sha256(repr(asked).encode()).hexdigest()[:12]}.npz"
    if not path.exists():
        made = _made(read, size, number, method)
        bare = made.clips[:0] if made.bare is None else made.bare
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.npz")
        np.savez(part, clips=made.clips, bare=bare, seconds=made.seconds)
        part.replace(path)
    with np.load(path) as found:
        return _Made(found["clips"], found["bare"] if len(found["bare"]) else None, float(found["seconds"]))


def _made(read: Settings, size: Extent, number: int, method: str) -> _Made:
    """The clips of a subject by one method; the model untrained knows its class word."""
    from pipelines.toybox.bench.subjects import SUBJECTS

    os.environ["OMP_NUM_THREADS"] = "1"  # the manager settles torch's threads by it
    subject, (asked, seeds) = SUBJECTS[number], _prompts(size)
    with _world(read, size) as world:
        worn = None if method == "untrained" else _learned(world, subject, method)
        word = subject.class_word if worn is None else f"{subject.token} {subject.class_word}"
        clips = _clips(world, [prompt.text.format(f"a {word}") for prompt in asked], seeds, worn)
        bare = _bare(world, subject, asked, seeds, worn) if worn is not None and worn.uses else None
    return _Made(clips, bare, 0.0 if worn is None else worn.seconds)


@dataclass(frozen=True)
class _Worn:
    """A subject as requests take it. references: its pictures where nothing was trained."""

    uses: tuple[SubjectUse, ...]
    references: tuple[Any, ...]
    seconds: float


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
            made.append(model.generate(replace(told, prompt=text, seed=seed), {}, unwatched).pixels)
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
        made.append(pixels(world.manager, request, media))
    return np.stack(made)


def _referring(request: GenerationRequest, worn: _Worn) -> tuple[GenerationRequest, dict[str, Frames]]:
    media = {hashlib.sha256(picture.tobytes()).hexdigest(): Frames(picture[None], 1.0) for picture in worn.references}
    parts: tuple[Conditioning, ...] = tuple(ReferenceImage(media=digest) for digest in media)
    words = request.prompt.split()
    bare = " ".join(word for word in words if not word.startswith("<"))
    return replace(request, prompt=bare, conditioning=parts), media


def _learned(world: _World, subject: Subject, method: str) -> _Worn:
    """Train the subject as the queue's task does, or take its pictures as they are."""
    from pipelines.personalize.learning import learn
    from studio.subjects.placing import place

    lesson = _lesson(world, subject, "token" if method == "token" else "lora" if method == "lora" else "both")
    if method == "reference":
        return _Worn((), (lesson.examples[0].frames[0],), 0.0)
    folder = Path(tempfile.mkdtemp(dir=world.folder))
    began = time.perf_counter()
    learned = learn(lesson, world.card, world.manager.device, folder, unwatched)
    seconds = time.perf_counter() - began
    best = next(c for c in learned.checkpoints if c.step == learned.chosen)
    place(folder / "steps" / f"{best.step:06d}", world.folder / best.digest)
    shutil.rmtree(folder)
    return _Worn((SubjectUse(token=subject.token, version=1, digest=best.digest),), (), seconds)


def _lesson(world: _World, subject: Subject, method: Method) -> Lesson:
    """What a person's pictures of the subject come to with nothing corrected by hand."""
    from pipelines.personalize.captions import class_prompts, sample_prompts
    from pipelines.personalize.files import Card
    from pipelines.personalize.fingerprint import fingerprint
    from pipelines.personalize.learning import Lesson
    from studio.subjects.costs import preset_for

    examples = _examples(world, subject)
    captions = [example.caption for example in examples]
    about = Card(
        token=subject.token, class_word=subject.class_word, name=subject.token, method=method,
        base=fingerprint(world.card),
    )  # fmt: skip
    return Lesson(
        card=about,
        settings=replace(preset_for(world.card, world.size.preset, method), **world.size.changes),
        examples=examples,
        priors=class_prompts(subject.class_word, world.card.capabilities, captions, subject.token),
        samples=sample_prompts(subject.token, subject.class_word, world.card.capabilities),
    )


def _examples(world: _World, subject: Subject) -> tuple[Example, ...]:
    """Pictures cut to the subject and captioned with the place that is seen in them."""
    from pipelines.personalize import dataset
    from pipelines.personalize.captions import first_caption
    from pipelines.personalize.examples import Example
    from pipelines.personalize.places import read_places
    from pipelines.toybox.bench.subjects import pictures
    from studio.subjects.service import places_file

    places = read_places(places_file(world.assets, world.card))
    made = []
    for picture in pictures(subject, world.size.pictures):
        found = dataset.find(picture)
        where = "" if places is None else places.at(picture, found.mask)
        caption = first_caption(subject.token, subject.class_word, world.card.capabilities, place=where)
        made.append(Example(dataset.crop(picture, found.box, 1.0)[None], caption))
    return tuple(made)


@contextmanager
def _world(read: Settings, size: Extent) -> Iterator[_World]:
    with tempfile.TemporaryDirectory(prefix="gimbal-bench-") as name:
        folder = Path(name)
        manager = ModelManager(Catalog(read.assets), device.measure(), own=Belongings(subjects=folder))
        yield _World(manager.catalog.card(DEFAULT), manager, folder, read.assets, size)


def _eyes(read: Settings) -> _Eyes:
    import torch
    from diffusers import AutoencoderKLWan

    from pipelines.toybox import likeness
    from pipelines.toybox.judge import load_judge

    models = read.assets / "models"
    codec = AutoencoderKLWan.from_pretrained(models / DEFAULT / "vae", torch_dtype=torch.bfloat16)
    return _Eyes(load_judge(models / JUDGE), likeness.load(models / LIKENESS), codec.eval())


def _each(values: Sequence[float]) -> str:
    return "by subject " + ", ".join(f"{value:.0f}" for value in values)


def _like(shares: Sequence[Share]) -> float:
    return _mean([share.like for share in shares])


def _obeyed(shares: Sequence[Share]) -> float:
    return _mean([share.obeyed for share in shares])


def _mean(values: Sequence[float]) -> float:
    return sum(values) / max(1, len(values))
