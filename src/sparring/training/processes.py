"""Several processes that train one model, as `torchrun` starts them: each learns from its share of every minibatch.

Gradients are added up here rather than by DistributedDataParallel, which wraps the model and allows one forward and one
backward per update: adversarial training makes many.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn

__all__ = ["Team", "team"]


@dataclass(frozen=True)
class Team:
    """This process among `size` others; alone, everything here does nothing.

    Args:
        rank: Number of this process, from 0.
        size: How many there are.
    """

    rank: int = 0
    size: int = 1

    def share(self, rows: Tensor) -> Tensor:
        """The rows of this process; shares differ by one row at most."""
        return rows.tensor_split(self.size)[self.rank]

    def whole(self, mine: Tensor, rows: Tensor) -> Tensor:
        """What all processes have for `rows`, from the values of each for its share."""
        if self.size == 1:
            return mine
        values = mine.new_zeros(len(rows))
        values.tensor_split(self.size)[self.rank].copy_(mine)
        distributed.all_reduce(values)
        return values

    def add(self, tensors: Iterable[Tensor]) -> None:
        """Replace tensors by their sums over all processes, in one message."""
        tensors = list(tensors)
        if self.size == 1 or not tensors:
            return
        flat = torch.cat([each.reshape(-1) for each in tensors])
        distributed.all_reduce(flat)
        for each, total in zip(tensors, flat.split([each.numel() for each in tensors]), strict=True):
            each.copy_(total.view_as(each))

    def level(self, model: nn.Module) -> None:
        """Let running statistics be the mean over all processes, so that all hold the same model."""
        statistics = [each for each in model.buffers() if each.is_floating_point()]
        for each in statistics:
            each.div_(self.size)
        self.add(statistics)

    def agreed(self, number: int) -> int:
        """The number that the first process has."""
        if self.size == 1:
            return number
        device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
        said = torch.tensor(number, device=device)
        distributed.broadcast(said, src=0)
        return int(said)

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.size > 1:
            distributed.barrier()


def team() -> Team:
    """The processes of `torch.distributed`, if its process group was made; else this one alone."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return Team()
    return Team(distributed.get_rank(), distributed.get_world_size())
