"""Scanned and trusted samples in one pool, so that nothing that follows can tell them apart."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from sparring.data import Samples
from sparring.draws import Draws, row_keys
from sparring.errors import DataError

__all__ = ["Pool", "pool_of"]


@dataclass(frozen=True, eq=False)
class Pool:
    """N samples in a drawn order.

    Args:
        samples: All of them.
        trusted: (N,) bool.
        places: (N,), where each of them stands in the scanned samples; -1 for trusted ones.
        repeated: How many scanned samples were left out because they are among the trusted ones.
    """

    samples: Samples
    trusted: Tensor
    places: Tensor
    repeated: int = 0


def pool_of(scanned: Samples, trusted: Samples | None, seed: int = 0) -> Pool:
    """Mix them in an order that depends on names and seed alone; who is in both counts as trusted.

    Raises:
        DataError: Their shapes differ, or nothing is left to scan.
    """
    if trusted is None:
        places = _order(scanned, seed)
        return Pool(scanned.select(places), torch.zeros(len(scanned), dtype=torch.bool), places)
    if trusted.domain.shape != scanned.domain.shape:
        raise DataError(
            f"trusted samples have shape {trusted.domain.shape} but scanned ones {scanned.domain.shape}; "
            "give trusted samples of the same kind"
        )
    known = set(zip(trusted.ids, trusted.labels.tolist(), strict=True))
    new = [
        place
        for place, each in enumerate(zip(scanned.ids, scanned.labels.tolist(), strict=True))
        if each not in known
    ]
    if not new:
        raise DataError("all samples are among the trusted ones, so there is nothing to scan")
    kept = scanned.select(new)
    names = (
        trusted.ids
        if not set(trusted.ids) & set(kept.ids)
        else tuple(f"trusted-{name}" for name in trusted.ids)
    )
    both = replace(
        kept.having(torch.cat([kept.inputs, trusted.inputs])),
        labels=torch.cat([kept.labels, trusted.labels]),
        ids=(*kept.ids, *names),
        index=torch.arange(len(kept) + len(trusted)),
    )
    places = torch.cat([torch.tensor(new), torch.full((len(trusted),), -1)])
    order = _order(both, seed)
    return Pool(both.select(order), places[order] < 0, places[order], len(scanned) - len(new))


def _order(samples: Samples, seed: int) -> Tensor:
    keys = Draws(row_keys(seed, samples.ids, "pool"))
    return keys.uniform(torch.zeros(len(samples), dtype=torch.float64)).argsort()
