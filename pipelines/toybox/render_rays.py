"""Rays as flat lists: separate float32 tensors per component, so that elementwise work stays contiguous."""

from dataclasses import dataclass

import torch
from torch import Tensor

Triple = tuple[Tensor, Tensor, Tensor]


def take(values: Tensor, index: Tensor) -> Tensor:
    """values[index] along the first axis; on CPU several times faster than indexing."""
    return values.index_select(0, index)


def take3(triple: Triple, index: Tensor) -> Triple:
    """The three components at these positions."""
    return take(triple[0], index), take(triple[1], index), take(triple[2], index)


def per_frame(track: Tensor, frame: Tensor) -> Tensor:
    """A track (T,) at these frames; a track of length 1 stands for all frames and comes back as a scalar."""
    return track[0] if len(track) == 1 else take(track, frame)


def turned(turn: Tensor, frame: Tensor, vector: Triple) -> Triple:
    """Vectors turned by the frame's matrix; turn (T, 3, 3), or (1, 3, 3) for all frames."""
    rows = [sum_of(tuple(per_frame(turn[:, k, j], frame) for j in range(3)), vector) for k in range(3)]
    return rows[0], rows[1], rows[2]


def turned_back(turn: Tensor, frame: Tensor, vector: Triple) -> Triple:
    """Vectors turned by the inverse (transpose) of the frame's matrix."""
    rows = [sum_of(tuple(per_frame(turn[:, j, k], frame) for j in range(3)), vector) for k in range(3)]
    return rows[0], rows[1], rows[2]


def sum_of(weights: tuple[Tensor, ...], vector: Triple) -> Tensor:
    """The dot product, component by component."""
    return weights[0] * vector[0] + weights[1] * vector[1] + weights[2] * vector[2]


@dataclass(frozen=True)
class Cameras:
    """The cameras of one clip. position (T, 3), rotation (T, 3, 3) camera to world, focal (T,) pixels."""

    position: Tensor
    rotation: Tensor
    focal: Tensor
    width: int
    height: int


@dataclass(frozen=True)
class Rays:
    """N rays. frame (N,) int64 names the frame; origin and direction are world triples; a ray's parameter is z-depth.

    The direction has unit z in camera axes, so it is not of unit length: `length` (N,) is its norm.
    """

    frame: Tensor
    origin: Triple
    direction: Triple
    length: Tensor

    def pick(self, index: Tensor) -> "Rays":
        """The rays at these positions of the list."""
        return Rays(
            take(self.frame, index), take3(self.origin, index), take3(self.direction, index), take(self.length, index)
        )

    def at(self, depth: Tensor) -> Triple:
        """World points at these z-depths."""
        (ox, oy, oz), (dx, dy, dz) = self.origin, self.direction
        return torch.addcmul(ox, depth, dx), torch.addcmul(oy, depth, dy), torch.addcmul(oz, depth, dz)


def pixel_grid(cameras: Cameras, frames: range) -> Rays:
    """One ray through the centre of every pixel of these consecutive frames, frame-major then row-major."""
    device, now = cameras.position.device, slice(frames.start, frames.stop)
    column = torch.arange(cameras.width, device=device, dtype=torch.float32) + 0.5 - cameras.width / 2
    row = torch.arange(cameras.height, device=device, dtype=torch.float32) + 0.5 - cameras.height / 2
    x = column[None, None, :] / cameras.focal[now, None, None]
    y = row[None, :, None] / cameras.focal[now, None, None]
    turn = cameras.rotation[now, :, :, None, None]
    shape = (len(frames), cameras.height, cameras.width)
    direction = [(turn[:, k, 0] * x + turn[:, k, 1] * y + turn[:, k, 2]).reshape(-1) for k in range(3)]
    origin = [cameras.position[now, k, None, None].expand(shape).reshape(-1) for k in range(3)]
    frame = torch.arange(frames.start, frames.stop, device=device)[:, None, None].expand(shape).reshape(-1)
    length = torch.sqrt(1.0 + x * x + y * y).reshape(-1)
    return Rays(frame, (origin[0], origin[1], origin[2]), (direction[0], direction[1], direction[2]), length)


def through(cameras: Cameras, frame: Tensor, column: Tensor, row: Tensor) -> Rays:
    """Rays through these picture positions (N,) in pixels, where (0, 0) is the picture's upper left corner."""
    focal = take(cameras.focal, frame)
    x, y = (column - cameras.width / 2) / focal, (row - cameras.height / 2) / focal
    direction = turned(cameras.rotation, frame, (x, y, torch.ones_like(x)))
    origin = [take(cameras.position[:, k], frame) for k in range(3)]
    return Rays(frame, (origin[0], origin[1], origin[2]), direction, torch.sqrt(1.0 + x * x + y * y))
