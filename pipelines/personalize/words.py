"""New words of a text encoder: rows that stand in for tokens, put there by hooks so that the encoder stays as it is.

The same text comes out as if the tokens had been added to the tokenizer and the rows to the embedding table
("textual inversion", Gal et al. 2022), without a copy of a table that can hold gigabytes.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from tokenizers import AddedToken
from torch import Tensor, nn

from pipelines.models.remember import forget, remember


class Words:
    """Rows (k, d) for each token, worn by a text encoder from `put_on` to `take_off`."""

    def __init__(self, tokenizer: Any, encoder: nn.Module, rows: Mapping[str, Tensor]) -> None:
        self.rows = dict(rows)
        self._encoder = encoder
        self._tables = _tables(encoder, tokenizer)
        self._remembers = False
        self._places = {token: places(token, len(value)) for token, value in self.rows.items()}
        self.tokenizer = copy.deepcopy(tokenizer)
        names = [place for group in self._places.values() for place in group]
        self.tokenizer.add_tokens([AddedToken(name, normalized=False, special=False) for name in names])
        self._ids = torch.tensor(self.tokenizer.convert_tokens_to_ids(names))
        self._hooks: list[Any] = []
        self._known: Tensor | None = None

    def text(self, prompt: str) -> str:
        """A prompt with each token written as the places of its rows."""
        for token, names in self._places.items():
            prompt = prompt.replace(token, " ".join(names))
        return prompt

    def put_on(self) -> None:
        """Have the encoder read the rows wherever one of the places stands.

        What it remembers of texts is put aside: the same ids mean other rows with another subject.
        """
        self._remembers = getattr(self._encoder.__dict__.get("forward"), "inner", None) is not None
        forget(self._encoder, entirely=False)
        for table in self._tables:
            self._hooks.append(table.register_forward_pre_hook(self._before))
            self._hooks.append(table.register_forward_hook(self._after))

    def take_off(self) -> None:
        """Leave the encoder as it was."""
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()
        if self._remembers:
            remember(self._encoder)

    def _before(self, module: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
        ids = given[0]
        self._known = ids
        mine = torch.isin(ids, self._ids.to(ids.device))
        return (ids.masked_fill(mine, 0), *given[1:])

    def _after(self, module: nn.Module, given: tuple[Any, ...], states: Tensor) -> Tensor:
        ids, self._known = self._known, None
        assert ids is not None
        mine = self._ids.to(ids.device)
        if not bool(torch.isin(ids, mine).any()):
            return states
        rows = torch.cat(list(self.rows.values())).to(states.device, states.dtype)
        match = ids[..., None] == mine
        chosen = rows[match.int().argmax(-1)]
        return torch.where(match.any(-1, keepdim=True), chosen, states)


def places(token: str, count: int) -> tuple[str, ...]:
    """The words that stand for the rows of a token, in order: no prompt can hold them by itself."""
    return tuple(f"{token[:-1]}|{number}>" for number in range(count))


def begin(tokenizer: Any, encoder: nn.Module, class_word: str, count: int, seed: int) -> Tensor:
    """Rows (count, d) to begin with, float32: the mean of the class word's rows, each moved a little at random.

    The move has the size of the table's own scatter, so that a row that is never trained still tells subjects apart.
    """
    table = _tables(encoder, tokenizer)[0].weight.detach()
    middle = class_row(tokenizer, encoder, class_word)
    sample = table[: min(len(table), 4096)].float()
    spread = sample.std(0).mean()
    generator = torch.Generator("cpu").manual_seed(seed)
    moved = torch.randn(count, len(middle), generator=generator).to(middle.device)
    return 0.5 * middle + 0.5 * spread * moved


def class_row(tokenizer: Any, encoder: nn.Module, class_word: str) -> Tensor:
    """The mean (d,) of the rows of a class word's parts, float32."""
    ids = tokenizer(class_word, add_special_tokens=False).input_ids or [0]
    return _tables(encoder, tokenizer)[0].weight.detach()[ids].float().mean(0)


def _tables(encoder: nn.Module, tokenizer: Any) -> list[nn.Embedding]:
    """The encoder's tables of words (a shared one can hang there twice)."""
    rows = getattr(encoder.config, "vocab_size", 0)
    found = [m for m in encoder.modules() if isinstance(m, nn.Embedding) and m.num_embeddings == rows]
    if not found:
        raise ValueError("the text encoder has no table of words that is known")
    return found
