"""What the doctor says a machine can run, on simulated machines and over every card that the families know."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pipelines.models import device as devices
from pipelines.models.catalog import Catalog
from pipelines.models.device import DeviceFacts
from pipelines.models.installed import Installed
from studio import doctor
from studio.bench.models import MEMORIES, decided, decisions, simulated
from studio.doctor_models import chances, described, for_more, summary
from studio.settings import Settings

ASSETS = Path(__file__).resolve().parents[2] / "assets"


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return Catalog(ASSETS, (), tmp_path_factory.mktemp("home"))


def test_a_larger_card_runs_at_least_what_a_smaller_one_runs_and_no_slower(catalog: Catalog) -> None:
    before: dict[str, float] = {}
    for memory in MEMORIES:
        found = {c.card.id: c.seconds for c in chances(catalog, simulated(memory), Installed()) if c.verdict != "no"}
        assert before.keys() <= found.keys()
        assert all(found[name] <= seconds for name, seconds in before.items())
        before = found
    assert "toybox" in before


def test_the_table_of_decisions_keeps_its_promises() -> None:
    promises = [measure for measure in decisions(ASSETS) if measure.promise]
    assert len(promises) == 2 and all(measure.verdict == "kept" for measure in promises)


def test_every_decision_is_told_in_words_with_numbers(catalog: Catalog) -> None:
    for card in (*catalog.cards(), *catalog.published()):
        for memory in (4, 24):
            found = decided(card, memory)
            assert found is None or (found.told and ("GB" in found.told or found.way.placement == "resident"))


@pytest.mark.parametrize(
    ("device", "installed", "said"),
    [
        (simulated(24), Installed(), "sageattention"),
        (simulated(24), Installed(sage=True, triton=True, torchao=True), ""),
        (DeviceFacts(**{**vars(simulated(80)), "capability": 9.0}), Installed(), "FlashAttention 3"),
        (
            DeviceFacts(**{**vars(simulated(8)), "kind": "cpu", "capability": 0.0, "note": "Old driver."}),
            Installed(),
            "Old",
        ),
    ],
)
def test_what_to_install_for_more_is_said(device: DeviceFacts, installed: Installed, said: str) -> None:
    told = " ".join(for_more(device, installed))
    assert said in told if said else told == ""
    assert "GiB" in described(device, installed)


def test_a_machine_too_small_for_most_is_told_which(catalog: Catalog) -> None:
    found = chances(catalog, simulated(2), Installed())
    assert "toybox" in summary(found, "runs")
    published = {card.id for card in catalog.published()}
    assert {chance.card.id for chance in found if chance.verdict == "no"} & published or not published


@pytest.fixture
def a_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An NVIDIA card as its own tool tells it, and a torch that was built for cards but finds none."""
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'Some card, 24564, 24000, 8.9'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    build = tmp_path / "torch-2.13.0.dist-info"  # as pip names a build that is not for CPUs alone
    build.mkdir()
    (build / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 2.13.0\n")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="the tool is a shell script")
@pytest.mark.skipif(devices.measure().kind == "cuda", reason="there is a card that torch reaches")
@pytest.mark.usefixtures("a_card")
def test_a_card_whose_driver_is_too_old_is_told_and_nothing_is_promised_of_it(tmp_path: Path) -> None:
    assert devices.measure_without_torch().kind == "cuda"
    measured = devices.measure()
    assert measured.kind == "cpu" and "driver is too old" in measured.note
    settings = Settings.read({}, home=tmp_path, assets=ASSETS)
    found = {finding.name: finding for finding in doctor.examine(settings)}
    assert found["torch"].state == "warn" and "Update the NVIDIA driver" in found["torch"].remedy
    assert "driver is too old" in found["device"].remedy and "Some card" not in found["device"].told


def test_a_card_of_two_gigabytes_runs_what_is_small_and_says_what_is_not(catalog: Catalog) -> None:
    found = chances(catalog, simulated(2), Installed())
    assert "toybox" in summary(found, "runs")
    large = next(chance for chance in found if chance.card.id == "wan-2.1-vace-14b")
    assert large.verdict == "no" and large.told
