"""From a fitted model to a pose for every frame of the clip, in the units that are promised."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipelines.domain.camera import pose
from pipelines.measure.bundle import Reconstruction, Sightings, adjust, camera_points, errors
from pipelines.measure.doubt import doubts
from pipelines.measure.lens import Lens
from pipelines.measure.measured import FrameStatus, Measured, not_measured
from pipelines.measure.models import SCALE, Model
from pipelines.measure.tracks import Tracks

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

EXPLAINED = 1.5
"""Working pixels within which a sighting counts as explained."""
LEAST_EXPLAINED = 0.35
AT_A_TIME = 24


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A model of some frames (`cameras`, numbers among the tracks' frames) and what they saw.

    names: (P,) which of the tracks each point of `seen` is.
    """

    model: Model
    lens: Lens
    cameras: IntArray
    seen: Sightings
    names: IntArray


def measured(fit: Fit, tracks: Tracks, used: IntArray, num_frames: int) -> Measured:
    """Poses for all `num_frames` frames; `used` (U,) are the clip's frames that the tracks run through."""
    state = fit.model.state
    close = errors(state, fit.seen) < EXPLAINED
    confidence = float(close.mean())
    if confidence < LEAST_EXPLAINED:
        share = round(100 * confidence)
        return not_measured(f"Only {share} % of what moves fits one camera in a world that stands still.")
    whole = _with_the_rest(fit, tracks)
    lens = whole.lens * whole.zoom[:, None] / tracks.scale
    world = _in_units(whole, fit.seen)
    status: list[FrameStatus] = ["between"] * num_frames
    residual = np.full(num_frames, np.nan)
    for frame, value in zip(used, _residuals(whole, fit, tracks), strict=True):
        status[frame] = "measured"
        residual[frame] = value / tracks.scale
    static = fit.model.method == "static"
    degrees, way = (0.0, None) if static else doubts(state, fit.seen, fit.model.freedom)
    return Measured(
        camera_to_world=_between(world, used, num_frames),
        status=tuple(status),
        residual_pixels=residual,
        focal_pixels=np.stack([np.interp(np.arange(num_frames), used, lens[:, axis]) for axis in (0, 1)], 1),
        lens_source=fit.lens.source(state.lens),
        method=fit.model.method,
        translation_seen=fit.model.freedom.translation,
        zooms=fit.model.freedom.zoom,
        confidence=confidence,
        doubt_degrees=degrees,
        doubt_way=way,
    )


def _with_the_rest(fit: Fit, tracks: Tracks) -> Reconstruction:
    """Cameras for all frames of the tracks: those not fitted are placed by the points that they see."""
    frames = tracks.xy.shape[1]
    state = fit.model.state
    everyone = np.arange(frames)
    poses = _between(pose.inverse(pose.matrices(state.rotation, state.translation)), fit.cameras, frames)
    placed = pose.inverse(poses)
    whole = Reconstruction(
        placed[:, :3, :3],
        placed[:, :3, 3],
        state.lens,
        np.exp(np.interp(everyone, fit.cameras, np.log(state.zoom))),
        state.points,
    )
    others = np.setdiff1d(everyone, fit.cameras)
    if fit.model.method == "static":
        return whole
    for begin in range(0, len(others), AT_A_TIME):
        group = np.concatenate([[0], others[begin : begin + AT_A_TIME]])
        part = replace(
            whole, rotation=whole.rotation[group], translation=whole.translation[group], zoom=whole.zoom[group]
        )
        freedom = replace(fit.model.freedom, lens="fixed", points=False)
        part = adjust(part, _sightings(fit, tracks, group), freedom, scale=SCALE, rounds=10)
        whole.rotation[group], whole.translation[group], whole.zoom[group] = part.rotation, part.translation, part.zoom
    return whole


def _sightings(fit: Fit, tracks: Tracks, frames: IntArray) -> Sightings:
    """What the fit's points look like in these frames, numbered from 0."""
    xy = tracks.xy[fit.names][:, frames]
    seen = ~np.isnan(xy[..., 0])
    track, frame = np.nonzero(seen)
    return Sightings(track, frame, xy[seen], tracks.trust[fit.names][:, frames][seen])


def _residuals(whole: Reconstruction, fit: Fit, tracks: Tracks) -> FloatArray:
    """(U,) each frame's median error in working pixels."""
    frames = len(whole.rotation)
    seen = _sightings(fit, tracks, np.arange(frames))
    distance = errors(whole, seen)
    return np.array([np.median(d) if len(d := distance[seen.frame == f]) else np.nan for f in range(frames)])


def _in_units(whole: Reconstruction, seen: Sightings) -> FloatArray:
    """Camera-to-world (U, 4, 4): the first camera is the identity, the median depth of what it sees is 1."""
    world = pose.inverse(pose.matrices(whole.rotation, whole.translation))
    world = pose.relative_to(world, world[0])
    first = seen.only(seen.frame == 0)
    points = whole.points[first.track]
    depth = camera_points(whole, first)[:, 2] / np.where(np.abs(points[:, 3]) < 1e-9, np.nan, points[:, 3])
    depth = depth[np.isfinite(depth) & (depth > 0)]
    if len(depth):
        world[:, :3, 3] /= float(np.median(depth))
    return world


def _between(poses: FloatArray, at: IntArray, num_frames: int) -> FloatArray:
    """Poses (num_frames, 4, 4) through poses (K, 4, 4) at frames `at`; the ends stand still beyond them."""
    frames = np.arange(num_frames)
    after = np.clip(np.searchsorted(at, frames), 0, len(at) - 1)
    before = np.maximum(after - (at[after] > frames), 0)
    length = np.maximum(at[after] - at[before], 1)
    share = np.where(after == before, 0.0, (frames - at[before]) / length)
    quaternions = pose.quaternion_from_rotation(poses[:, :3, :3])
    turned = pose.rotation_from_quaternion(pose.slerp(quaternions[before], quaternions[after], share))
    place = poses[:, :3, 3]
    result = pose.matrices(turned, place[before] + share[:, None] * (place[after] - place[before]))
    exact = after == before
    result[exact] = poses[after[exact]]
    return result
