"""Pictures of a training run: the loss curve and contact sheets (rows clips, columns frames)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

SHEET_FRAMES = (0, 4, 8, 12, 16)
PLOT_SIZE = (640, 360)
MARGIN = 44
CAPTION_HEIGHT = 14


def loss_plot(losses: Sequence[tuple[int, float]], path: Path) -> None:
    """A PNG of the loss (logarithmic) over steps, with a running mean."""
    picture = Image.new("RGB", PLOT_SIZE, "white")
    draw = ImageDraw.Draw(picture)
    steps = np.array([step for step, _ in losses], dtype=float)
    values = np.log10(np.maximum([loss for _, loss in losses], 1e-6))
    span = max(float(np.ptp(values)), 1e-3)
    across = MARGIN + (PLOT_SIZE[0] - 2 * MARGIN) * (steps - steps[0]) / max(float(np.ptp(steps)), 1.0)
    down = MARGIN + (PLOT_SIZE[1] - 2 * MARGIN) * (values.max() - values) / span
    draw.line(list(zip(across.tolist(), down.tolist(), strict=True)), fill="#c9d4e8")
    width = max(1, len(values) // 40)
    smooth = np.convolve(down, np.ones(width) / width, mode="valid")
    draw.line(list(zip(across[width - 1 :].tolist(), smooth.tolist(), strict=True)), fill="#24518f", width=2)
    draw.text((4, MARGIN), f"{10 ** values.max():.3g}", fill="black")
    draw.text((4, PLOT_SIZE[1] - MARGIN - 8), f"{10 ** values.min():.3g}", fill="black")
    draw.text((MARGIN, PLOT_SIZE[1] - 24), f"loss, steps {steps[0]:.0f} to {steps[-1]:.0f}", fill="black")
    picture.save(path)


def contact_sheet(clips: Sequence[npt.NDArray[np.uint8]], captions: Sequence[str], path: Path) -> None:
    """A PNG with one captioned row per clip (T, H, W, 3) and its frames 0, 4, 8, 12, 16 beside each other."""
    columns = [index for index in SHEET_FRAMES if index < len(clips[0])]
    height, width = clips[0].shape[1:3]
    sheet = Image.new("RGB", (width * len(columns), (height + CAPTION_HEIGHT) * len(clips)), "white")
    draw = ImageDraw.Draw(sheet)
    for row, (clip, caption) in enumerate(zip(clips, captions, strict=True)):
        top = row * (height + CAPTION_HEIGHT)
        draw.text((3, top + 1), caption, fill="black")
        for column, index in enumerate(columns):
            sheet.paste(Image.fromarray(clip[index]), (column * width, top + CAPTION_HEIGHT))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
