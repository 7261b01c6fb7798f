"""A camera path becomes what the chosen model takes: its own poses, the stage's depth, a trained move, or words."""

from __future__ import annotations

import dataclasses
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipelines.conditioning import depth
from pipelines.conditioning.previz import Stage, render
from pipelines.domain.camera.path import CameraPath
from pipelines.domain.capabilities import Capabilities
from pipelines.domain.conditioning import ControlClip
from pipelines.domain.errors import InvalidRequest, Problem
from pipelines.domain.frames import Frames
from pipelines.domain.request import GenerationRequest
from studio.camera.words import words_for

if TYPE_CHECKING:
    from studio.library import Library

Route = Literal["poses", "depth", "move", "words", "none"]
CLIP_NAME = "camera-depth.mp4"


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a person is told about a route: what the model gets, and what is lost on the way."""

    gets: str
    lost: str

    def __str__(self) -> str:
        return f"{self.gets} {self.lost}"


def route_for(capabilities: Capabilities) -> Route:
    """The best way a model can be given a path."""
    if "poses" in capabilities.cameras:
        return "poses"
    if ControlClip.kind in capabilities.conditionings and (
        not capabilities.controls or "depth" in capabilities.controls
    ):
        return "depth"
    if "moves" in capabilities.cameras:
        return "move"
    return "words" if capabilities.prompt else "none"


def told(route: Route) -> Told:
    """What to say about a route."""
    if route == "depth":
        return Told(
            gets="The model is given the stage's depth.",
            lost="It is rendered along the move; where the prompt tells of another scene, one of both gives way.",
        )
    if route == "poses":
        return Told(
            gets="The model is given the camera's pose and lens at every frame.",
            lost="Nothing of the path is lost; things on the stage are not seen by it.",
        )
    if route == "move":
        return Told(
            gets="The model is given the trained move that the path mostly is: zoom, pan, tilt or roll.",
            lost="Everything else of the path is lost, its timing too.",
        )
    if route == "none":
        return Told(gets="The model is given nothing of the move.", lost="It takes neither words nor a camera.")
    return Told(
        gets="The model is given the move in words only.",
        lost="It takes no depth, so the main moves are added to the prompt. Amounts, timing and the rest are lost.",
    )


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
        message = f"The model {request.model} takes neither words nor a camera."
        raise InvalidRequest((Problem(field="camera", message=message, hint="Choose another model."),))
    if route == "words":
        return dataclasses.replace(request, camera=path, prompt=_with_words(request.prompt, path))
    if route != "depth":
        return dataclasses.replace(request, camera=path)
    poses, focal = path.sample(request.num_frames)
    seen = render(stage, poses, focal, request.width, request.height)
    control = Frames(depth.to_control(depth.nearness(seen.depth)), fps=request.fps or 1.0)
    part = ControlClip(media=_stored(control, library), control="depth")
    return dataclasses.replace(request, camera=path, conditioning=(*request.conditioning, part))


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
