"""Measure the camera of a clip: which way of moving explains what was seen, and how exactly."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.measure.bundle import Freedom, Reconstruction, Sightings, adjust
from pipelines.measure.finish import Fit, measured
from pipelines.measure.lens import FocalPixels, Lens, known_lens, with_true_pixels
from pipelines.measure.measured import Measured, Method, not_measured
from pipelines.measure.models import (
    BY_CHANCE,
    CLEARLY,
    SCALE,
    Model,
    beyond,
    cost,
    longest,
    moving,
    rest,
    simplest,
    turning,
    unavoidable,
    zooming_while_moving,
)
from pipelines.measure.tracks import Tracks, follow

FloatArray = NDArray[np.float64]

MOST_FRAMES = 240
MOST_CAMERAS = 48
MOST_POINTS = 1200
FEWEST = 12
"""Points that two neighbouring frames must share."""
JUMP = 0.12
"""The share of its points that a frame keeps across a cut, by chance."""
STILL = 0.25
"""Working pixels by which a point may wander under a camera that stands still."""
HELPS = 0.8
"""The share of what is unexplained that must remain at most, for a zoom beside the way to be looked for."""
WORTH = 1.4
"""The factor by which a zoom that helps must lower the unexplained rest."""
POOR = 2.0
"""How many times the unavoidable rest a good explanation leaves at most."""
BLANK = 3.0
"""Spread of grey values under which a picture shows nothing."""


class Unmeasurable(Exception):
    """Why a camera cannot be measured, for the person."""


def measure(frames: NDArray[np.uint8], focal_pixels: FocalPixels = None) -> Measured:
    """The camera of frames (T, H, W, 3).

    focal_pixels: the focal length in pixels, (fx, fy) where the pixels are not square, `Shape`s where it is one of
    several, or None to find it too.
    Takes at most MOST_FRAMES of the frames, evenly; what it could not measure it says in `problem`.
    """
    if frames.ndim != 4 or frames.shape[3] != 3 or frames.dtype != np.uint8:
        raise ValueError(f"frames are uint8 (T, H, W, 3), not {frames.dtype} {frames.shape}")
    shown = _shown(frames)
    if len(frames) < 2:
        return not_measured("A camera move needs at least two frames.")
    if len(shown) < 2:
        return not_measured("The frames are blank.")
    used = shown[np.unique(np.linspace(0, len(shown) - 1, min(len(shown), MOST_FRAMES)).round().astype(int))]
    tracks = follow(frames[used])
    problem = _gap(tracks, used)
    if problem:
        return not_measured(problem)
    lenses = known_lens(focal_pixels, (frames.shape[2], frames.shape[1]), tracks.scale)
    try:
        return measured(fitted(tracks, lenses), tracks, used, len(frames))
    except Unmeasurable as error:
        return not_measured(str(error))
    except (np.linalg.LinAlgError, cv2.error):
        return not_measured("No camera in any world explains what moves.")


def _shown(frames: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The frames that are not blank."""
    return np.array([i for i, frame in enumerate(frames) if float(frame[::2, ::2].std((0, 1)).max()) > BLANK], int)


def _gap(tracks: Tracks, used: NDArray[np.int64]) -> str:
    """Why the frames do not hang together, or nothing."""
    seen = tracks.seen
    each = seen.sum(0)
    shared = (seen[:, 1:] & seen[:, :-1]).sum(0)
    if each.min() < FEWEST:
        return f"Frame {used[int(np.argmin(each))]} shows too little to follow."
    worst = int(np.argmin(shared / np.minimum(each[1:], each[:-1])))
    if shared.min() >= FEWEST and shared[worst] >= JUMP * min(each[worst], each[worst + 1]):
        return ""
    return f"The picture jumps between frames {used[worst]} and {used[worst + 1]}."


def _sightings(tracks: Tracks, cameras: NDArray[np.int64]) -> tuple[Sightings, NDArray[np.int64]]:
    """What these frames see of points that three of them see (two of two), and which tracks the points are.

    Raises Unmeasurable where a frame sees hardly any.
    """
    seen = tracks.seen[:, cameras]
    names = np.flatnonzero(seen.sum(1) >= min(3, len(cameras)))
    if seen[names].sum(0).min() < FEWEST // 2:
        raise Unmeasurable("Too few points can be followed through three frames.")
    track, frame = np.nonzero(seen[names])
    where = names[track], cameras[frame]
    chosen, kept = longest(Sightings(track, frame, tracks.xy[where], tracks.trust[where]), MOST_POINTS)
    return chosen, names[kept]


def fitted(tracks: Tracks, lenses: list[Lens]) -> Fit:
    """The simplest way of moving that explains the tracks, with the lens that explains them best."""
    frames = tracks.xy.shape[1]
    cameras = np.unique(np.linspace(0, frames - 1, min(frames, MOST_CAMERAS)).round().astype(int))
    seen, names = _sightings(tracks, cameras)
    sizes = (len(names), len(cameras))
    if _is_still(tracks, cameras):
        model = _still(seen, lenses[0], sizes)
        return Fit(model=model, lens=lenses[0], cameras=cameras, seen=seen, names=names)
    found = [(_model(seen, lens, sizes, tracks.scale), lens) for lens in lenses]
    model, lens = min(found, key=lambda pair: pair[0].rest)
    return Fit(model=model, lens=lens, cameras=cameras, seen=seen, names=names)


def _is_still(tracks: Tracks, cameras: NDArray[np.int64]) -> bool:
    """Whether in every frame most points are where they always are, or many are and not only far up.

    The second is for a world that moves by itself (water, a crowd); a far sky alone keeps its place also for a camera
    that travels.
    """
    here = tracks.seen[:, cameras].any(1)
    xy, seen = tracks.xy[here][:, cameras], tracks.seen[here][:, cameras]
    still = np.linalg.norm(xy - np.nanmedian(xy, axis=1, keepdims=True), axis=2) < STILL
    share = still.sum(0) / seen.sum(0)
    low = xy[..., 1] > 0
    share_low = (still & low).sum(0) / np.maximum(1, (seen & low).sum(0))
    return bool((share > 0.5).all() or ((share > 0.3).all() and (share_low > 0.2).all()))


def _still(seen: Sightings, lens: Lens, sizes: tuple[int, int]) -> Model:
    freedom = Freedom(translation=False)
    state = turning(seen, lens.focal, sizes, freedom)
    same = replace(state, rotation=np.tile(np.eye(3), (sizes[1], 1, 1)))
    return Model(method="static", state=same, freedom=freedom, rest=rest(same, seen, freedom))


def _model(seen: Sightings, lens: Lens, sizes: tuple[int, int], scale: float) -> Model:
    """The simplest way of moving that explains what was seen."""
    turns = Freedom(translation=False, lens="fixed" if lens.is_given else "one")
    turned = _as_model("turning", turning(seen, lens.focal, sizes, turns), seen, turns)
    if turned.rest <= unavoidable(scale):
        return turned
    shaped = _as_model("turning", with_true_pixels(turned.state, seen, lens, turns), seen, turns)
    if shaped.rest <= unavoidable(scale):
        return shaped
    zooms = replace(turns, zoom=True)
    zoomed = _as_model("turning and zooming", turning(seen, turned.state.lens, sizes, zooms), seen, zooms)
    if zoomed.rest <= unavoidable(scale):
        return zoomed
    moves = replace(turns, translation=True)
    state = adjust(moving(seen, lens.focal, sizes, turned.state), seen, moves, scale=SCALE)
    moved = _as_model("moving", with_true_pixels(state, seen, lens, moves), seen, moves)
    if lens.is_given and _calls_for_zoom(moved, seen, scale):
        moved = _with_zoom(moved, zoomed, seen, sizes)
    return simplest([shaped, zoomed, moved], scale)


def _calls_for_zoom(moved: Model, seen: Sightings, scale: float) -> bool:
    """Whether a travelling camera with a fixed lens leaves so much unexplained that it may zoom as well."""
    if moved.rest > POOR * unavoidable(scale) or beyond(moved.state, seen) > BY_CHANCE:
        return True
    loosened = adjust(moved.state, seen, Freedom(zoom=True), scale=SCALE, rounds=8)
    return cost(loosened, seen) < HELPS * cost(moved.state, seen)


def _with_zoom(moved: Model, zoomed: Model, seen: Sightings, sizes: tuple[int, int]) -> Model:
    """The travelling camera, or one that zooms as well where that explains clearly more."""
    state = zooming_while_moving(seen, moved.state.lens, sizes, [zoomed.state, moved.state])
    richer = _as_model("moving and zooming", state, seen, Freedom(zoom=True))
    helps = cost(state, seen) < HELPS * cost(moved.state, seen) and WORTH * richer.rest < moved.rest
    return richer if helps or CLEARLY * richer.rest < moved.rest else moved


def _as_model(method: Method, state: Reconstruction, seen: Sightings, freedom: Freedom) -> Model:
    return Model(method=method, state=state, freedom=freedom, rest=rest(state, seen, freedom))
