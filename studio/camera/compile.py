"""A camera path becomes what the chosen model takes: a warped picture with a mask, the stage's depth, or words."""

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
from pipelines.domain.errors import InvalidRequest
from pipelines.domain.frames import Frames
from pipelines.domain.request import GenerationRequest
from studio.camera.words import words_for

if TYPE_CHECKING:
    from studio.camera.picture import Pictures, Shown
    from studio.library import Library

Route = Literal["warp", "depth", "poses", "moves", "words"]
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
        "depth": Told(
            gets="The model is given the stage's depth.",
            lost="It is rendered along the move; where the prompt tells of another scene, one of both gives way.",
        ),
        "words": Told(
            gets="The model is given the move in words only.",
            lost="It takes no depth, so the main moves are added to the prompt. Amounts, timing and the rest are lost.",
        ),
        "warp": Told(
            gets="The model is given the picture, moved along the path, and a mask of what it does not show.",
            lost="Distances are estimated from the picture alone, so moves bend where they are wrong. What the picture "
            "hides the model makes up, and things in it stand still unless it moves them.",
        ),
        "poses": Told(
            gets="The model is given the camera of every frame.",
            lost="Nothing of the path is lost; how far away things are the model decides.",
        ),
        "moves": Told(
            gets="The model is given the trained move that is nearest to the path.",
            lost="It knows a few moves only. Amounts, timing and all else are lost.",
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
    if not picture and capabilities.takes(ControlClip.kind) and "depth" in (capabilities.controls or {"depth"}):
        return "depth"
    native: tuple[Route, ...] = ("poses", "moves")
    return next((route for route in native if route in capabilities.cameras), "words")


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
