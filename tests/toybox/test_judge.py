"""The judge: what it is told about a scene, how it is trained, and that a folder keeps it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLWan

from pipelines.toybox import clips, train_judge
from pipelines.toybox.judge import HEADS, NONE, Judge, JudgeShape, facts, load_judge, mirrored, mixture_of, save_judge
from pipelines.toybox.recipes import CI
from pipelines.toybox.sampling import EVERYDAY, FULL, sample_scene
from pipelines.toybox.scene import CameraMove, Scene, SceneObject
from pipelines.toybox.train_judge import JudgeRun
from tests.pipelines import tiny


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> JudgeRun:
    """A finished run of the `ci` recipe, with a tiny codec of the true class."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("judge")
    for number in range(2):
        clips.write_shard(folder / "clips", CI, number)
    clips.write_shard(folder / "held_out", CI, 0, held_out=True)
    tiny.write(folder / "tiny")
    made = JudgeRun("ci", folder, folder / "tiny" / "vae")
    train_judge.finish(made, train_judge.train(made), folder / "card")
    return made


def two(relation: str) -> Scene:
    left, right = SceneObject(shape="ball", colour="red"), SceneObject(shape="cube", colour="blue")
    camera = CameraMove(kind="pan left", amount=0.5)
    return Scene(ground="sand", sky="day", objects=(left, right), camera=camera, relation=relation)


def test_two_ways_to_say_the_same_picture_have_the_same_facts() -> None:
    told = two("left of")
    swapped = Scene(**{**vars(told), "objects": told.objects[::-1], "relation": "right of"})
    assert facts(told) == facts(swapped)
    assert facts(two("behind")) != facts(Scene(**{**vars(two("behind")), "objects": told.objects[::-1]}))


def test_a_mirror_exchanges_left_and_right_and_twice_gives_back_the_facts() -> None:
    told = facts(two("left of"))
    seen = mirrored(told)
    assert (seen["colour"], seen["second colour"], seen["camera"]) == ("blue", "red", "pan right")
    assert mirrored(seen) == told
    assert mirrored(facts(two("behind")))["colour"] == "red"


@pytest.mark.parametrize("mixture", [EVERYDAY, FULL])
def test_every_fact_of_every_scene_is_one_a_head_can_say(mixture: object) -> None:
    for seed in range(60):
        told = facts(sample_scene(np.random.default_rng(seed), mixture))  # type: ignore[arg-type]
        assert told.keys() == HEADS.keys()
        for view in (told, mirrored(told)):
            assert all(view[name] in HEADS[name] for name in HEADS)


def test_a_scene_without_things_says_none() -> None:
    told = facts(Scene(ground="sand", sky="day", objects=(), camera=CameraMove()))
    assert told["colour"] == told["second shape"] == told["action"] == NONE and told["count"] == "0"


def test_a_few_steps_lower_the_judge_s_loss_on_a_fixed_batch(run: JudgeRun) -> None:
    lesson = train_judge.ClipSource(run).batch(0)
    torch.manual_seed(run.recipe.seed)
    models = (Judge(run.recipe.shape), train_judge.begin(run).model)
    with torch.no_grad():
        before, after = (float(train_judge.judge_loss(model, lesson)) for model in models)
    assert after < before


def test_a_stopped_judge_goes_on_as_if_it_had_not_been_stopped(run: JudgeRun, tmp_path: Path) -> None:
    for name in ("clips", "held_out"):
        (tmp_path / name).symlink_to(run.folder / name)
    train_judge.train(JudgeRun(run.name, tmp_path, run.codec, stop_at=3))
    resumed = train_judge.train(JudgeRun(run.name, tmp_path, run.codec))
    straight = train_judge.begin(run)
    assert resumed.step == straight.step == run.recipe.steps
    assert resumed.losses == straight.losses
    states = resumed.model.state_dict(), straight.model.state_dict()
    assert all(torch.equal(a, b) for a, b in zip(states[0].values(), states[1].values(), strict=True))


def test_a_judge_read_back_from_its_folder_sees_the_same(run: JudgeRun, tmp_path: Path) -> None:
    shown = clips.read_shard(run.folder / "held_out", 0).frames
    judge = load_judge(run.folder / "card")
    save_judge(judge, tmp_path, "everyday")
    again = load_judge(tmp_path)
    assert again.read(shown) == judge.read(shown)
    assert np.array_equal(again.describe(shown), judge.describe(shown))
    assert mixture_of(tmp_path) == "everyday"


def test_the_card_says_how_the_judge_was_made_and_how_often_it_is_right(run: JudgeRun) -> None:
    card = (run.folder / "card" / "README.md").read_text()
    assert "train_judge --recipe ci" in card and f"{run.recipe.steps} steps" in card
    assert "| together |" in card and "{" not in card


def test_a_judge_of_another_world_is_refused(run: JudgeRun, tmp_path: Path) -> None:
    save_judge(load_judge(run.folder / "card"), tmp_path, "everyday")
    about = tmp_path / "judge.json"
    about.write_text(about.read_text().replace('"sand"', '"lava"'))
    with pytest.raises(ValueError, match="another world"):
        load_judge(tmp_path)


def test_clips_of_any_size_and_length_are_read() -> None:
    judge = Judge(JudgeShape(side=32, width=8, memory=16)).eval()
    for shape in ((1, 5, 64, 48, 3), (2, 33, 32, 32, 3)):
        told = judge.read(np.zeros(shape, np.uint8))
        assert len(told) == shape[0] and told[0].keys() == HEADS.keys()


def test_a_degraded_clip_keeps_its_shape_and_is_softer(run: JudgeRun) -> None:
    clip = np.array(clips.read_shard(run.folder / "clips", 0).frames[0])
    soft = train_judge.degraded(clip, np.random.default_rng(0), (2.0, 2.0))
    assert soft.shape == clip.shape and soft.dtype == np.uint8 and not np.array_equal(soft, clip)


def test_a_round_trip_is_the_codec_s_own(run: JudgeRun) -> None:
    clip = np.array(clips.read_shard(run.folder / "clips", 0).frames[:1])
    codec = AutoencoderKLWan.from_pretrained(run.codec, torch_dtype=torch.bfloat16)
    pixels = torch.from_numpy(clip).permute(0, 4, 1, 2, 3).float().div(127.5).sub(1).to(torch.bfloat16)
    with torch.no_grad():
        made = codec.decode(codec.encode(pixels).latent_dist.mode()).sample.float()
    expected = made.add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 4, 1).numpy()
    assert np.array_equal(train_judge.round_trip(run.codec, clip), expected)


def test_a_judge_that_takes_over_earlier_weights_reads_as_the_earlier_one(run: JudgeRun, tmp_path: Path) -> None:
    earlier = load_judge(run.folder / "card")
    folder = tmp_path / "fresh"
    (folder / "clips").mkdir(parents=True)
    later = train_judge.begin(JudgeRun("ci", folder, run.codec, begin_with=run.folder / "card")).model
    before, after = earlier.state_dict(), later.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_layer_that_sees_more_than_before_begins_blind_to_it(run: JudgeRun) -> None:
    wider, narrow = Judge(JudgeShape(side=32, width=8, memory=16)), load_judge(run.folder / "card").state_dict()
    narrow["score_action.weight"] = narrow["score_action.weight"][:, :-3]
    train_judge.take_over(wider, narrow)
    assert torch.equal(wider.score_action.weight[:, :-3], narrow["score_action.weight"])
    assert not wider.score_action.weight[:, -3:].any()
