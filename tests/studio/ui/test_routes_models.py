"""The routes of the shelf: LoRA that are dropped on the window, named, weakened, taken out and brought back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from safetensors.numpy import save_file

from studio.studio import Studio
from tests.studio.shelf.samples import write_lora


@pytest.fixture(autouse=True)
def _empty(studio: Studio) -> Iterator[None]:
    yield
    for kept in studio.loras.all():
        studio.loras.remove(kept.lora.digest)


def take(client: TestClient, path: Path, name: str | None = None) -> Any:
    return client.post("/gimbal/api/loras/take", params={"name": name or path.name}, content=path.read_bytes()).json()


def test_a_dropped_lora_is_kept_with_the_models_that_can_wear_it(client: TestClient, tmp_path: Path) -> None:
    path = write_lora(tmp_path / "ink.safetensors", told={"trigger": "ohwx"})
    told = take(client, path, "../../Ink & wash.SAFETENSORS")
    assert (told["kind"], told["lora"]["name"], told["lora"]["words"]) == ("lora", "Ink wash", ["ohwx"])
    assert "toybox" in told["lora"]["fits"]
    digest = told["lora"]["digest"]
    changed = client.post(f"/gimbal/api/loras/{digest}/change", json={"strength": 0.4, "name": "Wash"}).json()
    assert (changed["name"], changed["strength"]) == ("Wash", 0.4)
    assert client.post(f"/gimbal/api/loras/{digest}/change", json={"strength": 9}).status_code == 422
    client.post(f"/gimbal/api/loras/{digest}/remove")
    assert client.get("/gimbal/api/loras").json()["loras"] == []
    assert client.post(f"/gimbal/api/loras/{digest}/restore").json()["name"] == "Wash"
    assert client.post(f"/gimbal/api/loras/{'0' * 64}/remove").status_code == 404


def test_a_lora_of_a_model_that_is_not_here_is_kept_and_says_so(client: TestClient, tmp_path: Path) -> None:
    told = take(client, write_lora(tmp_path / "big.safetensors", width=5120))["lora"]
    assert (told["fits"], told["base"]) == ({}, "Wan 14B")


def test_what_may_be_a_subject_is_left_to_the_subjects(client: TestClient, tmp_path: Path) -> None:
    path = tmp_path / "rows.safetensors"
    save_file({"rows": np.ones((2, 8), np.float32)}, path)
    assert take(client, path) == {"kind": "subject"}


def test_a_pickle_is_refused_by_its_name(client: TestClient, tmp_path: Path) -> None:
    path = tmp_path / "evil.ckpt"
    path.write_bytes(b"\x80\x04}.")
    told = take(client, path)
    assert told["kind"] == "refused" and told["refused"]["message"].startswith("evil.ckpt is a pickle")


def test_a_page_learns_what_each_model_can_do_in_each_tab(client: TestClient) -> None:
    cards = client.get("/gimbal/api/start").json()["cards"]
    tabs = {card["id"]: {tab["tab"]: tab["why"] for tab in card["tabs"]} for card in cards}
    assert set(tabs["toybox"]) == {"text", "image", "camera", "control", "subject"}
    assert set(tabs["toybox"].values()) == {""}
    away = {each["id"]: each for each in client.get("/gimbal/api/models").json()["models"]}
    subject = {name: next(tab for tab in away[name]["tabs"] if tab["tab"] == "subject") for name in ("svd", "ltx-0.9")}
    assert subject["svd"]["why"] and "once it is here" in subject["ltx-0.9"]["lacks"][0]


def test_folders_are_added_from_this_machine_alone(client: TestClient) -> None:
    """The client of these tests has no address of this machine."""
    for path, body in (("add", {"path": "/etc"}), ("toybox/remove", {}), ("svd/discard", {})):
        answer = client.post(f"/gimbal/api/models/{path}", json=body)
        assert answer.status_code == 400 and "on the machine" in answer.json()["error"]["message"]


def test_a_page_learns_which_estimators_are_here_and_which_can_be_fetched(client: TestClient, project: str) -> None:
    told = {each["id"]: each for each in client.get("/gimbal/api/estimators").json()["estimators"]}
    assert told["canny"] | {"reads": "edges", "origin": "here", "licence": "", "job": None} == told["canny"]
    offered = told["depth-anything-v2-base"]
    assert (offered["origin"], offered["non_commercial"], offered["size"]) == ("away", True, 390_000_000)
    for path, words in (("nobody/fetch", "can be fetched"), ("vitpose-base-simple/verify", "not fetched by Gimbal")):
        answer = client.post(f"/gimbal/api/estimators/{path}", json={"project": project})
        assert answer.status_code >= 400 and words in str(answer.json())
    for path in ("vitpose-base-simple/remove", "vitpose-base-simple/discard"):
        answer = client.post(f"/gimbal/api/estimators/{path}", json={})
        assert answer.status_code == 400 and "on the machine" in answer.json()["error"]["message"]


def test_what_cannot_be_fetched_is_told(client: TestClient, project: str) -> None:
    for name, words in (("toybox", "here already"), ("nobody", "can be fetched")):
        answer = client.post(f"/gimbal/api/models/{name}/fetch", json={"project": project})
        assert answer.status_code == 404 and words in str(answer.json())
