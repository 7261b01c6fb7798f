"""The published checkpoints of CogVideoX.

Sizes, lengths, rates, steps and guidance: the model cards of the repositories and the examples in diffusers.
"""

from __future__ import annotations

from typing import Any

from pipelines.domain.capabilities import Range
from pipelines.families.published import Published

_CODEC = {"block_out_channels": [128, 256, 256, 512], "temporal_compression_ratio": 4}
_SMALL = {"num_attention_heads": 30, "attention_head_dim": 64, "num_layers": 30, "patch_size": 2, "patch_size_t": None}
_LARGE = {**_SMALL, "num_attention_heads": 48, "num_layers": 42}
_WORDS = {"max_text_seq_length": 226}
_T5, _CODEC_PARAMETERS = 4_762_310_656, 215_583_907
_OPEN, _OWN = "Apache-2.0", "CogVideoX License (commercial use needs a registration with its makers)"
_EXAMPLES = (
    "A panda in a small red jacket sits on a wooden stool in a bamboo forest and plays a tiny guitar, soft sunlight.",
    "A hiker stands on a mountain peak above the clouds at sunrise, the camera circles slowly around him.",
)
_NO_CONTROL = ("control_clip", "It has no control branch; CogVideoX-Fun Control has one.")
_NO_MASK = ("mask_clip", "It changes a clip as a whole and cannot keep a part of it.")
_NO_KEYS = ("key_image", "It was trained with a picture at the first frame at most.")
_NO_END = ("end_image", "It was trained with a picture at the first frame at most.")
_NO_START = ("start_image", "This checkpoint was trained on words alone; CogVideoX I2V starts from a picture.")
_NO_REFERENCE = ("reference_image", "It has no input for pictures of things.")
_NO_MORE = ("extend_clip", "It makes a clip anew as a whole and cannot go on from one.")
_NO_SOURCE = ("source_clip", "Changing a clip needs a text-to-video checkpoint of version 1.0.")
_TEXT_LACKS = (_NO_CONTROL, _NO_MASK, _NO_KEYS, _NO_END, _NO_START, _NO_REFERENCE, _NO_MORE)


def _about(title: str, summary: str, weaknesses: str, **more: Any) -> dict[str, Any]:
    return {
        "title": title,
        "summary": summary,
        "weaknesses": weaknesses,
        "licence": _OWN,
        "sizes": ((720, 480),),
        "lengths": (49, 33, 17),
        "fps": Range(low=4, high=30, default=8),
        "steps": Range(low=1, high=100, default=50),
        "guidance": Range(low=1, high=15, default=6, step=0.1),
        "max_sequence_length": 226,
        "conditionings": frozenset(),
        "examples": _EXAMPLES,
        **more,
    }


_FIXED = "Made for 720 x 480 and 49 frames at 8 per second only; hands and quick motion break up."
_WIDE: dict[str, Any] = {
    "sizes": ((1360, 768), (768, 1360), (1024, 768)),
    "lengths": (81, 49, 33),
    "fps": Range(low=4, high=30, default=16),
}
_SETTINGS = "the repository's model card and the example of its pipeline in diffusers"
CARDS = (
    Published(
        id="cogvideox-2b",
        pipeline="CogVideoXPipeline",
        repository="zai-org/CogVideoX-2b",
        about=_about(
            "CogVideoX 2B",
            "Short clips from long descriptions, the small model. It also makes a given clip anew in other words.",
            _FIXED,
            licence=_OPEN,
            conditionings=frozenset({"source_clip"}),
        ),
        traits={"adapters": True, "draft": True, "restyles": True, "lacks": _TEXT_LACKS},
        parameters={"transformer": 1_693_783_872, "text_encoder": _T5, "vae": _CODEC_PARAMETERS},
        configs={"transformer": {**_SMALL, **_WORDS}, "vae": _CODEC},
        settings_source=_SETTINGS,
    ),
    Published(
        id="cogvideox-5b",
        pipeline="CogVideoXPipeline",
        repository="zai-org/CogVideoX-5b",
        about=_about(
            "CogVideoX 5B",
            "Short clips from long descriptions. It also makes a given clip anew in other words.",
            _FIXED,
            conditionings=frozenset({"source_clip"}),
        ),
        traits={"adapters": True, "draft": True, "restyles": True, "lacks": _TEXT_LACKS},
        parameters={"transformer": 5_570_283_072, "text_encoder": _T5, "vae": _CODEC_PARAMETERS},
        configs={"transformer": {**_LARGE, **_WORDS}, "vae": _CODEC},
        settings_source=_SETTINGS,
    ),
    Published(
        id="cogvideox-5b-i2v",
        pipeline="CogVideoXImageToVideoPipeline",
        repository="zai-org/CogVideoX-5b-I2V",
        about=_about(
            "CogVideoX 5B I2V",
            "Short clips that begin with your picture.",
            _FIXED,
            lengths=(49,),
            conditionings=frozenset({"start_image"}),
        ),
        traits={
            "adapters": True,
            "draft": True,
            "needs": frozenset({"start_image"}),
            "lacks": (_NO_CONTROL, _NO_MASK, _NO_KEYS, _NO_END, _NO_REFERENCE, _NO_SOURCE),
        },
        parameters={"transformer": 5_570_479_680, "text_encoder": _T5, "vae": _CODEC_PARAMETERS},
        configs={"transformer": {**_LARGE, **_WORDS}, "vae": _CODEC},
        settings_source=_SETTINGS,
    ),
    Published(
        id="cogvideox-1.5-5b",
        pipeline="CogVideoXPipeline",
        repository="zai-org/CogVideoX1.5-5B",
        about=_about(
            "CogVideoX 1.5 5B",
            "Larger and longer clips from long descriptions.",
            "Slow: a clip at its full size takes several times as long as one of version 1.0.",
            **_WIDE,
        ),
        traits={"adapters": True, "draft": True, "lacks": (*_TEXT_LACKS, _NO_SOURCE)},
        parameters={"transformer": 5_570_676_352, "text_encoder": _T5, "vae": _CODEC_PARAMETERS},
        configs={"transformer": {**_LARGE, **_WORDS, "patch_size_t": 2, "max_text_seq_length": 224}, "vae": _CODEC},
        settings_source=_SETTINGS,
    ),
    Published(
        id="cogvideox-1.5-5b-i2v",
        pipeline="CogVideoXImageToVideoPipeline",
        repository="zai-org/CogVideoX1.5-5B-I2V",
        about=_about(
            "CogVideoX 1.5 5B I2V",
            "Larger and longer clips that begin with your picture.",
            "Slow: a clip at its full size takes several times as long as one of version 1.0.",
            conditionings=frozenset({"start_image"}),
            **_WIDE,
        ),
        traits={
            "adapters": True,
            "draft": True,
            "needs": frozenset({"start_image"}),
            "lacks": (_NO_CONTROL, _NO_MASK, _NO_KEYS, _NO_END, _NO_REFERENCE, _NO_SOURCE),
        },
        parameters={"transformer": 5_571_594_880, "text_encoder": _T5, "vae": _CODEC_PARAMETERS},
        configs={"transformer": {**_LARGE, **_WORDS, "patch_size_t": 2, "max_text_seq_length": 224}, "vae": _CODEC},
        settings_source=_SETTINGS,
    ),
    Published(
        id="cogvideox-fun-5b-pose",
        pipeline="CogVideoXFunControlPipeline",
        repository="alibaba-pai/CogVideoX-Fun-V1.1-5b-Pose",
        about=_about(
            "CogVideoX-Fun 1.1 5B Pose",
            "Clips that follow a moving skeleton.",
            "It follows every frame of the skeleton clip and makes nothing without one.",
            conditionings=frozenset({"control_clip"}),
        ),
        traits={
            "adapters": True,
            "draft": True,
            "needs": frozenset({"control_clip"}),
            "controls": frozenset({"pose"}),
            "lacks": (_NO_MASK, _NO_KEYS, _NO_END, _NO_START, _NO_REFERENCE, _NO_SOURCE),
        },
        parameters={"transformer": 5_570_479_680, "text_encoder": _T5, "vae": _CODEC_PARAMETERS},
        configs={"transformer": {**_LARGE, **_WORDS, "in_channels": 32}, "vae": _CODEC},
        settings_source=_SETTINGS,
    ),
)
