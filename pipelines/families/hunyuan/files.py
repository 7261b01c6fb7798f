"""Single files of HunyuanVideo: transformers in the authors' naming or diffusers', and FramePack's in diffusers'."""

from __future__ import annotations

from pipelines.families.single import FileKind, Layout

FILES = (
    FileKind(
        component="transformer",
        cls="HunyuanVideoTransformer3DModel",
        layouts=(
            Layout(
                name="original",
                holds=("img_in.proj.weight", "double_blocks.0.img_attn_qkv.weight"),
                numbers={
                    "inner_dim": ("img_in.proj.weight", 0),
                    "in_channels": ("img_in.proj.weight", 1),
                    "num_layers": "double_blocks",
                    "num_single_layers": "single_blocks",
                    "text_embed_dim": ("txt_in.input_embedder.weight", 1),
                },
            ),
            Layout(
                name="original",
                holds=("img_in.proj.weight", "double_blocks.0.img_attn.qkv.weight"),
                refused="Its tensors are named as ComfyUI renames them, which diffusers does not translate; the same "
                "model in its authors' naming or as GGUF is read.",
            ),
            Layout(
                name="diffusers",
                holds=("x_embedder.proj.weight", "context_embedder.proj_in.weight"),
                lacks=("clean_x_embedder.proj.weight", "image_embedder.linear_1.weight"),
                numbers={
                    "inner_dim": ("x_embedder.proj.weight", 0),
                    "in_channels": ("x_embedder.proj.weight", 1),
                    "num_layers": "transformer_blocks",
                    "num_single_layers": "single_transformer_blocks",
                    "text_embed_dim": ("context_embedder.proj_in.weight", 1),
                },
            ),
        ),
        recorded=True,
    ),
    FileKind(
        component="transformer",
        cls="HunyuanVideoFramepackTransformer3DModel",
        layouts=(
            Layout(
                name="diffusers",
                holds=("x_embedder.proj.weight", "clean_x_embedder.proj.weight"),
                numbers={
                    "inner_dim": ("x_embedder.proj.weight", 0),
                    "num_layers": "transformer_blocks",
                    "num_single_layers": "single_transformer_blocks",
                    "image_proj_dim": ("image_projection.linear_1.weight", 1),
                },
            ),
        ),
        packed=False,
    ),
)
