"""Hypothesis strategies for requests and grids."""

from __future__ import annotations

from hypothesis import strategies as st

from pipelines.domain.capabilities import FrameGrid, Range
from pipelines.domain.conditioning import (
    Conditioning,
    ControlClip,
    EndImage,
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
    return st.one_of(*plain, control, st.builds(KeyImage, media=digests, frame=st.integers(0, 200)))


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
