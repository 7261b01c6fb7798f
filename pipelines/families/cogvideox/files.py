"""Single files of CogVideoX: transformers in the naming of diffusers, which ComfyUI's use too."""

from __future__ import annotations

from pipelines.families.single import FileKind, Layout

FILES = (
    FileKind(
        component="transformer",
        cls="CogVideoXTransformer3DModel",
        layouts=(
            Layout(
                name="diffusers",
                holds=(
                    "patch_embed.proj.weight",
                    "patch_embed.text_proj.weight",
                    "transformer_blocks.0.attn1.to_q.weight",
                ),
                numbers={
                    "inner_dim": ("patch_embed.proj.weight", 0),
                    "num_layers": "transformer_blocks",
                    "text_embed_dim": ("patch_embed.text_proj.weight", 1),
                },
            ),
            Layout(
                name="original",
                holds=("mixins.final_layer.adaln.1.weight",),
                refused="It is named as its authors train it (SAT), which diffusers does not translate; use the same "
                "model in the naming of diffusers.",
            ),
        ),
        packed=False,
    ),
)
