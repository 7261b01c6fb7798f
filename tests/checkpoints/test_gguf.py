"""GGUF files: a tiny transformer packed by the gguf package makes the frames of the weights it unpacks to."""

from __future__ import annotations

import dataclasses
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from pipelines.domain.errors import BrokenCheckpoint
from pipelines.domain.frames import Frames
from pipelines.families import family_named
from pipelines.families.family import Adapter, ModelCard, Setup
from pipelines.models.gguf_header import read_gguf
from pipelines.models.joining import join
from pipelines.models.placement import Machine, ways
from tests.checkpoints import tiny
from tests.checkpoints.test_single_files import SETUP, as_wan_has_it, card_of, here
from tests.pipelines.conftest import smallest_request

gguf = pytest.importorskip("gguf")
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
WEIGHTS = "transformer/diffusion_pytorch_model.safetensors"


def pack(tensors: dict[str, Tensor], path: Path) -> Path:
    """A GGUF file: what is 32 wide in 8-bit blocks, a bias in 16-bit floats, all else whole."""
    writer = gguf.GGUFWriter(path, "wan")
    for name, tensor in tensors.items():
        value = tensor.float().numpy()
        kind = gguf.GGMLQuantizationType.F32
        if value.ndim == 2 and value.shape[1] % 32 == 0:
            kind = gguf.GGMLQuantizationType.Q8_0
        elif name.endswith("head.bias"):
            kind = gguf.GGMLQuantizationType.BF16
        data = gguf.quants.quantize(value, kind)
        writer.add_tensor(name, data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def unpacked(path: Path) -> dict[str, Tensor]:
    """What the file's weights are when diffusers makes them whole."""
    from diffusers.models.model_loading_utils import load_gguf_checkpoint
    from diffusers.quantizers.gguf.utils import dequantize_gguf_tensor

    read = load_gguf_checkpoint(path, return_tensors=True)
    return {name: dequantize_gguf_tensor(tensor).float() for name, tensor in read.items()}


@dataclasses.dataclass
class Packed:
    """A model from a GGUF file, and a folder with the weights that the file unpacks to."""

    card: ModelCard
    whole: ModelCard
    file: Path


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Packed:
    home = tmp_path_factory.mktemp("gguf") / "models"
    folder = tiny.write(home, card_of("wan", "wan-2.1-vace-1.3b"))
    widened(folder)
    names = dict(zip(as_wan_has_it(load_file(folder / WEIGHTS)), load_file(folder / WEIGHTS), strict=True))
    file = pack(as_wan_has_it(load_file(folder / WEIGHTS)), home.parent / "wan-Q8_0.gguf")
    save_file({names[name]: tensor.contiguous() for name, tensor in unpacked(file).items()}, folder / WEIGHTS)
    joined = join([file], here(home).cards(), home)
    found = {card.folder: card for card in here(home).cards()}
    return Packed(card=found[joined], whole=found[folder], file=file)


def widened(folder: Path) -> None:
    """A transformer wide enough for blocks of 32 weights."""
    from diffusers import WanVACETransformer3DModel

    config = WanVACETransformer3DModel.load_config(folder / "transformer")
    torch.manual_seed(3)
    model = WanVACETransformer3DModel.from_config({**config, "attention_head_dim": 32, "ffn_dim": 64})
    model.save_pretrained(folder / "transformer")


def model_of(card: ModelCard, setup: Setup = SETUP):  # type: ignore[no-untyped-def]
    loader = family_named(card.family).loader()
    return loader.assemble(card, {name: loader.component(card, name, setup) for name in loader.shares(card)}, setup)


def frames(model, card: ModelCard) -> Frames:  # type: ignore[no-untyped-def]
    made: Frames = model.generate(smallest_request(card, seed=5), {}, lambda progress: None)
    return made


def test_a_packed_model_makes_the_frames_of_what_it_unpacks_to(packed: Packed) -> None:
    assert frames(model_of(packed.card), packed.card).digest() == frames(model_of(packed.whole), packed.whole).digest()


def test_it_stays_packed_in_memory_and_the_arithmetic_knows(packed: Packed) -> None:
    model = model_of(packed.card)
    layer = model.pipe.transformer.blocks[0].attn1.to_q.weight
    assert layer.dtype == torch.uint8 and layer.numel() == 64 * 64 // 32 * 34
    request = smallest_request(packed.card)
    small, whole = (family_named("wan").footprint(card, request) for card in (packed.card, packed.whole))
    held = sum(value.numel() * value.element_size() for value in model.pipe.transformer.parameters())
    assert small.components["transformer"] == pytest.approx(held, rel=0.1)
    assert small.in_full_precision().components["transformer"] == small.components["transformer"]
    assert small.flops == whole.flops and small.components["vae"] == whole.components["vae"]
    machine = Machine(kind="cuda", flops=1e14, storages=("whole", "int8", "fp8", "int4"))
    offered = ways(small, 10, machine)
    assert {way.storage for way in offered} == {"whole"}
    assert {way.placement for way in offered} == {"resident", "model_offload", "group_offload"}


def test_layers_of_a_packed_model_come_one_after_the_other(packed: Packed) -> None:
    streamed = dataclasses.replace(SETUP, placement="group_offload", pinned=False)
    plain = frames(model_of(packed.card), packed.card).digest()
    assert frames(model_of(packed.card, streamed), packed.card).digest() == plain


def test_a_lora_is_put_on_a_packed_model_and_taken_off(packed: Packed, tmp_path: Path) -> None:
    model = model_of(packed.card)
    plain = frames(model, packed.card).digest()
    halves = {"lora_A.weight": torch.randn(2, 64), "lora_B.weight": torch.randn(64, 2)}
    save_file({f"transformer.blocks.0.attn1.to_q.{k}": v for k, v in halves.items()}, tmp_path / "own.safetensors")
    model.adapt([Adapter(path=tmp_path / "own.safetensors")])
    assert frames(model, packed.card).digest() != plain
    model.adapt([])
    assert frames(model, packed.card).digest() == plain


def test_a_header_says_what_the_gguf_package_reads(packed: Packed) -> None:
    theirs = {tensor.name: tensor for tensor in gguf.GGUFReader(packed.file).tensors}
    mine = read_gguf(packed.file)
    assert mine.keys() == theirs.keys()
    for name, tensor in mine.items():
        assert tensor.shape == tuple(int(axis) for axis in theirs[name].shape)[::-1]
        assert (tensor.kind, tensor.size) == (theirs[name].tensor_type.name, theirs[name].n_bytes)


DAMAGES = {
    "cut": lambda raw: raw[:-40],
    "no magic": lambda raw: b"GGML" + raw[4:],
    "another version": lambda raw: raw[:4] + struct.pack("<I", 9) + raw[8:],
    "endless tensors": lambda raw: raw[:8] + struct.pack("<Q", 2**60) + raw[16:],
    "endless facts": lambda raw: raw[:16] + struct.pack("<Q", 2**60) + raw[24:],
    "an endless array": lambda raw: raw[:16] + struct.pack("<QQ1sIIQ", 1, 1, b"k", 9, 4, 2**60),
    "arrays in arrays": lambda raw: raw[:16] + struct.pack("<QQ1sI", 1, 1, b"k", 9) + struct.pack("<IQ", 9, 1) * 5000,
    "a header alone": lambda raw: raw[:20],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_refused_before_a_weight_is_read(damage: str, packed: Packed, tmp_path: Path) -> None:
    path = tmp_path / "damaged.gguf"
    path.write_bytes(DAMAGES[damage](packed.file.read_bytes()))
    with pytest.raises(BrokenCheckpoint, match="damaged"):
        read_gguf(path)


def test_a_number_format_that_diffusers_cannot_read_is_named(tmp_path: Path) -> None:
    entry = struct.pack("<Q1sIQIQ", 1, b"w", 1, 256, 23, 0)
    (tmp_path / "new.gguf").write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + entry + bytes(4096))
    with pytest.raises(BrokenCheckpoint, match="number 23"):
        read_gguf(tmp_path / "new.gguf")


def test_random_bytes_are_refused_in_no_time(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    for number in range(1, 200):
        path = tmp_path / "random.gguf"
        path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, number, number) + generator.bytes(2000))
        with pytest.raises(BrokenCheckpoint):
            read_gguf(path)
