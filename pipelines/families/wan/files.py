"""Single files of Wan: transformers in the naming of its authors or of diffusers, and the codec of 2.1."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.families.single import FileKind, Layout, Number

_FLF2V = (
    "It holds places of two pictures (FLF2V), which diffusers does not translate; use its folder in diffusers layout."
)
_ORIGINAL: Mapping[str, Number] = {
    "inner_dim": ("patch_embedding.weight", 0),
    "in_channels": ("patch_embedding.weight", 1),
    "ffn_dim": ("blocks.0.ffn.0.weight", 0),
    "num_layers": "blocks",
    "text_dim": ("text_embedding.0.weight", 1),
    "freq_dim": ("time_embedding.0.weight", 1),
    "image_dim": ("img_emb.proj.0.weight", 0),
    "added_kv_proj_dim": ("blocks.0.cross_attn.k_img.weight", 1),
}
_DIFFUSERS: Mapping[str, Number] = {
    "inner_dim": ("patch_embedding.weight", 0),
    "in_channels": ("patch_embedding.weight", 1),
    "ffn_dim": ("blocks.0.ffn.net.0.proj.weight", 0),
    "num_layers": "blocks",
    "text_dim": ("condition_embedder.text_embedder.linear_1.weight", 1),
    "freq_dim": ("condition_embedder.time_embedder.linear_1.weight", 1),
    "image_dim": ("condition_embedder.image_embedder.norm1.weight", 0),
    "added_kv_proj_dim": ("blocks.0.attn2.add_k_proj.weight", 1),
}
_VACE: Mapping[str, Number] = {"vace_layers#": "vace_blocks", "vace_in_channels": ("vace_patch_embedding.weight", 1)}
_HELD = ("patch_embedding.weight", "head.modulation", "text_embedding.0.weight")
_OWN = ("patch_embedding.weight", "scale_shift_table", "condition_embedder.text_embedder.linear_1.weight")
_BRANCH = "vace_patch_embedding.weight"
_OTHERS = (
    "motion_encoder.enc.fc.0.weight",
    "face_adapter.fuser_blocks.0.linear2.weight",
    "control_adapter.conv.weight",
)
FILES = (
    FileKind(
        component="transformer",
        cls="WanVACETransformer3DModel",
        layouts=(
            Layout(name="original", holds=(*_HELD, _BRANCH), numbers={**_ORIGINAL, **_VACE}),
            Layout(name="diffusers", holds=(*_OWN, _BRANCH), numbers={**_DIFFUSERS, **_VACE}),
        ),
        recorded=True,
    ),
    FileKind(
        component="transformer",
        cls="WanTransformer3DModel",
        layouts=(
            Layout(name="original", holds=(*_HELD, "img_emb.emb_pos"), lacks=_OTHERS, refused=_FLF2V),
            Layout(name="original", holds=_HELD, lacks=(_BRANCH, *_OTHERS), numbers=_ORIGINAL),
            Layout(
                name="diffusers", holds=_OWN, lacks=(_BRANCH, "face_encoder.conv1_local.weight"), numbers=_DIFFUSERS
            ),
        ),
        recorded=True,
    ),
    FileKind(
        component="vae",
        cls="AutoencoderKLWan",
        layouts=(
            Layout(
                name="original",
                holds=("encoder.conv1.weight", "decoder.upsamples.0.upsamples.0.residual.0.gamma"),
                refused="It is the codec of Wan 2.2 in its authors' naming, which diffusers does not translate; "
                "the folder of the model in diffusers layout holds the same codec.",
            ),
            Layout(
                name="original",
                holds=("encoder.conv1.weight", "decoder.middle.0.residual.0.gamma", "conv2.weight"),
                numbers={"base_dim": ("encoder.conv1.weight", 0), "z_dim": ("conv2.weight", 0)},
            ),
            Layout(
                name="diffusers",
                holds=("encoder.conv_in.weight", "decoder.mid_block.resnets.0.norm1.gamma", "post_quant_conv.weight"),
                numbers={"base_dim": ("encoder.conv_in.weight", 0), "z_dim": ("post_quant_conv.weight", 0)},
            ),
        ),
    ),
)
