"""What the commands say: usage, models, jobs, doctor, the window."""

from __future__ import annotations

import json
import os
import signal
import sys
import urllib.request
from pathlib import Path

import pytest

from pipelines.families import NAMES
from studio.cli import COMMANDS, main, parser
from studio.cli.console import Console
from tests.pipelines import tiny
from tests.studio.cli.conftest import Gimbal


def test_help_names_every_command() -> None:
    text = parser().format_help()
    assert all(command in text for command in (*COMMANDS, "test"))


@pytest.mark.parametrize(
    "arguments", [["generate"], ["nonsense"], ["generate", "x", "--size", "17"], ["--port", "70000"]]
)
def test_wrong_usage_ends_with_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*arguments, "--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert told["error"]["kind"] == "Usage" and "usage:" in told["error"]["hint"]


def test_json_may_stand_before_or_after_the_command() -> None:
    for arguments in (["--json", "models"], ["models", "--json"], ["models", "list", "--json"]):
        assert parser().parse_args(arguments).json


def test_a_table_lines_up_its_columns(capsys: pytest.CaptureFixture[str]) -> None:
    Console(as_json=False).table(("name", "n"), [("a", 5), ("longer", 123)])
    assert capsys.readouterr().out.splitlines() == ["name      n", "a         5", "longer  123"]


def test_models_lists_cards_and_broken_folders(gimbal: Gimbal, tmp_path: Path) -> None:
    broken = tiny.write(tmp_path / "broken")
    added = gimbal("models", "add", broken, "--json")
    assert [model["title"] for model in added.json["models"]] == ["Tiny"]
    (broken / "vae" / "config.json").unlink()
    told = gimbal("models", "--json").json
    assert [model["id"] for model in told["models"]] == ["tiny"]
    assert {model["family"] for model in told["models"]} <= set(NAMES)
    assert [folder["folder"] for folder in told["broken"]] == [str(broken)]
    assert told["broken"][0]["message"]


def test_a_paused_queue_says_how_to_go_on(gimbal: Gimbal) -> None:
    assert gimbal("jobs", "pause", "--json").json["paused"]
    waiting = gimbal("generate", "a ball", "--json")
    assert waiting.code == 1 and "paused" in waiting.json["error"]["message"]
    job = gimbal("jobs", "--json").json["jobs"][0]
    assert job["state"] == "queued"
    assert gimbal("jobs", "cancel", job["id"][:6], "--json").json["state"] == "stopped"
    assert not gimbal("jobs", "resume", "--json").json["paused"]


def test_doctor_looks_at_everything_and_finds_this_machine_fit(gimbal: Gimbal) -> None:
    answer = gimbal("doctor", "--json")
    found = {finding["name"]: finding for finding in answer.json["findings"]}
    assert {"python", "packages", "torch", "memory", "disk", "encoders", "data folder", "history", "models"} <= set(
        found
    )
    for name in ("python", "torch", "encoders", "history", "models"):
        assert found[name]["state"] == "ok", found[name]
    assert all(finding["remedy"] for finding in found.values() if finding["state"] != "ok")
    assert not gimbal.home.exists()


def test_doctor_tells_a_damaged_history(gimbal: Gimbal) -> None:
    gimbal.home.mkdir()
    (gimbal.home / "gimbal.sqlite3").write_bytes(b"SQLite format 3\0" + os.urandom(8000))
    answer = gimbal("doctor", "--json")
    assert answer.code == 1 and not answer.json["ok"]
    failed = [finding for finding in answer.json["findings"] if finding["state"] == "fail"]
    assert [finding["name"] for finding in failed] == ["history"] and failed[0]["remedy"]


def test_a_second_launch_finds_the_first_and_a_command_uses_its_worker(gimbal: Gimbal) -> None:
    if sys.platform == "win32":
        pytest.skip("signals of POSIX")
    window = gimbal.start("--no-browser", "--port", "0", "--json")
    try:
        assert window.stdout is not None
        told = json.loads(window.stdout.readline())
        with urllib.request.urlopen(told["url"]) as page:
            assert page.status == 200
        second = gimbal("--no-browser", "--json").json
        assert second["already_open"] and second["url"] == told["url"]
        made = gimbal("generate", "a ball", "--json")
        assert made.code == 0, made.err
        assert (gimbal.home / "logs" / "worker.log").exists()
    finally:
        window.send_signal(signal.SIGTERM)
        out, err = window.communicate(timeout=60)
    assert window.returncode == 0, err
    assert "Traceback" not in err
