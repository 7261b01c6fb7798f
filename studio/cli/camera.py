"""Camera paths: look at them, convert them between file formats, measure them from a clip."""

from __future__ import annotations

import argparse
import importlib

from studio.cli.console import Console

HELP = "show camera paths, convert them, or measure the camera of a clip"
ACTIONS = ("show", "convert", "measure")
"""Each is a module `studio.cli.camera_<name>` with HELP, `arguments` and `run`."""


def arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name in ACTIONS:
        module = importlib.import_module(f"studio.cli.camera_{name}")
        action = actions.add_parser(name, help=module.HELP, description=module.__doc__)
        action.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        module.arguments(action)


def run(options: argparse.Namespace, console: Console) -> int:
    code: int = importlib.import_module(f"studio.cli.camera_{options.action}").run(options, console)
    return code
