"""Make one clip from a prompt, through the same queue and library as the window."""

from __future__ import annotations

import argparse
import dataclasses
import re
import secrets
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.cli import structuring
from studio.cli.camera_source import SOURCE
from studio.cli.console import Console

if TYPE_CHECKING:
    from pipelines.domain.adapters import AdapterUse
    from pipelines.domain.conditioning import Conditioning
    from pipelines.domain.request import GenerationRequest
    from pipelines.families.family import ModelCard
    from studio.studio import Studio

HELP = "make a clip from a prompt"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("prompt", metavar="PROMPT", help="what the clip shows")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="where a copy goes (.mp4 or any export format)"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="0 to 4294967295; the same seed gives the same frames")
    parser.add_argument("--model", metavar="CARD", help="a model of `launch.py models` (default: the first)")
    parser.add_argument("--steps", type=int, metavar="N", help="denoising steps")
    parser.add_argument("--size", type=size, metavar="WxH", help="width x height in pixels")
    parser.add_argument("--frames", type=int, metavar="N", help="number of frames")
    parser.add_argument("--image", type=Path, metavar="FILE", help="the picture the clip starts with")
    parser.add_argument("--last-image", type=Path, metavar="FILE", help="the picture the clip ends with")
    parser.add_argument(
        "--subject",
        action="append",
        default=[],
        metavar="TOKEN[=STRENGTH]",
        help="how strongly a subject of the prompt counts, 0 to 2 (its token alone in the prompt is enough for 1)",
    )
    parser.add_argument(
        "--lora",
        action="append",
        default=[],
        metavar="NAME[=STRENGTH]",
        help="a LoRA of `launch.py models lora` over the model, -2 to 2 (1 is as trained); may be given again",
    )
    parser.add_argument("--draft", action="store_true", help="in less time, with frames a little different")
    parser.add_argument(
        "--shortcut", metavar="WAY", default="", help="a draft by this way: first_block, mag, attention, words or deep"
    )
    parser.add_argument("--camera", metavar="PATH", help=f"the camera's move: {SOURCE}")
    structuring.arguments(parser)


def size(text: str) -> tuple[int, int]:
    """`640x360` as (width, height)."""
    found = re.fullmatch(r"(\d{1,5})[xX×](\d{1,5})", text.strip())
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no size: write it as 640x360")
    return int(found[1]), int(found[2])


def run(options: argparse.Namespace, console: Console) -> int:
    from pipelines.models.catalog import DEFAULT
    from studio.cli import making
    from studio.settings import Settings
    from studio.structure import Bench
    from studio.studio import Studio

    for target in filter(None, (options.output, options.lay_back)):
        making.check_target(target)
    with Studio(Settings.read()) as studio, closing(Bench(studio.home, studio.library)) as bench:
        cards = studio.catalog.cards()
        card = cards[0] if cards and not options.model else studio.catalog.card(options.model or DEFAULT)
        request = _request(options, card, _pictures(options, studio))
        if options.camera:
            request = _with_camera(request, options.camera, card, studio, console)
        request = _with_subjects(request, options.subject, studio)
        request = dataclasses.replace(request, adapters=_adapters(options.lora, studio), **_drafted(options))
        _note_unknown_words(request, card, console)
        made = structuring.Structured(request, [])
        if structuring.is_asked(options):
            made = structuring.structured(request, options, studio, bench, console)
        clip = making.make(studio, made.request, console)
        path = studio.library.clip_path(clip)
        if options.lay_back:
            console.say(structuring.lay_back(made, options, path, studio, bench))
        if options.output:
            making.hand_over(path, options.output)
            path = options.output
    console.say(f"{path}  seed {clip.seed}  clip {clip.id}{'  draft' if request.draft else ''}")
    console.result(**making.told(clip, path), structure=made.told)
    return 0


def _drafted(options: argparse.Namespace) -> dict[str, Any]:
    """The fields of a request that make it a draft. Raises GimbalError for a way that there is not."""
    from pipelines.domain.errors import GimbalError
    from pipelines.domain.request import SHORTCUTS

    if options.shortcut not in SHORTCUTS:
        known = ", ".join(way for way in SHORTCUTS if way)
        raise GimbalError(f"There is no way {options.shortcut!r} to make drafts.", f"Choose among {known}.")
    return {"draft": options.draft or bool(options.shortcut), "shortcut": options.shortcut}


def _request(options: argparse.Namespace, card: ModelCard, pictures: tuple[Conditioning, ...]) -> GenerationRequest:
    """The arguments, and the card's defaults for the rest."""
    from pipelines.domain.request import MAX_SEED
    from studio.studio import default_request

    start = default_request(card)
    width, height = options.size or (start.width, start.height)
    return dataclasses.replace(
        start,
        prompt=options.prompt.strip(),
        seed=secrets.randbelow(MAX_SEED + 1) if options.seed is None else options.seed,
        width=width,
        height=height,
        num_frames=start.num_frames if options.frames is None else options.frames,
        steps=start.steps if options.steps is None else options.steps,
        conditioning=pictures,
    )


def _adapters(given: list[str], studio: Studio) -> tuple[AdapterUse, ...]:
    """The LoRA of the arguments, from the library. Raises InvalidRequest."""
    from pipelines.domain.adapters import AdapterUse
    from pipelines.models.loras import LoraShelf
    from studio.cli.making import wrong

    shelf, uses = LoraShelf(studio.home.loras), []
    for text in given:
        name, _, strength = text.partition("=")
        lora = shelf.named(name)
        try:
            uses.append(AdapterUse(digest=lora.digest, name=lora.name, strength=float(strength or 1)))
        except ValueError:
            raise wrong("adapters", f"{strength!r} is no strength.", f"Write it as {name}=0.8.") from None
    return tuple(uses)


def _pictures(options: argparse.Namespace, studio: Studio) -> tuple[Conditioning, ...]:
    """The pictures of the arguments, stored in the library. Raises MediaError."""
    from pipelines.domain.conditioning import EndImage, StartImage

    parts: list[Conditioning] = []
    for path, part in ((options.image, StartImage), (options.last_image, EndImage)):
        if path is not None:
            parts.append(part(media=studio.library.add_media(path, path.name).sha256))
    return tuple(parts)


def _with_camera(
    request: GenerationRequest, source: str, card: ModelCard, studio: Studio, console: Console
) -> GenerationRequest:
    """The request with a move about one ball on the ground; says how the model is given it. Raises InvalidRequest."""
    from pipelines.conditioning.previz import Stage
    from pipelines.domain.camera.fit import path_from_track
    from studio.camera.compile import compiled, route_for, told
    from studio.cli.camera_source import camera_from

    read = camera_from(source, None, request.num_frames)
    for note in (*read.notes, str(told(route_for(card.capabilities)))):
        console.note(note)
    path = read.path or path_from_track(read.track)
    return compiled(request, path, Stage(), card.capabilities, studio.library)


def _with_subjects(request: GenerationRequest, given: list[str], studio: Studio) -> GenerationRequest:
    """The request with the strengths that were asked for. Raises NotFound, InvalidRequest."""
    from studio.cli.making import wrong

    uses = []
    for text in given:
        token, _, strength = text.partition("=")
        try:
            uses.append(studio.subjects.use(token, request.model, float(strength) if strength else None))
        except ValueError:
            raise wrong("subjects", f"{strength!r} is no strength.", "0 is not at all, 1 as it was trained.") from None
    return dataclasses.replace(request, subjects=tuple(uses))


def _note_unknown_words(request: GenerationRequest, card: ModelCard, console: Console) -> None:
    from pipelines.domain.capabilities import unknown_words

    if words := unknown_words(request.prompt, card.capabilities):
        console.note(f"{card.title} does not know: {', '.join(words[:20])}. It will guess.")
