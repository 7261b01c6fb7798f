"""Look at the queue and steer it, also that of an open window."""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from studio.cli.console import Console

if TYPE_CHECKING:
    from projects_db.records import JobRow, JobState
    from studio.studio import Studio

HELP = "list, cancel, retry, move, pause or resume jobs"
ALL: tuple[JobState, ...] = ("running", "queued", "failed", "stopped", "finished")


def arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    listing = actions.add_parser("list", help="running, waiting and ended jobs (the default)")
    listing.add_argument("--limit", type=int, default=50, metavar="N", help="at most so many of each state")
    for name, text in (
        ("cancel", "take a waiting job out, or stop a running one at its next step"),
        ("retry", "queue a failed or stopped job again"),
        ("move", "put a waiting job before another one, or last"),
    ):
        action = actions.add_parser(name, help=text)
        action.add_argument("job", metavar="JOB", help="its id, or as much of its beginning as is unique")
        if name == "move":
            action.add_argument("--before", metavar="JOB", help="the job it shall come before (default: to the end)")
    actions.add_parser("pause", help="start no further job")
    actions.add_parser("resume", help="go on")
    for action in actions.choices.values():
        action.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def run(options: argparse.Namespace, console: Console) -> int:
    with _opened() as studio:
        return _ACTIONS[options.action or "list"](studio, options, console)


@contextlib.contextmanager
def _opened() -> Iterator[Studio]:
    """The studio without a dispatcher: these commands make no clips."""
    from studio.settings import Settings
    from studio.studio import Studio

    studio = Studio(Settings.read(), worker=False)
    try:
        yield studio
    finally:
        studio.close()


def _list(studio: Studio, options: argparse.Namespace, console: Console) -> int:
    limit = getattr(options, "limit", 50)
    by_state = {state: studio.repository.list_jobs((state,), limit) for state in ALL}
    rows = [row for state in ALL for row in by_state[state]]
    paused = studio.repository.get_paused()
    if paused:
        console.say("The queue is paused; `launch.py jobs resume` goes on.")
    console.table(("job", "state", "model", "made", "prompt"), [_line(row) for row in rows]) if rows else None
    console.say("No jobs yet.") if not rows else None
    for row in by_state["failed"]:
        console.say(f"{row.id} failed: {row.error_message} {row.error_hint or ''}".rstrip())
    console.result(paused=paused, jobs=[_told(row) for row in rows])
    return 0


def _cancel(studio: Studio, options: argparse.Namespace, console: Console) -> int:
    row = _named(studio, options.job)
    studio.queue.stop(row.id)
    after = studio.repository.job(row.id)
    console.say(f"{row.id} is {'told to stop' if after.state == 'running' else after.state}")
    console.result(**_told(after))
    return 0


def _retry(studio: Studio, options: argparse.Namespace, console: Console) -> int:
    row = studio.queue.retry(_named(studio, options.job).id)
    console.say(f"{row.id} is {row.state}")
    console.result(**_told(row))
    return 0


def _move(studio: Studio, options: argparse.Namespace, console: Console) -> int:
    row = _named(studio, options.job)
    studio.queue.move(row.id, _named(studio, options.before).id if options.before else None)
    return _list(studio, options, console)


def _pause(studio: Studio, options: argparse.Namespace, console: Console) -> int:
    studio.queue.pause() if options.action == "pause" else studio.queue.resume()
    paused = studio.repository.get_paused()
    console.say(
        "The queue is paused: a running job goes on, no further one starts." if paused else "The queue goes on."
    )
    console.result(paused=paused)
    return 0


_ACTIONS: dict[str, Callable[[Studio, argparse.Namespace, Console], int]] = {
    "list": _list,
    "cancel": _cancel,
    "retry": _retry,
    "move": _move,
    "pause": _pause,
    "resume": _pause,
}


def _named(studio: Studio, start: str) -> JobRow:
    """The one job whose id starts so. Raises InvalidRequest where there is none or more than one."""
    from studio.cli.making import wrong

    found = [row for row in studio.repository.list_jobs(ALL, 10_000) if start and row.id.startswith(start)]
    if len(found) == 1:
        return found[0]
    many = f"{len(found)} jobs start with {start!r}." if found else f"There is no job {start!r}."
    raise wrong("job", many, "`launch.py jobs` lists them.")


def _line(row: JobRow) -> tuple[object, ...]:
    made = time.strftime("%Y-%m-%d %H:%M", time.localtime(row.created_at))
    return row.id, row.state, row.model, made, row.prompt.replace("\n", " ")[:60]


def _told(row: JobRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "state": row.state,
        "model": row.model,
        "prompt": row.prompt,
        "stage": row.stage,
        "step": row.step,
        "steps": row.steps,
        "attempts": row.attempts,
        "created_at": row.created_at,
        "clip": row.clip_id,
        "error": {"message": row.error_message, "hint": row.error_hint} if row.error_message else None,
    }
