"""What one process does of every training batch, and the mean of what several found."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, distributed

from bench.errors import UserError


@dataclass(frozen=True)
class Share:
    """What of every batch a process does: the rank-th of `size` equal shares, in `parts` steps of less memory each."""

    rank: int = 0
    size: int = 1
    parts: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes."""
        return self.rank == 0

    @property
    def whole(self) -> bool:
        """Whether a step is done as it is."""
        return self.size == self.parts == 1

    def of(self, batch: int) -> range:
        """Places of this process in a batch of so many. Raises UserError when it cannot be shared equally."""
        if batch % self.size:
            raise UserError(f"a batch of {batch} cannot be shared equally by {self.size} processes; change train.batch")
        share = batch // self.size
        return range(self.rank * share, (self.rank + 1) * share)

    def average(self, tensors: list[Tensor]) -> None:
        """Replace tensors by their means over all processes, in one message."""
        if self.size == 1 or not tensors:
            return
        flat = torch.cat([each.detach().reshape(-1) for each in tensors])
        distributed.all_reduce(flat)  # a sum: gloo has no mean
        flat /= self.size
        for each, mean in zip(tensors, flat.split([each.numel() for each in tensors]), strict=True):
            each.detach().copy_(mean.view(each.shape))
