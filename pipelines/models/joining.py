"""A model put together from single files that a person has, and from the components of models that are here.

Nothing is copied and nothing is fetched: a small folder says where everything lies. What a file is, its family tells
from names and shapes; the configuration that it does not bring is that of a model here with the same component, or the
record of a published one. What is still missing is told by the name of a model that has it.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pipelines.domain.errors import BrokenCheckpoint
from pipelines.families import NAMES, family_named
from pipelines.families.checkpoint import INDEX, is_weighted
from pipelines.families.family import ModelCard
from pipelines.families.single import Match, Record, Singles, match
from pipelines.models.glance import refusal
from pipelines.models.one_file import OneFile, read_one
from pipelines.models.parts import PARTS, Place, config_home, is_joined, origin, place_of, written
from pipelines.models.tuned import ABOUT, is_tuned
from pipelines.models.weights import read_json

_PARTNERS = {"tokenizer": "text_encoder", "image_processor": "image_encoder", "feature_extractor": "image_encoder"}
_SECOND = "transformer_2"


@dataclass(frozen=True, kw_only=True)
class Known:
    """A file and what it is. family: the name of the family whose component it holds."""

    file: OneFile
    match: Match
    family: str

    @property
    def told(self) -> str:
        """What it is in words."""
        return f"{self.file.path.name} is a {self.match.kind.component} of the {self.family} family"

    @property
    def place(self) -> Place:
        return Place(path=self.file.path, prefix=self.match.prefix, layout=self.match.layout.name)


@dataclass(frozen=True, kw_only=True)
class Whole:
    """A model that is complete.

    index: its model_index.json. configs: those of the files. about: its gimbal.json. like: the model that describes it.
    """

    index: Mapping[str, Any]
    places: Mapping[str, Place]
    configs: Mapping[str, Mapping[str, Any]]
    about: Mapping[str, Any]
    like: str


def know(path: Path) -> Known:
    """What a file is, from its header alone. Raises BrokenCheckpoint where no family can use it."""
    file = read_one(path)
    for name, singles in _families():
        found = match(file.shapes, singles.files)
        if found is None:
            continue
        if found.layout.refused:
            raise BrokenCheckpoint(f"{path} cannot be read. {found.layout.refused}", "Choose another file.")
        if file.is_gguf:
            _check_packed(path, found)
        return Known(file=file, match=found, family=name)
    raise refusal(path)


def join(paths: Sequence[Path], cards: Sequence[ModelCard], home: Path, base: ModelCard | None = None) -> Path:
    """Write the folder of a model made of files, below `home`, and return it.

    cards: the models that are here, which lend what the files lack. base: the one to take everything else from; None =
    whichever fits. Raises BrokenCheckpoint with what is missing and where it can be had, and OSError (the disk).
    """
    known = _slots([know(path.expanduser().resolve()) for path in paths])
    whole = _complete(known, cards, base)
    folder = home / _slug(paths[0])
    if folder.exists():
        hint = f"Delete that folder to add it anew, or rename {paths[0].name}."
        raise BrokenCheckpoint(f"There is a model {folder.name} already: {folder}.", hint)
    growing = home / ".incoming" / folder.name
    shutil.rmtree(growing, ignore_errors=True)
    for name, config in whole.configs.items():
        (growing / name).mkdir(parents=True)
        (growing / name / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
    (growing / INDEX).write_text(json.dumps(whole.index, indent=1), encoding="utf-8")
    (growing / PARTS).write_text(written(whole.places, whole.like), encoding="utf-8")
    (growing / ABOUT).write_text(json.dumps(whole.about, indent=1), encoding="utf-8")
    growing.replace(folder)
    return folder


def _families() -> Iterator[tuple[str, Singles]]:
    for name in NAMES:
        singles: Singles | None = getattr(family_named(name), "SINGLES", None)
        if singles is not None:
            yield name, singles


def _check_packed(path: Path, found: Match) -> None:
    if not found.kind.packed:
        message = f"{path} is a {found.kind.cls} as GGUF, which diffusers does not read."
        raise BrokenCheckpoint(message, "Use the same model in safetensors.")
    if find_spec("gguf") is None:
        message = f"{path} is a GGUF file, and the package that reads those is not installed."
        raise BrokenCheckpoint(message, "Install it: .venv/bin/python -m pip install gguf")


def _slots(known: Sequence[Known]) -> dict[str, Known]:
    """Each file under the component it becomes; of two transformers the one for high noise is the first."""
    if len({each.family for each in known}) > 1:
        told = "; ".join(each.told for each in known)
        raise BrokenCheckpoint(f"These files belong to different models: {told}.", "Add them one by one.")
    slots: dict[str, Known] = {}
    for each in sorted(known, key=lambda each: "low" in each.file.path.stem.lower()):
        name = each.match.kind.component
        name = _SECOND if name in slots and name == "transformer" else name
        if name in slots:
            raise BrokenCheckpoint(f"{each.told}, and so is another of these files.", "Add one of each at most.")
        slots[name] = each
    return slots


def _complete(known: Mapping[str, Known], cards: Sequence[ModelCard], base: ModelCard | None) -> Whole:
    """The model that the files make with what is here."""
    family = next(iter(known.values())).family
    own = [card for card in cards if card.family == family and not is_tuned(card.folder)]
    own.sort(key=lambda card: (is_joined(card.folder), -_said(known, card.id)))
    for card in [base] if base else own:
        whole = _beside(known, card)
        if whole is not None:
            return whole
    if base is not None:
        message = f"{_told(known)}, which does not fit {base.title}."
        raise BrokenCheckpoint(message, "Leave out --base, and a model that fits is looked for.")
    records = _fitting(known, family)
    found = [_by_record(known, record, cards) for record in records]
    for each in found:
        if isinstance(each, Whole):
            return each
    raise _missing(known, records, [each for each in found if not isinstance(each, Whole)])


def _beside(known: Mapping[str, Known], card: ModelCard) -> Whole | None:
    """The model of a card that is here with the files in place of its own components; None where they do not fit it."""
    index = read_json(card.folder / INDEX)
    configs = {}
    for name, each in known.items():
        if _class_in(index, name) != each.match.kind.cls:
            return None
        configs[name] = read_json(config_home(card.folder, name) / "config.json")
        if not each.match.fits(configs[name]):
            return None
    if _SECOND in index and (index[_SECOND] or [None])[0] and "transformer" in known and _SECOND not in known:
        return None
    parts = [name for name, entry in index.items() if isinstance(entry, list) and len(entry) == 2 and entry[0]]
    places = {name: place_of(card.folder, name) for name in parts if name not in known}
    about = read_json(card.folder / ABOUT) if (card.folder / ABOUT).is_file() else {"version": 1}
    return Whole(
        index=index,
        places={**_absolute(places), **_places(known)},
        configs=configs,
        about={**about, "title": _title(card.title, known)},
        like=str(origin(card.folder).absolute()),
    )


def _by_record(known: Mapping[str, Known], record: Record, cards: Sequence[ModelCard]) -> Whole | tuple[str, ...]:
    """The model of a published record from the files and components that are here; else what is missing."""
    lenders: dict[str, ModelCard] = {}
    for name in record.components:
        if name not in known:
            lender = next((card for card in cards if _lends(card, name, record)), None)
            if lender is not None:
                lenders[name] = lender
    missing = tuple(name for name in record.components if name not in known and name not in lenders)
    if missing:
        return missing
    index = {name: read_json(card.folder / INDEX)[name] for name, card in lenders.items()}
    index |= {name: ["diffusers", each.match.kind.cls] for name, each in known.items()}
    places = {name: place_of(card.folder, name) for name, card in lenders.items()}
    configs = {name: each.match.completed(_numbers(record, name)) for name, each in known.items()}
    return Whole(
        index={"_class_name": record.kind.pipeline, **record.options, **index},
        places={**_absolute(places), **_places(known)},
        configs=configs,
        about={"version": 1, "title": _title(record.title, known)},
        like=record.id,
    )


def _lends(card: ModelCard, name: str, record: Record) -> bool:
    """Whether a card has the very component that a record asks for: its class, and as many parameters."""
    if is_tuned(card.folder):
        return False
    partner = next((other for begin, other in _PARTNERS.items() if name.startswith(begin)), "")
    if partner:  # words and pictures are prepared as the encoder that reads them was trained
        partner = name.replace(name.rstrip("_0123456789"), partner)
    if _class_in(read_json(card.folder / INDEX), name) not in record.kind.parts[name]:
        return False
    if partner and partner in record.parameters:
        return _parameters(card).get(partner) == record.parameters[partner]
    if is_weighted(name):
        return _parameters(card).get(name) == record.parameters[name]
    return _class_in(read_json(card.folder / INDEX), "transformer") in record.kind.parts.get("transformer", ())


def _fitting(known: Mapping[str, Known], family: str) -> list[Record]:
    """Published checkpoints that the files may be of, those whose names say more of the same first."""
    singles = dict(_families())[family]
    found = [record for record in singles.records if all(_is_of(each, n, record) for n, each in known.items())]
    found = [record for record in found if (_SECOND in record.parameters) == (_SECOND in known)]
    return sorted(found, key=lambda record: -_said(known, record.id))


def _said(known: Mapping[str, Known], name: str) -> int:
    """How many words of a model's name the names of the files say."""
    stems = " ".join(each.file.path.stem.lower() for each in known.values())
    return sum(word in stems for word in name.split("-")[1:])


def _is_of(each: Known, name: str, record: Record) -> bool:
    if not each.match.kind.recorded or name not in record.parameters:
        return False
    classes = record.kind.parts[name]
    return each.match.kind.cls in classes and each.match.fits(_numbers(record, name))


def _numbers(record: Record, name: str) -> Mapping[str, Any]:
    return record.configs.get("transformer" if name == _SECOND else name, {})


def _missing(
    known: Mapping[str, Known], records: Sequence[Record], lacks: Sequence[tuple[str, ...]]
) -> BrokenCheckpoint:
    """What to fetch: the smallest published model that has everything that is missing."""
    if not records:
        message = f"{_told(known)}, and no model here has the same component, so its configuration is unknown."
        return BrokenCheckpoint(message, "Fetch or add the model that it was made from, then add the file again.")
    record, lacking = records[0], lacks[0]
    needed = ", ".join(name.replace("_", " ") for name in lacking)
    message = f"{_told(known)} ({record.title}); its {needed} are not here."
    sizes = {
        other.id: sum(other.parameters.values())
        for _, singles in _families()
        for other in singles.records
        if all(_has(other, name, record) for name in lacking)
    }
    smallest = min(sizes, key=lambda name: sizes[name], default=record.id)
    size = 2 * sizes.get(smallest, sum(record.parameters.values())) / 1e9
    hint = f"Fetch a model that has them ({size:.0f} GB), then add the file again: launch.py models pull {smallest}"
    return BrokenCheckpoint(message, hint)


def _has(other: Record, name: str, record: Record) -> bool:
    same_class = name in other.kind.parts and set(other.kind.parts[name]) & set(record.kind.parts[name])
    return bool(same_class) and other.parameters.get(name) == record.parameters.get(name)


def _parameters(card: ModelCard) -> Mapping[str, int]:
    """Elements of each component of a card that is here."""
    return {name: found.parameters for name, found in card.settings["checkpoint"].weights.items()}


def _class_in(index: Mapping[str, Any], name: str) -> str:
    entry = index.get(name)
    return str(entry[1]) if isinstance(entry, list) and len(entry) == 2 else ""


def _absolute(places: Mapping[str, Place]) -> dict[str, Place]:
    return {name: Place(path=p.path.absolute(), prefix=p.prefix, layout=p.layout) for name, p in places.items()}


def _places(known: Mapping[str, Known]) -> dict[str, Place]:
    return {name: each.place for name, each in known.items()}


def _told(known: Mapping[str, Known]) -> str:
    return " and ".join(each.told for each in known.values())


def _title(title: str, known: Mapping[str, Known]) -> str:
    """The title of the model with the names of the files, at most 80 characters."""
    stems = ", ".join(each.file.path.stem for each in known.values())
    return f"{title[:38]} ({stems[:38]})"


def _slug(path: Path) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", path.stem.lower()).strip("-.") or "model"
