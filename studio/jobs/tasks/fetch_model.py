"""Fetch a published model: resumed where it broke, every file compared with its hash, offered only when it is whole."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from studio.jobs.tasks import BesideContext
from studio.shelf.fetching import FetchSpec, fetch, to_fetch

NAME = "fetch_model"
_WINDOW_SECONDS = 20.0
_LEAST_SECONDS = 1.0


def check(spec_json: str) -> None:
    """Raises InvalidRequest for what is no wish to fetch."""
    FetchSpec.from_json(spec_json)


def do(context: BesideContext) -> Mapping[str, Any]:
    """Fetch, or go on fetching; a model that has come meanwhile is no error."""
    from pipelines.models.fetch import Fetched

    spec = FetchSpec.from_json(context.spec_json)
    context.report("fetching")
    wanted = to_fetch(spec.model, context.settings, context.home)
    if wanted is None:
        return {"model": spec.model}
    left, began = seconds_left(), time.monotonic()

    def tell(fetched: Fetched) -> None:
        seconds = left(time.monotonic(), fetched.done, fetched.total)
        context.report("fetching", fetched.done, fetched.total, seconds)

    fetch(wanted, context.settings, tell)
    return {"model": spec.model, "fetch_seconds": time.monotonic() - began}


def seconds_left() -> Callable[[float, int, int], float | None]:
    """A function (now, done, total) -> seconds until all is here, from what came in the last while; None at first."""
    seen: deque[tuple[float, int]] = deque()

    def left(now: float, done: int, total: int) -> float | None:
        seen.append((now, done))
        while now - seen[0][0] > _WINDOW_SECONDS:
            seen.popleft()
        since, before = seen[0]
        if now - since < _LEAST_SECONDS or done <= before:
            return None
        return (total - done) * (now - since) / (done - before)

    return left
