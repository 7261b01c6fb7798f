"""A model that knows a person's subjects for the length of one clip: their LoRA and the words of their tokens.

Everything goes through the pipeline's own loading of LoRA, so that the frames are those of plain diffusers with the
same files; afterwards the model is as it was.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from pipelines.domain.errors import BrokenCheckpoint, InvalidRequest, Problem
from pipelines.domain.request import GenerationRequest
from pipelines.domain.subject import SubjectUse
from pipelines.families.family import ModelCard
from pipelines.models.memory import is_out_of_memory
from pipelines.personalize.files import EMBEDDINGS, LORA, REFERENCE, read_card, read_header, worn_folder
from pipelines.personalize.fingerprint import fingerprint
from pipelines.personalize.words import Words, class_row

_LOADING = (OSError, ValueError, RuntimeError, LookupError, TypeError, AttributeError, SafetensorError)
_AGAIN = "Train the subject again on this model, or choose the model it was trained on."


@contextmanager
def wearing(pipe: Any, card: ModelCard, request: GenerationRequest, subjects: Path) -> Iterator[GenerationRequest]:
    """Have `pipe` know the request's subjects; yields the request with their tokens as the pipeline reads them.

    subjects: the folder that holds a folder of files for each content hash. Raises InvalidRequest where the files are
    not there or were made for another base, BrokenCheckpoint where they do not fit.
    """
    if not request.subjects:
        yield request
        return
    folders = _checked(card, request, subjects)
    rows = {use.token: _rows(pipe, folder, use) for use, folder in folders.items() if (folder / EMBEDDINGS).is_file()}
    words = Words(pipe.tokenizer, pipe.text_encoder, rows) if rows else None
    tokenizer = pipe.tokenizer
    names = _load_layers(pipe, folders)
    try:
        if words is not None:
            pipe.tokenizer = words.tokenizer
            words.put_on()
        yield _told(request, words, folders)
    finally:
        if words is not None:
            words.take_off()
            pipe.tokenizer = tokenizer
        if names:
            pipe.unload_lora_weights()


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


def _load_layers(pipe: Any, folders: Mapping[SubjectUse, Path]) -> list[str]:
    """Load every LoRA under a name of ours and set their strengths; nothing stays loaded when one does not fit."""
    names: list[str] = []
    strengths: list[float] = []
    try:
        for use, folder in folders.items():
            path = folder / LORA
            if not path.is_file():
                continue
            names.append(f"gimbal_subject_{len(names)}")
            strengths.append(use.strength)
            pipe.load_lora_weights(str(folder), weight_name=LORA, adapter_name=names[-1], local_files_only=True)
        if names:
            pipe.set_adapters(names, strengths)
    except _LOADING as error:
        if names:
            pipe.unload_lora_weights()
        if is_out_of_memory(error):
            raise
        message = f"{use.token} does not fit this model ({str(error)[:200]})."
        raise BrokenCheckpoint(message, _AGAIN) from None
    return names
