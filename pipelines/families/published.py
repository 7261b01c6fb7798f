"""From what is known of published checkpoints, and from what lies in a folder, to the cards of a family. No torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pipelines.domain.capabilities import Capabilities, FrameGrid
from pipelines.domain.errors import BrokenCheckpoint
from pipelines.domain.request import GenerationRequest
from pipelines.families.about import About, read_about
from pipelines.families.arithmetic import HALF_BYTES, Shape, count
from pipelines.families.checkpoint import INDEX, Checkpoint, Kind, pipeline_of, read_checkpoint
from pipelines.families.family import Footprint, ModelCard, Part, Source
from pipelines.families.single import Record
from pipelines.models.parts import origin
from pipelines.models.weights import read_json

Configs = Mapping[str, Mapping[str, Any]]
ShapeOf = Callable[[str, Configs], Shape]
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Published:
    """A checkpoint that was published, as far as it is known without having it.

    pipeline: its class in diffusers. about: title, sizes, steps and the like (fields of `About`).
    traits: further fields of Capabilities. parameters: of each component. configs: the numbers of its configuration
    that its shape needs. options: plain values of its index. settings: what only the family reads.
    settings_source: where the recommended settings come from.
    """

    id: str
    pipeline: str
    repository: str
    about: Mapping[str, Any]
    parameters: Mapping[str, int]
    configs: Configs
    traits: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    settings_source: str = ""
    non_commercial: bool = False
    revision: str = ""
    take: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    index: Mapping[str, Any] | None = None

    @property
    def source(self) -> Source:
        """Where it can be fetched."""
        size = HALF_BYTES * sum(self.parameters.values())
        return Source(
            repository=self.repository,
            revision=self.revision,
            non_commercial=self.non_commercial,
            download_bytes=size,
            take=self.take,
            parts=self.parts,
            index=self.index,
        )

    def is_meant_by(self, folder: Path) -> bool:
        """Whether a folder bears its name: the card's, the repository's, or as a Hub cache writes it."""
        tail = self.repository.rpartition("/")[2].lower()
        names = {self.id.lower(), tail, "models--" + self.repository.replace("/", "--").lower()}
        return not names.isdisjoint(part.lower() for part in folder.parts[-3:])

    def fits(self, checkpoint: Checkpoint) -> bool:
        """Whether a checkpoint's configuration has the numbers of this one."""
        return all(
            checkpoint.configs.get(part, NOTHING).get(key) == value
            for part, numbers in self.configs.items()
            for key, value in numbers.items()
        )


@dataclass(frozen=True, kw_only=True)
class StockFamily:
    """The torch-free half of a family whose models are stock pipelines of diffusers.

    shape_of: from a pipeline's class and the configurations of its components to its Shape; KeyError, TypeError and
    ValueError of it mean a broken configuration. refused: pipelines that are recognised and not served, each with why.
    """

    name: str
    kinds: Sequence[Kind]
    cards: Sequence[Published]
    shape_of: ShapeOf
    refused: Mapping[str, str] = field(default_factory=dict)

    def recognises(self, folder: Path) -> bool:
        """See `Family.recognises`."""
        name = pipeline_of(folder)
        return name in self.refused or any(kind.pipeline == name for kind in self.kinds)

    def card(self, folder: Path, card_id: str) -> ModelCard:
        """See `Family.card`; a folder with the name or the numbers of a published checkpoint takes over its card."""
        name = pipeline_of(folder)
        if name in self.refused:
            raise BrokenCheckpoint(f"{folder} is a {name}. {self.refused[name]}", "Choose another checkpoint.")
        checkpoint = read_checkpoint(folder, self._kind(folder, name))
        known = self._known(folder, checkpoint)
        shape = self._shape(folder, checkpoint)
        about = read_about(folder, {**known.about, **self._own(folder, known, checkpoint)})
        parameters = {part: found.parameters for part, found in checkpoint.weights.items()}
        made = self._described(card_id, known, about, shape, folder, parameters)
        is_same = known.is_meant_by(origin(folder)) or known.fits(checkpoint)
        settings = {**made.settings, "checkpoint": checkpoint, "packed": checkpoint.packed}
        return replace(made, settings=settings, source=known.source if is_same else None, is_here=True)

    def published(self, home: Path) -> tuple[ModelCard, ...]:
        """See `Family.published`."""
        return tuple(self._published(known, home / known.id) for known in self.cards)

    def footprint(self, card: ModelCard, request: GenerationRequest) -> Footprint:
        """See `Family.footprint`."""
        settings = card.settings
        return count(settings["shape"], settings["components"], request, settings.get("packed", NOTHING))

    def records(self) -> tuple[Record, ...]:
        """The published checkpoints, as a model is put together by them."""
        kinds = {kind.pipeline: kind for kind in self.kinds}
        return tuple(
            Record(
                id=known.id,
                title=str(known.about["title"]),
                kind=kinds[known.pipeline],
                configs=known.configs,
                parameters=known.parameters,
                options=known.options,
            )
            for known in self.cards
        )

    def _kind(self, folder: Path, name: str) -> Kind:
        for kind in self.kinds:
            if kind.pipeline == name:
                return kind
        read_json(folder / INDEX)  # says what is wrong with one that cannot be read
        named = name or "no pipeline"
        raise BrokenCheckpoint(f"{folder / INDEX} names {named}, which is not served.", "Choose another.")

    def _published(self, known: Published, folder: Path) -> ModelCard:
        about, shape = About(**known.about), self.shape_of(known.pipeline, known.configs)
        return self._described(known.id, known, about, shape, folder, known.parameters)

    def _described(
        self, card_id: str, known: Published, about: About, shape: Shape, folder: Path, parameters: Mapping[str, int]
    ) -> ModelCard:
        return ModelCard(
            id=card_id,
            title=about.title,
            family=self.name,
            folder=folder,
            summary=about.summary,
            licence=about.licence,
            capabilities=capabilities(about, shape, known.traits, folder),
            examples=about.examples,
            weaknesses=about.weaknesses,
            settings={
                **known.settings,
                "pipeline": known.pipeline,
                "shape": shape,
                "components": {part: HALF_BYTES * number for part, number in parameters.items()},
                "shift": about.shift,
                "max_sequence_length": about.max_sequence_length,
            },
            source=known.source,
            is_here=False,
            settings_source=known.settings_source,
        )

    def _known(self, folder: Path, checkpoint: Checkpoint) -> Published:
        """The published checkpoint that a folder is, or else the first of its pipeline, whose defaults then hold."""
        same = [known for known in self.cards if known.pipeline == checkpoint.kind.pipeline]
        named = [known for known in same if known.is_meant_by(origin(folder))]
        return next(iter(named or [known for known in same if known.fits(checkpoint)] or same))

    def _own(self, folder: Path, known: Published, checkpoint: Checkpoint) -> dict[str, Any]:
        """What an unknown checkpoint says differently from the one whose defaults it takes."""
        if known.is_meant_by(origin(folder)) or known.fits(checkpoint):
            return {}
        return {"title": origin(folder).name[:80] or known.id, "licence": "the checkpoint's own", "examples": ()}

    def _shape(self, folder: Path, checkpoint: Checkpoint) -> Shape:
        try:
            return self.shape_of(checkpoint.kind.pipeline, checkpoint.configs)
        except (KeyError, TypeError, ValueError, IndexError, ZeroDivisionError) as error:
            problem = repr(error)
        raise BrokenCheckpoint(f"A configuration of {folder} lacks or distorts a number ({problem}).", "Fetch it anew.")


def capabilities(about: About, shape: Shape, traits: Mapping[str, Any], folder: Path) -> Capabilities:
    """What a model can do. Raises BrokenCheckpoint where its sizes or lengths do not lie on its grid."""
    multiple, step = shape.size_multiple, shape.frames_multiple
    for width, height in about.sizes:
        if width % multiple or height % multiple:
            raise BrokenCheckpoint(f"{folder}: size {width}x{height} is no multiple of {multiple}.", "Correct sizes.")
    for length in about.lengths:
        if (length - 1) % step:
            raise BrokenCheckpoint(f"{folder}: length {length} is not 1 + k * {step}.", "Correct lengths.")
    sides = [side for size in about.sizes for side in size]
    return Capabilities(
        grid=FrameGrid(
            size_multiple=multiple,
            min_side=about.min_side or min(sides),
            max_side=about.max_side or max(sides),
            max_pixels=about.max_pixels or max(width * height for width, height in about.sizes),
            sizes=about.sizes,
            frames_multiple=step,
            lengths=about.lengths,
            max_frames=about.max_frames or max(about.lengths),
            fps=about.fps,
        ),
        steps=about.steps,
        guidance=about.guidance,
        negative_prompt=about.negative_prompt,
        conditionings=about.conditionings,
        vocabulary=about.vocabulary,
        camera_limits=about.camera_limits,
        **traits,
    )
