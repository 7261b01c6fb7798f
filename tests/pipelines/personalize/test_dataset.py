"""What is said about pictures, where their subject is found, and what settings and checkpoints come to."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pipelines.domain.errors import InvalidRequest
from pipelines.domain.subject import checked_token, tokens_in
from pipelines.personalize.box import Box
from pipelines.personalize.dataset import check, crop, find, without_background
from pipelines.personalize.examples import Example, split
from pipelines.personalize.judging import Checkpoint, best, warnings_of
from pipelines.personalize.settings import Settings, from_dict, preset, to_dict
from pipelines.toybox.bench.subjects import SUBJECTS, Subject, pictures

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]


def scene(
    seed: int, *, things: int = 1, side: int = 256, colour: Colour = (200, 30, 30), spot: Colour = (250, 250, 250)
) -> Picture:
    """Things of one colour on a ground of its own colours and grain."""
    rng = np.random.default_rng(seed)
    ground = rng.integers((30, 90, 90), (90, 220, 220))
    picture = np.clip(ground + rng.normal(0, 9, (side, side, 3)), 0, 255).astype(np.uint8)
    for number in range(things):
        x = side * (number + 1) // (things + 1) + int(rng.integers(-9, 9))
        cv2.circle(picture, (x, side // 2 + int(rng.integers(-20, 20))), side // 8, colour, -1)
        cv2.circle(picture, (x, side // 2), side // 20, spot, -1)
    return picture


def test_good_pictures_are_not_complained_about() -> None:
    checked, problems = check([scene(n) for n in range(5)])
    assert problems == ()
    assert [each.problems for each in checked] == [()] * 5


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.class_word)
def test_a_moon_above_the_subject_is_no_part_of_it(subject: Subject) -> None:
    found = find(pictures(subject, 4)[3])
    assert found.box.top > 0.35 and found.box.height < 0.55 and found.things == 1


def test_the_subject_is_found_and_cut_out() -> None:
    picture = scene(3)
    box = find(picture).box
    assert 0.3 < box.left + box.width / 2 < 0.7
    assert 0.15 < box.width < 0.5
    cut = crop(picture, box, aspect=1.0)
    assert abs(cut.shape[0] - cut.shape[1]) <= 1 and cut.shape[0] < 256
    bare = without_background(picture, find(picture))
    assert np.abs(bare[:8, :8].astype(int) - 127).max() <= 2


def test_a_box_drawn_by_hand_overrules_what_was_found() -> None:
    box = Box(left=0.1, top=0.2, width=0.3, height=0.4)
    assert find(scene(1, things=2), box).box == box
    checked, _ = check([scene(1, things=2)], [box])
    assert not any("things in it" in problem for problem in checked[0].problems)


def test_each_fault_of_a_picture_is_named() -> None:
    good = scene(1)
    blurred = cv2.GaussianBlur(scene(7), (0, 0), 9)
    small, empty = scene(2, side=64), np.full((200, 200, 3), 90, np.uint8)
    checked, _ = check([good, blurred, small, empty, good.copy(), scene(4, things=3)])
    told = [" ".join(each.problems) for each in checked]
    assert told[0] == ""
    assert "blurred" in told[1]
    assert "64x64" in told[2]
    assert "nothing" in told[3]
    assert "same as picture 1" in told[4]
    assert "things in it" in told[5]


def test_a_large_picture_is_blurred_where_the_size_it_is_trained_at_shows_it() -> None:
    large = cv2.resize(scene(7), (1600, 1600), interpolation=cv2.INTER_NEAREST)
    soft = cv2.GaussianBlur(large, (0, 0), 6)
    for picture, side, blurred in ((large, 800, False), (soft, 800, True), (soft, 128, False)):
        checked, _ = check([picture], side=side)
        assert any("blurred" in problem for problem in checked[0].problems) == blurred


def test_each_fault_of_the_set_is_named() -> None:
    assert "too few" in check([scene(1)])[1][0]
    assert "too many" in check([scene(n) for n in range(31)])[1][0]
    one_place = [scene(1) for _ in range(4)]
    for number, picture in enumerate(one_place):
        cv2.circle(picture, (60 + 40 * number, 60), 20, (200, 30, 30), -1)
    assert any("same background" in problem for problem in check(one_place)[1])
    strange = [*(scene(n) for n in range(4)), scene(9, colour=(20, 200, 240), spot=(10, 40, 60))]
    assert any("Picture 5" in problem for problem in check(strange)[1])


@pytest.mark.parametrize(
    ("text", "told"),
    [("dog", "normal word"), ("<ball>", "normal word"), ("<My dog>", "characters"), ("", "empty"),
     ("<a--b>", "characters"), ("<" + "a" * 60 + ">", "characters; 40"), ("<hündin>", "characters"),
     ("<my-cat>", "already")],
)  # fmt: skip
def test_tokens_that_cannot_be_are_refused(text: str, told: str) -> None:
    with pytest.raises(InvalidRequest, match=told):
        checked_token(text, words={"ball"}, taken={"<my-cat>"})


def test_tokens_are_found_in_prompts() -> None:
    assert checked_token("my-dog") == checked_token("<my-dog>") == "<my-dog>"
    assert tokens_in("a <my-dog> and <rex2> < not> <My> a <my-dog>") == ("<my-dog>", "<rex2>")


def test_settings_come_back_from_json_and_refuse_what_is_no_setting() -> None:
    chosen = preset("good", "lora", dim=256, size=(128, 128), num_frames=17)
    assert from_dict(to_dict(chosen)) == chosen
    assert preset("quick", "both", dim=1536, size=(832, 480), num_frames=1).checkpointing
    for wrong in ({"steps": 0}, {"steps": "many"}, {"speed": 1}, {"method": "magic"}, {"lora_rate": float("nan")}):
        with pytest.raises(InvalidRequest):
            from_dict(wrong)


def test_the_best_checkpoint_is_like_the_subject_and_has_not_forgotten_its_class() -> None:
    first = Checkpoint(step=0, digest="a", held_out=1.0, drift=0.0)
    good = Checkpoint(step=50, digest="b", held_out=0.5, drift=0.05)
    greedy = Checkpoint(step=100, digest="c", held_out=0.45, drift=0.6)
    assert best([first, good, greedy]) == 50
    assert best([]) == best([first]) == 0
    assert best([first, dataclasses.replace(good, held_out=1.2)]) == 50
    told = " ".join(warnings_of([first, good, greedy], []))
    assert "forgets" in told and "by heart" not in told
    worse = dataclasses.replace(good, step=100, held_out=0.7)
    assert "step 50" in " ".join(warnings_of([first, good, worse], [1.0] * 30 + [0.3] * 30))
    assert not list(warnings_of([first, good], [1.0] * 30 + [0.3] * 30))


def test_more_steps_never_cost_less() -> None:
    from studio.subjects.estimating import Denoiser, PastTraining, estimate

    model = Denoiser(layers=8, dim=256, tokens=80, pass_flops=1e9, weights=10**7)
    short, long = Settings(steps=100), Settings(steps=200)
    assert estimate(long, model, 1e11).seconds > estimate(short, model, 1e11).seconds
    assert estimate(Settings(rank=64), model, 1e11).device_bytes > estimate(Settings(rank=4), model, 1e11).device_bytes
    known = estimate(short, model, 1e11, [PastTraining(steps=200, flops=1e12, seconds=1000.0)])
    assert known.learned and known.seconds > 50 * estimate(short, model, 1e11).seconds


def test_a_lora_on_more_layers_and_more_clips_of_the_class_need_more() -> None:
    from studio.subjects.estimating import Denoiser, device_bytes, lora_weights, step_flops

    model = Denoiser(layers=8, dim=256, tokens=80, pass_flops=1e9, weights=10**7)
    wider = dataclasses.replace(model, hidden=1024)
    assert lora_weights(Settings(rank=1), wider) - lora_weights(Settings(rank=1), model) == 8 * 2 * (256 + 1024)
    alone = Settings(batch=4, method="token")
    assert step_flops(Settings(batch=4), model) == step_flops(alone, model) + 3 * 3 * model.pass_flops
    assert device_bytes(Settings(batch=5, rank=1), model) > device_bytes(Settings(batch=4, rank=1), model)


def test_pictures_are_kept_aside_where_there_are_enough_of_them() -> None:
    def aside(count: int, held_out: int) -> list[int]:
        known, kept = split([Example(np.zeros((1, 8, 8, 3), np.uint8), "")] * count, held_out)
        assert sorted(known + kept) == list(range(count))
        return kept

    assert aside(9, 1) == aside(30, 0) == []
    assert [len(aside(count, 5)) for count in (10, 19, 20, 30)] == [1, 1, 2, 3]
    assert len(aside(30, 1)) == 1


def test_a_very_short_training_hardly_moves_the_estimate() -> None:
    from studio.subjects.estimating import Denoiser, PastTraining, estimate

    model = Denoiser(layers=8, dim=256, tokens=80, pass_flops=1e9, weights=10**7)
    before = estimate(Settings(), model, 1e11).step_seconds

    def after(steps: int) -> float:
        """With a past training of so many steps, five times as slow."""
        past = PastTraining(steps=steps, flops=steps * 1e9, seconds=steps * 0.05)
        return estimate(Settings(), model, 1e11, [past]).step_seconds / before

    assert after(2) < 1.3 < 3 < after(400) < 5
