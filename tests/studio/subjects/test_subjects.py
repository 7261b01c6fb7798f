"""Subjects in a studio: looked at, asked for, named in prompts, carried in and out as files. No worker runs here."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file

from pipelines.domain.errors import GimbalError, InvalidRequest, MediaError, UnknownModel
from pipelines.domain.request import GenerationRequest
from pipelines.families import family_named
from pipelines.personalize.files import EMBEDDINGS, LORA, Card, digest_of, metadata_of
from pipelines.personalize.fingerprint import fingerprint
from pipelines.personalize.settings import Settings
from projects_db.records import NotFound
from studio.settings import Settings as StudioSettings
from studio.studio import Studio, default_request
from studio.subjects.costs import denoiser_of, preset_for
from studio.subjects.estimating import estimate
from studio.subjects.pictures import examples
from studio.subjects.placing import place
from studio.subjects.resolving import check_base
from studio.subjects.service import TrainRequest
from studio.subjects.spec import PictureSpec, TrainSpec
from tests.pipelines import tiny

SMALL = Settings(method="lora", steps=4, batch=1, rank=2, alpha=2, width=64, height=64, num_frames=5, every=2)


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("assets")
    tiny.write(folder / "models" / "tiny")
    tiny.write(folder / "models" / "other", seed=1)
    return folder


@pytest.fixture
def studio(assets: Path, home: Path) -> Iterator[Studio]:
    made = Studio(StudioSettings.read({}, home=home, assets=assets, device="cpu"), worker=False)
    yield made
    made.close()


def picture(seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 255, (8, 8, 3), dtype=np.uint8).repeat(16, 0).repeat(16, 1)
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    return data.getvalue()


def wish(studio: Studio, count: int = 4, token: str = "<my-ball>", **changes: object) -> TrainRequest:
    media = [studio.library.add_media(picture(n), f"{n}.png").sha256 for n in range(count)]
    pictures = tuple(PictureSpec(media=sha256, caption=f"a {token} ball") for sha256 in media)
    asked = TrainRequest(
        token=token, name="", class_word="ball", model="tiny", settings=SMALL, pictures=pictures
    )  # fmt: skip
    return replace(asked, **changes)  # type: ignore[arg-type]


def trained(studio: Studio, token: str = "<my-ball>", model: str = "tiny") -> str:
    """A subject with files, as a training would have left it; its digest."""
    staged = studio.home.incoming / "media-made"
    staged.mkdir(parents=True, exist_ok=True)
    card = studio.catalog.card(model)
    about = metadata_of(Card(token=token, class_word="ball", name="x", method="both", base=fingerprint(card)))
    rng = np.random.default_rng(1)
    layer = "transformer.blocks.0.attn1.to_q"
    halves = {f"{layer}.lora_A.weight": (2, 48), f"{layer}.lora_B.weight": (48, 2)}
    save_file({n: rng.normal(size=s).astype(np.float32) for n, s in halves.items()}, staged / LORA, about)
    save_file({"rows": rng.normal(size=(2, 32)).astype(np.float32)}, staged / EMBEDDINGS, about)
    digest = digest_of(staged)
    place(staged, studio.home.subjects / digest)
    row = studio.repository.add_subject(token, "Ball", "ball")
    studio.repository.add_subject_version(
        row.id, model=model, base=fingerprint(card), method="both", spec_json="{}", digest=digest
    )
    return digest


def asked(studio: Studio, prompt: str) -> GenerationRequest:
    return default_request(studio.catalog.card("tiny"), prompt)


def test_a_wish_becomes_a_job_that_can_be_done_from_its_text_alone(studio: Studio) -> None:
    version, job = studio.subjects.train(wish(studio))
    assert job is not None and (job.task, job.state, job.prompt) == (
        "train_subject",
        "queued",
        "Train <my-ball>: my-ball",
    )
    spec = TrainSpec.from_json(job.request_json)
    assert (spec.version_id, spec.settings, len(spec.pictures)) == (version.id, SMALL, 4)
    assert TrainSpec.from_json(spec.to_json()) == spec
    (view,) = studio.subjects.list()
    assert (view.token, view.versions[0].state, view.cover) == ("<my-ball>", "queued", spec.pictures[0].media)
    again, _ = studio.subjects.train(wish(studio, subject_id=view.id))
    assert again.number == 2


def test_a_background_is_put_away_where_that_is_asked(studio: Studio, tmp_path: Path) -> None:
    made = np.full((160, 240, 3), (40, 160, 60), np.uint8)
    made[50:110, 80:140] = (210, 40, 30)
    Image.fromarray(made).save(tmp_path / "ball.png")
    sha256 = studio.library.add_media(tmp_path / "ball.png", "ball.png").sha256
    files = {sha256: studio.library.media_path(sha256)}
    plain, bare = (
        examples([PictureSpec(media=sha256, caption="a <b> ball", cut_out=cut)], files, SMALL)[0].frames[0]
        for cut in (False, True)
    )
    assert plain.shape == bare.shape
    np.testing.assert_allclose(plain[2, 2], (40, 160, 60), atol=3)
    np.testing.assert_allclose(bare[2, 2], 127, atol=3)
    middle = bare.shape[0] // 2, bare.shape[1] // 2
    np.testing.assert_allclose(bare[middle], (210, 40, 30), atol=3)
    (looked,) = studio.subjects.look([sha256], "ball", "<b>", "tiny").pictures
    assert looked.bare_caption.startswith("a <b> ball")


def test_everything_that_is_wrong_with_a_wish_is_told_at_once(studio: Studio) -> None:
    with pytest.raises(InvalidRequest) as caught:
        studio.subjects.train(wish(studio, count=2, class_word=" ", settings=replace(SMALL, width=60)))
    told = {problem.field for problem in caught.value.problems}
    assert told == {"class_word", "pictures", "settings"}
    with pytest.raises(InvalidRequest) as caught:
        studio.subjects.train(wish(studio, count=2, token="<My Ball>", class_word=" "))
    assert [problem.field for problem in caught.value.problems] == ["token", "class_word", "pictures"]
    assert studio.subjects.list() == ()
    with pytest.raises(InvalidRequest, match="2 pictures are too few"):
        studio.subjects.train(wish(studio, count=2))
    with pytest.raises(InvalidRequest, match="1,000 pictures"):
        studio.subjects.look(["0" * 64] * 1000, "ball")
    with pytest.raises(InvalidRequest, match="normal word"):
        studio.subjects.train(wish(studio, token="ball"))
    studio.settings = studio.settings.replace(budget_bytes=10_000)
    with pytest.raises(InvalidRequest, match="needs about"):
        studio.subjects.train(wish(studio))


def test_a_token_in_a_prompt_becomes_the_version_it_stands_for(studio: Studio) -> None:
    digest = trained(studio)
    project = studio.repository.list_projects()[0].id
    (row,) = studio.queue.submit(project, asked(studio, "a <my-ball> ball on sand"))
    (use,) = GenerationRequest.from_json(row.request_json).subjects
    assert (use.token, use.version, use.digest, use.strength) == ("<my-ball>", 1, digest, 1.0)
    with pytest.raises(InvalidRequest, match="no subject <nobody>"):
        studio.queue.submit(project, asked(studio, "a <nobody> ball"))
    with pytest.raises(InvalidRequest, match="another model"):
        studio.queue.submit(project, replace(asked(studio, "a <my-ball> ball"), model="other"))
    grid = studio.subjects.grid(asked(studio, "a <my-ball> ball"), "<my-ball>")
    assert [each.subjects[0].strength for each in grid] == [0.0, 0.5, 1.0]


def test_tokens_are_completed_with_whether_they_fit(studio: Studio) -> None:
    trained(studio)
    (fits,) = studio.subjects.complete("<my", "tiny")
    assert fits == {"token": "<my-ball>", "name": "Ball", "fits": True, "why_not": None}
    (foreign,) = studio.subjects.complete("my", "other")
    assert not foreign["fits"] and "another model" in foreign["why_not"]
    assert studio.subjects.complete("<x", "tiny") == ()


def test_a_subject_goes_out_and_comes_back_as_the_same_files(studio: Studio, tmp_path: Path) -> None:
    digest = trained(studio)
    version = studio.repository.subject_versions(studio.repository.subject_of_token("<my-ball>").id)[0]
    paths = studio.subjects.export(version.id, tmp_path / "out")
    assert [path.name for path in paths] == ["my-ball-v1.safetensors", "my-ball-v1.embeddings.safetensors"]
    with pytest.raises(InvalidRequest, match="already"):
        studio.subjects.import_files(paths, "tiny")
    view = studio.subjects.import_files(paths, "tiny", token="<other-ball>")
    assert (view.token, view.class_word, view.versions[0].state) == ("<other-ball>", "ball", "ready")
    came = studio.home.subjects / (view.versions[0].digest or "")
    for name in (LORA, EMBEDDINGS):
        old, new = load_file(studio.home.subjects / digest / name), load_file(came / name)
        assert old.keys() == new.keys() and all(np.array_equal(old[key], new[key]) for key in old)
    with pytest.raises(InvalidRequest, match="not on"):
        studio.subjects.import_files(paths, "other", token="<third-ball>")


def test_foreign_files_are_refused_and_leave_nothing(studio: Studio, tmp_path: Path) -> None:
    pickled, foreign = tmp_path / "lora.pt", tmp_path / "lora.safetensors"
    pickled.write_bytes(b"\x80\x02}.")
    save_file({"transformer.blocks.9.attn1.to_q.lora_A.weight": np.ones((2, 48), np.float32)}, foreign)
    for path, told in ((pickled, "pickle"), (foreign, "has not")):
        with pytest.raises(MediaError, match=told):
            studio.subjects.import_files([path], "tiny", token="<a-ball>")
    assert studio.subjects.list() == ()
    assert not list(studio.home.incoming.iterdir())


def test_pictures_alone_make_a_version_at_once(studio: Studio) -> None:
    version, job = studio.subjects.train(wish(studio, count=1, settings=replace(SMALL, method="reference")))
    assert job is None and version.digest is not None
    project = studio.repository.list_projects()[0].id
    (row,) = studio.queue.submit(project, asked(studio, "a <my-ball> on sand"))
    request = GenerationRequest.from_json(row.request_json)
    assert [part.kind for part in request.conditioning] == ["reference_image"]
    assert studio.subjects.training(version.id)["references"] == [request.conditioning[0].media]


def test_a_deleted_subject_frees_its_token_and_other_checkpoints_can_be_chosen(studio: Studio) -> None:
    digest = trained(studio)
    row = studio.repository.subject_of_token("<my-ball>")
    version = studio.repository.subject_versions(row.id)[0]
    report = {"checkpoints": [{"step": 2, "digest": digest, "samples": []}], "chosen": 4}
    studio.repository.change_subject_version(version.id, digest="0" * 64, report_json=json.dumps(report))
    assert studio.subjects.choose(version.id, 2).digest == digest
    assert studio.subjects.training(version.id)["chosen"] == 2
    with pytest.raises(NotFound):
        studio.subjects.choose(version.id, 3)
    studio.repository.delete_subject(row.id)
    assert studio.subjects.list() == ()
    with pytest.raises(InvalidRequest):
        studio.queue.submit(studio.repository.list_projects()[0].id, asked(studio, "a <my-ball>"))


def test_a_subject_outlives_the_model_it_was_trained_on(assets: Path, home: Path, tmp_path: Path) -> None:
    mine = Path(shutil.copytree(assets, tmp_path / "assets"))
    settings = StudioSettings.read({}, home=home, assets=mine, device="cpu")
    with closing(Studio(settings, worker=False)) as before:
        trained(before)
        _, job = before.subjects.train(wish(before, token="<late-ball>"))
    shutil.rmtree(mine / "models" / "tiny")
    with closing(Studio(settings, worker=False)) as after:
        project = after.repository.list_projects()[0].id
        (late, ball) = after.subjects.list()
        assert (ball.token, ball.versions[0].state, ball.versions[0].model) == ("<my-ball>", "ready", "tiny")
        assert after.subjects.export(ball.versions[0].id, tmp_path / "out")
        (told,) = after.subjects.complete("<my", "other")
        assert not told["fits"] and "trained on tiny" in told["why_not"]
        request = default_request(after.catalog.card("other"), "a <my-ball> ball")
        with pytest.raises(UnknownModel, match="no model 'tiny'"):
            after.queue.submit(project, replace(request, model="tiny"))
        with pytest.raises(InvalidRequest, match="another model"):
            after.queue.submit(project, request)
        assert job is not None
        with pytest.raises(UnknownModel, match="no model 'tiny'"):
            after.subjects.train(wish(after, subject_id=late.id, token="<late-ball>"))
        tiny.write(mine / "models" / "tiny", seed=5)
    with closing(Studio(settings, worker=False)) as changed:
        spec = TrainSpec.from_json(job.request_json)
        with pytest.raises(InvalidRequest, match="its weights differ"):
            check_base(spec.base, changed.catalog.card("tiny"), "The training of <late-ball>")


def test_offers_say_what_a_model_can_and_what_it_costs(studio: Studio) -> None:
    offers = studio.subjects.offers("tiny")
    assert [method.why_not for method in offers.methods] == [None] * 4
    assert len(offers.presets) == 9
    by_name = {(offer.method, offer.preset): offer for offer in offers.presets}
    assert by_name["both", "quick"].seconds < by_name["both", "thorough"].seconds
    assert all(offer.fits and offer.device_bytes > 0 for offer in offers.presets)


def test_a_training_of_wan_is_estimated_from_its_numbers(tmp_path: Path) -> None:
    """1.3B at 480p, rank 32, one frame: 1,560 tokens; the text encoder of 5.7B parameters takes most of the memory."""
    published = next(c for c in family_named("wan").published(tmp_path) if c.id == "wan-2.1-t2v-1.3b")
    (published.folder / "transformer").mkdir(parents=True)
    numbers = {"num_layers": 30, "num_attention_heads": 12, "attention_head_dim": 128}
    (published.folder / "transformer" / "config.json").write_text(json.dumps(numbers))
    chosen = preset_for(published, "good", "lora")
    assert (chosen.rank, chosen.width, chosen.height, chosen.num_frames) == (32, 832, 480, 1)
    model = denoiser_of(published, chosen)
    assert (model.layers, model.dim, model.tokens) == (30, 1536, 1560)
    told = estimate(chosen, model, 280e12)
    passes = 2 * (2 + 2) + 1  # picture and class: forward twice (recomputed), back as much; and the base's own answer
    assert told.step_seconds == pytest.approx(passes * 2 * 1.42e9 * 1560 / 280e12, rel=0.3)
    assert 14e9 < told.device_bytes < 18e9 and chosen.checkpointing


def test_a_base_that_does_not_fit_whole_is_kept_in_8_bits(studio: Studio) -> None:
    fits = {offer.preset: offer for offer in studio.subjects.offers("tiny").presets if offer.method == "lora"}
    assert not fits["quick"].settings["light_base"]
    studio.settings = studio.settings.replace(budget_bytes=fits["quick"].device_bytes - 1)
    (light, *_) = (offer for offer in studio.subjects.offers("tiny").presets if offer.method == "lora")
    assert light.settings["light_base"] and light.fits and light.device_bytes < fits["quick"].device_bytes


def test_a_task_that_is_not_known_is_refused(studio: Studio) -> None:
    with pytest.raises(GimbalError, match="no task"):
        studio.queue.submit_task(studio.repository.list_projects()[0].id, "magic", "{}", model="tiny", title="x")
    with pytest.raises(InvalidRequest):
        studio.queue.submit_task("p", "train_subject", "[]", model="tiny", title="x")
