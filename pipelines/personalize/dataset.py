"""Whether pictures will do for a training, said in plain words, and where the subject is in each of them.

Pure numpy and OpenCV. The subject is found by what stands out from the border of the picture and then cut out along
its edges (Rother et al., "GrabCut", 2004); a box drawn by hand overrules it. Boxes are shares of the picture, 0..1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.personalize.box import Box

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]

FEWEST, MOST = 3, 30
SMALLEST_SIDE = 96
BLURRED = 12.0
SAME = 8.0
STRANGE = 0.1
ALIKE = 0.93
AIM = 0.4
COUNTS = 0.35
"""Of the largest thing in a picture: what is smaller is not a thing of its own."""
_SIDE = 160


@dataclass(frozen=True, kw_only=True)
class Found:
    """Where the subject is: bool (h, w) at a small size, its box, and how many separate things stand out."""

    mask: Mask
    box: Box
    things: int


@dataclass(frozen=True, kw_only=True)
class Checked:
    """One picture: where its subject is and what is wrong with it, in plain words; empty = nothing."""

    found: Found
    problems: tuple[str, ...]


def check(
    pictures: Sequence[Picture], boxes: Sequence[Box | None] = (), side: int = _SIDE
) -> tuple[list[Checked], tuple[str, ...]]:
    """Every picture (uint8 (h, w, 3)) by itself, and what is wrong with the set as a whole.

    side: of the examples they are trained on as; a picture that looks sharp when it is smaller may be blurred there.
    """
    given = [*boxes, *[None] * (len(pictures) - len(boxes))]
    found = [find(picture, box) for picture, box in zip(pictures, given, strict=True)]
    marks = [_mark(picture) for picture in pictures]
    checked = []
    for place, picture in enumerate(pictures):
        twin = next((other + 1 for other in range(place) if _distance(marks[place], marks[other]) < SAME), None)
        told = [*_alone(picture, found[place], side, drawn=given[place] is not None)]
        if twin is not None:
            told.append(f"It is nearly the same as picture {twin}; one of the two is enough.")
        checked.append(Checked(found=found[place], problems=tuple(told)))
    duplicates = sum(any("nearly the same" in problem for problem in each.problems) for each in checked)
    return checked, tuple(_together(pictures, found, duplicates))


def find(picture: Picture, box: Box | None = None) -> Found:
    """The subject of a picture: inside `box` where one is drawn, else what stands out from the border."""
    small = _small(picture)
    rect = box.pixels(small.shape[1], small.shape[0]) if box is not None else _standing_out(small)
    mask = _cut_out(small, rect)
    things = _count(mask)
    return Found(mask=mask, box=box or _around(mask), things=things)


def crop(picture: Picture, box: Box, aspect: float, margin: float = 0.7) -> Picture:
    """The part of a picture around a box with some of what is beside it; width / height = aspect where it has room."""
    rows, columns = picture.shape[:2]
    left, top, width, height = box.pixels(columns, rows)
    tall = max(height, width / aspect) * (1 + 2 * margin)
    wide = tall * aspect
    scale = min(1.0, columns / wide, rows / tall)
    wide, tall = wide * scale, tall * scale
    x = min(max(0.0, left + width / 2 - wide / 2), columns - wide)
    y = min(max(0.0, top + height / 2 - tall / 2), rows - tall)
    return picture[round(y) : max(round(y) + 1, round(y + tall)), round(x) : max(round(x) + 1, round(x + wide))]


def colours(picture: Picture) -> NDArray[np.float32]:
    """The colours of a picture's subject: a histogram in Lab of sum 1."""
    return _histogram(_small(picture), find(picture).mask)


def without_background(picture: Picture, found: Found, colour: int = 127) -> Picture:
    """The picture with one grey behind its subject, soft at the edge."""
    rows, columns = picture.shape[:2]
    mask = cv2.resize(found.mask.astype(np.float32), (columns, rows), interpolation=cv2.INTER_LINEAR)
    soft = cv2.GaussianBlur(mask, (0, 0), max(1.0, min(rows, columns) / 200))[..., None]
    mixed = picture.astype(np.float32) * soft + colour * (1 - soft)
    return np.asarray(mixed.round(), np.uint8)


def _alone(picture: Picture, found: Found, side: int, *, drawn: bool) -> Iterator[str]:
    rows, columns = picture.shape[:2]
    if min(rows, columns) < SMALLEST_SIDE:
        yield f"It is only {columns}x{rows} pixels; {SMALLEST_SIDE} on the shorter side are the least."
    grey = cv2.cvtColor(_small(picture, max(side, _SIDE)), cv2.COLOR_RGB2GRAY)
    if grey.std() < 4:
        yield "It shows nothing: all of it has nearly the same colour."
    elif cv2.Laplacian(grey, cv2.CV_64F).var() < BLURRED:
        yield "It is blurred."
    if found.things > 1 and not drawn:
        yield f"There seem to be {found.things} things in it; draw a box around the subject."
    area = found.box.width * found.box.height
    if area < 0.01:
        yield "The subject is very small in it; crop it, or draw a box around it."


def _together(pictures: Sequence[Picture], found: Sequence[Found], duplicates: int) -> Iterator[str]:
    if len(pictures) < FEWEST:
        yield f"{len(pictures)} picture{'s are' if len(pictures) != 1 else ' is'} too few; {FEWEST} are the least."
        return
    if len(pictures) > MOST:
        yield f"{len(pictures)} pictures are too many; {MOST} are the most. Keep those that differ most."
    if len(pictures) - duplicates < FEWEST:
        yield "Most pictures are the same one; the subject needs to be seen in different ways."
    behind = [_histogram(_small(picture), ~each.mask) for picture, each in zip(pictures, found, strict=True)]
    if _least(behind) > ALIKE:
        yield "All pictures have the same background, which would be learned with the subject; add other places."
    subjects = [_histogram(_small(picture), each.mask) for picture, each in zip(pictures, found, strict=True)]
    strangers = [n + 1 for n, mine in enumerate(subjects) if _median(mine, subjects, n) < STRANGE]
    if strangers and len(strangers) <= len(pictures) // 2:
        which = ", ".join(map(str, strangers))
        yield f"Picture {which} seems to show something else than the others; look at its box."
    elif strangers:
        yield "The pictures seem to show different things; a subject is one thing."


def _small(picture: Picture, side: int = _SIDE) -> Picture:
    rows, columns = picture.shape[:2]
    scale = min(1.0, side / max(rows, columns))
    size = (max(8, round(columns * scale)), max(8, round(rows * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _standing_out(small: Picture) -> tuple[int, int, int, int]:
    """The rectangle of what differs from the border's colours, row by row (grounds and skies lie in rows).

    The middle counts for more: people aim at their subject, and a sun or a moon stands out as much.
    """
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.float32)
    rows, columns = lab.shape[:2]
    band = max(2, columns // 12)
    sides = np.concatenate([lab[:, :band], lab[:, -band:]], axis=1)
    away = np.linalg.norm(lab - np.median(sides, axis=1)[:, None], axis=2)
    away = cv2.GaussianBlur(away, (0, 0), max(rows, columns) / 40) * _middle(rows, columns)
    level = max(12.0, 0.3 * float(away.max()))
    ys, xs = np.nonzero(_foremost(away, away >= level))
    if len(xs) < 16:
        return columns // 8, rows // 8, columns * 3 // 4, rows * 3 // 4
    left, right = np.percentile(xs, (2, 98)).astype(int)
    top, bottom = np.percentile(ys, (2, 98)).astype(int)
    grow_x, grow_y = max(2, (right - left) // 8), max(2, (bottom - top) // 8)
    left, top = max(1, left - grow_x), max(1, top - grow_y)
    return left, top, max(4, min(columns - 2, right + grow_x) - left), max(4, min(rows - 2, bottom + grow_y) - top)


def _foremost(away: NDArray[np.float32], strong: Mask) -> Mask:
    """Of all that is `strong`, the thing that stands out most and those nearly as much; a moon above it does not."""
    gap = max(3, max(strong.shape) // 10)
    count, parts = cv2.connectedComponents(cv2.dilate(strong.astype(np.uint8), np.ones((gap, gap), np.uint8)))
    force = np.bincount(parts[strong], away[strong], count)
    return strong & (force >= COUNTS * force.max())[parts]


def _middle(rows: int, columns: int) -> NDArray[np.float32]:
    """A weight (rows, columns) that falls off from 1 in the middle to 0.04 at the middle of an edge."""
    y, x = np.linspace(-1, 1, rows)[:, None], np.linspace(-1, 1, columns)[None]
    return np.exp(-(x**2 + y**2) / (2 * AIM**2)).astype(np.float32)


def _cut_out(small: Picture, rect: tuple[int, int, int, int]) -> Mask:
    mask = np.zeros(small.shape[:2], np.uint8)
    behind, before = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    box = np.zeros(small.shape[:2], bool)
    box[rect[1] : rect[1] + rect[3], rect[0] : rect[0] + rect[2]] = True
    try:
        cv2.grabCut(np.ascontiguousarray(small[..., ::-1]), mask, rect, behind, before, 3, cv2.GC_INIT_WITH_RECT)
    except cv2.error:
        return box
    found: Mask = ((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)) & box
    return found if found.sum() >= 0.25 * box.sum() else box


def _count(mask: Mask) -> int:
    """Separate things in a mask, small crumbs left out."""
    kernel = np.ones((3, 3), np.uint8)
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, kernel)
    count, _, stats, _ = cv2.connectedComponentsWithStats(opened)
    sizes = sorted((int(stats[n, cv2.CC_STAT_AREA]) for n in range(1, count)), reverse=True)
    return max(1, sum(size >= COUNTS * sizes[0] for size in sizes)) if sizes else 1


def _around(mask: Mask) -> Box:
    ys, xs = np.nonzero(mask)
    rows, columns = mask.shape
    left, top = int(xs.min()), int(ys.min())
    width, height = int(xs.max()) + 1 - left, int(ys.max()) + 1 - top
    return Box(left=left / columns, top=top / rows, width=width / columns, height=height / rows)


def _mark(picture: Picture) -> NDArray[np.int16]:
    """What is left of a picture when all that is fine is gone, 16 x 16."""
    return cv2.resize(picture, (16, 16), interpolation=cv2.INTER_AREA).astype(np.int16)


def _distance(one: NDArray[np.int16], other: NDArray[np.int16]) -> float:
    """The tenth of a picture that differs most, in levels of 0..255: a moved thing counts, noise does not."""
    apart = np.abs(one - other).max(axis=2)
    return float(np.sort(apart, axis=None)[-26:].mean())


def _histogram(small: Picture, where: Mask) -> NDArray[np.float32]:
    """Colours of a part, 4 x 8 x 8 in Lab, sum 1."""
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB)
    counts = cv2.calcHist([lab], [0, 1, 2], where.astype(np.uint8), [4, 8, 8], [0, 256, 0, 256, 0, 256])
    flat = np.asarray(counts, np.float32).ravel()
    return np.asarray(flat / max(1.0, float(flat.sum())), np.float32)


def _least(histograms: Sequence[NDArray[np.float32]]) -> float:
    """The overlap of the two that are least alike, 0..1."""
    pairs = [np.minimum(a, b).sum() for n, a in enumerate(histograms) for b in histograms[:n]]
    return float(min(pairs, default=0.0))


def _median(mine: NDArray[np.float32], all_of_them: Sequence[NDArray[np.float32]], place: int) -> float:
    others = [float(np.minimum(mine, other).sum()) for n, other in enumerate(all_of_them) if n != place]
    return float(np.median(others)) if others else 1.0
