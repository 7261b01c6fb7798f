"""glTF 2.0: the first camera of the first scene and its animation; .gltf with its data inside, or .glb.

Cameras look along -z with y up, in a world whose y points up; ours is that one with y and z turned round. Data in other
files are not followed. Core glTF animates no lens: one focal length is kept.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np

from pipelines.domain.camera import pose
from pipelines.domain.camera.curve import locate
from pipelines.domain.camera.formats.files import (
    MAX_BYTES,
    CameraFile,
    Encoded,
    Source,
    focals,
    lens,
    not_held,
    quaternion,
    refuse,
    text_of,
    track_from,
)
from pipelines.domain.camera.formats.gltf_data import Document, opened
from pipelines.domain.camera.pose import Floats

NAME = "gltf"
TITLE = "glTF camera animation"
SUFFIXES = (".gltf", ".glb")
_FLIP = np.diag([1.0, -1.0, -1.0, 1.0])
_FLOAT = 5126
_MAX_DEPTH = 64


def looks_like(head: str, name: str) -> bool:
    return name.endswith(SUFFIXES) or (head.lstrip().startswith("{") and '"asset"' in head and '"nodes"' in head)


def decode(data: bytes, beside: bytes | None) -> CameraFile:
    if len(data) > MAX_BYTES:
        text_of(data)  # tells that it is too large
    document = opened(data)
    chain = _camera_chain(document)
    camera = document.item("cameras", document.item("nodes", chain[-1])["camera"])
    channels = _channels(document, chain)
    moments = np.unique(np.concatenate([c.times for c in channels])) if channels else np.zeros(1)
    world = np.broadcast_to(np.eye(4), (len(moments), 4, 4))
    for node in chain:
        world = world @ _local(document, node, channels, moments)
    world = pose.matrices(_without_scale(world[:, :3, :3]), world[:, :3, 3])
    focal, aspect = _lens(camera)
    notes = [note for channel in channels for note in channel.notes]
    track = track_from(
        list(_FLIP @ world @ _FLIP),
        focal_mm=np.full(len(moments), focal),
        seconds=moments - moments[0] if len(moments) > 1 else None,
        aspect=aspect,
    )
    return CameraFile(form=NAME, track=track, notes=tuple(dict.fromkeys(notes)))


def _camera_chain(document: Document) -> list[int]:
    """The nodes from the root to the first camera."""
    nodes = document.items("nodes")
    holder = next((index for index, node in enumerate(nodes) if isinstance(node.get("camera"), int)), None)
    if holder is None:
        raise refuse("The glTF file holds no camera.", "Export the camera with its animation.")
    parents = {child: index for index, node in enumerate(nodes) for child in node.get("children", [])
               if isinstance(child, int)}  # fmt: skip
    chain = [holder]
    while chain[0] in parents:
        if len(chain) > _MAX_DEPTH:
            raise refuse("The nodes of the glTF file are nested too deeply, or in a circle.")
        chain.insert(0, parents[chain[0]])
    return chain


class _Channel:
    """One animated property of a node."""

    def __init__(self, document: Document, animation: dict[str, Any], channel: dict[str, Any]) -> None:
        samplers, target = animation.get("samplers"), channel["target"]
        number = channel.get("sampler")
        if not isinstance(samplers, list) or not isinstance(number, int) or not 0 <= number < len(samplers):
            raise refuse("An animation of the glTF file has no sampler.")
        sampler = samplers[number]
        self.node, self.path = target.get("node"), target.get("path")
        self.times = document.floats(sampler.get("input"), 1)[:, 0]
        values = document.floats(sampler.get("output"), 4 if self.path == "rotation" else 3)
        self.interpolation, self.notes = sampler.get("interpolation", "LINEAR"), []
        if self.interpolation == "CUBICSPLINE":
            values = values[1::3]
            self.notes = ["Its cubic curves are read at their keys and joined evenly between them."]
        if len(values) != len(self.times) or not (np.diff(self.times) > 0).all():
            raise refuse("An animation of the glTF file has times and values that do not fit each other.")
        self.values = values

    def at(self, moments: Floats) -> Floats:
        """The property (n, 3 or 4) at some times; rotations are (w, x, y, z)."""
        spans = locate(self.times, moments, closed=False)
        amount = np.floor(spans.amount) if self.interpolation == "STEP" else spans.amount
        if self.path == "rotation":
            turns = np.roll(self.values, 1, axis=1)
            return pose.slerp(pose.unit(turns[spans.start]), pose.unit(turns[spans.end]), amount)
        return np.asarray(self.values[spans.start] * (1 - amount[:, None]) + self.values[spans.end] * amount[:, None])


def _channels(document: Document, chain: list[int]) -> list[_Channel]:
    """What the first animation that moves one of these nodes does to them."""
    for animation in document.items("animations"):
        wanted = [
            channel
            for channel in animation.get("channels", [])
            if isinstance(channel, dict)
            and isinstance(channel.get("target"), dict)
            and channel["target"].get("node") in chain
            and channel["target"].get("path") in ("translation", "rotation")
        ]
        if wanted:
            return [_Channel(document, animation, channel) for channel in wanted]
    return []


def _local(document: Document, node: int, channels: list[_Channel], moments: Floats) -> Floats:
    """The matrices (n, 4, 4) of a node over time."""
    raw = document.item("nodes", node)
    moving = {channel.path: channel for channel in channels if channel.node == node}
    if "matrix" in raw and not moving:
        columns = document.listed(raw["matrix"], 16, f"Node {node} of the glTF file: its matrix")
        return np.broadcast_to(np.array(columns).reshape(4, 4).T, (len(moments), 4, 4))
    place = np.array(document.listed(raw.get("translation", [0, 0, 0]), 3, f"Node {node}: its translation"))
    x, y, z, w = document.listed(raw.get("rotation", [0, 0, 0, 1]), 4, f"Node {node}: its rotation")
    scale = np.array(document.listed(raw.get("scale", [1, 1, 1]), 3, f"Node {node}: its scale"))
    turn = np.broadcast_to(quaternion([w, x, y, z], f"Node {node} of the glTF file"), (len(moments), 3, 3))
    if "rotation" in moving:
        turn = pose.rotation_from_quaternion(moving["rotation"].at(moments))
    places = moving["translation"].at(moments) if "translation" in moving else place
    return pose.matrices(turn * scale, np.broadcast_to(places, (len(moments), 3)))


def _without_scale(rotations: Floats) -> Floats:
    """Rotations (n, 3, 3) of nodes that may be scaled evenly. Raises InvalidRequest where they are stretched."""
    size = np.cbrt(np.linalg.det(rotations))
    if not (size > 1e-9).all():
        raise refuse("The camera's node in the glTF file is mirrored or has no size.")
    turns = rotations / size[:, None, None]
    if np.abs(turns @ np.swapaxes(turns, 1, 2) - np.eye(3)).max() > 1e-3:
        raise refuse("The camera's node in the glTF file is stretched.", "Apply its scale before the export.")
    left, _, right = np.linalg.svd(turns)
    return np.asarray(left @ right)


def _lens(camera: dict[str, Any]) -> tuple[float, float | None]:
    seen = camera.get("perspective")
    fov = seen.get("yfov") if isinstance(seen, dict) else None
    if not isinstance(fov, int | float) or isinstance(fov, bool) or not 0.001 < fov < 3.1:
        raise refuse("The camera of the glTF file has no perspective with a usable yfov.")
    aspect = seen.get("aspectRatio") if isinstance(seen, dict) else None
    focal = lens(float(pose.focal_mm_from_fov_y(np.degrees(fov))), "The camera")
    return focal, float(aspect) if isinstance(aspect, int | float) and 0.01 < aspect < 100 else None


def encode(source: Source) -> Encoded:
    focal, notes = focals(source)
    track = source.track
    if np.ptp(focal) > 1e-6 * focal[0]:
        notes += (f"glTF keeps one focal length: the zoom from {focal[0]:.4g} to {focal[-1]:.4g} mm is lost.",)
    seconds = track.seconds if track.seconds is not None else np.arange(len(track)) / source.fps
    poses = _FLIP @ track.camera_to_world @ _FLIP
    turns = _continuous(pose.quaternion_from_rotation(poses[:, :3, :3]))
    parts = [seconds[:, None], poses[:, :3, 3], np.roll(turns, -1, axis=1)]
    return Encoded(
        data=(json.dumps(_document(source, float(focal[0]), parts), indent=1) + "\n").encode(),
        notes=(*notes, *not_held(source, TITLE)),
    )


def _continuous(turns: Floats) -> Floats:
    """The same rotations with signs that do not jump, as linear interpolation wants them."""
    signs = np.where((turns[1:] * turns[:-1]).sum(axis=1) < 0, -1.0, 1.0)
    return np.asarray(turns * np.concatenate([[1.0], np.cumprod(signs)])[:, None])


def _document(source: Source, focal_mm: float, parts: list[Floats]) -> dict[str, Any]:
    blobs = [np.ascontiguousarray(part, "<f4").tobytes() for part in parts]
    starts = np.cumsum([0, *map(len, blobs)]).tolist()
    kinds = ("SCALAR", "VEC3", "VEC4")
    accessors: list[dict[str, Any]] = [
        {"bufferView": n, "componentType": _FLOAT, "count": len(part), "type": kind,
         "min": part.astype("<f4").min(axis=0).tolist(), "max": part.astype("<f4").max(axis=0).tolist()}
        for n, (part, kind) in enumerate(zip(parts, kinds, strict=True))
    ]  # fmt: skip
    width, height = source.track.size or source.size
    fov = float(np.radians(pose.fov_y_degrees(focal_mm)))
    return {
        "asset": {"version": "2.0", "generator": "Gimbal"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"name": "Camera", "camera": 0,
                   "translation": parts[1][0].tolist(), "rotation": parts[2][0].tolist()}],
        "cameras": [{"type": "perspective",
                     "perspective": {"yfov": fov, "aspectRatio": width / height, "znear": 0.01, "zfar": 1000.0}}],
        "animations": [{
            "channels": [{"sampler": 0, "target": {"node": 0, "path": "translation"}},
                         {"sampler": 1, "target": {"node": 0, "path": "rotation"}}],
            "samplers": [{"input": 0, "output": 1, "interpolation": "LINEAR"},
                         {"input": 0, "output": 2, "interpolation": "LINEAR"}],
        }],
        "accessors": accessors,
        "bufferViews": [{"buffer": 0, "byteOffset": start, "byteLength": len(blob)}
                        for start, blob in zip(starts, blobs, strict=False)],
        "buffers": [{"byteLength": starts[-1],
                     "uri": "data:application/octet-stream;base64," + base64.b64encode(b"".join(blobs)).decode()}],
    }  # fmt: skip
