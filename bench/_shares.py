"""Shares of pairs of nets and samples that were fooled, pooled, with intervals that are drawn over samples.

Examples of one sample on several nets are not independent, and methods are compared on the same samples; so whole
samples are drawn, for all methods the same.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

__all__ = ["joined", "saved", "show"]


def show(title: str, counts: dict[str, Tensor], control: str) -> None:
    """Pooled shares with intervals, and what each gains over the control, paired.

    Args:
        title: Of the table.
        counts: By name for each pair and sample 1 if fooled, 0 if not, NaN if it does not count, `(pairs, N)`.
        control: The name that the others are compared with.
    """
    samples = counts[control].shape[1]
    draws = torch.randint(samples, (2000, samples), generator=torch.Generator().manual_seed(0))
    print(f"| {title} | fooled | more than {control} |\n|---|---|---|")
    pooled = {name: _pooled(each, draws) for name, each in counts.items()}
    for name, each in sorted(pooled.items(), key=lambda item: -float(item[1][0])):
        gain = each - pooled[control]
        print(
            f"| {name} | {each[0]:.1%} ({_span(each[1:])}) | {gain[0]:+.1%} ({_span(gain[1:])}) |", flush=True
        )


def saved(counts: dict[str, Tensor], file: Path) -> None:
    """Write outcomes down, so that those of other samples can be pooled with them."""
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: each.contiguous() for name, each in counts.items()}, file)


def joined(files: list[Path]) -> dict[str, Tensor]:
    """The outcomes of several files as one, of the methods that all have: other samples, and as many pairs in each."""
    pieces = [load_file(file) for file in files]
    shared = [name for name in pieces[0] if all(name in piece for piece in pieces)]
    return {name: torch.cat([piece[name] for piece in pieces], 1) for name in shared}


def _pooled(each: Tensor, draws: Tensor) -> Tensor:
    """The pooled share, then that of 2,000 draws of the samples with replacement."""
    good, hits = (~each.isnan()).float().sum(0), each.nan_to_num().sum(0)
    return torch.cat([(hits.sum() / good.sum())[None], hits[draws].sum(1) / good[draws].sum(1)])


def _span(drawn: Tensor) -> str:
    low, high = drawn.quantile(torch.tensor([0.025, 0.975])).tolist()
    return f"{low:.1%} to {high:.1%}"
