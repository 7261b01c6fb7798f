"""A model that knows a person's subjects for the length of one clip: their LoRA and the words of their tokens.

Everything goes through the pipeline's own loading of LoRA, so that the frames are those of plain diffusers with the
same files; afterwards the model is as it was.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from pipelines.domain.errors import BrokenCheckpoint, InvalidRequest, Problem
from pipelines.domain.request import GenerationRequest
from pipelines.domain.subject import SubjectUse
from pipelines.families.family import Adapter, ModelCard
from pipelines.personalize.files import EMBEDDINGS, LORA, REFERENCE, read_card, read_header, worn_folder
from pipelines.personalize.fingerprint import fingerprint
from pipelines.personalize.words import Words, class_row

_LOADING = (OSError, ValueError, RuntimeError, LookupError, TypeError, AttributeError, SafetensorError)
_AGAIN = "Train the subject again on this model, or choose the model it was trained on."


@contextmanager
def wearing(
    model: Any, card: ModelCard, request: GenerationRequest, subjects: Path, adapters: Sequence[Adapter] = ()
) -> Iterator[GenerationRequest]:
    """Have `model` know the request's subjects; yields the request with their tokens as the pipeline reads them.

    subjects: the folder that holds a folder of files for each content hash. adapters: what the model wears besides,
    and keeps afterwards. Raises InvalidRequest where the files are not there or were made for another base,
    BrokenCheckpoint where they do not fit.
    """
    folders = _checked(card, request, subjects)
    pipe = model.pipe
    rows = {use.token: _rows(pipe, folder, use) for use, folder in folders.items() if (folder / EMBEDDINGS).is_file()}
    words = Words(pipe.tokenizer, pipe.text_encoder, rows) if rows else None
    tokenizer = pipe.tokenizer
    model.adapt((*adapters, *_layers(folders)))
    try:
        if words is not None:
            pipe.tokenizer = words.tokenizer
            words.put_on()
        yield _told(request, words, folders)
    finally:
        if words is not None:
            words.take_off()
            pipe.tokenizer = tokenizer
        model.adapt(adapters)


def _told(request: GenerationRequest, words: Words | None, folders: Mapping[SubjectUse, Path]) -> GenerationRequest:
    """The request in words of the encoder; a token without rows of its own is its class word."""
    prompt = request.prompt if words is None else words.text(request.prompt)
    for use, folder in folders.items():
        if use.token in prompt:
            prompt = prompt.replace(use.token, _class_word(folder))
    return dataclasses.replace(request, prompt=prompt, subjects=())


def _class_word(folder: Path) -> str:
    """What a token without rows says: the kind of thing that it stands for."""
    if (folder / LORA).is_file():
        found = read_card(read_header(folder / LORA))
        return found.class_word if found else ""
    return str(json.loads((folder / REFERENCE).read_text("utf-8")).get("class_word", ""))


def _checked(card: ModelCard, request: GenerationRequest, subjects: Path) -> dict[SubjectUse, Path]:
    folders: dict[SubjectUse, Path] = {}
    problems: list[Problem] = []
    mark = fingerprint(card)
    for use in request.subjects:
        folder = folders[use] = worn_folder(subjects, use.digest)
        there = [folder / name for name in (LORA, EMBEDDINGS) if (folder / name).is_file()]
        if (folder / REFERENCE).is_file():
            continue
        if not there:
            message = f"The files of {use.token}, version {use.version}, are not in this data folder."
            problems.append(Problem(field="subjects", message=message, hint="Import them, or train it again."))
            continue
        told = read_card(read_header(there[0]))
        if told is not None and told.base and told.base != mark:
            message = f"{use.token} was trained on {told.base_title or 'another model'}, not on {card.title}."
            problems.append(Problem(field="subjects", message=message, hint=_AGAIN))
    if problems:
        raise InvalidRequest(tuple(problems))
    return folders


def _rows(pipe: Any, folder: Path, use: SubjectUse) -> Tensor:
    """The token's rows at their strength: 0 is the class word's own row, 1 what was learned."""
    try:
        rows = load_file(folder / EMBEDDINGS)["rows"].float()
        told = read_card(read_header(folder / EMBEDDINGS))
        if use.strength == 1.0 or told is None:
            return rows
        plain = class_row(pipe.tokenizer, pipe.text_encoder, told.class_word).to(rows.device)
        return plain + use.strength * (rows - plain)
    except _LOADING as error:
        message = f"The token's rows of {use.token} cannot be read ({str(error)[:100]})."
        raise BrokenCheckpoint(message, "Import its files again.") from None


def _layers(folders: Mapping[SubjectUse, Path]) -> tuple[Adapter, ...]:
    """The LoRA of the subjects that have one."""
    there = {use: folder / LORA for use, folder in folders.items() if (folder / LORA).is_file()}
    return tuple(Adapter(path=path, strength=use.strength, title=use.token) for use, path in there.items())
