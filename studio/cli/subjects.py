"""List, export, import, change and delete subjects."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from studio.cli.console import Console

if TYPE_CHECKING:
    from projects_db.records import SubjectVersionRow
    from studio.studio import Studio

HELP = "list, export, import or delete subjects"


def arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    actions.add_parser("list", help="every subject with its versions (the default)")
    export = actions.add_parser("export", help="write a subject as standard safetensors files")
    export.add_argument("token", metavar="TOKEN")
    export.add_argument("-o", "--output", type=Path, default=Path(), metavar="FOLDER", help="where to (default: here)")
    export.add_argument("--version", type=int, metavar="N", help="which version (default: the newest)")
    taking = actions.add_parser("import", help="take in the files of a subject, or a LoRA of another program")
    taking.add_argument(
        "files", type=Path, nargs="+", metavar="FILE", help="safetensors: a LoRA, its token's rows, or both"
    )
    taking.add_argument("--token", metavar="TOKEN", help="what shall stand for it in prompts (default: as in the file)")
    taking.add_argument("--class", dest="class_word", metavar="WORD", help="what the token says where it has no rows")
    taking.add_argument("--model", metavar="CARD", help="the model it was made for (default: the first)")
    choose = actions.add_parser("choose", help="use another checkpoint of a version")
    choose.add_argument("token", metavar="TOKEN")
    choose.add_argument("step", type=int, metavar="STEP")
    choose.add_argument("--version", type=int, metavar="N")
    deleting = actions.add_parser("delete", help="put a subject into the trash; its clips can still be made again")
    deleting.add_argument("token", metavar="TOKEN")
    for action in actions.choices.values():
        action.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def run(options: argparse.Namespace, console: Console) -> int:
    from studio.settings import Settings
    from studio.studio import Studio

    studio = Studio(Settings.read(), worker=False)
    try:
        {"export": _export, "import": _import, "choose": _choose, "delete": _delete}.get(options.action, _list)(
            studio, options, console
        )
    finally:
        studio.close()
    return 0


def _list(studio: Studio, options: argparse.Namespace, console: Console) -> None:
    views = studio.subjects.list()
    rows = [
        (view.token, view.name, view.class_word, str(version.number), version.model, version.method, version.state)
        for view in views
        for version in view.versions
    ]
    if rows:
        console.table(("token", "name", "class", "version", "model", "method", "state"), rows)
    else:
        console.say("There are no subjects yet: launch.py train-subject '<my-dog>' dog1.jpg dog2.jpg dog3.jpg")
    console.result(subjects=[dataclasses.asdict(view) for view in views])


def _export(studio: Studio, options: argparse.Namespace, console: Console) -> None:
    version = _version(studio, options.token, options.version)
    paths = studio.subjects.export(version.id, options.output)
    for path in paths:
        console.say(str(path))
    console.result(files=[str(path) for path in paths])


def _import(studio: Studio, options: argparse.Namespace, console: Console) -> None:
    cards = studio.catalog.cards()
    model = options.model or (cards[0].id if cards else "toybox")
    view = studio.subjects.import_files(options.files, model, options.token, options.class_word)
    console.say(f"{view.token}: write it into a prompt")
    console.result(subject=dataclasses.asdict(view))


def _choose(studio: Studio, options: argparse.Namespace, console: Console) -> None:
    version = studio.subjects.choose(_version(studio, options.token, options.version).id, options.step)
    console.say(f"{options.token}, version {version.number}: checkpoint {options.step} is used from now on")
    console.result(version_id=version.id, digest=version.digest)


def _delete(studio: Studio, options: argparse.Namespace, console: Console) -> None:
    row = studio.repository.delete_subject(studio.repository.subject_of_token(options.token).id)
    console.say(f"{row.token} is in the trash")
    console.result(subject=row.id)


def _version(studio: Studio, token: str, number: int | None) -> SubjectVersionRow:
    """A version of a token, the newest that is ready where no number is given. Raises NotFound."""
    from projects_db.records import NotFound
    from studio.subjects.resolving import newest

    if number is None:
        return newest(studio.repository, token)[1]
    subject = studio.repository.subject_of_token(token)
    for version in studio.repository.subject_versions(subject.id):
        if version.number == number:
            return version
    raise NotFound(f"{token} has no version {number}.", "launch.py subjects tells which there are.")
