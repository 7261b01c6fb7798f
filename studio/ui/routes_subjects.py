"""Routes of the Subject tab: pictures, trainings, what came of them. Each is a call of `studio.subjects`."""

from __future__ import annotations

import dataclasses
import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, Form, Query, Request, UploadFile
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel, Field
from starlette.background import BackgroundTask

from pipelines.domain.errors import GimbalError, InvalidRequest, MediaError
from pipelines.personalize.box import Box
from pipelines.personalize.settings import from_dict
from studio.media.limits import MAX_FILE_BYTES
from studio.ui import answers, sources
from studio.ui.brought import brought, jpeg

if TYPE_CHECKING:
    from studio.studio import Studio

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Words = Annotated[str, Field(max_length=400)]
Step = Annotated[int, Body(embed=True, ge=0)]
MOST_FILES = 4


class Part(BaseModel, extra="forbid"):
    """Where the subject is, as shares of the picture's width and height."""

    left: float = Field(ge=0, le=1)
    top: float = Field(ge=0, le=1)
    width: float = Field(gt=0, le=1)
    height: float = Field(gt=0, le=1)

    def box(self) -> Box:
        return Box(left=self.left, top=self.top, width=self.width, height=self.height)


class Pictures(BaseModel, extra="forbid"):
    """Pictures to look at, and the boxes that were drawn by hand."""

    media: list[Digest] = Field(max_length=10_000)
    class_word: Words = ""
    token: Words = "<my-subject>"
    model: Words | None = None
    boxes: dict[str, Part] = Field(default_factory=dict)


class Picture(BaseModel, extra="forbid"):
    """One picture of a training."""

    media: Digest
    caption: Annotated[str, Field(max_length=4000)]
    box: Part | None = None
    cut_out: bool = False


class Training(BaseModel, extra="forbid"):
    """A wish to train. project: whose queue shows it."""

    token: Words
    name: Words = ""
    class_word: Words = ""
    model: Words
    settings: dict[str, Any]
    pictures: list[Picture] = Field(max_length=10_000)
    subject_id: str | None = None
    project: str | None = None


class Comparison(BaseModel, extra="forbid"):
    """A form whose prompt names a subject, and the strengths to make it at."""

    project: str
    token: Words
    values: dict[str, Any]
    strengths: list[Annotated[float, Field(ge=0, le=2)]] = Field(min_length=1, max_length=8)


def router(studio: Studio) -> APIRouter:
    routes = APIRouter(prefix="/gimbal")
    _pictures(routes, studio)
    _before(routes, studio)
    _trainings(routes, studio)
    _after(routes, studio)
    _files(routes, studio)
    return routes


def _pictures(routes: APIRouter, studio: Studio) -> None:
    @routes.post("/api/subjects/pictures")
    async def bring(request: Request, name: str = "picture") -> dict[str, Any]:
        """Keep a brought picture or clip; one that cannot be read is told in `refused`."""

        def keep(path: Path) -> dict[str, Any]:
            row, notes = sources.stored(studio, path, name)
            return {"media": row.sha256, "name": name, "kind": row.kind, "notes": list(notes)}

        return await brought(request, name, keep)

    @routes.get("/media/subjects/pictures/{sha256}")
    def face(sha256: str) -> Response:
        """A picture as a training looks at it: of a clip, the frame in its middle."""
        from studio.subjects.pictures import read_picture

        return jpeg(read_picture(studio.library.media_path(sha256)))

    @routes.post("/api/subjects/look")
    def look(asked: Pictures) -> dict[str, Any]:
        """Where the subject is in each picture, what is wrong with it in words, and a first caption."""
        boxes = {media: part.box() for media, part in asked.boxes.items()}
        seen = studio.subjects.look(asked.media, asked.class_word, asked.token, asked.model, boxes)
        return dataclasses.asdict(seen)


def _before(routes: APIRouter, studio: Studio) -> None:
    @routes.get("/api/subjects/offers")
    def offers(model: Annotated[str, Query(max_length=400)]) -> dict[str, Any]:
        """Methods, why one cannot be used, and each preset with its time and memory on this machine."""
        return dataclasses.asdict(studio.subjects.offers(model))

    @routes.post("/api/subjects/estimate")
    def estimate(model: Annotated[str, Body(max_length=400)], settings: Annotated[Any, Body()]) -> dict[str, Any]:
        return _or_refused(lambda: dataclasses.asdict(studio.subjects.estimate(model, from_dict(_mapping(settings)))))

    @routes.post("/api/subjects/token")
    def token(
        token: Annotated[str, Body(max_length=400)],
        model: Annotated[str, Body(max_length=400)],
        subject_id: Annotated[str | None, Body()] = None,
    ) -> dict[str, Any]:
        """The token as it is kept; a problem says why it cannot be one."""
        return _or_refused(lambda: {"token": studio.subjects.check_token(token, model, subject_id)})

    @routes.get("/api/subjects/complete")
    def complete(
        model: Annotated[str, Query(max_length=400)], prefix: Annotated[str, Query(max_length=80)] = ""
    ) -> dict[str, Any]:
        return {"tokens": list(studio.subjects.complete(prefix, model))}


def _trainings(routes: APIRouter, studio: Studio) -> None:
    @routes.post("/api/subjects")
    def train(asked: Training) -> dict[str, Any]:
        """Queue a training; `job` is null where the version is ready at once."""
        return _or_refused(lambda: _trained(studio, asked))

    @routes.get("/api/subjects/versions/{version_id}")
    def training(version_id: str) -> dict[str, Any]:
        return studio.subjects.training(version_id)

    @routes.get("/api/subjects/versions/{version_id}/wish")
    def wish(version_id: str) -> dict[str, Any]:
        """What was asked for, to train it again: {} for a version that was imported."""
        told: dict[str, Any] = json.loads(studio.repository.subject_version(version_id).spec_json)
        return told if "pictures" in told else {}

    @routes.post("/api/subjects/versions/{version_id}/choose")
    def choose(version_id: str, step: Step) -> dict[str, Any]:
        return {"digest": studio.subjects.choose(version_id, step).digest}

    @routes.get("/media/subjects/{version_id}/{step}/{name}")
    def sample(request: Request, version_id: str, step: int, name: str) -> Response:
        return answers.file(request, studio.subjects.sample_path(version_id, step, name), "image/webp")


def _after(routes: APIRouter, studio: Studio) -> None:
    @routes.get("/api/subjects")
    def every() -> dict[str, Any]:
        return {"subjects": [dataclasses.asdict(view) for view in studio.subjects.list()]}

    @routes.post("/api/subjects/{subject_id}/change")
    def change(
        subject_id: str,
        name: Annotated[str | None, Body(max_length=200)] = None,
        strength: Annotated[float | None, Body(ge=0, le=2)] = None,
    ) -> dict[str, Any]:
        if name is not None:
            studio.repository.rename_subject(subject_id, name)
        if strength is not None:
            studio.repository.set_subject_strength(subject_id, strength)
        return dataclasses.asdict(studio.subjects.view(subject_id))

    @routes.post("/api/subjects/{subject_id}/delete")
    def delete(subject_id: str) -> dict[str, Any]:
        studio.repository.delete_subject(subject_id)
        return {}

    @routes.post("/api/subjects/{subject_id}/restore")
    def restore(subject_id: str) -> dict[str, Any]:
        studio.repository.restore_subject(subject_id)
        return {}

    @routes.post("/api/subjects/compare")
    def compare(asked: Comparison) -> dict[str, Any]:
        """Queue the same clip at several strengths of a subject; the jobs in the order of the strengths."""
        return _or_refused(lambda: _compared(studio, asked))


def _files(routes: APIRouter, studio: Studio) -> None:
    @routes.post("/api/subjects/import")
    def bring(
        files: list[UploadFile],
        model: Annotated[str, Form(max_length=400)],
        token: Annotated[str | None, Form(max_length=400)] = None,
        class_word: Annotated[str | None, Form(max_length=400)] = None,
    ) -> dict[str, Any]:
        """Take in a subject's files, or another program's LoRA."""
        with tempfile.TemporaryDirectory(prefix="gimbal-subject-") as folder:
            paths = [_written(file, Path(folder), number) for number, file in enumerate(files[:MOST_FILES])]
            take = studio.subjects.import_files
            return _or_refused(lambda: dataclasses.asdict(take(paths, model, token, class_word)))

    @routes.get("/api/subjects/versions/{version_id}/export")
    def export(version_id: str) -> Response:
        """Its files in one uncompressed zip."""
        folder = Path(tempfile.mkdtemp(prefix="gimbal-subject-"))
        try:
            paths = studio.subjects.export(version_id, folder)
            packed = folder / f"{paths[0].stem}.zip"
            with zipfile.ZipFile(packed, "w") as file:
                for path in paths:
                    file.write(path, path.name)
        except (GimbalError, OSError):
            shutil.rmtree(folder, ignore_errors=True)
            raise
        away = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
        return FileResponse(packed, media_type="application/zip", filename=packed.name, background=away)


def _or_refused(make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What was asked for, or {"refused": why}: what a person typed or brought may be wrong, that is an answer, too."""
    try:
        return make()
    except (InvalidRequest, MediaError) as error:
        return {"refused": answers.explain(error)}


def _trained(studio: Studio, asked: Training) -> dict[str, Any]:
    from studio.subjects.service import TrainRequest
    from studio.subjects.spec import PictureSpec

    wish = TrainRequest(
        token=asked.token,
        name=asked.name,
        class_word=asked.class_word,
        model=asked.model,
        settings=from_dict(asked.settings),
        pictures=tuple(
            PictureSpec(media=p.media, caption=p.caption, box=p.box.box() if p.box else None, cut_out=p.cut_out)
            for p in asked.pictures
        ),
        subject_id=asked.subject_id,
    )
    version, job = studio.subjects.train(wish, asked.project)
    return {"subject": version.subject_id, "version": version.id, "job": job.id if job else None}


def _compared(studio: Studio, asked: Comparison) -> dict[str, Any]:
    from studio.ui.forms import request_from

    requests = studio.subjects.grid(request_from(asked.values), asked.token, asked.strengths)
    return {"jobs": [studio.queue.submit(asked.project, request)[0].id for request in requests]}


def _mapping(raw: Any) -> Mapping[str, Any]:
    return raw if isinstance(raw, dict) else {}


def _written(file: UploadFile, folder: Path, number: int) -> Path:
    """An uploaded file in a folder of its own, under as much of its name as a file can have anywhere."""
    name = "".join(c for c in Path(file.filename or "").name if c.isalnum() or c in "-_.")[-80:].lstrip(".")
    path = folder / str(number) / (name or "file")
    path.parent.mkdir()
    size = 0
    with path.open("wb") as out:
        while chunk := file.file.read(2**20):
            size += len(chunk)
            if size > MAX_FILE_BYTES:
                raise MediaError(f"{path.name} is larger than {MAX_FILE_BYTES / 2**20:,.0f} MB.", "It is no LoRA.")
            out.write(chunk)
    return path
