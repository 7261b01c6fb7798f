"""Train a subject from a few pictures or clips, so that its token can stand in any prompt."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.cli.console import Console

if TYPE_CHECKING:
    from pipelines.personalize.settings import Settings
    from projects_db.records import JobRow, SubjectVersionRow
    from studio.studio import Studio
    from studio.subjects.service import TrainRequest

HELP = "train a subject from pictures"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("token", metavar="TOKEN", help="what stands for it in prompts, such as '<my-dog>'")
    parser.add_argument("pictures", metavar="FILE", type=Path, nargs="+", help="3 to 30 pictures or clips")
    parser.add_argument("--class", dest="class_word", metavar="WORD", help="the kind of thing it is, such as dog")
    parser.add_argument("--name", default="", metavar="TEXT", help="what it is called in lists (default: the token)")
    parser.add_argument("--model", metavar="CARD", help="a model of `launch.py models` (default: the first)")
    parser.add_argument("--preset", choices=("quick", "good", "thorough"), default="quick", help="how long it takes")
    parser.add_argument("--method", choices=("token", "lora", "both", "reference"), default="both")
    parser.add_argument(
        "--caption", action="append", default=[], metavar="TEXT", help="one for each file, in order, with the token"
    )
    parser.add_argument("--cut-out", action="store_true", help="put plain grey behind the subject of every picture")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="one setting of the preset")
    parser.add_argument("--again", action="store_true", help="a new version of the subject that has this token")
    parser.add_argument("--estimate", action="store_true", help="only say how long it takes and what memory it needs")


def run(options: argparse.Namespace, console: Console) -> int:
    from studio.settings import Settings
    from studio.studio import Studio

    with Studio(Settings.read(), worker=not options.estimate) as studio:
        wish = _wish(options, studio, console)
        told = studio.subjects.estimate(wish.model, wish.settings)
        source = "from earlier trainings" if told.learned else "from arithmetic"
        console.note(f"about {told.seconds / 60:.1f} minutes and {told.device_bytes / 1e9:.2f} GB ({source})")
        if options.estimate:
            console.result(**dataclasses.asdict(told))
            return 0
        version, job = studio.subjects.train(wish)
        if job is not None:
            version = _wait(studio, version, job, console)
        _tell(studio, version, console)
    return 0


def _wish(options: argparse.Namespace, studio: Studio, console: Console) -> TrainRequest:
    """The arguments as a wish; what is wrong with the pictures is said. Raises InvalidRequest, MediaError."""
    from studio.subjects.service import TrainRequest, refuse_crowd
    from studio.subjects.spec import PictureSpec

    refuse_crowd(len(options.pictures))
    cards = studio.catalog.cards()
    card = studio.catalog.card(options.model) if options.model or not cards else cards[0]
    known = studio.repository.subject_of_token(options.token) if options.again else None
    token = studio.subjects.check_token(options.token, card.id, known.id if known else None)
    word = options.class_word or (known.class_word if known else token.strip("<>").rpartition("-")[2])
    media = [studio.library.add_media(path, path.name).sha256 for path in options.pictures]
    looked = studio.subjects.look(media, word, token, card.id)
    for number, picture in enumerate(looked.pictures, start=1):
        for problem in picture.problems:
            console.note(f"{options.pictures[number - 1].name}: {problem}")
    for problem in looked.problems:
        console.note(problem)
    first = [picture.bare_caption if options.cut_out else picture.caption for picture in looked.pictures]
    captions = [*options.caption, *first[len(options.caption) :]]
    pictures = tuple(
        PictureSpec(media=sha256, caption=caption, cut_out=options.cut_out)
        for sha256, caption in zip(media, captions, strict=False)
    )
    return TrainRequest(
        token=token,
        name=options.name,
        class_word=word,
        model=card.id,
        settings=_settings(studio, options, card),
        pictures=pictures,
        subject_id=known.id if known else None,
    )


def _settings(studio: Studio, options: argparse.Namespace, card: Any) -> Settings:
    """The preset with what `--set` changes. Raises InvalidRequest."""
    from pipelines.personalize.settings import from_dict, to_dict
    from studio.cli.train_settings import changed
    from studio.subjects.costs import preset_here

    preset = preset_here(studio, card, options.preset, options.method)
    return from_dict(changed(to_dict(preset), options.set))


def _wait(studio: Studio, version: SubjectVersionRow, job: JobRow, console: Console) -> SubjectVersionRow:
    from pipelines.domain.errors import GimbalError, Stopped
    from studio.cli.making import progress_line

    try:
        row = studio.wait(job.id, lambda view: console.progress(progress_line(view)))
    except KeyboardInterrupt:
        console.note("Stopping; what was trained so far is kept.")
        studio.queue.stop(job.id)
        row = studio.wait(job.id)
    if row.state == "stopped":
        raise Stopped("The training was stopped.", f"launch.py jobs retry {row.id} goes on from its last state.")
    if row.state == "failed":
        raise GimbalError(row.error_message or "The training failed.", row.error_hint or "")
    return studio.repository.subject_version(version.id)


def _tell(studio: Studio, version: SubjectVersionRow, console: Console) -> None:
    subject = studio.repository.subject(version.subject_id)
    told = studio.subjects.training(version.id)
    for warning in told.get("warnings", ()):
        console.note(warning)
    chosen = f", checkpoint {told['chosen']}" if told.get("chosen") is not None else ""
    console.say(f"{subject.token}, version {version.number}{chosen}: write it into a prompt")
    console.result(
        token=subject.token,
        subject=subject.id,
        version=version.number,
        version_id=version.id,
        digest=version.digest,
        chosen=told.get("chosen"),
        losses=told.get("losses", []),
        checkpoints=told.get("checkpoints", []),
        seconds=told.get("seconds"),
    )
