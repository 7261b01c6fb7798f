"""The training stages at toy size: they learn, they resume exactly, and what they export runs in the stock pipeline."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLWan, WanVACEPipeline
from torch import nn

from pipelines.toybox import clips, export, latents, samples, train_codec, train_transformer
from pipelines.toybox.codec import decode_pixels, encode_moments, to_frames, to_pixels
from pipelines.toybox.control import (
    control,
    encode,
    frame_mask,
    keep_only,
    mask_channels,
    start_picture,
)
from pipelines.toybox.networks import embed_text, tokenize
from pipelines.toybox.recipes import CI
from pipelines.toybox.train_codec import CodecRun
from pipelines.toybox.train_transformer import TransformerRun
from pipelines.toybox.vocabulary import build_tokenizer

# Under autocast the stock norms keep their weights in float32, which torch remarks on once.
pytestmark = pytest.mark.filterwarnings("ignore:Mismatch dtype between input and weight:UserWarning")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole run of the `ci` recipe: clips, codec, latents, denoiser, exported folder."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("run")
    for number in range(2):
        clips.write_shard(folder / "clips", CI, number)
    clips.write_shard(folder / "held_out", CI, 0, held_out=True)
    codec_run = CodecRun(CI, folder)
    train_codec.finish(codec_run, train_codec.train(codec_run))
    codec = latents.load_codec(folder)
    latents.write_grey(codec, CI, folder)
    for number in range(2):
        latents.encode_shard(codec, folder, number)
    train_transformer.train(TransformerRun(CI, folder))
    denoiser = train_transformer.averaged_denoiser(TransformerRun(CI, folder))
    export.write_folder(CI, export.assemble(CI, denoiser, codec), export.words_of(folder / "clips"), folder / "toybox")
    return folder


@pytest.fixture(scope="module")
def pipe(run: Path) -> WanVACEPipeline:
    return samples.load(run / "toybox")


@pytest.fixture(scope="module")
def pixels(run: Path) -> torch.Tensor:
    return to_pixels(torch.from_numpy(np.array(clips.read_shard(run / "clips", 0).frames)))


def weights(module: nn.Module) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in module.parameters()]


def same(left: nn.Module, right: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(weights(left), weights(right), strict=True))


def test_a_few_steps_lower_the_codec_loss_on_a_fixed_batch(run: Path, pixels: torch.Tensor, tmp_path: Path) -> None:
    (tmp_path / "clips").symlink_to(run / "clips")
    fresh = CodecRun(CI, tmp_path)
    models = (train_codec.begin(fresh).model, train_codec.train(fresh).model)
    before, after = (
        train_codec.codec_loss(model, pixels, CI.codec, torch.Generator().manual_seed(0)) for model in models
    )
    assert after < before


def test_a_few_steps_lower_the_denoiser_loss_on_a_fixed_batch(run: Path, tmp_path: Path) -> None:
    (tmp_path / "latents").symlink_to(run / "latents")
    fresh, trained = TransformerRun(CI, tmp_path), TransformerRun(CI, run)
    batch = train_transformer.LatentSource(trained).batch(0)
    draw = train_transformer.Draw.of(batch.latents, 3.0, torch.Generator().manual_seed(1))
    models = [train_transformer.begin(which).model for which in (fresh, trained)]
    losses = [train_transformer.velocity_loss(model, batch, draw) for model in models]
    assert losses[1] < losses[0]


def test_a_stopped_codec_run_goes_on_as_if_it_had_not_been_stopped(run: Path, tmp_path: Path) -> None:
    (tmp_path / "clips").symlink_to(run / "clips")
    (tmp_path / "codec" / "vae").mkdir(parents=True)
    for file in (run / "codec" / "vae").iterdir():
        (tmp_path / "codec" / "vae" / file.name).write_bytes(file.read_bytes())
    train_codec.train(CodecRun(CI, tmp_path, stop_at=5))
    resumed = train_codec.train(CodecRun(CI, tmp_path))
    (tmp_path / "codec" / "state.pt").unlink()
    straight = train_codec.train(CodecRun(CI, tmp_path))
    assert resumed.step == straight.step == CI.codec.steps
    assert [loss for _, loss in resumed.losses] == [loss for _, loss in straight.losses]
    assert same(resumed.model, straight.model)


def test_a_stopped_denoiser_run_goes_on_as_if_it_had_not_been_stopped(run: Path, tmp_path: Path) -> None:
    (tmp_path / "latents").symlink_to(run / "latents")
    train_transformer.train(TransformerRun(CI, tmp_path, stop_at=3))
    resumed = train_transformer.train(TransformerRun(CI, tmp_path))
    straight = train_transformer.begin(TransformerRun(CI, run))
    assert resumed.step == straight.step == CI.transformer.steps
    assert same(resumed.model, straight.model)
    assert all(torch.equal(a, b) for a, b in zip(resumed.average.shadow, straight.average.shadow, strict=True))


def test_the_exported_folder_makes_the_same_clip_twice_in_the_stock_pipeline(pipe: WanVACEPipeline, run: Path) -> None:
    settings = samples.settings_of(run / "toybox")
    brief = samples.Settings(size=settings.size, num_frames=settings.num_frames, steps=2)
    first = samples.sample(pipe, "a red ball on grass", 7, brief)
    again = samples.sample(pipe, "a red ball on grass", 7, brief)
    other = samples.sample(pipe, "a red ball on grass", 8, brief)
    assert first.shape == (CI.num_frames, CI.size, CI.size, 3)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_exported_folder_holds_only_safetensors_and_stock_classes(run: Path) -> None:
    files = [path for path in (run / "toybox").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".json", ".safetensors"}
    index = (run / "toybox" / "model_index.json").read_text()
    assert "PreTrainedTokenizerFast" in index
    assert "TokenizersBackend" not in index
    assert not any("_name_or_path" in path.read_text() for path in (run / "toybox").glob("*/config.json"))


def test_the_exported_vocabulary_is_what_the_captions_say(run: Path) -> None:
    vocabulary = json.loads((run / "toybox" / "gimbal.json").read_text())["vocabulary"]
    shards = [clips.read_shard(run / "clips", number) for number in range(2)]
    said = " ".join(text for shard in shards for captions in shard.captions for text in captions)
    assert set(vocabulary) == set(said.replace(",", "").split())


def test_running_the_codec_in_two_chunks_equals_the_stock_encode_and_decode(run: Path, pixels: torch.Tensor) -> None:
    codec = AutoencoderKLWan.from_pretrained(run / "codec" / "vae")
    with torch.no_grad():
        stock = codec.encode(pixels).latent_dist.mode()
        mean, _ = encode_moments(codec, pixels)
        decoded = decode_pixels(codec, mean).clamp(-1.0, 1.0)
        assert torch.allclose(mean, stock, atol=1e-5)
        assert torch.allclose(decoded, codec.decode(stock).sample, atol=1e-4)


def test_frames_survive_the_way_to_pixels_and_back(run: Path) -> None:
    frames = torch.from_numpy(np.array(clips.read_shard(run / "clips", 0).frames))
    assert torch.equal(to_frames(to_pixels(frames)), frames)


def test_training_inputs_from_text_alone_are_the_pipelines_own(pipe: WanVACEPipeline) -> None:
    size = (CI.size, CI.size)
    video, mask, references = pipe.preprocess_conditions(
        None, None, None, 1, *size, CI.num_frames, torch.float32, torch.device("cpu")
    )
    expected = torch.cat([pipe.prepare_video_latents(video, mask, references), pipe.prepare_masks(mask, references)], 1)
    grey = encode(pipe.vae, torch.zeros(1, 3, CI.num_frames, *size))
    made = control(grey, grey, mask_channels(frame_mask(CI.num_frames, size, ())))
    assert made.shape == expected.shape
    assert torch.allclose(made, expected.float(), atol=0.02)


def test_training_inputs_from_a_start_picture_are_the_pipelines_own(pipe: WanVACEPipeline, run: Path) -> None:
    size, settings = (CI.size, CI.size), samples.settings_of(run / "toybox")
    frames = np.array(clips.read_shard(run / "clips", 0).frames[:1])
    given = samples.start_conditions(frames[0, 0], settings)
    video, mask, references = pipe.preprocess_conditions(
        given["video"], given["mask"], None, 1, *size, CI.num_frames, torch.float32, torch.device("cpu")
    )
    expected = torch.cat([pipe.prepare_video_latents(video, mask, references), pipe.prepare_masks(mask, references)], 1)
    pixels = to_pixels(torch.from_numpy(frames))
    grey = encode(pipe.vae, torch.zeros_like(pixels))
    kept = encode(pipe.vae, keep_only(pixels, (0,)))
    made = control(kept, grey, mask_channels(frame_mask(CI.num_frames, size, (0,))))
    assert torch.allclose(made, expected.float(), atol=0.05)
    assert torch.allclose(start_picture(encode(pipe.vae, pixels), grey), kept, atol=0.05)


def test_prompts_are_embedded_as_the_pipeline_embeds_them(pipe: WanVACEPipeline) -> None:
    prompt, length = "A Red ball, on GRASS", CI.transformer.text_length
    expected, empty = pipe.encode_prompt(prompt, "", max_sequence_length=length)
    ids, mask = tokenize(build_tokenizer(CI.transformer), [prompt, ""], length)
    with torch.no_grad():
        made = embed_text(pipe.text_encoder, ids, mask)
    assert torch.allclose(made.float(), torch.cat([expected, empty]).float(), atol=0.03)
    assert mask.sum(1).tolist() == [7, 1]


def test_a_mirrored_caption_swaps_left_and_right_only() -> None:
    caption = "a red ball rolling to the left on sand at night, the camera pans right"
    mirrored = "a red ball rolling to the right on sand at night, the camera pans left"
    assert latents.mirror_caption(caption) == mirrored
    assert latents.mirror_caption(mirrored) == caption
    assert latents.mirror_caption("a cube, pan left, at night") == "a cube, pan right, at night"
