"""The stream of changes to open pages. Sleeps on the studio's own condition: an idle window costs nothing."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from studio.studio import Studio

_WAIT_SECONDS = 20.0
_PAUSE_SECONDS = 0.1
STREAMS = 4  # browsers allow six connections to one address; the rest is for reads, writes and media


@dataclass(eq=False)
class Page:
    """One open page: which project it shows, the flag that wakes its stream, and whether it shall let go of it."""

    project: str
    loop: asyncio.AbstractEventLoop
    woken: asyncio.Event
    rests: bool = False

    def wake(self) -> None:
        try:
            self.loop.call_soon_threadsafe(self.woken.set)
        except RuntimeError:  # the server's loop has ended
            return


class Feed:
    """Turns the studio's changes into server-sent events. One thread watches while at least one page is open."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.notes: dict[str, Any] = {}
        self._pages: list[Page] = []
        self._lock = threading.Lock()
        self._watching = False
        self._closed = False

    def close(self) -> None:
        """End every stream."""
        self._closed = True
        self.wake()

    def wake(self) -> None:
        """Send every page the present state."""
        with self._lock:
            pages = tuple(self._pages)
        for page in pages:
            page.wake()

    def note(self, key: str, value: Any) -> None:
        """Send something besides the snapshot (the progress of an export) under `notes[key]`; None forgets it."""
        self.notes = {k: v for k, v in {**self.notes, key: value}.items() if v is not None}
        self.wake()

    async def stream(self, project: str) -> AsyncIterator[str]:
        """The events for one page: the state at once, then again after each change, at most ten times a second.

        The last event is `rest` when newer pages need the connection: the page then looks by itself now and then.
        """
        page = Page(project, asyncio.get_running_loop(), asyncio.Event())
        with self._open(page):
            last = ""
            yield "retry: 1000\n\n"
            while not self._closed and not page.rests:
                text = await asyncio.to_thread(self.state, project)
                yield f"event: state\ndata: {text}\n\n" if text != last else ": still here\n\n"
                last = text
                await asyncio.sleep(_PAUSE_SECONDS)
                try:
                    await asyncio.wait_for(page.woken.wait(), _WAIT_SECONDS)
                except TimeoutError:
                    continue
                finally:
                    page.woken.clear()
            if page.rests:
                yield "event: rest\ndata: {}\n\n"

    def state(self, project: str) -> str:
        """What a page shows, as one line of JSON."""
        with self._lock:
            windows = sum(page.project == project for page in self._pages)
        snapshot = dataclasses.asdict(self.studio.snapshot())
        return json.dumps({**snapshot, "windows": windows, "notes": self.notes}, default=str)

    @contextmanager
    def _open(self, page: Page) -> Iterator[None]:
        with self._lock:
            self._pages.append(page)
            for older in self._pages[:-STREAMS]:
                older.rests = True
            start = not self._watching
            self._watching = True
        if start:
            threading.Thread(target=self._watch, name="window-feed", daemon=True).start()
        self.wake()
        try:
            yield
        finally:
            with self._lock:
                self._pages.remove(page)
            self.wake()

    def _watch(self) -> None:
        version = -1
        while True:
            with self._lock:
                if not self._pages or self._closed:
                    self._watching = False
                    return
            new = self.studio.wait_for_change(version, _WAIT_SECONDS)
            if new != version:
                version = new
                self.wake()
