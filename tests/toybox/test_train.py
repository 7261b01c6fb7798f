"""The training stages at toy size: they learn, they resume exactly, and what they export runs in the stock pipeline."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLWan, WanVACEPipeline
from PIL import Image
from torch import nn

from pipelines.families.wan.conditioning import VaceInput
from pipelines.toybox import clips, export, latents, mixing, samples, train_codec, train_transformer
from pipelines.toybox.codec import decode_pixels, encode_moments, to_frames, to_pixels
from pipelines.toybox.control import control, encode, encode_given, with_reference
from pipelines.toybox.encoder import BlockEncoder, Encode, encoder_of
from pipelines.toybox.mixing import Truth
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
    encoder = encoder_of(codec)
    latents.write_grey(encoder, CI, folder)
    for number in range(2):
        latents.encode_shard(encoder, CI, folder, number)
    train_transformer.train(TransformerRun(CI, folder))
    denoiser = train_transformer.averaged_denoiser(TransformerRun(CI, folder))
    words = export.words_of(folder / "latents")
    export.write_folder(CI, export.assemble(CI, denoiser, codec), words, folder / "toybox")
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
    draw = train_transformer.Draw.of(batch.latents.shape, 3.0, torch.Generator().manual_seed(1))
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


def pipelines_own(pipe: WanVACEPipeline, given: VaceInput | None, picture: np.ndarray | None = None) -> torch.Tensor:
    """The control (1, 2 z + 256, T', H', W') that the stock pipeline makes of this."""
    size = (CI.size, CI.size)
    video = None if given is None else torch.from_numpy(given.video).permute(0, 3, 1, 2)[None]
    mask = None if given is None else torch.from_numpy(given.mask)[:, None].expand(-1, 3, -1, -1)[None]
    pictures = None if picture is None else [Image.fromarray(picture)]
    video, mask, references = pipe.preprocess_conditions(
        video, mask, pictures, 1, *size, CI.num_frames, torch.float32, torch.device("cpu")
    )
    parts = [pipe.prepare_video_latents(video, mask, references), pipe.prepare_masks(mask, references)]
    return torch.cat(parts, 1).float()


@pytest.fixture(scope="module")
def encoder(run: Path) -> Encode:
    return encoder_of(AutoencoderKLWan.from_pretrained(run / "codec" / "vae"))


@pytest.fixture(scope="module")
def truth(run: Path) -> Truth:
    shards = [clips.read_shard(run / "clips", number) for number in range(2)]
    truths = [Truth.of(shard, index) for shard in shards for index in range(len(shard.scenes))]
    return next((each for each in truths if each.has_figure), truths[0])


def test_training_inputs_from_text_alone_are_the_pipelines_own(pipe: WanVACEPipeline, run: Path) -> None:
    source = train_transformer.LatentSource(TransformerRun(CI, run))
    made = source._control(0, -1)[None]
    expected = pipelines_own(pipe, None)
    assert made.shape == expected.shape
    assert torch.allclose(made, expected, atol=0.02)


@pytest.mark.parametrize("name", sorted(mixing.PATTERNS))
def test_training_inputs_of_every_pattern_are_the_pipelines_own(
    pipe: WanVACEPipeline, encoder: Encode, truth: Truth, name: str
) -> None:
    given = mixing.draw(truth, name, np.random.default_rng(3))
    parts, mask = encode_given(encoder, given)
    made = control(parts[None], mask[None])
    expected = pipelines_own(pipe, given)
    assert made.shape == expected.shape
    assert torch.equal(made[:, -256:], expected[:, -256:])
    assert (made - expected).abs().mean() < 0.03


def test_training_inputs_from_a_reference_are_the_pipelines_own(
    pipe: WanVACEPipeline, encoder: Encode, truth: Truth
) -> None:
    picture = mixing.reference(truth, np.random.default_rng(0))
    given = mixing.draw(truth, "start", np.random.default_rng(3))
    parts, mask = encode_given(encoder, given)
    latents_of_picture = encoder(to_pixels(torch.from_numpy(picture[None, None])))
    made = with_reference(control(parts[None], mask[None]), latents_of_picture)
    expected = pipelines_own(pipe, given, picture)
    assert made.shape == expected.shape
    assert (made - expected).abs().mean() < 0.03


def test_the_matrices_of_the_encoder_are_the_encoder(run: Path, pixels: torch.Tensor) -> None:
    codec = AutoencoderKLWan.from_pretrained(run / "codec" / "vae")
    assert torch.allclose(BlockEncoder(codec)(pixels), encode(codec, pixels), atol=2e-3)


def test_an_encoder_that_was_trained_on_is_not_taken_for_matrices(run: Path, pixels: torch.Tensor) -> None:
    codec = AutoencoderKLWan.from_pretrained(run / "codec" / "vae")
    torch.nn.init.normal_(codec.encoder.mid_block.resnets[0].conv2.weight)
    made = encoder_of(codec)
    assert not isinstance(made, BlockEncoder)
    assert torch.equal(made(pixels), encode(codec, pixels))


def test_a_mirrored_clip_is_the_clip_seen_in_a_mirror(truth: Truth) -> None:
    mirrored = truth.mirrored()
    assert np.array_equal(mirrored.frames, truth.frames[:, :, ::-1])
    assert np.array_equal(mirrored.mirrored().skeletons, truth.skeletons, equal_nan=True)
    given, back = (mixing.draw(each, "warp", np.random.default_rng(0)) for each in (truth, mirrored))
    assert np.abs(given.mask - back.mask[:, :, ::-1]).mean() < 0.02


def test_two_controls_are_learnt_as_the_one_video_a_request_makes_of_them(truth: Truth) -> None:
    depth, pose, both = (
        mixing.draw(truth, name, np.random.default_rng(3)).video for name in ("depth", "pose", "depth and pose")
    )
    bones = pose.max(axis=-1) > 0.9
    away = pose.max(axis=-1) == 0.0
    assert np.allclose(both[bones], pose[bones], atol=0.15)
    assert np.allclose(both[away], depth[away], atol=0.15)


def test_every_latent_tells_how_much_of_it_shows_things() -> None:
    labels = np.zeros((5, 32, 32), np.uint8)
    labels[:, :16, :16] = mixing.FIGURE_IN
    labels[1:3, 16:, 16:] = mixing.FIGURE_IN + 1
    assert latents.things(labels).tolist() == [[[255, 0], [0, 0]], [[255, 0], [0, 128]]]


def test_things_weigh_more_only_where_a_condition_says_where_they_are(run: Path) -> None:
    weighty = dataclasses.replace(CI, transformer=dataclasses.replace(CI.transformer, thing_weight=3.0))
    source = train_transformer.LatentSource(TransformerRun(weighty, run))
    share = source.cache.get(0, "things").float()[None] / 255.0
    assert torch.equal(source._weight(0, -1), torch.ones_like(share))
    assert torch.equal(source._weight(0, 1), 1.0 + 3.0 * share)


def test_packed_masks_unpack_to_themselves() -> None:
    mask = (torch.rand(4, 3, 5) > 0.5).float()
    assert torch.equal(latents.unpack(latents.pack(mask), mask.shape), mask)


def test_a_grown_model_starts_as_the_model_it_grew_from(run: Path, tmp_path: Path) -> None:
    (tmp_path / "latents").symlink_to(run / "latents")
    shape = dataclasses.replace(CI.transformer, vace_layers=(0, 1))
    larger = dataclasses.replace(CI, transformer=shape)
    grown = train_transformer.begin(TransformerRun(larger, tmp_path, begin_with=run / "toybox")).model
    small = WanVACEPipeline.from_pretrained(run / "toybox", dtype=torch.float32).transformer
    batch = train_transformer.LatentSource(TransformerRun(CI, run)).batch(0)
    asked = {
        "hidden_states": batch.latents,
        "timestep": torch.full((len(batch.latents),), 500.0),
        "encoder_hidden_states": torch.randn(len(batch.latents), 4, CI.transformer.text_dim),
        "control_hidden_states": batch.control,
        "return_dict": False,
    }
    with torch.no_grad():
        assert torch.allclose(grown.transformer(**asked)[0], small(**asked)[0], atol=1e-4)


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
