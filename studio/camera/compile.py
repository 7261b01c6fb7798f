"""A camera path becomes what the chosen model takes.

That is a start picture moved along it with a mask, its own poses, the stage's depth, a trained move, or words.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from pipelines.conditioning import depth
from pipelines.conditioning.previz import Stage, render
from pipelines.domain.camera.path import CameraPath
from pipelines.domain.camera.problems import require_sound
from pipelines.domain.capabilities import Capabilities
from pipelines.domain.conditioning import Conditioning, ControlClip, MaskClip, SourceClip, StartImage
from pipelines.domain.errors import InvalidRequest, Problem
from pipelines.domain.frames import Frames
from pipelines.domain.request import GenerationRequest
from studio.camera.words import words_for

if TYPE_CHECKING:
    from studio.camera.picture import Pictures, Shown
    from studio.library import Library

Route = Literal["warp", "poses", "depth", "move", "words", "none"]
CLIP_NAME = "camera-depth.mp4"


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a person is told about a route: what the model gets, and what is lost on the way."""

    gets: str
    lost: str

    def __str__(self) -> str:
        return f"{self.gets} {self.lost}"


_TOLD: Mapping[Route, Told] = MappingProxyType(
    {
        "warp": Told(
            gets="The model is given the picture, moved along the path, and a mask of what it does not show.",
            lost="Distances are estimated from the picture alone, so moves bend where they are wrong. What the picture "
            "hides the model makes up, and things in it stand still unless it moves them.",
        ),
        "depth": Told(
            gets="The model is given the stage's depth.",
            lost="It is rendered along the move; where the prompt tells of another scene, one of both gives way.",
        ),
        "poses": Told(
            gets="The model is given the camera's pose and lens at every frame.",
            lost="Nothing of the path is lost; things on the stage are not seen by it.",
        ),
        "move": Told(
            gets="The model is given the trained move that the path mostly is: zoom, pan, tilt or roll.",
            lost="Everything else of the path is lost, its timing too.",
        ),
        "none": Told(gets="The model is given nothing of the move.", lost="It takes neither words nor a camera."),
        "words": Told(
            gets="The model is given the move in words only.",
            lost="It takes no depth, so the main moves are added to the prompt. Amounts, timing and the rest are lost.",
        ),
    }
)


def takes_pictures(capabilities: Capabilities) -> bool:
    """Whether a model can begin with a picture at all."""
    return StartImage.kind in capabilities.conditionings or _takes_warp(capabilities)


def _takes_warp(capabilities: Capabilities) -> bool:
    return {SourceClip.kind, MaskClip.kind} <= capabilities.conditionings


def route_for(capabilities: Capabilities, *, picture: bool = False) -> Route:
    """The best way a model can be given a path, with a start picture or without."""
    if picture and _takes_warp(capabilities):
        return "warp"
    if "poses" in capabilities.cameras:
        return "poses"
    takes_depth = not capabilities.controls or "depth" in capabilities.controls
    if not picture and ControlClip.kind in capabilities.conditionings and takes_depth:
        return "depth"
    if "moves" in capabilities.cameras:
        return "move"
    return "words" if capabilities.prompt else "none"


def told(route: Route) -> Told:
    """What to say about a route."""
    return _TOLD[route]


def compiled(
    request: GenerationRequest, path: CameraPath, stage: Stage, capabilities: Capabilities, library: Library
) -> GenerationRequest:
    """The request with the path in it, and what the model takes of it: a stored control clip, or words in the prompt.

    Raises InvalidRequest where the path cannot be played on this stage, StorageError where the clip cannot be kept.
    """
    found = stage.problems(path)
    if found:
        raise InvalidRequest(found)
    route = route_for(capabilities)
    if route == "none":
        raise _takes_none(request)
    if route == "words":
        return dataclasses.replace(request, camera=path, prompt=_with_words(request.prompt, path))
    if route != "depth":
        return dataclasses.replace(request, camera=path)
    poses, focal = path.sample(request.num_frames)
    seen = render(stage, poses, focal, request.width, request.height)
    control = Frames(depth.to_control(depth.nearness(seen.depth)), fps=request.fps or 1.0)
    part = ControlClip(media=_stored(control, library), control="depth")
    return dataclasses.replace(request, camera=path, conditioning=(*request.conditioning, part))


def compiled_with_picture(
    request: GenerationRequest, path: CameraPath, shown: Shown, capabilities: Capabilities, pictures: Pictures
) -> GenerationRequest:
    """The request with the path and its start picture in it: warp and mask as stored clips, or the move in words.

    Raises InvalidRequest, MediaError, StorageError, WorkerDied.
    """
    require_sound(path)
    route = route_for(capabilities, picture=True)
    if route == "none":
        raise _takes_none(request)
    given: tuple[Conditioning, ...] = ()
    if route == "warp":
        made = pictures.compile(shown, path, request.num_frames, request.fps or 1.0)
        given, start = (SourceClip(media=made.warp), MaskClip(media=made.mask)), made.picture
    else:
        start = pictures.keep(shown)
    if route == "words":
        request = dataclasses.replace(request, prompt=_with_words(request.prompt, path))
    if capabilities.takes(StartImage.kind):
        given = (*given, StartImage(media=start))
    return dataclasses.replace(request, camera=path, conditioning=(*request.conditioning, *given))


def _takes_none(request: GenerationRequest) -> InvalidRequest:
    message = f"The model {request.model} takes neither words nor a camera."
    return InvalidRequest((Problem(field="camera", message=message, hint="Choose another model."),))


def _with_words(prompt: str, path: CameraPath) -> str:
    """The prompt with the camera's move at its end, unless it speaks of the camera already."""
    start = prompt.strip().rstrip(".,")
    return prompt if "camera" in prompt.lower() or not start else f"{start}, {words_for(path)}"


def _stored(frames: Frames, library: Library) -> str:
    """The content hash of frames, kept in the library as a clip; equal frames are kept once."""
    from studio.media.encode import encode_video, frame_rate
    from studio.media.master import MASTER

    with tempfile.TemporaryDirectory(prefix="gimbal-camera-") as folder:
        path = Path(folder) / CLIP_NAME
        encode_video(path, frames.pixels, frame_rate(frames.fps), MASTER, {})
        return library.add_media(path, CLIP_NAME).sha256
