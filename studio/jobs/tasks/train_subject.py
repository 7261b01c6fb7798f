"""Train a subject: a lesson in the worker that goes on from its last state; its checkpoints are kept as files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipelines.domain.errors import InvalidRequest
from studio.jobs.tasks import KeepContext, TaskContext
from studio.subjects.placing import place
from studio.subjects.spec import TrainSpec

NAME = "train_subject"


def check(spec_json: str) -> None:
    """Raises InvalidRequest with every problem."""
    problems = TrainSpec.from_json(spec_json).problems()
    if problems:
        raise InvalidRequest(problems)


def media(spec_json: str) -> tuple[str, ...]:
    """The pictures."""
    return tuple(dict.fromkeys(picture.media for picture in TrainSpec.from_json(spec_json).pictures))


def work(context: TaskContext) -> Mapping[str, Any]:
    """Do the lesson, or go on with it."""
    from pipelines.personalize.captions import class_prompts, sample_prompts
    from pipelines.personalize.files import Card
    from pipelines.personalize.learning import Lesson, learn
    from studio.subjects.pictures import examples
    from studio.subjects.resolving import check_base

    spec = TrainSpec.from_json(context.spec_json)
    card = context.manager.catalog.card(spec.model)
    check_base(spec.base, card, f"The training of {spec.token}")
    able, settings = card.capabilities, spec.settings
    about = Card(
        token=spec.token,
        class_word=spec.class_word,
        name=spec.name,
        method=settings.method,
        base=spec.base,
        base_title=card.title,
    )
    captions = [picture.caption for picture in spec.pictures]
    lesson = Lesson(
        card=about,
        settings=settings,
        examples=examples(spec.pictures, context.media, settings),
        priors=class_prompts(spec.class_word, able, captions, spec.token),
        samples=sample_prompts(spec.token, spec.class_word, able),
    )
    context.manager.evict()  # the lesson changes a copy of its own, and needs the room

    def tell(stage: Any, step: int, steps: int, fraction: float, left: float | None, shown: Any) -> None:
        context.report(stage, step, steps, fraction=fraction, eta_seconds=left, preview=_small(shown))

    learned = learn(lesson, card, context.device, context.folder, tell)
    return learned.to_dict()


def keep(kept: KeepContext) -> Mapping[str, Any]:
    """Put every checkpoint under its content's name, then choose the best in the history."""
    spec = TrainSpec.from_json(kept.job.request_json)
    for checkpoint in kept.result["checkpoints"]:
        place(kept.folder / "steps" / f"{checkpoint['step']:06d}", kept.home.subjects / checkpoint["digest"])
    chosen = next(c for c in kept.result["checkpoints"] if c["step"] == kept.result["chosen"])
    report = json.dumps(dict(kept.result))
    kept.repository.change_subject_version(spec.version_id, digest=chosen["digest"], report_json=report)
    return {"version_id": spec.version_id, "digest": chosen["digest"], "step": chosen["step"],
            "steps": spec.settings.steps, "train_seconds": kept.result["seconds"]}  # fmt: skip


def _small(shown: Any) -> Any:
    """At most 96 pixels high: what a list of jobs shows."""
    return None if shown is None else shown[:, :: max(1, shown.shape[1] // 96), :: max(1, shown.shape[1] // 96)]
