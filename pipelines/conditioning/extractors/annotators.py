"""controlnet-aux's OpenPose, HED and line art, where its weights lie in a folder that a person added.

They were published as pickles, which can run code of their own and are never opened: the same tensors are needed in
safetensors, each file under the name it was published by.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np

from pipelines.conditioning.estimators import candidates
from pipelines.conditioning.extractors import BodyPart, Clip, OnShare, Options, Structure, parts
from pipelines.conditioning.extractors.auxiliary import SMALLEST, imported, why_not
from pipelines.conditioning.extractors.filters import Filter
from pipelines.conditioning.extractors.pose import drawn
from pipelines.conditioning.people import BODY, FACE, LEFT_HAND, MOST, RIGHT_HAND, Joints, followed, nobody
from pipelines.domain.conditioning import ControlKind
from pipelines.domain.errors import BrokenCheckpoint

HED, LINES = "ControlNetHED", "sk_model"
BODY_NET, HAND_NET, FACE_NET = "body_pose_model", "hand_pose_model", "facenet"
PICKLES = (".pth", ".pt", ".bin")


def _weights(folder: Path, name: str) -> Mapping[str, Any]:
    """The tensors of one network. Raises BrokenCheckpoint."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(folder / f"{name}.safetensors")
    except (OSError, SafetensorError) as error:
        raise BrokenCheckpoint(f"{name} of {folder.name} cannot be read: {error}", "Copy it again.") from error


def _filled(network: Any, folder: Path, name: str) -> Any:
    """A network with its tensors. OpenPose's were named without the part of the network they belong to."""
    told, wanted = _weights(folder, name), network.state_dict().keys()
    short = {key: told[key.partition(".")[2]] for key in wanted if key.partition(".")[2] in told}
    try:
        network.load_state_dict(short if len(short) == len(wanted) else told)
    except RuntimeError as error:
        raise BrokenCheckpoint(f"{name} of {folder.name} is another network's: {error}", "Copy it again.") from error
    return network.float().eval()


def _side(frame: Clip) -> int:
    return max(SMALLEST, min(frame.shape[:2]))


def _each(frames: Clip, look: Callable[[Clip], Any]) -> Clip:
    size = (frames.shape[2], frames.shape[1])
    found = (np.asarray(look(frame)) for frame in frames)
    return np.stack([cv2.resize(lines, size, interpolation=cv2.INTER_AREA) for lines in found]).astype(np.uint8)


def _hed(folder: Path, scribble: bool) -> Callable[[Clip, Options], Clip]:
    @functools.cache
    def detector() -> Any:
        hed = imported("hed")
        return hed.HEDdetector(_filled(hed.ControlNetHED_Apache2(), folder, HED))

    def look(frames: Clip, options: Options) -> Clip:
        def one(frame: Clip) -> Any:
            side = _side(frame)
            return detector()(frame, side, side, safe=not scribble, output_type="np", scribble=scribble)

        return _each(frames, one)

    return look


def _lines(folder: Path) -> Callable[[Clip, Options], Clip]:
    @functools.cache
    def detector() -> Any:
        lineart = imported("lineart")
        fine = _filled(lineart.Generator(3, 1, 3), folder, LINES)
        return lineart.LineartDetector(fine, fine)

    def look(frames: Clip, options: Options) -> Clip:
        return _each(frames, lambda frame: detector()(frame, False, _side(frame), _side(frame), output_type="np"))

    return look


class OpenPose:
    """Several people from below: all joints at once, then who they belong to (Cao et al., 2019)."""

    control: ClassVar[ControlKind] = "pose"
    most_people: ClassVar[int] = MOST

    def __init__(self, folder: Path, why_not: str) -> None:
        self._folder, self.why_not = folder, why_not
        self.id = f"openpose-{folder.name}"
        self.title = f"Pose, OpenPose of controlnet-aux (not for commercial use), {folder.name}"

    @property
    def gives(self) -> tuple[BodyPart, ...]:
        more: tuple[tuple[BodyPart, str], ...] = (("hands", HAND_NET), ("face", FACE_NET))
        return ("body", *(part for part, name in more if _has(self._folder, name)))

    @functools.cached_property
    def _detector(self) -> Any:
        """Its own classes open pickles when they are made, so that they are made without."""
        package, folder = imported("open_pose"), self._folder
        body = object.__new__(package.body.Body)
        body.model = _filled(imported("open_pose.model").bodypose_model(), folder, BODY_NET)
        hand = face = None
        if "hands" in self.gives:
            hand = object.__new__(package.hand.Hand)
            hand.model = _filled(imported("open_pose.model").handpose_model(), folder, HAND_NET)
        if "face" in self.gives:
            face = object.__new__(package.face.Face)
            face.model = _filled(package.face.FaceNet(), folder, FACE_NET)
        return package.OpenposeDetector(body, hand, face)

    def extract(self, frames: Clip, size: tuple[int, int], options: Options, on_share: OnShare) -> Structure:
        """Raises GimbalError where nobody is seen, BrokenCheckpoint."""
        people, most = followed([self._people(frames[part.start]) for part in parts(len(frames), 1, on_share)])
        return drawn(people, frames.shape[1:3], size, self.id, most)

    def _people(self, frame: Clip) -> Joints:
        poses = self._detector.detect_poses(frame, "hands" in self.gives, "face" in self.gives)
        result = nobody(len(poses))
        for joints, pose in zip(result, poses, strict=True):
            told = ((BODY, pose.body.keypoints), (LEFT_HAND, pose.left_hand), (RIGHT_HAND, pose.right_hand))
            for place, points in (*told, (FACE, pose.face)):
                # A face that lacks points leaves them out, so that the others cannot be told apart.
                if points is not None and len(points) >= place.stop - place.start:
                    joints[place] = _placed(points[: place.stop - place.start], frame.shape[1], frame.shape[0])
        return result


def _placed(points: Sequence[Any], width: int, height: int) -> Joints:
    """Points in shares of the frame as joints in pixels; what is left of the frame or None was not found."""
    found = [(p.x * width, p.y * height, 1.0) if p is not None and p.x >= 0 else (np.nan, np.nan, 0.0) for p in points]
    return np.array(found, np.float32)


def _has(folder: Path, name: str) -> bool:
    return (folder / f"{name}.safetensors").is_file()


def _makers(folder: Path, name: str, cannot: str) -> Iterator[Filter | OpenPose]:
    """What one file of weights makes possible."""
    if name == BODY_NET:
        yield OpenPose(folder, cannot)
    elif name == LINES:
        title = f"Line art of controlnet-aux, {folder.name}"
        yield Filter(id=f"lines-{folder.name}", control="edges", title=title, look=_lines(folder), why_not=cannot)
    else:
        hed: dict[ControlKind, str] = {"edges": "Soft edges", "scribble": "Scribble"}
        for control, what in hed.items():
            look, title = _hed(folder, control == "scribble"), f"{what}, HED of controlnet-aux, {folder.name}"
            yield Filter(id=f"hed-{control}-{folder.name}", control=control, title=title, look=look, why_not=cannot)


def extractors(added: Sequence[Path]) -> tuple[Filter | OpenPose, ...]:
    return tuple(
        maker
        for folder in candidates(added)
        for name in (BODY_NET, HED, LINES)
        if (cannot := _why_not(folder, name)) is not None
        for maker in _makers(folder, name, cannot)
    )


def _why_not(folder: Path, name: str) -> str | None:
    """Why weights cannot be used, empty where they can; None where they are not there at all."""
    if _has(folder, name):
        return why_not()
    pickle = next((f"{name}{ending}" for ending in PICKLES if (folder / f"{name}{ending}").is_file()), "")
    if not pickle:
        return None
    return f"{pickle} is a pickle, which is never opened here; the same tensors are needed as {name}.safetensors."
