"""What the cards of published checkpoints say, before anything was fetched."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.domain.capabilities import problems
from pipelines.domain.conditioning import CONDITIONING_TYPES
from pipelines.domain.errors import BrokenCheckpoint
from pipelines.families import NAMES, family_named
from pipelines.families.family import ModelCard
from tests.pipelines.conftest import smallest_request

HOME = Path("models")
CARDS = [card for name in NAMES for card in family_named(name).published(HOME)]


def refused() -> list[tuple[str, str]]:
    """Pipelines that are known and not served, by family."""
    served = {"wan": ("WanVideoToVideoPipeline",), "ltx": ("LTXLatentUpsamplePipeline",)}
    return [(name, pipeline) for name, pipelines in served.items() if name in NAMES for pipeline in pipelines]


def test_no_two_cards_share_a_name() -> None:
    assert len({card.id for card in CARDS}) == len(CARDS)


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.id)
def test_a_card_says_all_that_a_person_must_know(card: ModelCard) -> None:
    assert not card.is_here and card.folder == HOME / card.id
    assert card.title and card.summary and card.weaknesses and card.licence and card.settings_source
    source = card.source
    assert source is not None
    assert re.fullmatch(r"[\w.-]+/[\w.-]+", source.repository)
    assert re.fullmatch(r"([0-9a-f]{40})?", source.revision)
    assert source.download_bytes > 10**9
    assert source.non_commercial == ("no commercial" in card.licence)


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.id)
def test_a_card_has_a_reason_for_everything_it_lacks(card: ModelCard) -> None:
    can = card.capabilities
    assert can.needs <= can.conditionings
    for cls in CONDITIONING_TYPES:
        assert can.takes(cls.kind) or dict(can.lacks).get(cls.kind), cls.kind
    for kind in dict(can.lacks):
        assert not can.takes(kind), kind


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.id)
def test_its_defaults_are_a_request_it_serves_but_for_what_it_needs(card: ModelCard) -> None:
    grid, can = card.capabilities.grid, card.capabilities
    request = smallest_request(
        card,
        prompt=(card.examples or ("a red ball",))[0] if can.prompt else "",
        width=grid.sizes[0][0],
        height=grid.sizes[0][1],
        num_frames=grid.lengths[0],
        steps=int(can.steps.default),
    )
    assert {problem.field for problem in problems(request, can)} == set(can.needs)
    need = family_named(card.family).footprint(card, request)
    assert need.weights > 10**9 and need.flops > 10**12
    assert need.tiled_activations <= need.activations


@pytest.mark.parametrize(("name", "pipeline"), refused())
def test_a_checkpoint_of_the_wrong_kind_is_refused_by_name(name: str, pipeline: str, tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": pipeline}))
    assert family_named(name).recognises(tmp_path)
    with pytest.raises(BrokenCheckpoint, match=pipeline):
        family_named(name).card(tmp_path, "it")


def test_an_incomplete_checkpoint_names_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": "CogVideoXPipeline"}))
    with pytest.raises(BrokenCheckpoint, match="tokenizer"):
        family_named("cogvideox").card(tmp_path, "it")


def test_the_cards_are_read_without_torch() -> None:
    code = (
        "import sys; from pathlib import Path; from pipelines.families import NAMES, family_named\n"
        "for name in NAMES: family_named(name).published(Path('m'))\n"
        "assert not {'torch', 'diffusers', 'transformers'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3]).returncode == 0
