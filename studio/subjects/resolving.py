"""The tokens of a prompt become the versions they stand for, or a problem that says what to do."""

from __future__ import annotations

import dataclasses
import json

from pipelines.domain.conditioning import ReferenceImage
from pipelines.domain.errors import InvalidRequest, Problem
from pipelines.domain.request import GenerationRequest
from pipelines.domain.subject import SubjectUse, tokens_in
from pipelines.families.family import ModelCard
from pipelines.models.catalog import Catalog
from pipelines.personalize.fingerprint import fingerprint
from projects_db.records import NotFound, SubjectRow, SubjectVersionRow
from projects_db.repository import Repository


def resolved(repository: Repository, catalog: Catalog, request: GenerationRequest) -> GenerationRequest:
    """The request with the newest usable version of every token that it does not name a version of yet.

    Raises InvalidRequest for a token that stands for nothing here, or for a subject of another base.
    """
    named = {use.token for use in request.subjects}
    wanted = [token for token in tokens_in(request.prompt) if token not in named]
    if not wanted and not request.subjects:
        return request
    problems: list[Problem] = []
    uses, pictures = [], []
    card = catalog.card(request.model)
    mark = fingerprint(card)
    for token in wanted:
        try:
            subject, version = newest(repository, token, mark)
            _refuse_foreign(version, subject, card, mark)
        except NotFound as error:
            problems.append(Problem(field="prompt", message=error.message, hint=error.hint))
            continue
        except InvalidRequest as error:
            problems.extend(error.problems)
            continue
        assert version.digest is not None
        uses.append(SubjectUse(token=token, version=version.number, digest=version.digest, strength=subject.strength))
        pictures += references(version) if version.method == "reference" else []
    if problems:
        raise InvalidRequest(tuple(problems))
    return dataclasses.replace(
        request,
        subjects=(*request.subjects, *uses),
        conditioning=(*request.conditioning, *(ReferenceImage(media=media) for media in pictures)),
    )


def newest(repository: Repository, token: str, mark: str = "") -> tuple[SubjectRow, SubjectVersionRow]:
    """A token's subject and its newest version that is ready, of the base `mark` where there is one.

    Raises NotFound.
    """
    subject = repository.subject_of_token(token)
    ready = [version for version in repository.subject_versions(subject.id) if version.digest]
    if not ready:
        raise NotFound(f"{token} is not trained yet.", "Wait for its training, or start it again.")
    fitting = [version for version in ready if version.base in ("", mark)]
    return subject, (fitting or ready)[0]


def references(version: SubjectVersionRow) -> list[str]:
    """The pictures of a version that is used without training."""
    return [str(media) for media in json.loads(version.report_json).get("references", [])]


def check_base(base: str, card: ModelCard, what: str) -> None:
    """Raises InvalidRequest where a card is not the model of that fingerprint."""
    if base and base != fingerprint(card):
        message = f"{what} belongs to another model than {card.title}: its weights differ."
        hint = "Choose the model it was made for, or train the subject again on this one."
        raise InvalidRequest((Problem(field="model", message=message, hint=hint),))


def _refuse_foreign(version: SubjectVersionRow, subject: SubjectRow, card: ModelCard, mark: str) -> None:
    if version.base and version.base != mark:
        message = f"{subject.token} was trained on {version.model}, which is another model than {card.title}."
        hint = f"Choose the model {version.model}, or train {subject.token} again on this one."
        raise InvalidRequest((Problem(field="prompt", message=message, hint=hint),))
    if version.method == "reference" and "reference_image" not in card.capabilities.conditionings:
        message = f"{subject.token} is used by its pictures alone, and {card.title} takes no reference pictures."
        raise InvalidRequest((Problem(field="prompt", message=message, hint="Train it, or choose another model."),))
