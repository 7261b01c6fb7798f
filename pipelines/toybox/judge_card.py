"""The card that stands beside a judge: what it is, how it was made, and how often it is right on true renders."""

from collections.abc import Mapping

Floors = Mapping[str, Mapping[str, float]]

TEXT = """# Toybox's judge

A network of {parameters:.2f} M parameters that reads off a clip what it shows: colours, shapes and motions of up to
three things, their relation and count, ground, sky, camera move, the figure's action and outfit. `launch.py bench
toybox` uses it to see whether a clip shows what its words ask for. It is not a part of the model and makes nothing.

It sees five frames, each thing in them close up, and the optical flow between all frames (`pipelines/toybox/judge.py`).
It knows the mixture of scenes named `{mixture}`. Half of its training clips were blurred and noisy, and some had gone
through the codec, so that softness is no wrong shape to it.

## How it was made

    python -m pipelines.toybox.clips --recipe {recipe} --folder RUN/clips --shards {shards}
    python -m pipelines.toybox.clips --recipe {recipe} --folder RUN/held_out --shards {held_shards} --held-out
    python -m pipelines.toybox.train_judge --recipe {recipe} --run RUN

{steps} steps of {batch} clips, seed {seed}, {hours:.2f} hours on one core; {clips} clips and their
mirror images.

## How often it is right

Share of {held} held-out true renders (each with a colour, shape and ground, or an outfit, that training never showed
together) whose attribute it reads right: as rendered, and {soft} of them after the codec. This is the ceiling of what
it can report.

| | as rendered | after the codec |
|---|---|---|
{rows}
"""


def card_text(facts: Mapping[str, object], floors: Floors) -> str:
    """The card in Markdown; floors by kind of clip ("true renders" and "after the codec"), then by attribute."""
    plain, soft = floors["true renders"], floors["after the codec"]
    rows = "\n".join(f"| {name} | {100 * plain[name]:.1f} % | {100 * soft[name]:.1f} % |" for name in plain)
    return TEXT.format(**facts, rows=rows)
