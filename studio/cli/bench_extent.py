"""How much of some benchmarks is measured: fewer of everything make a quick smoke test."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from studio.bench import control, subject
    from studio.bench.camera import Extent

ESTIMATORS = ("exact", "structure")


def arguments(parser: argparse.ArgumentParser) -> None:
    camera = parser.add_argument_group("camera, and control (with --paths for its scenes)")
    camera.add_argument("--paths", type=_count, metavar="N", help="how many held-out paths for each route (20)")
    camera.add_argument("--seeds", type=_count, metavar="N", help="how many clips for each path (3)")
    camera.add_argument("--steps", type=_count, metavar="N", help="steps of each clip (the model's own)")
    camera.add_argument("--card", metavar="MODEL", help="which model of the toy world (toybox)")
    camera.add_argument(
        "--estimator", action="append", choices=ESTIMATORS, help="what reads the clips (exact); may be given twice"
    )
    subjects = parser.add_argument_group("subject only (with --seeds)")
    subjects.add_argument("--subjects", type=_count, metavar="N", help="how many held-out subjects (5)")
    subjects.add_argument("--prompts", type=_count, metavar="N", help="how many prompts for each (6)")
    subjects.add_argument("--set", action="append", metavar="NAME=VALUE", help="one setting of the preset")
    subjects.add_argument("--keep", type=Path, metavar="FOLDER", help="what is made, to go on there if it is ended")
    subjects.add_argument("--preset", choices=("quick", "good", "thorough"), help="of every training (quick)")
    subjects.add_argument(
        "--method", action="append", choices=("reference", "token", "lora", "both"), help="which (all); may come twice"
    )


def extent_of(options: argparse.Namespace) -> Extent | control.Extent | subject.Extent | None:
    """What was asked for, None where nothing was said. Raises GimbalError for other benchmarks."""
    if options.name == "subject":
        return _of_subject(options)
    if options.name == "control":
        return _of_control(options)
    given = {name: getattr(options, name) for name in ("paths", "seeds", "steps", "card")}
    given["estimators"] = tuple(dict.fromkeys(options.estimator)) if options.estimator else None
    given = {name: value for name, value in given.items() if value is not None}
    if not given:
        return None
    if options.name != "camera":
        from pipelines.domain.errors import GimbalError

        raise GimbalError("Only the camera benchmark can be made smaller.", "launch.py bench camera --paths 2")
    from studio.bench.camera import Extent

    return Extent(**given)


def _of_control(options: argparse.Namespace) -> control.Extent:
    from studio.bench.control import Extent

    given = {"scenes": options.paths} | {name: getattr(options, name) for name in ("seeds", "steps", "card")}
    return Extent(**{name: value for name, value in given.items() if value is not None})


def _of_subject(options: argparse.Namespace) -> subject.Extent:
    from studio.bench.subject import Extent

    given = {name: getattr(options, name) for name in ("subjects", "prompts", "seeds", "preset", "keep")}
    given["methods"] = tuple(dict.fromkeys(options.method)) if options.method else None
    if options.set:
        given["changes"] = _changes(options.set)
    return Extent(**{name: value for name, value in given.items() if value is not None})


def _changes(said: Sequence[str]) -> dict[str, Any]:
    """What was said of a training's settings, by name. Raises InvalidRequest."""
    from pipelines.personalize.settings import Settings, to_dict
    from studio.cli.train_settings import changed

    names = {text.partition("=")[0] for text in said}
    return {name: value for name, value in changed(to_dict(Settings()), said).items() if name in names}


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no number from 1 to 1000")
    return int(text)
