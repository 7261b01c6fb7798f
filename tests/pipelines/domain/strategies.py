"""Hypothesis strategies for requests and grids."""

from __future__ import annotations

from hypothesis import strategies as st

from pipelines.domain.camera.path import EASINGS, CameraKey, CameraPath
from pipelines.domain.capabilities import FrameGrid, Range
from pipelines.domain.conditioning import (
    Conditioning,
    ControlClip,
    EndImage,
    ExtendClip,
    KeyImage,
    MaskClip,
    ReferenceImage,
    SourceClip,
    StartImage,
)
from pipelines.domain.request import MAX_SEED, GenerationRequest

digests = st.text("0123456789abcdef", min_size=64, max_size=64)
finite = st.floats(-1e9, 1e9) | st.integers(-1000, 1000)


def conditionings() -> st.SearchStrategy[Conditioning]:
    plain = [st.builds(cls, media=digests) for cls in (StartImage, EndImage, SourceClip, MaskClip, ReferenceImage)]
    control = st.builds(ControlClip, media=digests, control=st.sampled_from(["depth", "pose"]), strength=finite)
    ways = st.sampled_from(["forward", "backward"])
    extend = st.builds(ExtendClip, media=digests, way=ways, keep=st.integers(-5, 200))
    return st.one_of(*plain, control, extend, st.builds(KeyImage, media=digests, frame=st.integers(0, 200)))


def vectors(size: int = 3, most: float = 100.0) -> st.SearchStrategy[tuple[float, ...]]:
    return st.tuples(*[st.floats(-most, most)] * size)


@st.composite
def quaternions(draw: st.DrawFn) -> tuple[float, ...]:
    """Unit quaternions."""
    parts = draw(vectors(4, 1.0).filter(lambda q: sum(part * part for part in q) > 0.01))
    length = sum(part * part for part in parts) ** 0.5
    return tuple(part / length for part in parts)


@st.composite
def _camera_keys(draw: st.DrawFn, time: float) -> CameraKey:
    position = draw(vectors())
    target, quaternion = None, None
    if draw(st.booleans()):
        offset = draw(vectors(3, 20.0).filter(lambda v: sum(map(abs, v)) > 0.1))
        target = tuple(p + o for p, o in zip(position, offset, strict=True))
    else:
        quaternion = draw(quaternions())
    return CameraKey(
        time=time,
        position=position,
        target=target,
        quaternion=quaternion,
        roll_degrees=draw(st.floats(-720, 720)),
        focal_mm=draw(st.floats(8, 400)),
        easing=draw(st.sampled_from(sorted(EASINGS))),
        tension=draw(st.floats(0, 1)),
    )


@st.composite
def speeds(draw: st.DrawFn) -> tuple[tuple[float, float], ...]:
    """Speed curves: times that rise, progress that does not fall."""
    times = sorted(draw(st.sets(st.integers(1, 99), max_size=6)))
    values = sorted(draw(st.lists(st.integers(0, 100), min_size=len(times), max_size=len(times))))
    return ((0.0, 0.0), *((t / 100, v / 100) for t, v in zip(times, values, strict=True)), (1.0, 1.0))


@st.composite
def camera_paths(draw: st.DrawFn) -> CameraPath:
    """Sound paths of every kind of key."""
    loop = draw(st.booleans())
    times = sorted(draw(st.sets(st.integers(0, 99 if loop else 100), min_size=2, max_size=8)))
    keys = tuple(draw(_camera_keys(time / 100)) for time in times)
    return CameraPath(keys=keys, speed=draw(speeds()), loop=loop)


def requests() -> st.SearchStrategy[GenerationRequest]:
    return st.builds(
        GenerationRequest,
        model=st.text(max_size=20),
        prompt=st.text(max_size=200),
        negative_prompt=st.text(max_size=50),
        seed=st.integers(0, MAX_SEED),
        width=st.integers(1, 5000),
        height=st.integers(1, 5000),
        num_frames=st.integers(1, 500),
        fps=finite,
        steps=st.integers(1, 200),
        guidance=finite,
        conditioning=st.lists(conditionings(), max_size=5).map(tuple),
        camera=st.none() | camera_paths(),
    )


@st.composite
def grids(draw: st.DrawFn) -> FrameGrid:
    """Grids as cards have them: the bounds are multiples of the grid and leave room for the smallest square."""
    multiple = draw(st.sampled_from([8, 16, 32]))
    low = multiple * draw(st.integers(1, 20))
    high = low + multiple * draw(st.integers(0, 40))
    frames = draw(st.sampled_from([1, 4, 8]))
    longest = 1 + frames * draw(st.integers(0, 30))
    return FrameGrid(
        size_multiple=multiple,
        min_side=low,
        max_side=high,
        max_pixels=draw(st.integers(low * low, high * high)),
        sizes=((low, low),),
        frames_multiple=frames,
        lengths=(longest,),
        max_frames=longest,
        fps=Range(low=1, high=60, default=16),
    )
