"""Subjects in and out of a data folder as files of their own."""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.domain.errors import InvalidRequest, MediaError, Problem
from pipelines.domain.subject import checked_token
from pipelines.families.family import ModelCard
from pipelines.models.lora_layouts import read_layout
from pipelines.models.weights import read_shapes
from pipelines.personalize.files import (
    EMBEDDINGS,
    LORA,
    REFERENCE,
    Card,
    Header,
    digest_of,
    metadata_of,
    read_card,
    read_header,
    rewrite,
)
from pipelines.personalize.fingerprint import fingerprint
from projects_db.records import NotFound, SubjectRow, SubjectVersionRow
from studio.home import storage_error
from studio.media.atomic import replacing
from studio.subjects.placing import place
from studio.subjects.spec import TrainSpec

if TYPE_CHECKING:
    from studio.studio import Studio

MOST_REFERENCES = 3


def export(studio: Studio, version: SubjectVersionRow, folder: Path) -> tuple[Path, ...]:
    """Copy a version's files to a folder under names that tell what they are."""
    subject = studio.repository.subject(version.subject_id)
    source = studio.home.subjects / (version.digest or "none")
    stem = f"{subject.token.strip('<>')}-v{version.number}"
    targets = {LORA: folder / f"{stem}.safetensors", EMBEDDINGS: folder / f"{stem}.embeddings.safetensors"}
    there = {source / name: target for name, target in targets.items() if (source / name).is_file()}
    if not there:
        message = f"{subject.token}, version {version.number}, has no files: it is not trained."
        raise NotFound(message, "Its pictures are in the library.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, target in there.items():
            with replacing(target) as part:
                shutil.copyfile(file, part)
    except OSError as error:
        raise storage_error(error, folder) from error
    return tuple(there.values())


def is_subject(path: Path) -> bool:
    """Whether a file says of itself that it holds a subject. Raises MediaError for one that cannot be read."""
    return read_card(read_header(path)) is not None


def import_files(
    studio: Studio, card: ModelCard, paths: Sequence[Path], token: str | None, class_word: str | None
) -> SubjectRow:
    """Take in a subject's files: one LoRA, one file of rows, or both."""
    headers = {path: read_header(path) for path in paths}
    about = _about(studio, card, headers, token, class_word)
    digest = _kept(studio, card, headers, about)
    subject = studio.repository.add_subject(about.token, about.name, about.class_word)
    studio.repository.add_subject_version(
        subject.id,
        model=card.id,
        base=about.base,
        method=about.method,
        spec_json=json.dumps({"imported": True}),
        digest=digest,
    )
    return subject


def _about(
    studio: Studio, card: ModelCard, headers: Mapping[Path, Header], token: str | None, class_word: str | None
) -> Card:
    """What is kept of a subject: what its files say of it, under the token and class word that were asked for."""
    told = next((found for header in headers.values() if (found := read_card(header)) is not None), None)
    mark = fingerprint(card)
    if told is not None and told.base and told.base != mark:
        message = f"This subject was trained on {told.base_title or 'another model'}, not on {card.title}."
        raise InvalidRequest((Problem(field="model", message=message, hint="Choose the model it was made for."),))
    taken = {row.token for row in studio.repository.subjects()}
    name = checked_token(token or (told.token if told else ""), card.capabilities.vocabulary, taken)
    known = told or Card(token=name, class_word="", name=name.strip("<>"), method="lora")
    word = known.class_word if class_word is None else class_word
    return replace(known, token=name, class_word=word, base=mark, base_title=card.title)


def _kept(studio: Studio, card: ModelCard, headers: Mapping[Path, Header], about: Card) -> str:
    """Put the files in their place in Gimbal's own layout; their digest."""
    staged = studio.home.incoming / f"media-{hashlib.sha256(about.token.encode()).hexdigest()[:16]}"
    try:
        staged.mkdir(parents=True, exist_ok=True)
        for path, header in headers.items():
            _take(path, header, card, staged, about)
        digest = digest_of(staged)
        place(staged, studio.home.subjects / digest)
    except OSError as error:
        raise storage_error(error, studio.home.subjects) from error
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return digest


def make_reference(studio: Studio, spec: TrainSpec, version: SubjectVersionRow) -> SubjectVersionRow:
    """A version that is used by its pictures alone: each cut to its subject and kept in the library."""
    import io

    from PIL import Image

    from studio.subjects.pictures import examples

    files = {picture.media: studio.library.media_path(picture.media) for picture in spec.pictures}
    kept = []
    for example in examples(spec.pictures[:MOST_REFERENCES], files, spec.settings):
        data = io.BytesIO()
        Image.fromarray(example.frames[0]).save(data, "PNG")
        kept.append(studio.library.add_media(data.getvalue(), f"{spec.token.strip('<>')}.png").sha256)
    digest = hashlib.sha256("\n".join(("reference", spec.class_word, *kept)).encode()).hexdigest()
    folder = studio.home.subjects / digest
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(folder / REFERENCE) as part:
            part.write_text(json.dumps({"token": spec.token, "class_word": spec.class_word, "media": kept}), "utf-8")
    except OSError as error:
        raise storage_error(error, folder) from error
    report = json.dumps({"references": kept, "class_word": spec.class_word})
    return studio.repository.change_subject_version(
        version.id, digest=digest, report_json=report, spec_json=spec.to_json()
    )


def _take(path: Path, header: Header, card: ModelCard, staged: Path, about: Card) -> None:
    """One file under the name and in the layout that Gimbal keeps."""
    if set(header.shapes) == {"rows"}:
        width = _text_width(card)
        if len(header.shapes["rows"]) != 2 or (width and header.shapes["rows"][1] != width):
            message = f"{path.name}: the rows have a width of {header.shapes['rows'][-1:]}, the text encoder {width}."
            raise MediaError(message, "Choose the model it was made for.")
        rewrite(path, header, {"rows": "rows"}, staged / EMBEDDINGS, metadata_of(about))
        return
    base = _transformer(card)
    layout = read_layout(header.shapes, base, _alphas(path, header), path.name)
    kept = {**metadata_of(about), **_own_scale(header, layout.metadata)}
    rewrite(path, header, layout.names, staged / LORA, kept)


def _own_scale(header: Header, told: Mapping[str, str]) -> dict[str, str]:
    """What tells the scale: the file's alpha tensors, or the metadata that diffusers wrote."""
    if told:
        return dict(told)
    known = header.metadata.get("lora_adapter_metadata")
    return {"lora_adapter_metadata": known} if known else {}


def _transformer(card: ModelCard) -> dict[str, tuple[int, ...]]:
    folder = Path(card.settings.get("base") or card.folder) / "transformer"
    return {name: shape for file in sorted(folder.glob("*.safetensors")) for name, shape in read_shapes(file).items()}


def _text_width(card: ModelCard) -> int:
    folder = Path(card.settings.get("base") or card.folder) / "text_encoder"
    try:
        return int(json.loads((folder / "config.json").read_text("utf-8"))["d_model"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _alphas(path: Path, header: Header) -> dict[str, float]:
    """The single numbers of a file, by name."""
    found = {}
    with path.open("rb") as file:
        for name, shape in header.shapes.items():
            if name.endswith(".alpha") and shape in ((), (1,)):
                first, last = header.offsets[name]
                file.seek(header.begin + first)
                found[name] = _number(file.read(last - first), header.dtypes[name])
    return found


def _number(raw: bytes, dtype: str) -> float:
    if dtype == "BF16":
        return float(struct.unpack("<f", b"\0\0" + raw)[0])
    return float(struct.unpack({"F32": "<f", "F64": "<d", "F16": "<e", "I64": "<q", "I32": "<i"}[dtype], raw)[0])
