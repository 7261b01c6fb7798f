"""Where the components of a model lie that was put together from what a person already has.

Such a folder has a model_index.json like any other, and beside it a `gimbal-parts.json`, written by Gimbal:

    {"version": 1, "like": "/models/wan-2.1-t2v-1.3b",
     "parts": {"transformer": {"path": "/models/wan.gguf", "prefix": "", "layout": "original"},
               "text_encoder": {"path": "/models/wan-2.1-t2v-1.3b/text_encoder"}}}

`like` is the model whose description holds for it, a folder or the name of a published one. A part's path is a
component folder, or one file of weights whose configuration lies in the folder itself. Catalogs read such a record in
Gimbal's own data folder only, so that no downloaded folder can point at other files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from pipelines.domain.errors import BrokenCheckpoint
from pipelines.models.weights import read_json

PARTS = "gimbal-parts.json"
LAYOUTS = ("original", "diffusers")
_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where one component lies. path: its folder, or a file of weights.

    prefix: how the names of its tensors begin in that file. layout: whose names they are after it, the model's authors'
    ("original") or those of diffusers.
    """

    path: Path
    prefix: str = ""
    layout: str = "diffusers"

    @property
    def is_file(self) -> bool:
        """Whether the weights are one file, and the configuration lies elsewhere."""
        return self.path.suffix.lower() in (".safetensors", ".gguf")


def is_joined(folder: Path) -> bool:
    """Whether a folder's components lie elsewhere."""
    return (folder / PARTS).is_file()


def read_places(folder: Path) -> dict[str, Place]:
    """The components of a folder that lie elsewhere, by name; {} for every other folder. Raises BrokenCheckpoint."""
    if not is_joined(folder):
        return {}
    raw = read_json(folder / PARTS)
    try:
        if raw["version"] != _VERSION:
            raise ValueError(f"version {raw['version']!r}")
        return {str(name): _place(entry) for name, entry in raw["parts"].items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        problem = str(error)[:200]
    raise BrokenCheckpoint(f"{folder / PARTS} makes no sense ({problem}).", "Delete the folder and add the files anew.")


def origin(folder: Path) -> Path:
    """The folder, or only the name, of the model that describes a folder: itself, but for one that was put together."""
    if not is_joined(folder):
        return folder
    like = read_json(folder / PARTS).get("like")
    return Path(like) if isinstance(like, str) and like else folder


def place_of(folder: Path, name: str) -> Place:
    """Where one component of a folder lies."""
    return read_places(folder).get(name) or Place(path=folder / name)


def config_home(folder: Path, name: str) -> Path:
    """The folder with the configuration of a component."""
    place = place_of(folder, name)
    return folder / name if place.is_file else place.path


def written(places: Mapping[str, Place], like: str) -> str:
    """The text of a `gimbal-parts.json`."""
    told = {name: {**asdict(place), "path": str(place.path)} for name, place in places.items()}
    return json.dumps({"version": _VERSION, "like": like, "parts": told}, indent=1)


def _place(entry: Mapping[str, str]) -> Place:
    place = Place(path=Path(entry["path"]), prefix=entry.get("prefix", ""), layout=entry.get("layout", "diffusers"))
    if not place.path.is_absolute() or place.layout not in LAYOUTS or not isinstance(place.prefix, str):
        raise ValueError(f"the part {entry!r}")
    return place
