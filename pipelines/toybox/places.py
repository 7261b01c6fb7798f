"""Make the table by which pictures of this world are captioned: what every ground under every sky looks like.

    python -m pipelines.toybox.places --target assets/places/toybox.json
"""

import argparse
import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipelines.personalize.places import features
from pipelines.toybox.captions import GROUND_PHRASES, SKY_PHRASES
from pipelines.toybox.render import render
from pipelines.toybox.sampling import EVERYDAY, sample_scene
from pipelines.toybox.scene import GROUNDS, SKIES, Scene

EACH = 4


def alone(rng: np.random.Generator) -> Scene:
    """A scene of one thing before a camera that stands still."""
    while True:
        scene = sample_scene(rng, EVERYDAY)
        if scene.figure is None and len(scene.objects) == 1:
            still = replace(scene.objects[0], motion="still")
            return replace(scene, objects=(still,), camera=replace(scene.camera, kind="static", amount=0.0))


def table(each: int = EACH, seed: int = 20261121) -> dict[str, object]:
    """Words, features and their usual scatter, from `each` renders of every place."""
    rng = np.random.default_rng(seed)
    words, middles, scatters = [], [], []
    for ground, sky in itertools.product(GROUNDS, SKIES):
        scenes = [replace(alone(rng), ground=ground, sky=sky) for _ in range(each)]
        made = render(scenes, num_frames=1)
        seen = np.stack([
            features(frame, mask >= 2)
            for frame, mask in zip(made.frames[:, 0].numpy(), made.instances[:, 0].numpy(), strict=True)
        ])
        words.append(f"{GROUND_PHRASES[ground][0]} {SKY_PHRASES[sky][0]}")
        middles.append(seen.mean(axis=0).round(2).tolist())
        scatters.append(seen.std(axis=0))
    return {"words": words, "features": middles, "scatter": np.mean(scatters, axis=0).round(2).tolist()}


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, required=True)
    target = parser.parse_args().target
    target.write_text(json.dumps(table(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
