"""The bench: makes control clips, masks and the like beside the queue, in a process of its own that comes and goes.

It is no part of the queue of clips, since a person who looks at depth beside a source does not wait for clips to be
made. What it makes is kept in the library as a medium; a request names it like any other.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import shutil
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipelines.conditioning.estimators import candidates
from pipelines.domain.errors import GimbalError
from studio.home import Home, storage_error
from studio.jobs.executors.process import ending, spawn
from studio.jobs.making import failure
from studio.jobs.pipe import Pipe
from studio.library import Library
from studio.library.intake import PREFIX
from studio.structure.estimators import estimator_folders
from studio.structure.messages import Begin, Do, Failed, Leave, Share, Written
from studio.structure.wishes import Wish, media_of, name_of, to_dict

TaskState = Literal["waiting", "running", "done", "failed", "stopped"]
IDLE_SECONDS = 120.0
"""After so long without a task the process ends, and with it the memory of its models."""
REMEMBERED = 500
_log = logging.getLogger("gimbal.bench")


@dataclass(frozen=True, kw_only=True)
class Made:
    """What came of a wish: a medium, and for some a mask. notes: sentences for the person."""

    media: str
    mask: str
    estimator: str
    notes: tuple[str, ...]
    seconds: float
    num_frames: int
    width: int
    height: int
    fps: float


@dataclass(frozen=True, kw_only=True)
class Task:
    """One wish under way. message, hint: why it failed."""

    id: str
    state: TaskState
    wish: str
    fraction: float = 0.0
    made: Made | None = None
    message: str = ""
    hint: str = ""

    @property
    def ended(self) -> bool:
        return self.state in ("done", "failed", "stopped")

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return dataclasses.asdict(self)


class Bench:
    """Takes wishes from any thread, does them one after the other. `tell` is called when anything changed."""

    def __init__(
        self, home: Home, library: Library, tell: Callable[[], None] | None = None, idle_seconds: float = IDLE_SECONDS
    ) -> None:
        self._home, self._library, self._tell = home, library, tell or (lambda: None)
        self._idle_seconds = idle_seconds
        self._changed = threading.Condition()
        self._tasks: dict[str, Task] = {}
        self._wishes: dict[str, Wish] = {}
        self._waiting: list[str] = []
        self._running = ""
        self._process: _Running | None = None
        self._timer: threading.Timer | None = None
        self._closed = False

    def ask(self, wish: Wish) -> Task:
        """Have something made; returns at once. The same wish is the same task, unless it failed or was stopped.

        Raises NotFound or MediaError where a medium it names is not in the library.
        """
        for media in media_of(wish):
            self._library.media_path(media)
        text = json.dumps(to_dict(wish), sort_keys=True)
        task_id = hashlib.sha256(text.encode()).hexdigest()[:16]
        with self._changed:
            known = self._tasks.get(task_id)
            if known is not None and known.state in ("waiting", "running", "done"):
                return known
            self._forget_oldest()
            task = Task(id=task_id, state="waiting", wish=name_of(wish))
            self._tasks[task_id], self._wishes[task_id] = task, wish
            self._waiting.append(task_id)
            self._next()
            return self._tasks[task_id]

    def task(self, task_id: str) -> Task | None:
        """A task as it is now; None where there never was one, or long ago."""
        with self._changed:
            return self._tasks.get(task_id)

    def stop(self, task_id: str) -> Task | None:
        """Leave a task: at once while it waits, at its next frame while it runs."""
        with self._changed:
            if task_id in self._waiting:
                self._waiting.remove(task_id)
                self._put(task_id, state="stopped")
            elif task_id == self._running and self._process is not None:
                self._process.pipe.send(Leave(task_id=task_id))
            return self._tasks.get(task_id)

    def wait(self, task_id: str, on_change: Callable[[Task], None] | None = None) -> Task:
        """Block until a task has ended."""
        now = self._wait_for_other(task_id, None)
        while True:
            if on_change is not None:
                on_change(now)
            if now.ended:
                return now
            now = self._wait_for_other(task_id, now)

    def _wait_for_other(self, task_id: str, last: Task | None) -> Task:
        with self._changed:
            self._changed.wait_for(lambda: self._tasks[task_id] != last)
            return self._tasks[task_id]

    def make(self, wish: Wish, on_change: Callable[[Task], None] | None = None) -> Made:
        """Ask and wait. Raises GimbalError where it failed."""
        task = self.wait(self.ask(wish).id, on_change)
        if task.made is None:
            raise GimbalError(task.message or "It was stopped.", task.hint)
        return task.made

    def close(self) -> None:
        """End the process; what waits is dropped."""
        with self._changed:
            self._closed = True
            for task_id in self._waiting:
                self._put(task_id, state="stopped")
            self._waiting.clear()
            self._end_process()

    # -- inside, all with the lock held unless said

    def _next(self) -> None:
        """Begin the next task where none runs."""
        if self._running or not self._waiting or self._closed:
            return
        task_id = self._running = self._waiting.pop(0)
        try:
            folder = self._folder(task_id)
            folder.mkdir(parents=True, exist_ok=True)
            do = Do(
                task_id=task_id,
                wish=to_dict(self._wishes[task_id]),
                media={media: self._library.media_path(media) for media in media_of(self._wishes[task_id])},
                clip=folder / "clip.mp4",
                mask=folder / "mask.mp4",
            )
            self._ensure_process().pipe.send(do)
        except (GimbalError, OSError) as error:
            known = storage_error(error, self._home.incoming) if isinstance(error, OSError) else error
            self._end(task_id, state="failed", message=known.message, hint=known.hint)
            return
        self._put(task_id, state="running")

    def _folder(self, task_id: str) -> Path:
        return self._home.incoming / f"{PREFIX}structure-{task_id}"

    def _ensure_process(self) -> _Running:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        added = estimator_folders(self._home)
        known = frozenset(candidates(added))
        if self._process is not None and self._process.known != known:
            self._end_process()  # it looked for estimators when it began; some have come or gone since
        if self._process is None:
            process = _Running(spawn(self._home.logs / "structure.log", "studio.structure.process"), known)
            process.pipe.send(Begin(added=added))
            self._process = process
            threading.Thread(target=self._listen, args=(process,), name="bench", daemon=True).start()
        return self._process

    def _listen(self, process: _Running) -> None:
        """Hear the process until it is gone; without the lock."""
        try:
            while True:
                self._hear(process.pipe.receive())
        except EOFError:
            reason = ending(process.ended())
        with self._changed:
            if self._process is not process:
                return  # it was let go, and what runs now is another's
            self._process = None
            if self._running and not self._closed:
                message = f"The process that looks at clips is gone: {reason}."
                self._end(self._running, state="failed", message=message, hint="Try again with a shorter clip.")

    def _hear(self, answer: Share | Written | Failed) -> None:
        """Take an answer of the process; without the lock, since keeping a file takes a while."""
        if isinstance(answer, Share):
            with self._changed:
                self._put(answer.task_id, fraction=round(answer.fraction, 3))
            return
        changes = self._kept(answer) if isinstance(answer, Written) else _told(answer)
        with self._changed:
            self._end(answer.task_id, **changes)

    def _kept(self, written: Written) -> dict[str, Any]:
        folder, name = self._folder(written.task_id), self._tasks[written.task_id].wish
        try:
            row = self._library.add_media(folder / "clip.mp4", f"{name}.mp4")
            mask = self._library.add_media(folder / "mask.mp4", f"{name}-mask.mp4").sha256 if written.has_mask else ""
        except Exception as error:  # the process made it, so only the disk or the library can refuse it
            _, message, hint = failure(error)
            return {"state": "failed", "message": message, "hint": hint}
        made = Made(
            media=row.sha256,
            mask=mask,
            estimator=written.estimator,
            notes=written.notes,
            seconds=written.seconds,
            num_frames=row.num_frames or 1,
            width=row.width,
            height=row.height,
            fps=row.fps or 1.0,
        )
        return {"state": "done", "fraction": 1.0, "made": made}

    def _end(self, task_id: str, **changes: Any) -> None:
        shutil.rmtree(self._folder(task_id), ignore_errors=True)
        self._put(task_id, **changes)
        if self._running == task_id:
            self._running = ""
        self._next()
        if not self._running and self._process is not None:
            self._timer = threading.Timer(self._idle_seconds, self._rest)
            self._timer.daemon = True
            self._timer.start()

    def _rest(self) -> None:
        with self._changed:
            if not self._running:
                self._end_process()

    def _end_process(self) -> None:
        process, self._process = self._process, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if process is not None:
            process.kill()

    def _put(self, task_id: str, **changes: Any) -> None:
        if task_id in self._tasks:
            self._tasks[task_id] = dataclasses.replace(self._tasks[task_id], **changes)
        self._changed.notify_all()
        self._tell()

    def _forget_oldest(self) -> None:
        ended = [task_id for task_id, task in self._tasks.items() if task.ended]
        for task_id in ended[: max(0, len(self._tasks) - REMEMBERED)]:
            del self._tasks[task_id], self._wishes[task_id]


def _told(failed: Failed) -> dict[str, Any]:
    if failed.kind == "Stopped":
        return {"state": "stopped"}
    return {"state": "failed", "message": failed.message, "hint": failed.hint}


class _Running:
    """The process and the pipe to it. known: the folders of estimators that were there when it began."""

    def __init__(self, process: subprocess.Popen[bytes], known: frozenset[Path]) -> None:
        assert process.stdin is not None and process.stdout is not None
        self._process = process
        self.pipe = Pipe(process.stdout, process.stdin)
        self.known = known

    def kill(self) -> None:
        self._process.kill()

    def ended(self) -> int:
        """Wait for it to be gone; how it ended."""
        code = self._process.wait()
        self.pipe.close()
        return code
