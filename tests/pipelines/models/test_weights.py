"""A checkpoint folder is untrusted: every damage is found before a weight is loaded, and named with a remedy."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.domain.errors import BrokenCheckpoint
from pipelines.families import wan
from pipelines.models.weights import component_weights, read_header

VAE = "vae/diffusion_pytorch_model.safetensors"
INDEX = "transformer/diffusion_pytorch_model.safetensors.index.json"


def edit_json(path: Path, **changes: object) -> None:
    raw = json.loads(path.read_text())
    raw.update(changes)
    path.write_text(json.dumps(raw))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def only_a_pickle(path: Path) -> None:
    path.rename(path.with_suffix(".bin"))


def grown(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"1234567")


def endless_header(path: Path) -> None:
    path.write_bytes(struct.pack("<Q", 2**62) + path.read_bytes()[8:])


def no_header(path: Path) -> None:
    path.write_bytes(struct.pack("<Q", 4) + b"nope")


def link_away(path: Path) -> None:
    elsewhere = path.parents[2] / "elsewhere.safetensors"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def foreign_class(path: Path) -> None:
    edit_json(path, vae=["my_package", "MyVae"])


DAMAGES: list[tuple[str, Callable[[Path], None]]] = [
    ("model_index.json", foreign_class),
    ("model_index.json", lambda p: edit_json(p, vae=["diffusers", "AutoencoderKL"])),
    ("model_index.json", lambda p: edit_json(p, transformer_2=["diffusers", "WanVACETransformer3DModel"])),
    ("model_index.json", lambda p: p.write_text("{")),
    ("model_index.json", lambda p: p.write_text("[" * 100_000)),
    ("model_index.json", lambda p: p.write_bytes(b"\xff\xfe")),
    ("vae", shutil.rmtree),
    ("tokenizer/tokenizer.json", Path.unlink),
    ("scheduler/scheduler_config.json", Path.unlink),
    ("text_encoder/config.json", Path.unlink),
    ("text_encoder/config.json", lambda p: edit_json(p, auto_map={"AutoModel": "evil.Evil"})),
    ("vae/config.json", lambda p: edit_json(p, _class_name="AutoencoderKL")),
    ("vae/config.json", lambda p: edit_json(p, z_dim="8")),
    ("vae/config.json", lambda p: edit_json(p, latents_mean=[0.0])),
    ("transformer/config.json", lambda p: edit_json(p, vace_in_channels=96)),
    ("transformer/config.json", lambda p: edit_json(p, num_layers=10**12)),
    (VAE, Path.unlink),
    (VAE, cut),
    (VAE, grown),
    (VAE, endless_header),
    (VAE, no_header),
    (VAE, only_a_pickle),
    (VAE, link_away),
    (VAE, lambda p: p.write_bytes(b"")),
]


@pytest.mark.parametrize(("name", "damage"), DAMAGES)
def test_a_damaged_folder_is_refused_with_the_file_and_the_remedy(
    own_folder: Path, name: str, damage: Callable[[Path], None]
) -> None:
    damage(own_folder / name)
    with pytest.raises(BrokenCheckpoint) as caught:
        wan.card(own_folder, "tiny")
    assert str(own_folder / name).removesuffix("/diffusion_pytorch_model.safetensors") in caught.value.message
    assert caught.value.hint


def test_a_pickle_is_refused_by_its_name(own_folder: Path) -> None:
    only_a_pickle(own_folder / VAE)
    with pytest.raises(BrokenCheckpoint, match="diffusion_pytorch_model.bin, a pickle"):
        wan.card(own_folder, "tiny")


def test_an_undamaged_folder_is_accepted(own_folder: Path) -> None:
    assert wan.card(own_folder, "tiny").title == "Tiny"


def sharded(folder: Path, weight_map: dict[str, str] | None = None) -> Path:
    """Turn the transformer's one file into one shard with an index."""
    single = folder / "transformer/diffusion_pytorch_model.safetensors"
    shard = single.with_name("diffusion_pytorch_model-00001-of-00001.safetensors")
    single.rename(shard)
    names = dict.fromkeys(read_header(shard), shard.name)
    index = folder / INDEX
    index.write_text(json.dumps({"weight_map": {**names, **(weight_map or {})}}))
    return shard


def test_shards_count_like_one_file(own_folder: Path, tiny_folder: Path) -> None:
    sharded(own_folder)
    stem = "diffusion_pytorch_model"
    whole, parts = (component_weights(f / "transformer", stem) for f in (tiny_folder, own_folder))
    assert (whole.parameters, whole.file_bytes) == (parts.parameters, parts.file_bytes)


@pytest.mark.parametrize("name", ["../vae/diffusion_pytorch_model.safetensors", "/etc/passwd", "..", "a\\b", ""])
def test_an_index_cannot_lead_out_of_its_folder(own_folder: Path, name: str) -> None:
    sharded(own_folder, {"proj_out.weight": name})
    with pytest.raises(BrokenCheckpoint, match="outside of it"):
        wan.card(own_folder, "tiny")


@pytest.mark.parametrize("name", ["weights.bin", "missing.safetensors"])
def test_an_index_names_only_safetensors_that_are_there(own_folder: Path, name: str) -> None:
    sharded(own_folder, {"proj_out.weight": name})
    with pytest.raises(BrokenCheckpoint, match=name):
        wan.card(own_folder, "tiny")


def test_a_tensor_that_no_shard_holds_is_named(own_folder: Path) -> None:
    shard = sharded(own_folder)
    edit_json(own_folder / INDEX, weight_map={"ghost.weight": shard.name})
    with pytest.raises(BrokenCheckpoint, match="ghost.weight"):
        wan.card(own_folder, "tiny")


def test_links_into_a_hub_cache_are_followed(own_folder: Path, tmp_path: Path) -> None:
    blobs, snapshot = tmp_path / "cache/blobs", tmp_path / "cache/snapshots/abc"
    blobs.mkdir(parents=True)
    snapshot.parent.mkdir()
    own_folder.rename(snapshot)
    (snapshot / VAE).rename(blobs / "1234")
    (snapshot / VAE).symlink_to("../../../blobs/1234")
    assert wan.card(snapshot, "tiny").title == "Tiny"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.integers(0, 20_000), st.integers(0, 255))
def test_any_changed_header_byte_is_harmless_or_found(tmp_path: Path, tiny_folder: Path, at: int, value: int) -> None:
    data = bytearray((tiny_folder / VAE).read_bytes())
    length = struct.unpack("<Q", data[:8])[0]
    data[at % (8 + length)] = value
    path = tmp_path / "damaged.safetensors"
    path.write_bytes(data)
    try:
        assert sum(read_header(path).values()) * 4 + 8 + length == len(data)
    except BrokenCheckpoint as error:
        assert path.name in error.message and error.hint
