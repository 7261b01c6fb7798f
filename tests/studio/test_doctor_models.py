"""What the doctor says a machine can run, on simulated machines and over every card that the families know."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.models.catalog import Catalog
from pipelines.models.device import DeviceFacts
from pipelines.models.installed import Installed
from studio.bench.models import MEMORIES, decided, decisions, simulated
from studio.doctor_models import chances, described, for_more, summary

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
