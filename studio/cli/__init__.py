"""The commands of `launch.py`: one file each, listed in `COMMANDS`. Importing this needs the standard library only.

Exit codes: 0 done, 1 an error that was told, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import importlib
import logging
from collections.abc import Sequence
from typing import NoReturn

from studio import __version__
from studio.cli.console import Console

COMMANDS = (
    *("window", "generate", "again", "show", "train-subject", "subjects", "export"),
    *("camera", "models", "jobs", "doctor", "bench"),
)
DONE, TOLD, USAGE = 0, 1, 2


class _Misused(Exception):
    """The arguments do not fit; holds the usage line and what is wrong."""

    def __init__(self, usage: str, message: str) -> None:
        super().__init__(message)
        self.usage = usage
        self.message = message


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _Misused(self.format_usage(), message)


def parser() -> argparse.ArgumentParser:
    """The whole command line. Without a command it is the window's."""
    common = _Parser(add_help=False)
    common.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON object as the last line"
    )
    top = _Parser(
        prog="launch.py",
        description="Gimbal, a studio for video generation. Without a command it opens the studio.",
        epilog="launch.py test [PYTEST ARGUMENTS] installs what the tests need and runs them all.",
        parents=[common],
    )
    top.add_argument("--version", action="version", version=f"Gimbal {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    for name in COMMANDS:
        module = importlib.import_module(f"studio.cli.{name.replace('-', '_')}")
        sub = commands.add_parser(name, help=module.HELP, description=module.__doc__, parents=[common])
        module.arguments(sub)
        sub.set_defaults(run=module.run)
    window = importlib.import_module("studio.cli.window")
    window.arguments(top)
    top.set_defaults(run=window.run)
    return top


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    console = Console(as_json="--json" in arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        options = parser().parse_args(arguments)
    except _Misused as error:
        console.refuse("Usage", error.message, error.usage.strip())
        return USAGE
    return _guarded(options, console)


def _guarded(options: argparse.Namespace, console: Console) -> int:
    """Run a command; every error it raises is told here, once."""
    from pipelines.domain.errors import GimbalError, InvalidRequest

    try:
        code: int = options.run(options, console)
        return code
    except InvalidRequest as error:
        problems = [{"field": p.field, "message": p.message, "hint": p.hint} for p in error.problems]
        console.refuse("InvalidRequest", error.message, error.hint, problems=problems)
    except GimbalError as error:
        console.refuse(type(error).__name__, error.message, error.hint)
    except KeyboardInterrupt:
        console.refuse("Interrupted", "Interrupted.", "")
    except BrokenPipeError:
        pass  # who reads our output has left
    finally:
        console.close()
    return TOLD
