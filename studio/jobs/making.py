"""Making one clip inside the worker: request -> model -> frames -> clip file and poster.

Torch comes in with the model manager, when a `Maker` is built; this module itself imports none.
"""

from __future__ import annotations

import dataclasses
import errno
import math
import os
import time
from collections.abc import Callable, Mapping
from fractions import Fraction
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from pipelines.domain.errors import GimbalError, NoSpace, OutOfMemory, Stopped
from pipelines.domain.frames import Frames
from pipelines.domain.request import GenerationRequest
from pipelines.families.family import Progress
from pipelines.models.catalog import Catalog
from pipelines.models.device import DeviceFacts, cpu_facts, measure
from pipelines.models.estimate import estimate
from studio import __version__
from studio.home import Home, catalog_of
from studio.jobs.crashpoint import reach
from studio.jobs.events import Ahead, Done, Message, Produced, Ready, Run, Setup, Warm
from studio.jobs.joining import joined, whole_clips
from studio.jobs.reporting import Reporter, TaskReporter
from studio.jobs.tasks import TaskContext, folder_of, task_named
from studio.media import probe, read_frames, read_image
from studio.media.master import write_clip, write_poster
from studio.media.record import ClipRecord, embeddable
from studio.media.timing import resampled

_LIBRARIES: Final = ("torch", "diffusers", "transformers", "numpy")
_OUT_OF_MEMORY: Final = frozenset({"OutOfMemory", "OutOfMemoryError", "MemoryError"})
_WARM_SECONDS = 2.0
_LARGEST_EMBEDDED_FILE = 2**20

Send = Callable[[Message], None]


class Maker:
    """The models of one device. Building it imports torch; it makes one clip at a time."""

    def __init__(self, setup: Setup) -> None:
        from pipelines.models.loras import LoraShelf
        from pipelines.models.manager import Belongings, ModelManager

        self._device = choose_device(setup.device)
        self._setup = setup
        self.catalog = self._read_catalog()
        home = Home(setup.home)
        self._manager = ModelManager(
            self.catalog,
            self._device,
            budget_bytes=setup.budget_bytes,
            may_round=setup.may_round,
            own=Belongings(subjects=home.subjects, loras=LoraShelf(home.loras), measured=home.measured),
        )

    def _read_catalog(self) -> Catalog:
        return catalog_of(self._setup.assets, Home(self._setup.home))

    def _check_model(self, request: GenerationRequest) -> None:
        """A model that is not known may have been added since: look again."""
        if request.model not in {card.id for card in self.catalog.cards()}:
            self.catalog = self._manager.catalog = self._read_catalog()

    def ready(self) -> Ready:
        return Ready(pid=os.getpid(), device=self._device)

    def warm(self, warm: Warm, wanted: Callable[[], bool]) -> None:
        """Load the model of a request and, where that is quick, make its smallest clip: the first call is the slowest.

        The clip is left at its next step once `wanted` says that there is real work.
        """
        request = GenerationRequest.from_json(warm.request_json)
        self._check_model(request)
        card = self.catalog.card(request.model)
        able = card.capabilities
        short = dataclasses.replace(request, num_frames=min(able.grid.lengths), steps=int(able.steps.low))

        def leave_when_wanted(progress: Progress) -> None:
            if wanted():
                raise Stopped("There is real work.")

        with self._manager.use(request.model, short, lambda progress: None) as model:
            if estimate(card, short, self._device).seconds < _WARM_SECONDS:
                model.generate(short, {}, leave_when_wanted)

    def look_ahead(self, ahead: Ahead) -> None:
        """Read what the next clip needs while this one is made. Returns at once."""
        self._manager.read_ahead(ahead.model)

    def free_bytes(self) -> int:
        """Bytes of the device that can be had now."""
        return self._manager.memory.free()

    def make(self, run: Run, send: Send, stopped: Callable[[], bool]) -> Produced:
        """Make the clip of a run and write its two files. Raises GimbalError, Stopped and whatever a model raises."""
        request = GenerationRequest.from_json(run.request_json)
        reporter = Reporter(run, send, stopped)
        self._check_model(request)
        media = read_media(request, run.media)
        with self._manager.use(request.model, request, reporter) as model:
            frames = joined(request, media, model.generate(request, media, reporter))
        reach("worker.generated")
        reporter.stage("saving")
        facts = self._facts() | expected(run) | structure_read(run.media) | heard_with(frames)
        record = self._record(run, request, frames, facts)
        write_clip(run.clip, frames, record)
        reach("worker.clip_written")
        write_poster(run.poster, frames)
        reporter.check()
        return _produced(run, frames, record, facts)

    def do(self, run: Run, send: Send, stopped: Callable[[], bool]) -> Done:
        """Do a task that makes no clip. Raises GimbalError, Stopped and whatever the task raises."""
        home = Home(self._setup.home)
        folder = folder_of(home, run.job_id)
        folder.mkdir(parents=True, exist_ok=True)
        self.catalog = self._manager.catalog = self._read_catalog()
        context = TaskContext(
            job_id=run.job_id,
            attempt=run.attempt,
            spec_json=run.request_json,
            media=run.media,
            folder=folder,
            home=home,
            device=self._device,
            manager=self._manager,
            report=TaskReporter(run.job_id, send, stopped),
        )
        result = task_named(run.task).work(context)
        return Done(job_id=run.job_id, attempt=run.attempt, result=result)

    def _facts(self) -> dict[str, Any]:
        facts = self._manager.last_run
        return {} if facts is None else facts.to_dict()

    def _record(self, run: Run, request: GenerationRequest, frames: Frames, facts: Mapping[str, Any]) -> ClipRecord:
        return ClipRecord(
            request=request,
            frames_sha256=frames.digest(),
            clip_id=run.clip_id,
            created_at=time.time(),
            gimbal_version=__version__,
            model_title=self.catalog.card(request.model).title,
            libraries=library_versions(),
            facts=facts,
            media=embeddable(_small_files(run.media)),
        )


def expected(run: Run) -> dict[str, Any]:
    """What the estimate had said before the start, beside what the clip's facts say that it took."""
    told = run.expected
    return {} if told is None else {"expected_seconds": round(told.seconds, 3), "expected_bytes": told.device_bytes}


def structure_read(files: Mapping[str, Path]) -> dict[str, Any]:
    """What read the structure off that a clip follows, as a fact of it; none where nothing did."""
    from studio.structure.origin import told

    made_by = told(files.values())
    return {"structure": made_by} if made_by else {}


def heard_with(frames: Frames) -> dict[str, Any]:
    """That a clip has sound, as a fact of it."""
    return {} if frames.sound is None else {"sound": "made with the pictures"}


def choose_device(name: str) -> DeviceFacts:
    """The device of that kind ("auto": the best), measured with torch. Raises GimbalError where it is absent."""
    found = cpu_facts() if name == "cpu" else measure()
    if name not in ("auto", found.kind):
        raise GimbalError(f"There is no device {name!r} here; torch finds {found.kind}.", "Unset GIMBAL_DEVICE.")
    return found


def read_media(request: GenerationRequest, files: Mapping[str, Path]) -> dict[str, Frames]:
    """The frames of everything a request names: pictures as one frame, clips at its rate and at most its length.

    A clip that is extended comes whole. Sizes stay: the model covers its own. Raises MediaError.
    """
    whole = whole_clips(request)
    return {digest: _read_one(request, files[digest], digest in whole) for digest in request.media}


def _read_one(request: GenerationRequest, path: Path, whole: bool) -> Frames:
    info = probe(path)
    if info.kind == "image":
        return read_image(path)
    enough = math.ceil(request.num_frames * max(1.0, info.fps / request.fps)) + 1
    frames = read_frames(path) if whole else read_frames(path, max_frames=enough)
    picked = resampled(len(frames), Fraction(frames.fps), Fraction(request.fps))
    picked = picked if whole else picked[: request.num_frames]
    return Frames(frames.pixels[picked], request.fps)


def failure(error: Exception) -> tuple[str, str, str]:
    """(kind, message, hint) of whatever went wrong; what this studio does not know is "Unexpected"."""
    if isinstance(error, GimbalError):
        return type(error).__name__, error.message, error.hint
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return NoSpace.__name__, "The disk is full.", "Free some space, then try again."
    if type(error).__name__ in _OUT_OF_MEMORY:
        hint = "Make the clip smaller or shorter, choose a smaller model, or close other programs."
        return OutOfMemory.__name__, "There is not enough memory for this clip.", hint
    first = (str(error).splitlines() or [""])[0][:300]
    message = f"Something went wrong in the model: {type(error).__name__}: {first}"
    return "Unexpected", message, "Try again; if it happens again, logs/worker.log in the data folder tells more."


def library_versions() -> dict[str, str]:
    """The versions of the libraries that decide what frames a request gives."""
    versions = {}
    for name in _LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _small_files(files: Mapping[str, Path]) -> dict[str, bytes]:
    return {
        digest: path.read_bytes() for digest, path in files.items() if path.stat().st_size <= _LARGEST_EMBEDDED_FILE
    }


def _produced(run: Run, frames: Frames, record: ClipRecord, facts: Mapping[str, Any]) -> Produced:
    return Produced(
        job_id=run.job_id,
        attempt=run.attempt,
        clip_id=run.clip_id,
        path=run.clip,
        poster=run.poster,
        frames_sha256=record.frames_sha256,
        width=frames.width,
        height=frames.height,
        num_frames=len(frames),
        fps=frames.fps,
        created_at=record.created_at,
        facts=facts,
    )
