"""Smooth curves through keys: what moves the camera between them. Everything here works on whole arrays.

Between two keys runs a cubic Hermite curve. Its tangent at a key is the non-uniform finite difference of both sides
(a Kochanek-Bartels spline, 1984, without continuity and bias), times 1 - tension, and never longer than three times
the slower side. So the curve stands still where a neighbour does, does not swing out before a pause, and in one
dimension keeps monotone values monotone (Fritsch and Carlson, 1980).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.domain.camera import pose
from pipelines.domain.camera.pose import Floats

_STEEPEST = 3.0


@dataclass(frozen=True, eq=False)
class Spans:
    """Where in time some moments fall: from key `start` (n,) to key `end` (n,), which lie `length` (n,) apart, at
    `amount` (n,) in 0..1 between them."""

    start: NDArray[np.intp]
    end: NDArray[np.intp]
    length: Floats
    amount: Floats


def locate(times: Floats, moments: Floats, closed: bool) -> Spans:
    """The span of every moment (n,) among key times (k,), increasing, in 0..1. Before the first and after the last key
    a moment counts as theirs; if `closed`, one more span leads from the last key over time 1 = 0 to the first."""
    count = len(times)
    if count == 1:
        zeros = np.zeros(len(moments), np.intp)
        return Spans(zeros, zeros, np.ones(len(moments)), np.zeros(len(moments)))
    if closed:
        moments = (moments - times[0]) % 1.0 + times[0]
        times = np.append(times, times[0] + 1.0)
    start = np.clip(np.searchsorted(times, moments, side="right") - 1, 0, len(times) - 2)
    length = times[start + 1] - times[start]
    amount = np.clip((moments - times[start]) / length, 0.0, 1.0)
    return Spans(start, (start + 1) % count, length, amount)


def tangents(steps: Floats, lengths: Floats, tension: Floats, closed: bool) -> Floats:
    """Velocities (k, d) at k keys from the steps (s, d) between them and how long each takes (s,).

    s = k - 1, or k where the curve is closed. tension: (k,), 0 = smooth, 1 = stops at the key.
    """
    slopes = steps / lengths[:, None]
    if len(slopes) == 1 and not closed:
        return np.asarray(np.repeat(slopes, 2, axis=0) * (1.0 - tension[:, None]))
    if closed:
        before, after = np.roll(slopes, 1, axis=0), slopes
        before_length, after_length = np.roll(lengths, 1), lengths
        velocity = _difference(before, after, before_length, after_length)
    else:
        before, after = slopes[:-1], slopes[1:]
        inner = _difference(before, after, lengths[:-1], lengths[1:])
        velocity = np.concatenate(
            [
                _at_end(slopes[0], slopes[1], lengths[0], lengths[1]),
                inner,
                _at_end(slopes[-1], slopes[-2], lengths[-1], lengths[-2]),
            ]
        )
        before, after = np.concatenate([slopes[:1], slopes]), np.concatenate([slopes, slopes[-1:]])
    limit = _STEEPEST * np.minimum(np.linalg.norm(before, axis=1), np.linalg.norm(after, axis=1))
    speed = np.linalg.norm(velocity, axis=1)
    shorter = np.where(speed > limit, limit / np.maximum(speed, 1e-300), 1.0)
    return np.asarray(velocity * (shorter * (1.0 - tension))[:, None])


def _difference(before: Floats, after: Floats, before_length: Floats, after_length: Floats) -> Floats:
    weight = (before_length / (before_length + after_length))[:, None]
    return np.asarray(after * weight + before * (1.0 - weight))


def _at_end(slope: Floats, next_slope: Floats, length: float, next_length: float) -> Floats:
    """The three-point difference at an end (1, d), or rest where it would point backwards."""
    velocity = ((2.0 * length + next_length) * slope - length * next_slope) / (length + next_length)
    return np.asarray((velocity if float(velocity @ slope) > 0.0 else np.zeros_like(velocity))[None])


def through(values: Floats, times: Floats, tension: Floats, spans: Spans, closed: bool) -> Floats:
    """The curve (n, d) through values (k, d) at increasing times (k,)."""
    if len(values) == 1:
        return np.repeat(values, len(spans.amount), axis=0)
    following = np.roll(values, -1, axis=0) if closed else values[1:]
    steps = following - values[: len(following)]
    velocity = tangents(steps, lengths_of(times, closed), tension, closed)
    u, h = spans.amount[:, None], spans.length[:, None]
    a, b = values[spans.start], values[spans.end]
    rest = u * u * (3.0 - 2.0 * u)
    bend = (u - 2.0 * u * u + u**3) * velocity[spans.start] + (u**3 - u * u) * velocity[spans.end]
    return np.asarray(a + rest * (b - a) + h * bend)


def through_rotations(quaternions: Floats, times: Floats, tension: Floats, spans: Spans, closed: bool) -> Floats:
    """The same for unit quaternions (k, 4) -> (n, 4): a Bezier curve on the sphere (Shoemake, 1985) whose inner points
    come from the same tangents; between two keys alone it is slerp."""
    if len(quaternions) == 1:
        return np.repeat(quaternions, len(spans.amount), axis=0)
    following = np.roll(quaternions, -1, axis=0) if closed else quaternions[1:]
    steps = pose.rotation_vector(pose.multiply(pose.conjugate(quaternions[: len(following)]), following))
    velocity = tangents(steps, lengths_of(times, closed), tension, closed)
    a, d = quaternions[spans.start], quaternions[spans.end]
    third = spans.length[:, None] / 3.0
    b = pose.multiply(a, pose.quaternion_from_vector(velocity[spans.start] * third))
    c = pose.multiply(d, pose.quaternion_from_vector(-velocity[spans.end] * third))
    u = spans.amount
    ab, bc, cd = pose.slerp(a, b, u), pose.slerp(b, c, u), pose.slerp(c, d, u)
    return pose.unit(pose.slerp(pose.slerp(ab, bc, u), pose.slerp(bc, cd, u), u))


def lengths_of(times: Floats, closed: bool) -> Floats:
    """How long each span takes: (k - 1,), or (k,) where the last leads back to the first key over time 1."""
    inner = np.diff(times)
    return np.append(inner, times[0] + 1.0 - times[-1]) if closed else inner
