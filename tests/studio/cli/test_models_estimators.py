"""models pull and verify of an estimator, from a Hub that keeps the real HTTP contract."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.conditioning.estimators import FAMILIES, SHIPPED
from pipelines.conditioning.published import published
from studio.home import Home
from studio.structure import choices, estimator_folders
from tests.studio.cli.conftest import Gimbal
from tests.support.hub import FakeHub, fake_hub, files_of

NAME, REPOSITORY = "depth-anything-v2-small", "depth-anything/Depth-Anything-V2-Small-hf"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    for name in ("GIMBAL_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    files = files_of(SHIPPED["depth"], REPOSITORY)
    files |= {f"{REPOSITORY}/pytorch_model.bin": b"pickle", f"{REPOSITORY}/modeling.py": b"evil"}
    with fake_hub(files) as served:
        yield served


def test_an_estimator_is_fetched_checked_and_then_offered(gimbal: Gimbal, hub: FakeHub) -> None:
    offered = {one["id"]: one for one in gimbal("models", "--json").json["estimators"]}
    assert offered[NAME]["download_bytes"] == 99_000_000 and offered[NAME]["licence"] == "Apache-2.0"
    answer = gimbal("models", "pull", NAME, "--mirror", hub.url, "--json")
    assert answer.code == 0 and "licence Apache-2.0" in answer.err, answer.err
    folder = Path(answer.json["folder"])
    assert folder == Home(gimbal.home).estimators / NAME
    assert not {"pytorch_model.bin", "modeling.py"} & {path.name for path in folder.iterdir()}
    (choice,) = (one for one in choices(estimator_folders(Home(gimbal.home))) if one.id == NAME)
    assert choice.control == "depth" and choice.available
    assert gimbal("models", "verify", NAME).code == 0
    (folder / "config.json").write_text("{}")
    answer = gimbal("models", "verify", NAME, "--json")
    assert answer.code == 1 and answer.json["wrong"] == ["config.json"]
    again = gimbal("models", "pull", NAME, "--mirror", hub.url, "--json")
    assert again.code == 1 and "is here already" in again.json["error"]["message"]


def test_a_fetched_estimator_is_removed_and_a_shipped_one_is_not(gimbal: Gimbal, hub: FakeHub) -> None:
    gimbal("models", "pull", NAME, "--mirror", hub.url)
    assert gimbal("models", "remove", NAME, "--json").json["freed_bytes"] > 0
    assert not (Home(gimbal.home).estimators / NAME).exists()
    assert gimbal("models", "remove", NAME, "--json").code == gimbal("models", "remove", "toybox-depth").code == 1


def test_a_repository_that_is_no_estimator_is_never_offered(gimbal: Gimbal, hub: FakeHub) -> None:
    hub.files[f"{REPOSITORY}/config.json"] = b'{"model_type": "bert"}'
    answer = gimbal("models", "pull", NAME, "--mirror", hub.url, "--json")
    assert answer.code == 1 and "not a whole Depth Anything V2" in answer.json["error"]["message"]
    assert not (Home(gimbal.home).estimators / NAME).exists()


def test_offline_nobody_is_asked(gimbal: Gimbal, hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIMBAL_OFFLINE", "1")
    answer = gimbal("models", "pull", NAME, "--mirror", hub.url, "--json")
    assert answer.code == 1 and "offline" in answer.json["error"]["message"] and not hub.asked


def test_every_published_estimator_is_of_a_kind_that_is_run_here(tmp_path: Path) -> None:
    known = published(tmp_path)
    assert {one.kind for one in known} == set(FAMILIES.values())
    assert len({one.id for one in known}) == len(known) and all(one.source.download_bytes > 0 for one in known)
