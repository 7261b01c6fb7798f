"""A library with real clip files in it, made the way a worker makes them."""

from __future__ import annotations

from pathlib import Path

from pipelines.domain.conditioning import StartImage
from pipelines.domain.frames import Frames
from pipelines.domain.request import GenerationRequest
from projects_db.records import ClipRow, JobRow
from studio.home import prepare
from studio.library import Library, Produced
from studio.media.master import write_clip, write_poster
from studio.media.record import ClipRecord
from tests.studio.media.samples import embedded, moving

FRAMES = moving(5, 32, 32, 8.0)


def open_library(home: Path) -> Library:
    prepare(home)
    library, rebuilt = Library.open(home)
    assert rebuilt is None
    return library


def request(seed: int, media: tuple[str, ...] = ()) -> GenerationRequest:
    return GenerationRequest(
        model="toybox",
        prompt=f"a red ball rolls on grass, take {seed}",
        seed=seed,
        width=32,
        height=32,
        num_frames=5,
        fps=8.0,
        steps=4,
        guidance=1.0,
        conditioning=tuple(StartImage(media=digest) for digest in media),
    )


def leased(
    library: Library, seed: int = 1, asked: GenerationRequest | None = None, project: str | None = None
) -> JobRow:
    """A job that a worker has just taken, of the first project unless another is named."""
    project = project or library.repository.list_projects()[0].id
    library.repository.add_jobs(project, [(asked or request(seed)).to_json()])
    row = library.repository.lease_next(1)
    assert row is not None
    return row


def produce(library: Library, job: JobRow, frames: Frames = FRAMES, picture: bytes | None = None) -> Produced:
    """What the worker writes for a job: a clip with its record and a poster, in incoming/."""
    clip = library.home.incoming / f"{job.id}.{job.attempts}.mp4"
    poster = clip.with_suffix(".webp")
    record = ClipRecord(
        request=GenerationRequest.from_json(job.request_json),
        frames_sha256=frames.digest(),
        clip_id=job.id,
        created_at=1_790_000_000.0,
        facts={"seconds": 1.5, "device": "cpu", **({"sound": "made with the pictures"} if frames.sound else {})},
        media=embedded(picture) if picture else {},
    )
    write_clip(clip, frames, record)
    write_poster(poster, frames)
    return Produced(
        clip_id=job.id,
        path=clip,
        poster=poster,
        frames_sha256=frames.digest(),
        width=frames.width,
        height=frames.height,
        num_frames=len(frames),
        fps=frames.fps,
        facts=record.facts,
    )


def stored(library: Library, seed: int = 1) -> ClipRow:
    job = leased(library, seed)
    return library.store(job, produce(library, job))


def stored_from(library: Library, asked: GenerationRequest) -> ClipRow:
    """A clip that was made from this request."""
    job = leased(library, asked=asked)
    return library.store(job, produce(library, job))


def files(library: Library) -> set[str]:
    """Every file of the data folder that belongs to clips and media."""
    root = library.home.root
    folders = ("clips", "posters", "media", "incoming", "trash")
    return {p.relative_to(root).as_posix() for f in folders for p in (root / f).rglob("*") if p.is_file()}
