"""The pictures of a training: read from the library, looked at, and cut to the shape of an example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.personalize import dataset
from pipelines.personalize.examples import Example
from pipelines.personalize.settings import Settings
from studio.media import probe, read_frames, read_image
from studio.subjects.spec import PictureSpec


def read_picture(path: Path) -> NDArray[np.uint8]:
    """A picture, or a clip's middle frame, uint8 (h, w, 3). Raises MediaError."""
    if probe(path).kind == "image":
        return read_image(path).pixels[0]
    frames = read_frames(path, max_frames=64).pixels
    return np.ascontiguousarray(frames[len(frames) // 2])


def examples(pictures: Sequence[PictureSpec], files: Mapping[str, Path], settings: Settings) -> tuple[Example, ...]:
    """The examples of a training, each cut to where its subject is. Raises MediaError."""
    return tuple(_example(picture, files[picture.media], settings) for picture in pictures)


def _example(picture: PictureSpec, path: Path, settings: Settings) -> Example:
    if probe(path).kind == "image":
        frames = read_image(path).pixels
    else:
        frames = read_frames(path, max_frames=4 * settings.num_frames).pixels
    first = np.ascontiguousarray(frames[len(frames) // 2])
    found = dataset.find(first, picture.box)
    aspect = settings.width / settings.height
    if picture.cut_out:
        each = [found] if len(frames) == 1 else [dataset.find(np.ascontiguousarray(f), picture.box) for f in frames]
        frames = np.stack([dataset.without_background(f, where) for f, where in zip(frames, each, strict=True)])
    return Example(np.stack([dataset.crop(frame, found.box, aspect) for frame in frames]), picture.caption)
