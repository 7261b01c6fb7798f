"""Single files: tiny models of the true classes, named as other programs do, make the frames of their folder."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from pipelines.domain.errors import BrokenCheckpoint
from pipelines.domain.frames import Frames
from pipelines.families import family_named
from pipelines.families.family import ModelCard, Setup
from pipelines.models.catalog import Catalog
from pipelines.models.joining import join
from tests.checkpoints import tiny
from tests.pipelines.conftest import smallest_request

SETUP = Setup(device="cpu", half=False)
Named = Mapping[str, Tensor]
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def card_of(name: str, card_id: str) -> ModelCard:
    return next(card for card in family_named(name).published(Path("models")) if card.id == card_id)


def here(home: Path) -> Catalog:
    return Catalog(home / "nothing-shipped", (), home)


def weights(folder: Path, name: str = "transformer") -> dict[str, Tensor]:
    return load_file(folder / name / "diffusion_pytorch_model.safetensors")


def made(card: ModelCard, setup: Setup = SETUP) -> Frames:
    loader = family_named(card.family).loader()
    components = {name: loader.component(card, name, setup) for name in loader.shares(card)}
    model = loader.assemble(card, components, setup)
    return model.generate(smallest_request(card, steps=2, seed=5), {}, lambda progress: None)


def renamed(tensors: Named, *pairs: tuple[str, str]) -> dict[str, Tensor]:
    """The tensors under other names; each pair is a pattern and what takes its place, one after the other."""
    found = {}
    for name, tensor in tensors.items():
        for pattern, other in pairs:
            name = re.sub(pattern, other, name)
        found[name] = tensor.clone()
    return found


def as_wan_has_it(tensors: Named) -> dict[str, Tensor]:
    return renamed(
        tensors,
        (r"^condition_embedder\.time_embedder\.linear_1", "time_embedding.0"),
        (r"^condition_embedder\.time_embedder\.linear_2", "time_embedding.2"),
        (r"^condition_embedder\.text_embedder\.linear_1", "text_embedding.0"),
        (r"^condition_embedder\.text_embedder\.linear_2", "text_embedding.2"),
        (r"^condition_embedder\.time_proj", "time_projection.1"),
        (r"\.norm2\.", ".norm3."),
        (r"\.attn1\.", ".self_attn."),
        (r"\.attn2\.", ".cross_attn."),
        (r"\.to_out\.0\.", ".o."),
        (r"\.to_([qkv])\.", r".\1."),
        (r"\.ffn\.net\.0\.proj", ".ffn.0"),
        (r"\.ffn\.net\.2", ".ffn.2"),
        (r"(vace_blocks\.\d+)\.proj_in", r"\1.before_proj"),
        (r"(vace_blocks\.\d+)\.proj_out", r"\1.after_proj"),
        (r"^proj_out", "head.head"),
        (r"^scale_shift_table", "head.modulation"),
        (r"scale_shift_table", "modulation"),
    )


def as_ltx_has_it(tensors: Named) -> dict[str, Tensor]:
    return renamed(
        tensors,
        ("^proj_in", "patchify_proj"),
        ("^time_embed", "adaln_single"),
        ("norm_q", "q_norm"),
        ("norm_k", "k_norm"),
    )


def as_ltx_2_has_it(tensors: Named) -> dict[str, Tensor]:
    return renamed(
        tensors,
        (r"^proj_in", "patchify_proj"),
        (r"^audio_proj_in", "audio_patchify_proj"),
        (r"^time_embed", "adaln_single"),
        (r"^audio_time_embed", "audio_adaln_single"),
        (r"^av_cross_attn_video_scale_shift", "av_ca_video_scale_shift_adaln_single"),
        (r"^av_cross_attn_video_a2v_gate", "av_ca_a2v_gate_adaln_single"),
        (r"^av_cross_attn_audio_scale_shift", "av_ca_audio_scale_shift_adaln_single"),
        (r"^av_cross_attn_audio_v2a_gate", "av_ca_v2a_gate_adaln_single"),
        ("video_a2v_cross_attn_scale_shift_table", "scale_shift_table_a2v_ca_video"),
        ("audio_a2v_cross_attn_scale_shift_table", "scale_shift_table_a2v_ca_audio"),
        ("norm_q", "q_norm"),
        ("norm_k", "k_norm"),
    )


def as_hunyuan_has_it(tensors: Named) -> dict[str, Tensor]:
    """Queries, keys and values in one tensor; the last layer's shift before its scale."""
    tensors = dict(tensors)
    for name in [name for name in tensors if ".to_q." in name or ".add_q_proj." in name]:
        three = [name.replace("to_q", f"to_{w}").replace("add_q_proj", f"add_{w}_proj") for w in "qkv"]
        is_text = "refiner_blocks" in name
        own = "self_attn_qkv" if is_text else "img_attn_qkv" if ".to_q." in name else "txt_attn_qkv"
        begin, end = name.split(".attn.")
        tensors[f"{begin}.{own}.{end.rpartition('.')[2]}"] = torch.cat([tensors.pop(each) for each in three])
    for end in ("weight", "bias"):
        scale, shift = tensors.pop(f"norm_out.linear.{end}").chunk(2)
        tensors[f"final_layer.adaLN_modulation.1.{end}"] = torch.cat([shift, scale])
    words = {
        "time_text_embed.timestep_embedder.linear_1": "t_embedder.mlp.0",
        "time_text_embed.timestep_embedder.linear_2": "t_embedder.mlp.2",
        "time_text_embed.text_embedder": "c_embedder",
        "token_refiner.refiner_blocks": "individual_token_refiner.blocks",
        "norm_out.linear": "adaLN_modulation.1",
        "attn.to_out.0": "self_attn_proj",
        "proj_in": "input_embedder",
        "ff.net.0.proj": "mlp.fc1",
        "ff.net.2": "mlp.fc2",
    }
    within = [(f"^(context_embedder.*)\\b{re.escape(old)}", f"\\1{new}") for old, new in words.items()]
    return renamed(
        tensors,
        *within,
        ("^context_embedder", "txt_in"),
        ("^x_embedder", "img_in"),
        ("^proj_out", "final_layer.linear"),
        (r"^time_text_embed\.timestep_embedder\.linear_1", "time_in.mlp.0"),
        (r"^time_text_embed\.timestep_embedder\.linear_2", "time_in.mlp.2"),
        (r"^time_text_embed\.guidance_embedder\.linear_1", "guidance_in.mlp.0"),
        (r"^time_text_embed\.guidance_embedder\.linear_2", "guidance_in.mlp.2"),
        (r"^time_text_embed\.text_embedder\.linear_1", "vector_in.in_layer"),
        (r"^time_text_embed\.text_embedder\.linear_2", "vector_in.out_layer"),
        ("^transformer_blocks", "double_blocks"),
        (r"attn\.norm_added_([qk])", r"txt_attn_\1_norm"),
        (r"attn\.norm_([qk])", r"img_attn_\1_norm"),
        (r"attn\.to_out\.0", "img_attn_proj"),
        (r"attn\.to_add_out", "txt_attn_proj"),
        (r"norm1_context\.linear", "txt_mod.linear"),
        (r"norm1\.linear", "img_mod.linear"),
        (r"ff_context\.net\.0\.proj", "txt_mlp.fc1"),
        (r"ff_context\.net\.2", "txt_mlp.fc2"),
        (r"ff\.net\.0\.proj", "img_mlp.fc1"),
        (r"ff\.net\.2", "img_mlp.fc2"),
    )


def in_comfy(tensors: Named) -> dict[str, Tensor]:
    """Under the prefix of files that ComfyUI writes."""
    return {f"model.diffusion_model.{name}": tensor for name, tensor in tensors.items()}


CASES: dict[str, tuple[str, str, Callable[[Named], Named]]] = {
    "wan": ("wan", "wan-2.1-t2v-1.3b", as_wan_has_it),
    "wan in ComfyUI": ("wan", "wan-2.1-t2v-1.3b", lambda tensors: in_comfy(as_wan_has_it(tensors))),
    "wan in diffusers": ("wan", "wan-2.1-t2v-1.3b", dict),
    "wan vace": ("wan", "wan-2.1-vace-1.3b", as_wan_has_it),
    "ltx": ("ltx", "ltx-0.9", as_ltx_has_it),
    "ltx in ComfyUI": ("ltx", "ltx-0.9.5", lambda tensors: in_comfy(as_ltx_has_it(tensors))),
    "ltx-2": ("ltx", "ltx-2", as_ltx_2_has_it),
    "cogvideox in diffusers": ("cogvideox", "cogvideox-2b", dict),
    "hunyuan": ("hunyuan", "hunyuan-t2v", as_hunyuan_has_it),
    "hunyuan in diffusers": ("hunyuan", "hunyuan-t2v", dict),
}


def without_single_blocks(folder: Path) -> None:
    """Diffusers splits those of the original naming at the width of the true model, whatever the width is."""
    from diffusers import HunyuanVideoTransformer3DModel

    config = HunyuanVideoTransformer3DModel.load_config(folder / "transformer")
    torch.manual_seed(2)
    model = HunyuanVideoTransformer3DModel.from_config({**config, "num_single_layers": 0})
    model.save_pretrained(folder / "transformer")


@pytest.mark.parametrize("case", CASES)
def test_a_transformer_in_one_file_makes_the_frames_of_its_folder(case: str, tmp_path: Path) -> None:
    family, card_id, layout = CASES[case]
    folder = tiny.write(tmp_path / "models", card_of(family, card_id))
    if case == "hunyuan":
        without_single_blocks(folder)
    file = tmp_path / "a file.safetensors"
    save_file(dict(layout(weights(folder))), file)
    joined = join([file], here(tmp_path / "models").cards(), tmp_path / "models")
    found = {card.folder: card for card in here(tmp_path / "models").cards()}
    assert made(found[joined]).digest() == made(found[folder]).digest()
    assert found[joined].title.endswith("(a file)") and found[joined].capabilities == found[folder].capabilities


def test_a_model_of_its_own_numbers_computes_in_16_bits_as_its_folder_does(tmp_path: Path) -> None:
    folder = tiny.write(tmp_path / "models", card_of("wan", "wan-2.1-t2v-1.3b"))
    save_file(as_wan_has_it(weights(folder)), tmp_path / "file.safetensors")
    joined = join([tmp_path / "file.safetensors"], here(tmp_path / "models").cards(), tmp_path / "models")
    found = {card.folder: card for card in here(tmp_path / "models").cards()}
    half = replace(SETUP, half=True)
    assert made(found[joined], half).digest() == made(found[folder], half).digest()


def test_a_codec_in_one_file_takes_the_place_of_the_models_own(tmp_path: Path) -> None:
    from diffusers import AutoencoderKLWan

    folder = tiny.write(tmp_path / "models", card_of("wan", "wan-2.1-t2v-1.3b"))
    torch.manual_seed(4)
    config = {
        **AutoencoderKLWan.load_config(folder / "vae"),
        "num_res_blocks": 2,
        "base_dim": 4,
        "dim_mult": [1, 2, 4, 4],
    }
    AutoencoderKLWan.from_config(config).save_pretrained(folder / "vae")
    save_file(as_wan_names_its_codec(weights(folder, "vae")), tmp_path / "codec.safetensors")
    joined = join([tmp_path / "codec.safetensors"], here(tmp_path / "models").cards(), tmp_path / "models")
    found = {card.folder: card for card in here(tmp_path / "models").cards()}
    assert made(found[joined]).digest() == made(found[folder]).digest()
    (folder / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    assert [card.folder for card in here(tmp_path / "models").cards()] == [joined]


def as_wan_names_its_codec(tensors: Named) -> dict[str, Tensor]:
    """The original naming: blocks and their up- or downsampler numbered in one row of four."""

    def numbered(found: re.Match[str]) -> str:
        level, block, sort = int(found[1]), int(found[3] or 0), found[2]
        return f"decoder.upsamples.{4 * level + (3 if sort == 'upsamplers' else block)}."

    level = re.compile(r"^decoder\.up_blocks\.(\d)\.(resnets|upsamplers)\.(\d)\.")
    inner = (
        (r"\.norm1\.", ".residual.0."),
        (r"\.conv1\.", ".residual.2."),
        (r"\.norm2\.", ".residual.3."),
        (r"\.conv2\.", ".residual.6."),
    )
    named = {level.sub(numbered, name): tensor for name, tensor in tensors.items()}
    return renamed(
        named,
        *inner,
        (r"\.conv_shortcut\.", ".shortcut."),
        (r"\.down_blocks\.", ".downsamples."),
        (r"\.mid_block\.resnets\.0\.", ".middle.0."),
        (r"\.mid_block\.attentions\.0\.", ".middle.1."),
        (r"\.mid_block\.resnets\.1\.", ".middle.2."),
        (r"\.norm_out\.", ".head.0."),
        (r"\.conv_out\.", ".head.2."),
        (r"\.conv_in\.", ".conv1."),
        (r"^quant_conv", "conv1"),
        (r"^post_quant_conv", "conv2"),
    )


def test_two_experts_find_their_places_by_their_names(tmp_path: Path) -> None:
    folder = tiny.write(tmp_path / "models", card_of("wan", "wan-2.2-t2v-a14b"))
    low, high = tmp_path / "a_low_noise.safetensors", tmp_path / "b_high_noise.safetensors"
    save_file(as_wan_has_it(weights(folder, "transformer_2")), low)
    save_file(as_wan_has_it(weights(folder)), high)
    joined = join([low, high], here(tmp_path / "models").cards(), tmp_path / "models")
    found = {card.folder: card for card in here(tmp_path / "models").cards()}
    assert made(found[joined]).digest() == made(found[folder]).digest()
    places = json.loads((joined / "gimbal-parts.json").read_text())["parts"]
    assert (places["transformer"]["path"], places["transformer_2"]["path"]) == (str(high), str(low))


def test_a_folder_of_another_place_cannot_name_files_elsewhere(tmp_path: Path) -> None:
    folder = tiny.write(tmp_path / "models", card_of("wan", "wan-2.1-t2v-1.3b"))
    save_file(as_wan_has_it(weights(folder)), tmp_path / "file.safetensors")
    joined = join([tmp_path / "file.safetensors"], here(tmp_path / "models").cards(), tmp_path / "models")
    moved = Path(shutil.copytree(joined, tmp_path / "downloads" / "model"))
    (broken,) = Catalog(tmp_path / "none", [moved]).broken
    assert "only a folder that Gimbal wrote" in broken.message


def test_a_file_that_lacks_a_tensor_is_told_when_it_is_loaded(tmp_path: Path) -> None:
    folder = tiny.write(tmp_path / "models", card_of("wan", "wan-2.1-t2v-1.3b"))
    tensors = as_wan_has_it(weights(folder))
    del tensors["blocks.1.ffn.0.bias"]
    save_file(tensors, tmp_path / "file.safetensors")
    joined = join([tmp_path / "file.safetensors"], here(tmp_path / "models").cards(), tmp_path / "models")
    card = next(card for card in here(tmp_path / "models").cards() if card.folder == joined)
    with pytest.raises(BrokenCheckpoint, match="lacks tensors"):
        made(card)
