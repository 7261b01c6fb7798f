"""`train-subject` and `subjects`: from pictures to a token that `generate` takes, to files, and back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw
from safetensors.torch import load_file

from tests.studio.cli.conftest import Gimbal

GROUNDS = ("#6a8f3c", "#c9b37a", "#7d8791", "#3d5f8a")
SHORT = ("steps=4", "every=2", "batch=1", "prior_clips=1", "sample_steps=2", "width=64", "height=64", "num_frames=5")


@dataclass(frozen=True)
class Trained:
    """A data folder with one trained subject, its pictures, and what the training told."""

    gimbal: Gimbal
    pictures: tuple[Path, ...]
    told: Any


def balls(folder: Path) -> tuple[Path, ...]:
    """Four pictures of one ball, each at another place on another ground."""
    paths = []
    for number, ground in enumerate(GROUNDS):
        picture = Image.effect_noise((256, 256), 40).convert("RGB")
        picture = Image.blend(picture, Image.new("RGB", picture.size, ground), 0.8)
        left, top = 40 + 22 * number, 90 - 15 * number
        ImageDraw.Draw(picture).ellipse((left, top, left + 110, top + 110), fill="#c02020", outline="white", width=9)
        paths.append(folder / f"ball{number}.png")
        picture.save(paths[-1])
    return tuple(paths)


def settings(*said: str) -> list[str]:
    return [word for text in (*SHORT, *said) for word in ("--set", text)]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, assets: Path) -> Trained:
    folder = tmp_path_factory.mktemp("trained")
    gimbal, pictures = Gimbal(home=folder / "home", assets=assets, folder=folder), balls(folder)
    answer = gimbal("train-subject", "<spot-ball>", *pictures, *settings(), "--json")
    assert answer.code == 0, answer.err
    return Trained(gimbal=gimbal, pictures=pictures, told=answer.json)


def test_a_trained_subject_tells_its_checkpoints_and_stands_in_a_prompt(trained: Trained) -> None:
    told = trained.told
    assert (told["token"], told["version"], len(told["losses"])) == ("<spot-ball>", 1, 4)
    assert told["chosen"] in [checkpoint["step"] for checkpoint in told["checkpoints"]]
    size = ("--size", "96x64", "--seed", "5", "--json")
    own = trained.gimbal("generate", "a <spot-ball> on sand", "-o", "own.mp4", *size)
    assert own.code == 0, own.err
    shown = trained.gimbal("show", "own.mp4", "--json").json
    (subject,) = shown["request"]["subjects"]
    assert (subject["token"], subject["version"], subject["digest"]) == ("<spot-ball>", 1, told["digest"])


def test_a_subject_goes_out_as_safetensors_and_comes_back(trained: Trained, tmp_path: Path, assets: Path) -> None:
    out = trained.gimbal("subjects", "export", "<spot-ball>", "-o", tmp_path / "files", "--json")
    files = [Path(name) for name in out.json["files"]]
    assert files and all(load_file(path) for path in files)
    other = Gimbal(home=tmp_path / "home", assets=assets, folder=tmp_path)
    taken = other("subjects", "import", *files, "--json")
    assert taken.code == 0, taken.err
    (listed,) = other("subjects", "--json").json["subjects"]
    assert (listed["token"], listed["class_word"]) == ("<spot-ball>", "ball")


def test_training_again_is_a_new_version_of_the_same_subject(trained: Trained) -> None:
    once_more = ("train-subject", "<spot-ball>", *trained.pictures, *settings("seed=9"))
    refused = trained.gimbal(*once_more, "--json")
    assert refused.code == 1 and "<spot-ball>" in refused.json["error"]["message"]
    told = trained.gimbal(*once_more, "--again", "--json").json
    assert (told["version"], told["subject"]) == (2, trained.told["subject"])


def test_an_estimate_trains_nothing(gimbal: Gimbal, tmp_path: Path) -> None:
    told = gimbal("train-subject", "<red-ball>", *balls(tmp_path), "--estimate", "--json").json
    assert told["seconds"] > 0 and told["device_bytes"] > 0
    assert gimbal("subjects", "--json").json["subjects"] == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("ball", "a.png"), "<"),
        (("<my-ball>", "missing.png"), "missing.png"),
        (("<my-ball>", "a.png", "--set", "stride=2"), "There is no setting 'stride'"),
    ],
)
def test_what_cannot_be_trained_is_refused_with_a_reason(
    gimbal: Gimbal, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    Image.effect_noise((128, 128), 60).save(tmp_path / "a.png")
    answer = gimbal("train-subject", *arguments, "--json")
    assert answer.code == 1 and says in answer.err
    assert gimbal("subjects", "--json").json["subjects"] == []
