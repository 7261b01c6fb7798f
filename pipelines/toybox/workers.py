"""Several processes that train one model: each works on its share of a batch, and their gradients are averaged.

    export WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=29510
    RANK=1 python -m pipelines.toybox.train_transformer --threads 1 ... &
    RANK=0 python -m pipelines.toybox.train_transformer --threads 1 ...

On a busy machine two processes of one thread each lose less time to waiting than one process of two threads.
"""

import os
from collections.abc import Sequence

import torch
import torch.distributed as group
from torch import Tensor, nn


class Workers:
    """The processes of this run as the environment tells them (as `torchrun` would); one alone where it does not."""

    def __init__(self) -> None:
        self.count = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        if self.count > 1:
            group.init_process_group("gloo")

    def share(self, batch: Tensor) -> Tensor:
        """This process's part of something of the whole batch; the batch must divide by the processes."""
        return batch[self.rank :: self.count]

    @torch.no_grad()
    def average(self, parameters: Sequence[nn.Parameter], loss: float) -> float:
        """Average the gradients in place; returns the mean loss."""
        if self.count == 1:
            return loss
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = torch.cat([*[gradient.flatten() for gradient in gradients], gradients[0].new_tensor([loss])])
        group.all_reduce(flat)
        flat /= self.count
        start = 0
        for gradient in gradients:
            gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
            start += gradient.numel()
        return float(flat[-1])

    def any(self, asked: bool) -> bool:
        """Whether this holds in any of the processes."""
        if self.count == 1:
            return asked
        told = torch.tensor(float(asked))
        group.all_reduce(told)
        return bool(told > 0)

    def close(self) -> None:
        """Leave the group."""
        if self.count > 1:
            group.destroy_process_group()
