"""Pictures with exact depth and skeleton to train the estimators on, harmed as pictures of generated clips are."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.toybox.clips import Shard, read_shard, shard_numbers

HARM_SHARE = 0.7


@dataclass(frozen=True)
class Picture:
    """One frame uint8 (H, W, 3), its depth float32 (H, W) in metres (inf: sky) and skeleton (18, 3) as in `render`."""

    frame: NDArray[np.uint8]
    depth: NDArray[np.float32]
    skeleton: NDArray[np.float32]


class PictureSource:
    """Random frames of the shards in a folder; what is drawn follows from the generator and the shards alone."""

    def __init__(self, folder: Path) -> None:
        self.shards = [read_shard(folder, number) for number in shard_numbers(folder)]
        shown = [np.isfinite(shard.skeletons[..., 0]).any(axis=(1, 2)) for shard in self.shards]
        places = [(which, clip) for which, shard in enumerate(self.shards) for clip in range(len(shard.frames))]
        self.peopled = [place for place in places if shown[place[0]][place[1]]]
        self.empty = [place for place in places if not shown[place[0]][place[1]]]

    def any(self, rng: np.random.Generator) -> Picture:
        """A frame of any clip."""
        return self._draw(self.peopled + self.empty, rng)

    def person(self, rng: np.random.Generator) -> Picture:
        """A frame of a clip with a figure (it may have left the picture); of any clip where no clip has one."""
        return self._draw(self.peopled or self.empty, rng)

    def nobody(self, rng: np.random.Generator) -> Picture:
        """A frame of a clip without a figure; of any clip where all have one."""
        return self._draw(self.empty or self.peopled, rng)

    def _draw(self, places: list[tuple[int, int]], rng: np.random.Generator) -> Picture:
        which, clip = places[int(rng.integers(len(places)))]
        shard = self.shards[which]
        moment = int(rng.integers(shard.frames.shape[1]))
        frame = _ghosted(shard, clip, moment, rng)
        depth, skeleton = shard.depth[clip, moment].astype(np.float32), np.array(shard.skeletons[clip, moment])
        picture = Picture(harmed(frame, rng), depth, skeleton)
        return mirrored(picture) if rng.random() < 0.5 else picture


def _ghosted(shard: Shard, clip: int, moment: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The frame, now and then with its neighbour shining through, as a codec that is smaller in time does."""
    frame = np.array(shard.frames[clip, moment])
    if rng.random() > 0.25:
        return frame
    beside = min(max(moment + int(rng.choice((-1, 1))), 0), shard.frames.shape[1] - 1)
    share = rng.uniform(0.0, 0.35)
    return cv2.addWeighted(frame, 1.0 - share, np.array(shard.frames[clip, beside]), share, 0.0).astype(np.uint8)


MIRRORED_JOINTS = (0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10, 15, 14, 17, 16)


def mirrored(picture: Picture) -> Picture:
    """The picture with left and right exchanged; the figure's right joints become its left ones."""
    skeleton = picture.skeleton[list(MIRRORED_JOINTS)]
    skeleton[:, 0] = picture.frame.shape[1] - skeleton[:, 0]
    return Picture(np.ascontiguousarray(picture.frame[:, ::-1]), picture.depth[:, ::-1], skeleton)


def harmed(frame: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The frame as a small codec would leave it: softened, squeezed, blocky, noisy and off in light and colour."""
    if rng.random() > HARM_SHARE:
        return frame
    result = frame
    height, width = frame.shape[:2]
    if rng.random() < 0.4:
        share = rng.uniform(0.35, 0.9)
        small = cv2.resize(result, (round(width * share), round(height * share)), interpolation=cv2.INTER_AREA)
        result = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    if rng.random() < 0.4:
        result = cv2.GaussianBlur(result, (0, 0), rng.uniform(0.3, 1.6))
    if rng.random() < 0.5:
        quality = int(rng.integers(12, 80))
        packed = cv2.imencode(".jpg", result, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        result = cv2.imdecode(packed, cv2.IMREAD_COLOR)
    light = result.astype(np.float32) * rng.uniform(0.85, 1.15, 3) + rng.uniform(-14.0, 14.0)
    if rng.random() < 0.5:
        light = light + rng.normal(0.0, rng.uniform(1.0, 9.0), frame.shape)
    return light.clip(0.0, 255.0).astype(np.uint8)
