"""What each control asks of a model, as parts of a request, and how what came out is compared with the truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.conditioning import depth, edges, pose
from pipelines.domain.camera.pose import relative_to
from pipelines.domain.camera.warp import warp
from pipelines.domain.conditioning import (
    Conditioning,
    ControlClip,
    EndImage,
    MaskClip,
    ReferenceImage,
    SourceClip,
    StartImage,
)
from pipelines.domain.frames import Frames
from pipelines.measure.direct import follow_camera
from pipelines.toybox.bench import pictures
from pipelines.toybox.bench.camera import path_error
from pipelines.toybox.bench.scenes import Case, has_figure, has_measurable_path, is_one_thing
from pipelines.toybox.captions import GROUND_PHRASES, MOVE_PHRASES, SKY_PHRASES
from pipelines.toybox.judge import Clips, Judge, facts
from pipelines.toybox.mixing import mask_frames, reference
from pipelines.toybox.scene import Scene

Parts = Mapping[Conditioning, Clips]
Found = Mapping[str, float | None]
FPS = 8.0


@dataclass(frozen=True, kw_only=True)
class Instruments:
    """What reads clips: the judge, and the estimators of nearness (T, H, W) and of skeletons (T, 18, 3)."""

    judge: Judge
    nearness: Callable[[Clips], npt.NDArray[np.float32]]
    skeletons: Callable[[Clips], npt.NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True)
class Control:
    """One way to steer a model.

    needs: the kinds of conditioning a card must take. scenes: which ones it is measured on. parts: the conditioning for
    a scene, with its media. measure: the figures of a clip beside the truth. prompt: the words that go with it.
    """

    name: str
    needs: frozenset[str]
    scenes: Callable[[Scene], bool] = has_measurable_path
    parts: Callable[[Case], Parts]
    measure: Callable[[Case, Clips, Instruments], Found]
    prompt: Callable[[Case], str] = field(default=lambda case: case.caption)


def media_of(parts: Parts) -> dict[str, Frames]:
    """The media of a request by their content hash."""
    return {part.media: Frames(clip, FPS) for part, clip in parts.items()}


def _medium(clip: Clips) -> str:
    return Frames(clip, FPS).digest()


def _previz(case: Case) -> Parts:
    clip = depth.to_control(depth.nearness(case.depth))
    return {ControlClip(media=_medium(clip), control="depth"): clip}


def _pose(case: Case) -> Parts:
    clip = pose.draw(case.skeletons, case.frames.shape[2], case.frames.shape[1])
    return {ControlClip(media=_medium(clip), control="pose"): clip}


def _edges(case: Case) -> Parts:
    clip = edges.to_control(case.frames)
    return {ControlClip(media=_medium(clip), control="edges"): clip}


def _start(case: Case) -> Parts:
    return {StartImage(media=_medium(case.frames[:1])): case.frames[:1]}


def _start_and_end(case: Case) -> Parts:
    return {**_start(case), EndImage(media=_medium(case.frames[-1:])): case.frames[-1:]}


def _warp(case: Case) -> Parts:
    poses = relative_to(case.poses, case.poses[0])
    seen = warp(case.frames[0], case.depth[0], float(case.focals[0]), poses, case.focals)
    return _source_and_mask(seen.frames, seen.holes)


def _hole(case: Case) -> npt.NDArray[np.bool_]:
    """The middle of every frame, (T, H, W): 9/16 of both sides."""
    count, height, width = case.frames.shape[:3]
    hole = np.zeros((count, height, width), bool)
    top, left = height * 7 // 32, width * 7 // 32
    hole[:, top : height - top, left : width - left] = True
    return hole


def _mask(case: Case) -> Parts:
    return _source_and_mask(case.frames, _hole(case))


def _source_and_mask(source: Clips, holes: npt.NDArray[np.bool_]) -> Parts:
    white = mask_frames(holes)
    return {SourceClip(media=_medium(source)): source, MaskClip(media=_medium(white)): white}


def _reference(case: Case) -> Parts:
    picture = reference(case.truth(), np.random.default_rng(0))[None]
    return {ReferenceImage(media=_medium(picture)): picture}


def place_only(case: Case) -> str:
    """Words for the ground, the sky and the camera, and none for the thing that a picture stands for."""
    scene = case.scene
    place = f"{GROUND_PHRASES[scene.ground][0]} {SKY_PHRASES[scene.sky][0]}"
    return f"{place}, {MOVE_PHRASES[scene.camera.kind][0]}"


def _camera(case: Case, clip: Clips, tools: Instruments) -> Found:
    error = path_error(follow_camera(clip, case.depth, case.still, case.focals).poses, case.poses)
    return {"rotation": error.rotation_degrees, "translation": error.translation}


def _camera_and_depth(case: Case, clip: Clips, tools: Instruments) -> Found:
    warped = pictures.warping_error(clip, case.flow)
    depths = pictures.depth_errors(tools.nearness(clip), case.depth)
    return {**_camera(case, clip, tools), **depths, "warping": warped}


def _joints(case: Case, clip: Clips, tools: Instruments) -> Found:
    return {"pck": pictures.pck(tools.skeletons(clip), case.skeletons)}


def _edge_score(case: Case, clip: Clips, tools: Instruments) -> Found:
    return {"edges": pictures.edge_score(edges.to_control(clip), edges.to_control(case.frames))}


def _first(case: Case, clip: Clips, tools: Instruments) -> Found:
    return {"first": pictures.psnr(clip[0], case.frames[0])}


def _last(case: Case, clip: Clips, tools: Instruments) -> Found:
    return {"last": pictures.psnr(clip[-1], case.frames[-1])}


def _outside(case: Case, clip: Clips, tools: Instruments) -> Found:
    return {"outside": pictures.psnr(clip, case.frames, ~_hole(case))}


def _identity(case: Case, clip: Clips, tools: Instruments) -> Found:
    seen, true = tools.judge.read(clip[None])[0], facts(case.scene)
    return {"identity": float(all(seen[name] == true[name] for name in ("colour", "shape")))}


def _control(name: str, kinds: tuple[str, ...], parts: Any, measure: Any, **more: Any) -> Control:
    return Control(name=name, needs=frozenset(kinds), parts=parts, measure=measure, **more)


CONTROLS: Mapping[str, Control] = MappingProxyType({control.name: control for control in (
    _control("previz", ("control_clip",), _previz, _camera_and_depth),
    _control("warp", ("source_clip", "mask_clip"), _warp, _camera),
    _control("skeleton", ("control_clip",), _pose, _joints, scenes=has_figure),
    _control("edges", ("control_clip",), _edges, _edge_score),
    _control("first frame", ("start_image",), _start, _first),
    _control("first and last frame", ("start_image", "end_image"), _start_and_end, _last),
    _control("mask", ("source_clip", "mask_clip"), _mask, _outside),
    _control("reference", ("reference_image",), _reference, _identity, scenes=is_one_thing, prompt=place_only),
)})
"""Every way of steering that is measured, by its name."""
