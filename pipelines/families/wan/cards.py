"""The published checkpoints of Wan 2.1 and 2.2 in diffusers layout, VACE apart.

Sizes, lengths, steps, shift and guidance: the repositories of Wan 2.1 and 2.2 and the examples in diffusers.
"""

from __future__ import annotations

from typing import Any

from pipelines.domain.capabilities import Range
from pipelines.families.published import Published

_CODEC = {"temperal_downsample": [False, True, True]}
_NEW_CODEC = {**_CODEC, "scale_factor_spatial": 16, "scale_factor_temporal": 4, "z_dim": 48}
_HEADS = {"attention_head_dim": 128, "patch_size": [1, 2, 2]}
_SMALL = {**_HEADS, "num_attention_heads": 12, "num_layers": 30, "in_channels": 16}
_LARGE = {**_HEADS, "num_attention_heads": 40, "num_layers": 40, "in_channels": 16}
_LARGE_IMAGE = {**_LARGE, "in_channels": 36, "image_dim": 1280}
_LARGE_BLIND = {**_LARGE, "in_channels": 36, "image_dim": None}
_MIDDLE = {**_HEADS, "num_attention_heads": 24, "num_layers": 30, "in_channels": 48}
_TEXT, _OLD_CODEC, _SEEING = 5_680_910_336, 126_892_531, 630_766_080
_LICENCE = "Apache-2.0"
_480: dict[str, Any] = {"sizes": ((832, 480), (480, 832), (624, 624)), "min_side": 256}
_BOTH: dict[str, Any] = {"sizes": ((832, 480), (480, 832), (1280, 720), (720, 1280), (624, 624)), "min_side": 256}
_720: dict[str, Any] = {"sizes": ((1280, 720), (720, 1280), (832, 480), (480, 832)), "min_side": 256}
_EXAMPLES = (
    "Two anthropomorphic cats in comfy boxing gear and bright gloves fight intensely on a spotlighted stage.",
    "A white ferret on a log plays and leaps into the water as the camera zooms in for a close-up.",
)
_NO_CONTROL = ("control_clip", "It has no control branch; Wan VACE follows depth, skeletons and edges.")
_NO_MASK = ("mask_clip", "It makes whole clips; Wan VACE keeps parts of one.")
_NO_SOURCE = ("source_clip", "It makes new clips; Wan VACE changes and extends one.")
_NO_REFERENCE = ("reference_image", "It has no input for pictures of things; Wan VACE has one.")
_NO_KEYS = ("key_image", "It was trained with pictures at the ends at most; Wan VACE takes them anywhere.")
_NO_END = ("end_image", "It was trained with a picture at the first frame only; Wan 2.1 FLF2V takes one at both ends.")
_NO_FIRST = ("start_image", "Its picture shows the character, not the first frame: give it as a reference picture.")
_NO_LAST = ("end_image", "It ends where the skeleton clip ends.")
_NO_START = ("start_image", "This checkpoint was trained on words alone; the I2V ones start from a picture.")
_LACKS = (_NO_CONTROL, _NO_MASK, _NO_SOURCE, _NO_REFERENCE, _NO_KEYS)
_WORDS: dict[str, Any] = {"adapters": True, "draft": True, "lacks": (*_LACKS, _NO_END, _NO_START)}
_PICTURE: dict[str, Any] = {
    "adapters": True,
    "draft": True,
    "needs": frozenset({"start_image"}),
    "lacks": (*_LACKS, _NO_END),
}
_BOTH_ENDS: dict[str, Any] = {
    "adapters": True,
    "draft": True,
    "needs": frozenset({"start_image", "end_image"}),
    "lacks": _LACKS,
}
_SETTINGS = "the repository of Wan and the examples of its pipelines in diffusers"


def _about(title: str, summary: str, weaknesses: str, **more: Any) -> dict[str, Any]:
    return {
        "title": title,
        "summary": summary,
        "weaknesses": weaknesses,
        "licence": _LICENCE,
        "lengths": (81, 49, 33, 17),
        "fps": Range(low=4, high=60, default=16),
        "steps": Range(low=1, high=100, default=50),
        "guidance": Range(low=1, high=20, default=5, step=0.1),
        "shift": 5.0,
        "max_sequence_length": 512,
        "conditionings": frozenset(),
        "examples": _EXAMPLES,
        **more,
    }


_FIRST = frozenset({"start_image"})
_WEAK_SMALL = "Hands, faces in the distance and quick motion break up."
_WEAK_LARGE = "Heavy: at 720p it asks for much memory or much patience."


def _wan_21(card_id: str, repository: str, about: dict[str, Any], transformer: Any, **more: Any) -> Published:
    weights, is_seeing = more.pop("weights"), more.pop("is_seeing", False)
    extra = {"image_encoder": _SEEING} if is_seeing else {}
    return Published(
        id=card_id,
        repository=repository,
        about=about,
        parameters={"transformer": weights, "text_encoder": _TEXT, "vae": _OLD_CODEC, **extra},
        configs={"transformer": transformer, "vae": _CODEC},
        settings_source=_SETTINGS,
        **more,
    )


SEGMENT = 77
"""Frames that Wan Animate makes at once; longer clips are made one segment after the other."""

_A14B: dict[str, Any] = {
    "text_encoder": _TEXT,
    "vae": _OLD_CODEC,
    "transformer": 14_288_491_584,
    "transformer_2": 14_288_491_584,
}
CARDS = (
    _wan_21(
        "wan-2.1-t2v-1.3b",
        "Wan-AI/Wan2.1-T2V-1.3B-Diffusers",
        _about(
            "Wan 2.1 T2V 1.3B",
            "Clips from a sentence on nearly any graphics card.",
            _WEAK_SMALL,
            **{**_480, "shift": 3.0},
        ),
        _SMALL,
        pipeline="WanPipeline",
        traits=_WORDS,
        weights=1_418_996_800,
    ),
    _wan_21(
        "wan-2.1-t2v-14b",
        "Wan-AI/Wan2.1-T2V-14B-Diffusers",
        _about("Wan 2.1 T2V 14B", "Clips from a sentence, at 480p and 720p.", _WEAK_LARGE, **_BOTH),
        _LARGE,
        pipeline="WanPipeline",
        traits=_WORDS,
        weights=14_288_491_584,
    ),
    _wan_21(
        "wan-2.1-i2v-14b-480p",
        "Wan-AI/Wan2.1-I2V-14B-480P-Diffusers",
        _about(
            "Wan 2.1 I2V 14B 480p",
            "Clips that begin with your picture.",
            _WEAK_LARGE,
            **{**_480, "shift": 3.0, "conditionings": _FIRST},
        ),
        _LARGE_IMAGE,
        pipeline="WanImageToVideoPipeline",
        traits=_PICTURE,
        weights=16_394_878_784,
        is_seeing=True,
    ),
    _wan_21(
        "wan-2.1-i2v-14b-720p",
        "Wan-AI/Wan2.1-I2V-14B-720P-Diffusers",
        _about(
            "Wan 2.1 I2V 14B 720p",
            "Clips that begin with your picture, in high definition.",
            _WEAK_LARGE,
            **{**_720, "conditionings": _FIRST},
        ),
        _LARGE_IMAGE,
        pipeline="WanImageToVideoPipeline",
        traits=_PICTURE,
        weights=16_394_878_784,
        is_seeing=True,
    ),
    _wan_21(
        "wan-2.1-flf2v-14b-720p",
        "Wan-AI/Wan2.1-FLF2V-14B-720P-diffusers",
        _about(
            "Wan 2.1 FLF2V 14B 720p",
            "The way from your first picture to your last.",
            _WEAK_LARGE + " Pictures that are too different are joined by a cut or a blur.",
            **{**_720, "conditionings": frozenset({"start_image", "end_image"})},
            guidance=Range(low=1, high=20, default=5.5, step=0.1),
        ),
        {**_LARGE_IMAGE, "pos_embed_seq_len": 514},
        pipeline="WanImageToVideoPipeline",
        traits=_BOTH_ENDS,
        weights=16_395_536_704,
        is_seeing=True,
    ),
    Published(
        id="wan-2.2-t2v-a14b",
        pipeline="WanPipeline",
        repository="Wan-AI/Wan2.2-T2V-A14B-Diffusers",
        about=_about(
            "Wan 2.2 T2V A14B",
            "Clips from a sentence by two experts: one for the layout, one for the details.",
            _WEAK_LARGE + " Its two experts are twice the weights of one model.",
            **{**_BOTH, "shift": 0.0},
            steps=Range(low=1, high=100, default=40),
            guidance=Range(low=1, high=20, default=4, step=0.1),
        ),
        traits=_WORDS,
        parameters=_A14B,
        configs={"transformer": _LARGE, "vae": _CODEC, "transformer_2": {}},
        options={"boundary_ratio": 0.875},
        settings={"second_guidance": 0.75},
        settings_source=_SETTINGS,
    ),
    Published(
        id="wan-2.2-i2v-a14b",
        pipeline="WanImageToVideoPipeline",
        repository="Wan-AI/Wan2.2-I2V-A14B-Diffusers",
        about=_about(
            "Wan 2.2 I2V A14B",
            "Clips that begin with your picture, by two experts: one for the layout, one for the details.",
            _WEAK_LARGE + " Its two experts are twice the weights of one model.",
            **{**_BOTH, "shift": 0.0, "conditionings": _FIRST},
            steps=Range(low=1, high=100, default=40),
            guidance=Range(low=1, high=20, default=3.5, step=0.1),
        ),
        traits=_PICTURE,
        parameters={**_A14B, "transformer": 14_288_901_184, "transformer_2": 14_288_901_184},
        configs={"transformer": _LARGE_BLIND, "vae": _CODEC, "transformer_2": {}},
        options={"boundary_ratio": 0.9},
        settings_source=_SETTINGS,
    ),
    Published(
        id="wan-2.2-ti2v-5b",
        pipeline="WanPipeline",
        repository="Wan-AI/Wan2.2-TI2V-5B-Diffusers",
        about=_about(
            "Wan 2.2 TI2V 5B",
            "Clips of 720p from a sentence or from a first picture, on a card of 24 GB and less.",
            "Fine detail shimmers, since its codec keeps little; below 720p it gets much worse.",
            sizes=((1280, 704), (704, 1280), (832, 480)),
            min_side=256,
            lengths=(121, 81, 49, 17),
            fps=Range(low=4, high=60, default=24),
            shift=0.0,
            conditionings=_FIRST,
        ),
        traits={"adapters": True, "draft": True, "lacks": (*_LACKS, _NO_END)},
        parameters={"transformer": 4_999_787_712, "text_encoder": _TEXT, "vae": 704_688_668},
        configs={"transformer": _MIDDLE, "vae": _NEW_CODEC},
        options={"expand_timesteps": True},
        settings_source=_SETTINGS,
    ),
    Published(
        id="wan-2.2-animate-14b",
        pipeline="WanAnimatePipeline",
        repository="Wan-AI/Wan2.2-Animate-14B-Diffusers",
        about=_about(
            "Wan 2.2 Animate 14B",
            "Your character, from one picture, moves as a skeleton clip does; long clips come segment by segment.",
            _WEAK_LARGE + " Faces are left to the model: the expressions of a driving clip are not read.",
            **{**_BOTH, "shift": 0.0, "conditionings": frozenset({"reference_image", "control_clip"})},
            lengths=(77, 153, 229, 41),
            fps=Range(low=4, high=60, default=30),
            steps=Range(low=1, high=100, default=20),
            guidance=Range(low=1, high=20, default=1, step=0.1),
        ),
        traits={
            "adapters": True,
            "needs": frozenset({"reference_image", "control_clip"}),
            "controls": frozenset({"pose"}),
            "lacks": (_NO_MASK, _NO_SOURCE, _NO_KEYS, _NO_FIRST, _NO_LAST),
        },
        parameters={
            "transformer": 15_177_050_484,
            "text_encoder": _TEXT,
            "vae": _OLD_CODEC,
            "image_encoder": _SEEING,
        },
        configs={"transformer": {**_LARGE, "in_channels": 36}, "vae": _CODEC},
        settings_source="the example of its pipeline in diffusers",
    ),
)
