"""How right are the shipped depth and pose estimators on held-out renders, where the truth is exact?

    python -m pipelines.toybox.measure_estimators --run RUN

Reads the shards under RUN/held_out. Each figure is told for true renders, for renders that went through a codec (what a
generated clip looks like at best) and, as the floor, for estimates that were shuffled between clips. It writes
RUN/estimators/report.json and contact sheets.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKLWan
from numpy.typing import NDArray

from pipelines.conditioning import depth, pose
from pipelines.conditioning.estimators import SHIPPED
from pipelines.conditioning.pose_hits import hits
from pipelines.toybox.clips import read_shard, shard_numbers
from pipelines.toybox.codec import decode_pixels, encode_moments, to_frames, to_pixels
from pipelines.toybox.report import contact_sheet

FARTHEST_METRES = 20.0
"""Depth is judged up to here by default: beyond it lie a few rows of pixels under the horizon."""

Frames = NDArray[np.uint8]


@dataclass(frozen=True)
class DepthErrors:
    """Mean |z' - z| / z, and the share of pixels with max(z'/z, z/z') < 1.25, over true depths up to a limit."""

    absrel: float
    delta: float


def depth_errors(
    nearness: NDArray[np.floating], metres: NDArray[np.floating], farthest: float = FARTHEST_METRES
) -> DepthErrors:
    """Errors of relative inverse depth against true depth, both (..., H, W), after one scale and shift for all of it.

    The scale and shift of inverse depth are the least squares' over the judged pixels (MiDaS, Ranftl et al., 2022); a
    prediction that turns out farther than `farthest` counts as there. Without a judged pixel the result is NaN.
    """
    known = np.isfinite(metres) & (metres <= farthest)
    truth, asked = 1.0 / metres[known].astype(np.float64), nearness[known].astype(np.float64)
    if len(truth) == 0:
        return DepthErrors(float("nan"), float("nan"))
    design = np.stack([asked, np.ones_like(asked)], axis=1)
    scale, shift = np.linalg.lstsq(design, truth, rcond=None)[0]
    ratio = truth / np.maximum(scale * asked + shift, 1.0 / farthest)
    return DepthErrors(float(np.abs(ratio - 1.0).mean()), float((np.maximum(ratio, 1.0 / ratio) < 1.25).mean()))


@dataclass(frozen=True)
class HeldOut:
    """Held-out clips with their truth: frames (N, T, H, W, 3), depth (N, T, H, W), skeletons (N, T, 18, 3)."""

    frames: Frames
    depth: NDArray[np.float32]
    skeletons: NDArray[np.float32]

    @staticmethod
    def read(folder: Path, count: int) -> "HeldOut":
        """The first `count` clips of a folder of shards."""
        shards = [read_shard(folder, number) for number in shard_numbers(folder)]
        frames = np.concatenate([shard.frames for shard in shards])[:count]
        metres = np.concatenate([shard.depth for shard in shards])[:count].astype(np.float32)
        return HeldOut(frames, metres, np.concatenate([shard.skeletons for shard in shards])[:count])

    def every(self, stride: int) -> "HeldOut":
        """Every `stride`-th frame of the clips."""
        return HeldOut(self.frames[:, ::stride], self.depth[:, ::stride], self.skeletons[:, ::stride])


def measure_depth(estimates: NDArray[np.float32], truth: HeldOut) -> dict[str, float]:
    """Means over clips: aligned for each frame, for each clip as a whole, per frame up to 80 m, and shuffled."""
    pairs = list(zip(estimates, truth.depth, strict=True))
    per_frame = [depth_errors(guess, real) for clip in pairs for guess, real in zip(*clip, strict=True)]
    per_clip = [depth_errors(guess, real) for guess, real in pairs]
    far = [depth_errors(guess, real, 80.0) for clip in pairs for guess, real in zip(*clip, strict=True)]
    shuffled = [depth_errors(np.roll(estimates, 1, axis=0)[place], real) for place, real in enumerate(truth.depth)]
    named = {"frame": per_frame, "clip": per_clip, "frame_80m": far, "shuffled_clip": shuffled}
    return {f"absrel_{name}": float(np.nanmean([error.absrel for error in some])) for name, some in named.items()} | {
        f"delta_{name}": float(np.nanmean([error.delta for error in some])) for name, some in named.items()
    }


def measure_pose(estimates: NDArray[np.float32], truth: HeldOut) -> dict[str, float]:
    """PCK@0.1, whether hidden joints and empty frames are told from visible ones, and PCK with shuffled estimates."""
    visible = truth.skeletons[..., 2] > 0.5
    drawn = estimates[..., 2] >= pose.CONFIDENT
    shown = visible.sum(axis=-1) >= 6
    peopled = visible.any(axis=(1, 2))
    nobody = ~np.isfinite(truth.skeletons[..., 0]).any(axis=(1, 2))
    hidden = ~visible & shown[..., None]
    right, total = hits(estimates, truth.skeletons)
    mixed, _ = hits(np.roll(estimates[peopled], 1, axis=0), truth.skeletons[peopled])
    return {
        "pck": right / max(total, 1),
        "pck_shuffled": mixed / max(total, 1),
        "person_found": float(drawn.any(axis=-1)[shown].mean()),
        "nobody_told": float((~drawn.any(axis=-1))[nobody].mean()),
        "hidden_joint_not_drawn": float((~drawn)[hidden].mean()) if hidden.any() else float("nan"),
        "joints": float(total),
    }


@torch.no_grad()
def through_codec(clips: Frames, folder: Path) -> Frames:
    """Clips uint8 (N, T, H, W, 3) after a codec's encoder and decoder."""
    codec = AutoencoderKLWan.from_pretrained(folder, dtype=torch.bfloat16)
    passed = []
    for clip in clips:
        pixels = to_pixels(torch.from_numpy(np.array(clip))[None]).to(torch.bfloat16)
        mean, _ = encode_moments(codec, pixels)
        passed.append(to_frames(decode_pixels(codec, mean.to(torch.bfloat16)).clamp(-1, 1))[0].numpy())
    return np.stack(passed)


def timed(estimate: Callable[[Frames], NDArray[np.float32]], clips: Frames) -> tuple[NDArray[np.float32], float]:
    """The estimates of clips (N, T, H, W, 3) and the processor seconds that a frame took."""
    begun = time.process_time()
    made = np.stack([estimate(clip) for clip in clips])
    return made, (time.process_time() - begun) / (clips.shape[0] * clips.shape[1])


def sheets(
    clips: Frames, nearness: NDArray[np.float32], skeletons: NDArray[np.float32], truth: HeldOut, to: Path
) -> None:
    """Contact sheets: picture, truth and estimate of the first clips with a figure and of the first ones without."""
    size = (clips.shape[3], clips.shape[2])
    peopled = np.isfinite(truth.skeletons[..., 0]).any(axis=(1, 2))
    shown = [*np.flatnonzero(peopled)[:4], *np.flatnonzero(~peopled)[:2]]
    rows: list[Frames] = []
    for place in shown:
        real = depth.to_control(depth.nearness(truth.depth[place]))
        sticks = pose.draw(truth.skeletons[place], *size)
        found = pose.draw(skeletons[place], *size)
        rows += [clips[place], real, depth.to_control(nearness[place]), sticks, found]
    names = ["picture", "true depth", "estimated depth", "true skeleton", "estimated skeleton"]
    contact_sheet(rows, names * len(shown), to)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure both estimators and write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--depth", type=Path, default=SHIPPED["depth"])
    parser.add_argument("--pose", type=Path, default=SHIPPED["pose"])
    parser.add_argument("--codec", type=Path, default=SHIPPED["depth"].with_name("toybox") / "vae")
    parser.add_argument("--clips", type=int, default=128)
    parser.add_argument("--stride", type=int, default=1, help="judge every n-th frame")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    held_out = HeldOut.read(options.run / "held_out", options.clips)
    truth = held_out.every(options.stride)
    models = (depth.load(options.depth), pose.load(options.pose))
    report: dict[str, dict[str, float]] = {}
    passed = through_codec(held_out.frames, options.codec)[:, :: options.stride]
    for name, clips in (("renders", truth.frames), ("through_codec", passed)):
        nearness, depth_seconds = timed(models[0].estimate, clips)
        skeletons, pose_seconds = timed(models[1].estimate, clips)
        report[f"depth_{name}"] = measure_depth(nearness, truth) | {"seconds_per_frame": depth_seconds}
        report[f"pose_{name}"] = measure_pose(skeletons, truth) | {"seconds_per_frame": pose_seconds}
        sheets(clips, nearness, skeletons, truth, options.run / "estimators" / f"{name}.png")
    (options.run / "estimators" / "report.json").write_text(json.dumps(report, indent=1))
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
