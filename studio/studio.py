"""The composition root: builds everything a studio is made of, owns it, and is the one face for commands and window."""

from __future__ import annotations

import dataclasses
import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType

from pipelines.domain.errors import BrokenCheckpoint, GimbalError
from pipelines.domain.request import GenerationRequest
from pipelines.families.family import ModelCard
from pipelines.models.catalog import Catalog
from pipelines.models.device import DeviceFacts, main_memory, measure_without_torch
from pipelines.models.estimate import Estimate, PastRun, Stored, estimate
from projects_db.records import JobRow
from studio.camera.beside import Beside
from studio.camera.obtained import Measuring
from studio.camera.picture import Pictures
from studio.home import add_model, catalog_of, prepare, storage_error
from studio.jobs.dispatcher import Dispatcher
from studio.jobs.events import Setup
from studio.jobs.executors import Executor, Listener, StartExecutor
from studio.jobs.executors.process import ProcessExecutor, spawn
from studio.jobs.parts import Parts
from studio.jobs.queue import Makers, Queue
from studio.jobs.tasks import BESIDE
from studio.library import Library
from studio.settings import Settings
from studio.shelf.loras import Loras
from studio.shelf.models import Models
from studio.snapshot import ENDED, Board, JobView, Notice, Rows, Snapshot, Where, job_view, read_rows
from studio.subjects.service import Subjects

_WATCH_SECONDS = 1.0
_STORED = 20  # clips that tell how large a file will be
_log = logging.getLogger("gimbal.studio")


class Studio:
    """A data folder at work. `worker=False` for what only looks: then nothing is dispatched and nothing recovered.

    start_worker: how a worker is started; a process of its own where not given.
    Raises StorageError, NoSpace and NewerDatabase while it opens; a damaged history is rebuilt from the clips.
    """

    def __init__(self, settings: Settings, *, worker: bool = True, start_worker: StartExecutor | None = None) -> None:
        self.settings = settings
        self.home = prepare(settings.home)
        self.catalog = catalog_of(settings.assets, self.home)
        self.library, self.rebuilt = Library.open(self.home.root)
        self.repository = self.library.repository
        self._log_file = _begin_log(self.home.logs / "studio.log")
        self.board = Board()
        if self.rebuilt is not None:
            self.board.tell(Notice(message=" ".join(self.rebuilt.lines()), hint=""))
        self._guessed: DeviceFacts | None = None
        self.measuring = Measuring(self.repository, self.library.clip_path, self.board.touch)
        self.pictures = Pictures(Beside("pictures"), self.library)
        self.dispatcher = Dispatcher(self._parts(start_worker or self._spawn)) if worker else None
        self.loras = Loras(self.home)
        makers = Makers(self.catalog, self.loras.shelf)
        self.queue = Queue(self.repository, makers, self.library, self.board, self.dispatcher)
        self.models = Models(self)
        self.subjects = Subjects(self)
        self._rows: tuple[int, Rows] | None = None
        self._seen = self.repository.data_version()
        self._closing = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="watcher", daemon=True)

    def start(self) -> Studio:
        """Begin to dispatch (if this studio has a worker) and to notice what other processes write."""
        self._watcher.start()
        if self.dispatcher is not None:
            self.dispatcher.start()
            if self.settings.warm_start:
                threading.Thread(target=self._warm_later, name="warm", daemon=True).start()
        return self

    def close(self) -> None:
        """End the worker, put a running job back into the queue, let go of the database."""
        self._closing.set()
        if self.dispatcher is not None:
            self.dispatcher.close()
        self.close_beside()
        if self._watcher.ident is not None:
            self._watcher.join()
        self.repository.close()
        logging.getLogger("gimbal").removeHandler(self._log_file)
        self._log_file.close()

    def close_beside(self) -> None:
        """End the processes that look at pictures and clips; nobody waits for their answers any more."""
        self.measuring.close()
        self.pictures.close()

    def __enter__(self) -> Studio:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    # -- what a screen shows

    def snapshot(self) -> Snapshot:
        """The queue as it is now. Cheap while only progress changed."""
        version = self.board.version
        rows = self._current_rows()
        ended = {state: tuple(job_view(row, None) for row in latest) for state, latest in rows.latest.items()}
        return Snapshot(
            version=version,
            paused=rows.paused,
            notice=self.board.notice,
            dispatching=self._where(),
            running=tuple(job_view(row, self.board.live(row.id)) for row in sorted(rows.running, key=_is_beside)),
            waiting=tuple(job_view(row, None, place) for place, row in enumerate(rows.waiting, start=1)),
            failed=ended["failed"],
            stopped=ended["stopped"],
            finished=ended["finished"],
            counts=rows.counts,
            machine=self.board.machine(self.device()),
        )

    def wait_for_change(self, version: int, timeout: float) -> int:
        """Block until the snapshot differs from that of `version` or `timeout` seconds are over; the version then."""
        return self.board.wait(version, timeout)

    def subscribe(self, listener: Callable[[int], None]) -> Callable[[], None]:
        """Have `listener(version)` called after each change; returns what ends that. It must return quickly."""
        return self.board.subscribe(listener)

    def dismiss_notice(self) -> None:
        """The person has read the notice."""
        self.board.tell(None)

    def preview(self, job_id: str) -> bytes | None:
        """An animated WebP of a running job's denoising, if this process makes it and there is one yet."""
        live = self.board.live(job_id)
        return live.preview if live else None

    def job(self, job_id: str) -> JobView:
        """One job as it is shown. Raises NotFound."""
        return job_view(self.repository.job(job_id), self.board.live(job_id))

    def device(self) -> DeviceFacts:
        """The device clips are made on, guessed without torch until the worker has measured it."""
        if self._guessed is None:
            self._guessed = measure_without_torch()
        guessed = self._guessed
        if guessed.kind != "cuda":
            guessed = dataclasses.replace(guessed, free_bytes=main_memory()[1])
        return self.board.machine(guessed).device

    def estimate(self, request: GenerationRequest) -> Estimate:
        """Seconds, memory and disk a request will take here, from arithmetic and past runs. Raises UnknownModel."""
        card = self.catalog.card(request.model)
        history = [run for row in self.repository.past_runs(card.id, 50) if (run := past_run(row)) is not None]
        clips = self.repository.search_clips(model=card.id, limit=_STORED).clips
        stored = [Stored(pixels=c.width * c.height * c.num_frames, file_bytes=c.size_bytes) for c in clips]
        return estimate(card, request, self.device(), history, stored)

    # -- what a command does

    def wait(
        self, job_id: str, on_progress: Callable[[JobView], None] | None = None, timeout: float | None = None
    ) -> JobRow:
        """Block until a job has ended, whichever process makes it; the row then.

        on_progress is called with every change. Raises TimeoutError, and GimbalError when it waits in a paused queue.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        last: JobView | None = None
        while True:
            version = self.board.version
            row = self.repository.job(job_id)
            view = job_view(row, self.board.live(job_id))
            if on_progress is not None and view != last:
                on_progress(view)
            last = view
            if row.state in ENDED:
                return row
            if row.state == "queued" and self.repository.get_paused():
                raise self._paused()
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"job {job_id} is still {row.state}")
            self.board.wait(version, _WATCH_SECONDS)

    def warm(self, request: GenerationRequest | None = None) -> None:
        """Start the worker and load a model in the background, so that the first clip is quick."""
        cards = self.catalog.cards()
        if request is None and cards:
            request = default_request(cards[0])
        if self.dispatcher is not None and request is not None:
            self.dispatcher.warm(request.to_json())

    def join_models(self, files: Sequence[Path], base: str | None = None) -> ModelCard:
        """Put a model together from single files and what is here; base: the model that lends what they lack.

        Raises BrokenCheckpoint, UnknownModel, StorageError.
        """
        from pipelines.models.joining import join

        chosen = None if base is None else self.catalog.card(base)
        try:
            folder = join(files, self.catalog.cards(), self.home.models, chosen)
        except OSError as error:
            raise storage_error(error, self.home.models) from error
        self.catalog.refresh()
        for fault in self.catalog.broken:
            if fault.folder == folder:
                raise BrokenCheckpoint(fault.message, fault.hint)
        return next(card for card in self.catalog.cards() if card.folder == folder)

    def add_model(self, folder: Path) -> tuple[ModelCard, ...]:
        """Offer the checkpoints in a folder from now on; their cards. Raises BrokenCheckpoint, StorageError."""
        found = Catalog(folder / "nothing-shipped", (folder,))
        if not found.cards():
            broken = found.broken[0]
            raise BrokenCheckpoint(broken.message, broken.hint)
        add_model(self.home, folder)
        self.catalog.add(folder)
        offered = {card.folder.resolve() for card in found.cards()}
        return tuple(card for card in self.catalog.cards() if card.folder.resolve() in offered)

    # -- inside

    def _parts(self, start_worker: StartExecutor) -> Parts:
        return Parts(
            settings=self.settings,
            home=self.home,
            repository=self.repository,
            library=self.library,
            board=self.board,
            start_worker=start_worker,
            expect=self.estimate,
            stored=self.measuring.follow,
            models_changed=self.catalog.refresh,
        )

    def _spawn(self, listener: Listener) -> Executor:
        setup = Setup(
            assets=self.settings.assets,
            home=self.home.root,
            device=self.settings.device,
            budget_bytes=self.settings.budget_bytes,
            may_round=self.settings.may_round,
        )
        return ProcessExecutor(setup, spawn(self.home.logs / "worker.log"), listener)

    def _current_rows(self) -> Rows:
        version = self.board.rows_version
        if self._rows is None or self._rows[0] != version:
            self._rows = (version, read_rows(self.repository))
        return self._rows[1]

    def _where(self) -> Where:
        if self.dispatcher is None:
            return "unknown"
        return "here" if self.dispatcher.dispatching else "elsewhere"

    def _paused(self) -> GimbalError:
        notice = self.board.notice
        if notice is not None:
            return GimbalError(notice.message, notice.hint)
        return GimbalError("The queue is paused; the job waits in it.", "Resume the queue.")

    def _watch(self) -> None:
        """Notice what other processes write: one number read each second."""
        while not self._closing.wait(_WATCH_SECONDS):
            try:
                seen = self.repository.data_version()
            except GimbalError as error:
                _log.warning("The history cannot be read at the moment: %s", error)
                continue
            if seen != self._seen:
                self._seen = seen
                self.board.touch()
                if self.dispatcher is not None:
                    self.dispatcher.wake()

    def _warm_later(self) -> None:
        if not self._closing.wait(self.settings.warm_delay_seconds):
            self.warm()


def _begin_log(path: Path) -> logging.Handler:
    """Have what goes wrong written down; the file is made with its first line."""
    handler = RotatingFileHandler(path, maxBytes=2**20, backupCount=1, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    logging.getLogger("gimbal").addHandler(handler)
    return handler


def _is_beside(row: JobRow) -> bool:
    return row.task in BESIDE


def default_request(card: ModelCard, prompt: str = "") -> GenerationRequest:
    """The request a form starts with: the card's own defaults, its first example where no prompt is given."""
    able = card.capabilities
    width, height = able.grid.sizes[0]
    return GenerationRequest(
        model=card.id,
        prompt=prompt or (card.examples[0] if card.examples else "a clip"),
        seed=0,
        width=width,
        height=height,
        num_frames=able.grid.lengths[0],
        fps=able.grid.fps.default,
        steps=int(able.steps.default),
        guidance=able.guidance.default,
    )


def past_run(row: JobRow) -> PastRun | None:
    """What a finished job teaches the estimate, None where its facts do not tell."""
    try:
        facts = json.loads(row.facts_json or "{}")
        return PastRun(
            model=row.model,
            flops=float(facts["flops"]),
            seconds=float(facts["seconds"]),
            peak_bytes=int(facts["peak_bytes"]),
        )
    except (ValueError, KeyError, TypeError):
        return None
