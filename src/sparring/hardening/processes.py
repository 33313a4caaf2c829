"""Started by `torchrun`, several processes train one model; started otherwise, there is one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import distributed

__all__ = ["processes"]


@contextmanager
def processes() -> Iterator[bool]:
    """Join the others, if there are any; whether this is the first, who writes and speaks."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield True
        return
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    distributed.init_process_group("nccl" if cuda else "gloo")
    try:
        yield distributed.get_rank() == 0
    finally:
        distributed.destroy_process_group()
