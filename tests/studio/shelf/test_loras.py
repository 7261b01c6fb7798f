"""The library of LoRA: what a file tells of itself, names, strengths, out and back, and whose clips may wear it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.domain.adapters import AdapterUse
from pipelines.domain.errors import BrokenCheckpoint, InvalidRequest
from pipelines.models.lora_words import title_of, trigger_words
from projects_db.records import NotFound
from studio.home import Home
from studio.settings import Settings
from studio.shelf.loras import Loras, plain_name
from studio.studio import Studio, default_request
from tests.studio.shelf.samples import write_lora


@pytest.fixture
def loras(tmp_path: Path) -> Loras:
    return Loras(Home(tmp_path / "home"))


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({}, ()),
        ({"modelspec.trigger_phrase": "wtrclr style, soft  paper"}, ("wtrclr style", "soft paper")),
        ({"trigger_words": '["ohwx", "a cat"]'}, ("ohwx", "a cat")),
        ({"ss_tag_frequency": '{"10_x": {"ohwx": 9, "sky": 2}, "5_y": {"zwx": 9}}'}, ("ohwx", "zwx")),
        ({"ss_tag_frequency": '{"10_x": 3}'}, ()),
        ({"trigger": "\x00\x1b[31mred" + "y" * 500}, ("[31mred" + "y" * 73,)),
        ({"trigger_words": json.dumps([str(n) for n in range(90)])}, ("0", "1", "2", "3", "4", "5")),
    ],
)
def test_the_words_a_trainer_wrote_into_a_file_are_read(
    tmp_path: Path, told: dict[str, str], words: tuple[str, ...]
) -> None:
    path = write_lora(tmp_path / "x.safetensors", told=told)
    assert trigger_words(path) == words


def test_a_damaged_file_has_no_words_and_no_title(tmp_path: Path) -> None:
    path = tmp_path / "cut.safetensors"
    path.write_bytes(b"\xff" * 40)
    assert (trigger_words(path), title_of(path)) == ((), "")


def test_a_lora_keeps_its_name_its_strength_and_its_words(loras: Loras, tmp_path: Path) -> None:
    source = write_lora(tmp_path / "x.safetensors", told={"trigger": "ohwx", "modelspec.title": "Ink"})
    digest = loras.take(source).lora.digest
    kept = loras.change(digest, name="  Ink: on/paper?  ", strength=0.6)
    assert (kept.lora.name, kept.note.strength, kept.words, kept.title) == ("Ink on paper", 0.6, ("ohwx",), "Ink")
    again = Loras(Home(tmp_path / "home")).one(digest)
    assert (again.lora.name, again.note.strength) == ("Ink on paper", 0.6)
    assert loras.take(source).lora.name == "Ink on paper"
    for wrong in ({"name": "///"}, {"strength": 7.0}, {"strength": float("nan")}):
        with pytest.raises(InvalidRequest):
            loras.change(digest, **wrong)  # type: ignore[arg-type]


def test_what_is_taken_out_can_be_brought_back(loras: Loras, tmp_path: Path) -> None:
    digest = loras.take(write_lora(tmp_path / "ink.safetensors")).lora.digest
    loras.remove(digest)
    assert loras.all() == ()
    with pytest.raises(NotFound):
        loras.one(digest)
    assert loras.restore(digest).lora.name == "ink"
    with pytest.raises(NotFound):
        loras.restore(digest)


def test_a_file_put_there_by_hand_is_seen_and_what_is_no_lora_is_told(loras: Loras, tmp_path: Path) -> None:
    loras.take(write_lora(tmp_path / "one.safetensors"))
    write_lora(tmp_path / "home" / "loras" / "two.safetensors", size=0.2)
    (tmp_path / "home" / "loras" / "three.safetensors").write_bytes(b"nothing")
    assert [kept.lora.name for kept in loras.all()] == ["one", "two"]
    assert [path.name for path, _ in loras.broken] == ["three.safetensors"]
    with pytest.raises(BrokenCheckpoint):
        loras.take(tmp_path / "home" / "loras" / "three.safetensors")


@pytest.mark.parametrize(
    ("name", "plain"), [("../../etc/x", "etc x"), ("a\0b", "a b"), ("...", ""), ("é" * 200, "é" * 80)]
)
def test_a_name_never_leaves_the_folder(name: str, plain: str) -> None:
    assert plain_name(name) == plain


def test_a_clip_with_a_lora_of_another_base_is_refused_before_it_waits(tmp_path: Path) -> None:
    with Studio(Settings.read({}, home=tmp_path / "home"), worker=False) as studio:
        fits = studio.loras.take(write_lora(tmp_path / "fits.safetensors")).lora
        other = studio.loras.take(write_lora(tmp_path / "other.safetensors", width=5120)).lora
        project = studio.repository.list_projects()[0].id
        plain = default_request(studio.catalog.card("toybox"), "a red ball")
        for digest, words in ((other.digest, "made for Wan 14B"), ("0" * 64, "not in the library")):
            with pytest.raises(InvalidRequest, match=words):
                studio.queue.submit(project, replace(plain, adapters=(AdapterUse(digest=digest),)))
        (job,) = studio.queue.submit(project, replace(plain, adapters=(AdapterUse(digest=fits.digest, strength=0.5),)))
        assert json.loads(job.request_json)["adapters"][0]["strength"] == 0.5
