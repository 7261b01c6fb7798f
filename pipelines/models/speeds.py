"""How fast a CUDA device computes and copies: measured once in well under a second, when a worker starts. Needs torch.

The numbers order the ways to place a model and feed the first estimates; past runs replace them.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

_SIDE = 4096
_COPIED = 256 * 2**20
_REPEATS = 5


def cuda_speeds() -> tuple[float, float, float]:
    """(operations of bfloat16 matrix products, bytes of its own memory, bytes from locked main memory), per second.

    Zeros for what cannot be measured because the memory is full.
    """
    return tuple(_or_zero(measure) for measure in (_products, _own_memory, _link))  # type: ignore[return-value]


def _or_zero(measure: Callable[[], float]) -> float:
    try:
        return measure()
    except RuntimeError:  # out of memory among them: a device in use is no error
        return 0.0
    finally:
        torch.cuda.empty_cache()


def _products() -> float:
    a = torch.randn(_SIDE, _SIDE, device="cuda", dtype=torch.bfloat16)
    return 2 * _SIDE**3 / _seconds(lambda: a @ a)


def _own_memory() -> float:
    a = torch.empty(_COPIED, device="cuda", dtype=torch.uint8)
    b = torch.empty_like(a)
    return 2 * _COPIED / _seconds(lambda: b.copy_(a))


def _link() -> float:
    a = torch.empty(_COPIED, dtype=torch.uint8, pin_memory=True)
    b = torch.empty(_COPIED, device="cuda", dtype=torch.uint8)
    return _COPIED / _seconds(lambda: b.copy_(a, non_blocking=True))


def _seconds(work: Callable[[], object]) -> float:
    """Of one call, after a first one that warms up."""
    work()
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(_REPEATS):
        work()
    torch.cuda.synchronize()
    return (time.perf_counter() - began) / _REPEATS
