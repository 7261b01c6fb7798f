"""Fetching a model from a Hub that keeps the real HTTP contract: whole or not at all, whatever happens on the way."""

from __future__ import annotations

import dataclasses
import errno
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.domain.errors import BrokenCheckpoint, DownloadError, GimbalError, NoSpace, Stopped
from pipelines.families.family import ModelCard, Part, Source
from pipelines.models.catalog import Catalog
from pipelines.models.fetch import INCOMING, Fetched, pull, verify
from pipelines.models.hub import Hub
from tests.support.hub import FakeHub, fake_hub, files_of

REPOSITORY = "someone/tiny-video"
HEAVY = f"{REPOSITORY}/transformer/diffusion_pytorch_model.safetensors"


@pytest.fixture
def hub(tiny_folder: Path) -> Iterator[FakeHub]:
    files = files_of(tiny_folder, REPOSITORY)
    files |= {
        f"{REPOSITORY}/setup.py": b"evil",
        f"{REPOSITORY}/vae/weights.bin": b"pickle",
        f"{REPOSITORY}/.git/x": b"",
    }
    with fake_hub(files) as served:
        yield served


@pytest.fixture
def published(tiny_card: ModelCard, tmp_path: Path) -> ModelCard:
    source = Source(repository=REPOSITORY, download_bytes=10**6)
    return dataclasses.replace(
        tiny_card, id="tiny-video", folder=tmp_path / "models/tiny-video", source=source, is_here=False
    )


def whole(folder: Path) -> None:
    found = Catalog(folder / "none", [folder])
    if found.broken:
        raise BrokenCheckpoint(found.broken[0].message, found.broken[0].hint)


def fetched(card: ModelCard, hub: FakeHub) -> list[Fetched]:
    seen: list[Fetched] = []
    assert pull(card, Hub(endpoint=hub.url), whole, seen.append) == card.folder
    return seen


def test_a_model_comes_whole_with_its_hashes_and_without_code(
    published: ModelCard, hub: FakeHub, tiny_folder: Path
) -> None:
    seen = fetched(published, hub)
    assert seen[-1].done == seen[-1].total and [f.done for f in seen] == sorted(f.done for f in seen)
    for path in (p for p in tiny_folder.rglob("*") if p.is_file()):
        assert (published.folder / path.relative_to(tiny_folder)).read_bytes() == path.read_bytes()
    names = {path.name for path in published.folder.rglob("*")}
    assert not names & {"setup.py", "weights.bin", ".git"} and not [n for n in names if n.endswith(".part")]
    assert verify(published.folder) == ()
    assert Catalog(published.folder.parent, [published.folder.parent]).cards()[0].id == "tiny-video"


def test_a_connection_cut_at_99_percent_is_taken_up_again(published: ModelCard, hub: FakeHub) -> None:
    hub.cut[HEAVY] = len(hub.files[HEAVY]) * 99 // 100
    fetched(published, hub)
    asked = [path for method, path, _ in hub.asked if method == "GET" and path.startswith("/cdn") and "transf" in path]
    assert len(asked) == 2 and verify(published.folder) == ()


def test_a_fetch_that_was_stopped_goes_on_later_and_asks_for_the_rest_only(published: ModelCard, hub: FakeHub) -> None:
    def stop_at_the_heavy_one(progress: Fetched) -> None:
        if progress.file.startswith("transformer/diff"):
            raise Stopped("enough")

    with pytest.raises(Stopped):
        pull(published, Hub(endpoint=hub.url), whole, stop_at_the_heavy_one)
    assert not published.folder.exists() and (published.folder.parent / INCOMING / "tiny-video").is_dir()
    assert Catalog(published.folder.parent / "none", [published.folder.parent]).cards() == ()
    before = len(hub.asked)
    fetched(published, hub)
    asked_again = {path for method, path, _ in hub.asked[before:] if method == "GET" and not path.startswith("/api")}
    assert not any("vae" in path or "model_index" in path for path in asked_again)


def test_a_wrong_hash_is_told_and_nothing_of_it_stays(published: ModelCard, hub: FakeHub) -> None:
    hub.wrong.add(HEAVY)
    with pytest.raises(DownloadError, match="another content than its hash"):
        fetched(published, hub)
    assert not published.folder.exists()
    growing = published.folder.parent / INCOMING / "tiny-video"
    assert not list(growing.rglob("transformer/*.safetensors*"))
    hub.wrong.clear()
    fetched(published, hub)
    assert published.folder.is_dir()


@pytest.mark.parametrize(
    ("repository", "said"), [("someone/nothing", "404"), ("no/such/name", "no name of a repository")]
)
def test_what_is_not_there_is_told(published: ModelCard, hub: FakeHub, repository: str, said: str) -> None:
    with pytest.raises(DownloadError, match=said):
        fetched(dataclasses.replace(published, source=Source(repository=repository)), hub)


def test_an_error_of_the_server_is_told_and_the_next_attempt_goes_on(published: ModelCard, hub: FakeHub) -> None:
    hub.broken = 1
    with pytest.raises(DownloadError, match="500"):
        fetched(published, hub)
    fetched(published, hub)


def test_a_hub_that_nobody_answers_for_is_told(published: ModelCard, hub: FakeHub) -> None:
    with pytest.raises(DownloadError, match="cannot be had"):
        pull(published, Hub(endpoint="http://127.0.0.1:9"), whole, lambda progress: None)


def test_nothing_is_asked_of_anyone_offline(published: ModelCard, hub: FakeHub) -> None:
    with pytest.raises(DownloadError, match="offline"):
        pull(published, Hub(endpoint=hub.url, offline=True), whole, lambda progress: None)
    assert hub.asked == []


def test_a_disk_too_small_is_told_before_the_first_byte(published: ModelCard, hub: FakeHub) -> None:
    plain = hub.info

    def giant(repository: str) -> dict[str, object] | None:
        told = plain(repository)
        for sibling in told["siblings"] if told else ():
            if "lfs" in sibling:
                sibling["lfs"]["size"] = 10**17
        return told

    hub.info = giant  # type: ignore[method-assign]
    with pytest.raises(NoSpace, match="still to come"):
        fetched(published, hub)
    assert not [path for _, path, _ in hub.asked if "resolve" in path]


def test_a_disk_that_fills_up_on_the_way_is_told_and_what_came_is_kept(published: ModelCard, hub: FakeHub) -> None:
    def full(progress: Fetched) -> None:
        if progress.file.startswith("transformer/diff"):
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(NoSpace, match="became full"):
        pull(published, Hub(endpoint=hub.url), whole, full)
    growing = published.folder.parent / INCOMING / "tiny-video"
    assert list(growing.rglob("transformer/*.part")) and not published.folder.exists()


def test_a_repository_that_is_no_whole_model_is_never_offered(published: ModelCard, hub: FakeHub) -> None:
    del hub.files[f"{REPOSITORY}/vae/config.json"]
    with pytest.raises(BrokenCheckpoint, match="not a whole Tiny") as caught:
        fetched(published, hub)
    assert "vae" in caught.value.message and not published.folder.exists()


def test_a_model_of_several_repositories_becomes_one_folder(published: ModelCard, hub: FakeHub) -> None:
    moved = [name for name in hub.files if name.startswith(f"{REPOSITORY}/vae/")]
    for name in moved:
        hub.files[f"other/codec/{name.rpartition('/')[2]}"] = hub.files.pop(name)
    part = Part(repository="other/codec", take=("*.json", "*.safetensors"), into="vae")
    card = dataclasses.replace(published, source=Source(repository=REPOSITORY, parts=(part,)))
    fetched(card, hub)
    lock = json.loads((card.folder / "gimbal-lock.json").read_text())
    assert set(lock["commits"]) == {REPOSITORY, "other/codec"} and "vae/config.json" in lock["files"]


def test_a_repository_cannot_say_that_its_parts_lie_elsewhere(published: ModelCard, hub: FakeHub) -> None:
    hub.files[f"{REPOSITORY}/gimbal-parts.json"] = b'{"version": 1, "parts": {}}'
    fetched(published, hub)
    assert published.folder.is_dir() and not (published.folder / "gimbal-parts.json").exists()


def test_a_file_that_changed_after_it_came_is_found(published: ModelCard, hub: FakeHub, tiny_folder: Path) -> None:
    fetched(published, hub)
    path = published.folder / "vae/diffusion_pytorch_model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    (published.folder / "gimbal.json").unlink()
    assert set(verify(published.folder)) == {"vae/diffusion_pytorch_model.safetensors", "gimbal.json"}
    with pytest.raises(GimbalError, match="not fetched by Gimbal"):
        verify(tiny_folder)
