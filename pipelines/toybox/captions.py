"""Plain English for scenes: a small grammar with synonyms and varied order, and the facts a caption states."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from pipelines.toybox.scene import COLOURS, Scene, SceneObject

Phrases = Mapping[str, tuple[str, ...]]

SHAPE_WORDS: Phrases = MappingProxyType({
    "ball": ("ball", "sphere"), "cube": ("cube", "box"), "cone": ("cone",), "pillar": ("pillar", "column"),
    "ring": ("ring", "donut"), "star": ("star",), "mushroom": ("mushroom",), "pyramid": ("pyramid",),
})
COLOUR_WORDS: Phrases = MappingProxyType({
    "gray": ("gray", "grey"), "cyan": ("cyan", "turquoise"),
})
# No colour word stands in a phrase of place: a tiny text encoder would paint the object with it.
GROUND_PHRASES: Phrases = MappingProxyType({
    "grass": ("on grass", "on a meadow"), "sand": ("on sand", "in the desert"),
    "snow": ("on snow", "in the snow"), "tiles": ("on tiles", "on a tiled floor"),
    "wood": ("on a wooden floor", "on wood"), "water": ("on water", "on the sea"),
})
SKY_PHRASES: Phrases = MappingProxyType({
    "day": ("under a clear sky", "on a sunny day"), "sunset": ("at sunset", "under a sunset sky"),
    "night": ("at night", "under a night sky"), "overcast": ("under an overcast sky", "on a cloudy day"),
})
MOTION_PHRASES: Phrases = MappingProxyType({
    "still": ("", "standing still"), "rolls left": ("rolling to the left",), "rolls right": ("rolling to the right",),
    "bounces": ("bouncing", "bouncing up and down"), "spins": ("spinning", "turning around"),
    "circles": ("moving in a circle",), "comes closer": ("coming closer",), "moves away": ("moving away",),
    "falls": ("falling down",),
})
MOVE_PHRASES: Phrases = MappingProxyType({
    "static": ("static camera", "fixed camera"),
    "pan left": ("the camera pans left", "pan left"), "pan right": ("the camera pans right", "pan right"),
    "tilt up": ("the camera tilts up", "tilt up"), "tilt down": ("the camera tilts down", "tilt down"),
    "roll left": ("the camera rolls left", "camera roll left"),
    "roll right": ("the camera rolls right", "camera roll right"),
    "truck left": ("the camera trucks left", "truck left", "the camera slides left"),
    "truck right": ("the camera trucks right", "truck right", "the camera slides right"),
    "pedestal up": ("the camera moves straight up", "pedestal up"),
    "pedestal down": ("the camera moves straight down", "pedestal down"),
    "dolly in": ("the camera pushes in", "dolly in", "push in"),
    "dolly out": ("the camera pulls out", "dolly out", "pull out"),
    "zoom in": ("the camera zooms in", "zoom in"), "zoom out": ("the camera zooms out", "zoom out"),
    "dolly zoom in": ("dolly zoom in", "the camera pushes in while zooming out"),
    "dolly zoom out": ("dolly zoom out", "the camera pulls out while zooming in"),
    "orbit left": ("the camera orbits left", "orbit left"),
    "orbit right": ("the camera orbits right", "orbit right"),
    "crane up": ("the camera cranes up", "crane up"), "crane down": ("the camera cranes down", "crane down"),
    "handheld": ("handheld camera", "a shaky handheld camera"),
    "spline": ("the camera flies along a curve", "a flying camera"),
})
EASING_PHRASES: Phrases = MappingProxyType({
    "constant": ("",), "eased": ("", "smoothly"), "speeding up": ("speeding up",), "slowing down": ("slowing down",),
})
PATTERN_WORDS: Phrases = MappingProxyType({"plain": ("",), "striped": ("striped",), "checkered": ("checkered",)})
SIZE_WORDS: Phrases = MappingProxyType({"small": ("small",), "medium": ("",), "large": ("large", "big")})
RELATION_PHRASES: Phrases = MappingProxyType({
    "left of": ("left of", "to the left of"), "right of": ("right of", "to the right of"), "behind": ("behind",),
    "on top of": ("on top of", "on"), "in a row": ("in a row", "side by side"),
})
ACTION_PHRASES: Phrases = MappingProxyType({
    "stands": ("stands", "is standing"), "walks": ("walks", "is walking"), "waves": ("waves", "is waving"),
    "jumps": ("jumps", "is jumping"), "dances": ("dances", "is dancing"), "sits": ("sits", "is sitting"),
})
FIGURE_PHRASES = ("a person in a {shirt} shirt and {trousers} trousers",)
NEXT_TO = ("next to", "beside")
GLUE = ("a", "an", "and")


def caption(scene: Scene, rng: np.random.Generator) -> str:
    """A caption of the scene: lower-case words and commas. It names the camera move always."""
    place, camera = _place(scene, rng), _camera(scene, rng)
    what = _subject(scene, rng)
    match int(rng.integers(4)):
        case 0:
            return f"{camera}, {_join(what, *place)}"
        case 1:
            return f"{_join(place[1], '')}, {_join(what, place[0])}, {camera}"
        case _:
            return f"{_join(what, *place)}, {camera}"


def place_caption(scene: Scene, rng: np.random.Generator) -> str:
    """A caption that leaves out who or what is there, for clips whose things a picture shows."""
    return f"{_join(*_place(scene, rng))}, {_camera(scene, rng)}"


def _place(scene: Scene, rng: np.random.Generator) -> tuple[str, str]:
    return _say(rng, GROUND_PHRASES[scene.ground]), _say(rng, SKY_PHRASES[scene.sky])


def _camera(scene: Scene, rng: np.random.Generator) -> str:
    return _join(_say(rng, MOVE_PHRASES[scene.camera.kind]), _say(rng, EASING_PHRASES[scene.camera.easing]))


def _say(rng: np.random.Generator, phrases: tuple[str, ...]) -> str:
    return phrases[int(rng.integers(len(phrases)))]


def _join(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def _subject(scene: Scene, rng: np.random.Generator) -> str:
    things = [_thing(item, rng) for item in scene.objects]
    if scene.figure is not None:
        outfit = scene.figure.outfit
        shirt, trousers = _colour(outfit.shirt, rng), _colour(outfit.trousers, rng)
        person = _say(rng, FIGURE_PHRASES).format(shirt=shirt, trousers=trousers)
        person = _join(person.replace("a orange", "an orange"), _say(rng, ACTION_PHRASES[scene.figure.action]))
        return _join(person, _say(rng, NEXT_TO), " and ".join(things)) if things else person
    if len(things) == 1:
        return things[0]
    relation = _say(rng, RELATION_PHRASES[scene.relation])
    if scene.relation == "in a row":
        return _join(f"{', '.join(things[:-1])} and {things[-1]}", relation)
    return _join(things[0], relation, things[1])


def _colour(name: str, rng: np.random.Generator) -> str:
    return _say(rng, COLOUR_WORDS.get(name, (name,)))


def _thing(item: SceneObject, rng: np.random.Generator) -> str:
    noun = _join(
        _say(rng, SIZE_WORDS[item.size]), _say(rng, PATTERN_WORDS[item.pattern]),
        _colour(item.colour, rng), _say(rng, SHAPE_WORDS[item.shape]),
    )
    article = "an" if noun[0] in "aeio" else "a"
    return _join(article, noun, _say(rng, MOTION_PHRASES[item.motion]))


def attributes(scene: Scene) -> dict[str, str]:
    """The scene's facts by name: shape, colour, pattern, size and motion of the first object (and with "second " or
    "third " before the name, of the others), ground, sky, camera, easing, count, relation, the figure's action and
    outfit."""
    facts = {"ground": scene.ground, "sky": scene.sky, "camera": scene.camera.kind, "easing": scene.camera.easing,
             "count": str(len(scene.objects)), "relation": scene.relation}
    for prefix, item in zip(("", "second ", "third "), scene.objects, strict=False):
        facts |= {f"{prefix}shape": item.shape, f"{prefix}colour": item.colour, f"{prefix}pattern": item.pattern,
                  f"{prefix}size": item.size, f"{prefix}motion": item.motion}
    if scene.figure is not None:
        outfit = scene.figure.outfit
        facts |= {"action": scene.figure.action, "shirt": outfit.shirt, "trousers": outfit.trousers}
    return facts


def _vocabulary() -> frozenset[str]:
    tables = (SHAPE_WORDS, COLOUR_WORDS, GROUND_PHRASES, SKY_PHRASES, MOTION_PHRASES, MOVE_PHRASES, EASING_PHRASES,
              PATTERN_WORDS, SIZE_WORDS, RELATION_PHRASES, ACTION_PHRASES)
    phrases = [phrase for table in tables for options in table.values() for phrase in options]
    phrases += [*FIGURE_PHRASES, *NEXT_TO, *GLUE, *COLOURS]
    words = " ".join(phrases).replace("{shirt}", "").replace("{trousers}", "").replace(",", " ").split()
    return frozenset(words)


WORDS = _vocabulary()
"""Every word the grammar can say, lower-case; a prompt's other words are unknown to the model."""
