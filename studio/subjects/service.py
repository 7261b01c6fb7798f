"""The subjects of a data folder, as a page and the commands see them. No torch here."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.domain.errors import GimbalError, InvalidRequest, Problem
from pipelines.domain.request import GenerationRequest
from pipelines.domain.subject import SubjectUse, checked_token, tokens_in
from pipelines.families.family import ModelCard
from pipelines.models.catalog import DEFAULT
from pipelines.personalize.box import Box
from pipelines.personalize.captions import first_caption
from pipelines.personalize.fingerprint import fingerprint
from pipelines.personalize.settings import Settings, setting_problems
from projects_db.records import JobRow, NotFound, SubjectRow, SubjectVersionRow
from studio.jobs.tasks import folder_of
from studio.subjects import costs, exchange
from studio.subjects.resolving import newest, resolved
from studio.subjects.spec import MAX_PICTURES, PictureSpec, TrainSpec

if TYPE_CHECKING:
    from studio.studio import Studio

TASK = "train_subject"


@dataclass(frozen=True, kw_only=True)
class LookedPicture:
    """One picture as it was looked at: where the subject is, what is wrong with it, and a first caption.

    bare_caption: the same without the place, for a picture whose background is put away.
    """

    media: str
    width: int
    height: int
    box: Box
    problems: tuple[str, ...]
    caption: str
    bare_caption: str


@dataclass(frozen=True, kw_only=True)
class Looked:
    """The pictures of a training. problems: of the set as a whole. usable: enough can be read to train on them."""

    pictures: tuple[LookedPicture, ...]
    problems: tuple[str, ...]
    usable: bool


@dataclass(frozen=True, kw_only=True)
class TrainRequest:
    """A wish to train. subject_id: whose next version it is; None = a new subject."""

    token: str
    name: str
    class_word: str
    model: str
    settings: Settings
    pictures: tuple[PictureSpec, ...]
    subject_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class VersionView:
    """One version: "training", "ready" or how its job ended."""

    id: str
    number: int
    model: str
    method: str
    state: str
    digest: str | None
    job_id: str | None
    created_at: float


@dataclass(frozen=True, kw_only=True)
class SubjectView:
    """A subject with its versions, the newest first. cover: the content hash of its first picture, None without."""

    id: str
    token: str
    name: str
    class_word: str
    strength: float
    cover: str | None
    created_at: float
    versions: tuple[VersionView, ...]


class Subjects:
    """Everything about subjects. Thread-safe as the parts it stands on."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._repository = studio.repository

    # -- before a training

    def look(
        self,
        media: Sequence[str],
        class_word: str,
        token: str = "<my-subject>",
        model: str | None = None,
        boxes: Mapping[str, Box] | None = None,
    ) -> Looked:
        """Look at pictures and clips of the library and say in plain words what is wrong with them."""
        from pipelines.personalize import dataset
        from pipelines.personalize.places import read_places
        from studio.subjects.pictures import read_picture

        card = self._card(model)
        able, places = card.capabilities, read_places(places_file(self._studio.settings.assets, card))
        refuse_crowd(len(media))
        given, known = list(media), boxes or {}
        pictures = [read_picture(self._studio.library.media_path(sha256)) for sha256 in given]
        boxes_given = [known.get(sha256) for sha256 in given]
        checked, problems = dataset.check(pictures, boxes_given, max(able.grid.sizes[0]))
        looked = []
        for sha256, picture, each in zip(given, pictures, checked, strict=True):
            row = self._repository.media(sha256)
            is_clip = row is not None and row.kind == "clip"
            where = "" if places is None else places.at(picture, each.found.mask)
            looked.append(
                LookedPicture(
                    media=sha256,
                    width=picture.shape[1],
                    height=picture.shape[0],
                    box=each.found.box,
                    problems=each.problems,
                    caption=first_caption(token, class_word, able, place=where, is_clip=is_clip),
                    bare_caption=first_caption(token, class_word, able, is_clip=is_clip),
                )
            )
        return Looked(pictures=tuple(looked), problems=problems, usable=len(pictures) >= dataset.FEWEST)

    def offers(self, model: str) -> costs.Offers:
        """What can be done with a model, each preset with its minutes and memory on this machine."""
        return costs.offers(self._studio, self._card(model))

    def estimate(self, model: str, settings: Settings) -> Any:
        """Seconds and bytes of a training with these settings (`studio.subjects.estimating.TrainingEstimate`)."""
        return costs.estimate_for(self._studio, self._card(model), settings)

    def check_token(self, token: str, model: str, subject_id: str | None = None) -> str:
        """The token as it is kept. Raises InvalidRequest: a normal word, odd characters, taken already."""
        own = self._repository.subject(subject_id).token if subject_id else None
        taken = {row.token for row in self._repository.subjects()} - {own}
        return checked_token(token, self._card(model).capabilities.vocabulary, taken)

    # -- a training

    def train(self, wish: TrainRequest, project_id: str | None = None) -> tuple[SubjectVersionRow, JobRow | None]:
        """Queue a training as the subject's next version; without one ("reference") the version is ready at once.

        Raises InvalidRequest with every problem, UnknownModel.
        """
        card = self._card(wish.model)
        token, wrong = self._token_of(wish, card)
        spec = TrainSpec(
            version_id="",
            token=token,
            name=wish.name.strip() or token.strip("<>"),
            class_word=wish.class_word.strip(),
            model=card.id,
            base=fingerprint(card),
            settings=wish.settings,
            pictures=wish.pictures,
        )
        self._refuse(spec, card, wrong)
        subject = self._subject_for(wish.subject_id, spec)
        version = self._repository.add_subject_version(
            subject.id, model=card.id, base=spec.base, method=spec.settings.method, spec_json=spec.to_json()
        )
        spec = dataclasses.replace(spec, version_id=version.id)
        if spec.settings.method == "reference":
            return exchange.make_reference(self._studio, spec, version), None
        project = project_id or self._repository.list_projects()[0].id
        title = f"Train {token}: {spec.name}"
        job = self._studio.queue.submit_task(project, TASK, spec.to_json(), model=card.id, title=title)
        version = self._repository.change_subject_version(version.id, job_id=job.id, spec_json=spec.to_json())
        return version, job

    def training(self, version_id: str) -> dict[str, Any]:
        """How a training goes or went: steps, losses, checkpoints with their measures, the chosen one, warnings."""
        version = self._repository.subject_version(version_id)
        told: dict[str, Any] = json.loads(version.report_json)
        if not told and version.job_id is not None:
            told = _read(folder_of(self._studio.home, version.job_id) / "progress.json")
        step = next((c["step"] for c in told.get("checkpoints", ()) if c["digest"] == version.digest), None)
        return {**told, "chosen": told.get("chosen") if step is None else step, "state": self._state(version)}

    def sample_path(self, version_id: str, step: int, name: str) -> Path:
        """A sample clip (WebP) of a checkpoint. Raises NotFound."""
        version = self._repository.subject_version(version_id)
        known = self.training(version_id).get("checkpoints", ())
        found = next((c for c in known if c["step"] == step and name in c["samples"]), None)
        if found is not None:
            places = [self._studio.home.subjects / found["digest"] / name]
            if version.job_id is not None:
                places.append(folder_of(self._studio.home, version.job_id) / "steps" / f"{step:06d}" / name)
            for path in places:
                if path.is_file():
                    return path
        raise NotFound("There is no such sample.", "Look at the list again.")

    def choose(self, version_id: str, step: int) -> SubjectVersionRow:
        """Use another checkpoint of a finished training from now on. Clips made before keep theirs. Raises NotFound."""
        for checkpoint in json.loads(self._repository.subject_version(version_id).report_json).get("checkpoints", ()):
            if checkpoint["step"] == step and (self._studio.home.subjects / checkpoint["digest"]).is_dir():
                return self._repository.change_subject_version(version_id, digest=checkpoint["digest"])
        raise NotFound(f"This version has no checkpoint of step {step}.", "Look at the list again.")

    # -- afterwards

    def list(self) -> tuple[SubjectView, ...]:
        """Every living subject, the newest first."""
        return tuple(self._view(row) for row in self._repository.subjects())

    def view(self, subject_id: str) -> SubjectView:
        """One subject. Raises NotFound."""
        return self._view(self._repository.subject(subject_id))

    def complete(self, prefix: str, model: str) -> tuple[dict[str, Any], ...]:
        """The tokens that begin like what was typed (with or without "<"), and whether each fits the model."""
        typed, card = prefix.lstrip("<").lower(), self._card(model)
        rows = [row for row in self._repository.subjects() if row.token[1:].startswith(typed)]
        return tuple({"token": row.token, "name": row.name, **self._fit(row, card)} for row in rows)

    def grid(
        self, request: GenerationRequest, token: str, strengths: Sequence[float] = (0.0, 0.5, 1.0)
    ) -> tuple[GenerationRequest, ...]:
        """The same clip at several strengths of one subject, to compare with and without. Raises InvalidRequest."""
        if token not in tokens_in(request.prompt):
            message = f"{token} is not in the prompt."
            raise InvalidRequest((Problem(field="prompt", message=message, hint="Write it there first."),))
        whole = resolved(self._repository, self._studio.catalog, request)

        def at(strength: float) -> GenerationRequest:
            uses = [dataclasses.replace(u, strength=strength) if u.token == token else u for u in whole.subjects]
            return dataclasses.replace(whole, subjects=tuple(uses))

        return tuple(at(strength) for strength in strengths)

    def use(self, token: str, model: str, strength: float | None = None) -> SubjectUse:
        """A subject at a strength, for a request that names it itself. Raises NotFound."""
        subject, version = newest(self._repository, token, fingerprint(self._card(model)))
        assert version.digest is not None
        chosen = subject.strength if strength is None else strength
        return SubjectUse(token=token, version=version.number, digest=version.digest, strength=chosen)

    def export(self, version_id: str, folder: Path) -> tuple[Path, ...]:
        """Write a version as standard safetensors files; their paths. Raises NotFound, StorageError, NoSpace."""
        return exchange.export(self._studio, self._repository.subject_version(version_id), folder)

    def import_files(
        self, paths: Sequence[Path], model: str, token: str | None = None, class_word: str | None = None
    ) -> SubjectView:
        """Take in a subject's files, or another program's LoRA for that model. Raises MediaError, InvalidRequest."""
        return self._view(exchange.import_files(self._studio, self._card(model), paths, token, class_word))

    # -- inside

    def _card(self, model: str | None) -> ModelCard:
        cards = self._studio.catalog.cards()
        return cards[0] if cards and model is None else self._studio.catalog.card(model or DEFAULT)

    def _token_of(self, wish: TrainRequest, card: ModelCard) -> tuple[str, tuple[Problem, ...]]:
        """The token of a wish, and what is wrong with it: then it is as it was typed."""
        try:
            return self.check_token(wish.token, card.id, wish.subject_id), ()
        except InvalidRequest as error:
            return wish.token.strip(), error.problems

    def _refuse(self, spec: TrainSpec, card: ModelCard, wrong: Sequence[Problem]) -> None:
        """Raise InvalidRequest with everything that is wrong. wrong: what is with the token."""
        others = [problem for problem in spec.problems() if not (wrong and problem.field == "token")]
        problems = [*wrong, *others, *setting_problems(spec.settings)]
        count = len(spec.pictures)
        if spec.settings.method == "reference":
            if "reference_image" not in card.capabilities.conditionings:
                message = f"{card.title} takes no reference pictures."
                problems.append(Problem(field="settings", message=message, hint="Train the subject instead."))
            if not count:
                problems.append(Problem(field="pictures", message="There are no pictures.", hint="Add one."))
        else:
            problems += costs.training_problems(self._studio, card, spec.settings)
            if count < 3:
                message = f"{count or 'No'} picture{'s are' if count != 1 else ' is'} too few; 3 are the least."
                problems.append(Problem(field="pictures", message=message, hint="Add some more."))
        if count > 30:
            message = f"{count} pictures are too many; 30 are the most."
            problems.append(Problem(field="pictures", message=message, hint="Keep those that differ most."))
        if problems:
            raise InvalidRequest(tuple(problems))

    def _subject_for(self, subject_id: str | None, spec: TrainSpec) -> SubjectRow:
        if subject_id is not None:
            return self._repository.subject(subject_id)
        return self._repository.add_subject(spec.token, spec.name, spec.class_word)

    def _view(self, row: SubjectRow) -> SubjectView:
        versions = self._repository.subject_versions(row.id)
        shown = [picture["media"] for v in versions for picture in json.loads(v.spec_json).get("pictures", ())]
        return SubjectView(
            id=row.id,
            token=row.token,
            name=row.name,
            class_word=row.class_word,
            strength=row.strength,
            cover=shown[0] if shown else None,
            created_at=row.created_at,
            versions=tuple(
                VersionView(
                    id=v.id,
                    number=v.number,
                    model=v.model,
                    method=v.method,
                    state=self._state(v),
                    digest=v.digest,
                    job_id=v.job_id,
                    created_at=v.created_at,
                )
                for v in versions
            ),
        )

    def _state(self, version: SubjectVersionRow) -> str:
        if version.digest is not None:
            return "ready"
        try:
            return "lost" if version.job_id is None else self._repository.job(version.job_id).state
        except NotFound:
            return "lost"

    def _fit(self, row: SubjectRow, card: ModelCard) -> dict[str, Any]:
        request = GenerationRequest(
            model=card.id, prompt=row.token, seed=0, width=1, height=1, num_frames=1, fps=1, steps=1, guidance=1
        )
        try:
            resolved(self._repository, self._studio.catalog, request)
        except GimbalError as error:
            return {"fits": False, "why_not": error.message}
        return {"fits": True, "why_not": None}


def places_file(assets: Path, card: ModelCard) -> Path:
    """Where the table of a small world's places is, if there is one: it belongs to the world, not to one checkpoint."""
    return assets / "places" / f"{Path(card.settings.get('base') or card.folder).name}.json"


def _read(path: Path) -> dict[str, Any]:
    try:
        raw = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return raw if isinstance(raw, dict) else {}


def refuse_crowd(count: int) -> None:
    """Raises InvalidRequest for more pictures than are looked at."""
    if count > MAX_PICTURES:
        message = f"{count:,} pictures are too many to look at; 30 are the most that are trained on."
        raise InvalidRequest((Problem(field="pictures", message=message, hint="Choose those that differ most."),))
