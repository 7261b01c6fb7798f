"""The card that stands beside the encoder of likeness: what it is, how it was made, and how often it is right."""

from collections.abc import Mapping

TEXT = """# Toybox's encoder of likeness

A network of {parameters:.2f} M parameters that says how alike two frames of the toy world are in the one thing that
they show. `launch.py bench subject` uses it to see whether a clip shows a subject that was learned from pictures. It is
not a part of the model and makes nothing.

It was taught to tell colour, shape and pattern of a thing, of every combination, among them those that the everyday
mixture never shows; what it knows of a frame before it decides is the frame's feature (`pipelines/toybox/likeness.py`).
Two thirds of its training frames were blurred, all were changed in contrast and light and made noisy.

## How it was made

    python -m pipelines.toybox.likeness --target assets/models/toybox-likeness

{renders} renders, {steps} steps of {batch}, some minutes on one core.

## How often it is right

Share of {held} other renders of which it tells the attribute: as rendered, and blurred like a training frame.

| | as rendered | blurred |
|---|---|---|
{rows}

What it takes for a subject in the benchmark is set on true renders after the codec, for each subject by itself; that
page says how often it is right then (ceiling and floor).
"""

Shares = Mapping[str, float]


def card_text(facts: Mapping[str, object], plain: Shares, soft: Shares) -> str:
    """The card in Markdown; plain and soft: shares of right answers by attribute."""
    rows = "\n".join(f"| {name} | {100 * plain[name]:.1f} % | {100 * soft[name]:.1f} % |" for name in plain)
    return TEXT.format(**facts, rows=rows)
