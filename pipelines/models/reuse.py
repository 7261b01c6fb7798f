"""Work of a denoiser that is done anew at some steps and taken over at those between. Needs torch.

The outputs of attention are taken over after "Pyramid Attention Broadcast" (Zhao et al. 2024), those of attention to
the words alone as the gentler half of it, and what the deep blocks add after "DeepCache" (Ma et al. 2023). diffusers'
own takes the pass with the prompt for the one without where one follows the other; here each keeps its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from diffusers.hooks._helpers import TransformerBlockRegistry
from diffusers.hooks.hooks import BaseState, HookRegistry, ModelHook, StateManager
from torch import Tensor, nn

from pipelines.domain.errors import OutOfMemory

_HOOK = "gimbal_reuse"
_SELF = ("attn1", "attn")
_WORDS = ("attn2",)


@dataclass(frozen=True, kw_only=True)
class Rhythm:
    """Which passes do the work anew: the `first` ones, those from number `last` on, and each `every`-th between."""

    every: int
    first: int
    last: int

    def is_anew(self, number: int) -> bool:
        """Whether pass `number`, counted from 0, does the work."""
        return number < self.first or number >= self.last or (number - self.first) % self.every == self.every - 1


@dataclass
class Tally:
    """How often layers were called, and in how many calls what they gave before was taken."""

    calls: int = 0
    reused: int = 0


class _Kept(BaseState):  # type: ignore[misc]
    """What one layer gave in one kind of pass."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.number = 0
        self.kept: Any = None


class _Layer(ModelHook):  # type: ignore[misc]
    """A layer whose output is taken over. most: bytes that it may keep for one kind of pass."""

    _is_stateful = True

    def __init__(self, rhythm: Rhythm, tally: Tally, most: int) -> None:
        super().__init__()
        self.states = StateManager(_Kept)  # found by its type where diffusers says which kind of pass begins
        self._rhythm, self._tally, self._most = rhythm, tally, most

    def new_forward(self, module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        state: _Kept = self.states.get_state()
        anew = self._rhythm.is_anew(state.number) or state.kept is None
        state.number += 1
        self._tally.calls += 1
        if not anew:
            self._tally.reused += 1
            return state.kept
        state.kept = self.fn_ref.original_forward(*args, **kwargs)
        _refuse_above(self._most, state.kept)
        return state.kept

    def reset_state(self, module: nn.Module) -> nn.Module:
        self.states.reset()
        return module


class _Deep(ModelHook):  # type: ignore[misc]
    """One of a row of blocks; when the row is passed over, its first block adds what all of them added before.

    What a pipeline puts in between the blocks (such as the hints of a control branch) it still does.
    """

    _is_stateful = True

    def __init__(self, states: StateManager, rhythm: Rhythm, tally: Tally, is_first: bool) -> None:
        super().__init__()
        self.states = states
        self._rhythm, self._tally, self._is_first = rhythm, tally, is_first

    def initialize_hook(self, module: nn.Module) -> nn.Module:
        self._about = TransformerBlockRegistry.get(type(module))
        return module

    def new_forward(self, module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        state: _Row = self.states.get_state()
        if self._is_first:
            state.begin(self._rhythm)
        given = self._streams(args, kwargs)
        self._tally.calls += 1
        if state.anew:
            output = self.fn_ref.original_forward(*args, **kwargs)
            state.add(self._gained(output, given))
            return output
        self._tally.reused += 1
        if self._is_first:
            given = [before + gained for before, gained in zip(given, state.gained, strict=True)]
        return self._output(given)

    def reset_state(self, module: nn.Module) -> nn.Module:
        self.states.reset()
        return module

    def _streams(self, args: Any, kwargs: Any) -> list[Tensor]:
        names = ["hidden_states"]
        if self._about.return_encoder_hidden_states_index is not None:
            names.append("encoder_hidden_states")
        return [self._about._get_parameter_from_args_kwargs(name, args, kwargs) for name in names]

    def _places(self) -> list[int]:
        places = (self._about.return_hidden_states_index, self._about.return_encoder_hidden_states_index)
        return [place for place in places if place is not None]

    def _gained(self, output: Any, given: list[Tensor]) -> list[Tensor]:
        found = [output[place] for place in self._places()] if isinstance(output, tuple) else [output]
        return [after - before for after, before in zip(found, given, strict=True)]

    def _output(self, streams: list[Tensor]) -> Any:
        if len(streams) == 1:
            return streams[0]
        by_place = dict(zip(self._places(), streams, strict=True))
        return tuple(by_place[place] for place in sorted(by_place))


class _Row(BaseState):  # type: ignore[misc]
    """What a row of blocks added together in one kind of pass."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.number = 0
        self.anew = True
        self.gained: list[Tensor] = []

    def begin(self, rhythm: Rhythm) -> None:
        self.anew = rhythm.is_anew(self.number) or not self.gained
        self.number += 1
        if self.anew:
            self.gained = []

    def add(self, gained: list[Tensor]) -> None:
        self.gained = [a + b for a, b in zip(self.gained, gained, strict=True)] if self.gained else gained


@contextmanager
def reusing_attention(
    denoiser: nn.Module, own: Rhythm | None, words: Rhythm, tally: Tally, room: Callable[[], int]
) -> Iterator[None]:
    """Take over what attention gave; own: of the clip to itself, None = always done; words: to the words.

    room: bytes that may be kept. Raises ValueError for a denoiser without such layers, OutOfMemory in the first pass
    where what is kept would not fit.
    """
    blocks = blocks_of(denoiser)
    layers = [(part, words) for block in blocks for name, part in block.named_children() if name in _WORDS]
    if own is not None:
        layers += [(part, own) for block in blocks for name, part in block.named_children() if name in _SELF]
    if not layers:
        raise ValueError("it looks at the words and at the clip in one")
    most = room() // (2 * len(layers))  # with the prompt and without
    with _hooked(denoiser, [(part, _Layer(rhythm, tally, most)) for part, rhythm in layers]):
        yield


@contextmanager
def reusing_deep_blocks(denoiser: nn.Module, rhythm: Rhythm, tally: Tally) -> Iterator[None]:
    """Take over what the inner half of the blocks adds. Raises ValueError where diffusers does not describe them."""
    blocks = blocks_of(denoiser)
    outer = len(blocks) // 4
    row = blocks[max(1, outer) : len(blocks) - outer]
    states = StateManager(_Row)
    with _hooked(denoiser, [(block, _Deep(states, rhythm, tally, block is row[0])) for block in row]):
        yield


def blocks_of(denoiser: nn.Module) -> list[nn.Module]:
    """The blocks that a clip passes through one after another. Raises ValueError where they are in no list."""
    lists = [list(child) for child in denoiser.children() if isinstance(child, nn.ModuleList) and len(child) > 1]
    if not lists:
        raise ValueError("its blocks are not in a list")
    return max(lists, key=len)


@contextmanager
def _hooked(denoiser: nn.Module, hooks: Sequence[tuple[nn.Module, ModelHook]]) -> Iterator[None]:
    root = HookRegistry.check_if_exists_or_initialize(denoiser)
    with ExitStack() as undo:
        undo.callback(root.invalidate_child_registries_cache)
        for part, hook in hooks:
            registry = HookRegistry.check_if_exists_or_initialize(part)
            registry.register_hook(hook, _HOOK)
            undo.callback(registry.remove_hook, _HOOK, recurse=False)
        root.invalidate_child_registries_cache()
        yield


def _refuse_above(most: int, kept: Any) -> None:
    tensors = [kept] if isinstance(kept, Tensor) else [part for part in kept if isinstance(part, Tensor)]
    size = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    if size > most:
        message = f"Each layer would keep {size / 1e6:.0f} MB for this draft; there is room for {most / 1e6:.0f} MB."
        raise OutOfMemory(message, "Make the draft by first_block, which keeps next to nothing, or a smaller clip.")
