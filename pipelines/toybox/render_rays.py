"""Rays as flat lists: separate float32 tensors per component, so that elementwise work stays contiguous."""

from dataclasses import dataclass

import torch
from torch import Tensor

Triple = tuple[Tensor, Tensor, Tensor]


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
            self.frame[index],
            (self.origin[0][index], self.origin[1][index], self.origin[2][index]),
            (self.direction[0][index], self.direction[1][index], self.direction[2][index]),
            self.length[index],
        )

    def at(self, depth: Tensor) -> Triple:
        """World points at these z-depths."""
        (ox, oy, oz), (dx, dy, dz) = self.origin, self.direction
        return torch.addcmul(ox, depth, dx), torch.addcmul(oy, depth, dy), torch.addcmul(oz, depth, dz)


def pixel_grid(cameras: Cameras) -> Rays:
    """One ray through the centre of every pixel, frame-major then row-major."""
    frames, device = len(cameras.position), cameras.position.device
    column = torch.arange(cameras.width, device=device, dtype=torch.float32) + 0.5 - cameras.width / 2
    row = torch.arange(cameras.height, device=device, dtype=torch.float32) + 0.5 - cameras.height / 2
    x = column[None, None, :] / cameras.focal[:, None, None]
    y = row[None, :, None] / cameras.focal[:, None, None]
    turn = cameras.rotation[:, :, :, None, None]
    shape = (frames, cameras.height, cameras.width)
    direction = [(turn[:, k, 0] * x + turn[:, k, 1] * y + turn[:, k, 2]).reshape(-1) for k in range(3)]
    origin = [cameras.position[:, k, None, None].expand(shape).reshape(-1) for k in range(3)]
    frame = torch.arange(frames, device=device)[:, None, None].expand(shape).reshape(-1)
    length = torch.sqrt(1.0 + x * x + y * y).reshape(-1)
    return Rays(frame, (origin[0], origin[1], origin[2]), (direction[0], direction[1], direction[2]), length)


def through(cameras: Cameras, frame: Tensor, column: Tensor, row: Tensor) -> Rays:
    """Rays through these picture positions (N,) in pixels, where (0, 0) is the picture's upper left corner."""
    focal = cameras.focal[frame]
    x, y = (column - cameras.width / 2) / focal, (row - cameras.height / 2) / focal
    turn, position = cameras.rotation.reshape(-1, 9).T, cameras.position.T
    direction = [turn[3 * k][frame] * x + turn[3 * k + 1][frame] * y + turn[3 * k + 2][frame] for k in range(3)]
    origin = [position[k][frame] for k in range(3)]
    length = torch.sqrt(1.0 + x * x + y * y)
    return Rays(frame, (origin[0], origin[1], origin[2]), (direction[0], direction[1], direction[2]), length)
