"""Single files of LTX-Video and LTX-2: the transformer, alone or in the file of a whole model.

The codec is taken from a model that is here: its configuration differs from version to version and no file tells it.
"""

from __future__ import annotations

from pipelines.families.single import FileKind, Layout

_SECOND = ("audio_patchify_proj.weight", "audio_proj_in.weight")
FILES = (
    FileKind(
        component="transformer",
        cls="LTXVideoTransformer3DModel",
        layouts=(
            Layout(
                name="original",
                holds=("patchify_proj.weight", "adaln_single.linear.weight", "caption_projection.linear_1.weight"),
                lacks=_SECOND,
                numbers={
                    "inner_dim": ("patchify_proj.weight", 0),
                    "in_channels": ("patchify_proj.weight", 1),
                    "num_layers": "transformer_blocks",
                    "caption_channels": ("caption_projection.linear_1.weight", 1),
                    "cross_attention_dim": ("transformer_blocks.0.attn2.to_k.weight", 1),
                },
            ),
            Layout(
                name="diffusers",
                holds=("proj_in.weight", "time_embed.linear.weight", "caption_projection.linear_1.weight"),
                lacks=_SECOND,
                numbers={
                    "inner_dim": ("proj_in.weight", 0),
                    "in_channels": ("proj_in.weight", 1),
                    "num_layers": "transformer_blocks",
                    "caption_channels": ("caption_projection.linear_1.weight", 1),
                    "cross_attention_dim": ("transformer_blocks.0.attn2.to_k.weight", 1),
                },
            ),
        ),
        recorded=True,
    ),
    FileKind(
        component="transformer",
        cls="LTX2VideoTransformer3DModel",
        layouts=(
            Layout(
                name="original",
                holds=("patchify_proj.weight", "audio_patchify_proj.weight", "adaln_single.linear.weight"),
                numbers={
                    "inner_dim": ("patchify_proj.weight", 0),
                    "in_channels": ("patchify_proj.weight", 1),
                    "audio_in_channels": ("audio_patchify_proj.weight", 1),
                    "num_layers": "transformer_blocks",
                },
            ),
            Layout(
                name="diffusers",
                holds=("proj_in.weight", "audio_proj_in.weight", "time_embed.linear.weight"),
                numbers={
                    "inner_dim": ("proj_in.weight", 0),
                    "in_channels": ("proj_in.weight", 1),
                    "audio_in_channels": ("audio_proj_in.weight", 1),
                    "num_layers": "transformer_blocks",
                },
            ),
        ),
    ),
)
